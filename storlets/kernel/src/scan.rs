//! Finding records, and in them the fields that are required.

use crate::arrow::Array;
use crate::column::{self, ColumnType};
use crate::conversion::Conversion;
use crate::dialect::Dialect;
use crate::error::Error::{self, *};
use crate::find::find;
use crate::options::Options;
use crate::quoted::{self, ESCAPE, QUOTE, SPACE};
use crate::text;

/// The most tokens a record may have [1.22].
const MAX_TOKENS: usize = 20480;

/// The largest buffer, and the most text of decoded quoted fields, in one scan.
const MAX_BYTES: usize = i32::MAX as usize;

/// The chars that Spark's tokenizer holds at a time. Its shortcuts do not reach across.
const TOKENIZER_CHARS: usize = 1 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// The number of records taken.
    pub records: usize,
    /// The offset of the first byte that belongs to no record taken and to no blank line passed.
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
    sep: u8,
    /// (column, slot), in the order of the columns.
    wanted: Vec<(usize, usize)>,
    selecting: bool,
    first: bool,
    records: usize,
    /// The required fields of all records, record by record, in slot order.
    fields: Vec<Field>,
    /// The text of fields that differ from their bytes.
    decoded: Vec<u8>,
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
        let Selection {
            columns, required, ..
        } = *selection;
        let sep = plain_separator(&dialect, &conversion).ok_or(Unsupported)?;
        let mut wanted: Vec<_> = required.iter().map(|&c| c as usize).zip(0..).collect();
        wanted.sort_unstable();
        let distinct = wanted.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let known = wanted.last().map_or(true, |last| last.0 < columns);
        if !distinct || !known {
            return Err(InvalidArgument);
        }
        Ok(Scanner {
            sep,
            selecting: selection.pruning && wanted.len() < columns,
            wanted,
            first: at_start,
            records: 0,
            fields: Vec::new(),
            decoded: Vec::new(),
        })
    }

    /// Takes the records of `buf` that begin before `limit` and are complete; `buf` begins with a record. When `last`,
    /// the end of `buf` is the object's end and ends its last record too [1.1] [1.3] [1.4]. Forgets the scan before.
    ///
    /// Every `\n` and every `\r` ends a record; the empty line in between `\r\n` is blank and thus no record [1.13].
    pub fn scan(&mut self, buf: &[u8], limit: usize, last: bool) -> Result<Scanned, Error> {
        self.forget();
        let scanned = self.take(buf, limit, last);
        if scanned.is_err() {
            self.forget();
        }
        scanned
    }

    fn forget(&mut self) {
        self.records = 0;
        self.fields.clear();
        self.decoded.clear();
    }

    fn take(&mut self, buf: &[u8], limit: usize, last: bool) -> Result<Scanned, Error> {
        if buf.len() > MAX_BYTES {
            return Err(BufferTooLarge);
        }
        let mut at = 0;
        while at < limit.min(buf.len()) {
            let taken = match past_blank(buf, at, last) {
                Line::Text => self.record(buf, at, last)?,
                Line::Blank(end) => Some(end),
                Line::Incomplete => None,
            };
            match taken {
                Some(end) => at = end,
                None => break,
            }
        }
        Ok(Scanned {
            records: self.records,
            consumed: at,
        })
    }

    /// The bytes of a field of the last scan's `record`-th record; empty means null. Malformed UTF-8 is still in it.
    pub fn field<'a>(&'a self, buf: &'a [u8], slot: usize, record: usize) -> &'a [u8] {
        self.fields[record * self.wanted.len() + slot].bytes(buf, &self.decoded)
    }

    /// A column of the last scan's records, or only of those whose indexes are in `rows`. `buf` is that scan's buffer.
    pub fn column(
        &self,
        buf: &[u8],
        slot: usize,
        kind: ColumnType,
        rows: Option<&[u64]>,
    ) -> Result<Array, Error> {
        if slot >= self.wanted.len() {
            return Err(InvalidArgument);
        }
        match rows {
            None => column::build(
                kind,
                (0..self.records).map(|record| self.field(buf, slot, record)),
            ),
            Some(rows) if rows.iter().any(|&row| row >= self.records as u64) => {
                Err(InvalidArgument)
            }
            Some(rows) => column::build(
                kind,
                rows.iter().map(|&row| self.field(buf, slot, row as usize)),
            ),
        }
    }

    /// Takes the record at `start` and returns where the next one begins. None when it is incomplete.
    fn record(&mut self, buf: &[u8], start: usize, last: bool) -> Result<Option<usize>, Error> {
        let marks = (self.fields.len(), self.decoded.len());
        let end = self.fields_of(buf, start, last)?;
        let end = match end {
            Some(end) => end,
            None => {
                self.fields.truncate(marks.0);
                self.decoded.truncate(marks.1);
                return Ok(None);
            }
        };
        self.first = false;
        self.records += 1;
        Ok(Some((end + 1).min(buf.len())))
    }

    /// Locates the required fields of the record at `start` and returns where the record ends. A short record's missing
    /// fields are null, a long one's extra tokens are passed over [6.2] [6.5].
    fn fields_of(&mut self, buf: &[u8], start: usize, last: bool) -> Result<Option<usize>, Error> {
        let mut line = Cursor::new(buf, start, self.sep, last, self.first);
        if self.wanted.is_empty() {
            return Ok(line.end());
        }
        let base = self.fields.len();
        self.fields.resize(base + self.wanted.len(), Field::NULL);
        let all_selected = self.first || !self.selecting;
        let mut wanted = self.wanted.iter().peekable();
        for column in 0.. {
            let slot = match wanted.peek() {
                Some(&&(next, slot)) => (next == column).then_some(slot),
                None => break,
            };
            let selected = all_selected || slot.is_some();
            let field = match line.field(selected, &mut self.decoded)? {
                Some(field) => field,
                None => return Ok(None),
            };
            if let Some(slot) = slot {
                self.fields[base + slot] = field;
                wanted.next();
            }
            if !line.separator() {
                break;
            }
        }
        let end = line.end();
        if line.only_bom() && self.wanted[0].0 == 0 {
            let slot = self.wanted[0].1;
            self.fields[base + slot] = nul(&mut self.decoded);
        }
        if end.map_or(false, |end| end - start >= MAX_TOKENS) {
            let line = Cursor::new(buf, start, self.sep, last, self.first);
            self.count_tokens(line, all_selected)?;
        }
        Ok(end)
    }

    /// Fails when a record has too many tokens, also beyond the required columns and beyond the schema [1.22].
    fn count_tokens(&self, mut line: Cursor<'_>, all_selected: bool) -> Result<(), Error> {
        let mut discarded = Vec::new();
        for column in 0..MAX_TOKENS {
            let selected = all_selected || self.wanted.iter().any(|wanted| wanted.0 == column);
            discarded.clear();
            line.field(selected, &mut discarded)?;
            if !line.separator() {
                return Ok(());
            }
        }
        Err(TooManyTokens)
    }
}

/// All tokens of the line that `line` starts with, as bytes; empty means null. They are those of a tokenizer that has
/// seen no line yet, as Spark's is when it reads the header's names [1.24].
pub fn tokens(
    dialect: &Dialect,
    conversion: &Conversion,
    line: &[u8],
) -> Result<Vec<Vec<u8>>, Error> {
    let sep = plain_separator(dialect, conversion).ok_or(Unsupported)?;
    if line.len() > MAX_BYTES {
        return Err(BufferTooLarge);
    }
    let mut tokens = Vec::new();
    let mut line = Cursor::new(line, 0, sep, true, true);
    if line.end() == Some(line.start) {
        return Ok(tokens);
    }
    if line.only_bom() {
        return Ok(vec![vec![0]]);
    }
    loop {
        let mut decoded = Vec::new();
        if let Some(field) = line.field(true, &mut decoded)? {
            tokens.push(field.bytes(line.buf, &decoded).to_vec());
        }
        if !line.separator() {
            return Ok(tokens);
        }
        if tokens.len() == MAX_TOKENS {
            return Err(TooManyTokens);
        }
    }
}

/// The token of a line that is nothing but a byte order mark, when it is the first that Spark's tokenizer reads: the
/// mark is dropped, and then the tokenizer reads a char of its empty buffer.
fn nul(decoded: &mut Vec<u8>) -> Field {
    decoded.push(0);
    Field::decoded(decoded.len() - 1, decoded.len())
}

/// The separator, when it is one ASCII byte and all else is as by default.
fn plain_separator(dialect: &Dialect, conversion: &Conversion) -> Option<u8> {
    let mut none = Options::decode(&[]).ok()?;
    let mut plain = Dialect::parse(&mut none).ok()?;
    let like = Conversion::parse(&mut none).ok()?;
    plain.separator = dialect.separator.clone();
    let sep = u8::try_from(*plain.separator.first()?).ok()?;
    let simple = sep.is_ascii() && !matches!(sep, 0 | b'\n' | b'\r' | QUOTE | ESCAPE);
    let same = plain == *dialect && conversion.null_value == like.null_value;
    (same && simple && plain.separator.len() == 1).then_some(sep)
}

/// What the line at some position is.
enum Line {
    Text,
    /// Nothing but characters up to U+0020 [1.13]; where the next line begins.
    Blank(usize),
    /// Blank as far as it is known.
    Incomplete,
}

#[inline]
fn past_blank(buf: &[u8], start: usize, last: bool) -> Line {
    for (at, &byte) in buf.iter().enumerate().skip(start) {
        match byte {
            b'\n' | b'\r' => return Line::Blank(at + 1),
            0..=SPACE => {}
            _ => return Line::Text,
        }
    }
    if last {
        Line::Blank(buf.len())
    } else {
        Line::Incomplete
    }
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
        length: 0,
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
    fn bytes<'a>(&self, buf: &'a [u8], decoded: &'a [u8]) -> &'a [u8] {
        let source = if self.start & Field::DECODED == 0 {
            buf
        } else {
            decoded
        };
        let start = (self.start & !Field::DECODED) as usize;
        &source[start..start + self.length as usize]
    }
}

/// Walks over the fields of one line.
struct Cursor<'a> {
    buf: &'a [u8],
    start: usize,
    sep: u8,
    last: bool,
    at: usize,
    bom: bool,
    /// Where the line ends, once it is known.
    end: Option<usize>,
    /// A position of the line and how many chars come before it.
    chars: (usize, usize),
}

impl<'a> Cursor<'a> {
    /// With `first`, the line is the first that Spark's tokenizer reads, which drops a byte order mark.
    fn new(buf: &'a [u8], start: usize, sep: u8, last: bool, first: bool) -> Self {
        let bom = first && buf[start..].starts_with(BOM);
        Cursor {
            buf,
            start,
            sep,
            last,
            at: start + if bom { BOM.len() } else { 0 },
            bom,
            end: None,
            chars: (start, 0),
        }
    }

    /// Whether the line is nothing but a byte order mark that was dropped.
    fn only_bom(&mut self) -> bool {
        self.bom && self.end() == Some(self.start + BOM.len())
    }

    /// Where the line ends: at its terminator, or at the buffer's end when that is the object's. None when unknown.
    fn end(&mut self) -> Option<usize> {
        if self.end.is_none() {
            self.end = self.complete(find(self.buf, self.at, [b'\n', b'\r']));
        }
        self.end
    }

    fn complete(&self, end: usize) -> Option<usize> {
        (end < self.buf.len() || self.last).then_some(end)
    }

    /// Steps over a separator. False at the end of the line.
    fn separator(&mut self) -> bool {
        let found = self.buf.get(self.at) == Some(&self.sep);
        self.at += usize::from(found);
        found
    }

    /// Reads the field at the cursor and moves to its end. None when the line is incomplete. An unselected field's
    /// value has no meaning, only its end has.
    #[inline]
    fn field(&mut self, selected: bool, decoded: &mut Vec<u8>) -> Result<Option<Field>, Error> {
        let start = self.at;
        if self.buf.get(start) == Some(&QUOTE) {
            return self.quoted_field(selected, decoded);
        }
        let end = self.complete(find(self.buf, start, [self.sep, b'\n', b'\r']));
        Ok(end.map(|end| {
            self.at = end;
            Field::raw(start, end)
        }))
    }

    fn quoted_field(
        &mut self,
        selected: bool,
        decoded: &mut Vec<u8>,
    ) -> Result<Option<Field>, Error> {
        let open = self.at;
        let close = find(self.buf, open + 1, [QUOTE, ESCAPE, b'\n', b'\r']);
        if let Some([QUOTE, after]) = self.buf.get(close..close + 2) {
            if [self.sep, b'\n', b'\r'].contains(after) {
                self.at = close + 1;
                return Ok(Some(Field::raw(open + 1, close)));
            }
        }
        let line = match self.end() {
            Some(end) => &self.buf[..end],
            None => return Ok(None),
        };
        if !selected {
            if let Some(end) = quoted::skip(line, open, self.sep) {
                if self.in_one_piece(open, end) {
                    self.at = end;
                    return Ok(Some(Field::NULL));
                }
            }
        }
        let value = decoded.len();
        self.at = quoted::decode(line, open, self.sep, decoded);
        if decoded.len() > MAX_BYTES {
            return Err(BufferTooLarge);
        }
        Ok(Some(Field::decoded(value, decoded.len())))
    }

    /// Whether Spark's tokenizer holds both positions of the line at once. `from` never decreases from call to call.
    fn in_one_piece(&mut self, from: usize, to: usize) -> bool {
        if to - self.start < TOKENIZER_CHARS {
            return true;
        }
        let (counted, chars) = self.chars;
        let before_from = chars + text::utf16_len(&self.buf[counted..from]);
        let before_to = before_from + text::utf16_len(&self.buf[from..to]);
        self.chars = (from, before_from);
        before_from / TOKENIZER_CHARS == before_to / TOKENIZER_CHARS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options<'static> {
        Options::decode(&[]).unwrap()
    }

    fn conversion() -> Conversion {
        Conversion::parse(&mut options()).unwrap()
    }

    fn dialect(sep: u8) -> Dialect {
        let mut dialect = Dialect::parse(&mut options()).unwrap();
        dialect.separator = vec![sep.into()];
        dialect
    }

    fn scanner(
        sep: u8,
        columns: usize,
        required: &[u32],
        at_start: bool,
    ) -> Result<Scanner, Error> {
        let selection = Selection {
            columns,
            required,
            pruning: true,
        };
        Scanner::new(dialect(sep), conversion(), &selection, at_start)
    }

    fn rows(sep: u8, columns: usize, required: &[u32], bytes: &[u8]) -> Vec<Vec<String>> {
        let mut scanner = scanner(sep, columns, required, false).unwrap();
        let scanned = scanner.scan(bytes, bytes.len(), true).unwrap();
        assert_eq!(scanned.consumed, bytes.len());
        let text =
            |slot, record| String::from_utf8_lossy(scanner.field(bytes, slot, record)).into();
        (0..scanned.records)
            .map(|record| (0..required.len()).map(|slot| text(slot, record)).collect())
            .collect()
    }

    #[test]
    fn records_end_at_every_kind_of_line_end() {
        for end in ["\n", "\r", "\r\n", "\r\r\n", "\n \t\x00\n"] {
            let bytes = ["1,2", "3,4", "5,6"].join(end);
            let expected = [["1", "2"], ["3", "4"], ["5", "6"]];
            assert_eq!(
                rows(b',', 2, &[0, 1], bytes.as_bytes()),
                expected,
                "{end:?}"
            );
        }
    }

    #[test]
    fn ragged_records() {
        let bytes = b"1\n2,\n,3\n4,5,6\n\"7\n";
        let expected = [["1", ""], ["2", ""], ["", "3"], ["4", "5"], ["7", ""]];
        assert_eq!(rows(b',', 2, &[0, 1], bytes), expected);
        assert_eq!(rows(b',', 3, &[1, 0], bytes)[3], ["5", "4"]);
    }

    #[test]
    fn unselected_quoted_fields_take_the_shortcut() {
        let bytes = br#""a\\",b",c"#;
        assert_eq!(rows(b',', 2, &[1], bytes), [["c"]]);
        assert_eq!(rows(b',', 2, &[0, 1], bytes), [["a\\", "b\""]]);
    }

    #[test]
    fn nothing_required_counts_lines() {
        assert_eq!(rows(b',', 2, &[], b"a\n \n\n\"b\nc").len(), 3);
    }

    #[test]
    fn first_record_of_an_object() {
        let scan = |bytes: &[u8], columns| {
            let mut scanner = scanner(b',', columns, &[0, 1], true).unwrap();
            let records = scanner.scan(bytes, bytes.len(), true).unwrap().records;
            let field = |at| String::from_utf8_lossy(scanner.field(bytes, at % 2, at / 2)).into();
            (0..records * 2).map(field).collect::<Vec<String>>()
        };
        assert_eq!(scan(b"\xef\xbb\xbf\"a\",b\n", 2), ["a", "b"]);
        assert_eq!(scan(b"\xef\xbb\xbf\nb", 2), ["\0", "", "b", ""]);
        let mut scanner = scanner(b',', 3, &[1], true).unwrap();
        let bytes = b"\"a\\\\\",b\",c\n\"a\\\\\",b\",c\n";
        scanner.scan(bytes, bytes.len(), true).unwrap();
        assert_eq!(scanner.field(bytes, 0, 0), b"b\"");
        assert_eq!(scanner.field(bytes, 0, 1), b"c");
    }

    #[test]
    fn limit_and_incomplete_records() {
        let bytes = b"ab,c\n\nde,f\ng";
        let mut scanner = scanner(b',', 2, &[0], false).unwrap();
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
    fn token_limit() {
        let most = vec![b','; MAX_TOKENS - 1];
        let more = vec![b','; MAX_TOKENS];
        for required in [&[0][..], &[0, 1]] {
            let mut scanner = scanner(b',', 2, required, false).unwrap();
            assert!(scanner.scan(&most, most.len(), true).is_ok());
            let result = scanner.scan(&more, more.len(), true);
            assert_eq!(result, Err(TooManyTokens));
        }
        let mut counter = scanner(b',', 2, &[], false).unwrap();
        assert_eq!(counter.scan(&more, more.len(), true).unwrap().records, 1);
        assert_eq!(
            tokens(&dialect(b','), &conversion(), &most).unwrap().len(),
            MAX_TOKENS
        );
        assert_eq!(
            tokens(&dialect(b','), &conversion(), &more),
            Err(TooManyTokens)
        );
    }

    #[test]
    fn arguments_are_checked() {
        for sep in [0, b'\n', b'\r', b'"', b'\\', 0x80] {
            assert!(scanner(sep, 1, &[0], false).is_err());
        }
        assert!(scanner(b',', 1, &[1], false).is_err());
        assert!(scanner(b',', 2, &[1, 1], false).is_err());
    }
}
