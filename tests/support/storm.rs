//! Signals that arrive again and again.

use std::time::Duration;

/// Signals the calling thread again and again until it is dropped, without restarting the system
/// calls that are interrupted.
pub(crate) struct Storm {
    timer: libc::timer_t,
}

impl Storm {
    /// `handler` is async-signal-safe.
    pub(crate) fn start(every: Duration, handler: extern "C" fn(libc::c_int)) -> Storm {
        // SAFETY: a zeroed action and a zeroed event are valid ones, and the handler fits.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGALRM;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer = std::mem::zeroed();
            let clock = libc::CLOCK_MONOTONIC;
            assert_eq!(libc::timer_create(clock, &raw mut event, &raw mut timer), 0);
            let every = libc::timespec { tv_sec: 0, tv_nsec: i64::from(every.subsec_nanos()) };
            let period = libc::itimerspec { it_interval: every, it_value: every };
            assert_eq!(libc::timer_settime(timer, 0, &raw const period, std::ptr::null_mut()), 0);
            Storm { timer }
        }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // SAFETY: made by `start`, deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
