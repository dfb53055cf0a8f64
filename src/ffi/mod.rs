//! The C boundary: every exported function and every C name, and no logic.
//!
//! Each export is a guard, a conversion and one call. The doc comments here are the text of
//! `include/ifetch.h`, written for the C programmer who reads nothing else.
#![allow(unsafe_code, non_camel_case_types, missing_docs)]
// What is safe is said in the header, to C; each export would only repeat it.
#![allow(clippy::missing_safety_doc)]

pub mod body;
pub mod client;
pub mod error;
pub mod fetch;
pub mod options;
pub mod report;
pub mod resolver;
pub mod response;
pub mod tls;
pub mod token;

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, and gives `caught` if it panics: no panic crosses into C. A panic while a fetch is
/// driven is caught closer to it, by the client, which fails that fetch alone.
fn guard<T>(caught: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or(caught)
}

/// # Safety
/// `pointer` is NULL or live for as long as the reference is used. What it points to is only
/// ever shared: all that changes lies behind a lock or an atomic.
unsafe fn lend<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: the caller's.
    unsafe { pointer.as_ref() }
}

/// # Safety
/// `pointer` is NULL or a NUL-terminated string that lives as long as the slice is used.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: not NULL here, and the caller's otherwise.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// The bytes a caller passed; nothing if the pointer is NULL and the length is not 0, or if no
/// object can be that long.
///
/// # Safety
/// `pointer` is NULL or points to `len` readable bytes that live as long as the slice is used.
unsafe fn bytes<'a>(pointer: *const u8, len: usize) -> Option<&'a [u8]> {
    match len {
        0 => Some(&[]),
        _ if pointer.is_null() || len > isize::MAX as usize => None,
        // SAFETY: not NULL here, and the caller's otherwise.
        _ => Some(unsafe { std::slice::from_raw_parts(pointer, len) }),
    }
}

/// # Safety
/// `place` is NULL or may be written to; it may be uninitialised.
unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not NULL here, and the caller's otherwise.
        unsafe { place.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_value_for_it() {
        assert_eq!(guard(7, || panic!("a bug, made on purpose")), 7);
        assert_eq!(guard(7, || 8), 8);
    }
}
