//! Time zones: offsets by name, and the rules of a region as a TZif file has them (RFC 8536).

use crate::error::Error::{self, InvalidArgument};
use std::collections::{HashMap, HashSet};
use std::str::from_utf8;

/// What a zone's name means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// Seconds east of Greenwich.
    Offset(i64),
    Region(String),
}

/// Java's short names of zones (`ZoneId.SHORT_IDS`).
const SHORT: [(&str, &str); 28] = [
    ("EST", "-05:00"),
    ("HST", "-10:00"),
    ("MST", "-07:00"),
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// A point in time, in seconds since 1970-01-01 00:00: by a zone's own clock, or in UTC.
#[derive(Debug, Clone, Copy)]
pub enum When {
    Local(i64),
    Utc(i64),
}

impl When {
    fn day(self) -> i64 {
        match self {
            When::Local(seconds) | When::Utc(seconds) => seconds.div_euclid(86400),
        }
    }

    /// Whether it is behind a change of the offset, which was in UTC `at`. A local time is behind it when it is so by
    /// both clocks.
    fn is_behind(self, at: i64, from: i64, to: i64) -> bool {
        match self {
            When::Local(local) => local >= at + from.max(to),
            When::Utc(utc) => utc >= at,
        }
    }
}

/// No zone has a longer name.
const LONGEST: usize = 100;
/// So many names are remembered: texts can name any number of zones that there are not.
const REMEMBERED: usize = 1000;

/// The zones that were needed so far.
#[derive(Default)]
pub struct Zones {
    names: HashMap<String, Option<Name>>,
    rules: HashMap<String, Rules>,
    /// All regions that there are, when they are known.
    regions: Option<HashSet<String>>,
    /// The region whose rules were asked for and are not known.
    pub needed: Option<String>,
}

impl Zones {
    /// Takes the TZif bytes of a region.
    pub fn add(&mut self, region: &str, tzif: &[u8]) -> Result<(), Error> {
        let rules = Rules::parse(tzif).ok_or(InvalidArgument)?;
        self.rules.insert(region.to_owned(), rules);
        Ok(())
    }

    /// Takes the names of all regions that there are: the rules of others are not asked for.
    pub fn bound<'a>(&mut self, regions: impl Iterator<Item = &'a str>) {
        self.regions = Some(regions.map(str::to_owned).collect());
    }

    /// The offset, in seconds, at a point in time: of a local time in a gap or an overlap the one before it [5.10]. None
    /// when there is no such zone, Err with its region's name when its rules are not known yet.
    pub fn offset(&mut self, name: &str, when: When) -> Result<Option<i64>, String> {
        if name.len() > LONGEST {
            return Ok(None);
        }
        if !self.names.contains_key(name) {
            if self.names.len() == REMEMBERED {
                self.names.clear();
            }
            self.names.insert(name.to_owned(), meaning(name));
        }
        let region = match &self.names[name] {
            None => return Ok(None),
            Some(Name::Offset(seconds)) => return Ok(Some(*seconds)),
            Some(Name::Region(region)) => region,
        };
        match (self.rules.get(region), &self.regions) {
            (Some(rules), _) => Ok(Some(rules.offset(when))),
            (None, Some(regions)) if !regions.contains(region) => Ok(None),
            (None, _) => Err(region.clone()),
        }
    }
}

/// What Spark's getZoneId makes of a name: Java's `ZoneId.of`, and hours and minutes of one digit.
fn meaning(name: &str) -> Option<Name> {
    let name = &two_digits(name);
    let name = SHORT
        .iter()
        .find(|(short, _)| short == name)
        .map_or(name.as_str(), |(_, long)| *long);
    if name == "Z" {
        return Some(Name::Offset(0));
    }
    if name.starts_with(['+', '-'].as_slice()) {
        return offset(name).map(Name::Offset);
    }
    for prefix in ["UTC", "GMT", "UT"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            if rest.is_empty() {
                return Some(Name::Offset(0));
            }
            if rest.starts_with(['+', '-'].as_slice()) {
                return offset(rest).map(Name::Offset);
            }
            break;
        }
    }
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let fits = |c: char| c.is_ascii_alphanumeric() || "~/._+-".contains(c);
    (first && name.len() > 1 && name.chars().all(fits)).then(|| Name::Region(name.to_owned()))
}

/// `+h:` becomes `+0h:`, and `+hh:m` at the end `+hh:0m`; each at the first place where it is found.
fn two_digits(name: &str) -> String {
    let mut bytes = name.as_bytes().to_vec();
    let sign = |byte: u8| byte == b'+' || byte == b'-';
    let hour = |w: &[u8]| sign(w[0]) && w[1].is_ascii_digit() && w[2] == b':';
    if let Some(at) = bytes.windows(3).position(hour) {
        bytes.insert(at + 1, b'0');
    }
    let length = bytes.len();
    if length >= 5 {
        let w = &bytes[length - 5..];
        let digits = w[1].is_ascii_digit() && w[2].is_ascii_digit() && w[4].is_ascii_digit();
        if sign(w[0]) && digits && w[3] == b':' {
            bytes.insert(length - 1, b'0');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Java's `ZoneOffset.of`: `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`, `+hhmmss`, up to 18 hours.
pub fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at(1);
    let digits = match digits.as_bytes() {
        [_] => format!("0{digits}"),
        [_, _, b':', _, _] => digits.replacen(':', "", 1),
        [_, _, b':', _, _, b':', _, _] => digits.replacen(':', "", 2),
        _ => digits.to_owned(),
    };
    if ![2, 4, 6].contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Ok(0), str::parse::<i64>).ok();
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    let total = (hours * 60 + minutes) * 60 + seconds;
    let fits = minutes < 60 && seconds < 60 && total <= 18 * 3600;
    fits.then_some(if sign == "-" { -total } else { total })
}

/// The offsets of a region through time.
struct Rules {
    first: i64,
    /// When an offset changes, in UTC, and the offset from then on.
    changes: Vec<(i64, i64)>,
    /// What holds after the last change.
    yearly: Option<Yearly>,
}

impl Rules {
    fn parse(bytes: &[u8]) -> Option<Rules> {
        // The first block is for readers of 32 bits.
        let (header, rest) = Header::parse(bytes)?;
        let (header, body) = Header::parse(rest.get(header.length(4)..)?)?;
        let times = body.get(..header.times * 8)?.chunks_exact(8);
        let kinds = body.get(header.times * 8..header.times * 9)?;
        let types = body.get(header.times * 9..header.times * 9 + header.types * 6)?;
        let offset = |kind: usize| {
            Some(i64::from(i32::from_be_bytes(
                types.get(kind * 6..kind * 6 + 4)?.try_into().ok()?,
            )))
        };
        let mut changes = Vec::with_capacity(header.times);
        for (time, &kind) in times.zip(kinds) {
            changes.push((
                i64::from_be_bytes(time.try_into().ok()?),
                offset(kind.into())?,
            ));
        }
        let footer = from_utf8(body.get(header.length(8)..)?)
            .ok()?
            .trim_matches('\n');
        Some(Rules {
            first: offset(0)?,
            changes,
            yearly: if footer.is_empty() {
                None
            } else {
                Some(Yearly::parse(footer)?)
            },
        })
    }

    fn offset(&self, when: When) -> i64 {
        let mut found = self.first;
        // The changes are few.
        for &(at, after) in &self.changes {
            if !when.is_behind(at, found, after) {
                return found;
            }
            found = after;
        }
        match &self.yearly {
            Some(yearly) => yearly.offset(
                when,
                self.changes.last().map_or(i64::MIN, |last| last.0),
                found,
            ),
            None => found,
        }
    }
}

struct Header {
    times: usize,
    types: usize,
    others: usize,
    leaps: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (head, rest) = (bytes.get(..44)?, &bytes[44..]);
        let count = |at: usize| {
            Some(u32::from_be_bytes(head[20 + at * 4..24 + at * 4].try_into().ok()?) as usize)
        };
        if !head.starts_with(b"TZif") || head[4] < b'2' {
            return None;
        }
        let header = Header {
            times: count(3)?,
            types: count(4)?,
            others: count(0)? + count(1)? + count(5)?,
            leaps: count(2)?,
        };
        Some((header, rest))
    }

    /// The length of the block behind the header, with times of so many bytes.
    fn length(&self, time: usize) -> usize {
        self.times * (time + 1) + self.types * 6 + self.others + self.leaps * (time + 4)
    }
}

/// A POSIX TZ string: one offset, or two that change every year.
struct Yearly {
    standard: i64,
    summer: Option<(i64, Rule, Rule)>,
}

/// A day of the year, and the local time of day in seconds.
struct Rule {
    day: Day,
    time: i64,
}

enum Day {
    /// Month, week (5 is the last), day of the week.
    Week(i64, i64, i64),
    /// From 1 on; February 29 is never counted.
    Julian(i64),
    /// From 0 on.
    Ordinal(i64),
}

impl Yearly {
    fn parse(text: &str) -> Option<Yearly> {
        let (standard, rest) = posix_offset(posix_name(text)?)?;
        if rest.is_empty() {
            return Some(Yearly {
                standard,
                summer: None,
            });
        }
        let rest = posix_name(rest)?;
        let (summer, rest) = if rest.starts_with(',') {
            (standard + 3600, rest)
        } else {
            posix_offset(rest)?
        };
        let (start, end) = rest.strip_prefix(',')?.split_once(',')?;
        Some(Yearly {
            standard,
            summer: Some((summer, Rule::parse(start)?, Rule::parse(end)?)),
        })
    }

    /// `since` is when these rules begin to hold, and `before` the offset until their first change.
    fn offset(&self, when: When, since: i64, before: i64) -> i64 {
        let (summer, start, end) = match &self.summer {
            None => return self.standard,
            Some(summer) => (summer.0, &summer.1, &summer.2),
        };
        let year = year_of(when.day());
        let mut changes = Vec::new();
        for year in year - 1..=year + 1 {
            changes.push((start.local(year) - self.standard, self.standard, summer));
            changes.push((end.local(year) - summer, summer, self.standard));
        }
        changes.sort_unstable();
        let passed =
            |&&(at, from, to): &&(i64, i64, i64)| at > since && when.is_behind(at, from, to);
        changes
            .iter()
            .rfind(passed)
            .map_or(before, |change| change.2)
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let numbers = |text: &str| {
            text.split('.')
                .map(|n| n.parse().ok())
                .collect::<Option<Vec<i64>>>()
        };
        let day = match day.split_at(1) {
            ("M", rest) => match numbers(rest)?.as_slice() {
                &[month, week, weekday] => Day::Week(month, week, weekday),
                _ => return None,
            },
            ("J", rest) => Day::Julian(rest.parse().ok()?),
            _ => Day::Ordinal(day.parse().ok()?),
        };
        Some(Rule {
            day,
            time: seconds(time)?,
        })
    }

    /// The local time of the change in a year, in seconds since 1970-01-01 00:00.
    fn local(&self, year: i64) -> i64 {
        let new_year = day_of(year, 1, 1);
        let day = match self.day {
            Day::Julian(day) => {
                let leap = day_of(year, 3, 1) - day_of(year, 2, 28) == 2;
                new_year + day - 1 + i64::from(leap && day > 59)
            }
            Day::Ordinal(day) => new_year + day,
            Day::Week(month, week, weekday) => {
                let first = day_of(year, month, 1);
                let next = if month == 12 {
                    day_of(year + 1, 1, 1)
                } else {
                    day_of(year, month + 1, 1)
                };
                // 1970-01-01 was a Thursday.
                let day = first + (weekday - (first + 4)).rem_euclid(7) + (week - 1) * 7;
                if day >= next {
                    day - 7
                } else {
                    day
                }
            }
        };
        day * 86400 + self.time
    }
}

/// Behind the name at the start: letters, or anything between `<` and `>`.
fn posix_name(text: &str) -> Option<&str> {
    match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>').map(|(_, rest)| rest),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    }
}

/// The offset at the start, which POSIX counts to the west, and what follows.
fn posix_offset(text: &str) -> Option<(i64, &str)> {
    let end = text
        .find(|c: char| !"+-:0123456789".contains(c))
        .unwrap_or(text.len());
    Some((-seconds(&text[..end])?, &text[end..]))
}

/// `[+-]h[:m[:s]]` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        total += part.parse::<i64>().ok()? * unit;
    }
    Some(sign * total)
}

fn day_of(year: i64, month: i64, day: i64) -> i64 {
    crate::parse::days(year, month, day).unwrap_or_default()
}

fn year_of(days: i64) -> i64 {
    let mut year = 1970 + days.div_euclid(366);
    while day_of(year, 1, 1) > days {
        year -= 1;
    }
    while day_of(year + 1, 1, 1) <= days {
        year += 1;
    }
    year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases = [
            ("Z", Some(0)),
            ("UTC", Some(0)),
            ("+1", Some(3600)),
            ("+1:30", Some(5400)),
            ("-01:3", Some(-3780)),
            ("UTC+01:30", Some(5400)),
            ("GMT-2", Some(-7200)),
            ("UT+0130", Some(5400)),
            ("+01:02:03", Some(3723)),
            ("EST", Some(-18000)),
            ("+18:00", Some(64800)),
            ("+18:01", None),
            ("+1:60", None),
            ("z", None),
            ("+", None),
            ("[UTC]", None),
        ];
        for (name, expected) in cases {
            assert_eq!(offset(&mut Zones::default(), name), Ok(expected), "{name}");
        }
        let needed = |region: &str| Err(region.to_owned());
        let pacific = "America/Los_Angeles";
        assert_eq!(offset(&mut Zones::default(), "PST"), needed(pacific));
        assert_eq!(offset(&mut Zones::default(), "GMT0"), needed("GMT0"));
    }

    fn offset(zones: &mut Zones, name: &str) -> Result<Option<i64>, String> {
        zones.offset(name, When::Utc(0))
    }

    #[test]
    fn names_of_no_zone_are_neither_asked_for_nor_kept() {
        let mut zones = Zones::default();
        assert_eq!(offset(&mut zones, "No/Where"), Err("No/Where".to_owned()));
        zones.bound(["Europe/Paris", "Asia/Tokyo"].into_iter());
        assert_eq!(offset(&mut zones, "No/Where"), Ok(None));
        for number in 0..5000 {
            assert_eq!(offset(&mut zones, &format!("x{number:05}")), Ok(None));
        }
        assert!(zones.names.len() <= REMEMBERED);
        assert_eq!(offset(&mut zones, &"x".repeat(LONGEST + 1)), Ok(None));
        assert!(zones.names.keys().all(|name| name.len() <= LONGEST));
        let asked = offset(&mut zones, "Asia/Tokyo");
        assert_eq!(asked, Err("Asia/Tokyo".to_owned()));
    }

    #[test]
    fn yearly_rules() {
        let seconds = |y, m, d, h: i64| day_of(y, m, d) * 86400 + h * 3600;
        let offset = |text: &str, when| Yearly::parse(text).unwrap().offset(when, i64::MIN, 1);
        let at = |text: &str, y, m, d, h| offset(text, When::Local(seconds(y, m, d, h)));
        let utc = |text: &str, y, m, d, h| offset(text, When::Utc(seconds(y, m, d, h)));
        let pacific = "PST8PDT,M3.2.0,M11.1.0";
        assert_eq!(at(pacific, 2020, 3, 8, 1), -28800);
        assert_eq!(at(pacific, 2020, 3, 8, 2), -28800, "in the gap");
        assert_eq!(at(pacific, 2020, 3, 8, 3), -25200);
        assert_eq!(at(pacific, 2020, 11, 1, 1), -25200, "in the overlap");
        assert_eq!(at(pacific, 2020, 11, 1, 2), -28800);
        assert_eq!(at("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 2030, 6, 1, 0), -7200);
        assert_eq!(at("AEST-10AEDT,M10.1.0,M4.1.0/3", 2030, 1, 1, 0), 39600);
        assert_eq!(at("CET-1", 2030, 1, 1, 0), 3600);
        assert_eq!(at("X0Y,J60,J300/0", 2024, 3, 1, 3), 3600);
        assert_eq!(utc(pacific, 2020, 3, 8, 9), -28800);
        assert_eq!(utc(pacific, 2020, 3, 8, 10), -25200);
        assert_eq!(utc(pacific, 2020, 11, 1, 8), -25200);
        assert_eq!(utc(pacific, 2020, 11, 1, 9), -28800);
    }

    #[test]
    fn years_of_days() {
        for (year, month, day) in [
            (1970, 1, 1),
            (1969, 12, 31),
            (2000, 2, 29),
            (-4000, 1, 1),
            (9999, 12, 31),
        ] {
            assert_eq!(year_of(day_of(year, month, day)), year);
        }
    }
}
