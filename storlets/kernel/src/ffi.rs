//! The C interface. Zero is success, a negative number an [`Error`].
//!
//! A handle is used by one thread at a time. Between a scan and the last `csv_columns` that follows it the caller keeps
//! the scanned buffer alive and unchanged.

#![allow(unsafe_code)]

use crate::arrow::export_together;
use crate::column::{self, ColumnType};
use crate::compare::Comparison;
use crate::conversion::Conversion;
use crate::dialect::Dialect;
use crate::infer::{self, Inferred};
use crate::options::Options;
use crate::pattern::Pattern;
use crate::{scan, Array, ArrowArray, Cuts, Error, Scanner, Selection};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::str::from_utf8;
use std::{ptr, slice};

/// Raised whenever a signature or the meaning of a number changes.
const ABI_VERSION: u32 = 9;

/// A scanner and the buffer it scanned last.
pub struct Handle {
    scanner: Scanner,
    buf: *const u8,
    len: usize,
}

/// What `csv_scan` found.
#[repr(C)]
pub struct CsvScanned {
    records: u64,
    consumed: u64,
}

/// What `csv_cuts_outcome` gives: `first` is -1 where there is no record.
#[repr(C)]
pub struct CsvOutcome {
    end: u64,
    first: i64,
}

/// The version of this interface.
#[no_mangle]
pub extern "C" fn csv_abi_version() -> u32 {
    ABI_VERSION
}

/// A new handle, see [`Scanner::new`], into `out`.
///
/// # Safety
/// `options` points to `options_len` bytes, `required` to `n_required` numbers, `out` to a place for the handle.
#[no_mangle]
pub unsafe extern "C" fn csv_new(
    options: *const u8,
    options_len: u64,
    n_columns: u32,
    required: *const u32,
    n_required: u32,
    at_start: u8,
    out: *mut *mut Handle,
) -> i32 {
    // SAFETY: the caller's promises.
    let (options, required) = unsafe {
        (
            borrowed(options, options_len as usize),
            borrowed(required, n_required as usize),
        )
    };
    let handle = guarded(|| {
        let (dialect, conversion, pruning) = settings(options)?;
        let selection = Selection {
            columns: n_columns as usize,
            required,
            pruning,
        };
        let scanner = Scanner::new(dialect, conversion, &selection, at_start != 0)?;
        Ok(Box::into_raw(Box::new(Handle {
            scanner,
            buf: ptr::null(),
            len: 0,
        })))
    });
    // SAFETY: the caller's promise.
    unsafe { give(handle, out) }
}

fn settings(options: &[u8]) -> Result<(Dialect, Conversion, bool), Error> {
    let mut options = Options::decode(options)?;
    let settings = (
        Dialect::parse(&mut options)?,
        Conversion::parse(&mut options)?,
        options.boolean("column_pruning", true)?,
    );
    options.finish()?;
    Ok(settings)
}

/// Ends a handle. Arrays made with it live on.
///
/// # Safety
/// `handle` came from `csv_new` and was not freed; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn csv_free(handle: *mut Handle) {
    if !handle.is_null() {
        // SAFETY: the caller's promise: this is the box that `csv_new` gave away.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// Takes the complete records of `buf` that begin before `limit`, see [`Scanner::scan`].
///
/// # Safety
/// `handle` is a live handle, `buf` points to `len` bytes, `out` to a place for the result.
#[no_mangle]
pub unsafe extern "C" fn csv_scan(
    handle: *mut Handle,
    buf: *const u8,
    len: u64,
    limit: u64,
    last: u8,
    out: *mut CsvScanned,
) -> i32 {
    // SAFETY: the caller's promise; nothing else holds the handle during the call.
    let handle = unsafe { &mut *handle };
    (handle.buf, handle.len) = (buf, len as usize);
    // SAFETY: the caller's promise.
    let bytes = unsafe { borrowed(buf, handle.len) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let scanned = guarded(|| handle.scanner.scan(bytes, limit, last != 0));
    let scanned = scanned.map(|scanned| CsvScanned {
        records: scanned.records as u64,
        consumed: scanned.consumed as u64,
    });
    // SAFETY: the caller's promise.
    unsafe { give(scanned, out) }
}

/// Columns of the last scan, see [`Scanner::columns`], as one array of structs. `wanted` names their slots and types, such
/// as `0 bigint`, with a NUL between them; `rows` null means all records.
///
/// # Safety
/// `handle` is a live handle whose scanned buffer is unchanged, `wanted` points to `wanted_len` bytes, `rows` is null or
/// points to `n_rows` numbers, `out` to a place for the array.
#[no_mangle]
pub unsafe extern "C" fn csv_columns(
    handle: *mut Handle,
    wanted: *const u8,
    wanted_len: u64,
    rows: *const u64,
    n_rows: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promise; nothing else holds the handle during the call.
    let handle = unsafe { &mut *handle };
    // SAFETY: the caller's promises on the scanned buffer, on `wanted` and on `rows`.
    let (bytes, wanted, indexes) = unsafe {
        (
            borrowed(handle.buf, handle.len),
            borrowed(wanted, wanted_len as usize),
            borrowed(rows, n_rows as usize),
        )
    };
    let rows = (!rows.is_null()).then_some(indexes);
    let array = guarded(|| {
        let wanted = from_utf8(wanted).map_err(|_| Error::InvalidArgument)?;
        let names = wanted.split('\0').filter(|name| !name.is_empty());
        let slots = names.map(|name| {
            let (slot, kind) = name.split_once(' ').ok_or(Error::InvalidArgument)?;
            let slot = slot.parse().map_err(|_| Error::InvalidArgument)?;
            Ok((slot, ColumnType::parse(kind)?))
        });
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        let columns = handle.scanner.columns(bytes, &slots, rows)?;
        let length = rows.map_or(handle.scanner.records(), <[u64]>::len);
        Ok(export_together(columns, length))
    });
    // SAFETY: the caller's promise.
    unsafe { give(array, out) }
}

/// The records of the last scan of which a comparison is true, see [`Scanner::filter`]: indexes. `comparison` is the type's
/// name, the operator and the literal, with a NUL between them.
///
/// # Safety
/// `handle` is a live handle whose scanned buffer is unchanged, `comparison` points to `comparison_len` bytes, `rows` is
/// null or points to `n_rows` numbers, `out` to a place for the array.
#[no_mangle]
pub unsafe extern "C" fn csv_filter(
    handle: *mut Handle,
    slot: u32,
    comparison: *const u8,
    comparison_len: u64,
    rows: *const u64,
    n_rows: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promise; nothing else holds the handle during the call.
    let handle = unsafe { &mut *handle };
    // SAFETY: the caller's promises on the scanned buffer, on `comparison` and on `rows`.
    let (bytes, comparison, indexes) = unsafe {
        (
            borrowed(handle.buf, handle.len),
            borrowed(comparison, comparison_len as usize),
            borrowed(rows, n_rows as usize),
        )
    };
    let rows = (!rows.is_null()).then_some(indexes);
    let array = guarded(|| {
        let comparison = from_utf8(comparison).map_err(|_| Error::InvalidArgument)?;
        let mut parts = comparison.splitn(3, '\0');
        let mut part = || parts.next().ok_or(Error::InvalidArgument);
        let comparison = Comparison::parse(ColumnType::parse(part()?)?, part()?, part()?)?;
        let scanner = &mut handle.scanner;
        scanner.filter(bytes, slot as usize, &comparison, rows)
    });
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// Which records of the last scan are malformed, see [`Scanner::malformed`].
///
/// # Safety
/// `handle` is a live handle, `rows` is null or points to `n_rows` numbers, `out` to a place for the array.
#[no_mangle]
pub unsafe extern "C" fn csv_malformed(
    handle: *const Handle,
    rows: *const u64,
    n_rows: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promises; nothing changes the handle during the call.
    let (handle, indexes) = unsafe { (&*handle, borrowed(rows, n_rows as usize)) };
    let rows = (!rows.is_null()).then_some(indexes);
    let array = guarded(|| handle.scanner.malformed(rows));
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// Which records have no value in a column, see [`Scanner::failed`].
///
/// # Safety
/// `handle` is a live handle, `out` a place for the array.
#[no_mangle]
pub unsafe extern "C" fn csv_failed(handle: *const Handle, slot: u32, out: *mut ArrowArray) -> i32 {
    // SAFETY: the caller's promise; nothing changes the handle during the call.
    let handle = unsafe { &*handle };
    let array = guarded(|| handle.scanner.failed(slot as usize));
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// The region that `csv_columns` needs the rules of, as a column of one text; of none when it needs none.
///
/// # Safety
/// As for `csv_failed`.
#[no_mangle]
pub unsafe extern "C" fn csv_zone_needed(handle: *mut Handle, out: *mut ArrowArray) -> i32 {
    // SAFETY: the caller's promise; nothing else holds the handle during the call.
    let handle = unsafe { &mut *handle };
    let array = guarded(|| {
        let region = handle.scanner.zone_needed();
        column::texts(
            region
                .iter()
                .map(|name| Some(name.as_bytes()))
                .collect::<Vec<_>>()
                .into_iter(),
        )
    });
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// Gives the rules of a region.
///
/// # Safety
/// `handle` is a live handle, `name` points to `name_len` bytes, `tzif` to `tzif_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn csv_zone(
    handle: *mut Handle,
    name: *const u8,
    name_len: u64,
    tzif: *const u8,
    tzif_len: u64,
) -> i32 {
    // SAFETY: the caller's promises; nothing else holds the handle during the call.
    let (handle, name, rules) = unsafe {
        (
            &mut *handle,
            borrowed(name, name_len as usize),
            borrowed(tzif, tzif_len as usize),
        )
    };
    let done = guarded(|| {
        let name = from_utf8(name).map_err(|_| Error::InvalidArgument)?;
        handle.scanner.add_zone(name, rules)
    });
    done.map_or_else(|error| error as i32, |()| 0)
}

/// Gives the names of all regions that there are, with a NUL between them: no other is needed from then on.
///
/// # Safety
/// `handle` is a live handle, `names` points to `names_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn csv_regions(handle: *mut Handle, names: *const u8, names_len: u64) -> i32 {
    // SAFETY: the caller's promises; nothing else holds the handle during the call.
    let (handle, names) = unsafe { (&mut *handle, borrowed(names, names_len as usize)) };
    let done = guarded(|| {
        let names = from_utf8(names).map_err(|_| Error::InvalidArgument)?;
        handle.scanner.bound_zones(names.split('\0'));
        Ok(())
    });
    done.map_or_else(|error| error as i32, |()| 0)
}

/// Whether a pattern is one that is read here: 0, or an error.
///
/// # Safety
/// `text` points to `text_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn csv_check_pattern(text: *const u8, text_len: u64) -> i32 {
    // SAFETY: the caller's promise.
    let text = unsafe { borrowed(text, text_len as usize) };
    let parsed = guarded(|| Pattern::parse(from_utf8(text).map_err(|_| Error::InvalidArgument)?));
    parsed.map_or_else(|error| error as i32, |_| 0)
}

/// What a column is with its values in the last scan, see [`Scanner::infer`]: a column of one text. `so_far` is a type's
/// name, or `null`.
///
/// # Safety
/// As for `csv_filter`, with `so_far` for `comparison`.
#[no_mangle]
pub unsafe extern "C" fn csv_infer(
    handle: *mut Handle,
    slot: u32,
    so_far: *const u8,
    so_far_len: u64,
    rows: *const u64,
    n_rows: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promise; nothing else holds the handle during the call.
    let handle = unsafe { &mut *handle };
    // SAFETY: the caller's promises on the scanned buffer, on `so_far` and on `rows`.
    let (bytes, so_far, indexes) = unsafe {
        (
            borrowed(handle.buf, handle.len),
            borrowed(so_far, so_far_len as usize),
            borrowed(rows, n_rows as usize),
        )
    };
    let rows = (!rows.is_null()).then_some(indexes);
    let array = guarded(|| {
        let so_far = inferred(so_far)?;
        let scanner = &mut handle.scanner;
        inferred_name(scanner.infer(bytes, slot as usize, so_far, rows)?)
    });
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// What two parts of a column are together, see [`infer::merge`]: a column of one text.
///
/// # Safety
/// `options` points to `options_len` bytes, `one` and `other` to as many as their lengths say, `out` to a place for the
/// array.
#[no_mangle]
pub unsafe extern "C" fn csv_merge(
    options: *const u8,
    options_len: u64,
    one: *const u8,
    one_len: u64,
    other: *const u8,
    other_len: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promises.
    let (options, one, other) = unsafe {
        (
            borrowed(options, options_len as usize),
            borrowed(one, one_len as usize),
            borrowed(other, other_len as usize),
        )
    };
    let array = guarded(|| {
        let conversion = Conversion::parse(&mut Options::decode(options)?)?;
        inferred_name(infer::merge(inferred(one)?, inferred(other)?, &conversion))
    });
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

fn inferred(name: &[u8]) -> Result<Inferred, Error> {
    infer::parse(from_utf8(name).map_err(|_| Error::InvalidArgument)?)
}

fn inferred_name(inferred: Inferred) -> Result<Array, Error> {
    column::texts([Some(infer::name(inferred).as_bytes())].into_iter())
}

/// Which records of the last scan have the same text as a line, see [`Scanner::lines_equal`].
///
/// # Safety
/// `handle` is a live handle whose scanned buffer is unchanged, `line` points to `len` bytes, `out` to a place for the
/// array.
#[no_mangle]
pub unsafe extern "C" fn csv_lines_equal(
    handle: *const Handle,
    line: *const u8,
    len: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promise; nothing changes the handle during the call.
    let handle = unsafe { &*handle };
    // SAFETY: the caller's promises on the scanned buffer and on `line`.
    let (bytes, line) = unsafe {
        (
            borrowed(handle.buf, handle.len),
            borrowed(line, len as usize),
        )
    };
    let array = guarded(|| Ok(handle.scanner.lines_equal(bytes, line)));
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// The text of records of the last scan, see [`Scanner::text`].
///
/// # Safety
/// As for `csv_filter`, without a comparison.
#[no_mangle]
pub unsafe extern "C" fn csv_text(
    handle: *const Handle,
    rows: *const u64,
    n_rows: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promise; nothing changes the handle during the call.
    let handle = unsafe { &*handle };
    // SAFETY: the caller's promises on the scanned buffer and on `rows`.
    let (bytes, indexes) = unsafe {
        (
            borrowed(handle.buf, handle.len),
            borrowed(rows, n_rows as usize),
        )
    };
    let rows = (!rows.is_null()).then_some(indexes);
    let array = guarded(|| handle.scanner.text(bytes, rows));
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// The tokens of one line, as text, see [`scan::tokens`].
///
/// # Safety
/// `options` points to `options_len` bytes, `buf` to `len` bytes, `out` to a place for the array.
#[no_mangle]
pub unsafe extern "C" fn csv_tokens(
    options: *const u8,
    options_len: u64,
    buf: *const u8,
    len: u64,
    out: *mut ArrowArray,
) -> i32 {
    // SAFETY: the caller's promises.
    let (options, line) = unsafe {
        (
            borrowed(options, options_len as usize),
            borrowed(buf, len as usize),
        )
    };
    let array = guarded(|| {
        let (dialect, conversion, _) = settings(options)?;
        let tokens = scan::tokens(&dialect, &conversion, line)?;
        column::texts(tokens.iter().map(Option::as_deref))
    });
    // SAFETY: the caller's promise.
    unsafe { give(array.map(|array| array.export()), out) }
}

/// A new reader of a part, see [`Cuts::new`], into `out`.
///
/// # Safety
/// `options` points to `options_len` bytes, `out` to a place for the reader.
#[no_mangle]
pub unsafe extern "C" fn csv_cuts_new(
    options: *const u8,
    options_len: u64,
    out: *mut *mut Cuts,
) -> i32 {
    // SAFETY: the caller's promise.
    let options = unsafe { borrowed(options, options_len as usize) };
    let cuts = guarded(|| Ok(Box::into_raw(Box::new(Cuts::new(&settings(options)?.0)?))));
    // SAFETY: the caller's promise.
    unsafe { give(cuts, out) }
}

/// Ends a reader of a part.
///
/// # Safety
/// `cuts` came from `csv_cuts_new` and was not freed; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn csv_cuts_free(cuts: *mut Cuts) {
    if !cuts.is_null() {
        // SAFETY: the caller's promise: this is the box that `csv_cuts_new` gave away.
        drop(unsafe { Box::from_raw(cuts) });
    }
}

/// Reads a part's next bytes, see [`Cuts::feed`].
///
/// # Safety
/// `cuts` is a live reader, `buf` points to `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn csv_cuts_feed(cuts: *mut Cuts, buf: *const u8, len: u64) -> i32 {
    // SAFETY: the caller's promises; nothing else holds the reader during the call.
    let (cuts, block) = unsafe { (&mut *cuts, borrowed(buf, len as usize)) };
    let fed = guarded(|| {
        cuts.feed(block);
        Ok(())
    });
    fed.map_or_else(|error| error as i32, |()| 0)
}

/// The number of states, see [`Cuts::states`].
///
/// # Safety
/// `cuts` is a live reader.
#[no_mangle]
pub unsafe extern "C" fn csv_cuts_states(cuts: *const Cuts) -> u64 {
    // SAFETY: the caller's promise; nothing changes the reader during the call.
    unsafe { (*cuts).states() as u64 }
}

/// What came of the state `start`, see [`Cuts::outcome`].
///
/// # Safety
/// `cuts` is a live reader, `out` points to a place for the result.
#[no_mangle]
pub unsafe extern "C" fn csv_cuts_outcome(
    cuts: *const Cuts,
    start: u64,
    out: *mut CsvOutcome,
) -> i32 {
    // SAFETY: the caller's promise; nothing changes the reader during the call.
    let cuts = unsafe { &*cuts };
    let outcome = guarded(|| cuts.outcome(start as usize).ok_or(Error::InvalidArgument));
    let outcome = outcome.map(|outcome| CsvOutcome {
        end: outcome.end as u64,
        first: outcome.first.map_or(-1, |first| first as i64),
    });
    // SAFETY: the caller's promise.
    unsafe { give(outcome, out) }
}

/// A slice of what the caller points to; an empty one for null.
///
/// # Safety
/// `start` is null, or points to `length` values that live and stay unchanged during the call.
unsafe fn borrowed<'a, T>(start: *const T, length: usize) -> &'a [T] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(start, length) }
}

/// Writes a result to `out`.
///
/// # Safety
/// `out` may be written to. What it holds is not dropped.
unsafe fn give<T>(result: Result<T, Error>, out: *mut T) -> i32 {
    match result {
        Ok(value) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(value) };
            0
        }
        Err(error) => error as i32,
    }
}

/// No panic may reach the caller's frames. A scanner that panicked holds no broken promise, only a useless scan.
fn guarded<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Error::Internal))
}
