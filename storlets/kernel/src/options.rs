//! The options of one read as they come over the C interface: names and values, each a little-endian u32 length and
//! that many bytes of UTF-8. The names are Spark's, in snake case.

use crate::error::Error::{self, InvalidArgument};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::str::{from_utf8, FromStr};

/// Options by name. Each reader takes those that it knows; `finish` fails when one was left.
pub struct Options<'a> {
    given: BTreeMap<&'a str, &'a str>,
    known: BTreeSet<&'static str>,
}

impl<'a> Options<'a> {
    /// The options in `bytes`.
    pub fn decode(mut bytes: &'a [u8]) -> Result<Self, Error> {
        let mut given = BTreeMap::new();
        while !bytes.is_empty() {
            let name = piece(&mut bytes)?;
            given.insert(name, piece(&mut bytes)?);
        }
        Ok(Options {
            given,
            known: BTreeSet::new(),
        })
    }

    /// Fails when there is an option that nobody asked for: it would be ignored silently.
    pub fn finish(&self) -> Result<(), Error> {
        let known = self.given.keys().all(|name| self.known.contains(name));
        known.then_some(()).ok_or(InvalidArgument)
    }

    /// An option's value, when it is given.
    pub fn optional(&mut self, name: &'static str) -> Result<Option<&'a str>, Error> {
        self.known.insert(name);
        Ok(self.given.get(name).copied())
    }

    /// An option's value.
    pub fn text(&mut self, name: &'static str, default: &'a str) -> Result<&'a str, Error> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// An option that is one UTF-16 unit.
    pub fn character(&mut self, name: &'static str) -> Result<Option<u16>, Error> {
        let text = match self.optional(name)? {
            Some(text) => text,
            None => return Ok(None),
        };
        let mut units = text.encode_utf16();
        match (units.next(), units.next()) {
            (Some(unit), None) => Ok(Some(unit)),
            _ => Err(InvalidArgument),
        }
    }

    /// An option that is `true` or `false`.
    pub fn boolean(&mut self, name: &'static str, default: bool) -> Result<bool, Error> {
        match self.optional(name)? {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(InvalidArgument),
        }
    }

    /// An option that is a number.
    pub fn number<T: FromStr>(&mut self, name: &'static str, default: T) -> Result<T, Error> {
        match self.optional(name)? {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| InvalidArgument),
        }
    }
}

fn piece<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Error> {
    let length = bytes.get(..4).and_then(|head| head.try_into().ok());
    let length = length.map(u32::from_le_bytes).ok_or(InvalidArgument)? as usize;
    let text = bytes.get(4..4 + length).ok_or(InvalidArgument)?;
    *bytes = &bytes[4 + length..];
    from_utf8(text).map_err(|_| InvalidArgument)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pairs: &[&str]) -> Vec<u8> {
        let piece =
            |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        pairs.iter().flat_map(piece).collect()
    }

    #[test]
    fn options_are_read_by_name_and_kind() {
        let bytes = encoded(&[
            "sep",
            "||",
            "comment",
            "é",
            "multi_line",
            "true",
            "now",
            "-3",
        ]);
        let mut options = Options::decode(&bytes).unwrap();
        assert_eq!(options.text("sep", ","), Ok("||"));
        assert_eq!(options.text("quote", "\""), Ok("\""));
        assert_eq!(options.character("comment"), Ok(Some(0xe9)));
        assert_eq!(options.boolean("multi_line", false), Ok(true));
        assert_eq!(options.finish(), Err(InvalidArgument));
        assert_eq!(options.number("now", 0), Ok(-3));
        assert_eq!(options.finish(), Ok(()));
    }

    #[test]
    fn broken_options_are_refused() {
        let bytes = encoded(&["sep", "||", "comment", "##"]);
        assert!(Options::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(Options::decode(&[1, 0]).is_err());
        assert!(Options::decode(&bytes)
            .unwrap()
            .character("comment")
            .is_err());
        assert!(Options::decode(&bytes)
            .unwrap()
            .boolean("sep", true)
            .is_err());
    }
}
