//! Columns of values: one Arrow array from one field of many records.

use crate::arrow::{Array, Values};
use crate::conversion::{Conversion, ISO_DATE};
use crate::error::Error;
use crate::field::Tokens;
use crate::instant::{self, Instants};
use crate::parse::{self, Number, Token};
use crate::pattern::Pattern;
use crate::simd::{self, Isa};
use crate::text;
use crate::zone::Zones;
use std::fmt;
use std::str::from_utf8;

/// The types a column can have: Spark's, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ColumnType {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal { precision: u8, scale: u8 },
    String,
    Binary,
    Date,
    Timestamp,
    TimestampNtz,
}

impl ColumnType {
    /// The type that Spark calls `name`.
    pub fn parse(name: &str) -> Result<ColumnType, Error> {
        Ok(match name {
            "boolean" => ColumnType::Boolean,
            "tinyint" => ColumnType::TinyInt,
            "smallint" => ColumnType::SmallInt,
            "int" => ColumnType::Int,
            "bigint" => ColumnType::BigInt,
            "float" => ColumnType::Float,
            "double" => ColumnType::Double,
            "string" => ColumnType::String,
            "binary" => ColumnType::Binary,
            "date" => ColumnType::Date,
            "timestamp" => ColumnType::Timestamp,
            "timestamp_ntz" => ColumnType::TimestampNtz,
            _ => decimal(name).ok_or(Error::InvalidArgument)?,
        })
    }
}

impl fmt::Display for ColumnType {
    /// The name that `parse` knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnType::Boolean => "boolean",
            ColumnType::TinyInt => "tinyint",
            ColumnType::SmallInt => "smallint",
            ColumnType::Int => "int",
            ColumnType::BigInt => "bigint",
            ColumnType::Float => "float",
            ColumnType::Double => "double",
            ColumnType::String => "string",
            ColumnType::Binary => "binary",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
            ColumnType::TimestampNtz => "timestamp_ntz",
            ColumnType::Decimal { precision, scale } => {
                return write!(f, "decimal({precision},{scale})")
            }
        })
    }
}

fn decimal(name: &str) -> Option<ColumnType> {
    let inner = name.strip_prefix("decimal(")?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',')?;
    let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
    let fits = (1..=38).contains(&precision) && scale <= precision;
    fits.then_some(ColumnType::Decimal { precision, scale })
}

/// The column of the given tokens, and which of them did not convert, see [`Column`].
pub fn build(
    kind: ColumnType,
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: Tokens<'_>,
) -> Result<(Array, Vec<usize>), Error> {
    let mut column = Column::new(kind, tokens.fields.len());
    column.append(conversion, zones, tokens)?;
    Ok(column.finish())
}

/// A column that is made of some tokens after the others.
pub struct Column {
    kind: ColumnType,
    values: Values,
    nulls: Nulls,
    most: Most,
}

/// What is not in a column's values.
struct Nulls {
    validity: Validity,
    /// The tokens that did not convert: those are null [6.2], as is a token that equals `nullValue` whether it was quoted
    /// or not [4.1].
    failed: Vec<usize>,
    /// The number of values made before.
    made: usize,
}

impl Column {
    /// A column of so many values.
    pub fn new(kind: ColumnType, length: usize) -> Column {
        use ColumnType::*;
        Column {
            kind,
            values: match kind {
                Boolean => Values::Bits(Vec::with_capacity((length + 7) / 8)),
                TinyInt => Values::Int8(Vec::with_capacity(length)),
                SmallInt => Values::Int16(Vec::with_capacity(length)),
                Int | Date => Values::Int32(Vec::with_capacity(length)),
                BigInt | Timestamp | TimestampNtz => Values::Int64(Vec::with_capacity(length)),
                Float => Values::Float32(Vec::with_capacity(length)),
                Double => Values::Float64(Vec::with_capacity(length)),
                Decimal { .. } => Values::Decimal(Vec::with_capacity(length)),
                String | Binary => {
                    let mut offsets = Vec::with_capacity(length + 1);
                    offsets.push(0);
                    let bytes = Vec::new();
                    Values::Utf8 { offsets, bytes }
                }
            },
            nulls: Nulls {
                validity: Validity::all(length),
                failed: Vec::new(),
                made: 0,
            },
            most: Most {
                isa: Isa::best(),
                others: Vec::new(),
            },
        }
    }

    /// Appends the values of tokens: a multiple of eight, unless they are the last.
    ///
    /// `zones` are those known so far; a timestamp in another one is an error, and its name is left there.
    pub fn append(
        &mut self,
        conversion: &Conversion,
        zones: &mut Zones,
        tokens: Tokens<'_>,
    ) -> Result<(), Error> {
        let names = conversion.names();
        let nulls = &mut self.nulls;
        let present = Present { conversion, tokens };
        let most = &mut self.most;
        match (self.kind, &mut self.values) {
            (_, Values::Utf8 { offsets, bytes }) => {
                strings(conversion, tokens, nulls, offsets, bytes)?;
            }
            (_, Values::Bits(bytes)) => {
                let mut values = Vec::new();
                let read = |token: Token<'_>| parse::boolean(token.text());
                convert(present, nulls, &mut values, read);
                bytes.extend(bits(&values));
            }
            (_, Values::Int8(values)) => whole(present, most, nulls, values),
            (_, Values::Int16(values)) => whole(present, most, nulls, values),
            (ColumnType::Date, Values::Int32(values)) => {
                dates(conversion, present, most, nulls, values)?;
            }
            (_, Values::Int32(values)) => whole(present, most, nulls, values),
            (ColumnType::Timestamp, Values::Int64(values)) => {
                timestamps(conversion, zones, present, nulls, values)?;
            }
            (ColumnType::TimestampNtz, Values::Int64(values)) => {
                local_timestamps(conversion, present, nulls, values)?;
            }
            (_, Values::Int64(values)) => whole(present, most, nulls, values),
            (_, Values::Float32(values)) => convert(present, nulls, values, |token| {
                parse::float(token.text(), &names)
            }),
            (_, Values::Float64(values)) => {
                let places = places(values, tokens);
                let others = match names.odd {
                    false => most.numbers::<false, _>(present, places, parse::exact),
                    true => most.none(present),
                };
                let parse = |token: Token<'_>| parse::double(token, &names);
                convert_those(present, nulls, places, others, parse);
            }
            (ColumnType::Decimal { precision, scale }, Values::Decimal(values)) => {
                let places = places(values, tokens);
                let others = most.decimals(present, precision, scale, places);
                let parse = |token: Token<'_>| parse::decimal(token, precision, scale);
                convert_those(present, nulls, places, others, parse);
            }
            (_, Values::Decimal(_) | Values::UInt64(_)) => return Err(Error::Internal),
        }
        self.nulls.made += tokens.fields.len();
        Ok(())
    }

    /// The column, and which of its tokens did not convert.
    pub fn finish(self) -> (Array, Vec<usize>) {
        let Nulls {
            validity, failed, ..
        } = self.nulls;
        (Array::new(validity, self.values), failed)
    }
}

/// The tokens that are not null.
#[derive(Clone, Copy)]
pub struct Present<'a> {
    pub conversion: &'a Conversion,
    pub tokens: Tokens<'a>,
}

impl<'a> Present<'a> {
    /// A token; None is null.
    #[inline(always)]
    pub fn get(&self, at: usize) -> Option<Token<'a>> {
        let token = self.tokens.get(at)?;
        match self.conversion.is_null(token.text()) {
            true => None,
            false => Some(token),
        }
    }
}

fn dates(
    conversion: &Conversion,
    tokens: Present<'_>,
    most: &mut Most,
    nulls: &mut Nulls,
    values: &mut Vec<i32>,
) -> Result<(), Error> {
    let fallback = conversion.date_fallback;
    let iso = Some(Pattern::parse(ISO_DATE));
    let format = match &conversion.date_format {
        None if fallback == Some(false) && conversion.prefer_date => &iso,
        given => given,
    };
    match format {
        None => {
            let legacy = fallback != Some(false);
            let places = places(values, tokens.tokens);
            let others = most.dates(tokens, places);
            convert_those(tokens, nulls, places, others, |token| {
                parse::date(token.text(), conversion.prefer_date, legacy)
            });
        }
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => {
            convert(tokens, nulls, values, |token| {
                match pattern.read(&text::lossy(token.text())) {
                    Some(parsed) => parsed.days.try_into().ok(),
                    None if fallback == Some(true) => parse::date(token.text(), false, true),
                    None => None,
                }
            });
        }
    }
    Ok(())
}

fn timestamps(
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: Present<'_>,
    nulls: &mut Nulls,
    values: &mut Vec<i64>,
) -> Result<(), Error> {
    let format = match &conversion.timestamp_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => Some(pattern),
        None => None,
    };
    let fallback = conversion.date_fallback.unwrap_or(format.is_none());
    let mut instants = Instants::new(conversion, zones);
    convert(tokens, nulls, values, |token| {
        let token = token.text();
        match format.map(|pattern| pattern.read(&text::lossy(token))) {
            Some(Some(parsed)) => return instants.parsed(parsed),
            Some(None) if !fallback => return None,
            _ => {}
        }
        let found = instants.lenient(token);
        found.or_else(|| instants.lenient(&parse::without_gmt(token).filter(|_| fallback)?))
    });
    instants.complete()
}

fn local_timestamps(
    conversion: &Conversion,
    tokens: Present<'_>,
    nulls: &mut Nulls,
    values: &mut Vec<i64>,
) -> Result<(), Error> {
    match &conversion.timestamp_ntz_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => convert(tokens, nulls, values, |token| {
            let parsed = pattern.read(&text::lossy(token.text()))?;
            instant::local_parsed(parsed)
        }),
        None => convert(tokens, nulls, values, |token| {
            instant::local_lenient(token.text())
        }),
    }
    Ok(())
}

/// Reads the tokens of a column that have the form that most have, and tells which have another.
struct Most {
    isa: Isa,
    others: Vec<u32>,
}

impl Most {
    /// Writes what `read` makes of numbers of at most sixteen characters; with WHOLE none of them has a point.
    fn numbers<const WHOLE: bool, T>(
        &mut self,
        tokens: Present<'_>,
        values: &mut [T],
        read: impl Fn(Number) -> Option<T>,
    ) -> &[u32] {
        if is_number(&tokens.conversion.null_value) {
            return self.none(tokens);
        }
        self.others.clear();
        simd::numbers::<WHOLE, T>(self.isa, tokens.tokens, values, &mut self.others, read);
        &self.others
    }

    /// Writes decimals of at most sixteen characters.
    fn decimals(
        &mut self,
        tokens: Present<'_>,
        precision: u8,
        scale: u8,
        values: &mut [i128],
    ) -> &[u32] {
        if is_number(&tokens.conversion.null_value) {
            return self.none(tokens);
        }
        self.others.clear();
        let (isa, others) = (self.isa, &mut self.others);
        simd::decimals(isa, tokens.tokens, precision, scale, values, others);
        others
    }

    /// Writes dates of the form `yyyy-MM-dd`.
    fn dates(&mut self, tokens: Present<'_>, values: &mut [i32]) -> &[u32] {
        if tokens.conversion.null_value.len() == parse::ISO_DATE_LENGTH {
            return self.none(tokens);
        }
        self.others.clear();
        let tokens = tokens.tokens;
        for (at, (value, field)) in values.iter_mut().zip(tokens.fields).enumerate() {
            match tokens.exactly(field).and_then(parse::iso_date) {
                Some(date) => *value = date,
                None => self.others.push(at as u32),
            }
        }
        &self.others
    }

    /// Reads none of them.
    fn none(&mut self, tokens: Present<'_>) -> &[u32] {
        self.others.clear();
        self.others.extend(0..tokens.tokens.fields.len() as u32);
        &self.others
    }
}

/// Whether nullValue is read as a number: then every number has to be compared with it.
fn is_number(null_value: &str) -> bool {
    Token::from(null_value.as_bytes()).number().is_some()
}

fn whole<T: Clone + Default + TryFrom<i64>>(
    tokens: Present<'_>,
    most: &mut Most,
    nulls: &mut Nulls,
    values: &mut Vec<T>,
) {
    let read = |number: Number| number.whole()?.try_into().ok();
    let places = places(values, tokens.tokens);
    let others = most.numbers::<true, T>(tokens, places, read);
    convert_those(tokens, nulls, places, others, parse::int);
}

/// Appends values of which any token converts or does not.
fn convert<'a, T: Clone + Default>(
    tokens: Present<'a>,
    nulls: &mut Nulls,
    values: &mut Vec<T>,
    mut parse: impl FnMut(Token<'a>) -> Option<T>,
) {
    let places = places(values, tokens.tokens);
    for (at, place) in places.iter_mut().enumerate() {
        convert_one(tokens, nulls, at, place, &mut parse);
    }
}

/// Writes the values of those tokens that `others` names.
fn convert_those<'a, T>(
    tokens: Present<'a>,
    nulls: &mut Nulls,
    values: &mut [T],
    others: &[u32],
    mut parse: impl FnMut(Token<'a>) -> Option<T>,
) {
    for at in others.iter().map(|&at| at as usize) {
        convert_one(tokens, nulls, at, &mut values[at], &mut parse);
    }
}

#[inline(always)]
fn convert_one<'a, T>(
    tokens: Present<'a>,
    nulls: &mut Nulls,
    at: usize,
    place: &mut T,
    parse: &mut impl FnMut(Token<'a>) -> Option<T>,
) {
    match tokens.get(at) {
        Some(token) => match parse(token) {
            Some(value) => *place = value,
            None => {
                nulls.validity.null(nulls.made + at);
                nulls.failed.push(nulls.made + at);
            }
        },
        None => nulls.validity.null(nulls.made + at),
    }
}

/// Room behind the values for those of the tokens.
fn places<'v, T: Clone + Default>(values: &'v mut Vec<T>, tokens: Tokens<'_>) -> &'v mut [T] {
    let made = values.len();
    values.resize(made + tokens.fields.len(), T::default());
    &mut values[made..]
}

/// The bytes that most strings of a column fit in, and that are copied at once: of a column of short ones, and of others.
const SHORT: usize = 16;
const LONG: usize = 64;

/// Appends texts, as those of a field's tokens.
fn strings(
    conversion: &Conversion,
    tokens: Tokens<'_>,
    nulls: &mut Nulls,
    offsets: &mut Vec<i32>,
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    let (first, total) = (bytes.len(), tokens.total());
    if first + total > i32::MAX as usize {
        return Err(Error::ColumnTooLarge);
    }
    if bytes.capacity() - first < total + LONG {
        // Likely the other tokens are as long as these.
        let left = nulls.validity.length() - nulls.made;
        let expected = total * left / tokens.fields.len().max(1);
        bytes.reserve(expected.min(tokens.buf.len()).max(total) * 9 / 8 + LONG);
    }
    bytes.resize(first + total + LONG, 0);
    let average = total / tokens.fields.len().max(1);
    let end = if average < SHORT * 3 / 4 {
        copied::<SHORT>(conversion, tokens, nulls, offsets, bytes, first)
    } else {
        copied::<LONG>(conversion, tokens, nulls, offsets, bytes, first)
    };
    bytes.truncate(end);
    let made = offsets.len() - 1 - tokens.fields.len();
    let whole = |text: &str| {
        let mut ends = offsets[made..].iter();
        ends.all(|&end| text.is_char_boundary(end as usize - first))
    };
    let added = &bytes[first..];
    if !added.is_ascii() && !from_utf8(added).map_or(false, whole) {
        bytes.truncate(first);
        for (end, token) in offsets[made + 1..].iter_mut().zip(tokens.iter()) {
            let text = token.map(|token| token.text());
            if let Some(text) = text.filter(|text| !conversion.is_null(text)) {
                text::decode(text, bytes);
            }
            *end = i32::try_from(bytes.len()).map_err(|_| Error::ColumnTooLarge)?;
        }
    }
    Ok(())
}

/// Copies texts to `bytes` from `end` on, where there is room for them and LEAST bytes more; where they end.
fn copied<const LEAST: usize>(
    conversion: &Conversion,
    tokens: Tokens<'_>,
    nulls: &mut Nulls,
    offsets: &mut Vec<i32>,
    bytes: &mut [u8],
    mut end: usize,
) -> usize {
    let made = offsets.len();
    offsets.resize(made + tokens.fields.len(), 0);
    let null = conversion.null_value.as_bytes();
    let ascii = null.is_ascii();
    let present = Present { conversion, tokens };
    for (at, (offset, field)) in offsets[made..].iter_mut().zip(tokens.fields).enumerate() {
        // Of another length than nullValue it is not null, unless its decoding may be.
        let quick = tokens.head::<LEAST>(field);
        let quick = quick.filter(|&(_, length)| length != null.len() && ascii);
        match (quick, bytes.get_mut(end..end + LEAST)) {
            (Some((head, length)), Some(out)) => {
                out.copy_from_slice(head);
                end += length;
            }
            _ => match present.get(at) {
                Some(token) => {
                    bytes[end..end + token.len()].copy_from_slice(token.text());
                    end += token.len();
                }
                None => nulls.validity.null(nulls.made + at),
            },
        }
        *offset = end as i32;
    }
    end
}

/// A column of text.
pub fn texts<'a>(tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>) -> Result<Array, Error> {
    let mut validity = Validity::all(tokens.len());
    let mut offsets = Vec::with_capacity(tokens.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for (at, token) in tokens.enumerate() {
        if token.is_none() {
            validity.null(at);
        }
        text::decode(token.unwrap_or_default(), &mut bytes);
        offsets.push(i32::try_from(bytes.len()).map_err(|_| Error::ColumnTooLarge)?);
    }
    Ok(Array::new(validity, Values::Utf8 { offsets, bytes }))
}

/// A column of truth values.
pub fn booleans(values: &[bool]) -> Array {
    Array::new(Validity::all(values.len()), Values::Bits(bits(values)))
}

/// A column of indexes.
pub fn indexes(values: Vec<u64>) -> Array {
    Array::new(Validity::all(values.len()), Values::UInt64(values))
}

fn bits(values: &[bool]) -> Vec<u8> {
    let mut bits = vec![0u8; (values.len() + 7) / 8];
    for (at, _) in values.iter().enumerate().filter(|(_, &value)| value) {
        bits[at / 8] |= 1 << (at % 8);
    }
    bits
}

/// Which values are not null, one bit each. The bits are made at the first null: most columns have none.
pub struct Validity {
    length: usize,
    nulls: usize,
    bits: Vec<u8>,
}

impl Validity {
    /// Of so many values, none of them null.
    fn all(length: usize) -> Self {
        Validity {
            length,
            nulls: 0,
            bits: Vec::new(),
        }
    }

    /// Makes the value at an index null, which it was not before.
    #[inline]
    fn null(&mut self, at: usize) {
        if self.nulls == 0 {
            self.bits = vec![0xff; (self.length + 7) / 8];
        }
        self.bits[at / 8] &= !(1 << (at % 8));
        self.nulls += 1;
    }

    pub fn length(&self) -> usize {
        self.length
    }

    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// The bits, when there is a null.
    pub fn bits(&self) -> Option<&[u8]> {
        (self.nulls > 0).then_some(self.bits.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::laid_out;
    use crate::options::Options;
    use std::borrow::Cow;

    fn column(kind: ColumnType, null: &str, tokens: &[Option<&str>]) -> (Array, Vec<usize>) {
        let mut conversion = Conversion::parse(&mut Options::decode(&[]).unwrap()).unwrap();
        conversion.null_value = null.to_owned();
        let texts: Vec<_> = tokens
            .iter()
            .map(|token| token.map(str::as_bytes))
            .collect();
        made(kind, &conversion, &texts)
    }

    fn made(
        kind: ColumnType,
        conversion: &Conversion,
        texts: &[Option<&[u8]>],
    ) -> (Array, Vec<usize>) {
        let (buf, fields) = laid_out(texts);
        let tokens = Tokens {
            buf: &buf,
            decoded: &[],
            fields: &fields,
        };
        build(kind, conversion, &mut Zones::default(), tokens).unwrap()
    }

    #[test]
    fn nulls_are_null_tokens_or_do_not_convert() {
        let tokens = [Some("1"), None, Some(""), Some("x"), Some("-2")];
        let (array, failed) = column(ColumnType::Int, "", &tokens);
        assert_eq!((array.len(), array.null_count()), (5, 3));
        assert_eq!(array.validity(), Some(&[0b1111_0001][..]));
        assert_eq!(array.values(), &Values::Int32(vec![1, 0, 0, 0, -2]));
        assert_eq!(failed, [3]);
        let (array, failed) = column(ColumnType::BigInt, "1", &tokens);
        assert_eq!((array.null_count(), failed), (4, vec![2, 3]));
    }

    #[test]
    fn text_is_decoded() {
        let conversion = Conversion::parse(&mut Options::decode(&[]).unwrap()).unwrap();
        let mut long = vec![b'x'; 100];
        long.extend("\u{e9}".bytes());
        // The fourth and the fifth are a character only when one follows the other.
        let texts: [Option<&[u8]>; 7] = [
            Some(b"a"),
            None,
            Some(b"b\xff"),
            Some(b"\xc3"),
            Some(b"\xa9"),
            Some(b""),
            Some(&long),
        ];
        for count in 0..=texts.len() {
            for first in 0..=count {
                let texts = &texts[first..count];
                let (array, failed) = made(ColumnType::String, &conversion, texts);
                let nulls = texts
                    .iter()
                    .filter(|text| text.map_or(true, <[u8]>::is_empty));
                assert_eq!((array.null_count(), failed.len()), (nulls.count(), 0));
                let decoded = texts
                    .iter()
                    .map(|text| text::decoded(text.unwrap_or_default()));
                let (offsets, bytes) = match array.values() {
                    Values::Utf8 { offsets, bytes } => (offsets, bytes),
                    other => panic!("{other:?}"),
                };
                let found = offsets
                    .windows(2)
                    .map(|at| &bytes[at[0] as usize..at[1] as usize]);
                assert!(found.map(Cow::Borrowed).eq(decoded));
            }
        }
    }

    #[test]
    fn malformed_texts_are_null_by_their_decoding() {
        let mut conversion = Conversion::parse(&mut Options::decode(&[]).unwrap()).unwrap();
        conversion.null_value = "\u{fffd}".to_owned();
        let texts = [&b"\xff"[..], b"a", "\u{fffd}".as_bytes(), b""].map(Some);
        let texts: Vec<_> = texts.into_iter().chain([Some(&[b'x'; 99][..])]).collect();
        let (array, failed) = made(ColumnType::String, &conversion, &texts);
        assert_eq!(array.validity(), Some(&[0b1111_1010][..]));
        assert!(failed.is_empty());
    }

    #[test]
    fn truth_values() {
        let array = booleans(&[true, false, false, true, true, false, false, false, true]);
        assert_eq!(array.values(), &Values::Bits(vec![0b1_1001, 1]));
    }

    #[test]
    fn type_names() {
        assert_eq!(ColumnType::parse("date"), Ok(ColumnType::Date));
        let decimal = ColumnType::Decimal {
            precision: 15,
            scale: 2,
        };
        assert_eq!(ColumnType::parse("decimal(15,2)"), Ok(decimal));
        for name in ["smallint", "timestamp_ntz", "decimal(15,2)"] {
            assert_eq!(ColumnType::parse(name).unwrap().to_string(), name);
        }
        for name in [
            "integer",
            "decimal",
            "decimal(39,0)",
            "decimal(0,0)",
            "decimal(2,3)",
            "decimal(-1,0)",
        ] {
            assert_eq!(
                ColumnType::parse(name),
                Err(Error::InvalidArgument),
                "{name}"
            );
        }
    }
}
