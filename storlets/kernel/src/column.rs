//! Columns of values: one Arrow array from one field of many records.

use crate::arrow::{Array, Values};
use crate::conversion::{Conversion, ISO_DATE};
use crate::error::Error;
use crate::field::Tokens;
use crate::instant::{self, Instants};
use crate::parse::{self, Token};
use crate::pattern::Pattern;
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

/// The column of the given tokens, and which of them did not convert: those are null [6.2], as is a token that equals
/// `nullValue` whether it was quoted or not [4.1].
///
/// `zones` are those known so far; a timestamp in another one is an error, and its name is left there.
pub fn build(
    kind: ColumnType,
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: Tokens<'_>,
) -> Result<(Array, Vec<usize>), Error> {
    if matches!(kind, ColumnType::String | ColumnType::Binary) {
        return Ok((strings(conversion, tokens)?, Vec::new()));
    }
    let tokens = Present { conversion, tokens };
    let names = conversion.names();
    Ok(match kind {
        ColumnType::Boolean => {
            let read = |token: Token<'_>| parse::boolean(token.text());
            let (validity, values, failed) = converted(tokens, read);
            (Array::new(validity, Values::Bits(bits(&values))), failed)
        }
        ColumnType::TinyInt => fixed(tokens, parse::int, Values::Int8),
        ColumnType::SmallInt => fixed(tokens, parse::int, Values::Int16),
        ColumnType::Int => fixed(tokens, parse::int, Values::Int32),
        ColumnType::BigInt => fixed(tokens, parse::int64, Values::Int64),
        ColumnType::Float => fixed(
            tokens,
            |token| parse::float(token.text(), &names),
            Values::Float32,
        ),
        ColumnType::Double => fixed(
            tokens,
            |token| parse::double(token, &names),
            Values::Float64,
        ),
        ColumnType::Decimal { precision, scale } => fixed(
            tokens,
            |token| parse::decimal(token, precision, scale),
            Values::Decimal,
        ),
        ColumnType::Date => dates(conversion, tokens)?,
        ColumnType::Timestamp => timestamps(conversion, zones, tokens)?,
        ColumnType::TimestampNtz => local_timestamps(conversion, tokens)?,
        ColumnType::String | ColumnType::Binary => return Err(Error::Internal),
    })
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

fn dates(conversion: &Conversion, tokens: Present<'_>) -> Result<(Array, Vec<usize>), Error> {
    let fallback = conversion.date_fallback;
    let iso = Some(Pattern::parse(ISO_DATE));
    let format = match &conversion.date_format {
        None if fallback == Some(false) && conversion.prefer_date => &iso,
        given => given,
    };
    Ok(match format {
        None => {
            let legacy = fallback != Some(false);
            fixed(
                tokens,
                |token| parse::date(token, conversion.prefer_date, legacy),
                Values::Int32,
            )
        }
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => {
            let read = |token: Token<'_>| match pattern.read(&text::lossy(token.text())) {
                Some(parsed) => parsed.days.try_into().ok(),
                None if fallback == Some(true) => parse::date(token, false, true),
                None => None,
            };
            fixed(tokens, read, Values::Int32)
        }
    })
}

fn timestamps(
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: Present<'_>,
) -> Result<(Array, Vec<usize>), Error> {
    let format = match &conversion.timestamp_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => Some(pattern),
        None => None,
    };
    let fallback = conversion.date_fallback.unwrap_or(format.is_none());
    let mut instants = Instants::new(conversion, zones);
    let read = |token: Token<'_>| {
        let token = token.text();
        match format.map(|pattern| pattern.read(&text::lossy(token))) {
            Some(Some(parsed)) => return instants.parsed(parsed),
            Some(None) if !fallback => return None,
            _ => {}
        }
        let found = instants.lenient(token);
        found.or_else(|| instants.lenient(&parse::without_gmt(token).filter(|_| fallback)?))
    };
    let column = fixed(tokens, read, Values::Int64);
    instants.complete()?;
    Ok(column)
}

fn local_timestamps(
    conversion: &Conversion,
    tokens: Present<'_>,
) -> Result<(Array, Vec<usize>), Error> {
    Ok(match &conversion.timestamp_ntz_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => {
            let read = |token: Token<'_>| {
                let parsed = pattern.read(&text::lossy(token.text()))?;
                instant::local_parsed(parsed)
            };
            fixed(tokens, read, Values::Int64)
        }
        None => {
            let read = |token: Token<'_>| instant::local_lenient(token.text());
            fixed(tokens, read, Values::Int64)
        }
    })
}

/// Values of which any token converts or does not: validity, values, and the tokens that do not.
fn converted<'a, T: Clone + Default>(
    tokens: Present<'a>,
    mut parse: impl FnMut(Token<'a>) -> Option<T>,
) -> (Validity, Vec<T>, Vec<usize>) {
    let fields = tokens.tokens.fields;
    let mut validity = Validity::all(fields.len());
    let mut values = vec![T::default(); fields.len()];
    let mut failed = Vec::new();
    // Not a chain of iterators, of which the compiler makes calls here.
    for (at, place) in values.iter_mut().enumerate() {
        match tokens.get(at) {
            Some(token) => match parse(token) {
                Some(value) => *place = value,
                None => {
                    validity.null(at);
                    failed.push(at);
                }
            },
            None => validity.null(at),
        }
    }
    (validity, values, failed)
}

fn fixed<'a, T: Clone + Default>(
    tokens: Present<'a>,
    parse: impl FnMut(Token<'a>) -> Option<T>,
    wrap: impl Fn(Vec<T>) -> Values,
) -> (Array, Vec<usize>) {
    let (validity, values, failed) = converted(tokens, parse);
    (Array::new(validity, wrap(values)), failed)
}

/// The bytes that most strings fit in, and that are copied at once.
const SHORT: usize = 32;

/// A column of text, as that of a field's tokens.
fn strings(conversion: &Conversion, tokens: Tokens<'_>) -> Result<Array, Error> {
    let count = tokens.fields.len();
    let mut validity = Validity::all(count);
    let mut offsets = vec![0; count + 1];
    let mut end = 0usize;
    for (at, (offset, token)) in offsets[1..].iter_mut().zip(tokens.iter()).enumerate() {
        match token.filter(|token| !conversion.is_null(token.text())) {
            Some(token) => end += token.len(),
            None => validity.null(at),
        }
        *offset = end as i32;
    }
    if end > i32::MAX as usize {
        return Err(Error::ColumnTooLarge);
    }
    let mut bytes = vec![0; end + SHORT];
    let mut start = 0;
    for (&end, token) in offsets[1..].iter().zip(tokens.iter()) {
        let length = end as usize - start;
        if let Some(token) = token.filter(|_| length > 0) {
            token.copy::<SHORT>(&mut bytes[start..]);
        }
        start = end as usize;
    }
    bytes.truncate(end);
    if !bytes.is_ascii() {
        let whole = |text: &str| {
            let mut offsets = offsets.iter();
            offsets.all(|&at| text.is_char_boundary(at as usize))
        };
        if !from_utf8(&bytes).map_or(false, whole) {
            let texts_of = tokens.iter().map(|token| token.map(|token| token.text()));
            let is_null = |text: &&[u8]| conversion.is_null(text);
            return texts(texts_of.map(|text| text.filter(|text| !is_null(text))));
        }
    }
    Ok(Array::new(validity, Values::Utf8 { offsets, bytes }))
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
