//! Finding records, and in them the fields that are required.
//!
//! Regular records are found by the [`Index`] and their fields are read where they lie, as bytes; all others go through
//! the [`Tokenizer`].

use crate::arrow::Array;
use crate::column::{self, Column, ColumnType};
use crate::compare::Comparison;
use crate::conversion::Conversion;
use crate::dialect::{Dialect, Encoding};
use crate::error::Error::{self, *};
use crate::field::{Field, Rows, Tokens};
use crate::find::find;
use crate::index::{Index, Lines, Stopped};
use crate::infer::{self, Inferred};
use crate::text;
use crate::tokenizer::{Found, Sink, Tokenizer, BOM};
use crate::zone::Zones;

/// The largest buffer, and the most text of decoded fields, in one scan.
const MAX_BYTES: usize = i32::MAX as usize;

/// The most units that a multi-line record is decoded to before it is looked at.
const PIECE: usize = 1 << 12;

/// The records that all columns are made of before the next ones: their bytes stay in the first caches meanwhile. A
/// multiple of eight, see [`Column::append`].
const GROUP: usize = 1 << 10;

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
    /// Each slot's column.
    required: Vec<usize>,
    width: usize,
    /// The tokenizer gives only the required columns.
    selecting: bool,
    /// Lines are counted without a look into them [6.7].
    counting: bool,
    /// None when there are no regular records.
    index: Option<Index>,
    first: bool,
    lines: Lines,
    /// The numbers of the records whose fields are in `fields`; those of the others are found by the index.
    tokenized: Vec<usize>,
    /// The required fields of these records, record by record, in slot order.
    fields: Vec<Field>,
    /// The text of fields that differ from their bytes; `emptyValue` at first.
    decoded: Vec<u8>,
    /// The fields of the column that is being made.
    column: Vec<Field>,
    /// For each slot, the records whose values do not convert in the column that was made of it.
    failed: Vec<Vec<u32>>,
    /// The bytes of the mark that the tokenizer dropped from the first record.
    mark: usize,
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
        let counting = selection.pruning && width == 0 && !dialect.multi_line;
        let expected = (!selecting && !counting).then_some(selection.columns);
        Ok(Scanner {
            index: Index::new(&dialect, width, expected, counting),
            counting,
            dialect,
            conversion,
            columns: selection.columns,
            slots,
            required: selection.required.iter().map(|&at| at as usize).collect(),
            width,
            selecting,
            first: at_start,
            lines: Lines::default(),
            tokenized: Vec::new(),
            fields: Vec::new(),
            decoded: Vec::new(),
            column: Vec::new(),
            failed: vec![Vec::new(); width],
            mark: 0,
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
        if let Some(index) = &mut self.index {
            index.forget();
        }
        self.lines.spans.clear();
        self.lines.malformed.clear();
        self.lines.tokens.clear();
        self.lines.doubled.clear();
        self.tokenized.clear();
        self.fields.clear();
        self.failed.iter_mut().for_each(Vec::clear);
        self.mark = 0;
        self.decoded.clear();
        self.decoded.extend(self.dialect.empty_value.as_bytes());
    }

    fn take(&mut self, buf: &[u8], limit: usize, last: bool) -> Result<Scanned, Error> {
        if buf.len() > MAX_BYTES {
            return Err(BufferTooLarge);
        }
        let (mut at, limit) = (0, limit.min(buf.len()));
        while at < limit {
            if let (Some(index), false) = (&mut self.index, self.first) {
                let stopped = index.take(buf, at, limit, last, &mut self.lines);
                self.halve_quotes(buf)?;
                match stopped {
                    Stopped::Done(done) => {
                        at = done;
                        break;
                    }
                    Stopped::Irregular(record) => at = record,
                }
            }
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
            records: self.lines.spans.len(),
            consumed: at,
        })
    }

    /// Decodes the fields of the records that the index has found with doubled quotes in them.
    fn halve_quotes(&mut self, buf: &[u8]) -> Result<(), Error> {
        let index = match &self.index {
            Some(index) if !self.lines.doubled.is_empty() => index,
            _ => return Ok(()),
        };
        for record in std::mem::take(&mut self.lines.doubled) {
            for &column in &self.required {
                let row = [record as u64];
                let empty = self.empty();
                index.locate(
                    buf,
                    &self.lines,
                    column,
                    Rows::Indexes(&row),
                    empty,
                    &mut self.fields,
                );
                let text = self.fields.last().and_then(|field| field.of_buffer(buf));
                if let Some(text) = text.filter(|text| index.holds_quote(text)) {
                    let start = self.decoded.len();
                    index.halve_quotes(text, &mut self.decoded);
                    if self.decoded.len() > MAX_BYTES {
                        return Err(BufferTooLarge);
                    }
                    self.fields.pop();
                    self.fields.push(Field::decoded(start, self.decoded.len()));
                }
            }
            // From here on the record is one of the tokenized.
            let text = self.bytes_of(buf, record).len() as u32;
            let span = &mut self.lines.spans[record];
            span.1 = span.0 + text;
            self.tokenized.push(record);
        }
        Ok(())
    }

    /// Takes the line at `start`, or passes over it, and returns where the next one begins. None when it is incomplete.
    fn line_at(&mut self, buf: &[u8], start: usize, last: bool) -> Result<Option<usize>, Error> {
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
            self.line(&units, line, start)
        };
        self.units = units;
        taken.map(|()| Some(next))
    }

    /// Takes a line that is neither blank nor a comment.
    fn line(&mut self, units: &[u16], line: &[u8], start: usize) -> Result<(), Error> {
        let end = start + line.len();
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
            if first && units.len() > 1 && units[0] == BOM {
                self.mark = text::bytes_of_units(self.dialect.encoding, line, 1);
            }
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
                    self.fields.truncate(self.tokenized.len() * self.width);
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
                // Of a line separator that is neither, the record's text keeps what there is [2.12]. So it is in `bytes_of`.
                let ends = line_end_units(&units[..consumed]);
                let end = text::bytes_of_units(self.dialect.encoding, rest, consumed - ends);
                self.took(found, start, start + end);
            }
        }
        Ok(Some(next))
    }

    /// Makes room for a record's fields, null at first, and returns where they are.
    fn row(&mut self) -> usize {
        let row = self.tokenized.len() * self.width;
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
        self.tokenized.push(self.lines.spans.len());
        self.lines.spans.push((start as u32, end as u32));
        self.lines.malformed.push(malformed);
        self.lines.tokens.push(tokens);
    }

    /// A field of the last scan's `record`-th record; None is null. Malformed UTF-8 is still in it.
    pub fn field<'a>(&'a self, buf: &'a [u8], slot: usize, record: usize) -> Option<&'a [u8]> {
        let mut fields = Vec::new();
        self.locate(buf, slot, Rows::Indexes(&[record as u64]), &mut fields);
        fields[0].bytes(buf, &self.decoded)
    }

    /// Finds a field of the records `rows`.
    fn locate(&self, buf: &[u8], slot: usize, rows: Rows<'_>, fields: &mut Vec<Field>) {
        let (tokenized, column) = (&self.tokenized, self.required[slot]);
        let field = |row| self.fields[row * self.width + slot];
        fields.clear();
        match &self.index {
            Some(index) if tokenized.len() < self.lines.spans.len() => {
                index.locate(buf, &self.lines, column, rows, self.empty(), fields);
            }
            _ => fields.resize(rows.len(), Field::NULL),
        }
        match rows {
            _ if tokenized.is_empty() => {}
            Rows::Between(start, end) => {
                let first = tokenized.partition_point(|&record| record < start);
                let among = tokenized[first..]
                    .iter()
                    .take_while(|&&record| record < end);
                for (row, &record) in (first..).zip(among) {
                    fields[record - start] = field(row);
                }
            }
            Rows::Indexes(rows) => {
                for (found, &record) in fields.iter_mut().zip(rows) {
                    if let Ok(row) = tokenized.binary_search(&(record as usize)) {
                        *found = field(row);
                    }
                }
            }
        }
    }

    /// A quoted field with nothing in it.
    fn empty(&self) -> Field {
        Field::decoded(0, self.dialect.empty_value.len())
    }

    /// The number of the last scan's records.
    pub fn records(&self) -> usize {
        self.lines.spans.len()
    }

    /// Columns, slots and their types, of the last scan's records, or only of those whose indexes are in `rows`. `buf` is
    /// that scan's buffer. A record with a value that does not convert is malformed.
    pub fn columns(
        &mut self,
        buf: &[u8],
        wanted: &[(usize, ColumnType)],
        rows: Option<&[u64]>,
    ) -> Result<Vec<Array>, Error> {
        if wanted.iter().any(|&(slot, _)| slot >= self.width) {
            return Err(InvalidArgument);
        }
        self.check_rows(rows)?;
        let mut fields = std::mem::take(&mut self.column);
        let mut others = Rows::of(rows, self.lines.spans.len());
        let column = |&(_, kind): &_| Column::new(kind, others.len());
        let mut columns: Vec<Column> = wanted.iter().map(column).collect();
        while others.len() > 0 {
            let (group, behind) = others.split(GROUP);
            for (&(slot, _), column) in wanted.iter().zip(&mut columns) {
                self.locate(buf, slot, group, &mut fields);
                let tokens = Tokens {
                    buf,
                    decoded: &self.decoded,
                    fields: &fields,
                };
                column.append(&self.conversion, &mut self.zones, tokens)?;
            }
            others = behind;
        }
        self.column = fields;
        let mut arrays = Vec::with_capacity(columns.len());
        for (column, &(slot, _)) in columns.into_iter().zip(wanted) {
            let (array, failed) = column.finish();
            self.failed[slot].clear();
            for at in failed {
                let record = rows.map_or(at, |rows| rows[at] as usize);
                self.lines.malformed[record] = true;
                self.failed[slot].push(record as u32);
            }
            arrays.push(array);
        }
        Ok(arrays)
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
        let mut fields = std::mem::take(&mut self.column);
        self.locate(
            buf,
            slot,
            Rows::of(rows, self.lines.spans.len()),
            &mut fields,
        );
        let tokens = fields.iter().map(|field| field.bytes(buf, &self.decoded));
        let inferred = infer::fold(so_far, &self.conversion, &mut self.zones, tokens);
        self.column = fields;
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
        let same = |record| {
            let bytes = self.bytes_of(buf, record);
            bytes == line || (malformed && decoded(bytes) == wanted)
        };
        let equal: Vec<bool> = (0..self.lines.spans.len()).map(same).collect();
        column::booleans(&equal)
    }

    /// The indexes of the last scan's records, or of those of them in `rows`, of whose value in a column a comparison is
    /// true. Says nothing of malformed records.
    pub fn filter(
        &mut self,
        buf: &[u8],
        slot: usize,
        comparison: &Comparison,
        rows: Option<&[u64]>,
    ) -> Result<Array, Error> {
        if slot >= self.width {
            return Err(InvalidArgument);
        }
        self.check_rows(rows)?;
        let mut fields = std::mem::take(&mut self.column);
        self.locate(
            buf,
            slot,
            Rows::of(rows, self.lines.spans.len()),
            &mut fields,
        );
        let tokens = Tokens {
            buf,
            decoded: &self.decoded,
            fields: &fields,
        };
        let passing = comparison.passing(&self.conversion, &mut self.zones, tokens);
        self.column = fields;
        let mut passing = passing?;
        if let Some(rows) = rows {
            passing.iter_mut().for_each(|at| *at = rows[*at as usize]);
        }
        Ok(column::indexes(passing))
    }

    /// Which records have no value in a column, which was made of all of them: it is missing or does not convert. Null is
    /// a value.
    pub fn failed(&self, slot: usize) -> Result<Array, Error> {
        let column = self
            .slots
            .iter()
            .position(|&there| there == Some(slot))
            .ok_or(InvalidArgument)?;
        let mut failed: Vec<bool> = self
            .lines
            .tokens
            .iter()
            .map(|&count| count as usize <= column)
            .collect();
        for &record in &self.failed[slot] {
            failed[record as usize] = true;
        }
        Ok(column::booleans(&failed))
    }

    /// The region whose rules a column could not be made without.
    pub fn zone_needed(&mut self) -> Option<String> {
        self.zones.needed.take()
    }

    /// Takes a region's rules, see [`Zones::add`](crate::zone::Zones::add).
    pub fn add_zone(&mut self, region: &str, tzif: &[u8]) -> Result<(), Error> {
        self.zones.add(region, tzif)
    }

    /// Takes the names of all regions, see [`Zones::bound`](crate::zone::Zones::bound).
    pub fn bound_zones<'a>(&mut self, regions: impl Iterator<Item = &'a str>) {
        self.zones.bound(regions);
    }

    /// Whether records of the last scan are malformed, as far as it is known: by the number of their tokens [6.1], and
    /// by the values of the columns made so far.
    pub fn malformed(&self, rows: Option<&[u64]>) -> Result<Array, Error> {
        self.check_rows(rows)?;
        let bits: Vec<bool> = match rows {
            None => self.lines.malformed.clone(),
            Some(rows) => rows
                .iter()
                .map(|&row| self.lines.malformed[row as usize])
                .collect(),
        };
        Ok(column::booleans(&bits))
    }

    /// The text of records of the last scan, without their line ends [6.4].
    pub fn text(&self, buf: &[u8], rows: Option<&[u64]>) -> Result<Array, Error> {
        self.check_rows(rows)?;
        let count = rows.map_or(self.lines.spans.len(), <[u64]>::len);
        let texts: Vec<_> = (0..count)
            .map(|at| {
                let record = rows.map_or(at, |rows| rows[at] as usize);
                let mut units = Vec::new();
                let bytes = self.bytes_of(buf, record);
                let mark = if record == 0 { self.mark } else { 0 };
                text::units(self.dialect.encoding, &bytes[mark..], &mut units);
                if !self.dialect.multi_line {
                    // Where another separator ends the lines, univocity still drops a line end there.
                    units.truncate(units.len() - line_end_units(&units));
                }
                String::from_utf16_lossy(&units).into_bytes()
            })
            .collect();
        column::texts(texts.iter().map(|text| Some(text.as_slice())))
    }

    fn bytes_of<'a>(&self, buf: &'a [u8], record: usize) -> &'a [u8] {
        let (start, end) = self.lines.spans[record];
        let (start, end) = (start as usize, end as usize);
        if !self.dialect.multi_line || self.tokenized.binary_search(&record).is_ok() {
            return &buf[start..end];
        }
        let whole = &buf[start..buf.len().min(end + 1)];
        match whole {
            [text @ .., b'\r', b'\n'] => text,
            [text @ .., b'\r' | b'\n'] => text,
            _ => whole,
        }
    }

    fn check_rows(&self, rows: Option<&[u64]>) -> Result<(), Error> {
        let known = |&row: &u64| row < self.lines.spans.len() as u64;
        let fine = rows.map_or(true, |rows| rows.iter().all(known));
        fine.then_some(()).ok_or(InvalidArgument)
    }
}

/// How many units the line end takes that is at the end of a text, whatever the line separator is.
fn line_end_units(units: &[u16]) -> usize {
    match units {
        [.., CR, LF] => 2,
        [.., CR | LF] => 1,
        _ => 0,
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
    let (mut units, mut tokens) = (Vec::new(), All(Vec::new()));
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
struct All(Vec<Option<Vec<u8>>>);

impl Sink for All {
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
    use crate::simd::Isa;

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
    fn columns_are_the_same_however_many_records_they_are_made_of() {
        // Some are tokenized, some are too short, some do not convert, some are malformed UTF-8 or null.
        let lines: [&[u8]; 9] = [
            b"1,2020-01-02,a,1.5,true\n",
            b"\"2\",\"2020-01-03\",\"b\",\"2.5\",\"false\"\n",
            b"3,x\n",
            b"\"4\"x,2020-02-30,\"c\",-.25,TRUE\n",
            b"5,,\xff\xc3,9999999,\n",
            b"12345678901,2020-1-2,,1e1,no\n",
            b"7,2020-01-02,\xc3\xa9,\xff,\"\"\n",
            b"-8,1582-10-10,a long text that has more than sixty-four bytes in it, all in one field,1,t\n",
            b"9,0001-01-01,d,12345678.91,true\n",
        ];
        let kinds = ["int", "date", "string", "decimal(9,2)", "boolean"];
        let kinds = kinds.map(|kind| ColumnType::parse(kind).unwrap());
        let wanted: Vec<_> = kinds.into_iter().enumerate().collect();
        for (plain, isa) in [true, false]
            .into_iter()
            .zip(Isa::all().into_iter().cycle())
        {
            let chosen = |at: usize| lines[if plain { at * at % 2 * 8 } else { at * at % 9 }];
            let bytes: Vec<u8> = (0..2 * GROUP + 9).flat_map(chosen).copied().collect();
            // With seven required columns the index keeps positions.
            for required in [&[0, 1, 2, 3, 4][..], &[0, 1, 2, 3, 4, 5, 6]] {
                let mut scanner =
                    scanner(&["column_pruning", "false"], 7, required, false).unwrap();
                scanner.index.as_mut().unwrap().use_isa(isa);
                let count = scanner.scan(&bytes, bytes.len(), true).unwrap().records;
                assert_eq!(count, 2 * GROUP + 9);
                let all = scanner.columns(&bytes, &wanted, None).unwrap();
                let malformed = std::mem::replace(&mut scanner.lines.malformed, vec![false; count]);
                let failed = scanner.failed.clone();
                let text = |array: &Array, at: usize| {
                    let valid = array
                        .validity()
                        .map_or(true, |bits| bits[at / 8] >> (at % 8) & 1 == 1);
                    valid.then(|| match array.values() {
                        Values::Int32(values) => values[at].to_string().into_bytes(),
                        Values::Decimal(values) => values[at].to_string().into_bytes(),
                        Values::Bits(bits) => vec![bits[at / 8] >> (at % 8) & 1],
                        Values::Utf8 { offsets, bytes } => {
                            bytes[offsets[at] as usize..offsets[at + 1] as usize].to_vec()
                        }
                        other => panic!("{other:?}"),
                    })
                };
                for (record, &malformed) in malformed.iter().enumerate() {
                    let one = scanner
                        .columns(&bytes, &wanted, Some(&[record as u64]))
                        .unwrap();
                    for (slot, (one, all)) in one.iter().zip(&all).enumerate() {
                        assert_eq!(text(one, 0), text(all, record), "{record} {slot}");
                        let fails = failed[slot].contains(&(record as u32));
                        assert_eq!(!scanner.failed[slot].is_empty(), fails);
                    }
                    let fails = failed
                        .iter()
                        .any(|failed| failed.contains(&(record as u32)));
                    let tokens = scanner.lines.tokens[record] as usize;
                    assert_eq!(malformed, fails || tokens != 7);
                }
                let backwards: Vec<u64> = (0..count as u64).rev().collect();
                let backwards = scanner.columns(&bytes, &wanted, Some(&backwards)).unwrap();
                for (one, all) in backwards.iter().zip(&all) {
                    assert!((0..count).all(|at| text(one, at) == text(all, count - 1 - at)));
                }
            }
        }
    }

    #[test]
    fn malformed_records_have_too_few_or_too_many_tokens() {
        let bytes = b"1,2\n3\n4,5,6\n7,x\n";
        let bits = |required: &[u32], options: &[&str]| {
            let mut scanner = scanner(options, 2, required, false).unwrap();
            scanner.scan(bytes, bytes.len(), true).unwrap();
            for slot in 0..required.len() {
                scanner
                    .columns(bytes, &[(slot, ColumnType::Int)], None)
                    .unwrap();
            }
            scanner.lines.malformed.clone()
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

    /// Numbers that look random.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % end
        }

        fn bytes(&mut self, pieces: &str, count: usize) -> Vec<u8> {
            let pieces: Vec<&str> = pieces.split('~').collect();
            let mut pick = || pieces[self.below(pieces.len())];
            (0..count).flat_map(|_| pick().bytes()).collect()
        }
    }

    #[derive(Debug, PartialEq)]
    struct Record {
        fields: Vec<Option<Vec<u8>>>,
        text: Vec<u8>,
        tokens: u32,
        malformed: bool,
    }

    /// What a scanner finds in blocks of `step` bytes, and why it stopped.
    fn everything(mut scanner: Scanner, bytes: &[u8], step: usize) -> (Vec<Record>, Option<Error>) {
        let (mut at, mut size, mut found) = (0, step, Vec::new());
        while at < bytes.len() {
            let held = &bytes[at..bytes.len().min(at + size)];
            let last = at + held.len() == bytes.len();
            let scanned = match scanner.scan(held, step, last) {
                Ok(scanned) => scanned,
                Err(error) => return (found, Some(error)),
            };
            let width = scanner.width;
            for record in 0..scanned.records {
                let field = |slot| scanner.field(held, slot, record).map(<[u8]>::to_vec);
                found.push(Record {
                    fields: (0..width).map(field).collect(),
                    text: scanner.bytes_of(held, record).to_vec(),
                    tokens: scanner.lines.tokens[record],
                    malformed: scanner.lines.malformed[record],
                });
            }
            let made = found.len() - scanned.records;
            for slot in 0..width {
                let mut column = Vec::new();
                let all = Rows::Between(0, scanned.records);
                scanner.locate(held, slot, all, &mut column);
                for (field, record) in column.iter().zip(&found[made..]) {
                    let text = field.bytes(held, &scanner.decoded);
                    assert_eq!(text, record.fields[slot].as_deref());
                }
            }
            at += scanned.consumed;
            size = if scanned.consumed > 0 { step } else { size * 2 };
        }
        (found, None)
    }

    #[test]
    fn the_index_finds_what_the_tokenizer_does() {
        let dialects = [
            "",
            "sep~|",
            "escape~\"",
            "escape~\"~empty_value~E~unescaped_quote_handling~STOP_AT_CLOSING_QUOTE",
            "unescaped_quote_handling~RAISE_ERROR",
            "ignore_leading_white_space~true~ignore_trailing_white_space~true",
            "comment~a~null_value~b",
            "line_sep~b",
            "encoding~ISO-8859-1",
            "char_to_escape_quote_escaping~a",
            "quote~a~sep~\t~max_columns~9",
            "multi_line~true~line_sep~\n~normalize_line_ends~true~column_pruning~false",
            "multi_line~true~line_sep~b~escape~\"~comment~a~column_pruning~false",
            "ignore_leading_white_space~true~escape~\"~encoding~US-ASCII",
        ];
        let soup = ",~,~\"~\"~\\~\n~\r~\r\n~ ~\t~a~b~xy~é~\0";
        let fields = ",~,~,\"a\"~,\"x,y\"~,\"\"~,\"q\"\"r\"~,\",x\"~\n~\n~\n\"z\",~xyz~,\"b\n\"~ \
                      ~a long text, to reach into the next word or two~,\"\0\"";
        let mut random = Random(88172645463325252);
        for round in 0..if cfg!(debug_assertions) { 300 } else { 20_000 } {
            let options = dialects[random.below(dialects.len())];
            let options: Vec<&str> = options.split_terminator('~').collect();
            let count = [3, 20, 100, 400, 3000][random.below(5)];
            let bytes = match round % 2 {
                0 => random.bytes(soup, count),
                _ => random.bytes(fields, count),
            };
            let columns = [2, 3, 12][random.below(3)];
            let all: Vec<u32> = (0..columns).collect();
            let required = &all[random.below(columns as usize + 1)..];
            let step = 1 + random.below(bytes.len() + 100);
            for isa in Isa::all() {
                let scanner = || scanner(&options, columns as usize, required, false);
                let (mut indexed, mut tokenized) = match (scanner(), scanner()) {
                    (Ok(indexed), Ok(tokenized)) => (indexed, tokenized),
                    _ => continue,
                };
                indexed.index.as_mut().unwrap().use_isa(isa);
                tokenized.index = None;
                let (expected, error) = everything(tokenized, &bytes, bytes.len() + 1);
                let (found, found_error) = everything(indexed, &bytes, step);
                let at = (0..found.len().max(expected.len()))
                    .find(|&at| found.get(at) != expected.get(at));
                let differing = at.map(|at| (found.get(at), expected.get(at)));
                assert!(
                    (differing.is_none() || error.is_some()) && error == found_error,
                    "{isa:?} {options:?} {required:?} of {columns}, blocks of {step}: {differing:?} {error:?} {:?}",
                    String::from_utf8_lossy(&bytes)
                );
            }
        }
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
