//! Readiness: epoll, and the two descriptors that make it ready without a socket.

use super::{Errno, Fd, Instant, check, close};
use std::mem::MaybeUninit;

/// An epoll descriptor, closed when dropped.
#[derive(Debug)]
pub(crate) struct Epoll(Fd);

/// What happened to the descriptor that was added with `token`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side, or a cancel, ended the connection in one direction at least.
    pub(crate) hangup: bool,
}

const EVENTS: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;

impl Epoll {
    pub(crate) fn new() -> Result<Self, Errno> {
        // SAFETY: takes no pointers.
        check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    pub(crate) fn fd(&self) -> Fd {
        self.0
    }

    /// Watches `fd` in both directions, edge-triggered, until it is closed.
    pub(crate) fn add(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_ADD, fd, token)
    }

    /// Makes what is ready on `fd` be told once more.
    pub(crate) fn tell_again(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_MOD, fd, token)
    }

    fn control(&self, operation: libc::c_int, fd: Fd, token: u64) -> Result<(), Errno> {
        let mut event = libc::epoll_event { events: EVENTS, u64: token };
        // SAFETY: `event` is a live event, which the kernel only reads.
        check(unsafe { libc::epoll_ctl(self.0, operation, fd, &raw mut event) }).map(drop)
    }

    /// Waits up to `timeout_ms` for the first event, without bound if negative, and fills `events`
    /// with what is there. A signal ends the wait as if the time were over.
    pub(crate) fn wait(&self, events: &mut Events, timeout_ms: i32) {
        let room = events.raw.as_mut_ptr().cast();
        // SAFETY: there is room for that many events.
        let count =
            unsafe { libc::epoll_wait(self.0, room, EVENTS_AT_ONCE as libc::c_int, timeout_ms) };
        // The only errors are EINTR and those of wrong arguments.
        events.len = usize::try_from(count).unwrap_or(0);
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        close(self.0);
    }
}

/// How many events one wait gives at most; the rest stay ready.
const EVENTS_AT_ONCE: usize = 128;

/// Room for events. The first `len` of `raw` are initialised.
pub(crate) struct Events {
    raw: [MaybeUninit<libc::epoll_event>; EVENTS_AT_ONCE],
    len: usize,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { raw: [const { MaybeUninit::uninit() }; EVENTS_AT_ONCE], len: 0 }
    }

    /// Whether there are no more for now.
    pub(crate) fn are_all(&self) -> bool {
        self.len < EVENTS_AT_ONCE
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.raw[..self.len].iter().map(|raw| {
            // SAFETY: `Epoll::wait` set `len` to the number of events that the kernel wrote.
            let raw = unsafe { raw.assume_init_read() };
            let has = |bits: libc::c_int| raw.events & bits as u32 != 0;
            Event {
                token: raw.u64,
                readable: has(libc::EPOLLIN),
                writable: has(libc::EPOLLOUT),
                hangup: has(libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR),
            }
        })
    }
}

/// What has happened to a descriptor, without waiting.
pub(crate) fn look(fd: Fd) -> Event {
    let mut polled = libc::pollfd { fd, events: libc::POLLIN | libc::POLLOUT, revents: 0 };
    // SAFETY: one live entry, as is said. A failure leaves it saying that nothing has.
    unsafe { libc::poll(&raw mut polled, 1, 0) };
    let has = |bits: libc::c_short| polled.revents & bits != 0;
    Event {
        token: 0,
        readable: has(libc::POLLIN),
        writable: has(libc::POLLOUT),
        hangup: has(libc::POLLHUP | libc::POLLERR),
    }
}

/// Makes a descriptor that `ring` makes ready. Watched edge-triggered, it is never read.
pub(crate) fn new_wake() -> Result<Fd, Errno> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// Makes a wake descriptor ready. Async-signal-safe.
pub(crate) fn ring(fd: Fd) {
    let one = 1u64;
    // SAFETY: reads the 8 bytes of `one`. It could only fail after 2^64 rings.
    unsafe { libc::write(fd, (&raw const one).cast(), size_of::<u64>()) };
}

/// A descriptor that becomes ready at a moment; closed when dropped. Watched edge-triggered, it
/// is never read.
#[derive(Debug)]
pub(crate) struct Timer(Fd);

impl Timer {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no pointers.
        check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) }).map(Self)
    }

    pub(crate) fn fd(&self) -> Fd {
        self.0
    }

    /// Makes it ready at `when`, and at no other time.
    pub(crate) fn set(&self, when: Instant) {
        let time = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: when.timespec(),
        };
        // SAFETY: reads `time`; NULL means that the old value is not wanted. It cannot fail with
        // a timer of ours and a valid time.
        unsafe {
            libc::timerfd_settime(
                self.0,
                libc::TFD_TIMER_ABSTIME,
                &raw const time,
                std::ptr::null_mut(),
            )
        };
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        close(self.0);
    }
}
