//! Timestamps without a timestampFormat: Spark's cast-style parser [5.9] [5.12].

use super::date::days;
use super::trim;
use std::str::from_utf8;

/// The microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// What a text says of a point in time.
#[derive(Debug, PartialEq, Eq)]
pub struct Moment<'a> {
    /// Days since 1970-01-01; None when the text is only a time.
    pub days: Option<i64>,
    /// Microseconds since midnight.
    pub micros: i64,
    /// The name of a time zone, as it stands there.
    pub zone: Option<&'a str>,
}

impl Moment<'_> {
    /// The local time on a day, in microseconds since 1970-01-01 00:00.
    pub fn local(&self, days: i64) -> i128 {
        i128::from(days) * i128::from(DAY) + i128::from(self.micros)
    }
}

/// What a number is; the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    Zone,
}

/// `[+-]y{4,6}[-m[-d[(T| )h[:m[:s[.f]]][zone]]]]`, or only a time: `h:m…`, `Th…`; between blanks and control characters.
pub fn moment(token: &[u8]) -> Option<Moment<'_>> {
    let blank = |byte: u8| byte <= b' ' || byte == 0x7f;
    let text = trim(token, blank);
    let (sign, text_start) = match text.first()? {
        b'-' => (Some(-1), 1),
        b'+' => (Some(1), 1),
        _ => (None, 0),
    };
    let (mut numbers, mut only_time, mut zone) = ([1, 1, 1, 0, 0, 0, 0, 0i64], false, None);
    let (mut part, mut value, mut digits) = (Part::Year, 0i64, 0usize);
    let mut at = text_start;
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if byte.is_ascii_digit() {
            if part != Part::Fraction || digits < 6 {
                value = value
                    .saturating_mul(10)
                    .saturating_add(i64::from(byte - b'0'));
            }
            digits += 1;
            continue;
        }
        // Of a text that only has a time before its blanks are trimmed off, the T is the first byte of all.
        if at == 1 && byte == b'T' && token.first() == Some(&b'T') {
            only_time = true;
            part = Part::Hour;
            continue;
        }
        let next = match (part, byte) {
            (Part::Year, b'-') => Part::Month,
            (Part::Month, b'-') => Part::Day,
            (Part::Year, b':') if sign.is_none() => {
                only_time = true;
                part = Part::Hour;
                Part::Minute
            }
            (Part::Day, b' ' | b'T') => Part::Hour,
            (Part::Hour, b':') => Part::Minute,
            (Part::Minute, b':') => Part::Second,
            (Part::Second, b'.') => Part::Fraction,
            (Part::Second | Part::Fraction, _) => Part::Zone,
            _ => return None,
        };
        if !fits(part, digits) {
            return None;
        }
        numbers[part as usize] = scaled(part, value, digits);
        (part, value, digits) = (next, 0, 0);
        if part == Part::Zone {
            zone = Some(from_utf8(&text[at - 1..]).ok()?.trim_matches(|c| c <= ' '));
            break;
        }
    }
    if !fits(part, digits) {
        return None;
    }
    numbers[part as usize] = scaled(part, value, digits);
    let [year, month, day, hour, minute, second, fraction, _] = numbers;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = if only_time {
        None
    } else {
        Some(days(year * sign.unwrap_or(1), month, day)?)
    };
    Some(Moment {
        days,
        micros: ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction,
        zone,
    })
}

fn fits(part: Part, digits: usize) -> bool {
    match part {
        Part::Year => (4..=6).contains(&digits),
        Part::Fraction | Part::Zone => true,
        _ => (1..=2).contains(&digits),
    }
}

/// A fraction is of a second, in microseconds.
fn scaled(part: Part, value: i64, digits: usize) -> i64 {
    match part {
        Part::Fraction => value * 10i64.pow(6 - digits.min(6) as u32),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let time = |h: i64, m: i64, s: i64| ((h * 60 + m) * 60 + s) * 1_000_000;
        let cases = [
            ("2020", Some((Some(18262), 0, None))),
            ("2020-01", Some((Some(18262), 0, None))),
            (" 2020-1-2 3:4\t", Some((Some(18263), time(3, 4, 0), None))),
            ("2020-01-02T03", Some((Some(18263), time(3, 0, 0), None))),
            (
                "2020-01-02 03:04:05.",
                Some((Some(18263), time(3, 4, 5), None)),
            ),
            (
                "2020-01-02 03:04:05.5",
                Some((Some(18263), time(3, 4, 5) + 500_000, None)),
            ),
            (
                "2020-01-02 03:04:05.1234567891234",
                Some((Some(18263), time(3, 4, 5) + 123_456, None)),
            ),
            (
                "2020-01-02 03:04:05 America/New_York",
                Some((Some(18263), time(3, 4, 5), Some("America/New_York"))),
            ),
            (
                "2020-01-02 03:04:05.5Z",
                Some((Some(18263), time(3, 4, 5) + 500_000, Some("Z"))),
            ),
            ("+12020-01-02", Some((Some(3_670_688), 0, None))),
            ("03:04", Some((None, time(3, 4, 0), None))),
            ("T03:04:05", Some((None, time(3, 4, 5), None))),
            (" T03:04:05", None),
            ("-03:04", None),
            ("2020-01-02T", None),
            ("2020-01-02T1:", None),
            ("2020-001-02", None),
            ("999-01-01", None),
            ("2020-01-02  03:04:05", None),
            ("2020-01-02 24:00:00", None),
            ("2020-01-02 03:60", None),
            ("20200102", None),
            ("2020-01-02 03:04Z", None),
            ("2020-02-30", None),
            ("", None),
            ("-", None),
        ];
        for (text, expected) in cases {
            let found = moment(text.as_bytes()).map(|m| (m.days, m.micros, m.zone));
            assert_eq!(found, expected, "{text}");
        }
    }
}
