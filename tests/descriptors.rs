//! What the library opens: no more than it needs, and nothing that a child would inherit.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::options::ifetch_timeout::IFETCH_TIMEOUT_TOTAL;
use std::collections::BTreeSet;
use std::os::fd::RawFd;
use support::*;

fn open_descriptors() -> BTreeSet<RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("proc is mounted");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // The folder itself is open while it is read, and closed when that is over.
    let mut numbers: BTreeSet<RawFd> = numbers.collect();
    // SAFETY: takes no pointers.
    numbers.retain(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0);
    numbers
}

/// What has been opened since then: sorted, such as "[eventpoll]", or "socket".
fn opened_since(before: &BTreeSet<RawFd>) -> Vec<String> {
    let mut kinds = Vec::new();
    for &fd in open_descriptors().difference(before) {
        let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).expect("it is open");
        let link = link.to_string_lossy();
        let (class, name) = link.split_once(':').expect("no file is opened");
        kinds.push(if class == "socket" { class } else { name }.to_owned());
        // SAFETY: takes no pointers.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "a child inherits {link}");
    }
    kinds.sort();
    kinds
}

#[test]
fn a_fetch_opens_what_it_needs_and_no_child_inherits_it() {
    if !alone("a_fetch_opens_what_it_needs_and_no_child_inherits_it") {
        return;
    }
    const POLL: &str = "[eventpoll]";
    const TIMER: &str = "[timerfd]";
    const WAKE: &str = "[eventfd]";
    // Nobody takes the connections from the queue, so that nothing but the library opens anything.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let before = open_descriptors();

    let plain = Fetch::get(&url);
    assert_eq!(opened_since(&before), [POLL, "socket"]);
    drop(plain);
    let bounded = Fetch::start(&*url, &Options::new().timeout(IFETCH_TIMEOUT_TOTAL, 60_000));
    assert_eq!(opened_since(&before), [POLL, TIMER, "socket"]);
    drop(bounded);
    let failed = Fetch::get("nonsense");
    assert_eq!(opened_since(&before), [WAKE, POLL]);
    drop(failed);
    let client = Client::new();
    let fetches: Vec<Fetch> = (0..3).map(|_| client.start(&url, &Options::new())).collect();
    assert_eq!(opened_since(&before), [POLL, "socket", "socket", "socket"]);
    drop(fetches);
    drop(client);
    assert_eq!(opened_since(&before), [""; 0]);
}
