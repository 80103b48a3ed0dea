//! Comparing a column with a literal: which tokens have a value of which that is true.

use crate::arrow::{Array, Values};
use crate::column::{self, ColumnType, Present};
use crate::conversion::Conversion;
use crate::error::Error::{self, InvalidArgument};
use crate::field::{Field, Tokens};
use crate::parse::{self, Token};
use crate::zone::Zones;
use std::cmp::Ordering;

/// A comparison with a value.
pub struct Comparison {
    kind: ColumnType,
    /// Whether it is true of values that are less, equal and greater.
    holds: [bool; 3],
    literal: Literal,
}

enum Literal {
    Whole(i64),
    Double(f64),
    Decimal(i128),
    Text(String),
    /// The parts of its text, and the days since 1970-01-01.
    Date((u64, u16), i32),
}

impl Comparison {
    /// A comparison of a column's values with a literal: its text is `12`, `1.5`, `NaN`, `Infinity`, `yyyy-MM-dd`, or
    /// what it says itself.
    pub fn parse(kind: ColumnType, operator: &str, literal: &str) -> Result<Comparison, Error> {
        use ColumnType::*;
        let holds = match operator {
            "=" => [false, true, false],
            "<" => [true, false, false],
            "<=" => [true, true, false],
            ">" => [false, false, true],
            ">=" => [false, true, true],
            _ => return Err(InvalidArgument),
        };
        let literal = match kind {
            TinyInt | SmallInt | Int | BigInt => literal.parse().ok().map(Literal::Whole),
            Double => literal.parse().ok().map(Literal::Double),
            Decimal { scale, .. } => decimal(literal, scale).map(Literal::Decimal),
            String => Some(Literal::Text(literal.to_owned())),
            Date => date(literal),
            _ => None,
        };
        Ok(Comparison {
            kind,
            holds,
            literal: literal.ok_or(InvalidArgument)?,
        })
    }

    /// The indexes of the tokens that have a value of which the comparison is true. None does for null, and
    /// for what does not convert.
    pub fn passing(
        &self,
        conversion: &Conversion,
        zones: &mut Zones,
        tokens: Tokens<'_>,
    ) -> Result<Vec<u64>, Error> {
        let count = tokens.fields.len();
        let mut found = Found::with_room(count);
        let mut unclear = Vec::new();
        let tokens = Present { conversion, tokens };
        match &self.literal {
            &Literal::Date(parts, _) if conversion.reads_iso_dates() => {
                let equality = self.holds == [false, true, false];
                let literal = IsoDate { parts, equality };
                for at in 0..count {
                    if let Some(token) = tokens.get(at) {
                        match literal.order(token) {
                            Some(order) => found.push(at, self.holds(order)),
                            None => unclear.push(at),
                        }
                    }
                }
            }
            Literal::Text(literal) => {
                for at in 0..count {
                    match tokens.get(at) {
                        // What is malformed is text only after its decoding.
                        Some(token) if !token.text().is_ascii() => unclear.push(at),
                        Some(token) => {
                            found.push(at, self.holds(token.text().cmp(literal.as_bytes())));
                        }
                        None => {}
                    }
                }
            }
            _ => unclear.extend(0..count),
        }
        if unclear.is_empty() {
            return Ok(found.indexes());
        }
        let fields: Vec<Field> = unclear.iter().map(|&at| tokens.tokens.fields[at]).collect();
        let tokens = Tokens {
            fields: &fields,
            ..tokens.tokens
        };
        let (array, _) = column::build(self.kind, conversion, zones, tokens)?;
        self.pick(&array, &unclear, &mut found)?;
        let mut indexes = found.indexes();
        if unclear.len() < count {
            // Not an unstable sort, which would not see that these are two runs in order.
            indexes.sort();
        }
        Ok(indexes)
    }

    /// Adds those of the indexes `of` whose value in the array passes.
    fn pick(&self, array: &Array, of: &[usize], found: &mut Found) -> Result<(), Error> {
        let validity = array.validity();
        let valid = |at: usize| validity.map_or(true, |bits| bits[at / 8] >> (at % 8) & 1 == 1);
        macro_rules! pick {
            ($values:expr, |$value:ident| $order:expr) => {
                for (at, ($value, &index)) in $values.zip(of).enumerate() {
                    found.push(index, self.holds($order) && valid(at));
                }
            };
        }
        match (array.values(), &self.literal) {
            (Values::Int8(values), &Literal::Whole(literal)) => {
                pick!(values.iter(), |value| i64::from(*value).cmp(&literal));
            }
            (Values::Int16(values), &Literal::Whole(literal)) => {
                pick!(values.iter(), |value| i64::from(*value).cmp(&literal));
            }
            (Values::Int32(values), &Literal::Whole(literal)) => {
                pick!(values.iter(), |value| i64::from(*value).cmp(&literal));
            }
            (Values::Int64(values), &Literal::Whole(literal)) => {
                pick!(values.iter(), |value| value.cmp(&literal));
            }
            (Values::Int32(values), Literal::Date(_, days)) => {
                pick!(values.iter(), |value| value.cmp(days));
            }
            (Values::Decimal(values), Literal::Decimal(literal)) => {
                pick!(values.iter(), |value| value.cmp(literal));
            }
            (Values::Float64(values), &Literal::Double(literal)) => {
                pick!(values.iter(), |value| doubles(*value, literal));
            }
            (Values::Utf8 { offsets, bytes }, Literal::Text(literal)) => {
                let texts = offsets.windows(2);
                let texts = texts.map(|ends| &bytes[ends[0] as usize..ends[1] as usize]);
                pick!(texts, |value| value.cmp(literal.as_bytes()));
            }
            _ => return Err(InvalidArgument),
        }
        Ok(())
    }

    #[inline(always)]
    fn holds(&self, order: Ordering) -> bool {
        self.holds[(order as i8 + 1) as usize]
    }
}

/// Indexes, written whether they are found or not: that is faster than a jump that cannot be foretold.
struct Found {
    indexes: Vec<u64>,
    count: usize,
}

impl Found {
    fn with_room(count: usize) -> Found {
        Found {
            indexes: vec![0; count],
            count: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, index: usize, found: bool) {
        self.indexes[self.count] = index as u64;
        self.count += usize::from(found);
    }

    fn indexes(mut self) -> Vec<u64> {
        self.indexes.truncate(self.count);
        self.indexes
    }
}

/// Spark's order: NaN is equal to itself and above all numbers, and zero has no sign.
fn doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// A decimal with no more places than `scale`, times 10^scale.
fn decimal(text: &str, scale: u8) -> Option<i128> {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'.');
    let exact = places <= scale.into() && text.bytes().all(plain);
    parse::decimal(text.as_bytes().into(), 38, scale).filter(|_| exact)
}

fn date(text: &str) -> Option<Literal> {
    let text = text.as_bytes();
    let parts = parse::iso_parts(text)?;
    parse::iso_digits(parts)?;
    Some(Literal::Date(parts, parse::date(text, false, false)?))
}

/// A date as `yyyy-MM-dd`, and other texts of this form compared with it.
struct IsoDate {
    parts: (u64, u16),
    /// All that counts is whether they are the same.
    equality: bool,
}

impl IsoDate {
    /// How the token's date compares to this one; None when that is not clear from its bytes.
    #[inline(always)]
    fn order(&self, token: Token<'_>) -> Option<Ordering> {
        let parts = parse::iso_parts(token.text())?;
        let (digits, day) = parse::iso_digits(parts)?;
        let month = (digits >> 16 & 0xff) * 10 + (digits >> 8 & 0xff);
        let day = i32::from(day >> 8) * 10 + i32::from(day & 0xff);
        let length = parse::LENGTHS.get(month as usize).copied();
        // Whether there is a 29 February is not said here.
        let there = (1..=length.unwrap_or(0)).contains(&day);
        (there || self.equality).then_some(parts.cmp(&self.parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::laid_out;
    use crate::options::Options;

    fn conversion(options: &[(&str, &str)]) -> Conversion {
        let texts = options.iter().flat_map(|&(name, value)| [name, value]);
        let piece = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let bytes: Vec<u8> = texts.flat_map(piece).collect();
        Conversion::parse(&mut Options::decode(&bytes).unwrap()).unwrap()
    }

    fn passing(kind: &str, operator: &str, literal: &str, tokens: &[&[u8]]) -> Vec<u64> {
        passing_with(&[], kind, operator, literal, tokens)
    }

    fn passing_with(
        options: &[(&str, &str)],
        kind: &str,
        operator: &str,
        literal: &str,
        tokens: &[&[u8]],
    ) -> Vec<u64> {
        let kind = ColumnType::parse(kind).unwrap();
        let comparison = Comparison::parse(kind, operator, literal).unwrap();
        let texts: Vec<_> = tokens.iter().map(|&token| Some(token)).collect();
        let (buf, fields) = laid_out(&texts);
        let tokens = Tokens {
            buf: &buf,
            decoded: &[],
            fields: &fields,
        };
        comparison
            .passing(&conversion(options), &mut Zones::default(), tokens)
            .unwrap()
    }

    const OPERATORS: [&str; 5] = ["=", "<", "<=", ">", ">="];

    #[test]
    fn every_operator() {
        let tokens: [&[u8]; 5] = [b"1", b"2", b"x", b"+3", b""];
        let expected: [&[u64]; 5] = [&[1], &[0], &[0, 1], &[3], &[1, 3]];
        for (operator, expected) in OPERATORS.iter().zip(expected) {
            for kind in [
                "tinyint",
                "smallint",
                "int",
                "bigint",
                "double",
                "decimal(5,1)",
            ] {
                assert_eq!(
                    passing(kind, operator, "2", &tokens),
                    expected,
                    "{kind} {operator}"
                );
            }
        }
        assert!(Comparison::parse(ColumnType::Int, "<>", "2").is_err());
        assert!(Comparison::parse(ColumnType::Boolean, "=", "true").is_err());
    }

    #[test]
    fn nan_is_above_all_and_zero_has_no_sign() {
        let tokens: [&[u8]; 5] = [b"NaN", b"Inf", b"-0", b"0", b"-Inf"];
        assert_eq!(passing("double", "=", "NaN", &tokens), [0]);
        assert_eq!(passing("double", ">", "Infinity", &tokens), [0]);
        assert_eq!(passing("double", "<", "NaN", &tokens), [1, 2, 3, 4]);
        assert_eq!(passing("double", "=", "0.0", &tokens), [2, 3]);
        assert_eq!(passing("double", "<", "0.0", &tokens), [4]);
    }

    #[test]
    fn decimals_are_compared_after_their_rounding() {
        let tokens: [&[u8]; 4] = [b"1.555", b"1.56", b"1.5", b"1,5"];
        assert_eq!(passing("decimal(5,2)", "=", "1.56", &tokens), [0, 1]);
        assert_eq!(passing("decimal(5,2)", ">", "1.50", &tokens), [0, 1, 3]);
        let kind = ColumnType::parse("decimal(5,2)").unwrap();
        for literal in ["1.555", "1e1", "x", ""] {
            assert!(Comparison::parse(kind, "=", literal).is_err(), "{literal}");
        }
    }

    #[test]
    fn texts_are_compared_by_their_bytes_once_decoded() {
        let tokens: [&[u8]; 5] = [b"b", b"a\xff", "\u{e9}".as_bytes(), b"B", b"a\xef\xbf\xbd"];
        assert_eq!(passing("string", ">=", "b", &tokens), [0, 2]);
        assert_eq!(passing("string", "=", "a\u{fffd}", &tokens), [1, 4]);
        assert_eq!(passing("string", "<", "b", &tokens), [1, 3, 4]);
        let nulls = [("null_value", "B")];
        assert_eq!(passing_with(&nulls, "string", "<", "b", &tokens), [1, 4]);
    }

    #[test]
    fn dates_are_what_the_column_has() {
        let tokens: [&[u8]; 19] = [
            b"1995-03-15",
            b"1995-3-15",
            b" 1995-03-15",
            b"1995-03-15 x",
            b"1995-03-14",
            b"1995-03-29",
            b"1995-02-29",
            b"1996-02-29",
            b"1995-13-01",
            b"1995-00-01",
            b"1995-03-00",
            b"1995-03-32",
            b"1995/03/15",
            b"1995-03-1x",
            b"19:5-03-15",
            b"+1995-03-1",
            b"1995-03",
            b"0000-01-01",
            b"9999-12-31",
        ];
        let days = |token: &[u8]| parse::date(token, true, true);
        for literal in tokens.iter().filter_map(|token| {
            let text = std::str::from_utf8(token).unwrap();
            Comparison::parse(ColumnType::Date, "=", text).ok()?;
            Some(text)
        }) {
            let value = days(literal.as_bytes()).unwrap();
            for operator in OPERATORS {
                let comparison = Comparison::parse(ColumnType::Date, operator, literal).unwrap();
                let passes =
                    |token| days(token).map_or(false, |day| comparison.holds(day.cmp(&value)));
                let expected: Vec<u64> =
                    (0..19).filter(|&at| passes(tokens[at as usize])).collect();
                assert_eq!(passing("date", operator, literal, &tokens), expected);
            }
        }
        let format = [("date_format", "dd.MM.yyyy")];
        let german: [&[u8]; 2] = [b"1995-03-15", b"15.03.1995"];
        assert_eq!(
            passing_with(&format, "date", "=", "1995-03-15", &german),
            [1]
        );
        assert!(Comparison::parse(ColumnType::Date, "=", "1995-3-15").is_err());
        assert!(Comparison::parse(ColumnType::Date, "=", "1995-02-29").is_err());
    }
}
