//! The library's time: it stands still until the test lets it pass, so that no deadline ends by
//! chance, and none is waited for.
#![allow(unsafe_code)]

use super::plan::is_library;
use libc::{c_int, clockid_t, itimerspec, timespec};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

const SECOND: u64 = 1_000_000_000;

/// In nanoseconds.
static NOW: AtomicU64 = AtomicU64::new(1000 * SECOND);

/// When the timer with this descriptor is due; 0: never.
static TIMERS: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

/// Lets time pass until the next timer is due. False if there is none.
pub(crate) fn pass_to_next_timer() -> bool {
    let due = TIMERS.iter().map(|timer| timer.load(SeqCst)).filter(|&due| due > 0).min();
    if let Some(due) = due {
        NOW.fetch_max(due, SeqCst);
        fire();
    }
    due.is_some()
}

pub(crate) fn pass(ms: u64) {
    NOW.fetch_add(ms * 1_000_000, SeqCst);
    fire();
}

/// Makes all timers ready that are due.
fn fire() {
    let now = NOW.load(SeqCst);
    for (fd, timer) in TIMERS.iter().enumerate() {
        let due = timer.load(SeqCst);
        if due > 0 && due <= now {
            timer.store(0, SeqCst);
            set(fd as c_int, timespec { tv_sec: 0, tv_nsec: 1 });
        }
    }
}

fn set(fd: c_int, it_value: timespec) {
    let time = itimerspec { it_interval: timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
    let place = (&raw const time).cast_mut();
    let old = null_mut::<itimerspec>();
    // SAFETY: reads `time`.
    let result = unsafe { libc::syscall(libc::SYS_timerfd_settime, fd, 0, place, old) };
    assert_eq!(result, 0, "a timer can be set");
}

/// The descriptor is closed.
pub(crate) fn forget(fd: c_int) {
    if let Some(timer) = TIMERS.get(fd as usize) {
        timer.store(0, SeqCst);
    }
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // Certificates are valid by the clock of the wall, which goes on.
    if !is_library() || clock == libc::CLOCK_REALTIME {
        // SAFETY: the caller's place.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as c_int;
    }
    let now = NOW.load(SeqCst);
    let now = timespec { tv_sec: (now / SECOND) as _, tv_nsec: (now % SECOND) as _ };
    // SAFETY: the caller's place.
    unsafe { time.write(now) };
    0
}

/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn timerfd_settime(
    fd: c_int,
    flags: c_int,
    time: *const itimerspec,
    _old: *mut itimerspec,
) -> c_int {
    assert_eq!(flags, libc::TFD_TIMER_ABSTIME, "the library names moments");
    // SAFETY: the caller's time.
    let due = unsafe { &(*time).it_value };
    let due = due.tv_sec as u64 * SECOND + due.tv_nsec as u64;
    TIMERS[fd as usize].store(due, SeqCst);
    set(fd, timespec { tv_sec: 0, tv_nsec: 0 });
    fire();
    0
}
