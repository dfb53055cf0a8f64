//! Calls that block, where the library has none: to see that they would be seen.

use super::support::calls::Inside;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread::{sleep, spawn};
use std::time::Duration;

pub(crate) struct Plant {
    /// The function that is taken to have made it.
    pub(crate) within: &'static str,
    /// Nothing if it does not block, or may.
    pub(crate) is_seen_as: Option<&'static str>,
    make: fn(&'static str),
}

const MOMENT: Duration = Duration::from_millis(20);

const fn blocks(within: &'static str, is_seen_as: &'static str, make: fn(&'static str)) -> Plant {
    Plant { within, is_seen_as: Some(is_seen_as), make }
}

pub(crate) const PLANTS: &[Plant] = &[
    blocks("a_sleep", "clock_nanosleep", |name| {
        let _inside = Inside::new(name);
        sleep(Duration::from_millis(1));
    }),
    blocks("a_poll", "poll(", |name| {
        let _inside = Inside::new(name);
        poll(1);
    }),
    blocks("an_epoll_wait", "epoll_wait(", |name| epoll_wait(name, 1)),
    blocks("an_endless_epoll_wait", "epoll_wait(", |name| epoll_wait(name, -1)),
    Plant { within: "a_look", is_seen_as: None, make: |name| epoll_wait(name, 0) },
    Plant { within: "ifetch_wait", is_seen_as: None, make: |name| epoll_wait(name, 1) },
    blocks("a_receive", "recvfrom(", |name| {
        let (mut one, mut other) = UnixStream::pair().expect("a pair of sockets");
        other.write_all(b"x").expect("there is room");
        let _inside = Inside::new(name);
        // There is something to receive, so it does not; but it could.
        assert_eq!(one.read(&mut [0; 8]).expect("it is there"), 1);
    }),
    blocks("a_send", "sendto(", |name| {
        let (mut one, _other) = UnixStream::pair().expect("a pair of sockets");
        let _inside = Inside::new(name);
        one.write_all(b"x").expect("there is room");
    }),
    blocks("a_connect", "connect(", |name| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let _inside = Inside::new(name);
        drop(TcpStream::connect(address));
    }),
    blocks("a_file", "openat(", |name| {
        let _inside = Inside::new(name);
        std::fs::read("/proc/version").expect("there is one");
    }),
    blocks("a_join", "futex(", |name| {
        let thread = spawn(|| sleep(MOMENT));
        let _inside = Inside::new(name);
        thread.join().expect("it sleeps");
    }),
    blocks("a_lock", "futex(", |name| {
        static LOCK: Mutex<()> = Mutex::new(());
        let held = LOCK.lock();
        let thread = spawn(move || {
            let _inside = Inside::new(name);
            drop(LOCK.lock());
        });
        sleep(MOMENT);
        drop(held);
        thread.join().expect("it gets the lock");
    }),
];

/// Makes them all.
pub(crate) fn grow() {
    for plant in PLANTS {
        (plant.make)(plant.within);
    }
}

fn poll(timeout_ms: i32) {
    // SAFETY: no descriptors.
    unsafe { libc::poll(std::ptr::null_mut(), 0, timeout_ms) };
}

fn epoll_wait(name: &str, timeout_ms: i32) {
    let (one, _other) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: takes no pointers.
    let epoll = unsafe { libc::epoll_create1(0) };
    let mut event = libc::epoll_event { events: libc::EPOLLOUT as u32, u64: 0 };
    // SAFETY: the event is live.
    unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, one.as_raw_fd(), &raw mut event) };
    {
        let _inside = Inside::new(name);
        // SAFETY: there is room for one event.
        assert_eq!(unsafe { libc::epoll_wait(epoll, &raw mut event, 1, timeout_ms) }, 1);
    }
    // SAFETY: it was made here.
    unsafe { libc::close(epoll) };
}
