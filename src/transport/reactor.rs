//! What makes one descriptor stand for many: an epoll, a timer and a wake descriptor, the last
//! two made only when needed.

use crate::transport::sys::{Epoll, Errno, Event, Events, Fd, Instant, Timer};
use crate::transport::wake::Wake;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Reactor {
    /// Or why there is none, which everybody is told who wants to be watched.
    epoll: Result<Epoll, Errno>,
    timer: Option<Timer>,
    /// When the timer is set to go off, if it is.
    armed: Option<Instant>,
    wake: Arc<Wake>,
}

/// What a poll found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    /// Somebody rang: a lookup has been answered, or a fetch without a socket was cancelled.
    Rung,
    Timer,
    Socket(Event),
}

const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

impl Reactor {
    pub(crate) fn new() -> Self {
        Self { epoll: Epoll::new(), timer: None, armed: None, wake: Arc::new(Wake::new()) }
    }

    /// -1 if the system gave none.
    pub(crate) fn fd(&self) -> Fd {
        self.epoll.as_ref().map_or(-1, Epoll::fd)
    }

    fn epoll(&self) -> Result<&Epoll, Errno> {
        self.epoll.as_ref().map_err(|&errno| errno)
    }

    pub(crate) fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// The marks of fetches that were cancelled without a socket of theirs telling it.
    pub(crate) fn take_marks(&self) -> impl Iterator<Item = usize> + use<> {
        self.wake.take_marks()
    }

    /// Sees to it that rings arrive.
    pub(crate) fn make_wake(&self) -> Result<(), Errno> {
        self.wake.make(self.epoll()?, WAKE)
    }

    /// Watches a socket until it is closed. `token` is not one of the two largest numbers.
    pub(crate) fn watch(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        self.epoll()?.add(fd, token)
    }

    /// Has a watched socket told again that is still ready, so that a budget can be kept.
    pub(crate) fn tell_again(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        self.epoll()?.tell_again(fd, token)
    }

    /// Makes the descriptor ready at `when` at the latest.
    #[inline]
    pub(crate) fn wake_at(&mut self, when: Instant) -> Result<(), Errno> {
        match self.armed {
            Some(armed) if armed <= when => Ok(()),
            _ => self.arm(when),
        }
    }

    fn arm(&mut self, when: Instant) -> Result<(), Errno> {
        if self.timer.is_none() {
            let timer = Timer::new()?;
            self.epoll()?.add(timer.fd(), TIMER)?;
            self.timer = Some(timer);
        }
        if let Some(timer) = &self.timer {
            timer.set(when);
        }
        self.armed = Some(when);
        Ok(())
    }

    /// Waits up to `timeout_ms`, and tells `events` apart.
    pub(crate) fn poll<'a>(
        &mut self,
        events: &'a mut Events,
        timeout_ms: i32,
    ) -> impl Iterator<Item = Ready> + use<'a> {
        if let Ok(epoll) = &self.epoll {
            epoll.wait(events, timeout_ms);
        }
        let events = &*events;
        events.iter().map(|event| match event.token {
            WAKE => Ready::Rung,
            TIMER => Ready::Timer,
            _ => Ready::Socket(event),
        })
    }

    /// The timer has gone off: it is to be set anew.
    pub(crate) fn handle_timer(&mut self) {
        self.armed = None;
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.wake.close();
    }
}
