//! Interim responses (RFC 9110 section 15.2) on their way to the caller.

use crate::proto::head::Head;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(crate) struct Interim {
    waiting: VecDeque<Head>,
    /// The one that the caller sees until it polls again.
    shown: Option<Head>,
}

impl Interim {
    pub(crate) fn push(&mut self, head: Head) {
        self.waiting.push_back(head);
    }

    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The caller polls: it has seen the one that was shown, and sees the next if that is told.
    pub(crate) fn tell(&mut self, next: bool) {
        self.shown = next.then(|| self.waiting.pop_front()).flatten();
    }

    pub(crate) fn shown(&self) -> Option<&Head> {
        self.shown.as_ref()
    }
}
