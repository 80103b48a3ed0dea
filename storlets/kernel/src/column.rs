//! Columns of values: one Arrow array from one field of many records.

use crate::arrow::{Array, Values};
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

/// The column of the given tokens. An empty token is null whether it was quoted or not [4.2] [4.3], and so is one that
/// does not convert [6.2].
pub fn build<'a>(
    kind: ColumnType,
    tokens: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Array, Error> {
    match kind {
        ColumnType::Int32 => Ok(fixed(tokens, parse::int32, Values::Int32)),
        ColumnType::Int64 => Ok(fixed(tokens, parse::int64, Values::Int64)),
        ColumnType::Float64 => Ok(fixed(tokens, parse::double, Values::Float64)),
        ColumnType::Date32 => Ok(fixed(tokens, parse::date, Values::Int32)),
        ColumnType::Utf8 => utf8(tokens),
    }
}

fn fixed<'a, T: Default>(
    tokens: impl ExactSizeIterator<Item = &'a [u8]>,
    parse: impl Fn(&[u8]) -> Option<T>,
    wrap: impl Fn(Vec<T>) -> Values,
) -> Array {
    let mut validity = Validity::with_capacity(tokens.len());
    let mut values = Vec::with_capacity(tokens.len());
    for token in tokens {
        let value = if token.is_empty() { None } else { parse(token) };
        validity.push(value.is_some());
        values.push(value.unwrap_or_default());
    }
    Array::new(validity, wrap(values))
}

fn utf8<'a>(tokens: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<Array, Error> {
    let mut validity = Validity::with_capacity(tokens.len());
    let mut offsets = Vec::with_capacity(tokens.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for token in tokens {
        validity.push(!token.is_empty());
        text::decode(token, &mut bytes);
        offsets.push(i32::try_from(bytes.len()).map_err(|_| Error::ColumnTooLarge)?);
    }
    Ok(Array::new(validity, Values::Utf8 { offsets, bytes }))
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

    fn column(kind: ColumnType, tokens: &[&[u8]]) -> Array {
        build(kind, tokens.iter().copied()).unwrap()
    }

    #[test]
    fn nulls_are_empty_or_do_not_convert() {
        let array = column(ColumnType::Int32, &[b"1", b"", b"x", b"-2"]);
        assert_eq!((array.len(), array.null_count()), (4, 2));
        assert_eq!(array.validity(), Some(&[0b1111_1001][..]));
        assert_eq!(array.values(), &Values::Int32(vec![1, 0, 0, -2]));
        assert_eq!(column(ColumnType::Int64, &[b"1"]).validity(), None);
    }

    #[test]
    fn text_is_decoded() {
        let array = column(ColumnType::Utf8, &[b"a", b"", b"\xff", "é".as_bytes()]);
        let expected = Values::Utf8 {
            offsets: vec![0, 1, 1, 4, 6],
            bytes: "a\u{fffd}é".into(),
        };
        assert_eq!(array.values(), &expected);
        assert_eq!(array.null_count(), 1);
    }

    #[test]
    fn type_names() {
        assert_eq!(ColumnType::parse("date"), Ok(ColumnType::Date32));
        assert_eq!(ColumnType::parse("integer"), Err(Error::InvalidArgument));
    }
}
