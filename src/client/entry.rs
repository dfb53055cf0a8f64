//! A fetch of a client, and what the client knows about it.

use crate::client::counts::Phases;
use crate::client::deadlines::Deadlines;
use crate::client::news::Note;
use crate::connection::key::Key;
use crate::connection::response::Response;
use crate::fetch::options::Options;
use crate::fetch::{Fetch, Phase};
use crate::transport::cancel::Cancel;
use crate::transport::reactor::Reactor;
use crate::transport::sys::{Errno, Instant};
use std::sync::Arc;

/// Between two fetches it is vacant, and kept as it is for the next one.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) fetch: Fetch,
    pub(super) cancel: Arc<Cancel>,
    pub(super) serial: u32,
    /// What `next` calls it.
    pub(super) tag: usize,
    /// What it is entered with in the deadlines.
    pub(super) due_at: Option<Instant>,
    pub(super) note: Note,
    /// What it is counted under.
    pub(super) phase: Phase,
}

impl Entry {
    pub(super) fn vacate(&mut self, nothing: &Arc<Options>) -> Option<Box<Response>> {
        (self.serial, self.phase) = (0, Phase::Ended);
        self.fetch.vacate(nothing)
    }

    /// Whether it is the one that is meant, and not another one in its place.
    pub(super) fn is(&self, key: Key) -> bool {
        self.serial == key.serial()
    }

    pub(super) fn key(&self, place: usize) -> Key {
        Key::new(place, self.serial)
    }

    /// Enters what the fetch waits for. Fails if nobody would wake it.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        place: usize,
        phases: &mut Phases,
        deadlines: &mut Deadlines,
        reactor: &mut Reactor,
    ) -> Result<(), Errno> {
        let phase = self.fetch.phase();
        if phase != self.phase {
            phases.leave(self.phase);
            phases.enter(phase);
            self.phase = phase;
        }
        match self.fetch.deadline() {
            None if self.due_at.is_none() => Ok(()),
            at => self.settle_deadline(place, at, deadlines, reactor),
        }
    }

    fn settle_deadline(
        &mut self,
        place: usize,
        at: Option<Instant>,
        deadlines: &mut Deadlines,
        reactor: &mut Reactor,
    ) -> Result<(), Errno> {
        let Some(at) = at else {
            deadlines.leave(place, &mut self.due_at);
            return Ok(());
        };
        let set = match deadlines.enter(place, &mut self.due_at, at) {
            true => reactor.wake_at(at),
            false => Ok(()),
        };
        set.inspect_err(|_| deadlines.leave(place, &mut self.due_at))
    }
}
