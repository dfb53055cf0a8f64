//! Lookups, as getaddrinfo would answer for the names that the tests know; and their helpers,
//! which answer when the test says so.
#![allow(unsafe_code)]

use super::plan::{become_helper, fate, is_library};
use super::shim::{fail, system};
use super::table::{Call, How};
use libc::{addrinfo, c_char, c_int, c_void, in_addr, sockaddr_in};
use std::ffi::CStr;
use std::net::Ipv4Addr;
use std::ptr::null_mut;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The same as in the hosts of a network of our own: the first two of three addresses refuse.
/// Those in .example are left to the system if the files in /etc cannot be read.
const NAMES: &[(&str, &[Ipv4Addr])] = &[
    ("known.local", &[Ipv4Addr::LOCALHOST]),
    ("both.example", &[Ipv4Addr::LOCALHOST]),
    ("plain.example", &[Ipv4Addr::LOCALHOST]),
    ("long.example", &[Ipv4Addr::LOCALHOST]),
    ("old.example", &[Ipv4Addr::LOCALHOST]),
    (
        "three.local",
        &[Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::new(127, 0, 0, 4)],
    ),
];

struct Helpers {
    count: usize,
    /// Whether they may answer.
    may_answer: bool,
}

static HELPERS: Mutex<Helpers> = Mutex::new(Helpers { count: 0, may_answer: false });
static CHANGED: Condvar = Condvar::new();

fn helpers() -> MutexGuard<'static, Helpers> {
    HELPERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_while(until: impl FnMut(&mut Helpers) -> bool) -> MutexGuard<'static, Helpers> {
    CHANGED.wait_while(helpers(), until).unwrap_or_else(PoisonError::into_inner)
}

/// Lets all lookups be answered, and waits until there are no helpers any more.
pub(crate) fn answer_all() {
    helpers().may_answer = true;
    CHANGED.notify_all();
    wait_while(|helpers| helpers.count > 0).may_answer = false;
}

type Main = extern "C" fn(*mut c_void) -> *mut c_void;

/// What a helper is to do.
struct Work(Main, *mut c_void);

extern "C" fn run_helper(work: *mut c_void) -> *mut c_void {
    // SAFETY: made as a box for this thread alone.
    let Work(main, argument) = *unsafe { Box::from_raw(work.cast::<Work>()) };
    become_helper();
    let result = main(argument);
    helpers().count -= 1;
    CHANGED.notify_all();
    result
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    main: Main,
    argument: *mut c_void,
) -> c_int {
    type Create = unsafe extern "C" fn(
        *mut libc::pthread_t,
        *const libc::pthread_attr_t,
        Main,
        *mut c_void,
    ) -> c_int;
    if let Some(How::Fails(errno)) = fate(Call::pthread_create) {
        return errno;
    }
    if !is_library() {
        return system!(pthread_create(thread, attributes, main, argument) as Create);
    }
    helpers().count += 1;
    let work = Box::into_raw(Box::new(Work(main, argument))).cast();
    let refused = system!(pthread_create(thread, attributes, run_helper, work) as Create);
    assert_eq!(refused, 0, "the machine has room for a thread");
    0
}

/// # Safety
/// As the system's, for a name alone.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    _service: *const c_char,
    _hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    drop(wait_while(|helpers| !helpers.may_answer));
    if let Some(How::Answers(code, errno)) = fate(Call::getaddrinfo) {
        fail(errno);
        return code;
    }
    // SAFETY: the caller's.
    let name = unsafe { CStr::from_ptr(name) };
    let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name.to_bytes());
    let Some((_, addresses)) = known else {
        return libc::EAI_NONAME;
    };
    // SAFETY: the caller's.
    unsafe { list.write(list_of(addresses)) };
    0
}

#[repr(C)]
struct Entry {
    // First, so that a pointer to it is one to the entry.
    info: addrinfo,
    address: sockaddr_in,
}

fn list_of(addresses: &[Ipv4Addr]) -> *mut addrinfo {
    let mut first = null_mut();
    for address in addresses.iter().rev() {
        // SAFETY: zeroes are valid for both.
        let mut entry: Box<Entry> = Box::new(unsafe { std::mem::zeroed() });
        entry.address.sin_family = libc::AF_INET as libc::sa_family_t;
        entry.address.sin_addr = in_addr { s_addr: u32::from(*address).to_be() };
        entry.info.ai_family = libc::AF_INET;
        entry.info.ai_next = first;
        let entry = Box::into_raw(entry);
        // SAFETY: the entry is live, and is its address's place for as long as it is.
        unsafe { (*entry).info.ai_addr = (&raw mut (*entry).address).cast() };
        first = entry.cast();
    }
    first
}

/// # Safety
/// `list` was made above.
#[unsafe(no_mangle)]
unsafe extern "C" fn freeaddrinfo(mut list: *mut addrinfo) {
    while !list.is_null() {
        // SAFETY: each entry was made as a box, and is freed once.
        let entry = unsafe { Box::from_raw(list.cast::<Entry>()) };
        list = entry.info.ai_next;
    }
}
