//! Cancels that come from elsewhere: another thread, a signal handler.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::fetch::{ifetch, ifetch_cancel};
use ::ifetch::ffi::token::{ifetch_token, ifetch_token_cancel};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::*;

/// Far more than it takes, far less than the owner is busy.
const SOON: Duration = Duration::from_millis(250);

/// A server that reads the request and never answers; it tells when its client left.
fn never_answering() -> (Peer<Instant>, mpsc::Receiver<()>) {
    let (asked, when_asked) = mpsc::channel();
    let peer = Peer::start(move |mut link| {
        link.read_head();
        asked.send(()).expect("the test waits");
        link.ended();
        Instant::now()
    });
    (peer, when_asked)
}

#[test]
fn a_server_notices_a_cancel_from_another_thread_while_the_owner_is_busy() {
    let (peer, asked) = never_answering();
    let fetch = Fetch::get(&peer.url("/"));
    fetch.news_or_stall();
    asked.recv_timeout(PATIENCE).expect("the request arrives");

    let busy = Duration::from_secs(2);
    let start = Instant::now();
    let cancelled_at = std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            let at = Instant::now();
            fetch.cancel();
            assert!(at.elapsed() < SOON, "the call itself took {:?}", at.elapsed());
            at
        });
        // The owner is somewhere in its own loop.
        while start.elapsed() < busy {
            std::hint::spin_loop();
        }
        canceller.join().expect("the canceller ends")
    });
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    let noticed = peer.seen().duration_since(cancelled_at);
    println!("the server noticed after {noticed:?}");
    assert!(noticed < SOON, "the server noticed after {noticed:?}");
}

#[test]
fn a_cancel_from_another_thread_ends_a_wait() {
    let (peer, asked) = never_answering();
    let fetch = Fetch::get(&peer.url("/"));
    std::thread::scope(|scope| {
        let fetch = &fetch;
        scope.spawn(move || {
            asked.recv_timeout(PATIENCE).expect("the request arrives");
            fetch.cancel();
        });
        assert_eq!(fetch.wait(-1), IFETCH_CANCELLED);
    });
    peer.seen();
}

#[test]
fn a_cancel_from_another_thread_ends_a_wait_for_a_client() {
    let (peer, asked) = never_answering();
    let client = Client::new();
    let fetch = client.start(&peer.url("/"), &Options::new());
    std::thread::scope(|scope| {
        let fetch = &fetch;
        scope.spawn(move || {
            asked.recv_timeout(PATIENCE).expect("the request arrives");
            fetch.cancel();
        });
        assert_eq!(client.wait(-1), 1);
    });
    assert_eq!(client.next(), fetch.as_ptr());
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    assert!(client.next().is_null());
    peer.seen();
}

/// Many threads cancel the same fetches while their owner drives them: each ends once.
#[test]
fn cancels_from_many_threads_beside_a_driven_client_corrupt_nothing() {
    let serving = Serving::start();
    for round in 0..50 {
        let client = Client::new();
        let fetches: Vec<Fetch> =
            (0..20).map(|_| client.start(&serving.url(), &Options::new())).collect();
        std::thread::scope(|scope| {
            for first in 0..3 {
                let fetches = &fetches;
                scope.spawn(move || {
                    for at in 0..fetches.len() {
                        fetches[(at * 7 + first * 5) % fetches.len()].cancel();
                        std::thread::yield_now();
                    }
                });
            }
            let start = Instant::now();
            let mut running = fetches.len();
            while running > 0 {
                assert!(start.elapsed() < PATIENCE, "round {round}: {running} never end");
                client.wait(1000);
                loop {
                    let next = client.next();
                    if next.is_null() {
                        break;
                    }
                    let fetch = fetches.iter().find(|f| f.as_ptr() == next).expect("one of ours");
                    match fetch.poll() {
                        IFETCH_CANCELLED | IFETCH_DONE => running -= 1,
                        other => panic!("round {round}: {other:?}: {}", fetch.message()),
                    }
                }
            }
        });
    }
}

#[test]
fn a_cancel_leaves_errno_as_it_was() {
    // Refused or never answered, connected or not: some of the calls inside fail.
    let (peer, asked) = never_answering();
    let connected = Fetch::get(&peer.url("/"));
    connected.news_or_stall();
    asked.recv_timeout(PATIENCE).expect("the request arrives");
    let (listener, _filler) = full_listener();
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let token = Token::new();
    let options = Options::new().token(&token);
    let fetches = [connected, Fetch::get(&url), Fetch::get("http://127.0.0.1:1/")];
    let _under_token = [&*url, "http://127.0.0.1:1/"].map(|url| Fetch::start(url, &options));
    let calls = fetches.iter().map(|fetch| Box::new(|| fetch.cancel()) as Box<dyn Fn()>);
    for cancel in calls.chain([Box::new(|| token.cancel()) as Box<dyn Fn()>]) {
        // SAFETY: the place of this thread's errno.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { errno.write(12345) };
        cancel();
        // SAFETY: as above.
        assert_eq!(unsafe { errno.read() }, 12345);
    }
    peer.seen();
}

/// How often a storm signals.
const EVERY: Duration = Duration::from_micros(300);

static CURRENT: AtomicPtr<ifetch> = AtomicPtr::new(std::ptr::null_mut());
static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_alarm(_: libc::c_int) {
    SIGNALS.fetch_add(1, SeqCst);
    // SAFETY: NULL, or a fetch that is not freed before it is taken out of here.
    unsafe { ifetch_cancel(CURRENT.load(SeqCst)) };
}

/// A timer fires at the thread that drives the fetches, wherever it is in them, until a thousand
/// signals have each cancelled whatever fetch was running.
#[test]
fn a_storm_of_signals_that_cancel_corrupts_nothing() {
    if !alone("a_storm_of_signals_that_cancel_corrupts_nothing") {
        return;
    }
    let serving = Serving::start();
    let before = std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();

    let storm = Storm::start(EVERY, on_alarm);
    let (mut cancelled, mut done) = (0, 0);
    let start = Instant::now();
    while SIGNALS.load(SeqCst) < 1000 {
        assert!(start.elapsed() < Duration::from_secs(60), "the storm is over too soon");
        let fetch = Fetch::get(&serving.url());
        CURRENT.store(fetch.as_ptr(), SeqCst);
        let outcome = loop {
            match fetch.wait(1000) {
                IFETCH_PENDING => {}
                end => break end,
            }
        };
        match outcome {
            IFETCH_CANCELLED => cancelled += 1,
            IFETCH_DONE => {
                assert_eq!(fetch.body().as_deref(), Some("hello"));
                done += 1;
            }
            other => panic!("{other:?}: {}", fetch.message()),
        }
        assert_eq!(fetch.poll(), outcome, "an outcome stands");
        CURRENT.store(std::ptr::null_mut(), SeqCst);
    }
    drop(storm);
    println!("{cancelled} cancelled, {done} done");
    assert!(cancelled > 100 && done > 0, "{cancelled} cancelled, {done} done");
    let left = std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();
    // The server's side of the last connections may still be open.
    assert!(left <= before + 4, "{before} descriptors before, {left} after");
}

static CURRENT_TOKEN: AtomicPtr<ifetch_token> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn on_alarm_for_tokens(_: libc::c_int) {
    SIGNALS.fetch_add(1, SeqCst);
    // SAFETY: NULL, or a token that is not given back before it is taken out of here.
    unsafe { ifetch_token_cancel(CURRENT_TOKEN.load(SeqCst)) };
}

/// The same, with a token for some fetches of a client and one of its own, that are started, driven
/// and freed meanwhile.
#[test]
fn a_storm_of_signals_that_cancel_tokens_corrupts_nothing() {
    if !alone("a_storm_of_signals_that_cancel_tokens_corrupts_nothing") {
        return;
    }
    let serving = Serving::start();
    let storm = Storm::start(EVERY, on_alarm_for_tokens);
    let (mut cancelled, mut done, mut freed) = (0, 0, 0);
    let start = Instant::now();
    while SIGNALS.load(SeqCst) < 2000 {
        assert!(start.elapsed() < Duration::from_secs(60), "the storm is over too soon");
        let parent = Token::new();
        CURRENT_TOKEN.store(parent.as_ptr(), SeqCst);
        let options = Options::new().token(&parent.child());
        let client = Client::new();
        let mut fetches = Vec::new();
        // Long enough for a signal or two, so that it comes at any point of this.
        for round in 0..6 {
            fetches.push(client.start(&serving.url(), &options));
            if round % 2 == 0 {
                fetches.push(Fetch::start(serving.url(), &options));
            } else {
                drop(fetches.swap_remove(0));
                freed += 1;
            }
            client.wait(0);
        }
        let was_cancelled = parent.is_cancelled();
        for fetch in &fetches {
            let end = loop {
                match fetch.wait(1000) {
                    IFETCH_PENDING => {}
                    end => break end,
                }
            };
            match end {
                IFETCH_CANCELLED => cancelled += 1,
                IFETCH_DONE => {
                    assert_eq!(fetch.body().as_deref(), Some("hello"));
                    done += 1;
                }
                other => panic!("{other:?}: {}", fetch.message()),
            }
            assert!(end == IFETCH_DONE || parent.is_cancelled());
            assert_eq!(fetch.poll(), end, "an outcome stands");
        }
        if was_cancelled {
            let late = client.start(&serving.url(), &options);
            assert_eq!((late.poll(), late.report().attempts), (IFETCH_CANCELLED, 0));
        }
        CURRENT_TOKEN.store(std::ptr::null_mut(), SeqCst);
    }
    drop(storm);
    println!("{cancelled} cancelled, {done} done, {freed} freed");
    assert!(cancelled > 100 && freed > 100, "{cancelled} cancelled, {freed} freed");
}
