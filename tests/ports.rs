//! Ten thousand cancels in a row to one server, from a system with few ports: none is held by a
//! connection that was cancelled, so that the next one can always be made.
//!
//! It runs in a network of its own, where ports in TIME_WAIT are not given out again early.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};
use std::collections::VecDeque;
use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::*;

const CANCELS: usize = 10_000;
const PORTS: usize = 500;
/// The server looks for the end of a connection when so many later ones have come: like one that is
/// far away, it does not answer the FIN before the canceller has done its part.
const LAG: usize = 100;

#[test]
fn ten_thousand_cancels_in_a_row_hold_no_ports() {
    if !few_ports("ten_thousand_cancels_in_a_row_hold_no_ports") {
        return;
    }
    for until in [IFETCH_PHASE_CONNECTING, IFETCH_PHASE_WAITING, IFETCH_PHASE_RECEIVING] {
        let made = cancel_in_a_row(until, IFETCH_CANCEL_RST);
        assert_eq!(made, CANCELS, "then no connection could be made");
    }
}

/// With a FIN alone it is our side that ends the connection first, and has to wait.
#[test]
fn this_test_would_notice_ports_that_are_held() {
    if few_ports("this_test_would_notice_ports_that_are_held") {
        let made = cancel_in_a_row(IFETCH_PHASE_WAITING, IFETCH_CANCEL_FIN);
        assert!(made < CANCELS / 2, "{made} connections could be made");
    }
}

/// True in a process of its own, on a system with few ports.
fn few_ports(test: &str) -> bool {
    if !network::alone(test) {
        return false;
    }
    for (name, value) in [
        ("ip_local_port_range", format!("40000 {}", 40_000 + PORTS - 1)),
        ("tcp_tw_reuse", "0".to_owned()),
    ] {
        let path = format!("/proc/sys/net/ipv4/{name}");
        std::fs::write(path, value).expect("the network is our own");
    }
    true
}

/// Starts fetches and cancels each in that phase, or later; says how many could be made.
fn cancel_in_a_row(until: ifetch_phase, policy: ifetch_cancel_policy) -> usize {
    let server = Server::start(until == IFETCH_PHASE_RECEIVING);
    let client = Client::new();
    let options = Options::new().cancel_policy(policy);
    let made = (0..CANCELS).take_while(|_| {
        let fetch = client.start(&server.url(), &options);
        while (fetch.phase() as i32) < until as i32 {
            assert!(readable(&[client.fd()], PATIENCE), "stuck: {:?}", fetch.phase());
            client.poll();
        }
        fetch.cancel();
        match fetch.poll() {
            IFETCH_CANCELLED => true,
            other => {
                println!("{other:?}: {}", fetch.message());
                false
            }
        }
    });
    let made = made.count();
    println!("{made} cancels while {until:?}, {policy:?}: {} ports wait", server.waiting());
    made
}

/// Takes one connection after the other.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// It begins to answer if it `answers`.
    fn start(answers: bool) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let mut links = VecDeque::new();
                while !over.load(SeqCst) {
                    if readable(&[listener.as_raw_fd()], Duration::from_millis(50)) {
                        // A connection that was cancelled early may be gone already.
                        let link = listener.accept().and_then(|(link, _)| take(link, answers));
                        links.extend(link);
                        if links.len() > LAG {
                            links.pop_front().into_iter().for_each(wait_for_end);
                        }
                    }
                }
            }
        });
        Server { address, over, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many connections to this server are in TIME_WAIT on the client's side.
    fn waiting(&self) -> usize {
        let table = std::fs::read_to_string("/proc/self/net/tcp").expect("proc is mounted");
        let remote = format!(":{:04X}", self.address.port());
        let is_waiting = |line: &&str| {
            let words = Vec::from_iter(line.split_whitespace());
            words[2].ends_with(&remote) && words[3] == "06"
        };
        table.lines().filter(is_waiting).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_some_and(|end| end.is_ok()), "the server does not panic");
    }
}

fn take(mut link: TcpStream, answers: bool) -> Result<TcpStream> {
    link.set_read_timeout(Some(PATIENCE))?;
    if link.read(&mut [0; 4096])? > 0 && answers {
        link.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")?;
    }
    Ok(link)
}

fn wait_for_end(mut link: TcpStream) {
    // An RST is an end, too.
    while link.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
}
