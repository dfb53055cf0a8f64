//! Every system call of every scenario fails once in each way it can, one at a time.
//!
//! The same scenario is run again and again, each time with the next call failing, until there is
//! no such call. Each time: every fetch ends, once, as it would have, or, one of them, with an error
//! that says what happened; its client is as good as before; descriptors, threads and heap are as
//! they were. All of that without TLS, and, where it makes a difference, with it.
//!
//! It runs in a network of its own, in which nobody else has a port.
#![allow(unsafe_code)]

#[path = "faults/clock.rs"]
mod clock;
#[path = "cancel/counts.rs"]
mod counts;
#[path = "faults/last_words.rs"]
mod last_words;
#[path = "faults/lookups.rs"]
mod lookups;
#[path = "faults/names.rs"]
mod names;
#[path = "faults/plan.rs"]
mod plan;
#[path = "faults/scenarios.rs"]
mod scenarios;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/shim.rs"]
mod shim;
#[path = "faults/table.rs"]
mod table;
#[path = "faults/world.rs"]
mod world;

mod support;

use counts::{descriptors, live_bytes, threads};
use last_words::LastWords;
use scenarios::{Ends, SCENARIOS, Scenario};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use support::*;
use table::{CANNOT_FAIL, Call, FAULTS, Fault, How};
use world::{Ended, Scenery, World, body_of};

#[global_allocator]
static ALLOCATOR: counts::Counting = counts::Counting;

const SIMULATED: Scenery = Scenery {
    let_helpers_work: lookups::answer_all,
    pass_ms: clock::pass,
    pass_to_next_timer: clock::pass_to_next_timer,
    has_failed: plan::has_happened,
};

#[test]
fn every_call_that_fails_once_ends_nothing_but_its_fetch() {
    if !network::alone("every_call_that_fails_once_ends_nothing_but_its_fetch") {
        return;
    }
    // What is made once for a process must not be taken for something left over.
    for (scenario, secure) in runs() {
        let _last_words = LastWords::new(format!("\"{}\", for the first time", scenario.name));
        run_on_a_new_thread(scenario, secure);
    }
    let mut of_calls = [0; Call::COUNT];
    for (scenario, secure) in runs() {
        let start = Instant::now();
        let of_scenario = fail_each_call(scenario, secure, &mut of_calls);
        let tls = if secure.is_some() { ", TLS" } else { "" };
        println!(
            "{}{tls}: {of_scenario} faults, {} ms",
            scenario.name,
            start.elapsed().as_millis()
        );
    }
    for (call, _) in FAULTS {
        println!("{call:?}: {} faults", of_calls[*call as usize]);
        assert!(of_calls[*call as usize] > 0, "nobody calls {call:?}");
    }
    let total: usize = of_calls.iter().sum();
    println!("{} scenarios, {total} faults", runs().count());
    assert!(SCENARIOS.len() >= 70 && total >= 30_000, "{total} faults");
}

/// All scenarios without TLS, and those with it that spend most calls on their connection.
fn runs() -> impl Iterator<Item = (&'static Scenario, Option<&'static Secure>)> {
    let plain = SCENARIOS.iter().map(|scenario| (scenario, None));
    let secure = SCENARIOS.iter().filter(|scenario| WITH_TLS.contains(&scenario.name));
    plain.chain(secure.map(|scenario| (scenario, Some(Secure::shared()))))
}

const WITH_TLS: &[&str] = &[
    "a plain GET",
    "a large body",
    "a large body that is read",
    "coarse chunks",
    "coarse chunks that are read",
    "a body that ends with the connection",
    "a body that breaks off",
    "no response",
    "a whole request body",
    "a request body in chunks",
    "another protocol",
    "three addresses, two of them refusing",
    "cancelled while waiting",
    "cancelled while it is read",
    "a connection that is used again",
    "uploads over one connection",
    "a kept connection that is dead",
    "a kept connection that dies",
    "a queue",
    "a response that is drained",
];

/// Runs the scenario with each of its calls failing in each way; says how many faults there were.
fn fail_each_call(
    scenario: &'static Scenario,
    secure: Option<&'static Secure>,
    of_calls: &mut [usize; Call::COUNT],
) -> usize {
    let seen = run(scenario, secure, None);
    let mut total = 0;
    for &(call, ways) in FAULTS {
        for &how in ways {
            let count = seen[call as usize];
            // If it happens to all of them, that is once.
            let count = if how == How::AllMoveOne { count.min(1) } else { count };
            for nth in 1..=count {
                let fault = Fault { call, nth, how };
                let happened = run(scenario, secure, Some(fault))[call as usize] >= nth;
                of_calls[call as usize] += usize::from(happened);
                total += usize::from(happened);
            }
        }
    }
    total
}

/// Says how many calls of each kind there were.
fn run(
    scenario: &'static Scenario,
    secure: Option<&'static Secure>,
    fault: Option<Fault>,
) -> [usize; Call::COUNT] {
    let tls = if secure.is_some() { ", TLS" } else { "" };
    let _last_words = LastWords::new(format!("\"{}\"{tls}, {fault:?}", scenario.name));
    let before = (descriptors(), live_bytes(), threads());
    plan::arm(fault);
    let ended = run_on_a_new_thread(scenario, secure);
    let seen = plan::disarm();
    let fault = fault.filter(|fault| seen[fault.call as usize] >= fault.nth);
    match ended {
        Some(ended) => judge(&ended, fault),
        // There is no client then, as the header says.
        None => assert!(fault.is_some_and(|fault| fault.call == Call::epoll_create1), "no client"),
    }
    if fault.is_some_and(|fault| fault.call == Call::pthread_create) {
        // What nobody was there to look up goes with the next lookup.
        run_on_a_new_thread(&SCENARIOS[0], None);
    }
    let start = Instant::now();
    while threads() != before.2 {
        assert!(start.elapsed() < PATIENCE, "a thread stays");
        std::thread::sleep(Duration::from_micros(50));
    }
    let after = (descriptors(), live_bytes(), threads());
    assert_eq!(after, before, "descriptors, bytes on the heap, threads");
    seen
}

/// The standard library makes some things once for a thread.
fn run_on_a_new_thread(
    scenario: &'static Scenario,
    secure: Option<&'static Secure>,
) -> Option<Vec<Ended>> {
    let run = move || World::run(scenario, secure, scenario.waits, SIMULATED);
    let ended = std::thread::spawn(run).join();
    lookups::answer_all();
    ended.expect("it has said why")
}

fn judge(all: &[Ended], fault: Option<Fault>) {
    let hurt: Vec<_> = all.iter().filter(|ended| !is_as_ever(ended)).collect();
    let Some(fault) = fault.filter(|fault| !fault.is_harmless()) else {
        let messages: Vec<_> = hurt.iter().map(|ended| &ended.message).collect();
        assert!(hurt.is_empty(), "nothing has failed, and yet: {messages:?}");
        return;
    };
    // What made another wait for too long may now be out of its way.
    let hurt: Vec<_> = hurt.into_iter().filter(|ended| ended.status != IFETCH_DONE).collect();
    assert!(hurt.len() <= 1 || fault.is_shared(), "{} fetches fail by one fault", hurt.len());
    for Ended { ask, status, error, os_error, message, is_later, .. } in hurt {
        assert_eq!(*status, IFETCH_FAILED, "{ask:?}");
        assert!(!is_later || fault.is_remembered(), "it had happened before: {message}");
        if ask.deadline.is_some() && *error == IFETCH_ERROR_TIMEOUT_TOTAL {
            // The only address that answers has failed: the silent one is waited for until then.
            continue;
        }
        assert!(codes_of(fault).contains(error), "{error:?}: {message}");
        assert!(doings_of(*error).iter().any(|doing| message.contains(doing)), "{message}");
        if let Some(errno) = fault.errno() {
            assert_eq!(*os_error, errno, "{message}");
            assert!(message.contains(&text_of(errno)), "{message}");
        }
    }
}

/// Whether it has ended as it does when nothing fails, and in any case in one piece.
fn is_as_ever(ended: &Ended) -> bool {
    let Ended { ask, status, error, message, body, .. } = ended;
    assert_eq!(*status == IFETCH_DONE, message.is_empty(), "{status:?}: {message}");
    if *status == IFETCH_DONE {
        assert!(body == body_of(ask), "{} bytes of another body, {ask:?}", body.len());
    }
    match ask.ends {
        Ends::Done => *status == IFETCH_DONE,
        Ends::Failed(code) => *status == IFETCH_FAILED && *error == code,
        Ends::Cancelled => *status == IFETCH_CANCELLED && *error == IFETCH_ERROR_CANCELLED,
    }
}

/// What a fetch may fail with when this happens.
fn codes_of(fault: Fault) -> Vec<ifetch_error> {
    const SHORTAGES: &[i32] = &[libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS];
    let is_shortage = fault.errno().is_some_and(|errno| SHORTAGES.contains(&errno));
    // Lookups have sockets as well; so has the handshake of TLS.
    let of_lookup = if is_shortage { IFETCH_ERROR_SYSTEM } else { IFETCH_ERROR_RESOLVE };
    match fault.call {
        Call::socket | Call::connect | Call::getsockopt if !is_shortage => {
            vec![IFETCH_ERROR_CONNECT, of_lookup]
        }
        Call::send | Call::sendmsg => vec![IFETCH_ERROR_SEND, IFETCH_ERROR_TLS, of_lookup],
        Call::recv | Call::recvmsg => vec![IFETCH_ERROR_RECEIVE, IFETCH_ERROR_TLS, of_lookup],
        Call::getaddrinfo | Call::getrandom => vec![of_lookup],
        Call::timerfd_create => vec![IFETCH_ERROR_SYSTEM, of_lookup],
        // Some are made to give other fetches their turn while a body arrives.
        Call::epoll_ctl => vec![IFETCH_ERROR_SYSTEM, IFETCH_ERROR_RECEIVE, of_lookup],
        _ => vec![IFETCH_ERROR_SYSTEM],
    }
}

/// What its message says was being done, one of these.
fn doings_of(error: ifetch_error) -> &'static [&'static str] {
    match error {
        IFETCH_ERROR_CONNECT => &["connect to "],
        IFETCH_ERROR_SEND => &["send the request to 127.0.0."],
        IFETCH_ERROR_RECEIVE => &["read the response of 127.0.0."],
        IFETCH_ERROR_RESOLVE => &["look up "],
        IFETCH_ERROR_TLS => &["TLS handshake with 127.0.0."],
        _ => &["connect to ", "look up ", "set a deadline: ", "wait for a connection: "],
    }
}

/// As the library writes it.
fn text_of(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().expect("split gives one piece");
    text[..1].to_lowercase() + &text[1..]
}

/// A call that comes new to `transport/sys` has to be made to fail here, too.
#[test]
fn every_call_of_the_library_is_known() {
    let mut called = BTreeSet::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/transport/sys");
    for file in std::fs::read_dir(folder).expect("the sources are there") {
        let path = file.expect("it is there").path();
        let source = std::fs::read_to_string(path).expect("a source is text");
        for (at, before) in source.match_indices("libc::") {
            let rest = &source[at + before.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').expect("a file ends");
            let is_call = rest[end..].starts_with('(');
            called.extend(is_call.then(|| rest[..end].to_owned()));
        }
    }
    let failing = FAULTS.iter().map(|(call, _)| format!("{call:?}"));
    let others = CANNOT_FAIL.iter().map(|(name, _)| (*name).to_owned());
    let known: BTreeSet<_> = failing.chain(others).collect();
    let unknown: Vec<_> = called.difference(&known).collect();
    assert!(called.len() > 15 && unknown.is_empty(), "new system calls: {unknown:?}");
}
