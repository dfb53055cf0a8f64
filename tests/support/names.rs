//! Name lookups as tests need them. This stands in for the system's getaddrinfo in the program
//! that includes it, so that no test depends on a name server. A fetch without a client leaves only
//! such names to the system as end in .local.
#![allow(dead_code)] // each test file uses its own part of it
#![allow(unsafe_code)] // it bears a C name

use super::PATIENCE;
use libc::{RTLD_NEXT, addrinfo, c_char, c_int};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A name whose lookup never answers, as far as a test can tell.
pub(crate) const NEVER: &str = "never.local";

/// A name that does not exist.
pub(crate) const UNKNOWN: &str = "unknown.local";

/// What a lookup of a name ends as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// It has this one address.
    At(&'static str),
    /// It does not exist.
    Unknown,
    /// It may exist: whoever knows cannot be asked now.
    Failing,
}

/// A name that a test has told of.
struct Entry {
    answer: Answer,
    /// Lookups wait until this is taken back.
    is_held: bool,
    asked: usize,
}

static BOOK: Mutex<BTreeMap<&str, Entry>> = Mutex::new(BTreeMap::new());
static CHANGE: Condvar = Condvar::new();

fn book() -> MutexGuard<'static, BTreeMap<&'static str, Entry>> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn change(name: &'static str, f: impl FnOnce(&mut Entry)) {
    let new = || Entry { answer: Answer::Unknown, is_held: false, asked: 0 };
    f(book().entry(name).or_insert_with(new));
    CHANGE.notify_all();
}

/// From now on, this is what lookups of the name end as.
pub(crate) fn tell(name: &'static str, answer: Answer) {
    change(name, |entry| entry.answer = answer);
}

/// From now on, lookups of the name wait.
pub(crate) fn hold(name: &'static str) {
    change(name, |entry| entry.is_held = true);
}

pub(crate) fn release(name: &'static str) {
    change(name, |entry| entry.is_held = false);
}

/// How many lookups of the name have begun.
pub(crate) fn asked(name: &str) -> usize {
    book().get(name).map_or(0, |entry| entry.asked)
}

/// Waits until so many lookups of the name have begun.
pub(crate) fn until_asked(name: &str, count: usize) {
    let is_less = |book: &mut BTreeMap<&str, Entry>| book[name].asked < count;
    let waited = CHANGE.wait_timeout_while(book(), PATIENCE, is_less);
    let timed_out = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
    assert!(!timed_out, "{name} is not looked up {count} times");
}

/// Looks the name up in the book, if it is there.
fn look_up(name: &str) -> Option<Answer> {
    let mut book = book();
    book.get_mut(name)?.asked += 1;
    CHANGE.notify_all();
    let waited = CHANGE.wait_timeout_while(book, PATIENCE, |book| book[name].is_held);
    Some(waited.unwrap_or_else(PoisonError::into_inner).0[name].answer)
}

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
    let text = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy());
    let address = match text.as_deref() {
        Some(NEVER) => {
            std::thread::sleep(PATIENCE);
            return libc::EAI_AGAIN;
        }
        Some(UNKNOWN) => return libc::EAI_NONAME,
        Some(text) => match look_up(text) {
            Some(Answer::Unknown) => return libc::EAI_NONAME,
            Some(Answer::Failing) => return libc::EAI_AGAIN,
            Some(Answer::At(ip)) => Some(CString::new(ip).expect("an address has no NUL")),
            None => None,
        },
        None => None,
    };
    // The system makes the list of an address, too.
    let name = address.as_ref().map_or(name, |address| address.as_ptr());
    // SAFETY: the next function of this name is the system's, and has this type.
    unsafe {
        let next = libc::dlsym(RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!next.is_null(), "the system looks names up");
        std::mem::transmute::<*mut libc::c_void, Lookup>(next)(name, service, hints, list)
    }
}
