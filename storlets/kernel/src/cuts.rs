//! Where records begin in a part of a multi-line object, for every state in which its first byte may find the tokenizer.
//!
//! What decides where the [`Tokenizer`](crate::tokenizer::Tokenizer) ends a record, without the values, is a finite
//! automaton over bytes. A part is read once from all of its states. Ways that meet go on as one: soon there are, as a
//! rule, two at most, inside and outside of quotes. Since the object's first byte begins a record, the parts' outcomes
//! in a row tell which state each part begins in, and so where its first record begins.

use crate::dialect::{Dialect, Encoding, UnescapedQuotes};
use crate::error::Error::{self, InvalidArgument, Unsupported};
use crate::find::find;
use std::collections::BTreeMap;

const NONE: u16 = 0;
const LF: u16 = b'\n' as u16;
const CR: u16 = b'\r' as u16;
const SPACE: u16 = b' ' as u16;
/// Stands for every unit that is none of the dialect's.
const OTHER: u16 = 0xffff;

/// How deep [`Place::Escaped`] is followed. Each level is a quote and an escape behind it where no field can end.
const DEEPEST: u8 = 7;

/// The first bytes of the ranges in which all bytes are the same to each encoding, unless the dialect names them.
const RANGES: [u8; 15] = [
    0, 0x21, 0x80, 0x90, 0xa0, 0xc0, 0xc2, 0xd8, 0xdc, 0xe0, 0xe1, 0xf0, 0xf1, 0xf4, 0xf5,
];

/// As many bytes are read at first before ways are compared. Later it is more each time.
const PIECE: usize = 64;

/// What reading a part from one state comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The state behind the part. State 0 is that in which a record begins.
    pub end: usize,
    /// The offset of the first byte in the part that begins a record, or an empty line or a comment. None is also the
    /// answer where it cannot be known: behind what the tokenizer refuses there are no cuts.
    pub first: Option<u64>,
}

/// Reads one part, block after block, in constant memory.
pub struct Cuts {
    automaton: Automaton,
    ways: Vec<Way>,
    first: Vec<Option<u64>>,
    fed: u64,
}

/// What is read in the same way from here on.
struct Way {
    state: usize,
    starts: Vec<usize>,
    /// Those of `starts` that have met no record yet.
    waiting: Vec<usize>,
}

impl Cuts {
    /// At the start of a part.
    pub fn new(dialect: &Dialect) -> Result<Self, Error> {
        let automaton = Automaton::new(&Machine::new(dialect)?);
        let states = automaton.next.len();
        let way = |state| Way {
            state,
            starts: vec![state],
            waiting: vec![state],
        };
        Ok(Cuts {
            automaton,
            ways: (0..states).map(way).collect(),
            first: vec![None; states],
            fed: 0,
        })
    }

    /// Reads the part's next bytes.
    pub fn feed(&mut self, block: &[u8]) {
        let (mut rest, mut size) = (block, PIECE);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            for way in &mut self.ways {
                let (state, begun) = self.automaton.run(way.state, piece);
                way.state = state;
                if let Some(at) = begun {
                    for start in way.waiting.drain(..) {
                        self.first[start] = Some(self.fed + at as u64);
                    }
                }
            }
            self.join();
            self.fed += piece.len() as u64;
            rest = after;
            size *= 2;
        }
    }

    fn join(&mut self) {
        let mut at = 1;
        while at < self.ways.len() {
            let state = self.ways[at].state;
            match self.ways[..at].iter().position(|way| way.state == state) {
                None => at += 1,
                Some(same) => {
                    let way = self.ways.swap_remove(at);
                    self.ways[same].starts.extend(way.starts);
                    self.ways[same].waiting.extend(way.waiting);
                }
            }
        }
    }

    /// The number of states. They are numbered alike for all parts that are read with the same options.
    pub fn states(&self) -> usize {
        self.first.len()
    }

    /// What came of the state `start`.
    pub fn outcome(&self, start: usize) -> Option<Outcome> {
        let way = self.ways.iter().find(|way| way.starts.contains(&start))?;
        Some(Outcome {
            end: way.state,
            first: self.first[start],
        })
    }
}

/// The states of a [`Machine`] by number, without those that cannot be told apart.
struct Automaton {
    next: Vec<[u16; 256]>,
    /// The bytes at which a state is left, where they are few.
    stops: Vec<Option<[u8; 4]>>,
}

impl Automaton {
    fn new(machine: &Machine) -> Self {
        let kinds = machine.kinds();
        let mut alphabet = kinds.to_vec();
        alphabet.sort_unstable();
        alphabet.dedup();
        let mut states = vec![State::RECORD];
        let mut numbers = BTreeMap::from([(State::RECORD, 0)]);
        let mut next: Vec<Vec<usize>> = Vec::new();
        while next.len() < states.len() {
            let state = states[next.len()];
            let row = alphabet.iter().map(|&byte| {
                let to = machine.step(state, byte);
                *numbers.entry(to).or_insert_with(|| {
                    states.push(to);
                    states.len() - 1
                })
            });
            next.push(row.collect());
        }
        let classes = classes(&next);
        let mut table: Vec<[u16; 256]> = Vec::new();
        for (state, row) in next.iter().enumerate() {
            if classes[state] == table.len() {
                table.push(kinds.map(|kind| {
                    let letter = alphabet.partition_point(|&byte| byte < kind);
                    classes[row[letter]] as u16
                }));
            }
        }
        let stops = table.iter().enumerate().map(|(state, row)| {
            let leaves = |byte: &u8| row[usize::from(*byte)] as usize != state;
            let stops: Vec<u8> = (0..=255).filter(leaves).collect();
            let last = stops.last().copied().unwrap_or_default();
            (stops.len() <= 4).then(|| [0, 1, 2, 3].map(|at| *stops.get(at).unwrap_or(&last)))
        });
        Automaton {
            stops: stops.collect(),
            next: table,
        }
    }

    /// The state behind `bytes`, and where the first record begins in them.
    fn run(&self, mut state: usize, bytes: &[u8]) -> (usize, Option<usize>) {
        let (mut at, mut begun) = (0, None);
        while at < bytes.len() {
            if state == 0 && begun.is_none() {
                begun = Some(at);
            }
            if let Some(stops) = self.stops[state] {
                at = find(bytes, at, stops);
                if at == bytes.len() {
                    break;
                }
            }
            state = self.next[state][usize::from(bytes[at])].into();
            at += 1;
        }
        (state, begun)
    }
}

/// Numbers the states, given what follows each, so that two have the same number when after the same bytes either both
/// of them or none is the first one. Numbers are given in the states' order.
fn classes(next: &[Vec<usize>]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..next.len()).map(|state| state.min(1)).collect();
    let mut count = 0;
    loop {
        let mut numbers = BTreeMap::new();
        let finer = next.iter().zip(&classes).map(|(row, &class)| {
            let row: Vec<usize> = row.iter().map(|&to| classes[to]).collect();
            let number = numbers.len();
            *numbers.entry((class, row)).or_insert(number)
        });
        let finer = finer.collect();
        if numbers.len() == count {
            return finer;
        }
        (count, classes) = (numbers.len(), finer);
    }
}

/// Where the tokenizer is and what of its variables decides how it goes on, before it reads a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    place: Place,
    /// A CR was read, which may be the first half of a line end.
    cr: bool,
    partial: Partial,
}

impl State {
    const RECORD: State = State {
        place: Place::Record,
        cr: false,
        partial: Partial::None,
    };
}

/// The tokenizer's place, named after its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Record,
    Comment,
    /// Before a field, or in the blanks before it.
    Field,
    Unquoted,
    /// In quotes, with the character that came before. `ends`: if a field has an unescaped quote, a separator ends it.
    Quoted {
        prev: u16,
        unescaped: bool,
        ends: bool,
    },
    /// In quotes, where only a quote or an escape matters.
    Copied {
        unescaped: bool,
    },
    /// In the blanks behind a closing quote.
    Closed {
        unescaped: bool,
    },
    /// Behind a quote and an escape.
    Escaped {
        prev: u16,
        unescaped: bool,
        depth: u8,
    },
    /// Behind an unescaped quote, on the way to a separator.
    Rest,
    /// Behind what is refused: the tokenizer fails there.
    Lost,
}

/// What was read of a character that is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Partial {
    None,
    /// UTF-8, `left` bytes missing, of which the next one lies between two others.
    Utf8 {
        least: u8,
        most: u8,
        left: u8,
        astral: bool,
    },
    /// UTF-16, the first byte of a unit.
    Half(u8),
    /// UTF-16, a high surrogate, which takes the unit behind it along.
    High,
    /// UTF-16, a high surrogate and the first byte of the unit behind it.
    HighHalf(u8),
}

/// The tokenizer of `dialect`, one byte at a time.
struct Machine<'a> {
    dialect: &'a Dialect,
    separator: u16,
    escape_escape: u16,
    newline: u16,
    /// The line separator is CR and LF, else it is one character.
    crlf: bool,
    line_end: u16,
    until_separator: bool,
}

impl<'a> Machine<'a> {
    fn new(dialect: &'a Dialect) -> Result<Self, Error> {
        if !dialect.multi_line {
            return Err(InvalidArgument);
        }
        let (crlf, line_end) = match dialect.line_separator.as_deref() {
            Some([CR, LF]) => (true, CR),
            Some(&[one]) => (false, one),
            _ => return Err(Unsupported),
        };
        let machine = Machine {
            dialect,
            separator: dialect.separator[0],
            escape_escape: dialect.escape_escape.unwrap_or(NONE),
            newline: if crlf || dialect.normalize {
                LF
            } else {
                line_end
            },
            crlf,
            line_end,
            until_separator: dialect.unescaped_quotes == UnescapedQuotes::StopAtDelimiter,
        };
        let known = |unit: &u16| match dialect.encoding {
            Encoding::Utf8 | Encoding::Ascii => *unit < 0x80,
            Encoding::Latin1 => *unit < 0x100,
            Encoding::Utf16Le | Encoding::Utf16Be => !matches!(unit, 0xd800..=0xdfff | 0xfffd..),
        };
        let followed = !matches!(
            dialect.unescaped_quotes,
            UnescapedQuotes::BackToDelimiter | UnescapedQuotes::SkipValue
        );
        let one = dialect.separator.len() == 1;
        // To a look at a whole field a NUL or a separator that ends lines is a character; to the steps here it is not.
        let told = dialect.quote != NONE && dialect.escape != NONE;
        let told = told && machine.separator != machine.newline;
        let supported = one && followed && told && machine.special().iter().all(known);
        supported.then_some(machine).ok_or(Unsupported)
    }

    /// The units that are not like all others.
    fn special(&self) -> [u16; 10] {
        [
            self.separator,
            self.dialect.quote,
            self.dialect.escape,
            self.escape_escape,
            self.dialect.comment.unwrap_or(NONE),
            self.newline,
            self.line_end,
            CR,
            LF,
            NONE,
        ]
    }

    /// For each byte the least one that is the same to the machine.
    fn kinds(&self) -> [u8; 256] {
        let special: Vec<u8> = self
            .special()
            .iter()
            .flat_map(|unit| unit.to_le_bytes())
            .collect();
        let key = |byte: u8| {
            let range = RANGES.partition_point(|&first| first <= byte);
            (range, special.contains(&byte).then_some(byte))
        };
        let mut kinds = [0; 256];
        for byte in 0..=255 {
            let same = (0..byte).find(|&other| key(other) == key(byte));
            kinds[usize::from(byte)] = same.unwrap_or(byte);
        }
        kinds
    }

    fn step(&self, state: State, byte: u8) -> State {
        match self.dialect.encoding {
            Encoding::Utf8 => self.utf8(state, byte),
            Encoding::Utf16Le => self.utf16(state, byte, u16::from_le_bytes),
            Encoding::Utf16Be => self.utf16(state, byte, u16::from_be_bytes),
            Encoding::Ascii if byte >= 0x80 => self.read(state, OTHER),
            Encoding::Latin1 | Encoding::Ascii => self.read(state, byte.into()),
        }
    }

    /// Decodes as [`crate::text`] does: a malformed sequence is one character.
    fn utf8(&self, mut state: State, byte: u8) -> State {
        if let Partial::Utf8 {
            least,
            most,
            left,
            astral,
        } = state.partial
        {
            if (least..=most).contains(&byte) {
                state.partial = match left {
                    1 => Partial::None,
                    _ => Partial::Utf8 {
                        least: 0x80,
                        most: 0xbf,
                        left: left - 1,
                        astral,
                    },
                };
                return if left == 1 && astral {
                    self.read(state, OTHER)
                } else {
                    state
                };
            }
        }
        let (least, most, left) = match byte {
            0xc2..=0xdf => (0x80, 0xbf, 1),
            0xe0 => (0xa0, 0xbf, 2),
            0xe1..=0xef => (0x80, 0xbf, 2),
            0xf0 => (0x90, 0xbf, 3),
            0xf1..=0xf3 => (0x80, 0xbf, 3),
            0xf4 => (0x80, 0x8f, 3),
            _ => (0, 0, 0),
        };
        state.partial = match left {
            0 => Partial::None,
            _ => Partial::Utf8 {
                least,
                most,
                left,
                astral: left == 3,
            },
        };
        // Whatever follows, it is one unit at least.
        self.read(state, if byte < 0x80 { byte.into() } else { OTHER })
    }

    fn utf16(&self, mut state: State, byte: u8, unit: fn([u8; 2]) -> u16) -> State {
        let (partial, found) = match state.partial {
            Partial::Half(first) => match unit([first, byte]) {
                0xd800..=0xdbff => (Partial::High, Some(OTHER)),
                unit => (Partial::None, Some(unit)),
            },
            Partial::High => (Partial::HighHalf(byte), None),
            Partial::HighHalf(first) => match unit([first, byte]) {
                0xdc00..=0xdfff => (Partial::None, Some(OTHER)),
                _ => (Partial::None, None),
            },
            _ => (Partial::Half(byte), None),
        };
        state.partial = partial;
        match found {
            Some(unit) => self.read(state, unit),
            None => state,
        }
    }

    /// Reads a unit, which is a line end, a half of one or a character.
    fn read(&self, mut state: State, unit: u16) -> State {
        if state.cr {
            state.cr = false;
            if unit == LF {
                state.place = self.take(state.place, self.newline, true);
                return state;
            }
            state.place = self.take(state.place, CR, false);
        }
        if self.crlf && unit == CR && (self.dialect.normalize || !in_quotes(state.place)) {
            state.cr = true;
            return state;
        }
        let ends_line = !self.crlf && unit == self.line_end;
        let c = if ends_line { self.newline } else { unit };
        state.place = self.take(state.place, c, ends_line);
        state
    }

    /// Where the tokenizer is when it has read the character `c`, and wants the next one.
    fn take(&self, place: Place, c: u16, ends_line: bool) -> Place {
        match place {
            Place::Record if self.dialect.comment != Some(c) => self.field(c),
            Place::Record | Place::Comment if ends_line => Place::Record,
            Place::Record | Place::Comment => Place::Comment,
            Place::Field => self.field(c),
            // `lone_newline`
            Place::Unquoted if c == self.newline && !ends_line => Place::Lost,
            Place::Unquoted | Place::Rest if self.ends_field(c) => self.ended(c),
            Place::Quoted {
                unescaped, ends, ..
            } if ends && unescaped && self.ends_field(c) => self.ended(c),
            Place::Quoted {
                prev, unescaped, ..
            } => self.quoted(c, prev, unescaped),
            Place::Copied { unescaped } => self.copied(c, unescaped),
            Place::Closed { .. } if self.ends_field(c) => self.ended(c),
            Place::Closed { unescaped } => self.closed(c, unescaped),
            Place::Escaped {
                prev,
                unescaped,
                depth,
            } => self.escaped(c, prev, unescaped, depth),
            Place::Unquoted | Place::Rest | Place::Lost => place,
        }
    }

    /// `fields`, the first character of a field.
    fn field(&self, c: u16) -> Place {
        if self.ends_field(c) {
            self.ended(c)
        } else if c == self.dialect.quote {
            Place::Quoted {
                prev: NONE,
                unescaped: false,
                ends: false,
            }
        } else if c <= SPACE && self.dialect.trim_leading {
            Place::Field
        } else {
            Place::Unquoted
        }
    }

    fn ends_field(&self, c: u16) -> bool {
        c == self.newline || c == self.separator
    }

    fn ended(&self, c: u16) -> Place {
        if c == self.newline {
            Place::Record
        } else {
            Place::Field
        }
    }

    /// `quoted_value`, in its inner loop.
    fn quoted(&self, c: u16, prev: u16, unescaped: bool) -> Place {
        let (quote, escape) = (self.dialect.quote, self.dialect.escape);
        if prev == quote && self.ends_field(c) {
            self.ended(c)
        } else if prev == quote && c <= SPACE {
            Place::Closed { unescaped }
        } else if c == quote || c == escape {
            match self.pair(c, prev) {
                Some(prev) => self.in_quotes_after(prev, unescaped, true),
                None if self.raises() => Place::Lost,
                None => self.escaped(c, c, unescaped, 1),
            }
        } else if prev == quote {
            self.unescaped(c, true)
        } else {
            self.copied(c, unescaped)
        }
    }

    fn copied(&self, c: u16, unescaped: bool) -> Place {
        if [self.dialect.quote, self.dialect.escape, self.escape_escape].contains(&c) {
            self.in_quotes_after(c, unescaped, false)
        } else {
            Place::Copied { unescaped }
        }
    }

    fn closed(&self, c: u16, unescaped: bool) -> Place {
        if c <= SPACE {
            Place::Closed { unescaped }
        } else {
            self.unescaped(c, unescaped)
        }
    }

    /// Behind a quote that closes no field.
    fn unescaped(&self, c: u16, unescaped: bool) -> Place {
        if self.raises() {
            Place::Lost
        } else if self.until_separator {
            Place::Rest
        } else {
            self.in_quotes_after(c, unescaped, false)
        }
    }

    fn raises(&self) -> bool {
        self.dialect.unescaped_quotes == UnescapedQuotes::RaiseError
    }

    fn in_quotes_after(&self, c: u16, unescaped: bool, ends: bool) -> Place {
        Place::Quoted {
            prev: self.kept(c),
            unescaped,
            ends,
        }
    }

    /// What is to be kept of a character for the next one.
    fn kept(&self, c: u16) -> u16 {
        let told = [
            NONE,
            self.dialect.quote,
            self.dialect.escape,
            self.escape_escape,
        ];
        if told.contains(&c) {
            c
        } else {
            OTHER
        }
    }

    /// `pair`: what becomes of a quote or an escape. None for an escape right after a quote.
    fn pair(&self, c: u16, prev: u16) -> Option<u16> {
        let (quote, escape) = (self.dialect.quote, self.dialect.escape);
        let escaped_escape = c == escape && prev == self.escape_escape && prev != NONE;
        if escaped_escape || (prev == escape && c == quote) {
            Some(NONE)
        } else if prev == quote && c != quote {
            None
        } else {
            Some(c)
        }
    }

    /// `escaped_rest`.
    fn escaped(&self, mut c: u16, mut prev: u16, unescaped: bool, mut depth: u8) -> Place {
        loop {
            if self.ends_field(c) {
                depth -= 1;
                if depth == 0 {
                    return self.in_quotes_after(c, unescaped, true);
                }
            } else if c == self.dialect.quote || c == self.dialect.escape {
                match self.pair(c, prev) {
                    Some(made) => c = made,
                    None if depth == DEEPEST => return Place::Lost,
                    None => {
                        (prev, depth) = (c, depth + 1);
                        continue;
                    }
                }
            }
            return Place::Escaped {
                prev: self.kept(c),
                unescaped,
                depth,
            };
        }
    }
}

fn in_quotes(place: Place) -> bool {
    use Place::{Closed, Copied, Escaped, Quoted, Rest};
    matches!(
        place,
        Quoted { .. } | Copied { .. } | Closed { .. } | Escaped { .. } | Rest
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::text;
    use crate::tokenizer::{Sink, Tokenizer};

    struct Nothing;

    impl Sink for Nothing {
        fn selected(&self, _column: usize) -> bool {
            true
        }

        fn token(&mut self, _column: usize, _text: Option<&[u16]>) -> Result<(), Error> {
            Ok(())
        }
    }

    fn dialect(options: &[&str]) -> Dialect {
        let piece =
            |text: &&str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let given = [&["multi_line", "true"], options].concat();
        let bytes: Vec<u8> = given.iter().flat_map(piece).collect();
        Dialect::parse(&mut Options::decode(&bytes).unwrap()).unwrap()
    }

    /// Where the tokenizer begins records, or lines that are none, up to the one that it refuses.
    fn beginnings(dialect: &Dialect, bytes: &[u8]) -> Vec<usize> {
        let (mut begun, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            begun.push(at);
            let mut units = Vec::new();
            text::units(dialect.encoding, &bytes[at..], &mut units);
            let mut sink = Nothing;
            let mut tokenizer = Tokenizer::new(dialect, false, &units, true, &mut sink);
            if tokenizer.record().is_err() {
                break;
            }
            let consumed = tokenizer.consumed();
            at += text::bytes_of_units(dialect.encoding, &bytes[at..], consumed);
        }
        begun
    }

    const FORMS: &[&[&str]] = &[
        &["line_sep", "\n", "normalize_line_ends", "true"],
        &["line_sep", "\r\n", "normalize_line_ends", "true"],
        &["line_sep", "\r", "normalize_line_ends", "true"],
        &["line_sep", "\r\n", "comment", "#"],
        &["line_sep", "\r\n", "escape", "\r"],
        &["line_sep", ";", "comment", ";"],
        &["line_sep", "\n", "escape", "\""],
        &["line_sep", "\n", "escape", ","],
        &["line_sep", "\n", "sep", "\\"],
        &["line_sep", "\n", "sep", "\""],
        &["line_sep", "\n", "sep", " "],
        &["line_sep", "\n", "char_to_escape_quote_escaping", "a"],
        &["line_sep", "\n", "ignore_leading_white_space", "true"],
    ];
    const HANDLINGS: [&str; 3] = ["STOP_AT_DELIMITER", "STOP_AT_CLOSING_QUOTE", "RAISE_ERROR"];

    fn dialects() -> Vec<Dialect> {
        let mut dialects = Vec::new();
        for form in FORMS {
            for handling in HANDLINGS {
                let handled = ["unescaped_quote_handling", handling];
                dialects.push(dialect(&[form, &handled[..]].concat()));
            }
        }
        dialects
    }

    fn check(dialect: &Dialect, automaton: &Automaton, bytes: &[u8]) {
        let begins = |&at: &usize| automaton.run(0, &bytes[..at]).0 == 0;
        let found: Vec<usize> = (0..bytes.len()).filter(begins).collect();
        assert_eq!(found, beginnings(dialect, bytes), "{bytes:?} {dialect:?}");
    }

    #[test]
    fn every_short_text_is_cut_where_the_tokenizer_begins_records() {
        const ALPHABET: &[u8] = b",\"\\\n\ra ;#\0";
        let openings = [&b""[..], b"\"a\"b", b"\"\"\\b\"", b"\"a\"b\"\\"];
        for dialect in dialects() {
            let automaton = Automaton::new(&Machine::new(&dialect).unwrap());
            for number in 0..10_usize.pow(4) {
                let letter = |at| ALPHABET[number / 10_usize.pow(at) % 10];
                for opening in openings {
                    let ending = b"\n,\n;\r\n\"\n\n".to_vec();
                    let middle = [0, 1, 2, 3].map(letter).to_vec();
                    check(
                        &dialect,
                        &automaton,
                        &[opening.to_vec(), middle, ending].concat(),
                    );
                }
            }
        }
    }

    /// Whether one or several characters follow a quote matters to an escape behind them.
    #[test]
    fn characters_are_counted_as_they_are_decoded() {
        let closing = [
            "line_sep",
            "\n",
            "unescaped_quote_handling",
            "STOP_AT_CLOSING_QUOTE",
        ];
        let plain = dialect(&closing);
        let automaton = Automaton::new(&Machine::new(&plain).unwrap());
        let bytes = b"\x80\x8f\x90\xa0\xbf\xc1\xc2\xe0\xe1\xed\xf0\xf1\xf4\xf5a";
        for number in 0..bytes.len().pow(4) {
            let byte = |at| bytes[number / bytes.len().pow(at) % bytes.len()];
            for length in [0, 1, 2, 3] {
                let text = [b"\"a\"", &[0, 1, 2, 3].map(byte)[length..], b"\\,\n\n"].concat();
                check(&plain, &automaton, &text);
            }
        }
        let units: [u16; 9] = [
            0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfffe, 0x61, 0x5c, 0x0a,
        ];
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            let wide = Dialect {
                encoding,
                ..plain.clone()
            };
            let automaton = Automaton::new(&Machine::new(&wide).unwrap());
            for number in 0..units.len().pow(3) {
                let unit = |at| units[number / units.len().pow(at) % units.len()];
                for length in [0, 1, 2] {
                    let mut text: Vec<u16> = "\"a\"".encode_utf16().collect();
                    text.extend(&[0, 1, 2].map(unit)[length..]);
                    text.extend("\\,\n\n".encode_utf16());
                    let bytes: Vec<u8> = match encoding {
                        Encoding::Utf16Le => text.into_iter().flat_map(u16::to_le_bytes).collect(),
                        _ => text.into_iter().flat_map(u16::to_be_bytes).collect(),
                    };
                    check(&wide, &automaton, &bytes);
                }
            }
        }
    }

    /// Numbers that look random, always the same ones.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) as usize % limit
        }
    }

    /// The first record's offset in each of the parts into which `ends` divide the bytes.
    fn cut(dialect: &Dialect, bytes: &[u8], ends: &[usize], block: usize) -> Vec<Option<usize>> {
        let (mut state, mut start) = (0, 0);
        let mut found = Vec::new();
        for &end in ends {
            let mut cuts = Cuts::new(dialect).unwrap();
            bytes[start..end]
                .chunks(block)
                .for_each(|block| cuts.feed(block));
            let outcome = cuts.outcome(state).unwrap();
            found.push(outcome.first.map(|at| start + at as usize));
            (state, start) = (outcome.end, end);
        }
        found
    }

    #[test]
    fn parts_are_cut_wherever_they_begin_and_end() {
        let utf8: &[&[u8]] = &[
            b",",
            b"\"",
            b"\"",
            b"\\",
            b"\\",
            b"\n",
            b"\r",
            b"\r\n",
            b"a",
            b" ",
            b";",
            b"#",
            b"\0",
            "é".as_bytes(),
            "€".as_bytes(),
            "😀".as_bytes(),
            b"\xe2\x82",
            b"\xf0\x9f",
            b"\xed\xa0\x80",
            b"\xf4\x90",
            b"\xc0",
            b"\x80",
        ];
        let utf16: &[&[u8]] = &[
            b",\0",
            b"\"\0",
            b"\"\0",
            b"\\\0",
            b"\\\0",
            b"\n\0",
            b"\r\0",
            b"\r\0\n\0",
            b"a\0",
            b" \0",
            b";\0",
            b"#\0",
            b"\0\0",
            b"\0,",
            b",,",
            b"\x3d\xd8",
            b"\0\xde",
            b"\xfe\xff",
        ];
        let encodings = [
            Encoding::Utf8,
            Encoding::Latin1,
            Encoding::Ascii,
            Encoding::Utf16Le,
            Encoding::Utf16Be,
        ];
        let (dialects, mut random) = (dialects(), Random(1));
        for round in 0..1000 {
            let encoding = encodings[round % 5];
            let dialect = Dialect {
                encoding,
                ..dialects[random.below(dialects.len())].clone()
            };
            let letters = if round % 5 < 3 { utf8 } else { utf16 };
            let mut bytes = Vec::new();
            for _ in 0..random.below(60) {
                let mut letter = letters[random.below(letters.len())].to_vec();
                if encoding == Encoding::Utf16Be {
                    letter.chunks_mut(2).for_each(<[u8]>::reverse);
                }
                bytes.extend(letter);
            }
            let begun = beginnings(&dialect, &bytes);
            let mut ends = [bytes.len(); 4];
            ends[..3].fill_with(|| random.below(bytes.len() + 1));
            ends.sort_unstable();
            let mut start = 0;
            let expected = ends.map(|end| {
                let first = begun.iter().copied().find(|at| (start..end).contains(at));
                start = end;
                first
            });
            let found = cut(&dialect, &bytes, &ends, 1 + random.below(20));
            assert_eq!(found, expected, "{ends:?} of {bytes:?} {dialect:?}");
        }
    }

    #[test]
    fn behind_what_is_refused_there_are_no_cuts() {
        let raising = ["line_sep", "\n", "unescaped_quote_handling", "RAISE_ERROR"];
        assert_eq!(
            cut(&dialect(&raising), b"1\n\"a\"b\n2\n", &[2, 7, 9], 9),
            [Some(0), Some(2), None]
        );
        // Each pair of a quote and an escape swallows one line end more.
        let pairs = b"\"\\x".repeat(1 + usize::from(DEEPEST));
        let deep = [b"1\n\"", &pairs[..], &b"\n".repeat(20), b"\"\n2\n"].concat();
        let plain = dialect(&["line_sep", "\n"]);
        assert_eq!(beginnings(&plain, &deep), [0, 2, deep.len() - 2]);
        let found = cut(&plain, &deep, &[2, 4, deep.len()], 9);
        assert_eq!(found, [Some(0), Some(2), None]);
    }

    #[test]
    fn a_record_that_begins_at_the_end_is_the_next_part_s() {
        let lines = dialect(&["line_sep", "\r\n", "normalize_line_ends", "true"]);
        assert_eq!(
            cut(&lines, b"1\r\n2\r\n", &[1, 2, 3, 3, 6], 1),
            [Some(0), None, None, None, Some(3)]
        );
    }

    #[test]
    fn few_options_are_refused() {
        let refused = |options: &[&str]| Cuts::new(&dialect(options)).err();
        assert_eq!(refused(&["line_sep", "\n"]), None);
        for options in [
            &["line_sep", "\n", "sep", "||"][..],
            &["line_sep", "\n", "sep", "é"],
            &["line_sep", "\n", "sep", "\n"],
            &["line_sep", "\n", "quote", "\0"],
            &["line_sep", "\n", "escape", "\0"],
            &["line_sep", "ab"],
            &["line_sep", "\n", "unescaped_quote_handling", "SKIP_VALUE"],
            &[
                "line_sep",
                "\n",
                "unescaped_quote_handling",
                "BACK_TO_DELIMITER",
            ],
        ] {
            assert_eq!(refused(options), Some(Unsupported), "{options:?}");
        }
        assert_eq!(refused(&["multi_line", "false"]), Some(InvalidArgument));
    }
}
