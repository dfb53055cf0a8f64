//! Stands between the library and the system: one call fails, as it is told.
//!
//! These functions bear the names of the system's, and so take their place in this program, for
//! the library and for the standard library. Calls that the test makes itself go through untouched.
#![allow(unsafe_code)]

use super::clock;
use super::plan::fate;
use super::table::{Call, How};
use libc::{c_int, c_void, epoll_event, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::sync::{Mutex, PoisonError};

/// The system's function of this name and type.
macro_rules! system {
    ($name:ident($($argument:expr),*) as $type:ty) => {{
        // SAFETY: the next function of this name is the system's, and has this type.
        let next: $type = unsafe {
            let name = concat!(stringify!($name), "\0");
            let next = libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast());
            assert!(!next.is_null(), concat!("the system has ", stringify!($name)));
            std::mem::transmute(next)
        };
        // SAFETY: the arguments are the caller's.
        unsafe { next($($argument),*) }
    }};
}
pub(crate) use system;

/// A function that fails when it is to, and otherwise is the system's.
macro_rules! failing {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        /// # Safety
        /// As the system's.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            type System = unsafe extern "C" fn($($type),*) -> $result;
            let call = || system!($name($($argument),*) as System);
            match fate(Call::$name) {
                Some(How::Fails(errno)) => fail(errno) as $result,
                Some(How::FailsAfterwards(errno)) => {
                    call();
                    fail(errno) as $result
                }
                _ => call(),
            }
        }
    )*};
}

failing! {
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int;
    connect(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int;
    poll(polled: *mut libc::pollfd, count: libc::nfds_t, timeout_ms: c_int) -> c_int;
    shutdown(fd: c_int, how: c_int) -> c_int;
    epoll_create1(flags: c_int) -> c_int;
    eventfd(value: libc::c_uint, flags: c_int) -> c_int;
    timerfd_create(clock: c_int, flags: c_int) -> c_int;
    stat(path: *const libc::c_char, place: *mut libc::stat) -> c_int;
    open(path: *const libc::c_char, flags: c_int, mode: libc::mode_t) -> c_int;
    fstat(fd: c_int, place: *mut libc::stat) -> c_int;
    read(fd: c_int, place: *mut c_void, len: size_t) -> ssize_t;
    gethostname(place: *mut libc::c_char, len: size_t) -> c_int;
    getsockname(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int;
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(place: *mut c_void, len: size_t, flags: libc::c_uint) -> ssize_t {
    type Draw = unsafe extern "C" fn(*mut c_void, size_t, libc::c_uint) -> ssize_t;
    match fate(Call::getrandom) {
        // Who may wait is never told to come again.
        Some(How::Fails(libc::EAGAIN)) if flags & libc::GRND_NONBLOCK == 0 => {}
        Some(How::Fails(errno)) => return fail(errno) as ssize_t,
        _ => {}
    }
    system!(getrandom(place, len, flags) as Draw)
}

pub(crate) fn fail(errno: c_int) -> c_int {
    // SAFETY: the place of this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    fd: c_int,
    events: *mut epoll_event,
    max: c_int,
    timeout_ms: c_int,
) -> c_int {
    type Wait = unsafe extern "C" fn(c_int, *mut epoll_event, c_int, c_int) -> c_int;
    if let Some(How::Fails(errno)) = fate(Call::epoll_wait) {
        return fail(errno);
    }
    let count = system!(epoll_wait(fd, events, max, timeout_ms) as Wait);
    if count == 0 && timeout_ms > 0 {
        clock::pass(timeout_ms as u64);
    }
    count
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    let fate = fate(Call::close);
    // Before it is closed: its number may be another's afterwards.
    clock::forget(fd);
    watch(fd, None);
    let result = system!(close(fd) as unsafe extern "C" fn(c_int) -> c_int);
    assert_eq!(result, 0, "a descriptor is closed once");
    match fate {
        Some(How::FailsAfterwards(errno)) => fail(errno),
        _ => result,
    }
}

type Watched = Option<(c_int, epoll_event)>;

/// Where each descriptor is watched, to have its readiness told again.
static WATCHED: Mutex<[Watched; 1024]> = Mutex::new([None; 1024]);

fn watch(fd: c_int, watched: Watched) {
    let mut all = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(place) = all.get_mut(fd as usize) {
        *place = watched;
    }
}

/// A readiness that is left unused is told again, as it would be had it come later.
fn tell_again(fd: c_int) {
    let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner)[fd as usize];
    if let Some((epoll, mut event)) = watched {
        let event = &raw mut event;
        // SAFETY: the event is live. The socket is still watched, or there is an error.
        unsafe { libc::syscall(libc::SYS_epoll_ctl, epoll, libc::EPOLL_CTL_MOD, fd, event) };
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_ctl(
    epoll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    if let Some(How::Fails(errno)) = fate(Call::epoll_ctl) {
        return fail(errno);
    }
    // SAFETY: the caller gives an event with these operations.
    watch(fd, Some((epoll, unsafe { event.read() })));
    type Control = unsafe extern "C" fn(c_int, c_int, c_int, *mut epoll_event) -> c_int;
    system!(epoll_ctl(epoll, operation, fd, event) as Control)
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    type Ask = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int;
    let fate = fate(Call::getsockopt);
    if let Some(How::Fails(errno)) = fate {
        return fail(errno);
    }
    let result = system!(getsockopt(fd, level, name, value, len) as Ask);
    if let Some(How::Reports(errno)) = fate {
        // SAFETY: the library asks for nothing but SO_ERROR, which is an int.
        unsafe { value.cast::<c_int>().write(errno) };
    }
    result
}

/// What happens to a call on `fd` that could move `could` bytes; `system` moves so many at most.
fn move_bytes(how: How, fd: c_int, could: usize, system: impl FnOnce(usize) -> ssize_t) -> ssize_t {
    let (most, errno) = match how {
        How::Fails(errno) => (0, errno),
        How::Breaks(errno) => {
            // SAFETY: takes no pointers.
            unsafe { libc::syscall(libc::SYS_shutdown, fd, libc::SHUT_RDWR) };
            (0, errno)
        }
        How::Moves(most) => (most, libc::EAGAIN),
        How::MovesLess => (could.saturating_sub(1), libc::EAGAIN),
        _ => (1, libc::EAGAIN),
    };
    let moved = if most > 0 { system(most.min(could)) } else { -1 };
    let errno = if most > 0 { std::io::Error::last_os_error().raw_os_error() } else { Some(errno) };
    tell_again(fd);
    fail(errno.unwrap_or(0));
    moved
}

/// How many bytes are there to be received; more than there are, if the end is near.
fn receivable(fd: c_int) -> usize {
    let mut count: c_int = 0;
    // SAFETY: writes an int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut count) };
    usize::try_from(count).expect("a socket counts").max(1)
}

/// A datagram is moved as a whole.
fn is_part_of_datagram(fd: c_int, how: How) -> bool {
    let (mut kind, mut len): (c_int, socklen_t) = (0, size_of::<c_int>() as socklen_t);
    let (level, name) = (libc::SOL_SOCKET, libc::SO_TYPE);
    // SAFETY: writes an int, and its size.
    unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, &raw mut kind, &raw mut len) };
    kind == libc::SOCK_DGRAM && matches!(how, How::Moves(_) | How::MovesLess | How::AllMoveOne)
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, place: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    type Receive = unsafe extern "C" fn(c_int, *mut c_void, size_t, c_int) -> ssize_t;
    let system = |len| system!(recv(fd, place, len, flags) as Receive);
    match fate(Call::recv) {
        None => system(len),
        Some(how) if is_part_of_datagram(fd, how) => system(len),
        // A look moves nothing.
        Some(how) if flags & libc::MSG_PEEK != 0 && !matches!(how, How::Fails(_)) => system(len),
        Some(how) => move_bytes(how, fd, len.min(receivable(fd)), system),
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    type Receive = unsafe extern "C" fn(c_int, *mut msghdr, c_int) -> ssize_t;
    // SAFETY: the caller's message is live.
    let whole = unsafe { &*message };
    let system = |part| system!(recvmsg(fd, part, flags) as Receive);
    match fate(Call::recvmsg) {
        None => system(message),
        Some(how) => {
            let could = len_of(whole).min(receivable(fd));
            move_bytes(how, fd, could, |len| cut(whole, len, system))
        }
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, bytes: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    type Send = unsafe extern "C" fn(c_int, *const c_void, size_t, c_int) -> ssize_t;
    let system = |len| system!(send(fd, bytes, len, flags) as Send);
    match fate(Call::send) {
        None => system(len),
        Some(how) if is_part_of_datagram(fd, how) => system(len),
        Some(how) => move_bytes(how, fd, len, system),
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    type Send = unsafe extern "C" fn(c_int, *const msghdr, c_int) -> ssize_t;
    // SAFETY: the caller's message is live.
    let whole = unsafe { &*message };
    let system = |part| system!(sendmsg(fd, part, flags) as Send);
    match fate(Call::sendmsg) {
        None => system(message),
        Some(how) if is_part_of_datagram(fd, how) => system(message),
        Some(how) => move_bytes(how, fd, len_of(whole), |len| cut(whole, len, |part| system(part))),
    }
}

fn parts(message: &msghdr) -> &[libc::iovec] {
    // SAFETY: a message names as many parts as it says.
    unsafe { std::slice::from_raw_parts(message.msg_iov, message.msg_iovlen as _) }
}

fn len_of(message: &msghdr) -> usize {
    parts(message).iter().map(|part| part.iov_len).sum()
}

/// Calls with a message that has only the first `len` bytes of this one.
fn cut(message: &msghdr, mut len: usize, call: impl FnOnce(*mut msghdr) -> ssize_t) -> ssize_t {
    let mut shorter = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; 64];
    let whole = parts(message);
    for (part, full) in shorter.iter_mut().zip(whole) {
        *part = libc::iovec { iov_base: full.iov_base, iov_len: full.iov_len.min(len) };
        len -= part.iov_len;
    }
    assert_eq!(len, 0, "there is room for all parts");
    let mut message = *message;
    message.msg_iov = shorter.as_mut_ptr();
    call(&raw mut message)
}
