//! What the user of a fetch knows about it.

use super::Users;
use super::plan::Plan;
use crate::client::Fetched;
use crate::fetch::{Outcome, Phase, Status};
use crate::simulation::world::World;
use std::rc::Rc;

pub(super) struct Flight {
    pub(super) fetched: Option<Rc<Fetched>>,
    pub(super) caller: usize,
    /// Whether it was started, or could not be.
    pub(super) has_begun: bool,
    pub(super) started_at: u64,
    /// What it was told last, and its outcome.
    pub(super) status: Status,
    pub(super) outcome: Option<Outcome>,
    pub(super) read: Vec<u8>,
    pub(super) reads: usize,
    /// How often it has told of its head.
    pub(super) heads: u32,
    pub(super) waits: u32,
    pub(super) written: usize,
    pub(super) has_ended_upload: bool,
    /// Whether the fetch waits for its user, who does something else.
    pub(super) is_kept_waiting: bool,
    pub(super) cancelled: Cancelled,
    /// How many cancels of it are inside.
    pub(super) cancellers: u32,
    pub(super) is_freed: bool,
    /// Its next deadline, as far as it can be told from outside.
    pub(super) deadline: Option<u64>,
}

/// Whether it was cancelled, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    No,
    /// While somebody was inside a call: it may have ended before.
    Perhaps,
    /// While somebody was inside a call, and first.
    InTime,
    /// Its token was cancelled before it was started.
    AtStart,
    /// While it ran, in this phase.
    Surely(Phase),
}

impl Flight {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            fetched: None,
            caller: plan.caller,
            has_begun: false,
            started_at: 0,
            status: Status::Pending,
            outcome: None,
            read: Vec::new(),
            reads: 0,
            heads: 0,
            waits: 0,
            written: 0,
            has_ended_upload: false,
            is_kept_waiting: false,
            cancelled: Cancelled::No,
            cancellers: 0,
            is_freed: false,
            deadline: None,
        }
    }

    pub(super) fn begin(&mut self, fetched: Fetched, now: u64) {
        (self.fetched, self.started_at) = (Some(Rc::new(fetched)), now);
    }

    /// Whether it has been started, and neither freed nor seen to end.
    pub(super) fn is_flying(&self) -> bool {
        self.fetched.is_some() && self.outcome.is_none()
    }
}

pub(super) fn plan(number: usize) -> Rc<Plan> {
    World::with(|world| Rc::clone(&world.plans[number]))
}

pub(super) fn with<T>(number: usize, f: impl FnOnce(&mut Flight) -> T) -> T {
    Users::with(|users| f(&mut users.flights[number]))
}

/// The handle of a fetch that has not been freed.
pub(super) fn fetched(number: usize) -> Option<Rc<Fetched>> {
    with(number, |flight| flight.fetched.clone())
}

/// The fetches of a caller that have not been seen to end.
pub(super) fn of_caller(caller: usize) -> Vec<usize> {
    Users::with(|users| {
        let flights = users.flights.iter().enumerate();
        flights
            .filter(|(_, flight)| flight.caller == caller && flight.is_flying())
            .map(|(number, _)| number)
            .collect()
    })
}
