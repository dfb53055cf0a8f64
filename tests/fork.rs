//! After fork() a child may free what it inherited: nothing is sent, nothing is waited for, and the
//! parent goes on. What a child executes inherits no descriptor, and no thread of the library takes
//! a signal.
//!
//! The scenarios are those of the cancel tests.
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

use ::ifetch::ffi::client::ifetch_count::{IFETCH_COUNT_IDLE, IFETCH_COUNT_OPENED};
use scenarios::{Place, SCENARIOS, Scenario, runs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use support::*;
use ways::Way;
use world::World;

/// Runs `work` in a forked child, which ends without running anything else, and says whether it
/// ended well.
fn in_child(work: impl FnOnce()) -> bool {
    // SAFETY: the child does what it is forked for, and then ends at once.
    match unsafe { libc::fork() } {
        0 => {
            // Nothing here may wait, so long as this even less.
            // SAFETY: takes no pointers.
            unsafe { libc::alarm(20) };
            let well = catch_unwind(AssertUnwindSafe(work)).is_ok();
            // SAFETY: takes no pointers.
            unsafe { libc::_exit(i32::from(!well)) }
        }
        child => {
            assert!(child > 0, "a child is made: {}", std::io::Error::last_os_error());
            let mut how = 0;
            // SAFETY: a place to write to.
            let waited = unsafe { libc::waitpid(child, &raw mut how, 0) };
            assert_eq!(waited, child);
            how == 0
        }
    }
}

/// Each scenario is forked after each of its steps, without TLS and with it: had the child sent
/// anything, the parent's connection would be worth nothing any more.
#[test]
fn a_child_frees_what_it_inherited_and_the_parent_goes_on() {
    if !network::alone("a_child_frees_what_it_inherited_and_the_parent_goes_on") {
        return;
    }
    let mut forks = 0;
    for (scenario, secure) in runs() {
        let alone = run(scenario, secure, usize::MAX).outcome_in_the_end();
        for count in 0..=scenario.steps.len() {
            let tls = if secure.is_some() { ", TLS" } else { "" };
            let context = format!("\"{}\"{tls}, forked after {count} steps", scenario.name);
            let mut world = run(scenario, secure, count);
            assert_eq!(world.outcome_in_the_end(), alone, "{context}");
            if alone == IFETCH_PENDING {
                let is_drained = world.would_drain();
                world.cancel();
                if !is_drained {
                    world.assert_server_noticed(&context);
                }
                assert_eq!(world.outcome(), IFETCH_CANCELLED, "{context}");
            }
            forks += 1;
        }
    }
    println!("{forks} forks");
}

/// Goes through the scenario, with a fork in the middle.
fn run(scenario: &Scenario, secure: Option<&'static Secure>, forked_after: usize) -> World {
    let mut world = World::new(scenario, secure, Way::Token);
    for (number, step) in scenario.steps.iter().enumerate() {
        if number == forked_after {
            world = free_in_child(world, scenario.name);
        }
        world.step(*step, scenario.name);
    }
    if forked_after == scenario.steps.len() {
        world = free_in_child(world, scenario.name);
    }
    world
}

fn free_in_child(world: World, context: &str) -> World {
    let before = world.hung_up();
    let mut world = Some(world);
    let well = in_child(|| drop(world.take()));
    assert!(well, "the child does not end well, {context}");
    let world = world.expect("only the child has freed it");
    std::thread::sleep(std::time::Duration::from_millis(1));
    assert_eq!(world.hung_up(), before, "the child has sent something, {context}");
    world
}

/// In the other orders, and with connections that nobody uses at the time.
#[test]
fn a_child_frees_clients_and_tokens_first() {
    if !alone("a_child_frees_clients_and_tokens_first") {
        return;
    }
    let server = Server::start(&[&[Act::ServeAll], &[Act::ServeAll]]);
    let (client, token) = (Client::new(), Token::new());
    let options = Options::new().token(&token.child());
    let pair = [(); 2].map(|()| client.start(&server.url("/"), &options));
    client.finish_all(&pair);
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 2);
    let running = client.start(&server.url("/running"), &options);
    let mut all = Some((client, token, options, running, pair));
    let well = in_child(|| {
        let (client, token, options, running, pair) = all.take().expect("it is there");
        drop(token);
        drop(client);
        drop(pair);
        drop(running);
        drop(options);
    });
    assert!(well, "the child does not end well");
    let (client, token, options, running, pair) = all.expect("only the child has freed it");
    assert_eq!(running.finish().body, "/running");
    assert_eq!(client.start(&server.url("/again"), &options).finish().body, "/again");
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 2, "the connections have stayed");
    token.cancel();
    assert_eq!(client.start(&server.url("/"), &options).news(), IFETCH_CANCELLED);
    drop((pair, client));
}

/// All that the scenarios have opened is closed when something is executed; what is executed sees it.
#[test]
fn what_a_child_executes_inherits_no_descriptor() {
    if !network::alone("what_a_child_executes_inherits_no_descriptor") {
        return;
    }
    let list = || {
        // Its own look at the folder is one of them.
        let output = Command::new("ls").arg("/proc/self/fd").output().expect("ls is there");
        String::from_utf8(output.stdout).expect("numbers").lines().count()
    };
    let (inherited, foreign) = (list(), descriptors());
    for scenario in SCENARIOS {
        let mut world = World::new(scenario, None, Way::Token);
        for step in scenario.steps {
            world.step(*step, scenario.name);
            assert_close_on_exec(&foreign, scenario.name);
        }
        assert_eq!(list(), inherited, "{}", scenario.name);
    }
}

fn descriptors() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("proc is mounted");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut numbers: Vec<i32> = numbers.collect();
    // The folder itself is closed by now.
    // SAFETY: takes no pointers.
    numbers.retain(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0);
    numbers
}

/// `foreign` are those that this process has inherited itself.
fn assert_close_on_exec(foreign: &[i32], context: &str) {
    for fd in descriptors().into_iter().filter(|fd| !foreign.contains(fd)) {
        // SAFETY: takes no pointers.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        assert!(flags & libc::FD_CLOEXEC != 0, "descriptor {fd}, {context}");
    }
}

/// A signal that is meant for the process must find one of the program's own threads.
#[test]
fn threads_of_the_library_block_every_signal() {
    if !network::alone("threads_of_the_library_block_every_signal") {
        return;
    }
    let of_program = tasks();
    let looking_up = SCENARIOS.iter().find(|s| s.place == Place::UnansweredBySystem).expect("one");
    let world = World::new(looking_up, None, Way::Owner);
    // A thread begins with all of them blocked, and then takes the mask that it is to have.
    std::thread::sleep(QUIET);
    let mut of_library = tasks();
    of_library.retain(|task| !of_program.contains(task));
    assert!(!of_library.is_empty(), "a lookup has a thread");
    for task in of_library {
        let status = std::fs::read_to_string(format!("/proc/self/task/{task}/status"));
        let status = status.expect("it waits for its answer");
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.expect("a line of it").trim(), 16);
        // Not those that cannot be blocked, nor the two that the C library keeps for itself.
        let free: u64 = [libc::SIGKILL, libc::SIGSTOP, 32, 33].map(|n| 1 << (n - 1)).iter().sum();
        assert_eq!(blocked.expect("a number") | free, u64::MAX, "{status}");
    }
    drop(world);
}

fn tasks() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/task").expect("proc is mounted");
    entries.map(|entry| entry.expect("it was there").file_name().into_string().unwrap()).collect()
}
