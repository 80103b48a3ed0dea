//! Finding records, and in them the fields that are required.
//!
//! Records of the usual form are read where they lie, as bytes; all others go through the [`Tokenizer`].

use crate::arrow::Array;
use crate::column::{self, ColumnType};
use crate::conversion::Conversion;
use crate::dialect::{Dialect, Encoding, UnescapedQuotes};
use crate::error::Error::{self, *};
use crate::find::find;
use crate::infer::{self, Inferred};
use crate::text;
use crate::tokenizer::{Found, Sink, Tokenizer};
use crate::zone::Zones;

/// The largest buffer, and the most text of decoded fields, in one scan.
const MAX_BYTES: usize = i32::MAX as usize;

/// The most units that a multi-line record is decoded to before it is looked at.
const PIECE: usize = 1 << 12;

const SPACE: u8 = b' ';
const CR: u16 = b'\r' as u16;
const LF: u16 = b'\n' as u16;
const REPLACEMENT: u16 = 0xfffd;

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// The number of records taken.
    pub records: usize,
    /// The offset of the first byte that belongs to no record taken and to no line passed over.
    pub consumed: usize,
}

/// The columns of the records, and which of them the query uses.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The columns that a record should have.
    pub columns: usize,
    /// The positions of those that the query uses; a column's index in here is its slot.
    pub required: &'a [u32],
    /// `columnPruning`: the tokenizer gives only the required columns, when these are not all [6.5].
    pub pruning: bool,
}

/// Finds the records of one object, block after block.
pub struct Scanner {
    dialect: Dialect,
    conversion: Conversion,
    columns: usize,
    /// Each column's slot; the last required column is the last one here.
    slots: Vec<Option<usize>>,
    width: usize,
    /// The tokenizer gives only the required columns.
    selecting: bool,
    /// Lines are counted without a look into them [6.7].
    counting: bool,
    usual: Option<Usual>,
    first: bool,
    /// The required fields of all records, record by record, in slot order.
    fields: Vec<Field>,
    /// The text of fields that differ from their bytes; `emptyValue` at first.
    decoded: Vec<u8>,
    /// Where each record begins and ends, its line end not counted.
    lines: Vec<(u32, u32)>,
    malformed: Vec<bool>,
    /// Each record's number of tokens, where all are looked at.
    tokens: Vec<u32>,
    /// The records whose values in the column made last do not convert.
    failed: Vec<u32>,
    zones: Zones,
    units: Vec<u16>,
}

impl Scanner {
    /// A scanner for the columns that are selected. With `at_start` the first record to be scanned is the first line
    /// that Spark's tokenizer reads of the object. The tokenizer learns which columns are selected only after it, and
    /// it drops a byte order mark from it.
    pub fn new(
        dialect: Dialect,
        conversion: Conversion,
        selection: &Selection<'_>,
        at_start: bool,
    ) -> Result<Self, Error> {
        let last = selection.required.iter().max();
        let used = last.map_or(0, |&last| last as usize + 1);
        if used > selection.columns {
            return Err(InvalidArgument);
        }
        let mut slots = vec![None; used];
        for (slot, &column) in selection.required.iter().enumerate() {
            if slots[column as usize].replace(slot).is_some() {
                return Err(InvalidArgument);
            }
        }
        let width = selection.required.len();
        let selecting = selection.pruning && width < selection.columns;
        check(&dialect, &conversion, selecting)?;
        Ok(Scanner {
            usual: Usual::of(&dialect),
            counting: selection.pruning && width == 0 && !dialect.multi_line,
            dialect,
            conversion,
            columns: selection.columns,
            slots,
            width,
            selecting,
            first: at_start,
            fields: Vec::new(),
            decoded: Vec::new(),
            lines: Vec::new(),
            malformed: Vec::new(),
            tokens: Vec::new(),
            failed: Vec::new(),
            zones: Zones::default(),
            units: Vec::new(),
        })
    }

    /// Takes the records of `buf` that begin before `limit` and are complete; `buf` begins with a record. When `last`,
    /// the end of `buf` is the object's end and ends its last record too [1.3]. Forgets the scan before.
    pub fn scan(&mut self, buf: &[u8], limit: usize, last: bool) -> Result<Scanned, Error> {
        self.forget();
        let scanned = self.take(buf, limit, last);
        if scanned.is_err() {
            self.forget();
        }
        scanned
    }

    fn forget(&mut self) {
        self.fields.clear();
        self.lines.clear();
        self.malformed.clear();
        self.tokens.clear();
        self.failed.clear();
        self.decoded.clear();
        self.decoded.extend(self.dialect.empty_value.as_bytes());
    }

    fn take(&mut self, buf: &[u8], limit: usize, last: bool) -> Result<Scanned, Error> {
        if buf.len() > MAX_BYTES {
            return Err(BufferTooLarge);
        }
        let mut at = 0;
        while at < limit.min(buf.len()) {
            let next = if self.dialect.multi_line {
                self.record_at(buf, at, last)?
            } else {
                self.line_at(buf, at, last)?
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
            if self.decoded.len() > MAX_BYTES {
                return Err(BufferTooLarge);
            }
        }
        Ok(Scanned {
            records: self.lines.len(),
            consumed: at,
        })
    }

    /// Takes the line at `start`, or passes over it, and returns where the next one begins. None when it is incomplete.
    fn line_at(&mut self, buf: &[u8], start: usize, last: bool) -> Result<Option<usize>, Error> {
        if let (Some(usual), false) = (&self.usual, self.first || self.counting) {
            let usual = *usual;
            match usual.starts(buf, start) {
                Starts::Blank(next) => return Ok(Some(next)),
                Starts::Usual => {
                    if let Some(next) = self.usual_record(usual, buf, start, last) {
                        return Ok(next);
                    }
                }
                Starts::Unusual => {}
            }
        }
        let (end, next) = match line_end(&self.dialect, buf, start, last) {
            Some(ends) => ends,
            None => return Ok(None),
        };
        let line = &buf[start..end];
        if self.dialect.encoding == Encoding::Utf8 && is_blank(line) {
            return Ok(Some(next));
        }
        let mut units = std::mem::take(&mut self.units);
        units.clear();
        let looked_at = if self.counting {
            line.len().min(1 << 10)
        } else {
            line.len()
        };
        text::units(self.dialect.encoding, &line[..looked_at], &mut units);
        let blank = units.iter().all(|&unit| unit <= SPACE.into()) && looked_at == line.len();
        let comment = units.first().copied().filter(|_| !blank) == self.dialect.comment && !blank;
        let passed = blank || (comment && self.dialect.comment.is_some());
        let taken = if passed {
            Ok(())
        } else {
            self.line(&units, start, end)
        };
        self.units = units;
        taken.map(|()| Some(next))
    }

    /// Takes a line that is neither blank nor a comment.
    fn line(&mut self, units: &[u16], start: usize, end: usize) -> Result<(), Error> {
        if !self.counting {
            let first = self.first;
            let row = self.row();
            let mut sink = Row {
                slots: &self.slots,
                all: first || !self.selecting,
                fields: &mut self.fields[row..],
                decoded: &mut self.decoded,
            };
            let distinct = self.dialect.empty_value != self.conversion.null_value;
            let mut tokenizer = Tokenizer::new(&self.dialect, distinct, units, true, &mut sink);
            let found = tokenizer.line(first)?;
            self.took(found, start, end);
        } else {
            self.took(Found::Record(self.columns), start, end);
        }
        Ok(())
    }

    /// Takes the record at `start`, which may have several lines, or passes over a line that is none.
    fn record_at(&mut self, buf: &[u8], start: usize, last: bool) -> Result<Option<usize>, Error> {
        if self.first
            && last
            && start == 0
            && buf.len() <= 4 * text::LONGEST
            && short_with_cr(&self.dialect, buf)
        {
            return Err(MixedLineEnds);
        }
        let mut units = std::mem::take(&mut self.units);
        let mut size = PIECE;
        let taken = loop {
            // Behind what is looked at, a character may be cut.
            let whole = last && size >= buf.len() - start;
            let end = if whole {
                buf.len()
            } else {
                (start + size).min(buf.len())
            };
            let safe = if whole {
                end
            } else {
                end.saturating_sub(text::LONGEST).max(start)
            };
            units.clear();
            let known = text::bytes_of_whole(self.dialect.encoding, &buf[start..end], safe - start);
            text::units(
                self.dialect.encoding,
                &buf[start..start + known],
                &mut units,
            );
            let taken = self.record(&units, &buf[start..], start, whole);
            match taken {
                Ok(None) if end < buf.len() || (last && !whole) => {
                    self.fields.truncate(self.lines.len() * self.width);
                    size *= 2;
                }
                taken => break taken,
            }
        };
        self.units = units;
        taken
    }

    fn record(
        &mut self,
        units: &[u16],
        rest: &[u8],
        start: usize,
        whole: bool,
    ) -> Result<Option<usize>, Error> {
        let row = self.row();
        let mark = self.decoded.len();
        let mut sink = Row {
            slots: &self.slots,
            all: true,
            fields: &mut self.fields[row..],
            decoded: &mut self.decoded,
        };
        let distinct = self.dialect.empty_value != self.conversion.null_value;
        let mut tokenizer = Tokenizer::new(&self.dialect, distinct, units, whole, &mut sink);
        let found = tokenizer.record()?;
        let consumed = tokenizer.consumed();
        let next = start + text::bytes_of_units(self.dialect.encoding, rest, consumed);
        match found {
            Found::Incomplete => {
                self.decoded.truncate(mark);
                return Ok(None);
            }
            Found::Nothing => self.fields.truncate(row),
            found => {
                // Of a line separator that is neither, the record's text keeps what there is [2.12].
                let ends = match units[..consumed] {
                    [.., CR, LF] => 2,
                    [.., CR | LF] => 1,
                    _ => 0,
                };
                let end = text::bytes_of_units(self.dialect.encoding, rest, consumed - ends);
                self.took(found, start, start + end);
            }
        }
        Ok(Some(next))
    }

    /// Makes room for a record's fields, null at first, and returns where they are.
    fn row(&mut self) -> usize {
        let row = self.lines.len() * self.width;
        self.fields.resize(row + self.width, Field::NULL);
        row
    }

    fn took(&mut self, found: Found, start: usize, end: usize) {
        self.first = false;
        let malformed = match found {
            Found::Record(tokens) => !self.selecting && !self.counting && tokens != self.columns,
            _ => true,
        };
        let tokens = match found {
            Found::Record(_) if self.selecting => u32::MAX,
            Found::Record(tokens) => tokens as u32,
            _ => 0,
        };
        self.lines.push((start as u32, end as u32));
        self.malformed.push(malformed);
        self.tokens.push(tokens);
    }

    /// Reads a record in the usual form. None when it has another.
    #[inline]
    fn usual_record(
        &mut self,
        usual: Usual,
        buf: &[u8],
        start: usize,
        last: bool,
    ) -> Option<Option<usize>> {
        let row = self.row();
        let mut at = start;
        let mut column = 0;
        loop {
            let slot = self.slots.get(column).copied().flatten();
            if column >= self.slots.len() && self.selecting && !usual.raises {
                at = usual.line_end(buf, at)?;
                break;
            }
            let field = usual.field(buf, at)?;
            if field.0.is_none() && slot.is_none() && self.selecting && usual.quote == usual.escape
            {
                // To univocity's shortcut over a field that is not selected, its second quote is an escaped one.
                return None;
            }
            at = field.1;
            if let Some(slot) = slot {
                self.fields[row + slot] = field.0.unwrap_or_else(|| self.empty());
            }
            column += 1;
            if at < buf.len() && buf[at] == usual.separator {
                at += 1;
            } else {
                break;
            }
        }
        if (at == buf.len() && !last) || at - start >= self.dialect.max_columns {
            return if at == buf.len() && !last {
                self.incomplete(row)
            } else {
                None
            };
        }
        self.took(Found::Record(column), start, at);
        Some(Some((at + 1).min(buf.len())))
    }

    fn incomplete(&mut self, row: usize) -> Option<Option<usize>> {
        self.fields.truncate(row);
        Some(None)
    }

    /// A quoted field with nothing in it.
    fn empty(&self) -> Field {
        Field::decoded(0, self.dialect.empty_value.len())
    }

    /// A field of the last scan's `record`-th record; None is null. Malformed UTF-8 is still in it.
    pub fn field<'a>(&'a self, buf: &'a [u8], slot: usize, record: usize) -> Option<&'a [u8]> {
        self.fields[record * self.width + slot].bytes(buf, &self.decoded)
    }

    /// A column of the last scan's records, or only of those whose indexes are in `rows`. `buf` is that scan's buffer.
    /// A record with a value that does not convert is malformed.
    pub fn column(
        &mut self,
        buf: &[u8],
        slot: usize,
        kind: ColumnType,
        rows: Option<&[u64]>,
    ) -> Result<Array, Error> {
        if slot >= self.width {
            return Err(InvalidArgument);
        }
        self.check_rows(rows)?;
        let count = rows.map_or(self.lines.len(), <[u64]>::len);
        let record = |at: usize| rows.map_or(at, |rows| rows[at] as usize);
        let mut zones = std::mem::take(&mut self.zones);
        let tokens = (0..count).map(|at| self.field(buf, slot, record(at)));
        let built = column::build(kind, &self.conversion, &mut zones, tokens);
        self.zones = zones;
        let (array, failed) = built?;
        self.failed.clear();
        for at in failed {
            self.malformed[record(at)] = true;
            self.failed.push(record(at) as u32);
        }
        Ok(array)
    }

    /// What a column is with its values in the last scan's records, or in those whose indexes are in `rows`, behind those
    /// that made it what it is so far.
    pub fn infer(
        &mut self,
        buf: &[u8],
        slot: usize,
        so_far: Inferred,
        rows: Option<&[u64]>,
    ) -> Result<Inferred, Error> {
        if slot >= self.width {
            return Err(InvalidArgument);
        }
        self.check_rows(rows)?;
        let count = rows.map_or(self.lines.len(), <[u64]>::len);
        let record = |at: usize| rows.map_or(at, |rows| rows[at] as usize);
        let mut zones = std::mem::take(&mut self.zones);
        let tokens = (0..count).map(|at| self.field(buf, slot, record(at)));
        let inferred = infer::fold(so_far, &self.conversion, &mut zones, tokens);
        self.zones = zones;
        inferred
    }

    /// Which records of the last scan have the same text as `line` [7.10].
    pub fn lines_equal(&self, buf: &[u8], line: &[u8]) -> Array {
        let decoded = |bytes: &[u8]| {
            let mut units = Vec::new();
            text::units(self.dialect.encoding, bytes, &mut units);
            units
        };
        let wanted = decoded(line);
        // Only what is malformed has its text in common with other bytes.
        let malformed = wanted.contains(&REPLACEMENT);
        let same = |&(start, end): &(u32, u32)| {
            let bytes = &buf[start as usize..end as usize];
            bytes == line || (malformed && decoded(bytes) == wanted)
        };
        let equal: Vec<bool> = self.lines.iter().map(same).collect();
        column::booleans(&equal)
    }

    /// Which records have a value in the column made last that is missing or does not convert. Null is a value.
    pub fn failed(&self, slot: usize) -> Result<Array, Error> {
        let column = self
            .slots
            .iter()
            .position(|&there| there == Some(slot))
            .ok_or(InvalidArgument)?;
        let mut failed: Vec<bool> = self
            .tokens
            .iter()
            .map(|&count| count as usize <= column)
            .collect();
        for &record in &self.failed {
            failed[record as usize] = true;
        }
        Ok(column::booleans(&failed))
    }

    /// The region whose rules a column could not be made without.
    pub fn zone_needed(&mut self) -> Option<String> {
        self.zones.needed.take()
    }

    /// Takes a region's rules, see [`Zones::add`](crate::zone::Zones::add).
    pub fn add_zone(&mut self, region: &str, tzif: Option<&[u8]>) -> Result<(), Error> {
        self.zones.add(region, tzif)
    }

    /// Whether records of the last scan are malformed, as far as it is known: by the number of their tokens [6.1], and
    /// by the values of the columns made so far.
    pub fn malformed(&self, rows: Option<&[u64]>) -> Result<Array, Error> {
        self.check_rows(rows)?;
        let bits: Vec<bool> = match rows {
            None => self.malformed.clone(),
            Some(rows) => rows
                .iter()
                .map(|&row| self.malformed[row as usize])
                .collect(),
        };
        Ok(column::booleans(&bits))
    }

    /// The text of records of the last scan, without their line ends [6.4].
    pub fn text(&self, buf: &[u8], rows: Option<&[u64]>) -> Result<Array, Error> {
        self.check_rows(rows)?;
        let count = rows.map_or(self.lines.len(), <[u64]>::len);
        let texts: Vec<_> = (0..count)
            .map(|at| {
                let (start, end) = self.lines[rows.map_or(at, |rows| rows[at] as usize)];
                let mut units = Vec::new();
                text::units(
                    self.dialect.encoding,
                    &buf[start as usize..end as usize],
                    &mut units,
                );
                String::from_utf16_lossy(&units).into_bytes()
            })
            .collect();
        column::texts(texts.iter().map(|text| Some(text.as_slice())))
    }

    fn check_rows(&self, rows: Option<&[u64]>) -> Result<(), Error> {
        let known = |&row: &u64| row < self.lines.len() as u64;
        let fine = rows.map_or(true, |rows| rows.iter().all(known));
        fine.then_some(()).ok_or(InvalidArgument)
    }
}

/// All tokens of a record without its line end; None is null. They are those of a tokenizer that has seen nothing yet,
/// as Spark's is when it reads the header's names [1.24].
pub fn tokens(
    dialect: &Dialect,
    conversion: &Conversion,
    record: &[u8],
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    check(dialect, conversion, false)?;
    let (mut units, mut tokens) = (Vec::new(), Tokens(Vec::new()));
    text::units(dialect.encoding, record, &mut units);
    if !units.is_empty() {
        let distinct = dialect.empty_value != conversion.null_value;
        let mut tokenizer = Tokenizer::new(dialect, distinct, &units, true, &mut tokens);
        if dialect.multi_line {
            tokenizer.record()?;
        } else {
            tokenizer.line(true)?;
        }
    }
    Ok(tokens.0)
}

/// Refuses what Spark does by accident, in a way that depends on where its buffers and splits happen to lie.
fn check(dialect: &Dialect, conversion: &Conversion, selecting: bool) -> Result<(), Error> {
    use crate::dialect::UnescapedQuotes::{BackToDelimiter, SkipValue};
    let distinct_empty = dialect.empty_value != conversion.null_value;
    let trims = dialect.trim_leading || dialect.trim_trailing;
    // What BACK_TO_DELIMITER leaves behind for a column that is not selected shows up in a later record.
    let back = dialect.unescaped_quotes == BackToDelimiter && (selecting || dialect.multi_line);
    let stateful = back || dialect.unescaped_quotes == SkipValue;
    let line_separator = dialect.line_separator.as_ref().map_or(1, Vec::len);
    let refused = if dialect.multi_line {
        selecting || (trims && distinct_empty) || dialect.separator.len() > 1
    } else {
        line_separator > 1
    };
    let refused = refused || stateful || (dialect.trim_trailing && !dialect.trim_leading);
    (!refused).then_some(()).ok_or(Unsupported)
}

/// univocity does not see a final CR in an object of at most four characters [2.4].
fn short_with_cr(dialect: &Dialect, buf: &[u8]) -> bool {
    let mut units = Vec::new();
    text::units(dialect.encoding, buf, &mut units);
    units.len() <= 4 && units.contains(&u16::from(b'\r'))
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|&byte| byte <= SPACE)
}

/// Where the line at `start` ends, and where the next one begins; None when it is incomplete [1.1] [1.5].
fn line_end(dialect: &Dialect, buf: &[u8], start: usize, last: bool) -> Option<(usize, usize)> {
    let separator = dialect.line_separator_bytes();
    let (end, length) = match separator.as_deref() {
        None => (find(buf, start, [b'\n', b'\r']), 1),
        Some(&[one]) => (find(buf, start, [one]), 1),
        Some(several) => {
            let mut at = find(buf, start, [several[0]]);
            while at < buf.len() && !buf[at..].starts_with(several) {
                at = find(buf, at + 1, [several[0]]);
            }
            (at, several.len())
        }
    };
    // The empty line in between `\r\n` is blank and thus no record.
    (end < buf.len() || last).then_some((end, (end + length).min(buf.len())))
}

/// The usual form of a line: ASCII characters separate and quote, fields are quoted as a whole or not at all, nothing is
/// escaped. Such a line's fields are its bytes.
#[derive(Clone, Copy)]
struct Usual {
    separator: u8,
    quote: u8,
    escape: u8,
    escape_escape: u8,
    comment: Option<u8>,
    /// The bytes that end a line, twice the same when there is but one.
    ends: [u8; 2],
    /// Fields with blanks at an end are trimmed, which is not done here.
    trims: bool,
    /// Every field has to be looked at, since it may raise an error.
    raises: bool,
    ascii: bool,
}

enum Starts {
    /// A line in the usual form, perhaps.
    Usual,
    /// A blank line, and where the next one begins.
    Blank(usize),
    /// Something to be looked at more closely.
    Unusual,
}

impl Usual {
    /// None when the dialect has no such form.
    fn of(dialect: &Dialect) -> Option<Usual> {
        let ascii = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii);
        let ends = match dialect.line_separator.as_deref() {
            None => [b'\n', b'\r'],
            Some(&[one]) => [ascii(one)?; 2],
            Some(_) => return None,
        };
        let comment = match dialect.comment {
            Some(unit) => Some(ascii(unit)?),
            None => None,
        };
        let usual = Usual {
            separator: match dialect.separator.as_slice() {
                &[one] => ascii(one)?,
                _ => return None,
            },
            quote: ascii(dialect.quote)?,
            escape: ascii(dialect.escape)?,
            escape_escape: ascii(dialect.escape_escape.unwrap_or(0))?,
            comment,
            ends,
            trims: dialect.trim_leading || dialect.trim_trailing,
            raises: dialect.unescaped_quotes == UnescapedQuotes::RaiseError,
            ascii: match dialect.encoding {
                Encoding::Utf8 => false,
                Encoding::Latin1 | Encoding::Ascii => true,
                Encoding::Utf16Le | Encoding::Utf16Be => return None,
            },
        };
        let special = [usual.separator, usual.quote, usual.escape];
        let clear =
            usual.separator != usual.quote && !special.iter().any(|byte| ends.contains(byte));
        // A NUL quote or escape is taken for the lack of a character before.
        let clear = clear && usual.quote != 0 && usual.escape != 0;
        (clear && !dialect.multi_line && dialect.max_chars.is_none()).then_some(usual)
    }

    /// Looks at the line's first byte only, but for a blank line.
    #[inline]
    fn starts(&self, buf: &[u8], start: usize) -> Starts {
        let byte = buf[start];
        if self.ends.contains(&byte) {
            return Starts::Blank(start + 1);
        }
        if byte > SPACE {
            return match self.comment == Some(byte) {
                true => Starts::Unusual,
                false => Starts::Usual,
            };
        }
        Starts::Unusual
    }

    fn line_end(&self, buf: &[u8], at: usize) -> Option<usize> {
        let end = find(buf, at, self.ends);
        // An encoding's other bytes have to be decoded for a record's text only.
        Some(end)
    }

    /// The field at `at`, None when it is empty and quoted, and where it ends. None when it has not the usual form.
    #[inline]
    fn field(&self, buf: &[u8], at: usize) -> Option<(Option<Field>, usize)> {
        if buf.get(at) == Some(&self.quote) {
            let stops = [
                self.quote,
                self.escape,
                self.escape_escape,
                self.ends[0],
                self.ends[1],
            ];
            let close = find(buf, at + 1, stops);
            let after = *buf.get(close + 1)?;
            let closes =
                buf[close] == self.quote && (after == self.separator || self.ends.contains(&after));
            if !closes || !self.plain(&buf[at + 1..close]) {
                return None;
            }
            let field = (close > at + 1).then_some(Field::raw(at + 1, close));
            return Some((field, close + 1));
        }
        let end = find(buf, at, [self.separator, self.ends[0], self.ends[1]]);
        let text = &buf[at..end];
        if !self.plain(text) || (self.trims && blank_at_an_end(text)) {
            return None;
        }
        let field = if text.is_empty() {
            Field::NULL
        } else {
            Field::raw(at, end)
        };
        Some((Some(field), end))
    }

    fn plain(&self, text: &[u8]) -> bool {
        !self.ascii || text.is_ascii()
    }
}

fn blank_at_an_end(text: &[u8]) -> bool {
    let blank = |byte: Option<&u8>| byte.map_or(false, |&byte| byte <= SPACE);
    blank(text.first()) || blank(text.last())
}

/// Where a field's text lies: in the buffer, or in the decoded text when `start` has its high bit set.
#[derive(Clone, Copy)]
struct Field {
    start: u32,
    length: u32,
}

impl Field {
    const NULL: Field = Field {
        start: 0,
        length: u32::MAX,
    };
    const DECODED: u32 = 1 << 31;

    /// `start` and `end` are at most MAX_BYTES, so they fit and leave the high bit free.
    fn raw(start: usize, end: usize) -> Field {
        Field {
            start: start as u32,
            length: (end - start) as u32,
        }
    }

    fn decoded(start: usize, end: usize) -> Field {
        Field {
            start: start as u32 | Field::DECODED,
            ..Field::raw(start, end)
        }
    }

    #[inline]
    fn bytes<'a>(&self, buf: &'a [u8], decoded: &'a [u8]) -> Option<&'a [u8]> {
        if self.length == u32::MAX {
            return None;
        }
        let source = if self.start & Field::DECODED == 0 {
            buf
        } else {
            decoded
        };
        let start = (self.start & !Field::DECODED) as usize;
        Some(&source[start..start + self.length as usize])
    }
}

/// The fields of a record that is tokenized.
struct Row<'a> {
    slots: &'a [Option<usize>],
    all: bool,
    fields: &'a mut [Field],
    decoded: &'a mut Vec<u8>,
}

impl Sink for Row<'_> {
    fn selected(&self, column: usize) -> bool {
        self.all || self.slots.get(column).map_or(false, Option::is_some)
    }

    fn token(&mut self, column: usize, text: Option<&[u16]>) -> Result<(), Error> {
        if let (Some(&Some(slot)), Some(text)) = (self.slots.get(column), text) {
            let start = self.decoded.len();
            encode(text, self.decoded);
            if self.decoded.len() > MAX_BYTES {
                return Err(BufferTooLarge);
            }
            self.fields[slot] = Field::decoded(start, self.decoded.len());
        }
        Ok(())
    }
}

/// All tokens.
struct Tokens(Vec<Option<Vec<u8>>>);

impl Sink for Tokens {
    fn selected(&self, _column: usize) -> bool {
        true
    }

    fn token(&mut self, _column: usize, text: Option<&[u16]>) -> Result<(), Error> {
        self.0.push(text.map(|text| {
            let mut out = Vec::new();
            encode(text, &mut out);
            out
        }));
        Ok(())
    }
}

/// Appends text in UTF-8. What is no character, one half of a pair, is a question mark to Java.
fn encode(text: &[u16], out: &mut Vec<u8>) {
    for c in char::decode_utf16(text.iter().copied()) {
        let c = c.unwrap_or('?');
        out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrow::Values;
    use crate::options::Options;

    fn scanner(
        options: &[&str],
        columns: usize,
        required: &[u32],
        at_start: bool,
    ) -> Result<Scanner, Error> {
        let piece =
            |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let bytes: Vec<u8> = options.iter().flat_map(piece).collect();
        let mut options = Options::decode(&bytes)?;
        let selection = Selection {
            columns,
            required,
            pruning: options.boolean("column_pruning", true)?,
        };
        let dialect = Dialect::parse(&mut options)?;
        Scanner::new(
            dialect,
            Conversion::parse(&mut options)?,
            &selection,
            at_start,
        )
    }

    fn rows(options: &[&str], columns: usize, required: &[u32], bytes: &[u8]) -> Vec<Vec<String>> {
        let mut scanner = scanner(options, columns, required, false).unwrap();
        let scanned = scanner.scan(bytes, bytes.len(), true).unwrap();
        assert_eq!(scanned.consumed, bytes.len());
        let text = |slot, record| match scanner.field(bytes, slot, record) {
            Some(text) => String::from_utf8_lossy(text).into(),
            None => "NULL".to_owned(),
        };
        (0..scanned.records)
            .map(|record| (0..required.len()).map(|slot| text(slot, record)).collect())
            .collect()
    }

    /// The values of one quoted field.
    fn value(options: &[&str], field: &str) -> String {
        rows(options, 1, &[0], field.as_bytes()).remove(0).remove(0)
    }

    #[test]
    fn records_end_at_every_kind_of_line_end() {
        for end in ["\n", "\r", "\r\n", "\r\r\n", "\n \t\x00\n"] {
            let bytes = ["1,2", "3,4", "5,6"].join(end);
            let expected = [["1", "2"], ["3", "4"], ["5", "6"]];
            assert_eq!(rows(&[], 2, &[0, 1], bytes.as_bytes()), expected, "{end:?}");
        }
        let semicolons = ["line_sep", ";"];
        assert_eq!(
            rows(&semicolons, 2, &[0, 1], b"1,2\n;3,4;;"),
            [["1", "2\n"], ["3", "4"]]
        );
    }

    #[test]
    fn ragged_records() {
        let bytes = b"1\n2,\n,3\n4,5,6\n\"7\n";
        let expected = [
            ["1", "NULL"],
            ["2", "NULL"],
            ["NULL", "3"],
            ["4", "5"],
            ["7", "NULL"],
        ];
        assert_eq!(rows(&[], 2, &[0, 1], bytes), expected);
        assert_eq!(rows(&[], 3, &[1, 0], bytes)[3], ["5", "4"]);
    }

    #[test]
    fn values_of_quoted_fields() {
        let cases = [
            // [3.3.1] doubled quotes are no escape
            (r#""a""b",y"#, r#""a""b""#),
            (r#""""a""""#, r#""""a""""#),
            (r#""""""#, r#""""#),
            (r#"""""#, r#"""#),
            (r#""a"""#, r#"a""#),
            (r#"""a"#, r#"""a"#),
            // [3.3.3] [3.3.4] escapes
            (r#""a\"b""#, r#"a"b"#),
            (r#""\\""#, r"\"),
            (r#""a\b""#, r"a\b"),
            (r#""a\,b",c"#, r"a\,b"),
            (r#""a\\"b""#, r#""a\"b""#),
            // [3.2] S4
            (r#""a"  ,y"#, "a"),
            (r#""a" b,y"#, r#""a" b"#),
            (r#""a" "#, "a"),
            // [3.2] S5
            (r#""a"b,y"#, r#""a"b"#),
            (r#""a,b"c,d"#, r#""a,b"c"#),
            // [3.3.8] [3.3.9] the end of the line
            (r#"""#, r#"""#),
            (r#""a,y"#, "a,y"),
            (r#""a\"#, "a"),
            (r#""a" b""#, r#""a" b"""#),
            (r#""a" é"b"#, r#""a" é"b""#),
            (r#""a" 𝟙"b"#, r#""a" 𝟙"b"#),
            (r#""a" ""#, r#""a" ""#),
            // an escape right after a quote
            (r#""a"\,y,z"#, r#"a"\y,z"#),
        ];
        for (line, expected) in cases {
            assert_eq!(value(&[], line), expected, "{line}");
        }
        let doubled = [
            (r#""a""b""#, r#"a"b"#),
            (r#""a\"b""#, r#""a\"b""#),
            (r#""a"",b""#, r#"a",b"#),
        ];
        for (line, expected) in doubled {
            assert_eq!(value(&["escape", "\""], line), expected, "{line}");
        }
    }

    #[test]
    fn handling_of_unescaped_quotes() {
        let handled = |handling| {
            rows(
                &["unescaped_quote_handling", handling],
                3,
                &[0, 1, 2],
                br#"x,"a"b,y"#,
            )
        };
        assert_eq!(handled("STOP_AT_DELIMITER"), [["x", "\"a\"b", "y"]]);
        assert_eq!(handled("STOP_AT_CLOSING_QUOTE"), [["x", "a\"b,y", "NULL"]]);
        assert_eq!(handled("BACK_TO_DELIMITER"), [["x", "ab,y", "NULL"]]);
        let mut raising =
            scanner(&["unescaped_quote_handling", "RAISE_ERROR"], 1, &[0], false).unwrap();
        assert_eq!(raising.scan(b"\"a\"b\n", 9, true), Err(UnescapedQuote));
    }

    #[test]
    fn blanks_are_trimmed_outside_of_quotes() {
        let both = [
            "ignore_leading_white_space",
            "true",
            "ignore_trailing_white_space",
            "true",
        ];
        assert_eq!(
            rows(&both, 3, &[0, 1, 2], b" a , \" b \" ,\t\n"),
            [["a", " b ", ""]]
        );
        assert_eq!(rows(&both, 2, &[0, 1], b" , x"), [["NULL", "x"]]);
        assert!(scanner(&both[2..], 1, &[0], false).is_err());
    }

    #[test]
    fn separators_of_several_characters() {
        let pipes = ["sep", "||"];
        assert_eq!(
            rows(&pipes, 3, &[0, 1, 2], b"x||y||z\nx|||y|\n"),
            [["x", "y", "z"], ["x", "|y|", "NULL"]]
        );
        assert_eq!(
            rows(&["sep", "é"], 2, &[0, 1], "xéy".as_bytes()),
            [["x", "y"]]
        );
        let mut quoted = scanner(&pipes, 1, &[0], false).unwrap();
        assert_eq!(quoted.scan(b"\"a\"||b\n", 8, true), Err(Unsupported));
    }

    #[test]
    fn comments_and_values() {
        let options = ["comment", "#", "empty_value", "E", "null_value", "N"];
        assert_eq!(
            rows(&options, 2, &[0, 1], b"#x\n #y,\"\"\n"),
            [[" #y", "E"]]
        );
    }

    #[test]
    fn other_encodings_are_decoded() {
        assert_eq!(
            rows(&["encoding", "ISO-8859-1"], 2, &[1], b"a,\xe9\n"),
            [["é"]]
        );
        assert_eq!(
            rows(&["encoding", "US-ASCII"], 2, &[1], b"a,\xe9\n"),
            [["\u{fffd}"]]
        );
        let wide: Vec<u8> = "é,\"a\"\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            rows(
                &["encoding", "UTF-16LE", "line_sep", "\n"],
                2,
                &[0, 1],
                &wide
            ),
            [["é", "a"]]
        );
    }

    #[test]
    fn quoted_line_ends_with_multi_line() {
        let detected = [
            "multi_line",
            "true",
            "line_sep",
            "\r\n",
            "normalize_line_ends",
            "true",
            "column_pruning",
            "false",
        ];
        let bytes = b"1,\"a\r\nb\"\r\n\r\n2,\"c\nd\"\r\n3,e";
        let expected = [["1", "a\nb"], ["2", "c\nd"], ["3", "e"]];
        assert_eq!(rows(&detected, 2, &[0, 1], bytes), expected);
        for size in 1..bytes.len() {
            let mut scanner = scanner(&detected, 2, &[0, 1], false).unwrap();
            let scanned = scanner.scan(&bytes[..size], size, false).unwrap();
            assert!(scanned.consumed <= size);
            assert_eq!(
                scanner
                    .scan(&bytes[scanned.consumed..], 99, true)
                    .unwrap()
                    .records
                    + scanned.records,
                3 + usize::from(scanned.records > 3)
            );
        }
        let mut mixed = scanner(&detected, 2, &[0], false).unwrap();
        assert_eq!(
            mixed.scan(b"1,2\r\na\nb,c\r\n", 20, true),
            Err(MixedLineEnds)
        );
    }

    #[test]
    fn unselected_quoted_fields_take_the_shortcut() {
        let bytes = br#""a\\",b",c"#;
        assert_eq!(rows(&[], 2, &[1], bytes), [["c"]]);
        assert_eq!(rows(&[], 2, &[0, 1], bytes), [["a\\", "b\""]]);
    }

    #[test]
    fn what_looks_usual_but_is_not() {
        assert_eq!(rows(&["escape", "\0"], 1, &[0], b"\"\"\n"), [["\""]]);
        assert_eq!(rows(&["escape", "\""], 1, &[0], b"\"a\0b\"\n"), [["ab"]]);
        assert_eq!(
            rows(&["escape", "\""], 2, &[1], b"\"\",N\",,b\n"),
            [["NULL"]]
        );
        let mut raising =
            scanner(&["unescaped_quote_handling", "RAISE_ERROR"], 2, &[0], false).unwrap();
        assert_eq!(raising.scan(b"a,\"b\"c\n", 9, true), Err(UnescapedQuote));
    }

    #[test]
    fn nothing_required_counts_lines() {
        assert_eq!(rows(&[], 2, &[], b"a\n \n\n\"b\nc").len(), 3);
    }

    #[test]
    fn malformed_records_have_too_few_or_too_many_tokens() {
        let bytes = b"1,2\n3\n4,5,6\n7,x\n";
        let bits = |required: &[u32], options: &[&str]| {
            let mut scanner = scanner(options, 2, required, false).unwrap();
            scanner.scan(bytes, bytes.len(), true).unwrap();
            for slot in 0..required.len() {
                scanner.column(bytes, slot, ColumnType::Int, None).unwrap();
            }
            scanner.malformed.clone()
        };
        assert_eq!(bits(&[0, 1], &[]), [false, true, true, true]);
        assert_eq!(bits(&[0], &[]), [false; 4]);
        assert_eq!(
            bits(&[0], &["column_pruning", "false"]),
            [false, true, true, false]
        );
        assert_eq!(bits(&[1], &[]), [false, false, false, true]);
    }

    #[test]
    fn text_of_records() {
        let bytes = b"1,\xff\r\n2\n";
        let mut scanner = scanner(&[], 2, &[0], false).unwrap();
        scanner.scan(bytes, bytes.len(), true).unwrap();
        let text = scanner.text(bytes, Some(&[1, 0])).unwrap();
        assert_eq!(text.len(), 2);
        assert!(scanner.text(bytes, Some(&[2])).is_err());
    }

    #[test]
    fn types_of_columns() {
        let bytes = b"1,x\n2.5,x\nx,\n";
        let mut scanner = scanner(&[], 2, &[1, 0], false).unwrap();
        scanner.scan(bytes, bytes.len(), true).unwrap();
        let mut infer = |slot, rows: Option<&[u64]>| scanner.infer(bytes, slot, None, rows);
        assert_eq!(infer(1, Some(&[0, 1])), Ok(Some(ColumnType::Double)));
        assert_eq!(infer(1, None), Ok(Some(ColumnType::String)));
        assert_eq!(infer(0, Some(&[2])), Ok(None));
        assert_eq!(infer(2, None), Err(InvalidArgument));
        assert_eq!(infer(0, Some(&[3])), Err(InvalidArgument));
    }

    #[test]
    fn lines_with_the_same_text() {
        let bytes = b"a\xff\nb\na\xfe\r\n\na\n";
        let mut scanner = scanner(&[], 1, &[0], false).unwrap();
        scanner.scan(bytes, bytes.len(), true).unwrap();
        let equal = |line| scanner.lines_equal(bytes, line);
        assert_eq!(equal(b"a\xff").values(), &Values::Bits(vec![0b0101]));
        assert_eq!(equal(b"b").values(), &Values::Bits(vec![0b0010]));
    }

    #[test]
    fn first_record_of_an_object() {
        let scan = |bytes: &[u8], columns| {
            let mut scanner = scanner(&[], columns, &[0, 1], true).unwrap();
            let records = scanner.scan(bytes, bytes.len(), true).unwrap().records;
            let field = |at| {
                String::from_utf8_lossy(scanner.field(bytes, at % 2, at / 2).unwrap_or_default())
                    .into()
            };
            (0..records * 2).map(field).collect::<Vec<String>>()
        };
        assert_eq!(scan(b"\xef\xbb\xbf\"a\",b\n", 2), ["a", "b"]);
        assert_eq!(scan(b"\xef\xbb\xbf\nb", 2), ["\0", "", "b", ""]);
        let mut scanner = scanner(&[], 3, &[1], true).unwrap();
        let bytes = b"\"a\\\\\",b\",c\n\"a\\\\\",b\",c\n";
        scanner.scan(bytes, bytes.len(), true).unwrap();
        assert_eq!(scanner.field(bytes, 0, 0), Some(&b"b\""[..]));
        assert_eq!(scanner.field(bytes, 0, 1), Some(&b"c"[..]));
    }

    #[test]
    fn limit_and_incomplete_records() {
        let bytes = b"ab,c\n\nde,f\ng";
        let mut scanner = scanner(&[], 2, &[0], false).unwrap();
        let mut scan = |limit, last| {
            let scanned = scanner.scan(bytes, limit, last).unwrap();
            (scanned.records, scanned.consumed)
        };
        assert_eq!(scan(0, true), (0, 0));
        assert_eq!(scan(5, true), (1, 5));
        assert_eq!(scan(6, true), (1, 6));
        assert_eq!(scan(7, true), (2, 11));
        assert_eq!(scan(12, false), (2, 11));
        assert_eq!(scan(12, true), (3, 12));
    }

    #[test]
    fn limits_of_tokens() {
        let most = vec![b','; 20479];
        let more = vec![b','; 20480];
        for required in [&[0][..], &[0, 1]] {
            let mut scanner = scanner(&[], 2, required, false).unwrap();
            assert!(scanner.scan(&most, most.len(), true).is_ok());
            assert_eq!(scanner.scan(&more, more.len(), true), Err(TooManyTokens));
        }
        let mut counter = scanner(&[], 2, &[], false).unwrap();
        assert_eq!(counter.scan(&more, more.len(), true).unwrap().records, 1);
        let mut short = scanner(&["max_chars_per_column", "3"], 2, &[0], false).unwrap();
        assert!(short.scan(b"abc,defg", 9, true).is_ok());
        assert_eq!(short.scan(b"abcd,e", 9, true), Err(TokenTooLong));
    }

    #[test]
    fn arguments_are_checked() {
        assert!(scanner(&[], 1, &[1], false).is_err());
        assert!(scanner(&[], 2, &[1, 1], false).is_err());
        assert!(scanner(&["line_sep", "\r\n"], 1, &[0], false).is_err());
        let handling = |name| ["unescaped_quote_handling", name];
        assert!(scanner(&handling("SKIP_VALUE"), 1, &[0], false).is_err());
        assert!(scanner(&handling("BACK_TO_DELIMITER"), 1, &[0], false).is_ok());
        assert!(scanner(&handling("BACK_TO_DELIMITER"), 2, &[0], false).is_err());
    }
}
