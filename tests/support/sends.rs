//! What happens in the moment before the kernel is asked to send. This stands in for the system's
//! send and sendmsg in the program that includes it.
#![allow(unsafe_code)] // it bears a C name

use libc::{RTLD_NEXT, c_int, c_void, msghdr, size_t, ssize_t};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::CStr;

type Event = Box<dyn FnOnce()>;

thread_local! {
    static EVENTS: RefCell<VecDeque<Event>> = const { RefCell::new(VecDeque::new()) };
    static REFUSAL: Cell<Option<c_int>> = const { Cell::new(None) };
}

/// The next call of this thread fails with this errno.
#[allow(dead_code)] // not every program that includes this has it refused
pub(crate) fn refuse_the_next(errno: c_int) {
    REFUSAL.set(Some(errno));
}

/// Before each of the next calls of this thread, one of these happens.
#[allow(dead_code)] // as above
pub(crate) fn before_the_next(events: impl IntoIterator<Item = Event>) {
    EVENTS.with_borrow_mut(|waiting| waiting.extend(events));
}

/// How many of them have not happened.
#[allow(dead_code)] // as above
pub(crate) fn left() -> usize {
    EVENTS.with_borrow(VecDeque::len)
}

/// What is to happen first; the errno if that is all.
fn before_sending() -> Option<c_int> {
    if let Some(event) = EVENTS.with_borrow_mut(VecDeque::pop_front) {
        event();
    }
    REFUSAL.take()
}

fn refuse(errno: c_int) -> ssize_t {
    // SAFETY: the place of this thread's errno.
    unsafe { libc::__errno_location().write(errno) };
    -1
}

/// The system's function of this name.
fn next(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends in a NUL.
    let next = unsafe { libc::dlsym(RTLD_NEXT, name.as_ptr()) };
    assert!(!next.is_null(), "the system sends");
    next
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, bytes: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    type Send = unsafe extern "C" fn(c_int, *const c_void, size_t, c_int) -> ssize_t;
    match before_sending() {
        Some(errno) => refuse(errno),
        // SAFETY: the system's function of this name has this type.
        None => unsafe {
            std::mem::transmute::<*mut c_void, Send>(next(c"send"))(fd, bytes, len, flags)
        },
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    type Send = unsafe extern "C" fn(c_int, *const msghdr, c_int) -> ssize_t;
    match before_sending() {
        Some(errno) => refuse(errno),
        // SAFETY: the system's function of this name has this type.
        None => unsafe {
            std::mem::transmute::<*mut c_void, Send>(next(c"sendmsg"))(fd, message, flags)
        },
    }
}
