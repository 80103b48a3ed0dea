//! Dates without a dateFormat: Spark's cast-style parser [5.7].

use super::{sign, trim};

/// Days since 1970-01-01: the lenient text or, with `strict`, also what the pattern `yyyy-MM-dd` takes beyond that;
/// with `legacy` all of this again without any `GMT`.
#[inline(always)]
pub fn date(token: &[u8], strict: bool, legacy: bool) -> Option<i32> {
    match token.try_into().ok().and_then(iso_date) {
        None => any(token, strict, legacy),
        days => days,
    }
}

/// The length of `yyyy-MM-dd`.
pub const ISO_DATE_LENGTH: usize = 10;

/// `yyyy-MM-dd` and nothing else.
#[inline(always)]
pub fn iso_date(text: &[u8; ISO_DATE_LENGTH]) -> Option<i32> {
    let (year_and_month, day) = iso_digits(iso_parts(text)?)?;
    // In the place of each digit, ten times the one before it and itself.
    let pairs = (year_and_month >> 8) * 10 + year_and_month;
    let year = (pairs >> 48 & 0xff) * 100 + (pairs >> 32 & 0xff);
    let day = i32::from(day >> 8) * 10 + i32::from(day & 0xff);
    let (new_year, leap) = *YEARS.get(year as usize)?;
    let (before, length) = *MONTHS[usize::from(leap)].get((pairs >> 8 & 0xff) as usize)?;
    (1..=i32::from(length))
        .contains(&day)
        .then_some(new_year + i32::from(before) + day - 1)
}

/// The days from 1970-01-01 to a year's first one, and whether it is a leap year.
static YEARS: [(i32, bool); 10_000] = years();

const fn years() -> [(i32, bool); 10_000] {
    let mut years = [(0, false); 10_000];
    let (mut year, mut days) = (0, -719_528);
    while year < years.len() {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        years[year] = (days, leap);
        days += 365 + leap as i32;
        year += 1;
    }
    years
}

/// The days of a year before each month, and the month's, in years that leap and in others.
static MONTHS: [[(u16, u8); 13]; 2] = [months(0), months(1)];

const fn months(leap: u8) -> [(u16, u8); 13] {
    let mut months = [(0, 0); 13];
    let (mut month, mut days) = (1, 0);
    while month < months.len() {
        let length = LENGTHS[month] as u8 + if month == 2 { leap } else { 0 };
        months[month] = (days, length);
        days += length as u16;
        month += 1;
    }
    months
}

/// The days of each month but for a leap year's; there is no month 0.
pub const LENGTHS: [i32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// `yyyy-MM-` and `dd` as numbers that are ordered as these texts are; None for another length.
#[inline(always)]
pub fn iso_parts(text: &[u8]) -> Option<(u64, u16)> {
    let text: &[u8; ISO_DATE_LENGTH] = text.try_into().ok()?;
    let (year_and_month, day) = text.split_at(8);
    let year_and_month = u64::from_be_bytes(year_and_month.try_into().ok()?);
    Some((year_and_month, u16::from_be_bytes(day.try_into().ok()?)))
}

/// The digits of such parts, each a byte; None for another form.
#[inline(always)]
pub fn iso_digits((year_and_month, day): (u64, u16)) -> Option<(u64, u16)> {
    // In the place of a digit is what added to a digit leaves the high bit clear.
    let (a, b) = (year_and_month ^ 0x3030_3030_2d30_302d, day ^ 0x3030);
    let high = (a | a.wrapping_add(0x7676_7676_7f76_767f)) & 0x8080_8080_8080_8080;
    let high = high | u64::from((b | b.wrapping_add(0x7676)) & 0x8080);
    (high == 0).then_some((a, b))
}

#[inline(never)]
fn any(token: &[u8], strict: bool, legacy: bool) -> Option<i32> {
    lenient(token)
        .or_else(|| strictly(token).filter(|_| strict))
        .or_else(|| lenient(&without_gmt(token).filter(|_| legacy)?))
}

/// `[+-]yyyy[-m[-d[( |T)any text]]]`, the year of four to seven digits, month and day of one or two, between blanks
/// and control characters.
fn lenient(token: &[u8]) -> Option<i32> {
    let text = trim(token, |byte| byte <= b' ' || byte == 0x7f);
    let (negative, text) = sign(text);
    let (year, rest) = number(text, 4, 7)?;
    let (month, rest) = part(rest, 1)?;
    let (day, rest) = part(rest, 1)?;
    match rest {
        [] => {}
        [b' ' | b'T', ..] if day.is_some() => {}
        _ => return None,
    }
    in_range(negative, year, month.unwrap_or(1), day.unwrap_or(1))
}

/// What the pattern `yyyy-MM-dd` takes beyond that: a signed year of up to 19 digits, leading zeros and all, but no
/// negative zero [5.8].
fn strictly(token: &[u8]) -> Option<i32> {
    let (negative, text) = sign(token);
    let signed = text.len() < token.len();
    let (year, rest) = number(text, 8, 19)?;
    let (month, rest) = part(rest, 2)?;
    let (day, rest) = part(rest, 2)?;
    let accepted = signed && rest.is_empty() && !(negative && year == 0);
    in_range(negative, year, month?, day?).filter(|_| accepted)
}

/// Spark drops every `GMT` before it tries a text again that the pattern does not take.
pub fn without_gmt(token: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(token);
    text.contains("GMT")
        .then(|| text.replace("GMT", "").into_bytes())
}

/// The leading digits of `text`, if there are `least` to `most` of them.
fn number(text: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < least || digits > most {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    let value = digits.iter().fold(0i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some((value, rest))
}

/// A month or day of `least` to two digits after its `-`, when there is one.
fn part(text: &[u8], least: usize) -> Option<(Option<i64>, &[u8])> {
    match text {
        [b'-', rest @ ..] => number(rest, least, 2).map(|(value, rest)| (Some(value), rest)),
        _ => Some((None, text)),
    }
}

fn in_range(negative: bool, year: i64, month: i64, day: i64) -> Option<i32> {
    let year = match year {
        0..=9_999_999 if negative => -year,
        0..=9_999_999 => year,
        _ => return None,
    };
    days(year, month, day)?.try_into().ok()
}

/// Days since 1970-01-01, proleptic Gregorian; None when there is no such day.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years from March on, so that the leap day is a year's last; 400 of them are 146,097 days.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    fn date(token: &[u8]) -> Option<i32> {
        super::date(token, true, true)
    }

    #[test]
    fn dates() {
        let cases = [
            ("1970-01-01", 0),
            ("2020-02-29", 18321),
            ("2020", 18262),
            ("2020-1", 18262),
            ("2020-1-2", 18263),
            (" 2020-01-02 ", 18263),
            ("\x002020-01-02\x7f", 18263),
            ("2020-01-02T", 18263),
            ("2020-01-02 anything", 18263),
            ("2020-01-02T\u{e9}", 18263),
            ("+2020-01-02", 18263),
            ("+10000-01-01", 2932897),
            ("-2020-01-02", -1457317),
            ("0000-01-01", -719528),
            ("1582-10-10", -141432),
            ("2020-GMT01-02", 18263),
            ("GMT2020-GMTGMT01-02", 18263),
            ("+00002020-01-02", 18263),
            ("-00002020-01-02", -1457317),
            ("+0000000000005881580-07-11", i32::MAX),
            ("-5877641-06-23", i32::MIN),
        ];
        for (text, expected) in cases {
            assert_eq!(date(text.as_bytes()), Some(expected), "{text}");
        }
        assert_eq!(date(b"2020-GMT01-02T\xff"), Some(18263));
        let refused = [
            "",
            " ",
            "-",
            "2020-",
            "2020-01-",
            "2020-01-02x",
            "20200102",
            "2020/01/02",
            "2020-02-30",
            "1500-02-29",
            "20-01-02",
            "999-01-01",
            "2020-01-02Z",
            "today",
            "2020-13-01",
            "2020-00-01",
            "2020-01-00",
            "2020T",
            "2020 x",
            "2020-01 x",
            "2020-001-01",
            "12345678-01-01",
            "9999999-01-01",
            "2020-01-02-",
            "٢٠٢٠-01-01",
            "--2020-01-01",
            "GMT",
            "+00002020-1-02",
            "00002020-01-02",
            "-00000000-01-01",
            " +00002020-01-02",
            "5881580-07-12",
            "+99999999999999999999-01-01",
            "+9999999999999999999-01-01",
            "gmt2020",
        ];
        for text in refused {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
    }
}
