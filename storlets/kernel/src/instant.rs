//! Points in time from text: with a pattern, or as Spark's cast-style parser takes them; in the zone that the text or
//! else the session names.

use crate::conversion::Conversion;
use crate::error::Error;
use crate::parse::{self, DAY};
use crate::pattern::Parsed;
use crate::zone::{When, Zones};

/// Makes points in time, with the zones known so far. The name of one that is not known is left with them.
pub struct Instants<'a> {
    conversion: &'a Conversion,
    zones: &'a mut Zones,
}

impl<'a> Instants<'a> {
    pub fn new(conversion: &'a Conversion, zones: &'a mut Zones) -> Self {
        zones.needed = None;
        Instants { conversion, zones }
    }

    /// Fails when a zone was not known: then what was made since is wrong.
    pub fn complete(&self) -> Result<(), Error> {
        let needed = self.zones.needed.is_some();
        (!needed).then_some(()).ok_or(Error::ZoneNeeded)
    }

    /// What a pattern found [5.11], in microseconds. Spark multiplies the whole seconds first, and these have to fit too.
    pub fn parsed(&mut self, parsed: Parsed) -> Option<i64> {
        let local = i128::from(parsed.days) * i128::from(DAY) + i128::from(parsed.micros);
        let micros = match parsed.offset {
            Some(offset) => i64::try_from(local - i128::from(offset) * 1_000_000).ok(),
            None => self.instant(local, self.session()),
        };
        let whole = |micros: &i64| micros.div_euclid(1_000_000).checked_mul(1_000_000);
        micros.filter(|micros| whole(micros).is_some())
    }

    /// What the cast-style parser takes [5.9].
    pub fn lenient(&mut self, token: &[u8]) -> Option<i64> {
        let moment = parse::moment(token)?;
        let zone = moment.zone.unwrap_or_else(|| self.session());
        let days = match moment.days {
            Some(days) => days,
            None => self.today(zone)?,
        };
        self.instant(moment.local(days), zone)
    }

    /// The date that it is in a zone when the query is planned.
    fn today(&mut self, zone: &str) -> Option<i64> {
        let now = self.conversion.now.div_euclid(1_000_000);
        let offset = self.offset(zone, When::Utc(now))?;
        Some((now + offset).div_euclid(86400))
    }

    fn session(&self) -> &'a str {
        &self.conversion.time_zone
    }

    fn instant(&mut self, local: i128, zone: &str) -> Option<i64> {
        let seconds = local.div_euclid(1_000_000) as i64;
        let offset = self.offset(zone, When::Local(seconds))?;
        i64::try_from(local - i128::from(offset) * 1_000_000).ok()
    }

    fn offset(&mut self, zone: &str, when: When) -> Option<i64> {
        self.zones.offset(zone, when).unwrap_or_else(|region| {
            self.zones.needed = Some(region);
            None
        })
    }
}

/// What a pattern found, when it says nothing of a zone [5.12].
pub fn local_parsed(parsed: Parsed) -> Option<i64> {
    let days = parsed.days.checked_mul(DAY)?;
    days.checked_add(parsed.micros)
        .filter(|_| parsed.offset.is_none())
}

/// What the cast-style parser takes, with a date and without a zone [5.12].
pub fn local_lenient(token: &[u8]) -> Option<i64> {
    let moment = parse::moment(token).filter(|moment| moment.zone.is_none())?;
    moment.local(moment.days?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[test]
    fn a_mere_time_is_on_the_date_of_its_zone() {
        let hour = 3_600_000_000;
        let first = parse::days(2020, 6, 1).unwrap() * DAY;
        let mut conversion = Conversion::parse(&mut Options::decode(&[]).unwrap()).unwrap();
        conversion.now = first + 20 * hour;
        let cases = [
            ("UTC", "09:00:00", 9),
            ("UTC", "09:00:00+09:00", 24),
            ("UTC", "T09:00:00 GMT+9", 24),
            ("+09:00", "09:00:00", 24),
            ("GMT+9", "09:00", 24),
            ("+09:00", "09:00:00Z", 9),
            ("+09:00", "09:00:00-04:00", 13),
        ];
        for (zone, token, hours) in cases {
            conversion.time_zone = zone.to_owned();
            let mut zones = Zones::default();
            let found = Instants::new(&conversion, &mut zones).lenient(token.as_bytes());
            assert_eq!(found, Some(first + hours * hour), "{zone} {token}");
        }
    }
}
