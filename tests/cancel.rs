//! The promise: whatever a fetch is doing, a cancel ends it, the server can tell, nothing is left.
//!
//! Each scenario is a list of steps, run in one thread in a fixed order, client and server in
//! turn. It is run once for every number of steps, and cancelled after them, all of it without TLS
//! and with it, in each of four ways:
//! by its owner, by another thread, by its token, and by the parent of its token in a signal
//! handler. Each time: the outcome is CANCELLED, or the one that was there already; descriptors and
//! heap are as they were before; the server sees an end of the connection, and none of a connection
//! that is another's.
//!
//! It runs in a process of its own, in which nothing else allocates or opens anything, in a
//! network of its own, in which the name server answers only where a step says so.
#![allow(unsafe_code)]

#[path = "cancel/counts.rs"]
mod counts;
#[path = "cancel/names.rs"]
mod names;
#[path = "cancel/scenarios.rs"]
mod scenarios;
#[path = "cancel/ways.rs"]
mod ways;
#[allow(dead_code)] // other tests use the rest of it
#[path = "cancel/world.rs"]
mod world;

mod support;

use counts::{descriptors, live_bytes, threads};
use ifetch::ffi::report::ifetch_canceller;
use scenarios::{SCENARIOS, Scenario, runs};
use support::trace::{Call, Trace, calls_of};
use support::*;
use ways::Way;
use world::World;

#[global_allocator]
static ALLOCATOR: counts::Counting = counts::Counting;

#[test]
fn a_cancel_after_any_step_ends_the_fetch_and_leaves_nothing() {
    if !network::alone("a_cancel_after_any_step_ends_the_fetch_and_leaves_nothing") {
        return;
    }
    warm_up();
    let mut cancels = 0;
    for (scenario, secure) in runs() {
        for count in 0..=scenario.steps.len() {
            cancels += Way::ALL.len();
            let tls = if secure.is_some() { ", TLS" } else { "" };
            let context = |way| format!("\"{}\"{tls}, {way:?}, after {count} steps", scenario.name);
            let ways = Way::ALL.map(|way| (way, context(way)));
            let held = Held::now();
            for (way, context) in &ways {
                cancel_after(scenario, secure, count, *way, context);
                if !scenario.has_helper {
                    held.assert_unchanged(context);
                }
            }
            if scenario.has_helper {
                // An orphaned helper keeps what it needs until the system answers, and then ends.
                assert_becomes(held.threads, threads, scenario.name);
                held.assert_unchanged(scenario.name);
            }
        }
    }
    println!("{} scenarios, {cancels} cancels", runs().count());
    assert!(SCENARIOS.len() >= 12);
}

fn cancel_after(
    scenario: &Scenario,
    secure: Option<&'static Secure>,
    count: usize,
    way: Way,
    context: &str,
) {
    let mut world = World::new(scenario, secure, way);
    for step in &scenario.steps[..count] {
        world.step(*step, context);
    }
    let before = world.poll_quietly();
    let is_drained = world.would_drain();
    world.cancel();
    // Before the owner does anything more.
    if !is_drained {
        world.assert_server_noticed(context);
    }
    world.assert_others_are_unharmed(is_drained, context);
    let ended = matches!(before, IFETCH_DONE | IFETCH_FAILED);
    assert!(ended || world.tells(), "the descriptor does not tell, {context}");
    let after = world.outcome();
    let expected = if ended { before } else { IFETCH_CANCELLED };
    assert_eq!(after, expected, "{context}");
    let mut canceller = ifetch_canceller::IFETCH_CANCELLER_NONE;
    if after == IFETCH_CANCELLED {
        assert_eq!(world.error_code(), IFETCH_ERROR_CANCELLED, "{context}");
        canceller = way.canceller();
    }
    assert_eq!(world.canceller(), canceller as i32, "{context}");
    // Once more changes nothing.
    world.cancel();
    assert_eq!(world.outcome(), expected, "{context}");
}

/// What this process has at a moment.
struct Held {
    threads: usize,
    descriptors: usize,
    bytes: isize,
}

impl Held {
    fn now() -> Held {
        Held { threads: threads(), descriptors: descriptors(), bytes: live_bytes() }
    }

    fn assert_unchanged(&self, context: &str) {
        assert_eq!(threads(), self.threads, "threads, {context}");
        assert_eq!(descriptors(), self.descriptors, "descriptors, {context}");
        assert_eq!(live_bytes(), self.bytes, "bytes on the heap, {context}");
    }
}

/// What is made once for a process must not be taken for something left over.
fn warm_up() {
    let others = threads();
    ways::handle_signal();
    for (scenario, secure) in runs() {
        let mut world = World::new(scenario, secure, Way::Handler);
        for step in &scenario.steps[..2] {
            world.step(*step, "warming up");
        }
    }
    let world = World::new(&SCENARIOS[0], None, Way::Thread);
    world.cancel();
    drop(world);
    assert_becomes(others, threads, "warming up");
}

fn assert_becomes(wanted: usize, count: impl Fn() -> usize, context: &str) {
    let start = std::time::Instant::now();
    while count() != wanted {
        assert!(start.elapsed() < PATIENCE, "{} instead of {wanted}, {context}", count());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The same run under a tracer.
#[test]
fn a_cancel_makes_at_most_two_system_calls_for_each_connection_and_no_call_blocks() {
    let test = "a_cancel_after_any_step_ends_the_fetch_and_leaves_nothing";
    let (mut cancels, mut calls) = (0, 0);
    for log in network::traced(test) {
        let traced = calls_of(&log);
        for Call { export, made } in &traced {
            if !is_cancel(export) {
                continue;
            }
            cancels += 1;
            // Two attempts at most run in these scenarios.
            assert!(made.len() <= 4, "cancel {cancels} made {made:?}");
            for call in made {
                let allowed = ["shutdown(", "connect(", "write("].iter().any(|c| call.contains(c));
                assert!(allowed, "cancel {cancels} made {made:?}");
            }
        }
        if traced.iter().all(|call| is_cancel(&call.export)) {
            // A thread that does nothing else does not know which descriptors are what.
            continue;
        }
        let trace = Trace::of(&traced);
        assert!(trace.could_block.is_empty(), "these could block: {:#?}", trace.could_block);
        calls += trace.calls;
    }
    println!("{calls} calls of the library were traced, {cancels} of them cancels");
    assert!(cancels >= 800 && calls >= 1000, "only {calls}, of which {cancels} cancels");
}

fn is_cancel(export: &str) -> bool {
    ["ifetch_cancel", "ifetch_token_cancel"].contains(&export)
}
