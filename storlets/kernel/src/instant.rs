//! Points in time from text: with a pattern, or as Spark's cast-style parser takes them; in the zone that the text or
//! else the session names.

use crate::conversion::Conversion;
use crate::error::Error;
use crate::parse::{self, DAY};
use crate::pattern::Parsed;
use crate::zone::Zones;

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
        self.instant(moment.local(self.conversion.today), zone)
    }

    fn session(&self) -> &'a str {
        &self.conversion.time_zone
    }

    fn instant(&mut self, local: i128, zone: &str) -> Option<i64> {
        match self.zones.offset(zone, local.div_euclid(1_000_000) as i64) {
            Ok(offset) => i64::try_from(local - i128::from(offset?) * 1_000_000).ok(),
            Err(region) => {
                self.zones.needed = Some(region);
                None
            }
        }
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
    moment.days?;
    moment.local(0).try_into().ok()
}
