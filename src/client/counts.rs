//! What a client can be asked for, for dashboards.

use crate::client::core::Core;
use crate::fetch::Phase;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Connections,
    Idle,
    Draining,
    Opened,
    Reused,
    Retried,
    /// Fetches in this phase.
    In(Phase),
    Names,
    Lookups,
    LookupsShared,
    LookupsCached,
    LookupsSystem,
}

/// How many fetches are in which phase.
#[derive(Debug, Default)]
pub(super) struct Phases([usize; Phase::ALL]);

impl Phases {
    pub(super) fn enter(&mut self, phase: Phase) {
        self.0[phase as usize] += 1;
    }

    pub(super) fn leave(&mut self, phase: Phase) {
        self.0[phase as usize] -= 1;
    }
}

impl Core {
    pub(super) fn count(&self, count: Count) -> u64 {
        match count {
            Count::Connections => self.pool.connections() as u64,
            Count::Idle => self.pool.idle() as u64,
            Count::Draining => self.pool.draining() as u64,
            Count::Opened => self.pool.opened,
            Count::Reused => self.pool.reused,
            Count::Retried => self.pool.retried,
            Count::In(phase) => self.phases.0[phase as usize] as u64,
            Count::Names => self.names.known() as u64,
            Count::Lookups => self.names.begun,
            Count::LookupsShared => self.names.joined,
            Count::LookupsCached => self.names.hits,
            Count::LookupsSystem => self.names.left(),
        }
    }
}
