//! Patterns of dates and times: those of java.time's that are read here exactly as Spark reads them [5.8] [5.11].
//!
//! Letters y, M, d, H, h, m, s, S, a, X, x, Z, quoted and other literal text, and optional parts in brackets. Spark
//! resolves strictly: there is no February 30; and what a text does not say is taken from 1970-01-01 00:00.

use crate::error::Error::{self, Unsupported};
use crate::parse::days;

/// What a parsed text says; micros of the day, and the offset in seconds when there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    /// Days since 1970-01-01.
    pub days: i64,
    /// Microseconds since midnight.
    pub micros: i64,
    /// Seconds east of Greenwich.
    pub offset: Option<i64>,
}

/// A pattern, ready to parse with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(char),
    /// Between `least` and `most` digits; with `fixed` neither a sign nor other than these, and a number before it
    /// leaves them to it.
    Number {
        field: Field,
        least: usize,
        most: usize,
        fixed: bool,
        sign: Sign,
    },
    /// Two digits, of the years 2000 to 2099.
    ShortYear,
    MonthName {
        full: bool,
    },
    Fraction {
        most: usize,
    },
    HalfDay,
    /// An offset; `zero` stands for none, when it is allowed.
    Offset {
        form: OffsetForm,
        zero: Option<&'static str>,
    },
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    HalfHour,
    Minute,
    Second,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Only a minus.
    Normal,
    /// A plus if, and only if, there are more digits than `least`.
    ExceedsPad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffsetForm {
    /// `+hh` or `+hhmm`.
    HourMinute,
    /// `+hhmm`.
    Four,
    /// `+hh:mm`.
    Colon,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Pattern {
    /// The pattern that `text` is. Unsupported when it has anything that is not on the list.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        let mut chars = text.chars().collect::<Vec<_>>().into_iter().peekable();
        let items = items(&mut chars, false)?;
        Ok(Pattern(items))
    }

    /// What `text` says, all of it.
    pub fn read(&self, text: &str) -> Option<Parsed> {
        let seen = self.seen(text)?;
        seen.at_hour(seen.hour()?)
    }

    /// As `read`, but hours of half a day are not looked at: schema inference does not resolve timestamps [7.4].
    pub fn read_unresolved(&self, text: &str) -> Option<Parsed> {
        let seen = self.seen(text)?;
        let noon = if seen.half == Some(1) { 12 } else { 0 };
        seen.at_hour(seen.fields[Field::Hour as usize].unwrap_or(noon))
    }

    fn seen(&self, text: &str) -> Option<Seen> {
        let mut seen = Seen::default();
        let rest = seen.items(&self.0, text)?;
        rest.is_empty().then_some(seen)
    }
}

type Chars = std::iter::Peekable<std::vec::IntoIter<char>>;

fn items(chars: &mut Chars, optional: bool) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    loop {
        let c = match chars.next() {
            None if optional => return Err(Unsupported),
            None => return Ok(items),
            Some(c) => c,
        };
        match c {
            '\'' => literal(chars, &mut items)?,
            '[' => {
                let inner = self::items(chars, true)?;
                items.push(Item::Optional(inner));
            }
            ']' if optional => return Ok(items),
            ']' | '{' | '}' | '#' => return Err(Unsupported),
            c if c.is_ascii_alphabetic() => {
                let mut count = 1;
                while chars.peek() == Some(&c) {
                    chars.next();
                    count += 1;
                }
                items.push(letters(c, count)?);
            }
            // Case folds differently in Java and here beyond ASCII.
            c if c.is_ascii() => items.push(Item::Literal(c)),
            _ => return Err(Unsupported),
        }
    }
}

fn literal(chars: &mut Chars, items: &mut Vec<Item>) -> Result<(), Error> {
    if chars.peek() == Some(&'\'') {
        chars.next();
        items.push(Item::Literal('\''));
        return Ok(());
    }
    loop {
        match chars.next() {
            None => return Err(Unsupported),
            Some('\'') if chars.peek() == Some(&'\'') => {
                chars.next();
                items.push(Item::Literal('\''));
            }
            Some('\'') => return Ok(()),
            Some(c) if c.is_ascii() => items.push(Item::Literal(c)),
            Some(_) => return Err(Unsupported),
        }
    }
}

fn letters(c: char, count: usize) -> Result<Item, Error> {
    let number = |field| match count {
        1 => Ok(Item::Number {
            field,
            least: 1,
            most: 19,
            fixed: false,
            sign: Sign::Normal,
        }),
        2 => Ok(Item::Number {
            field,
            least: 2,
            most: 2,
            fixed: true,
            sign: Sign::Normal,
        }),
        _ => Err(Unsupported),
    };
    let year = |sign| Item::Number {
        field: Field::Year,
        least: count,
        most: 19,
        fixed: false,
        sign,
    };
    match (c, count) {
        ('y', 2) => Ok(Item::ShortYear),
        ('y', 1 | 3) => Ok(year(Sign::Normal)),
        ('y', 4..=6) => Ok(year(Sign::ExceedsPad)),
        ('M', 3) => Ok(Item::MonthName { full: false }),
        ('M', 4) => Ok(Item::MonthName { full: true }),
        ('M', _) => number(Field::Month),
        ('d', _) => number(Field::Day),
        ('H', _) => number(Field::Hour),
        ('h', _) => number(Field::HalfHour),
        ('m', _) => number(Field::Minute),
        ('s', _) => number(Field::Second),
        ('S', 1..=9) => Ok(Item::Fraction { most: count }),
        ('a', 1) => Ok(Item::HalfDay),
        ('X', 1) => Ok(Item::Offset {
            form: OffsetForm::HourMinute,
            zero: Some("Z"),
        }),
        ('X', 2) => Ok(Item::Offset {
            form: OffsetForm::Four,
            zero: Some("Z"),
        }),
        ('X', 3) => Ok(Item::Offset {
            form: OffsetForm::Colon,
            zero: Some("Z"),
        }),
        ('x', 1) => Ok(Item::Offset {
            form: OffsetForm::HourMinute,
            zero: None,
        }),
        ('x', 2) | ('Z', 1..=3) => Ok(Item::Offset {
            form: OffsetForm::Four,
            zero: None,
        }),
        ('x', 3) => Ok(Item::Offset {
            form: OffsetForm::Colon,
            zero: None,
        }),
        _ => Err(Unsupported),
    }
}

/// What was read so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    fields: [Option<i64>; 7],
    nanos: Option<i64>,
    half: Option<i64>,
    offset: Option<i64>,
}

impl Seen {
    /// Reads the items off the text, and gives what is left of it.
    fn items<'a>(&mut self, items: &[Item], mut text: &'a str) -> Option<&'a str> {
        for (at, item) in items.iter().enumerate() {
            text = self.item(item, &items[at + 1..], text)?;
        }
        Some(text)
    }

    fn item<'a>(&mut self, item: &Item, next: &[Item], text: &'a str) -> Option<&'a str> {
        match item {
            Item::Literal(c) => {
                let found = text.chars().next()?;
                (found.eq_ignore_ascii_case(c)).then(|| &text[found.len_utf8()..])
            }
            Item::Number {
                field,
                least,
                most,
                fixed,
                sign,
            } => {
                let (negative, digits) = match text.strip_prefix('-') {
                    Some(_) if *fixed => return None,
                    Some(rest) => (true, rest),
                    None => (false, text),
                };
                let plus =
                    !negative && !fixed && *sign == Sign::ExceedsPad && digits.starts_with('+');
                let digits = if plus { &digits[1..] } else { digits };
                // A number of any length leaves the digits to those of fixed length that follow it at once.
                let kept = if *fixed {
                    0
                } else {
                    next.iter().map_while(fixed_digits).sum()
                };
                let there = count_digits(digits);
                let length = if there >= least + kept {
                    (there - kept).min(*most)
                } else {
                    there.min(*least)
                };
                if length < *least {
                    return None;
                }
                let value = digits[..length].parse::<i64>().ok()?;
                let wrong_plus =
                    *sign == Sign::ExceedsPad && !negative && plus != (length > *least);
                if (negative && value == 0) || (wrong_plus && !fixed) {
                    return None;
                }
                self.set(*field, if negative { -value } else { value })?;
                Some(&digits[length..])
            }
            Item::ShortYear => {
                let digits = text.get(..2).filter(|digits| count_digits(digits) == 2)?;
                self.set(Field::Year, 2000 + digits.parse::<i64>().ok()?)?;
                Some(&text[2..])
            }
            Item::MonthName { full } => {
                // May is as long in short.
                let name = |month: &&str| {
                    let name = if *full { *month } else { &month[..3] };
                    text.get(..name.len())
                        .map_or(false, |there| there.eq_ignore_ascii_case(name))
                };
                let month = MONTHS.iter().position(name)?;
                self.set(Field::Month, month as i64 + 1)?;
                Some(&text[if *full { MONTHS[month].len() } else { 3 }..])
            }
            Item::Fraction { most } => {
                let length = count_digits(text).min(*most);
                if length == 0 {
                    return None;
                }
                let value = text[..length].parse::<i64>().ok()? * 10i64.pow(9 - length as u32);
                same(&mut self.nanos, value)?;
                Some(&text[length..])
            }
            Item::HalfDay => {
                let half = text.get(..2)?;
                let value = ["am", "pm"]
                    .iter()
                    .position(|name| half.eq_ignore_ascii_case(name))?;
                same(&mut self.half, value as i64)?;
                Some(&text[2..])
            }
            Item::Offset { form, zero } => self.offset(*form, *zero, text),
            Item::Optional(items) => {
                let mut tried = *self;
                match tried.items(items, text) {
                    None => Some(text),
                    Some(rest) => {
                        *self = tried;
                        Some(rest)
                    }
                }
            }
        }
    }

    fn offset<'a>(
        &mut self,
        form: OffsetForm,
        zero: Option<&str>,
        text: &'a str,
    ) -> Option<&'a str> {
        if let Some(zero) = zero {
            if text
                .get(..1)
                .map_or(false, |there| there.eq_ignore_ascii_case(zero))
            {
                same(&mut self.offset, 0)?;
                return Some(&text[1..]);
            }
        }
        let digits = text.strip_prefix(['+', '-'].as_slice())?;
        let two = |text: &str| {
            text.get(..2)
                .filter(|two| count_digits(two) == 2)?
                .parse::<i64>()
                .ok()
        };
        let hours = two(digits)?;
        let (minutes, length) = match form {
            OffsetForm::HourMinute => match two(digits.get(2..)?) {
                Some(minutes) => (minutes, 4),
                None => (0, 2),
            },
            OffsetForm::Four => (two(digits.get(2..)?)?, 4),
            OffsetForm::Colon => (two(digits.get(2..)?.strip_prefix(':')?)?, 5),
        };
        let seconds = (hours * 60 + minutes) * 60;
        if minutes > 59 || seconds > 18 * 3600 {
            return None;
        }
        same(
            &mut self.offset,
            if text.starts_with('-') {
                -seconds
            } else {
                seconds
            },
        )?;
        Some(&digits[length..])
    }

    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        same(&mut self.fields[field as usize], value)
    }

    fn field(&self, field: Field, default: i64, from: i64, to: i64) -> Option<i64> {
        let value = self.fields[field as usize].unwrap_or(default);
        (from..=to).contains(&value).then_some(value)
    }

    /// The hour of the day, when all that was read agrees on it.
    fn hour(&self) -> Option<i64> {
        let hour = self.field(Field::Hour, 0, 0, 23)?;
        let half_hour = self.field(Field::HalfHour, 12, 1, 12)? % 12;
        match (
            self.fields[Field::Hour as usize],
            self.fields[Field::HalfHour as usize],
        ) {
            (None, _) => Some(half_hour + 12 * self.half.unwrap_or(0)),
            (Some(_), given) => {
                let same_half = self.half.map_or(true, |half| hour / 12 == half);
                let same_hour = given.map_or(true, |_| hour % 12 == half_hour);
                (same_half && same_hour).then_some(hour)
            }
        }
    }

    fn at_hour(&self, hour: i64) -> Option<Parsed> {
        let year = self.field(Field::Year, 1970, -999_999_999, 999_999_999)?;
        let month = self.field(Field::Month, 1, 1, 12)?;
        let day = self.field(Field::Day, 1, 1, 31)?;
        let minute = self.field(Field::Minute, 0, 0, 59)?;
        let second = self.field(Field::Second, 0, 0, 59)?;
        let seconds = (hour * 60 + minute) * 60 + second;
        let parsed = Parsed {
            days: days(year, month, day)?,
            micros: seconds * 1_000_000 + self.nanos.unwrap_or(0) / 1000,
            offset: self.offset,
        };
        (0..24).contains(&hour).then_some(parsed)
    }
}

/// Sets a value; one that is set already must be the same.
fn same(place: &mut Option<i64>, value: i64) -> Option<()> {
    (place.replace(value).map_or(true, |before| before == value)).then_some(())
}

/// The digits that an item of fixed length takes.
fn fixed_digits(item: &Item) -> Option<usize> {
    match item {
        Item::Number {
            fixed: true, least, ..
        } => Some(*least),
        _ => None,
    }
}

fn count_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<(i64, i64)> {
        let parsed = Pattern::parse(pattern).unwrap().read(text)?;
        Some((parsed.days, parsed.micros / 1_000_000))
    }

    #[test]
    fn dates() {
        let day = Some((18263, 0));
        let cases = [
            ("yyyy-MM-dd", "2020-01-02", day),
            ("yyyy-MM-dd", "2020-1-02", None),
            ("yyyy-MM-dd", "2020-01-02 ", None),
            ("yyyy-MM-dd", "+10000-01-01", Some((2_932_897, 0))),
            ("yyyy-MM-dd", "10000-01-01", None),
            ("yyyy-MM-dd", "+2020-01-02", None),
            ("yyyy-MM-dd", "2020-02-30", None),
            ("yyyyMMdd", "20200102", day),
            ("yyyyMMdd", "120200102", None),
            ("M/d/yyyy", "1/2/2020", day),
            ("M/d/yyyy", "001/02/2020", day),
            ("yy-MM-dd", "20-01-02", day),
            ("dd-MMM-yyyy", "02-jAN-2020", day),
            ("d MMMM yyyy", "2 January 2020", day),
            ("d MMM yyyy", "2 January 2020", None),
            ("yyyy", "2020", Some((18262, 0))),
            ("yyyy-MM-dd'T'", "2020-01-02t", day),
            ("y-M-d", "-1-1-1", Some((-719_893, 0))),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(read(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn times() {
        let cases = [
            ("HH:mm:ss", "03:04:05", Some((0, 11045))),
            ("h:mm a", "3:04 pm", Some((0, 54240))),
            ("h:mm a", "12:04 AM", Some((0, 240))),
            ("hh:mm", "03:04", Some((0, 11040))),
            ("HH:mm", "24:00", None),
            ("HH:mm[:ss]", "03:04", Some((0, 11040))),
            ("HH:mm[:ss]", "03:04:05", Some((0, 11045))),
            ("HH:mm[:ss]", "03:04:", None),
            ("HH 'o''clock'", "03 o'clock", Some((0, 10800))),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(read(pattern, text), expected, "{pattern} {text}");
        }
        let unresolved = |pattern: &str, text: &str| {
            let pattern = Pattern::parse(pattern).unwrap();
            (pattern.read(text), pattern.read_unresolved(text).is_some())
        };
        assert_eq!(unresolved("hh:mm a", "13:05 PM"), (None, true));
        assert_eq!(unresolved("HH:mm a", "13:05 AM"), (None, true));
        assert_eq!(unresolved("hh HH", "04 15"), (None, true));
        assert_eq!(unresolved("HH:mm", "24:00"), (None, false));
        assert_eq!(unresolved("hh:mm", "03:60"), (None, false));
        let fraction = |pattern: &str, text: &str| {
            Pattern::parse(pattern)
                .unwrap()
                .read(text)
                .map(|p| p.micros)
        };
        assert_eq!(fraction("ss.SSS", "05.1"), Some(5_100_000));
        assert_eq!(fraction("ss.SSS", "05.1234"), None);
        assert_eq!(fraction("ss.SSS", "05."), None);
        let offset = |pattern: &str, text: &str| {
            Pattern::parse(pattern)
                .unwrap()
                .read(text)
                .and_then(|p| p.offset)
        };
        assert_eq!(offset("XXX", "+01:30"), Some(5400));
        assert_eq!(offset("XXX", "z"), Some(0));
        assert_eq!(offset("X", "-02"), Some(-7200));
        assert_eq!(offset("Z", "+0130"), Some(5400));
        assert_eq!(offset("XX", "+01:30"), None);
    }

    #[test]
    fn other_patterns_are_refused() {
        for pattern in [
            "E",
            "VV",
            "z",
            "D",
            "w",
            "YYYY",
            "uuuu",
            "yyyy-MM-dd'",
            "[yyyy",
            "q",
            "é",
            "MMMMM",
            "ddd",
        ] {
            assert_eq!(Pattern::parse(pattern), Err(Unsupported), "{pattern}");
        }
    }
}
