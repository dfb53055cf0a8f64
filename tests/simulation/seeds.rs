//! Which worlds are run: by chance none, so that a run can be repeated.
//!
//! A world that goes wrong is told by its number: SEED=number runs it alone, and TRACE=1 tells what
//! happens in it.

use super::caller::{self, rest};
use super::turns;
use super::world::World;
use std::process::Command;
use std::time::Instant;

/// So many worlds, from number 0 on, unless the environment says otherwise.
const SEEDS: u64 = 10_000;

/// Each of so many worlds is run twice, which must not make a difference.
const TWICE: u64 = 64;

/// How much of the story of a world is shown.
const SHOWN: usize = 120;

/// What becomes of one world.
struct End {
    wrong: Option<String>,
    digest: u64,
    story: Vec<String>,
}

fn run(seed: u64, tells: bool) -> End {
    World::begin(seed, tells);
    caller::begin();
    let result = turns::run().and_then(|()| {
        rest::check_rest();
        rest::plan_end();
        turns::run()?;
        rest::check_end();
        World::with(|world| world.first_wrong().cloned().map_or(Ok(()), Err))
    });
    if result.is_err() {
        caller::abandon();
    }
    World::with(|world| End {
        wrong: result.err(),
        digest: world.digest(),
        story: world.take_story(),
    })
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// The part of the worlds that this process runs; a failure ends it.
fn run_part(first: u64, step: u64, end: u64) {
    for seed in (first..end).step_by(step as usize) {
        let ended = run(seed, false);
        if let Some(wrong) = ended.wrong {
            panic!("\nworld {seed}: {wrong}\nagain, with its story: make simulate SEED={seed}\n");
        }
        if seed % TWICE == 0 {
            assert_eq!(run(seed, false).digest, ended.digest, "world {seed} is not the same twice");
        }
    }
}

#[test]
fn every_world_keeps_the_laws() {
    if let Some(seed) = number("SEED") {
        let end = run(seed, true);
        let skipped =
            if number("TRACE").is_some() { 0 } else { end.story.len().saturating_sub(SHOWN) };
        end.story[skipped..].iter().for_each(|line| println!("{line}"));
        assert!(end.wrong.is_none(), "world {seed}: {}", end.wrong.unwrap_or_default());
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let cores = || std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let parts = number("PARTS").unwrap_or_else(cores);
    if let Some(part) = number("PART") {
        return run_part(part, parts, seeds);
    }
    // A process for each part: helpers are shared by all clients of a process.
    let start = Instant::now();
    let this = std::env::current_exe().expect("it runs");
    let children: Vec<_> = (0..parts)
        .map(|part| {
            Command::new(&this)
                .args(std::env::args().skip(1).filter(|arg| arg != "--nocapture"))
                .env("PART", part.to_string())
                .spawn()
                .expect("it can be started as this one was")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("it is a child").success(), "a world has gone wrong, above");
    }
    println!("{seeds} worlds in {:.1} s", start.elapsed().as_secs_f64());
}
