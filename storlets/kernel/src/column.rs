//! Columns of values: one Arrow array from one field of many records.

use crate::arrow::{Array, Values};
use crate::conversion::{Conversion, ISO_DATE};
use crate::error::Error;
use crate::instant::{self, Instants};
use crate::pattern::Pattern;
use crate::zone::Zones;
use crate::{parse, text};
use std::fmt;

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
pub fn build<'a>(
    kind: ColumnType,
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<(Array, Vec<usize>), Error> {
    let tokens = tokens.map(|token| token.filter(|token| !conversion.is_null(token)));
    let names = conversion.names();
    Ok(match kind {
        ColumnType::Boolean => {
            let (validity, values, failed) = converted(tokens, parse::boolean);
            (Array::new(validity, Values::Bits(bits(&values))), failed)
        }
        ColumnType::TinyInt => fixed(tokens, parse::int, Values::Int8),
        ColumnType::SmallInt => fixed(tokens, parse::int, Values::Int16),
        ColumnType::Int => fixed(tokens, parse::int, Values::Int32),
        ColumnType::BigInt => fixed(tokens, parse::int64, Values::Int64),
        ColumnType::Float => fixed(tokens, |token| parse::float(token, &names), Values::Float32),
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
        ColumnType::String | ColumnType::Binary => (texts(tokens)?, Vec::new()),
    })
}

fn dates<'a>(
    conversion: &Conversion,
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<(Array, Vec<usize>), Error> {
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
            let read = |token: &[u8]| match pattern.read(&text::lossy(token)) {
                Some(parsed) => parsed.days.try_into().ok(),
                None if fallback == Some(true) => parse::date(token, false, true),
                None => None,
            };
            fixed(tokens, read, Values::Int32)
        }
    })
}

fn timestamps<'a>(
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<(Array, Vec<usize>), Error> {
    let format = match &conversion.timestamp_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => Some(pattern),
        None => None,
    };
    let fallback = conversion.date_fallback.unwrap_or(format.is_none());
    let mut instants = Instants::new(conversion, zones);
    let read = |token: &[u8]| {
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

fn local_timestamps<'a>(
    conversion: &Conversion,
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<(Array, Vec<usize>), Error> {
    Ok(match &conversion.timestamp_ntz_format {
        Some(Err(error)) => return Err(*error),
        Some(Ok(pattern)) => {
            let read = |token: &[u8]| instant::local_parsed(pattern.read(&text::lossy(token))?);
            fixed(tokens, read, Values::Int64)
        }
        None => fixed(tokens, instant::local_lenient, Values::Int64),
    })
}

/// Values of which any token converts or does not: validity, values, and the tokens that do not.
fn converted<'a, T: Default>(
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    mut parse: impl FnMut(&[u8]) -> Option<T>,
) -> (Validity, Vec<T>, Vec<usize>) {
    let mut validity = Validity::with_capacity(tokens.len());
    let mut values = Vec::with_capacity(tokens.len());
    let mut failed = Vec::new();
    for (at, token) in tokens.enumerate() {
        let value = token.and_then(&mut parse);
        if value.is_none() && token.is_some() {
            failed.push(at);
        }
        validity.push(value.is_some());
        values.push(value.unwrap_or_default());
    }
    (validity, values, failed)
}

fn fixed<'a, T: Default>(
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    parse: impl FnMut(&[u8]) -> Option<T>,
    wrap: impl Fn(Vec<T>) -> Values,
) -> (Array, Vec<usize>) {
    let (validity, values, failed) = converted(tokens, parse);
    (Array::new(validity, wrap(values)), failed)
}

/// A column of text.
pub fn texts<'a>(tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>) -> Result<Array, Error> {
    let mut validity = Validity::with_capacity(tokens.len());
    let mut offsets = Vec::with_capacity(tokens.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for token in tokens {
        validity.push(token.is_some());
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
    capacity: usize,
    bits: Vec<u8>,
}

impl Validity {
    fn with_capacity(capacity: usize) -> Self {
        Validity {
            length: 0,
            nulls: 0,
            capacity,
            bits: Vec::new(),
        }
    }

    /// Of so many values, none of them null.
    fn all(length: usize) -> Self {
        Validity {
            length,
            ..Validity::with_capacity(0)
        }
    }

    #[inline]
    fn push(&mut self, valid: bool) {
        if !valid {
            if self.nulls == 0 {
                self.bits = vec![0xff; (self.capacity + 7) / 8];
            }
            self.bits[self.length / 8] &= !(1 << (self.length % 8));
            self.nulls += 1;
        }
        self.length += 1;
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
    use crate::options::Options;

    fn column(kind: ColumnType, null: &str, tokens: &[Option<&str>]) -> (Array, Vec<usize>) {
        let mut conversion = Conversion::parse(&mut Options::decode(&[]).unwrap()).unwrap();
        conversion.null_value = null.to_owned();
        let tokens = tokens.iter().map(|token| token.map(str::as_bytes));
        build(kind, &conversion, &mut Zones::default(), tokens).unwrap()
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
        let array = texts([Some(&b"a"[..]), None, Some(b"\xff"), Some(b"")].into_iter()).unwrap();
        let expected = Values::Utf8 {
            offsets: vec![0, 1, 1, 4, 4],
            bytes: "a\u{fffd}".into(),
        };
        assert_eq!(array.values(), &expected);
        assert_eq!(array.null_count(), 1);
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
