//! Cancels that come from elsewhere: another thread, a signal handler.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::fetch::{ifetch, ifetch_cancel};
use std::io::Read;
use std::net::TcpListener;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::SeqCst};
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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let serving = serve_forever(listener);
    for round in 0..50 {
        let client = Client::new();
        let fetches: Vec<Fetch> =
            (0..20).map(|_| client.start(&format!("http://{address}/"), &Options::new())).collect();
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
    drop(serving);
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
    for fetch in [connected, Fetch::get(&url), Fetch::get("http://127.0.0.1:1/")] {
        // SAFETY: the place of this thread's errno.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        unsafe { errno.write(12345) };
        fetch.cancel();
        // SAFETY: as above.
        assert_eq!(unsafe { errno.read() }, 12345);
    }
    peer.seen();
}

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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let serving = serve_forever(listener);
    let before = std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();

    let storm = storm();
    let (mut cancelled, mut done) = (0, 0);
    let start = Instant::now();
    while SIGNALS.load(SeqCst) < 1000 {
        assert!(start.elapsed() < Duration::from_secs(60), "the storm is over too soon");
        let fetch = Fetch::get(&format!("http://{address}/"));
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
    drop(serving);
}

/// Signals the calling thread every 300 microseconds until it is dropped.
struct Storm {
    timer: libc::timer_t,
}

fn storm() -> Storm {
    // SAFETY: a zeroed action is a valid one, and the handler is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()), 0);
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGALRM;
        event.sigev_notify_thread_id = libc::gettid();
        let mut timer = std::mem::zeroed();
        assert_eq!(libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer), 0);
        let every = libc::timespec { tv_sec: 0, tv_nsec: 300_000 };
        let period = libc::itimerspec { it_interval: every, it_value: every };
        assert_eq!(libc::timer_settime(timer, 0, &raw const period, std::ptr::null_mut()), 0);
        Storm { timer }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // SAFETY: made by `storm`, deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}

/// Answers every connection with a small response, in a thread that ends when this is dropped.
struct Serving {
    address: std::net::SocketAddr,
    thread: Option<std::thread::JoinHandle<()>>,
    ending: std::sync::Arc<AtomicUsize>,
}

fn serve_forever(listener: TcpListener) -> Serving {
    let address = listener.local_addr().expect("it is bound");
    let ending = std::sync::Arc::new(AtomicUsize::new(0));
    let until = std::sync::Arc::clone(&ending);
    let thread = std::thread::spawn(move || {
        for link in listener.incoming() {
            if until.load(SeqCst) != 0 {
                return;
            }
            let Ok(mut link) = link else { continue };
            // The client may have left at any moment, which is no failure here.
            let _ = link.set_read_timeout(Some(PATIENCE));
            let mut buffer = [0; 1024];
            if link.read(&mut buffer).is_ok_and(|n| n > 0) {
                let _ = std::io::Write::write_all(
                    &mut link,
                    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                );
            }
        }
    });
    Serving { address, thread: Some(thread), ending }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.ending.store(1, SeqCst);
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
