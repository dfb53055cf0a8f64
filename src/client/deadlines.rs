//! Which fetch wants to be driven when.

use crate::transport::sys::Instant;
use std::collections::BTreeSet;

/// The earliest moment of each fetch that has one. A moment that has become later stays where it
/// is: the fetch is then driven once for nothing, which is cheaper than to move it each time a byte
/// comes.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Instant, usize)>);

impl Deadlines {
    /// Sees to it that `place` is due at `wanted` at the latest; `entered` is what it is entered
    /// with. Says whether it had to be entered anew.
    pub(super) fn enter(
        &mut self,
        place: usize,
        entered: &mut Option<Instant>,
        wanted: Instant,
    ) -> bool {
        if entered.is_some_and(|at| at <= wanted) {
            return false;
        }
        self.leave(place, entered);
        self.0.insert((wanted, place));
        *entered = Some(wanted);
        true
    }

    pub(super) fn leave(&mut self, place: usize, entered: &mut Option<Instant>) {
        if let Some(at) = entered.take() {
            self.0.remove(&(at, place));
        }
    }

    pub(super) fn earliest(&self) -> Option<Instant> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes out one that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<usize> {
        let &(at, place) = self.0.first()?;
        if at > now {
            return None;
        }
        self.0.pop_first();
        Some(place)
    }
}
