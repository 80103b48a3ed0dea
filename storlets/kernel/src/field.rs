//! Where a field's text lies.

use crate::parse::Token;

/// In the buffer, or in the decoded text when `start` has its high bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    start: u32,
    length: u32,
}

impl Field {
    /// No text: null.
    pub const NULL: Field = Field {
        start: 0,
        length: u32::MAX,
    };
    const DECODED: u32 = 1 << 31;

    /// Bytes of the buffer. Offsets are less than 2 GiB, so they fit and leave the high bit free.
    #[inline(always)]
    pub fn raw(start: usize, end: usize) -> Field {
        Field {
            start: start as u32,
            length: (end - start) as u32,
        }
    }

    /// Bytes of the decoded text.
    pub fn decoded(start: usize, end: usize) -> Field {
        Field {
            start: start as u32 | Field::DECODED,
            ..Field::raw(start, end)
        }
    }

    /// The text; None is null.
    #[inline]
    pub fn bytes<'a>(&self, buf: &'a [u8], decoded: &'a [u8]) -> Option<&'a [u8]> {
        if self.length == u32::MAX {
            return None;
        }
        let source = if self.start & Field::DECODED == 0 {
            buf
        } else {
            decoded
        };
        let start = (self.start & !Field::DECODED) as usize;
        Some(&source[start..start + self.length as usize])
    }

    /// The text, if it lies in the buffer.
    pub fn of_buffer<'a>(&self, buf: &'a [u8]) -> Option<&'a [u8]> {
        match self.start & Field::DECODED {
            0 => self.bytes(buf, &[]),
            _ => None,
        }
    }
}

/// Some of the records of a scan.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// From one record up to another.
    Between(usize, usize),
    /// Those with these indexes.
    Indexes(&'a [u64]),
}

impl<'a> Rows<'a> {
    /// Those with these indexes, or else all of `count`.
    pub fn of(indexes: Option<&'a [u64]>, count: usize) -> Rows<'a> {
        indexes.map_or(Rows::Between(0, count), Rows::Indexes)
    }

    pub fn len(&self) -> usize {
        match self {
            Rows::Between(start, end) => end - start,
            Rows::Indexes(indexes) => indexes.len(),
        }
    }

    /// The first so many of them, and the others.
    pub fn split(self, most: usize) -> (Rows<'a>, Rows<'a>) {
        match self {
            Rows::Between(start, end) => {
                let middle = end.min(start + most);
                (Rows::Between(start, middle), Rows::Between(middle, end))
            }
            Rows::Indexes(indexes) => {
                let (first, others) = indexes.split_at(most.min(indexes.len()));
                (Rows::Indexes(first), Rows::Indexes(others))
            }
        }
    }
}

/// The texts of one field of many records.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    pub buf: &'a [u8],
    pub decoded: &'a [u8],
    pub fields: &'a [Field],
}

impl<'a> Tokens<'a> {
    /// How long they are together.
    pub fn total(&self) -> usize {
        let lengths = self.fields.iter().map(|field| match field.length {
            u32::MAX => 0,
            length => length as usize,
        });
        lengths.sum()
    }

    /// A text; None is null.
    #[inline(always)]
    pub fn get(&self, at: usize) -> Option<Token<'a>> {
        self.of(&self.fields[at])
    }

    /// All of them, in order.
    #[inline(always)]
    pub fn iter(self) -> impl ExactSizeIterator<Item = Option<Token<'a>>> {
        self.fields.iter().map(move |field| self.of(field))
    }

    /// A text's length, and the bytes that end with it: its own, if it is no longer than that, behind any others.
    #[inline(always)]
    pub fn tail<const N: usize>(&self, field: &Field) -> Option<(&'a [u8; N], usize)> {
        let length = field.length as usize;
        if length > N {
            return None;
        }
        let source = match field.start & Field::DECODED {
            0 => self.buf,
            _ => self.decoded,
        };
        let end = (field.start & !Field::DECODED) as usize + length;
        let tail = source.get(end.checked_sub(N)?..end)?;
        Some((tail.try_into().ok()?, length))
    }

    /// A text's length, and the bytes that begin with it, if it is no longer than that and so many are there.
    #[inline(always)]
    pub fn head<const N: usize>(&self, field: &Field) -> Option<(&'a [u8; N], usize)> {
        let length = field.length as usize;
        if length > N {
            return None;
        }
        Some((self.first(field)?, length))
    }

    /// A text of just this length.
    #[inline(always)]
    pub fn exactly<const N: usize>(&self, field: &Field) -> Option<&'a [u8; N]> {
        match field.length as usize == N {
            true => self.first(field),
            false => None,
        }
    }

    #[inline(always)]
    fn first<const N: usize>(&self, field: &Field) -> Option<&'a [u8; N]> {
        let source = match field.start & Field::DECODED {
            0 => self.buf,
            _ => self.decoded,
        };
        let start = (field.start & !Field::DECODED) as usize;
        source.get(start..start + N)?.try_into().ok()
    }

    #[inline(always)]
    fn of(&self, field: &Field) -> Option<Token<'a>> {
        if field.length == u32::MAX {
            return None;
        }
        let source = match field.start & Field::DECODED {
            0 => self.buf,
            _ => self.decoded,
        };
        let start = (field.start & !Field::DECODED) as usize;
        Some(Token::new(&source[start..], field.length as usize))
    }
}

/// Texts in a row, and where they lie.
#[cfg(test)]
pub fn laid_out(texts: &[Option<&[u8]>]) -> (Vec<u8>, Vec<Field>) {
    let mut buf = Vec::new();
    let mut field = |text: &Option<&[u8]>| {
        let start = buf.len();
        buf.extend(text.unwrap_or_default());
        text.map_or(Field::NULL, |_| Field::raw(start, buf.len()))
    };
    let fields = texts.iter().map(&mut field).collect();
    (buf, fields)
}
