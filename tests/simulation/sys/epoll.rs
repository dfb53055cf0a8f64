//! Readiness, edge-triggered.

use super::{Errno, Fd, Instant, call, close};
use crate::simulation::turns;
use crate::simulation::world::World;
use crate::simulation::world::files::{Kind, Mask};

/// An epoll descriptor, closed when dropped.
#[derive(Debug)]
pub(crate) struct Epoll(Fd);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) hangup: bool,
}

impl Epoll {
    pub(crate) fn new() -> Result<Self, Errno> {
        call(|world| world.open(Kind::epoll())).map(Self)
    }

    pub(crate) fn fd(&self) -> Fd {
        self.0
    }

    pub(crate) fn add(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        call(|world| world.watch(self.0, fd, token))
    }

    pub(crate) fn tell_again(&self, fd: Fd, token: u64) -> Result<(), Errno> {
        call(|world| world.tell_again(self.0, fd, token))
    }

    pub(crate) fn wait(&self, events: &mut Events, timeout_ms: i32) {
        turns::let_others();
        if timeout_ms != 0 {
            turns::sleep(self.0, u32::try_from(timeout_ms).ok());
        }
        (events.list, events.all) = World::with(|world| world.take_ready(self.0));
        turns::let_others();
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        close(self.0);
    }
}

pub(crate) struct Events {
    list: Vec<(u64, Mask)>,
    all: bool,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { list: Vec::new(), all: true }
    }

    pub(crate) fn are_all(&self) -> bool {
        self.all
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.list.iter().map(|&(token, mask)| Event {
            token,
            readable: mask.input,
            writable: mask.output,
            hangup: mask.half_closed || mask.hangup || mask.error,
        })
    }
}

pub(crate) fn look(fd: Fd) -> Event {
    let mask = call(|world| world.mask(fd));
    let hangup = mask.hangup || mask.error;
    Event { token: 0, readable: mask.input, writable: mask.output, hangup }
}

pub(crate) fn new_wake() -> Result<Fd, Errno> {
    call(|world| world.open(Kind::Wake { rung: false }))
}

pub(crate) fn ring(fd: Fd) {
    call(|world| world.ring(fd));
}

#[derive(Debug)]
pub(crate) struct Timer(Fd);

impl Timer {
    pub(crate) fn new() -> Result<Self, Errno> {
        call(|world| world.open(Kind::timer())).map(Self)
    }

    pub(crate) fn fd(&self) -> Fd {
        self.0
    }

    pub(crate) fn set(&self, when: Instant) {
        call(|world| world.set_timer(self.0, when.ns()));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        close(self.0);
    }
}
