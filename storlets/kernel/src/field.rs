//! Where a field's text lies.

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
