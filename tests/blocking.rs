//! Nothing blocks but the functions that say so: all scenarios, under a tracer.
//!
//! Each call of the library is marked, and every system call between two marks has to be one that
//! cannot block: `support/trace.rs` has a list of those, so one that is new has to be thought
//! about. Name lookups may wait as they like, on helper threads, and those read what the resolver
//! needs. (The scenarios of `cancel.rs` are traced there.)
#![allow(unsafe_code)]

#[path = "faults/names.rs"]
mod names;
#[path = "blocking/plants.rs"]
mod plants;
#[path = "faults/scenarios.rs"]
#[allow(dead_code)] // each is waited for in both ways here
mod scenarios;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/world.rs"]
#[allow(dead_code)] // how a fetch ended is asked where calls fail
mod world;

mod support;

use ::ifetch::ffi::fetch::ifetch_run;
use plants::PLANTS;
use scenarios::{Ends, SCENARIOS, Waits};
use std::collections::BTreeSet;
use std::ptr::null_mut;
use std::time::Duration;
use support::trace::{Trace, calls_of, files_of};
use support::*;
use world::{Scenery, World};

const REAL: Scenery = Scenery {
    let_helpers_work: || {},
    pass_ms: |ms| std::thread::sleep(Duration::from_millis(ms)),
    pass_to_next_timer: || true,
    has_failed: || false,
};

#[test]
fn nothing_blocks_but_the_functions_that_say_so() {
    if network::is_traced() {
        assert!(network::alone("nothing_blocks_but_the_functions_that_say_so"));
        run_everything();
        return;
    }
    let logs = network::traced("nothing_blocks_but_the_functions_that_say_so");
    let (callers, others): (Vec<_>, Vec<_>) =
        logs.iter().map(|log| (log, calls_of(log))).partition(|(_, calls)| !calls.is_empty());
    assert_eq!(callers.len(), 1, "one thread calls the library");
    let trace = Trace::of(&callers[0].1);
    println!("{} calls of the library made {:?}", trace.calls, trace.made);
    assert!(trace.could_block.is_empty(), "these could block: {:#?}", trace.could_block);

    // It has seen what it is about.
    assert!(trace.calls > 5000, "only {} calls", trace.calls);
    for name in
        ["socket", "connect", "sendto", "sendmsg", "recvfrom", "recvmsg", "close", "shutdown"]
    {
        assert!(trace.made.contains_key(name), "no {name} was seen");
    }

    let helpers: Vec<_> = others.iter().filter(|(log, _)| log.contains("ifetch-dns")).collect();
    assert!(helpers.len() > 10, "only {} lookups", helpers.len());
    let files: BTreeSet<_> = helpers.iter().flat_map(|(log, _)| files_of(log)).collect();
    assert!(files.contains("/etc/hosts"), "a lookup reads {files:?}");
    // It looks at the root to see whether that has changed, and with it its configuration.
    let is_resolvers =
        |file: &str| file.starts_with("/etc/") || file.contains(".so") || file == "/";
    let others: Vec<_> = files.iter().filter(|file| !is_resolvers(file)).collect();
    assert!(others.is_empty(), "a helper reads {others:?}");
}

/// All scenarios, with either way to wait, and each function that waits.
fn run_everything() {
    for scenario in SCENARIOS {
        for waits in [Waits::Outside, Waits::Inside] {
            for ended in World::run(scenario, None, waits, REAL).expect("there are descriptors") {
                let expected = match ended.ask.ends {
                    Ends::Done => IFETCH_DONE,
                    Ends::Failed(_) => IFETCH_FAILED,
                    Ends::Cancelled => IFETCH_CANCELLED,
                };
                assert_eq!(ended.status, expected, "{}: {}", scenario.name, ended.message);
            }
        }
    }
    let peer = Peer::answering(HELLO);
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(call!(ifetch_run(fetch.as_ptr(), None, null_mut(), 0)), IFETCH_DONE);
    drop(fetch);
    peer.seen();
}

/// What the test above looks for would be found: the same tracer, and calls that do block.
#[test]
fn a_call_that_could_block_is_seen() {
    if network::is_traced() {
        assert!(network::alone("a_call_that_could_block_is_seen"));
        plants::grow();
        return;
    }
    let logs = network::traced("a_call_that_could_block_is_seen");
    let calls: Vec<_> = logs.iter().flat_map(|log| calls_of(log)).collect();
    for plant in PLANTS {
        let planted = calls.iter().filter(|call| call.export == plant.within);
        let seen = Trace::of(planted).could_block;
        let is_right = match plant.is_seen_as {
            Some(name) => seen.iter().any(|line| line.contains(name)),
            None => seen.is_empty(),
        };
        assert!(is_right, "{}: {seen:#?}", plant.within);
    }
}
