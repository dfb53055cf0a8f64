//! Tokens: what they cancel, and when.
#![allow(unsafe_code)]

#[allow(dead_code)] // the heap is enough here
#[path = "cancel/counts.rs"]
mod counts;
mod support;

use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_canceller::{self, *};
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::*;

#[global_allocator]
static ALLOCATOR: counts::Counting = counts::Counting;

/// A server that never answers, moved by the test.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Silent {
        Silent(TcpListener::bind("127.0.0.1:0").expect("a loopback port"))
    }

    fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().expect("it is bound"))
    }

    /// Takes the connection of this fetch, which waits for its response then.
    fn take(&self, fetch: &Fetch) -> TcpStream {
        let (mut link, _) = self.0.accept().expect("it connects");
        let start = Instant::now();
        while fetch.phase() != IFETCH_PHASE_WAITING {
            assert!(start.elapsed() < PATIENCE, "it is not sent: {:?}", fetch.phase());
            fetch.readable(QUIET);
            assert_eq!(fetch.poll(), IFETCH_PENDING);
        }
        assert!(link.read(&mut [0; 1024]).expect("a request") > 0);
        link
    }

    fn start(&self, client: Option<&Client>, options: &Options) -> (Fetch, TcpStream) {
        let fetch = match client {
            Some(client) => client.start(&self.url(), options),
            None => Fetch::start(self.url(), options),
        };
        let link = self.take(&fetch);
        (fetch, link)
    }

    fn assert_nobody_came(&self) {
        self.0.set_nonblocking(true).expect("a socket option");
        let refused = self.0.accept().expect_err("nobody connects");
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).expect("a socket option");
    }
}

/// Whether the client has ended the connection, or does so within `patience`.
fn is_ended(link: &mut TcpStream, patience: Duration) -> bool {
    link.set_read_timeout(Some(patience)).expect("a socket option");
    match link.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn assert_cancelled(fetch: &Fetch, by: ifetch_canceller, context: &str) {
    assert_eq!(fetch.news(), IFETCH_CANCELLED, "{context}");
    assert_eq!(fetch.error(), IFETCH_ERROR_CANCELLED, "{context}");
    let report = fetch.report();
    assert_eq!(report.canceller, by as i32, "{context}");
    assert_eq!(report.error, IFETCH_ERROR_CANCELLED as i32, "{context}");
    let told = match by {
        IFETCH_CANCELLER_TOKEN => ", by its token",
        IFETCH_CANCELLER_DEADLINE => ", as the deadline of its token passed",
        _ => "",
    };
    assert!(fetch.message().ends_with(told), "{context}: {}", fetch.message());
}

/// For each token its parent; which of them is cancelled; and who is cancelled by that.
struct Shape {
    name: &'static str,
    parents: &'static [Option<usize>],
    cancelled: usize,
    ends: &'static [usize],
}

const SHAPES: &[Shape] = &[
    Shape { name: "one", parents: &[None], cancelled: 0, ends: &[0] },
    Shape { name: "strangers", parents: &[None, None], cancelled: 0, ends: &[0] },
    Shape { name: "a parent", parents: &[None, Some(0)], cancelled: 0, ends: &[0, 1] },
    Shape { name: "a child", parents: &[None, Some(0)], cancelled: 1, ends: &[1] },
    Shape { name: "a sibling", parents: &[None, Some(0), Some(0)], cancelled: 1, ends: &[1] },
    Shape {
        name: "in the middle of a line",
        parents: &[None, Some(0), Some(1), Some(2)],
        cancelled: 1,
        ends: &[1, 2, 3],
    },
    Shape {
        name: "the root of a tree",
        parents: &[None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)],
        cancelled: 0,
        ends: &[0, 1, 2, 3, 4, 5, 6],
    },
    Shape {
        name: "a branch of a tree",
        parents: &[None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)],
        cancelled: 2,
        ends: &[2, 5, 6],
    },
    Shape {
        name: "a leaf of a tree",
        parents: &[None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)],
        cancelled: 4,
        ends: &[4],
    },
];

/// Under each token there are fetches of two clients, and one that has its own.
#[test]
fn a_token_cancels_what_is_under_it_and_nothing_else() {
    for shape in SHAPES {
        let silent = Silent::new();
        let clients = [Client::new(), Client::new()];
        let mut tokens: Vec<Token> = Vec::new();
        for parent in shape.parents {
            tokens.push(parent.map_or_else(Token::new, |at| tokens[at].child()));
        }
        let mut fetches = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let options = Options::new().token(token);
            for client in [Some(&clients[0]), Some(&clients[1]), None] {
                fetches.push((at, silent.start(client, &options)));
            }
        }
        tokens[shape.cancelled].cancel();
        for (at, token) in tokens.iter().enumerate() {
            let context = format!("{}: token {at}", shape.name);
            assert_eq!(token.is_cancelled(), shape.ends.contains(&at), "{context}");
        }
        // Before any owner does anything.
        for (at, (_, link)) in &mut fetches {
            let context = format!("{}: token {at}", shape.name);
            let ends = shape.ends.contains(at);
            let patience = if ends { PATIENCE } else { Duration::from_millis(1) };
            assert_eq!(is_ended(link, patience), ends, "{context}");
        }
        for (at, (fetch, _)) in &fetches {
            let context = format!("{}: token {at}", shape.name);
            match shape.ends.contains(at) {
                true => assert_cancelled(fetch, IFETCH_CANCELLER_TOKEN, &context),
                false => assert_eq!(fetch.poll(), IFETCH_PENDING, "{context}"),
            }
        }
    }
}

#[test]
fn under_a_cancelled_token_a_fetch_ends_without_a_socket() {
    let silent = Silent::new();
    let parent = Token::new();
    let token = parent.child();
    parent.cancel();
    let client = Client::new();
    for token in [&token, &parent, &token.child()] {
        let options = Options::new().token(token);
        for client in [Some(&client), None] {
            let fetch = match client {
                Some(client) => client.start(&silent.url(), &options),
                None => Fetch::start(silent.url(), &options),
            };
            assert!(fetch.readable(PATIENCE), "the descriptor tells");
            assert_cancelled(&fetch, IFETCH_CANCELLER_TOKEN, "started too late");
            assert_eq!(fetch.report().attempts, 0);
        }
        // What is wrong in itself says so.
        let wrong = Fetch::start("nonsense", &options);
        assert_eq!(wrong.news(), IFETCH_FAILED);
        assert_eq!(wrong.error(), IFETCH_ERROR_INVALID_URL);
    }
    silent.assert_nobody_came();
}

#[test]
fn an_outcome_stands_whatever_the_token_does_later() {
    let token = Token::new();
    let options = Options::new().token(&token);
    let peer = Peer::answering(HELLO);
    let done = Fetch::start(peer.url("/"), &options);
    assert_eq!(done.finish().status, IFETCH_DONE);
    let (_bound, address) = refused_address();
    let refused = Fetch::start(format!("http://{address}/"), &options);
    assert_eq!(refused.news(), IFETCH_FAILED);
    let silent = Silent::new();
    let (called, _link) = silent.start(None, &options);
    called.cancel();
    assert_cancelled(&called, IFETCH_CANCELLER_CALL, "before the token");
    token.cancel();
    token.cancel();
    assert_eq!(done.poll(), IFETCH_DONE);
    assert_eq!(done.report().canceller, IFETCH_CANCELLER_NONE as i32);
    assert_eq!(refused.poll(), IFETCH_FAILED);
    assert_eq!(refused.report().error, IFETCH_ERROR_CONNECT as i32);
    assert_cancelled(&called, IFETCH_CANCELLER_CALL, "after the token");
}

#[test]
fn tokens_and_what_uses_them_are_freed_in_any_order() {
    let silent = Silent::new();
    let parent = Token::new();
    let child = parent.child();
    let options = Options::new().token(&child);
    let (first, mut first_link) = silent.start(None, &options);
    let (second, mut second_link) = silent.start(None, &options);
    drop(options);
    drop(child);
    assert_eq!(first.poll(), IFETCH_PENDING, "a fetch goes on without a reference to its token");
    drop(second);
    assert!(is_ended(&mut second_link, PATIENCE), "it was freed");
    parent.cancel();
    assert!(is_ended(&mut first_link, PATIENCE), "the parent knows it still");
    drop(parent);
    assert_cancelled(&first, IFETCH_CANCELLER_TOKEN, "after its token has gone");

    let token = Token::new();
    let other = token.clone();
    let (fetch, mut link) = silent.start(None, &Options::new().token(&token));
    drop(fetch);
    assert!(is_ended(&mut link, PATIENCE));
    drop(token);
    other.cancel();
    assert!(other.is_cancelled());
}

#[test]
fn a_client_that_is_freed_takes_its_fetches_from_their_token() {
    let silent = Silent::new();
    let token = Token::new();
    let options = Options::new().token(&token);
    let client = Client::new();
    let (fetch, _link) = silent.start(Some(&client), &options);
    let (other, mut link) = silent.start(None, &options);
    drop(client);
    assert_cancelled(&fetch, IFETCH_CANCELLER_CALL, "its client has gone");
    assert_eq!(other.poll(), IFETCH_PENDING);
    token.cancel();
    assert!(is_ended(&mut link, PATIENCE));
}

/// Longer than any stack would hold, were there a frame for each.
#[test]
fn a_line_of_tokens_may_be_long() {
    let silent = Silent::new();
    let first = Token::new();
    let mut last = first.child();
    for _ in 0..100_000 {
        last = last.child();
    }
    let (fetch, mut link) = silent.start(None, &Options::new().token(&last));
    assert!(!last.is_cancelled());
    first.cancel();
    assert!(is_ended(&mut link, PATIENCE) && last.is_cancelled());
    drop(first);
    assert_cancelled(&fetch, IFETCH_CANCELLER_TOKEN, "at the end of the line");
}

#[test]
fn a_deadline_ends_all_that_is_under_the_token() {
    let silent = Silent::new();
    let token = Token::new();
    assert_eq!(token.set_timeout(300), IFETCH_ERROR_NONE);
    let options = Options::new().token(&token);
    let (client, idle) = (Client::new(), Client::new());
    let (first, mut first_link) = silent.start(Some(&client), &options);
    let (second, mut second_link) =
        silent.start(Some(&idle), &Options::new().token(&token.child()));
    let (beside, _beside_link) = silent.start(Some(&client), &Options::new());
    assert!(!token.is_cancelled());
    // The first client that is polled does it for the other as well.
    assert!(first.readable(PATIENCE), "the deadline is told by the descriptor");
    assert_cancelled(&first, IFETCH_CANCELLER_DEADLINE, "the first");
    assert!(is_ended(&mut second_link, PATIENCE), "its client is not polled");
    assert!(is_ended(&mut first_link, PATIENCE));
    assert_cancelled(&second, IFETCH_CANCELLER_DEADLINE, "the second");
    assert_eq!(beside.poll(), IFETCH_PENDING);
    assert!(token.is_cancelled());
    let late = Fetch::start(silent.url(), &options);
    assert_cancelled(&late, IFETCH_CANCELLER_DEADLINE, "started after the deadline");
    silent.assert_nobody_came();
}

#[test]
fn a_deadline_is_carried_out_by_whoever_asks() {
    let silent = Silent::new();
    let token = Token::new();
    assert_eq!(token.set_timeout(100), IFETCH_ERROR_NONE);
    let child = token.child();
    let (fetch, mut link) = silent.start(None, &Options::new().token(&child));
    std::thread::sleep(Duration::from_millis(150));
    assert!(!is_ended(&mut link, Duration::from_millis(1)), "nobody has looked at the time");
    assert!(child.is_cancelled());
    assert!(is_ended(&mut link, PATIENCE));
    assert_cancelled(&fetch, IFETCH_CANCELLER_DEADLINE, "by a question");
}

#[test]
fn the_deadline_of_a_child_is_not_its_parents() {
    let silent = Silent::new();
    let parent = Token::new();
    assert_eq!(parent.set_timeout(60_000), IFETCH_ERROR_NONE);
    let child = parent.child();
    assert_eq!(child.set_timeout(0), IFETCH_ERROR_NONE, "at once");
    let (above, _link) = silent.start(None, &Options::new().token(&parent));
    let below = Fetch::start(silent.url(), &Options::new().token(&child));
    assert_cancelled(&below, IFETCH_CANCELLER_DEADLINE, "the child's");
    assert!(child.is_cancelled() && !parent.is_cancelled());
    assert_eq!(above.poll(), IFETCH_PENDING);
}

#[test]
fn the_deadline_of_a_parent_is_told_by_the_descriptors_of_its_childrens_fetches() {
    let silent = Silent::new();
    for (parent_ms, child_ms) in [(50, None), (50, Some(60_000)), (60_000, Some(50))] {
        let parent = Token::new();
        assert_eq!(parent.set_timeout(parent_ms), IFETCH_ERROR_NONE);
        let child = parent.child();
        if let Some(child_ms) = child_ms {
            assert_eq!(child.set_timeout(child_ms), IFETCH_ERROR_NONE);
        }
        let fetch = Fetch::start(silent.url(), &Options::new().token(&child));
        let context = format!("parent {parent_ms} ms, child {child_ms:?}");
        assert_cancelled(&fetch, IFETCH_CANCELLER_DEADLINE, &context);
        assert_eq!(parent.is_cancelled(), parent_ms == 50, "{context}");
    }
}

#[test]
fn a_deadline_moves_to_a_later_moment_and_to_no_earlier_one() {
    let silent = Silent::new();
    let token = Token::new();
    assert_eq!(token.set_timeout(200), IFETCH_ERROR_NONE);
    let (fetch, _link) = silent.start(None, &Options::new().token(&token));
    assert_eq!(token.set_timeout(60_000), IFETCH_ERROR_NONE, "later, while somebody waits");
    assert_eq!(token.set_timeout(1000), IFETCH_ERROR_INVALID_ARGUMENT, "earlier");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(400) {
        fetch.readable(QUIET);
        assert_eq!(fetch.poll(), IFETCH_PENDING, "the old deadline is none any more");
    }
    token.cancel();
    assert_cancelled(&fetch, IFETCH_CANCELLER_TOKEN, "long before the new deadline");
    assert_eq!(token.set_timeout(120_000), IFETCH_ERROR_CANCELLED);
}

#[test]
fn a_deadline_cannot_be_given_to_those_who_wait_already() {
    let silent = Silent::new();
    let parent = Token::new();
    let child = parent.child();
    drop(silent.start(None, &Options::new().token(&child)));
    assert_eq!(parent.set_timeout(1), IFETCH_ERROR_WRONG_STATE);
    assert_eq!(child.set_timeout(1), IFETCH_ERROR_WRONG_STATE);
    assert_eq!(child.child().set_timeout(60_000), IFETCH_ERROR_NONE, "nobody is under this one");
}

#[test]
fn of_several_deadlines_the_first_counts() {
    let silent = Silent::new();
    for (token_ms, total_ms, ends) in
        [(50, 60_000, IFETCH_CANCELLED), (60_000, 50, IFETCH_FAILED), (0, 60_000, IFETCH_CANCELLED)]
    {
        let token = Token::new();
        assert_eq!(token.set_timeout(token_ms), IFETCH_ERROR_NONE);
        let options = Options::new().token(&token).timeout(IFETCH_TIMEOUT_TOTAL, total_ms);
        let fetch = Fetch::start(silent.url(), &options);
        assert_eq!(fetch.news(), ends, "token {token_ms} ms, total {total_ms} ms");
        assert_eq!(token.is_cancelled(), ends == IFETCH_CANCELLED);
    }
}

#[test]
fn a_server_notices_a_cancelled_token_while_the_owners_are_busy() {
    let silent = Silent::new();
    let token = Token::new();
    let options = Options::new().token(&token);
    let client = Client::new();
    let mut all: Vec<_> =
        (0..50).map(|n| silent.start((n % 2 == 0).then_some(&client), &options)).collect();
    let busy = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| token.cancel());
        scope.spawn(|| {
            // This thread is somewhere in its own loop: nobody polls.
            for (_, link) in &mut all {
                assert!(is_ended(link, PATIENCE));
            }
            busy.store(false, SeqCst);
        });
        let start = Instant::now();
        while busy.load(SeqCst) {
            assert!(start.elapsed() < PATIENCE, "no server notices");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    for (fetch, _) in &all {
        assert_cancelled(fetch, IFETCH_CANCELLER_TOKEN, "after all");
    }
}

/// Threads with clients of their own start, drive and free fetches under tokens that others cancel
/// at any moment. Each fetch ends once, and none that was started under a cancelled token runs on.
#[test]
fn cancelling_races_with_starting_and_freeing() {
    let serving = Serving::start();
    let url = serving.url();
    let seed = seed();
    let at_work = AtomicU32::new(3);
    let session = std::sync::RwLock::new(Token::new());
    std::thread::scope(|scope| {
        for owner in 0..3_u64 {
            let (url, session, at_work) = (&url, &session, &at_work);
            scope.spawn(move || {
                let mut random = Random::new(seed.wrapping_add(owner));
                let _ending = Ending(at_work);
                for _ in 0..60 {
                    own(url, session, &mut random);
                }
            });
        }
        for _ in 0..2 {
            let (session, at_work) = (&session, &at_work);
            scope.spawn(move || {
                while at_work.load(SeqCst) > 0 {
                    let token = session.read().expect("nobody panics").clone();
                    token.cancel();
                    *session.write().expect("nobody panics") = Token::new();
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
        }
    });
}

/// One less is at work when this goes, also by a panic.
struct Ending<'a>(&'a AtomicU32);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn own(url: &str, session: &std::sync::RwLock<Token>, random: &mut Random) {
    let client = Client::new();
    let token = session.read().expect("nobody panics").child();
    let options = Options::new().token(&token);
    let mut fetches: Vec<Fetch> = (0..8).map(|_| client.start(url, &options)).collect();
    for _ in 0..random.below(4) {
        client.poll();
    }
    while random.below(8) > 0 && !fetches.is_empty() {
        fetches.swap_remove(random.below(fetches.len() as u64) as usize);
        client.wait(1);
    }
    if random.below(4) == 0 {
        token.cancel();
        for fetch in &fetches {
            let status = fetch.poll();
            assert!(matches!(status, IFETCH_CANCELLED | IFETCH_DONE), "{status:?}");
        }
    }
    for fetch in &fetches {
        let end = fetch.news();
        assert!(matches!(end, IFETCH_CANCELLED | IFETCH_DONE), "{end:?}: {}", fetch.message());
        let by = fetch.report().canceller;
        let expected = (end == IFETCH_CANCELLED).then_some(IFETCH_CANCELLER_TOKEN);
        assert_eq!(by, expected.unwrap_or(IFETCH_CANCELLER_NONE) as i32);
    }
}

/// A token may live as long as its program: it holds no more than what is under it at a time.
#[test]
fn a_token_does_not_grow_with_the_fetches_that_were_under_it() {
    if !alone("a_token_does_not_grow_with_the_fetches_that_were_under_it") {
        return;
    }
    let silent = Silent::new();
    let parent = Token::new();
    let token = parent.child();
    let options = Options::new().token(&token);
    let round = || {
        let client = Client::new();
        let mut started: Vec<Fetch> =
            (0..100).map(|_| client.start(&silent.url(), &options)).collect();
        started.truncate(50); // the later ones are freed first
        drop(client);
        drop(started);
        while silent.0.accept().is_ok_and(|(mut link, _)| is_ended(&mut link, PATIENCE)) {}
    };
    silent.0.set_nonblocking(true).expect("a socket option");
    round();
    let after_one = counts::live_bytes();
    for _ in 0..30 {
        round();
    }
    assert_eq!(counts::live_bytes(), after_one);
}

/// What a token adds to a fetch that runs, and to one that has ended, in bytes of the heap.
#[test]
fn a_token_costs_a_fetch_no_more_than_two_seats_until_it_ends() {
    if !alone("a_token_costs_a_fetch_no_more_than_two_seats_until_it_ends") {
        return;
    }
    const COUNT: usize = 1000;
    let silent = Silent::new();
    let held = |options: &Options, ends: bool| {
        let client = Client::new();
        let mut fetches = Vec::with_capacity(COUNT);
        let before = counts::live_bytes();
        for _ in 0..COUNT {
            let fetch = client.start(&silent.url(), options);
            if ends {
                fetch.cancel();
                assert_eq!(fetch.poll(), IFETCH_CANCELLED);
            }
            fetches.push(fetch);
        }
        (counts::live_bytes() - before) / COUNT as isize
    };
    held(&Options::new(), false);
    for (ends, seats) in [(false, 2), (true, 0)] {
        let without = held(&Options::new(), ends);
        let with = held(&Options::new().token(&Token::new()), ends);
        println!("ended: {ends}; bytes: {without}, under a token {with}");
        assert!(with - without <= 24 * seats + 1, "{without} without, {with} with a token");
    }
}
