//! Spark's CSV tokenizer: what univocity-parsers 2.9.1 makes of characters, state by state [3.2].
//!
//! A character is a UTF-16 unit, NUL stands for none, as in Java. Names of univocity's CsvParser are given where a
//! function follows one of it. Where univocity stops at the end of its input by an exception, a step here is an Err.

use crate::dialect::{Dialect, UnescapedQuotes};
use crate::error::Error::{self, *};

const NONE: u16 = 0;
const SPACE: u16 = b' ' as u16;
/// The byte order mark.
pub const BOM: u16 = 0xfeff;

/// The characters that univocity holds at a time. Its shortcuts do not reach across.
const BUFFER: usize = 1 << 20;

/// Takes the tokens of a record.
pub trait Sink {
    /// Whether the column's value is wanted. Of others only the end is looked for.
    fn selected(&self, column: usize) -> bool;

    /// Takes the token of a column that is selected; None is null, whatever `nullValue` is.
    fn token(&mut self, column: usize, text: Option<&[u16]>) -> Result<(), Error>;
}

/// What there is at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record of so many tokens.
    Record(usize),
    /// A line that the tokenizer takes for a comment after all: a record without tokens [6.11].
    Comment,
    /// An empty line or, with `multi_line`, a comment.
    Nothing,
    /// It is not known yet: more characters follow.
    Incomplete,
}

enum Stop {
    /// The input's end.
    End,
    /// The end of what is known of the input.
    Unknown,
    /// The record is complete although its line end was not met.
    Complete,
    Fail(Error),
}

type Step = Result<(), Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Fail(error)
    }
}

/// The tokens of one record.
pub struct Tokenizer<'a, S> {
    dialect: &'a Dialect,
    /// One character that separates, or NUL where there are several.
    separator: u16,
    escape_escape: u16,
    /// What ends a record; univocity's normalized newline.
    newline: u16,
    /// `nullValue` and `emptyValue` differ.
    distinct_empty: bool,
    units: &'a [u16],
    /// The input's end is that of `units`.
    whole: bool,
    next: usize,
    lines: usize,
    normalize: bool,
    c: u16,
    prev: u16,
    /// `prev` is not one that an earlier record may have left.
    prev_known: bool,
    unescaped: bool,
    matched: usize,
    text: Vec<u16>,
    /// The blanks at the end of `text` that do not count.
    blanks: usize,
    trim: bool,
    discard: bool,
    column: usize,
    sink: &'a mut S,
}

impl<'a, S: Sink> Tokenizer<'a, S> {
    /// A tokenizer for what begins at the start of `units`. With `whole` the input ends there as well.
    pub fn new(
        dialect: &'a Dialect,
        distinct_empty: bool,
        units: &'a [u16],
        whole: bool,
        sink: &'a mut S,
    ) -> Self {
        let one = dialect.separator.len() == 1;
        let newline = match dialect.line_separator.as_deref() {
            Some(&[one]) if !dialect.normalize => one,
            _ => u16::from(b'\n'),
        };
        let discard = !sink.selected(0);
        Tokenizer {
            dialect,
            separator: if one { dialect.separator[0] } else { NONE },
            escape_escape: dialect.escape_escape.unwrap_or(NONE),
            newline,
            distinct_empty,
            units,
            whole,
            next: 0,
            lines: 0,
            normalize: true,
            c: NONE,
            prev: NONE,
            prev_known: false,
            unescaped: false,
            matched: 0,
            text: Vec::new(),
            blanks: 0,
            trim: false,
            discard,
            column: 0,
            sink,
        }
    }

    /// The characters read so far.
    pub fn consumed(&self) -> usize {
        self.next
    }

    /// Reads a line, which is the whole input and not empty: `parseLine`. With `first` it is the first line that the
    /// tokenizer reads, from which a byte order mark is dropped. If that is all there is, a NUL is read.
    pub fn line(&mut self, first: bool) -> Result<Found, Error> {
        if first && self.units[0] == BOM {
            self.next = 1;
            if self.units.len() == 1 {
                self.units = &[NONE];
                self.next = 0;
            }
        }
        if self.dialect.separator.len() > 1 && self.units.contains(&self.dialect.quote) {
            return Err(Unsupported);
        }
        let begun = self.read();
        if begun.is_ok() && self.dialect.comment == Some(self.c) {
            return Ok(Found::Comment);
        }
        let outcome = begun.and_then(|()| self.fields());
        self.ended(outcome)?;
        Ok(Found::Record(self.column))
    }

    /// Reads a record that may have several lines, or a line that is none: a turn of `parseNext`.
    pub fn record(&mut self) -> Result<Found, Error> {
        if self.dialect.separator.len() > 1 {
            return Err(Unsupported);
        }
        match self.read() {
            Err(Stop::Unknown) => return Ok(Found::Incomplete),
            Err(Stop::Fail(error)) => return Err(error),
            Err(_) => return Ok(Found::Nothing),
            Ok(()) => {}
        }
        let outcome = if self.dialect.comment == Some(self.c) {
            self.skip_line()
        } else {
            self.fields()
        };
        Ok(match self.ended(outcome)? {
            false => Found::Incomplete,
            true if self.column == 0 => Found::Nothing,
            true => Found::Record(self.column),
        })
    }

    fn skip_line(&mut self) -> Step {
        // The comment's first character may be the line separator's.
        while self.lines == 0 {
            match self.read() {
                Err(Stop::End) => return Err(Stop::Complete),
                other => other?,
            }
        }
        Err(Stop::Complete)
    }

    /// `handleEOF`, when the input has ended: whether there is a last token, and which. False when the record may go on
    /// behind what is known of the input.
    fn ended(&mut self, outcome: Step) -> Result<bool, Error> {
        match outcome {
            Ok(()) | Err(Stop::Complete) => return Ok(true),
            Err(Stop::Unknown) => return Ok(false),
            Err(Stop::Fail(error)) => return Err(error),
            Err(Stop::End) => {}
        }
        let blank = self.c <= SPACE && self.dialect.trim_leading && !self.ends_field();
        if blank && self.distinct_empty && !self.prev_known {
            // What an earlier record has left decides whether this is null or empty [3.5.3].
            return Err(Unsupported);
        }
        if self.consume_at_end() || self.length() > 0 {
            self.value()?;
        } else {
            self.null()?;
        }
        Ok(true)
    }

    /// `consumeValueOnEOF`.
    fn consume_at_end(&mut self) -> bool {
        if self.c == self.dialect.quote {
            if self.prev == self.dialect.quote {
                return true;
            }
            if !self.unescaped {
                self.append(self.c);
            }
        }
        if self.matched > 0 {
            self.unmatch();
            return true;
        }
        let comment = self.dialect.comment.unwrap_or(u16::from(b'#'));
        self.prev != NONE && !self.ends_field() && self.c != comment
    }

    /// `parseSingleDelimiterRecord` and `parseMultiDelimiterRecord`.
    fn fields(&mut self) -> Step {
        let single = self.separator != NONE || self.dialect.separator.len() == 1;
        self.skip_blanks(single)?;
        while self.c != self.newline {
            self.skip_blanks(single)?;
            if self.c == self.newline
                || (single && self.c == self.separator)
                || (!single && self.matches()?)
            {
                self.null()?;
            } else {
                self.unescaped = false;
                self.prev = NONE;
                self.prev_known = true;
                if !single {
                    self.copy_to_separators()?;
                    // Where the input ends, several characters' separators leave the blanks [3.6.3].
                    self.trim = self.dialect.trim_trailing;
                    self.update_blanks();
                    self.trim = false;
                    self.value()?;
                } else if self.c == self.dialect.quote {
                    if self.quoted()? {
                        continue;
                    }
                } else {
                    self.unquoted()?;
                }
            }
            if self.c != self.newline {
                self.read()?;
                if self.c == self.newline {
                    self.null()?;
                }
            }
        }
        Ok(())
    }

    /// An unquoted field. It is null when nothing is left of it but, where the input ends, empty.
    fn unquoted(&mut self) -> Step {
        let start = self.next - 1;
        self.trim = self.dialect.trim_trailing;
        let before = self.text.len();
        self.copy([self.separator, self.newline])?;
        if self.next > start + 1 && self.lone_newline() {
            return Err(MixedLineEnds.into());
        }
        self.update_blanks();
        if !self.discard && before == 0 && self.length() == 0 && self.in_one_piece(start, self.next)
        {
            self.text.clear();
            self.blanks = 0;
            return Ok(self.null()?);
        }
        Ok(self.value()?)
    }

    /// Whether the current character is a `\n` where `\n` stands for another line end. Behind an unquoted value it ends the
    /// record or does not, as univocity's buffer happens to lie [2.3].
    fn lone_newline(&self) -> bool {
        let (separator, at) = (self.line_separator(), self.next - 1);
        let other = self.dialect.multi_line && separator[0] != self.newline;
        let second = separator.len() == 2 && at > 0 && self.units[at - 1] == separator[0];
        other && self.units[at] == self.newline && !second
    }

    /// A quoted field. True when the next field's first character was read already.
    fn quoted(&mut self) -> Result<bool, Stop> {
        self.normalize = self.normalizes_in_quotes();
        let open = self.next - 1;
        if let Some(close) = self.shortcut(open)? {
            let value = &self.units[open + 1..close];
            if self.discard {
                self.next_column(None)?;
            } else if value.is_empty() {
                self.value()?;
            } else {
                let value = Some(&self.units[open + 1..close]);
                self.next_column(value)?;
            }
            self.normalize = true;
            self.next = close + 1;
            if let Err(stop) = self.read() {
                return Err(if let Stop::End = stop {
                    Stop::Complete
                } else {
                    stop
                });
            }
            if self.c != self.separator {
                return Ok(true);
            }
            match self.read() {
                Err(Stop::End) => {
                    self.null()?;
                    return Err(Stop::Complete);
                }
                other => other?,
            }
            if self.c == self.newline {
                self.null()?;
            }
            return Ok(true);
        }
        self.trim = false;
        self.quoted_value()?;
        self.normalize = true;
        let back = self.dialect.unescaped_quotes == UnescapedQuotes::BackToDelimiter;
        if !(self.unescaped && back && self.length() == 0) {
            self.value()?;
        }
        Ok(false)
    }

    /// Where the quoted field that opens at `open` closes right before a separator or a line end, if univocity sees it at
    /// one glance: `getQuotedString`, `skipQuotedString`. For a field that is not selected it does not see that an escape
    /// may itself be escaped: `"a\\",b",c` is one field and `c`.
    fn shortcut(&self, open: usize) -> Result<Option<usize>, Stop> {
        let (quote, escape) = (self.dialect.quote, self.dialect.escape);
        let known = self.units.len();
        let end = match self.dialect.multi_line {
            true => known,
            false => known.min((open / BUFFER + 1) * BUFFER),
        };
        if !self.discard && !self.text.is_empty() {
            return Ok(None);
        }
        for at in open + 1..end {
            let c = self.units[at];
            let after = self.units[..end].get(at + 1).copied();
            if after.is_none() && !self.whole {
                return Err(Stop::Unknown);
            }
            if c == quote {
                if self.units[at - 1] != escape {
                    let most = self.dialect.max_chars.unwrap_or(usize::MAX);
                    let closes = after == Some(self.separator) || after == Some(self.newline);
                    let fits = self.discard || at - open - 1 <= most;
                    return Ok(Some(at).filter(|_| closes && fits));
                }
                if !self.discard {
                    return Ok(None);
                }
                continue;
            }
            let escapes = after == Some(quote) || after == Some(self.escape_escape);
            if (c == escape && !self.discard && escapes) || (self.normalize && self.ends_line(at)) {
                return Ok(None);
            }
        }
        match self.whole {
            true => Ok(None),
            false => Err(Stop::Unknown),
        }
    }

    /// Whether a line separator begins at a unit.
    fn ends_line(&self, at: usize) -> bool {
        self.dialect.multi_line && self.units[at..].starts_with(self.line_separator())
    }

    /// `parseQuotedValue`, each turn a call of it: all of its calls to itself are its last act.
    fn quoted_value(&mut self) -> Step {
        let (quote, escape) = (self.dialect.quote, self.dialect.escape);
        let handling = self.dialect.unescaped_quotes;
        let until_separator = !matches!(
            handling,
            UnescapedQuotes::StopAtClosingQuote | UnescapedQuotes::RaiseError
        );
        loop {
            if self.prev != NONE && until_separator {
                if handling == UnescapedQuotes::SkipValue {
                    return self.skip_value();
                }
                self.prepend(quote)?;
                self.read()?;
                self.trim = self.dialect.trim_trailing;
                return self.copy([self.separator, self.newline]);
            }
            self.read()?;
            let again = loop {
                if self.prev == quote && (self.c <= SPACE || self.ends_field()) {
                    break false;
                }
                if self.c == quote || self.c == escape {
                    self.escape()?;
                    self.prev = self.c;
                    self.read()?;
                    if self.unescaped && self.ends_field() {
                        return Ok(());
                    }
                    continue;
                }
                if self.prev == quote {
                    self.unescaped = true;
                    match handling {
                        UnescapedQuotes::BackToDelimiter => {
                            self.back_to_separator()?;
                            self.append(self.c);
                            self.prev = NONE;
                        }
                        UnescapedQuotes::StopAtClosingQuote | UnescapedQuotes::StopAtDelimiter => {
                            self.append(quote);
                            self.append(self.c);
                            self.prev = self.c;
                        }
                        UnescapedQuotes::SkipValue => return self.skip_value(),
                        UnescapedQuotes::RaiseError => return Err(UnescapedQuote.into()),
                    }
                    break true;
                }
                if self.prev == escape && escape != NONE {
                    self.append(escape);
                }
                self.copy([quote, escape, self.escape_escape])?;
                self.prev = self.c;
                self.read()?;
            };
            if !again {
                if self.ends_field() {
                    return Ok(());
                }
                let blanks = self.next - 1;
                while self.c <= SPACE && self.c != self.separator {
                    self.read()?;
                    if self.c == self.newline {
                        return Ok(());
                    }
                }
                if self.c == self.separator {
                    return Ok(());
                }
                if handling == UnescapedQuotes::RaiseError {
                    return Err(UnescapedQuote.into());
                }
                self.append(quote);
                for at in blanks..self.next - 1 {
                    self.append(self.units[at]);
                }
                if until_separator || (self.c != quote && self.c != escape) {
                    self.append(self.c);
                }
                self.prev = self.c;
            }
            if self.text.len() > self.dialect.max_chars.unwrap_or(usize::MAX) {
                return Err(TokenTooLong.into());
            }
        }
    }

    /// `processQuoteEscape`: a quote or an escape inside quotes.
    fn escape(&mut self) -> Step {
        if self.pair() {
            return Ok(());
        }
        match self.dialect.unescaped_quotes {
            UnescapedQuotes::SkipValue => self.skip_value(),
            UnescapedQuotes::RaiseError => Err(UnescapedQuote.into()),
            _ => {
                self.append(self.dialect.quote);
                self.prev = self.c;
                self.escaped_rest()
            }
        }
    }

    /// What a quote or an escape means after `prev`. False for an escape right after a quote.
    fn pair(&mut self) -> bool {
        let (quote, escape) = (self.dialect.quote, self.dialect.escape);
        if self.c == escape && self.prev == self.escape_escape && self.escape_escape != NONE {
            self.append(escape);
            self.c = NONE;
        } else if self.prev == escape {
            if self.c == quote {
                self.append(quote);
                self.c = NONE;
            } else {
                self.append(self.prev);
            }
        } else if self.prev == quote {
            if self.c != quote {
                return false;
            }
            self.append(quote);
        }
        true
    }

    /// `parseValueProcessingEscape`: what follows an escape that follows a quote, copied up to a separator, still
    /// un-escaping. The separator is swallowed, and one more for every further such pair, each of which is a call
    /// within the call.
    fn escaped_rest(&mut self) -> Step {
        let mut depth = 1;
        loop {
            if self.ends_field() {
                depth -= 1;
                if depth == 0 {
                    return Ok(());
                }
            } else if self.c == self.dialect.quote || self.c == self.dialect.escape {
                if !self.pair() {
                    self.append(self.dialect.quote);
                    self.prev = self.c;
                    depth += 1;
                    continue;
                }
            } else if self.prev == self.dialect.quote {
                self.append(self.dialect.quote);
                self.prev = self.c;
                continue;
            } else {
                self.append(self.c);
            }
            self.prev = self.c;
            self.read()?;
        }
    }

    /// BACK_TO_DELIMITER: what was read of the quoted value are values of their own, up to its last separator.
    fn back_to_separator(&mut self) -> Result<(), Error> {
        while !self.discard {
            let text = &self.text[..self.text.len() - self.blanks];
            let at = match text.iter().position(|&c| c == self.separator) {
                Some(at) => at,
                None => break,
            };
            let value: Vec<u16> = self.text[..at].to_vec();
            self.next_column(Some(&value))?;
            if !self.discard {
                self.text.drain(..=at);
            }
        }
        Ok(())
    }

    /// SKIP_VALUE: the token is null.
    fn skip_value(&mut self) -> Step {
        if !self.discard {
            self.text.clear();
            self.blanks = 0;
        }
        self.discard = true;
        self.copy([self.separator, self.newline])
    }

    fn skip_blanks(&mut self, single: bool) -> Step {
        if !self.dialect.trim_leading || self.c > SPACE {
            return Ok(());
        }
        let (first, stops) = (self.c, [self.newline, self.dialect.quote]);
        while self.c <= SPACE && !stops.contains(&self.c) && !(single && self.c == self.separator) {
            if let Err(stop) = self.read() {
                self.c = if single { first } else { self.c };
                return Err(stop);
            }
            if !single && self.dialect.separator[self.matched] == self.c && self.matches()? {
                self.null()?;
                self.read()?;
            }
        }
        self.unmatch();
        Ok(())
    }

    /// `matchDelimiter`: whether a separator of several characters begins here; its last becomes the current one.
    fn matches(&mut self) -> Result<bool, Stop> {
        while self.c == self.dialect.separator[self.matched] {
            self.matched += 1;
            if self.matched == self.dialect.separator.len() {
                self.matched = 0;
                return Ok(true);
            }
            self.read()?;
        }
        self.unmatch();
        Ok(false)
    }

    /// `saveMatchingCharacters`: what looked like a separator is data.
    fn unmatch(&mut self) {
        for at in 0..self.matched {
            self.append(self.dialect.separator[at]);
        }
        self.matched = 0;
    }

    /// `appendUntilMultiDelimiter`. It goes on after a character that does not match, never back.
    fn copy_to_separators(&mut self) -> Step {
        while self.c != self.newline {
            if self.dialect.separator[self.matched] == self.c {
                self.matched += 1;
                if self.matched == self.dialect.separator.len() {
                    self.matched = 0;
                    return Ok(());
                }
            } else if self.matched > 0 {
                self.unmatch();
                continue;
            } else {
                self.append(self.c);
            }
            self.read()?;
        }
        self.unmatch();
        Ok(())
    }

    /// `nextChar`.
    fn read(&mut self) -> Step {
        let mut c = match self.units.get(self.next) {
            Some(&c) => c,
            None if self.whole => return Err(Stop::End),
            None => return Err(Stop::Unknown),
        };
        if self.dialect.multi_line {
            let (separator, length) = (self.line_separator(), self.line_separator().len());
            if c == separator[0] {
                let second = self.units.get(self.next + 1);
                if length == 2 && second.is_none() && !self.whole {
                    return Err(Stop::Unknown);
                }
                if length == 1 || second == Some(&separator[1]) {
                    self.lines += 1;
                    if self.normalize {
                        c = self.newline;
                        self.next += length - 1;
                    }
                }
            }
        }
        self.next += 1;
        self.c = c;
        Ok(())
    }

    fn line_separator(&self) -> &'a [u16] {
        self.dialect
            .line_separator
            .as_deref()
            .unwrap_or(&[b'\n' as u16])
    }

    fn normalizes_in_quotes(&self) -> bool {
        !self.dialect.multi_line || self.dialect.normalize
    }

    /// `appendUntil`: appends from the current character on to one of `stops`, which becomes the current one. Where the
    /// input ends before, the current one stays.
    fn copy<const N: usize>(&mut self, stops: [u16; N]) -> Step {
        let first = self.c;
        while !stops.contains(&self.c) {
            self.append(self.c);
            if let Err(stop) = self.read() {
                self.c = first;
                self.check_length()?;
                return Err(stop);
            }
        }
        Ok(self.check_length()?)
    }

    fn ends_field(&self) -> bool {
        self.c == self.newline || (self.c == self.separator && self.dialect.separator.len() == 1)
    }

    fn append(&mut self, c: u16) {
        if !self.discard {
            self.text.push(c);
        }
    }

    fn prepend(&mut self, c: u16) -> Result<(), Error> {
        if !self.discard {
            self.text.insert(0, c);
        }
        self.check_length()
    }

    fn check_length(&self) -> Result<(), Error> {
        match self.dialect.max_chars {
            Some(most) if self.text.len() > most => Err(TokenTooLong),
            _ => Ok(()),
        }
    }

    /// Whether univocity's buffer holds all of the units from `from` to `to` when it has read the first of them.
    fn in_one_piece(&self, from: usize, to: usize) -> bool {
        self.dialect.multi_line || from / BUFFER == (to - 1) / BUFFER
    }

    fn update_blanks(&mut self) {
        if self.trim && !self.discard {
            let blanks = self.text.iter().rev().take_while(|&&c| c <= SPACE);
            self.blanks = blanks.count();
        }
    }

    /// The appender's length; univocity's is -1 where nothing is collected.
    fn length(&self) -> usize {
        if self.discard {
            0
        } else {
            self.text.len() - self.blanks
        }
    }

    /// `valueParsed`: the text is a token; the empty one when there is none.
    fn value(&mut self) -> Result<(), Error> {
        self.check_length()?;
        if self.discard {
            return self.next_column(None);
        }
        self.update_blanks();
        let mut text = std::mem::take(&mut self.text);
        let length = text.len() - self.blanks;
        self.blanks = 0;
        if length > 0 {
            self.next_column(Some(&text[..length]))?;
        } else {
            let empty: Vec<u16> = self.dialect.empty_value.encode_utf16().collect();
            self.next_column(Some(&empty))?;
        }
        text.clear();
        self.text = text;
        Ok(())
    }

    /// `emptyParsed`: a null token.
    fn null(&mut self) -> Result<(), Error> {
        self.next_column(None)
    }

    fn next_column(&mut self, token: Option<&[u16]>) -> Result<(), Error> {
        if self.column == self.dialect.max_columns {
            return Err(TooManyTokens);
        }
        if self.sink.selected(self.column) {
            self.sink.token(self.column, token)?;
        }
        self.column += 1;
        self.discard = !self.sink.selected(self.column);
        Ok(())
    }
}
