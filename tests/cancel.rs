//! The promise: whatever a fetch is doing, a cancel ends it, the server can tell, nothing is left.
//!
//! Each scenario is a list of steps, run in one thread in a fixed order, client and server in
//! turn. It is run once for every number of steps, and cancelled after them. Each time: the
//! outcome is CANCELLED, or the one that was there already; descriptors and heap are as they were
//! before; the server sees an end of the connection, and none of a connection that is another's.
//!
//! It runs in a process of its own, in which nothing else allocates or opens anything, in a
//! network of its own, in which the name server never answers.
#![allow(unsafe_code)]

#[path = "cancel/counts.rs"]
mod counts;
#[path = "cancel/scenarios.rs"]
mod scenarios;
#[path = "cancel/world.rs"]
mod world;

mod support;

use counts::{descriptors, live_bytes, threads};
use scenarios::{SCENARIOS, Scenario};
use support::trace::{Call, Trace, calls_of};
use support::*;
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
    for scenario in SCENARIOS {
        for count in 0..=scenario.steps.len() {
            cancel_after(scenario, count);
            cancels += 1;
        }
    }
    println!("{} scenarios, {cancels} cancels", SCENARIOS.len());
    assert!(SCENARIOS.len() >= 12);
}

fn cancel_after(scenario: &Scenario, count: usize) {
    let context = format!("\"{}\", cancelled after {count} steps", scenario.name);
    let (fds, bytes, others) = (descriptors(), live_bytes(), threads());
    {
        let mut world = World::new(scenario);
        for step in &scenario.steps[..count] {
            world.step(*step, &context);
        }
        let before = world.poll_quietly();
        let is_drained = world.would_drain();
        world.cancel();
        // Before the owner does anything more.
        if !is_drained {
            world.assert_server_noticed(&context);
        }
        world.assert_others_are_unharmed(is_drained, &context);
        let ended = matches!(before, IFETCH_DONE | IFETCH_FAILED);
        assert!(ended || world.tells(), "the descriptor does not tell, {context}");
        let after = world.outcome();
        let expected = if ended { before } else { IFETCH_CANCELLED };
        assert_eq!(after, expected, "{context}");
        if after == IFETCH_CANCELLED {
            assert_eq!(world.error_code(), IFETCH_ERROR_CANCELLED, "{context}");
        }
        // Once more changes nothing.
        world.cancel();
        assert_eq!(world.outcome(), expected, "{context}");
    }
    if scenario.looks_up {
        // An orphaned helper keeps what it needs until the system answers, and then ends.
        assert_becomes(others, threads, &context);
    }
    assert_eq!(threads(), others, "threads, {context}");
    assert_eq!(descriptors(), fds, "descriptors, {context}");
    assert_eq!(live_bytes(), bytes, "bytes on the heap, {context}");
}

/// What is made once for a process must not be taken for something left over.
fn warm_up() {
    let others = threads();
    for scenario in SCENARIOS {
        let mut world = World::new(scenario);
        world.step(scenario.steps[0], "warming up");
    }
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
            if export != "ifetch_cancel" {
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
        let trace = Trace::of(&traced);
        assert!(trace.could_block.is_empty(), "these could block: {:#?}", trace.could_block);
        calls += trace.calls;
    }
    println!("{calls} calls of the library were traced, {cancels} of them cancels");
    assert!(cancels >= 100 && calls >= 1000, "only {calls}, of which {cancels} cancels");
}
