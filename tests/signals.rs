//! Signals that arrive all the time, without restarting what they interrupt, change nothing.
#![allow(unsafe_code)]

#[allow(dead_code)]
#[path = "cancel/names.rs"]
mod names;
#[allow(dead_code)] // other tests use the rest of it
#[path = "cancel/scenarios.rs"]
mod scenarios;
#[allow(dead_code)]
#[path = "cancel/ways.rs"]
mod ways;
#[allow(dead_code)]
#[path = "cancel/world.rs"]
mod world;

mod support;

use scenarios::runs;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::*;
use ways::Way;
use world::World;

/// About as often as a test of several turns allows any progress.
const EVERY: Duration = Duration::from_micros(200);

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    SIGNALS.fetch_add(1, SeqCst);
}

/// Every scenario of the cancel tests, without TLS and with it, comes to the same end as without
/// signals.
#[test]
fn every_scenario_ends_as_it_does_without_signals() {
    if !network::alone("every_scenario_ends_as_it_does_without_signals") {
        return;
    }
    ways::handle_signal();
    let run = |scenario: &scenarios::Scenario, secure| {
        let mut world = World::new(scenario, secure, Way::Token);
        for step in scenario.steps {
            world.step(*step, scenario.name);
        }
        world
    };
    for (scenario, secure) in runs() {
        let without = run(scenario, secure).outcome_in_the_end();
        let storm = Storm::start(EVERY, count);
        let mut world = run(scenario, secure);
        assert_eq!(world.outcome_in_the_end(), without, "{}", scenario.name);
        if without == IFETCH_PENDING {
            let is_drained = world.would_drain();
            world.cancel();
            if !is_drained {
                world.assert_server_noticed(scenario.name);
            }
            assert_eq!(world.outcome(), IFETCH_CANCELLED, "{}", scenario.name);
        }
        drop(world);
        drop(storm);
    }
    let signals = SIGNALS.load(SeqCst);
    println!("{signals} signals");
    assert!(signals > 1000, "only {signals} signals");
}

/// Each way to wait: in the caller's own loop, for a fetch, for a client; and with lookups.
#[test]
fn fetches_are_done_whatever_waits_for_them() {
    if !network::alone("fetches_are_done_whatever_waits_for_them") {
        return;
    }
    let serving = Serving::start();
    let known = serving.url().replace("127.0.0.1", "known.local");
    let storm = Storm::start(EVERY, count);
    let client = Client::new();
    for round in 0..300 {
        let url = if round % 2 == 0 { serving.url() } else { known.clone() };
        let fetch = match round % 3 {
            0 => Fetch::start(&*url, &Options::new()),
            _ => client.start(&url, &Options::new()),
        };
        let start = Instant::now();
        while !matches!(fetch.phase(), IFETCH_PHASE_ENDED) {
            assert!(start.elapsed() < PATIENCE, "round {round}: {:?}", fetch.report());
            match round % 5 {
                0 | 1 => drop(fetch.news()),
                2 | 3 => drop(fetch.wait(1000)),
                _ if round % 3 == 0 => drop(fetch.wait(-1)),
                _ => drop(client.wait(1000)),
            }
        }
        assert_eq!(fetch.poll(), IFETCH_DONE, "round {round}: {}", fetch.message());
        assert_eq!(fetch.body().as_deref(), Some("hello"));
    }
    drop(storm);
    let signals = SIGNALS.load(SeqCst);
    println!("{signals} signals");
    assert!(signals > 100, "only {signals} signals");
}
