//! Columns of values: one Arrow array from one field of many records.

use crate::arrow::{Array, Values};
use crate::conversion::Conversion;
use crate::error::Error;
use crate::{parse, text};

/// The types a column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Spark's INT.
    Int32,
    /// Spark's BIGINT.
    Int64,
    /// Spark's DOUBLE.
    Float64,
    /// Spark's STRING.
    Utf8,
    /// Spark's DATE, in days since 1970-01-01.
    Date32,
}

impl ColumnType {
    /// The type that Spark calls `name`.
    pub fn parse(name: &str) -> Result<ColumnType, Error> {
        Ok(match name {
            "int" => ColumnType::Int32,
            "bigint" => ColumnType::Int64,
            "double" => ColumnType::Float64,
            "string" => ColumnType::Utf8,
            "date" => ColumnType::Date32,
            _ => return Err(Error::InvalidArgument),
        })
    }
}

/// The column of the given tokens, and which of them did not convert: those are null [6.2], as is a token that equals
/// `nullValue` whether it was quoted or not [4.1].
pub fn build<'a>(
    kind: ColumnType,
    conversion: &Conversion,
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<(Array, Vec<usize>), Error> {
    let null = conversion.null_value.as_bytes();
    let tokens = tokens.map(|token| token.filter(|&token| token != null));
    match kind {
        ColumnType::Int32 => Ok(fixed(tokens, parse::int32, Values::Int32)),
        ColumnType::Int64 => Ok(fixed(tokens, parse::int64, Values::Int64)),
        ColumnType::Float64 => Ok(fixed(tokens, parse::double, Values::Float64)),
        ColumnType::Date32 => Ok(fixed(tokens, parse::date, Values::Int32)),
        ColumnType::Utf8 => Ok((texts(tokens)?, Vec::new())),
    }
}

fn fixed<'a, T: Default>(
    tokens: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    parse: impl Fn(&[u8]) -> Option<T>,
    wrap: impl Fn(Vec<T>) -> Values,
) -> (Array, Vec<usize>) {
    let mut validity = Validity::with_capacity(tokens.len());
    let mut values = Vec::with_capacity(tokens.len());
    let mut failed = Vec::new();
    for (at, token) in tokens.enumerate() {
        let value = token.and_then(&parse);
        if value.is_none() && token.is_some() {
            failed.push(at);
        }
        validity.push(value.is_some());
        values.push(value.unwrap_or_default());
    }
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
pub fn booleans(values: Vec<bool>) -> Array {
    let mut validity = Validity::with_capacity(values.len());
    values.iter().for_each(|_| validity.push(true));
    let mut bits = vec![0u8; (values.len() + 7) / 8];
    for (at, _) in values.iter().enumerate().filter(|(_, &value)| value) {
        bits[at / 8] |= 1 << (at % 8);
    }
    Array::new(validity, Values::Bits(bits))
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
        build(kind, &conversion, tokens).unwrap()
    }

    #[test]
    fn nulls_are_null_tokens_or_do_not_convert() {
        let tokens = [Some("1"), None, Some(""), Some("x"), Some("-2")];
        let (array, failed) = column(ColumnType::Int32, "", &tokens);
        assert_eq!((array.len(), array.null_count()), (5, 3));
        assert_eq!(array.validity(), Some(&[0b1111_0001][..]));
        assert_eq!(array.values(), &Values::Int32(vec![1, 0, 0, 0, -2]));
        assert_eq!(failed, [3]);
        let (array, failed) = column(ColumnType::Int64, "1", &tokens);
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
        let array = booleans([true, false, false, true, true, false, false, false, true].into());
        assert_eq!(array.values(), &Values::Bits(vec![0b1_1001, 1]));
    }

    #[test]
    fn type_names() {
        assert_eq!(ColumnType::parse("date"), Ok(ColumnType::Date32));
        assert_eq!(ColumnType::parse("integer"), Err(Error::InvalidArgument));
    }
}
