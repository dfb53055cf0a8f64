//! The one place where it is measured: a fetch is cancelled before any byte of its response, and
//! nothing more is done for it until its handler has said how it ended.

use super::matrix::{Learns, Row};
use super::running::Running;
use super::support::*;
use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};
use ::ifetch::ffi::report::ifetch_acted::*;
use ::ifetch::ffi::report::ifetch_ending::*;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a handler that is told is measured.
const SAMPLES: usize = 5;

/// Until a server has settled down to wait for a second request.
const IDLE: Duration = Duration::from_millis(100);

/// What handlers learned, for one policy.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) policy: &'static str,
    pub(crate) expected: Learns,
    /// What they said, and how long after the cancel. The same words, unless something is wrong.
    pub(crate) learned: Vec<(Learns, Duration)>,
}

pub(crate) fn measure(server: &Running, row: &Row) -> [Measured; 2] {
    let policies = [("FIN", IFETCH_CANCEL_FIN, row.fin), ("RST", IFETCH_CANCEL_RST, row.rst)];
    policies.map(|(policy, cancel, expected)| {
        let samples = if expected == Learns::Told { SAMPLES } else { 1 };
        let learned = (0..samples).map(|_| cancel_one(server, row, cancel)).collect();
        Measured { policy, expected, learned }
    })
}

fn cancel_one(server: &Running, row: &Row, policy: ifetch_cancel_policy) -> (Learns, Duration) {
    let witness = &server.witness;
    let client = Client::new();
    if row.second {
        let first = client.get(&server.url("/quick"));
        assert_eq!(first.poll(), IFETCH_DONE, "{}", first.message());
        sleep(IDLE);
    }
    let options = Options::new().cancel_policy(policy);
    let fetch = client.start(&server.url(row.path), &options);
    client.drive_until_sent(&fetch);
    let handler = witness.hears().expect("the handler begins");
    assert_eq!(handler.what, "begin", "{}", row.path);

    let cancelled = Instant::now();
    fetch.cancel();
    witness.lets_go_on(&handler);
    let end = witness.hears().expect("the handler ends");

    assert_eq!(fetch.finish().status, IFETCH_CANCELLED);
    let report = fetch.report();
    let ending = match policy {
        IFETCH_CANCEL_FIN => IFETCH_ENDING_FIN,
        _ => IFETCH_ENDING_RST,
    };
    assert_eq!(report.phase, IFETCH_PHASE_WAITING as i32);
    assert_eq!(report.received, 0);
    assert_eq!(report.acted, IFETCH_ACTED_MAYBE as i32);
    assert_eq!(report.ending, ending as i32);
    assert_eq!(report.reused, u32::from(row.second));
    (learned(&end.what), end.at - cancelled)
}

fn learned(said: &str) -> Learns {
    match said.split_once(' ') {
        None if said == "gone" => Learns::Told,
        None if said == "end" => Learns::Never,
        Some(("gone", write)) => Learns::Write(write.parse().expect("a number")),
        _ => panic!("{said:?} from a handler that is to end"),
    }
}
