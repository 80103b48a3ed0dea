//! Sixty-four bytes at a time: which of them separate, quote and end lines, and where the nth of these is.
//!
//! What an instruction set has to give is the trait [`Set`], one module for each. What is made of it is generic and
//! compiled once for each set, in a function that has the set's features: intrinsics are inlined only there.

#![allow(unsafe_code)]

use crate::field::{Field, Rows, Tokens};
use crate::parse::{self, Number};

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

/// The bytes that one mask tells of.
pub const WORD: usize = 64;

/// The words that are classified in one call.
pub const CHUNK: usize = 64;

/// The instructions to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// AVX2, and with it BMI2 and carry-less multiplication.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every machine has.
    Portable,
}

impl Isa {
    /// The best of this machine; with SPARK_STORLETS_PORTABLE set in the environment, what every machine has.
    pub fn best() -> Isa {
        #[cfg(target_arch = "x86_64")]
        if avx2::available() && std::env::var_os("SPARK_STORLETS_PORTABLE").is_none() {
            return Isa::Avx2;
        }
        Isa::Portable
    }

    /// All that this machine has.
    #[cfg(test)]
    pub fn all() -> Vec<Isa> {
        #[cfg(target_arch = "x86_64")]
        if avx2::available() {
            return vec![Isa::Avx2, Isa::Portable];
        }
        vec![Isa::Portable]
    }
}

/// The bytes that mean something, and what else makes a record irregular.
#[derive(Debug, Clone, Copy)]
pub struct Classes {
    pub separator: u8,
    pub quote: u8,
    /// The bytes that end a line, twice the same when there is but one.
    pub ends: [u8; 2],
    /// Not to be found inside of quotes.
    pub escapes: [u8; 2],
    /// Quotes have no meaning.
    pub unquoted: bool,
    /// A quote is escaped by another.
    pub doubled: bool,
    /// Line ends inside of quotes are data.
    pub multi_line: bool,
    /// Blanks at an end of an unquoted field are irregular.
    pub trims: bool,
    /// Bytes that are not ASCII are irregular.
    pub ascii: bool,
}

impl Classes {
    /// Whether there is more to it than separators, quotes, one escape, and line ends that end lines everywhere.
    fn intricate(&self) -> bool {
        let two_escapes = self.escapes[0] != self.escapes[1];
        let other = self.unquoted || self.multi_line;
        self.doubled || self.trims || self.ascii || two_escapes || other
    }
}

/// A bit for each byte of a word, the first byte's the lowest.
struct Masks {
    quotes: u64,
    ends: u64,
    /// Separators and line ends.
    structural: u64,
    escapes: u64,
    /// Bytes up to the space.
    blanks: u64,
    /// Bytes that are not ASCII.
    wide: u64,
}

/// What an instruction set does. Its functions are called only where the machine has it.
trait Set {
    /// The classes in the form that `masks` takes.
    type Needles: Copy;

    unsafe fn needles(classes: &Classes) -> Self::Needles;

    /// The masks of a word; without INTRICATE there is one escape, and `blanks` and `wide` are left out.
    unsafe fn masks<const INTRICATE: bool>(word: &[u8; WORD], needles: &Self::Needles) -> Masks;

    /// Every bit becomes the parity of itself and all below.
    unsafe fn parities(mask: u64) -> u64;

    /// The index of the nth set bit, counted from 0, of a mask that has so many.
    unsafe fn select(mask: u64, nth: u32) -> u32;
}

/// What the words before tell of the next one. But for `quoted` it is about their last byte, in the lowest bit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    /// All ones inside of quotes.
    quoted: u64,
    structural: u64,
    /// It is a quote that closes.
    closes: u64,
    /// It is a quote that opens.
    opens: u64,
    /// It is a blank outside of quotes.
    blank: u64,
}

/// The words to be classified, and the part of the first one that counts.
pub struct Words<'a> {
    pub bytes: &'a [u8],
    /// The offset of the first byte.
    pub offset: usize,
    /// The bytes of the first word that count.
    pub valid: u64,
    /// The byte of the first word, if it is in there, that begins a record.
    pub begin: u64,
    /// The byte of the first word, if it is in there, that is the input's end and thus that of a line.
    pub end: u64,
}

/// What is found in words.
pub struct Found {
    /// The offsets of line ends outside of quotes; behind the first `lines` of them lies nothing of meaning.
    pub ends: Box<[u32]>,
    pub lines: usize,
    /// For each, how many structural bytes precede it in `positions`; only kept with these.
    pub ordinals: Box<[u32]>,
    /// The offsets of all structural bytes, if they are kept: as many as `structurals`.
    pub positions: Option<Vec<u32>>,
    pub structurals: usize,
    /// The offsets of doubled quotes.
    pub doubled: Vec<u32>,
    /// There are quotes.
    pub quoted: bool,
}

impl Found {
    /// Room for what is in one chunk; with `keep` also for the offsets of structural bytes in all chunks.
    pub fn new(keep: bool) -> Found {
        let room = || vec![0; CHUNK * WORD + 1].into_boxed_slice();
        Found {
            ends: room(),
            lines: 0,
            ordinals: room(),
            positions: keep.then(Vec::new),
            structurals: 0,
            doubled: Vec::new(),
            quoted: false,
        }
    }
}

/// Finds line ends in at most CHUNK words, into `found`, and marks structural bytes in `bits`, a word for each. Stops at
/// the first byte that makes a record irregular, and returns its offset.
pub fn classify(
    isa: Isa,
    classes: &Classes,
    words: &Words<'_>,
    before: &mut Before,
    bits: &mut [u64],
    found: &mut Found,
) -> Option<usize> {
    found.lines = 0;
    found.doubled.clear();
    if let Some(positions) = &mut found.positions {
        let room = found.structurals + words.bytes.len() + WORD + FLAT;
        if positions.len() < room {
            positions.resize(room, 0);
        }
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such value but where the machine has these instructions.
        Isa::Avx2 => unsafe { avx2::classify(classes, words, before, bits, found) },
        // SAFETY: portable instructions are everywhere.
        Isa::Portable => unsafe {
            classify_with::<portable::Portable>(classes, words, before, bits, found)
        },
    }
}

/// The offsets that are written at once.
const FLAT: usize = 12;

#[inline(always)]
unsafe fn classify_with<S: Set>(
    classes: &Classes,
    words: &Words<'_>,
    before: &mut Before,
    bits: &mut [u64],
    found: &mut Found,
) -> Option<usize> {
    let edge = words.valid != !0 || words.begin != 0 || words.end != 0;
    macro_rules! classify_as {
        ($intricate:literal, $positions:literal) => {
            // SAFETY: the caller has the set's instructions.
            match edge {
                true => unsafe {
                    classify_as::<S, $intricate, $positions, true>(
                        classes, words, before, bits, found,
                    )
                },
                false => unsafe {
                    classify_as::<S, $intricate, $positions, false>(
                        classes, words, before, bits, found,
                    )
                },
            }
        };
    }
    match (classes.intricate(), found.positions.is_some()) {
        (false, false) => classify_as!(false, false),
        (false, true) => classify_as!(false, true),
        (true, false) => classify_as!(true, false),
        (true, true) => classify_as!(true, true),
    }
}

/// Without EDGE all bytes of all words count, and none begins a record or is the input's end.
#[inline(always)]
unsafe fn classify_as<S: Set, const INTRICATE: bool, const POSITIONS: bool, const EDGE: bool>(
    classes: &Classes,
    words: &Words<'_>,
    before: &mut Before,
    bits: &mut [u64],
    found: &mut Found,
) -> Option<usize> {
    let all_if = |condition: bool| if condition { !0 } else { 0u64 };
    let quoting = all_if(!INTRICATE || !classes.unquoted);
    let ends_break = all_if(!INTRICATE || !classes.multi_line);
    let doubling = all_if(INTRICATE && classes.doubled);
    let trims = all_if(INTRICATE && classes.trims);
    let ascii = all_if(INTRICATE && classes.ascii);
    // SAFETY: the caller has the set's instructions.
    let needles = unsafe { S::needles(classes) };
    let Found {
        ends: line_ends,
        lines,
        ordinals,
        positions,
        structurals,
        doubled,
        quoted,
    } = found;
    let positions = positions.as_deref_mut().unwrap_or_default();
    let (mut valid, mut begin, mut end) = (words.valid, words.begin, words.end);
    let mut last = *before;
    let mut offset = words.offset;
    for (word, bits) in words.bytes.chunks_exact(WORD).zip(bits) {
        if !EDGE {
            (valid, begin, end) = (!0, 0, 0);
        }
        // SAFETY: the caller has the set's instructions, and the chunk is as long as a word.
        let (masks, quotes, parities) = unsafe {
            let masks = S::masks::<INTRICATE>(&*word.as_ptr().cast(), &needles);
            let quotes = masks.quotes & valid & quoting;
            (masks, quotes, S::parities(quotes))
        };
        *quoted |= quotes != 0;
        // An opening quote is inside, a closing one is not.
        let inside = parities ^ last.quoted;
        let ends = (masks.ends & valid) | end;
        let mut structural = ((masks.structural & valid) | end) & !inside;
        let (opens, closes) = (quotes & inside, quotes & !inside);
        let after_structural = structural << 1 | last.structural | begin;
        let after_close = closes << 1 | last.closes;
        let mut breaks = (opens & !(after_structural | (after_close & doubling)))
            | (after_close & !(structural | (quotes & doubling)) & valid)
            | (inside & ((masks.escapes & valid) | (ends & ends_break)));
        let mut pairs = 0;
        if INTRICATE {
            let blanks = masks.blanks & !masks.structural & valid & !inside & trims;
            let after_open = opens << 1 | last.opens;
            breaks |= (masks.wide & valid & ascii)
                | (blanks & after_structural)
                | ((blanks << 1 | last.blank) & structural)
                // To Spark a field that is not selected and is `""` may end at a quote that opens, if this is before a
                // separator: `escape` means to it that the second quote of the two is escaped.
                | (after_open & inside & masks.structural & !masks.ends & doubling);
            pairs = after_close & opens;
            last.opens = opens >> 63;
            last.blank = blanks >> 63;
        }
        last.quoted = all_if(inside >> 63 == 1);
        last.structural = structural >> 63;
        last.closes = closes >> 63;
        let mut irregular = None;
        if breaks != 0 {
            let regular = (breaks & breaks.wrapping_neg()).wrapping_sub(1);
            structural &= regular;
            pairs &= regular;
            irregular = Some(offset + breaks.trailing_zeros() as usize);
        }
        *bits = (*bits & !valid) | structural;
        while INTRICATE && pairs != 0 {
            doubled.push((offset + pairs.trailing_zeros() as usize) as u32);
            pairs &= pairs - 1;
        }

        // One line end is written whether there is one or not: few words have more.
        let base = offset as u32;
        let mut rest = ends & structural;
        let count = rest.count_ones() as usize;
        let mut next = *lines;
        loop {
            line_ends[next] = base.wrapping_add(rest.trailing_zeros());
            if POSITIONS {
                let below = (rest & rest.wrapping_neg()).wrapping_sub(1);
                ordinals[next] = *structurals as u32 + (structural & below).count_ones();
            }
            rest &= rest.wrapping_sub(1);
            next += 1;
            if rest == 0 {
                break;
            }
        }
        *lines += count;

        if POSITIONS {
            let count = structural.count_ones() as usize;
            let out = &mut positions[*structurals..][..WORD + FLAT];
            let mut at = 0;
            // As many as most words have are written without a look at how many there are.
            loop {
                for out in &mut out[at..at + FLAT] {
                    *out = base.wrapping_add(structural.trailing_zeros());
                    structural &= structural.wrapping_sub(1);
                }
                at += FLAT;
                if at >= count {
                    break;
                }
            }
            *structurals += count;
        }
        if irregular.is_some() {
            return irregular;
        }
        (valid, begin, end) = (!0, 0, 0);
        offset += WORD;
    }
    *before = last;
    None
}

/// Writes the values that `read` makes of the numbers among texts, those of [`Token::number`](crate::parse::Token::number),
/// each in its text's place. Appends to `others` the places of texts that it makes nothing of, and perhaps of a few more.
/// With WHOLE no number has a point.
pub fn numbers<const WHOLE: bool, T>(
    isa: Isa,
    tokens: Tokens<'_>,
    values: &mut [T],
    others: &mut Vec<u32>,
    read: impl Fn(Number) -> Option<T>,
) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such value but where the machine has these instructions.
        Isa::Avx2 => unsafe { avx2::numbers::<WHOLE, T>(tokens, values, others, read) },
        Isa::Portable => {
            for (at, (value, token)) in values.iter_mut().zip(tokens.iter()).enumerate() {
                match token.and_then(|token| token.number()).and_then(&read) {
                    Some(read) => *value = read,
                    None => others.push(at as u32),
                }
            }
        }
    }
}

/// Writes the decimals among texts as `numbers` does, times 10^scale, if they have at most `precision` digits.
pub fn decimals(
    isa: Isa,
    tokens: Tokens<'_>,
    precision: u8,
    scale: u8,
    values: &mut [i128],
    others: &mut Vec<u32>,
) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such value but where the machine has these instructions.
        Isa::Avx2 => unsafe { avx2::decimals(tokens, precision, scale, values, others) },
        Isa::Portable => numbers::<false, _>(isa, tokens, values, others, |number| {
            parse::scaled(number, precision, scale)
        }),
    }
}

/// The records in which a field is looked for.
pub struct Records<'a> {
    pub buf: &'a [u8],
    /// A bit for each byte that is structural, and two words more than that needs.
    pub bits: &'a [u64],
    /// Where each record begins and ends.
    pub lines: &'a [(u32, u32)],
    pub quote: Option<u8>,
    /// The field for a quoted one with nothing in it.
    pub empty: Field,
}

/// Appends the field of a column for each of the records `rows`, in all of which it is regular.
pub fn locate(
    isa: Isa,
    records: &Records<'_>,
    column: u32,
    rows: Rows<'_>,
    fields: &mut Vec<Field>,
) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such value but where the machine has these instructions.
        Isa::Avx2 => unsafe { avx2::locate(records, column, rows, fields) },
        // SAFETY: portable instructions are everywhere.
        Isa::Portable => unsafe {
            locate_with::<portable::Portable>(records, column, rows, fields)
        },
    }
}

#[inline(always)]
unsafe fn locate_with<S: Set>(
    records: &Records<'_>,
    column: u32,
    rows: Rows<'_>,
    fields: &mut Vec<Field>,
) {
    let made = fields.len();
    fields.resize(made + rows.len(), Field::NULL);
    let fields = &mut fields[made..];
    // SAFETY: the caller has the set's instructions.
    unsafe {
        match rows {
            Rows::Between(start, end) => {
                for (field, &line) in fields.iter_mut().zip(&records.lines[start..end]) {
                    *field = locate_in::<S>(records, column, line);
                }
            }
            Rows::Indexes(rows) => {
                for (field, &row) in fields.iter_mut().zip(rows) {
                    *field = locate_in::<S>(records, column, records.lines[row as usize]);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn locate_in<S: Set>(records: &Records<'_>, column: u32, line: (u32, u32)) -> Field {
    let (start, line_end) = line;
    let word = start as usize / WORD;
    let shift = start % WORD as u32;
    let bits = &records.bits[word..word + 3];
    // The 128 bytes from the record's start: most fields lie in them.
    let low = bits[0] >> shift | (bits[1] << 1) << (63 - shift);
    let high = bits[1] >> shift | (bits[2] << 1) << (63 - shift);
    let in_low = low.count_ones();
    if in_low + high.count_ones() <= column {
        return records.far(column, line);
    }
    // Not a closure: those do not have the features of the function that they are in.
    macro_rules! nth {
        ($nth:expr) => {{
            let nth = $nth;
            // SAFETY: the caller has the set's instructions; the bit is in one of the two.
            unsafe {
                if nth < in_low {
                    S::select(low, nth)
                } else {
                    WORD as u32 + S::select(high, nth - in_low)
                }
            }
        }};
    }
    let end = start + nth!(column);
    let begin = match column {
        0 => start,
        _ => start + nth!(column - 1) + 1,
    };
    records.between(begin, end, line_end)
}

impl Records<'_> {
    /// What [`locate_in`] finds, but for any distance from the record's start.
    #[inline(never)]
    fn far(&self, column: u32, (start, line_end): (u32, u32)) -> Field {
        let mut word = start as usize / WORD;
        let mut bits = self.bits[word] & (!0 << (start as usize % WORD));
        let (mut begin, mut left) = (start, column);
        while word * WORD <= line_end as usize {
            while bits != 0 {
                let at = (word * WORD) as u32 + bits.trailing_zeros();
                if left == 0 {
                    return self.between(begin, at, line_end);
                }
                left -= 1;
                begin = at + 1;
                bits &= bits - 1;
            }
            word += 1;
            bits = self.bits[word];
        }
        Field::NULL
    }

    /// The field of a record from `begin` to the structural byte at `end`.
    #[inline(always)]
    pub fn between(&self, begin: u32, end: u32, line_end: u32) -> Field {
        if begin >= end || end > line_end {
            return Field::NULL;
        }
        let (begin, end) = (begin as usize, end as usize);
        if Some(self.buf[begin]) != self.quote {
            Field::raw(begin, end)
        } else if end - begin > 2 {
            Field::raw(begin + 1, end - 1)
        } else {
            self.empty
        }
    }
}
