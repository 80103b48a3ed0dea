//! Types from values: Spark's schema inference [7.1] to [7.7].

use crate::column::ColumnType::{self, *};
use crate::conversion::{Conversion, ISO_DATE};
use crate::error::Error::{self, InvalidArgument};
use crate::instant::{self, Instants};
use crate::parse::{self, Names};
use crate::pattern::Pattern;
use crate::text;
use crate::zone::Zones;
use std::mem::discriminant;

/// What a column is so far; None while it has only nulls.
pub type Inferred = Option<ColumnType>;

/// The types in the order in which a value is tried. An earlier one than the column's is not tried again.
const TRIED: [ColumnType; 9] = [
    Int,
    BigInt,
    Decimal {
        precision: 1,
        scale: 0,
    },
    Double,
    Date,
    TimestampNtz,
    Timestamp,
    Boolean,
    String,
];

/// What a column is, by its name; of only nulls it is `null`.
pub fn parse(name: &str) -> Result<Inferred, Error> {
    match name {
        "null" => Ok(None),
        _ => ColumnType::parse(name).map(Some),
    }
}

/// The name that `parse` knows.
pub fn name(inferred: Inferred) -> std::string::String {
    inferred.map_or_else(|| "null".to_owned(), |kind| kind.to_string())
}

/// What a column is with these tokens behind those that made it what it is so far: the result depends on their order.
///
/// `zones` are as for a column of timestamps.
pub fn fold<'a>(
    so_far: Inferred,
    conversion: &Conversion,
    zones: &mut Zones,
    tokens: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<Inferred, Error> {
    let mut values = Values::new(conversion, zones)?;
    let mut inferred = so_far;
    let mut first = place(inferred)?;
    for token in tokens {
        let token = match token.filter(|token| !token.is_empty() && !conversion.is_null(token)) {
            Some(token) => token,
            None => continue,
        };
        if inferred == Some(String) {
            break;
        }
        let found = values.kind(token, &TRIED[first..]);
        if inferred != Some(found) {
            inferred = merge(inferred, Some(found), conversion).or(Some(String));
            first = place(inferred)?;
        }
    }
    values.instants.complete()?;
    Ok(inferred)
}

fn place(inferred: Inferred) -> Result<usize, Error> {
    let kind = inferred.unwrap_or(Int);
    let same = |tried: &ColumnType| discriminant(tried) == discriminant(&kind);
    TRIED.iter().position(same).ok_or(InvalidArgument)
}

/// What two parts of a column are together; None when one type cannot hold both. Within a partition that is a string;
/// between partitions Spark forgets what they were [7.5].
pub fn merge(one: Inferred, other: Inferred, conversion: &Conversion) -> Inferred {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        _ => return one.or(other),
    };
    match (one, other) {
        _ if one == other => Some(one),
        (String, _) | (_, String) => Some(String),
        (Date, time @ (Timestamp | TimestampNtz)) | (time @ (Timestamp | TimestampNtz), Date) => {
            let format = match time {
                Timestamp => &conversion.timestamp_format,
                _ => &conversion.timestamp_ntz_format,
            };
            let joins = format.is_none() && conversion.dates_are_timestamps;
            Some(if joins { time } else { String })
        }
        (Timestamp, TimestampNtz) | (TimestampNtz, Timestamp) => Some(Timestamp),
        _ => {
            let (one_digits, other_digits) = (digits(one)?, digits(other)?);
            let precision = one_digits.max(other_digits);
            Some(match (one, other) {
                (Double, _) | (_, Double) => Double,
                (Int | BigInt, Int | BigInt) => BigInt,
                _ => Decimal {
                    precision,
                    scale: 0,
                },
            })
        }
    }
}

/// The digits of a number, as many as a decimal must have to hold all of the type; a double has some.
fn digits(kind: ColumnType) -> Option<u8> {
    match kind {
        Int => Some(10),
        BigInt => Some(20),
        Decimal { precision, .. } => Some(precision),
        Double => Some(0),
        _ => None,
    }
}

/// How values are read for their types: not in all as they are read for a column.
struct Values<'a> {
    conversion: &'a Conversion,
    names: Names<'a>,
    date: Pattern,
    timestamp: Option<&'a Pattern>,
    timestamp_ntz: Option<&'a Pattern>,
    instants: Instants<'a>,
}

impl<'a> Values<'a> {
    fn new(conversion: &'a Conversion, zones: &'a mut Zones) -> Result<Self, Error> {
        let given = |format: &'a Option<Result<Pattern, Error>>| {
            format.as_ref().map(Result::as_ref).transpose()
        };
        let wrong = |error: &Error| *error;
        Ok(Values {
            conversion,
            names: conversion.names(),
            date: match given(&conversion.date_format).map_err(wrong)? {
                Some(pattern) => pattern.clone(),
                None => Pattern::parse(ISO_DATE)?,
            },
            timestamp: given(&conversion.timestamp_format).map_err(wrong)?,
            timestamp_ntz: given(&conversion.timestamp_ntz_format).map_err(wrong)?,
            instants: Instants::new(conversion, zones),
        })
    }

    /// The first of the types that a value is of.
    fn kind(&mut self, token: &[u8], tried: &[ColumnType]) -> ColumnType {
        let mut found = tried.iter().filter_map(|&kind| self.read(token, kind));
        found.next().unwrap_or(String)
    }

    /// The type, when the value is of it; of a decimal with the value's own precision.
    fn read(&mut self, token: &[u8], kind: ColumnType) -> Inferred {
        let fits = match kind {
            Int => parse::int::<i32>(token.into()).is_some(),
            BigInt => parse::int64(token.into()).is_some(),
            Decimal { .. } => {
                let precision = parse::whole_digits(token)?;
                return Some(Decimal {
                    precision,
                    scale: 0,
                });
            }
            Double => parse::double(token.into(), &self.names).is_some(),
            Date => self.conversion.prefer_date && self.is_date(token),
            TimestampNtz => self.conversion.prefer_ntz && self.is_local(token),
            Timestamp => self.is_instant(token),
            Boolean => parse::boolean(token).is_some(),
            _ => true,
        };
        fits.then_some(kind)
    }

    fn is_date(&self, token: &[u8]) -> bool {
        let parsed = self.date.read(&text::lossy(token));
        parsed.map_or(false, |parsed| i32::try_from(parsed.days).is_ok())
    }

    fn is_local(&self, token: &[u8]) -> bool {
        let micros = match self.timestamp_ntz {
            Some(pattern) => pattern
                .read_unresolved(&text::lossy(token))
                .and_then(instant::local_parsed),
            None => instant::local_lenient(token),
        };
        micros.is_some()
    }

    fn is_instant(&mut self, token: &[u8]) -> bool {
        let micros = match self.timestamp {
            Some(pattern) => pattern
                .read_unresolved(&text::lossy(token))
                .and_then(|parsed| self.instants.parsed(parsed)),
            None => self.instants.lenient(token),
        };
        micros.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn conversion(options: &[&str]) -> Conversion {
        let piece =
            |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let bytes: Vec<u8> = options.iter().flat_map(piece).collect();
        Conversion::parse(&mut Options::decode(&bytes).unwrap()).unwrap()
    }

    fn inferred(options: &[&str], tokens: &str) -> std::string::String {
        let tokens = tokens.split('|').map(|token| Some(token.as_bytes()));
        let mut zones = Zones::default();
        name(fold(None, &conversion(options), &mut zones, tokens).unwrap())
    }

    #[test]
    fn first_type_that_takes_all_values() {
        let cases = [
            ("", "null"),
            ("1||2", "int"),
            ("1|2147483648", "bigint"),
            ("1|1.5|2", "double"),
            (" 1", "double"),
            ("1e0", "decimal(1,0)"),
            ("1e20", "double"),
            ("NaN|1", "double"),
            ("2020-01-02", "date"),
            ("2020-1-2", "timestamp"),
            ("12:34", "timestamp"),
            ("2020-01-02 03:04:05+02:00", "timestamp"),
            ("2020-01-02|2020-01-02 03:04", "timestamp"),
            ("true|FALSE", "boolean"),
            ("true|1", "string"),
            ("1|true", "string"),
            ("1|2020-01-02", "string"),
            ("1|x|2", "string"),
        ];
        for (tokens, expected) in cases {
            assert_eq!(inferred(&[], tokens), expected, "{tokens}");
        }
    }

    #[test]
    fn order_matters() {
        let cases = [
            ("1.|2", "decimal(1,0)"),
            ("2|1.", "decimal(10,0)"),
            ("1.|99999999999", "decimal(11,0)"),
            ("99999999999|1.", "decimal(20,0)"),
            ("9223372036854775808|9223372036854775807", "decimal(19,0)"),
            ("9223372036854775807|9223372036854775808", "decimal(20,0)"),
            ("2020-01-02|2020", "timestamp"),
            ("2020|2020-01-02", "string"),
            ("+1000000-01-01|2020-01-01 01:00", "timestamp"),
            ("2020-01-01 01:00|+1000000-01-01", "string"),
        ];
        for (tokens, expected) in cases {
            assert_eq!(inferred(&[], tokens), expected, "{tokens}");
        }
    }

    #[test]
    fn options_decide() {
        let cases: [(&[&str], &str, &str); 12] = [
            (&["prefer_date", "false"], "2020-01-02", "timestamp"),
            (&["date_format", "dd/MM/yyyy"], "02/01/2020", "date"),
            (
                &["date_format", "dd/MM/yyyy"],
                "02/01/2020|2020-01-02",
                "string",
            ),
            (
                &["date_format", "yyyy-M-d"],
                "2020-1-2|2020-01-02 03:04",
                "timestamp",
            ),
            (
                &["timestamp_format", "yyyy-MM-dd[ HH:mm]"],
                "2020-01-02|2020-01-02 03:04",
                "string",
            ),
            (
                &["timestamp_format", "yyyy-MM-dd[ HH:mm]"],
                "2020-01-02 03:04|2020-01-02",
                "timestamp",
            ),
            (&["timestamp_format", "hh:mm a"], "13:05 PM", "timestamp"),
            (
                &["timestamp_type", "TIMESTAMP_NTZ"],
                "2020-01-02|2020-01-02 03:04:05",
                "timestamp_ntz",
            ),
            (
                &["timestamp_type", "TIMESTAMP_NTZ"],
                "2020-01-02 03:04:05|2020-01-02 03:04:05Z",
                "timestamp",
            ),
            (&["timestamp_type", "TIMESTAMP_NTZ"], "12:34", "timestamp"),
            (&["nan_value", "true"], "true|1", "double"),
            (&["null_value", "N"], "N|1", "int"),
        ];
        for (options, tokens, expected) in cases {
            assert_eq!(inferred(options, tokens), expected, "{options:?} {tokens}");
        }
    }

    #[test]
    fn parts_of_a_column() {
        let conversion = conversion(&[]);
        let merged = |one, other| {
            let found = merge(parse(one).unwrap(), parse(other).unwrap(), &conversion);
            let reversed = merge(parse(other).unwrap(), parse(one).unwrap(), &conversion);
            assert_eq!(found, reversed, "{one} {other}");
            name(found)
        };
        let cases = [
            ("null", "date", "date"),
            ("int", "bigint", "bigint"),
            ("int", "decimal(1,0)", "decimal(10,0)"),
            ("bigint", "decimal(19,0)", "decimal(20,0)"),
            ("bigint", "decimal(30,0)", "decimal(30,0)"),
            ("decimal(30,0)", "double", "double"),
            ("int", "string", "string"),
            ("date", "timestamp_ntz", "timestamp_ntz"),
            ("timestamp", "timestamp_ntz", "timestamp"),
            ("int", "boolean", "null"),
            ("date", "double", "null"),
        ];
        for (one, other, expected) in cases {
            assert_eq!(merged(one, other), expected, "{one} {other}");
        }
        assert_eq!(parse("integer"), Err(InvalidArgument));
        let mut zones = Zones::default();
        let binary = fold(Some(Binary), &conversion, &mut zones, [].into_iter());
        assert_eq!(binary, Err(InvalidArgument));
    }
}
