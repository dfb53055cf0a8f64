//! A hundred thousand fetches over 64 connections of one client, against a server that closes,
//! resets, stalls, answers late and talks nonsense, while their owner and another thread interrupt
//! some of them. Each ends once, as it may end; no body is another's; nothing is left over.
//!
//! What happens is drawn from a seed, so far as threads can repeat anything.
#![allow(unsafe_code)]

mod canceller;
#[allow(dead_code)] // nothing is traced here
#[path = "../cancel/counts.rs"]
mod counts;
mod flight;
#[path = "../support/names.rs"]
mod names;
mod owner;
mod plan;
mod script;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tally;

use counts::{descriptors, live_bytes, threads};
use flight::Landing;
use owner::{Owner, PORTS};
use plan::Plan;
use std::time::{Duration, Instant};
use support::*;
use tally::Tally;

#[global_allocator]
static ALLOCATOR: counts::Counting = counts::Counting;

const FETCHES: usize = 100_000;

#[test]
fn each_of_a_hundred_thousand_fetches_ends_once_and_nothing_is_left() {
    let seed = seed();
    // What is made once for a process must not be taken for something left over.
    storm(seed, 2_000);
    let held = || (threads(), descriptors(), live_bytes());
    let before = held();
    let tally = storm(seed, FETCHES);
    let start = Instant::now();
    // A helper thread may still be on its way out.
    while held() != before {
        assert!(start.elapsed() < PATIENCE, "{:?} instead of {before:?}", held());
        std::thread::sleep(Duration::from_millis(10));
    }
    tally.assert_all_kinds();
}

fn storm(seed: u64, fetches: usize) -> Tally {
    let mut owner = Owner::new(seed, fetches);
    owner.run();
    let Owner { client, server, landings, .. } = owner;
    drop(client);
    let (arrivals, wrongs) = server.finish();
    assert!(wrongs.is_empty(), "the server complains: {wrongs:#?}");
    let mut tally = Tally::new();
    for (number, (landing, &arrivals)) in landings.iter().zip(&arrivals).enumerate() {
        let plan = Plan::new(number, seed, PORTS);
        compare(&plan, landing.as_ref(), usize::from(arrivals));
        match landing {
            Some(landing) => tally.add(landing),
            None => tally.freed += 1,
        }
    }
    tally
}

/// What the library says about a fetch, and what the server has seen of it. Nothing was said about
/// one that was freed before its end.
fn compare(plan: &Plan, landing: Option<&Landing>, arrivals: usize) {
    let context = format!("came {arrivals} times: {plan:?}, {landing:?}");
    assert!(arrivals <= if plan.posts.is_some() { 1 } else { 2 }, "{context}");
    let Some(landing) = landing else { return };
    assert!(arrivals <= 1 + usize::from(landing.was_retried), "{context}");
    assert!(arrivals == 0 || !landing.is_unseen, "{context}");
    if landing.end == IFETCH_ERROR_NONE {
        assert!(arrivals >= if plan.script.name == "at-second" { 2 } else { 1 }, "{context}");
    }
    if !plan.allows(landing.end) {
        assert_eq!(arrivals, 0, "died while idle, {context}");
    }
}
