//! Arrays, and their form in the Arrow C data interface
//! (<https://arrow.apache.org/docs/format/CDataInterface.html>).

use crate::column::Validity;
use std::ffi::c_void;
use std::ptr;

/// An array that owns its buffers.
pub struct Array {
    validity: Validity,
    values: Values,
}

/// The values of an array, by layout.
#[derive(Debug, PartialEq)]
pub enum Values {
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    /// Also dates.
    Int32(Vec<i32>),
    /// Also timestamps.
    Int64(Vec<i64>),
    /// Indexes.
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>),
    /// Truth values, a bit each.
    Bits(Vec<u8>),
    /// Also binary values.
    Utf8 {
        offsets: Vec<i32>,
        bytes: Vec<u8>,
    },
}

impl Array {
    pub(crate) fn new(validity: Validity, values: Values) -> Self {
        Array { validity, values }
    }

    /// The number of values, nulls counted.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.validity.length()
    }

    /// The number of nulls.
    pub fn null_count(&self) -> usize {
        self.validity.nulls()
    }

    /// One bit a value, set where it is not null; None when no value is.
    pub fn validity(&self) -> Option<&[u8]> {
        self.validity.bits()
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// The array as a C structure, whose `release` frees it.
    pub fn export(self) -> ArrowArray {
        let validity = self.validity().map_or(ptr::null(), address);
        let (second, third) = match &self.values {
            Values::Int8(values) => (address(values), None),
            Values::Int16(values) => (address(values), None),
            Values::Int32(values) => (address(values), None),
            Values::Int64(values) => (address(values), None),
            Values::UInt64(values) => (address(values), None),
            Values::Float32(values) => (address(values), None),
            Values::Float64(values) => (address(values), None),
            Values::Decimal(values) => (address(values), None),
            Values::Bits(bits) => (address(bits), None),
            Values::Utf8 { offsets, bytes } => (address(offsets), Some(address(bytes))),
        };
        let (length, null_count) = (self.len() as i64, self.null_count() as i64);
        let mut exported = Box::new(Exported {
            buffers: [validity, second, third.unwrap_or(ptr::null())],
            _array: self,
        });
        ArrowArray {
            length,
            null_count,
            offset: 0,
            n_buffers: 2 + i64::from(third.is_some()),
            n_children: 0,
            buffers: exported.buffers.as_mut_ptr(),
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: Some(release),
            private_data: Box::into_raw(exported).cast(),
        }
    }
}

/// Columns of `length` values each as a C structure: one array of structs, whose `release` frees them all.
pub fn export_together(columns: Vec<Array>, length: usize) -> ArrowArray {
    let children = columns
        .into_iter()
        .map(|column| Box::into_raw(Box::new(column.export())));
    let mut exported = Box::new(Together {
        buffers: [ptr::null()],
        children: children.collect(),
    });
    ArrowArray {
        length: length as i64,
        null_count: 0,
        offset: 0,
        n_buffers: 1,
        n_children: exported.children.len() as i64,
        buffers: exported.buffers.as_mut_ptr(),
        children: exported.children.as_mut_ptr(),
        dictionary: ptr::null_mut(),
        release: Some(release_together),
        private_data: Box::into_raw(exported).cast(),
    }
}

fn address<T>(buffer: &[T]) -> *const c_void {
    buffer.as_ptr().cast()
}

/// What an exported array keeps alive: the buffers, and the addresses of them that the structure points to.
struct Exported {
    buffers: [*const c_void; 3],
    _array: Array,
}

/// What an exported array of structs keeps alive: no validity, and its columns, which are boxes that were given away.
struct Together {
    buffers: [*const c_void; 1],
    children: Vec<*mut ArrowArray>,
}

/// `struct ArrowArray` of the C data interface.
#[repr(C)]
#[allow(missing_docs)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *mut *const c_void,
    pub children: *mut *mut ArrowArray,
    pub dictionary: *mut ArrowArray,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub private_data: *mut c_void,
}

/// Frees what [`Array::export`] gave away.
#[allow(unsafe_code)]
unsafe extern "C" fn release(array: *mut ArrowArray) {
    // SAFETY: the consumer calls this once, with the structure it was given, as the C data interface demands; so
    // `private_data` is still the box that `export` made.
    unsafe {
        drop(Box::from_raw((*array).private_data.cast::<Exported>()));
        (*array).release = None;
    }
}

/// Frees what [`export_together`] gave away. A consumer may have taken a column out, which is then marked as released.
#[allow(unsafe_code)]
unsafe extern "C" fn release_together(array: *mut ArrowArray) {
    // SAFETY: as in `release`; the columns are the boxes that `export_together` made, each of them is dropped here and
    // nowhere else, and is released before if its consumer did not do so.
    unsafe {
        let exported = Box::from_raw((*array).private_data.cast::<Together>());
        for &column in &exported.children {
            let mut column = Box::from_raw(column);
            if let Some(release) = column.release {
                release(&mut *column);
            }
        }
        (*array).release = None;
    }
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::export_together;
    use crate::column::texts;
    use std::ptr;

    #[test]
    fn export_and_release() {
        let tokens = [Some(&b"ab"[..]), None, Some(b"c")];
        let array = texts(tokens.into_iter()).unwrap();
        let mut exported = array.export();
        assert_eq!(
            (exported.length, exported.null_count, exported.n_buffers),
            (3, 1, 3)
        );
        let release = exported.release.unwrap();
        // SAFETY: an array just exported, its three buffers as long as the format says, released once.
        unsafe {
            let buffers = std::slice::from_raw_parts(exported.buffers, 3);
            assert_eq!(*buffers[0].cast::<u8>() & 7, 0b101);
            assert_eq!(
                std::slice::from_raw_parts(buffers[1].cast::<i32>(), 4),
                [0, 2, 2, 3]
            );
            assert_eq!(
                std::slice::from_raw_parts(buffers[2].cast::<u8>(), 3),
                b"abc"
            );
            release(&mut exported);
        }
        assert!(exported.release.is_none());
    }

    #[test]
    fn columns_are_released_together_but_for_those_taken_out() {
        let column = |text: &'static [u8]| texts([Some(text)].into_iter()).unwrap();
        let mut exported = export_together(vec![column(b"a"), column(b"b")], 1);
        assert_eq!((exported.length, exported.n_buffers), (1, 1));
        // SAFETY: an array just exported, with its two columns; one of them is moved out as the format says, and each
        // of the two is released once.
        unsafe {
            assert!((*exported.buffers).is_null());
            let columns = std::slice::from_raw_parts(exported.children, 2);
            let mut taken = ptr::read(columns[1]);
            (*columns[1]).release = None;
            exported.release.unwrap()(&mut exported);
            assert_eq!(*(*taken.buffers.add(2)).cast::<u8>(), b'b');
            taken.release.unwrap()(&mut taken);
        }
        assert!(exported.release.is_none());
        let mut none = export_together(Vec::new(), 3);
        // SAFETY: an array just exported, released once.
        unsafe { none.release.unwrap()(&mut none) };
        assert_eq!((none.length, none.n_children), (3, 0));
    }
}
