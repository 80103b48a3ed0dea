//! The value of a quoted field: Spark's tokenizer under STOP_AT_DELIMITER, state by state [3.2].

use crate::find::find;
use crate::text;

pub const QUOTE: u8 = b'"';
pub const ESCAPE: u8 = b'\\';
pub const SPACE: u8 = b' ';

/// The value of `prev` and `c` that stands for no character.
const NONE: u8 = 0;

/// The line ended inside the field.
struct EndOfLine;

type Step = Result<(), EndOfLine>;

/// Appends the value of the quoted field that opens at `line[open]` to `out` and returns where the field ends: the
/// position of its separator, or the line's length. Nothing appended means null.
pub fn decode(line: &[u8], open: usize, sep: u8, out: &mut Vec<u8>) -> usize {
    let mut machine = Machine {
        line,
        sep,
        next: open + 1,
        c: QUOTE,
        prev: NONE,
        unescaped: false,
        value: out.len(),
        settled: out.len(),
        out,
    };
    match machine.quoted() {
        Ok(()) => machine.next - 1,
        Err(EndOfLine) => {
            machine.finish();
            line.len()
        }
    }
}

/// Where the tokenizer's shortcut over an unselected quoted field ends: at a separator. None when the shortcut gives
/// up, and the field is to be read like any other [6.5].
///
/// The shortcut does not see that an escape may itself be escaped: `"a\\",b",c` is one field and `c`.
pub fn skip(line: &[u8], open: usize, sep: u8) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at = find(line, at, [QUOTE]);
        let after = *line.get(at + 1)?;
        if line[at - 1] != ESCAPE {
            return (after == sep).then_some(at + 1);
        }
        at += 1;
    }
}

struct Machine<'a> {
    line: &'a [u8],
    sep: u8,
    /// The position of the next character to read.
    next: usize,
    /// The current character. At the line's end it is the first of the run that was being copied.
    c: u8,
    prev: u8,
    /// An unescaped quote was met.
    unescaped: bool,
    /// Where the value starts in `out`.
    value: usize,
    /// Before here `out` is well-formed text.
    settled: usize,
    out: &'a mut Vec<u8>,
}

impl Machine<'_> {
    /// State S3.
    fn quoted(&mut self) -> Step {
        self.step()?;
        loop {
            if self.prev == QUOTE && (self.c <= SPACE || self.c == self.sep) {
                return self.closed();
            }
            if self.c == QUOTE || self.c == ESCAPE {
                if self.pair() {
                    self.escaped()?;
                }
            } else {
                if self.prev == QUOTE {
                    self.unescaped = true;
                    self.out.extend([QUOTE, self.c]);
                    return self.verbatim();
                }
                if self.prev == ESCAPE {
                    self.out.push(ESCAPE);
                }
                self.copy([QUOTE, ESCAPE])?;
            }
            self.prev = self.c;
            self.step()?;
        }
    }

    /// State S4, after a closing quote: blanks up to a separator are dropped, before other text they are data.
    fn closed(&mut self) -> Step {
        let blanks = self.next - 1;
        while self.c <= SPACE && self.c != self.sep {
            self.step()?;
        }
        if self.c == self.sep {
            return Ok(());
        }
        self.out.push(QUOTE);
        self.out.extend(&self.line[blanks..self.next]);
        self.verbatim()
    }

    /// The rest of state S5: the opening quote becomes data, and so does all up to the separator.
    ///
    /// Whether the next character is a quote matters to rule E, so the current one is passed whole. One of four bytes
    /// need not be: to Java it is two chars, and the second is no quote.
    fn verbatim(&mut self) -> Step {
        let length = text::first_len(&self.line[self.next - 1..]);
        if length < 4 {
            let end = self.next - 1 + length;
            self.out.extend(&self.line[self.next..end]);
            self.next = end;
        }
        self.prev = self.c;
        self.out.insert(self.value, QUOTE);
        self.step()?;
        self.copy([self.sep])
    }

    /// Step c of S3: a quote or an escape, after `prev`. True for an escape right after a quote.
    fn pair(&mut self) -> bool {
        match (self.prev, self.c) {
            (ESCAPE, c) => {
                self.out.push(c);
                self.c = NONE;
            }
            (QUOTE, QUOTE) => self.out.push(QUOTE),
            (QUOTE, _) => {
                self.out.push(QUOTE);
                self.prev = self.c;
                return true;
            }
            _ => {}
        }
        false
    }

    /// What follows an escape that follows a quote: copied up to a separator, still un-escaping. The separator is
    /// swallowed, and so is one more for every further such pair, and a lone escape.
    fn escaped(&mut self) -> Step {
        let mut separators = 1;
        loop {
            if self.c == self.sep {
                self.settle();
                separators -= 1;
                if separators == 0 {
                    return Ok(());
                }
            } else if self.c == QUOTE || self.c == ESCAPE {
                if self.pair() {
                    separators += 1;
                    continue;
                }
            } else {
                match self.prev {
                    QUOTE => self.out.push(QUOTE),
                    ESCAPE => self.settle(),
                    _ => {}
                }
                self.out.push(self.c);
            }
            self.prev = self.c;
            self.step()?;
        }
    }

    /// Where a character is left out, the bytes on both sides must not meet: Spark decodes before it tokenizes.
    fn settle(&mut self) {
        let text = self.out.split_off(self.settled);
        text::decode(&text, self.out);
        self.settled = self.out.len();
    }

    /// Rule E: a quote that did not close the field is data.
    fn finish(&mut self) {
        if self.c == QUOTE && self.prev != QUOTE && !self.unescaped {
            self.out.push(QUOTE);
        }
    }

    fn step(&mut self) -> Step {
        self.c = *self.line.get(self.next).ok_or(EndOfLine)?;
        self.next += 1;
        Ok(())
    }

    /// Copies from the current character to one of `stops`, which becomes the current one.
    fn copy<const N: usize>(&mut self, stops: [u8; N]) -> Step {
        let start = self.next - 1;
        let end = find(self.line, start, stops);
        self.out.extend(&self.line[start..end]);
        self.next = end;
        self.step()
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, skip};

    fn value(line: &str) -> (String, usize) {
        let mut out = b"before".to_vec();
        let end = decode(line.as_bytes(), 0, b',', &mut out);
        (String::from_utf8(out.split_off(6)).unwrap(), end)
    }

    #[test]
    fn values_of_quoted_fields() {
        let cases = [
            // [3.3.1] doubled quotes are no escape
            (r#""a""b",y"#, r#""a""b""#),
            (r#""""a""""#, r#""""a""""#),
            (r#""""""#, r#""""#),
            (r#"""""#, r#"""#),
            (r#""a"""#, r#"a""#),
            (r#"""a"#, r#"""a"#),
            // [3.3.3] [3.3.4] escapes
            (r#""a\"b""#, r#"a"b"#),
            (r#""\\""#, r"\"),
            (r#""a\b""#, r"a\b"),
            (r#""a\,b",c"#, r"a\,b"),
            (r#""a\\"b""#, r#""a\"b""#),
            // [3.2] S4
            (r#""a"  ,y"#, "a"),
            (r#""a" b,y"#, r#""a" b"#),
            (r#""a" "#, "a"),
            // [3.2] S5
            (r#""a"b,y"#, r#""a"b"#),
            (r#""a,b"c,d"#, r#""a,b"c"#),
            // [3.3.8] [3.3.9] the end of the line
            (r#"""#, r#"""#),
            (r#""a,y"#, "a,y"),
            (r#""a\"#, "a"),
            (r#""a" b""#, r#""a" b"""#),
            (r#""a" é"b"#, r#""a" é"b""#),
            (r#""a" 𝟙"b"#, r#""a" 𝟙"b"#),
            (r#""a" ""#, r#""a" ""#),
            // an escape right after a quote
            (r#""a"\,y,z"#, r#"a"\y,z"#),
        ];
        for (line, expected) in cases {
            assert_eq!(value(line).0, expected, "{line}");
        }
    }

    #[test]
    fn bytes_do_not_meet_where_characters_are_left_out() {
        for line in [&b"\"a\"\\\xf0,\xa0"[..], b"\"a\"\\\xf0\\\xa0"] {
            let mut out = Vec::new();
            decode(line, 0, b',', &mut out);
            assert_eq!(out, b"a\"\\\xef\xbf\xbd\xa0", "{line:x?}");
        }
    }

    #[test]
    fn fields_end_at_their_separator() {
        assert_eq!(value(r#""a,b",c"#).1, 5);
        assert_eq!(value(r#""a"b",c"#).1, 5);
        assert_eq!(value(r#""a" ,c"#).1, 4);
        assert_eq!(value(r#""a"#).1, 2);
    }

    #[test]
    fn shortcut_of_unselected_fields() {
        assert_eq!(skip(br#""a",b"#, 0, b','), Some(3));
        assert_eq!(skip(br#""a\\",b",c"#, 0, b','), Some(8));
        assert_eq!(skip(br#""a"b,c"#, 0, b','), None);
        assert_eq!(skip(br#""a""#, 0, b','), None);
        assert_eq!(skip(br#""a\""#, 0, b','), None);
        assert_eq!(skip(br#"""#, 0, b','), None);
    }
}
