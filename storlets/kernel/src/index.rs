//! Finding records and fields by their structural bytes: separators and line ends outside of quotes.
//!
//! That is right for regular records: ASCII characters separate and quote, fields are quoted as a whole or not at all,
//! nothing is escaped but perhaps quotes by quotes. The fields of such a record are its bytes. The first record that
//! is not regular stops the index, to go on behind it.

use crate::dialect::{Dialect, Encoding};
use crate::field::{Field, Rows};
use crate::simd::{self, Before, Classes, Found, Isa, Records, Words, CHUNK, WORD};

const SPACE: u8 = b' ';

/// With more columns wanted than this, it pays to keep every structural byte's offset.
const FEW: usize = 6;

/// Where the index stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// At the limit, or at a record that is not complete.
    Done(usize),
    /// At a record, or line, that has to be looked at more closely.
    Irregular(usize),
}

/// The records found in one buffer.
#[derive(Default)]
pub struct Lines {
    /// Where each begins and ends, its line end not counted.
    pub spans: Vec<(u32, u32)>,
    pub malformed: Vec<bool>,
    /// Each one's number of tokens; with pruning, more than any.
    pub tokens: Vec<u32>,
    /// The numbers of those whose doubled quotes are still in their fields.
    pub doubled: Vec<usize>,
}

/// What is known of the structural bytes of one buffer.
pub struct Index {
    isa: Isa,
    classes: Classes,
    comment: Option<u8>,
    /// Lines of blanks are no records. An empty line never is one.
    skips_blanks: bool,
    /// `maxColumns`.
    most: usize,
    /// The number of tokens without which a record is malformed.
    expected: Option<usize>,
    bits: Vec<u64>,
    found: Found,
    /// For each record, how many kept offsets come before its own.
    firsts: Vec<u32>,
}

impl Index {
    /// An index for records of which `width` columns are wanted, or that are only counted. Without the `expected` number
    /// of tokens a record is malformed. None when the dialect has no regular records.
    pub fn new(
        dialect: &Dialect,
        width: usize,
        expected: Option<usize>,
        counting: bool,
    ) -> Option<Index> {
        let ascii = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii);
        let single = |units: &[u16]| match units {
            &[unit] => ascii(unit),
            _ => None,
        };
        let ends = match &dialect.line_separator {
            None => [b'\n', b'\r'],
            Some(separator) => [single(separator)?; 2],
        };
        let wide = match dialect.encoding {
            Encoding::Utf8 => false,
            Encoding::Latin1 | Encoding::Ascii => true,
            Encoding::Utf16Le | Encoding::Utf16Be => return None,
        };
        let comment = match dialect.comment {
            Some(unit) => Some(ascii(unit)?),
            None => None,
        };
        let classes = if counting {
            Classes {
                separator: ends[0],
                quote: ends[0],
                ends,
                escapes: [ends[0]; 2],
                unquoted: true,
                doubled: false,
                multi_line: false,
                trims: false,
                ascii: false,
            }
        } else {
            let (quote, escape) = (ascii(dialect.quote)?, ascii(dialect.escape)?);
            let doubled = quote == escape && dialect.escape_escape.is_none();
            // Where quotes escape themselves univocity may drop a NUL, which stands for no other escape.
            let escapes = match doubled {
                true => [0; 2],
                false => [escape, ascii(dialect.escape_escape.unwrap_or(0))?],
            };
            let separator = single(&dialect.separator)?;
            let special = [separator, quote, escapes[0], escapes[1]];
            let clear = !special.iter().any(|byte| ends.contains(byte))
                && !special[1..].contains(&separator)
                && !escapes.contains(&quote)
                // To univocity a NUL before a character is the lack of one.
                && quote != 0
                && escape != 0
                && dialect.max_chars.is_none()
                // Another line end is `\n` to the tokenizer, and `\n` is one or not [2.3].
                && (!dialect.normalize || ends[0] == b'\n');
            if !clear {
                return None;
            }
            Classes {
                separator,
                quote,
                ends,
                escapes,
                unquoted: false,
                doubled,
                multi_line: dialect.multi_line,
                trims: dialect.trim_leading || dialect.trim_trailing,
                ascii: wide,
            }
        };
        Some(Index {
            isa: Isa::best(),
            classes,
            comment,
            skips_blanks: !dialect.multi_line,
            most: dialect.max_columns,
            expected,
            bits: Vec::new(),
            found: Found::new(width > FEW),
            firsts: Vec::new(),
        })
    }

    #[cfg(test)]
    pub fn use_isa(&mut self, isa: Isa) {
        self.isa = isa;
    }

    /// Forgets the buffer before.
    pub fn forget(&mut self) {
        self.found.structurals = 0;
        self.found.quoted = false;
        self.firsts.clear();
    }

    /// Appends to `lines` the records in `buf` from `at` on that begin before `limit` and are complete; the end of `buf` is
    /// a record's when it is the `last`. What is in `lines` before comes from the same buffer.
    pub fn take(
        &mut self,
        buf: &[u8],
        at: usize,
        limit: usize,
        last: bool,
        lines: &mut Lines,
    ) -> Stopped {
        let stopped = self.find(buf, at, limit, last, lines);
        // What is the same for all is not written record by record.
        let count = lines.spans.len();
        lines.malformed.resize(count, false);
        lines.tokens.resize(count, u32::MAX);
        self.firsts.resize(count, 0);
        stopped
    }

    fn find(
        &mut self,
        buf: &[u8],
        at: usize,
        limit: usize,
        last: bool,
        lines: &mut Lines,
    ) -> Stopped {
        let whole = buf.len() / WORD;
        if self.bits.len() < whole + 3 {
            self.bits.resize(whole + 3, 0);
        }
        let mut tail = [0; WORD];
        tail[..buf.len() % WORD].copy_from_slice(&buf[whole * WORD..]);
        self.firsts.resize(lines.spans.len(), 0);
        let (expected, comment, most) = (self.expected, self.comment, self.most);
        let (skips_blanks, positions) = (self.skips_blanks, self.found.positions.is_some());
        let mut start = at;
        let mut quotes = false;
        let mut first = self.found.structurals;
        let mut before = Before::default();
        let mut word = at / WORD;
        let (mut valid, mut begin) = (!0 << (at % WORD), 1 << (at % WORD));
        while start < limit && word <= whole {
            let next = (word + CHUNK).min(whole).max(word + 1);
            let mut words = Words {
                bytes: &tail,
                offset: word * WORD,
                valid,
                begin,
                end: 0,
            };
            if word < whole {
                words.bytes = &buf[word * WORD..next * WORD];
            } else {
                let end = 1 << (buf.len() % WORD);
                words.valid &= end - 1;
                words.end = if last { end } else { 0 };
            }
            let irregular = simd::classify(
                self.isa,
                &self.classes,
                &words,
                &mut before,
                &mut self.bits[word..],
                &mut self.found,
            );
            let found = &self.found;
            let mut doubled = found.doubled.iter().copied().peekable();
            lines.spans.reserve(found.lines);
            for (&end, &ordinal) in found.ends[..found.lines].iter().zip(&*found.ordinals) {
                let (begin, end) = (start, end as usize);
                if begin >= limit {
                    return Stopped::Done(begin);
                }
                let own = std::mem::replace(&mut first, ordinal as usize + 1);
                while doubled.next_if(|&at| (at as usize) < end).is_some() {
                    quotes = true;
                }
                let quotes = std::mem::take(&mut quotes);
                start = end + 1;
                let c = match buf.get(begin) {
                    Some(&c) if begin < end => c,
                    _ => continue,
                };
                let comment = comment == Some(c);
                if skips_blanks && (comment || (c <= SPACE && is_blank(&buf[begin..end]))) {
                    continue;
                }
                let tokens = match (expected, positions) {
                    (None, _) if end - begin < most => 0,
                    (_, true) => first - own,
                    (_, false) => 1 + ones(&self.bits, begin, end),
                };
                if comment || tokens > most {
                    self.found.structurals = own;
                    return Stopped::Irregular(begin);
                }
                if quotes {
                    lines.doubled.push(lines.spans.len());
                }
                lines.spans.push((begin as u32, end as u32));
                if let Some(expected) = expected {
                    lines.malformed.push(tokens != expected);
                    lines.tokens.push(tokens as u32);
                }
                if positions {
                    self.firsts.push(own as u32);
                }
            }
            quotes |= doubled.next().is_some();
            if irregular.is_some() {
                return match start < limit {
                    true => Stopped::Irregular(start),
                    false => Stopped::Done(start),
                };
            }
            word = next;
            (valid, begin) = (!0, 0);
        }
        if last && start < limit {
            return Stopped::Irregular(start);
        }
        Stopped::Done(start.min(buf.len()))
    }

    /// Appends the field of a column for each of the records `rows` of `lines`, as it is in regular ones; `empty` is a
    /// quoted one with nothing in it.
    pub fn locate(
        &self,
        buf: &[u8],
        lines: &Lines,
        column: usize,
        rows: Rows<'_>,
        empty: Field,
        fields: &mut Vec<Field>,
    ) {
        let records = Records {
            buf,
            bits: &self.bits,
            lines: &lines.spans,
            quote: self.found.quoted.then_some(self.classes.quote),
            empty,
        };
        let positions = match &self.found.positions {
            None => return simd::locate(self.isa, &records, column as u32, rows, fields),
            Some(positions) => &positions[..self.found.structurals],
        };
        match column {
            0 => self.pick(lines, rows, fields, |(begin, line_end), first| {
                let end = positions.get(first).copied().unwrap_or(u32::MAX);
                records.between(begin, end, line_end)
            }),
            _ => {
                // The ends of the columns from the one before on.
                let ends = positions.get(column - 1..).unwrap_or_default();
                self.pick(lines, rows, fields, |(_, line_end), first| {
                    match ends.get(first..first + 2) {
                        Some(&[before, end]) => records.between(before + 1, end, line_end),
                        _ => Field::NULL,
                    }
                });
            }
        }
    }

    /// Appends the fields that are picked by a record's span, and how many kept offsets come before its own.
    #[inline(always)]
    fn pick(
        &self,
        lines: &Lines,
        rows: Rows<'_>,
        fields: &mut Vec<Field>,
        field: impl Fn((u32, u32), usize) -> Field,
    ) {
        match rows {
            Rows::Between(start, end) => {
                // What is found of records that were tokenized is not looked at.
                let made = fields.len();
                fields.resize(made + end - start, Field::NULL);
                let known = self.firsts.len().clamp(start, end);
                let places = lines.spans[start..known].iter();
                let places = places.zip(&self.firsts[start..known]);
                for (place, (&span, &first)) in fields[made..].iter_mut().zip(places) {
                    *place = field(span, first as usize);
                }
            }
            Rows::Indexes(rows) => fields.extend(rows.iter().map(|&row| {
                let first = self.firsts.get(row as usize).copied().unwrap_or_default();
                field(lines.spans[row as usize], first as usize)
            })),
        }
    }
}

impl Index {
    /// Whether a field's text has doubled quotes.
    pub fn holds_quote(&self, text: &[u8]) -> bool {
        text.contains(&self.classes.quote)
    }

    /// Appends a field's text, one quote for two.
    pub fn halve_quotes(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut second = true;
        out.extend(text.iter().filter(|&&byte| {
            second = byte != self.classes.quote || !second;
            second
        }));
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|&byte| byte <= SPACE)
}

/// The number of bits set from `begin` to `end`.
fn ones(bits: &[u64], begin: usize, end: usize) -> usize {
    let (first, last) = (begin / WORD, end / WORD);
    let below = |at: usize| (1 << (at % WORD)) - 1u64;
    let all: u32 = bits[first..last].iter().map(|word| word.count_ones()).sum();
    let all = all + (bits[last] & below(end)).count_ones();
    (all - (bits[first] & below(begin)).count_ones()) as usize
}
