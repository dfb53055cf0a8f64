//! Name lookups as tests need them. This stands in for the system's getaddrinfo in the program
//! that includes it, so that no test depends on a name server.
#![allow(unsafe_code)] // it bears a C name

use super::PATIENCE;
use libc::{RTLD_NEXT, addrinfo, c_char, c_int};
use std::ffi::CStr;

/// A name whose lookup never answers, as far as a test can tell.
pub(crate) const NEVER: &str = "never.test";

/// A name that does not exist.
pub(crate) const UNKNOWN: &str = "unknown.test";

type Lookup = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const addrinfo,
    *mut *mut addrinfo,
) -> c_int;

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: NULL or a NUL-terminated string, as the system's asks.
    let text = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_bytes());
    if text == Some(NEVER.as_bytes()) {
        std::thread::sleep(PATIENCE);
        return libc::EAI_AGAIN;
    }
    if text == Some(UNKNOWN.as_bytes()) {
        return libc::EAI_NONAME;
    }
    // SAFETY: the next function of this name is the system's, and has this type.
    unsafe {
        let next = libc::dlsym(RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!next.is_null(), "the system looks names up");
        std::mem::transmute::<*mut libc::c_void, Lookup>(next)(name, service, hints, list)
    }
}
