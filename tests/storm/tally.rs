//! How often what happened, so that a storm in which little happens is not taken for a test.

use super::flight::Landing;
use super::script::SCRIPTS;
use super::support::*;
use std::collections::BTreeMap;

/// Holds no memory on the heap, so that it does not disturb the count of that.
pub(crate) struct Tally {
    /// By their numbers.
    ends: [usize; 40],
    reused: usize,
    retried: usize,
    drained: usize,
    pub(crate) freed: usize,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally { ends: [0; 40], reused: 0, retried: 0, drained: 0, freed: 0 }
    }

    pub(crate) fn add(&mut self, landing: &Landing) {
        self.ends[landing.end as usize] += 1;
        self.reused += usize::from(landing.was_reused);
        self.retried += usize::from(landing.was_retried);
        self.drained += usize::from(landing.was_drained);
    }

    pub(crate) fn assert_all_kinds(&self) {
        let by_script = SCRIPTS.iter().flat_map(|script| script.ends);
        let others = [
            IFETCH_ERROR_CANCELLED,
            IFETCH_ERROR_CONNECT,
            IFETCH_ERROR_RESOLVE,
            IFETCH_ERROR_INVALID_URL,
            IFETCH_ERROR_TIMEOUT_TOTAL,
            IFETCH_ERROR_TIMEOUT_IDLE,
            IFETCH_ERROR_TIMEOUT_FIRST_BYTE,
            IFETCH_ERROR_TIMEOUT_HEAD,
            IFETCH_ERROR_TIMEOUT_QUEUE,
        ];
        let ends = by_script.chain(&others);
        let mut kinds: BTreeMap<_, _> =
            ends.map(|&end| (format!("{end:?}"), self.ends[end as usize])).collect();
        kinds.insert("reused".to_owned(), self.reused);
        kinds.insert("retried".to_owned(), self.retried);
        kinds.insert("drained".to_owned(), self.drained);
        kinds.insert("freed".to_owned(), self.freed);
        println!("{kinds:#?}");
        assert!(kinds.values().all(|&count| count >= 20), "some are rare");
    }
}
