//! What happens in the moment before the kernel is asked to send. This stands in for the system's
//! sendmsg in the program that includes it.
#![allow(unsafe_code)] // it bears a C name

use libc::{RTLD_NEXT, c_int, msghdr, ssize_t};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

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

type Send = unsafe extern "C" fn(c_int, *const msghdr, c_int) -> ssize_t;

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if let Some(event) = EVENTS.with_borrow_mut(VecDeque::pop_front) {
        event();
    }
    if let Some(errno) = REFUSAL.take() {
        // SAFETY: the place of this thread's errno.
        unsafe { libc::__errno_location().write(errno) };
        return -1;
    }
    // SAFETY: the next function of this name is the system's, and has this type.
    unsafe {
        let next = libc::dlsym(RTLD_NEXT, c"sendmsg".as_ptr());
        assert!(!next.is_null(), "the system sends");
        std::mem::transmute::<*mut libc::c_void, Send>(next)(fd, message, flags)
    }
}
