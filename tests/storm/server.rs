//! A server that plays the script that each request names, on several ports, each connection
//! served by a thread.
//!
//! It also judges: a request that is not whole, that came to the wrong port, or while the answer
//! to another was under way, is a wrong, and so is one connection too many.

use super::script::{Move, Script, body, numbered};
use super::support::*;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) struct Server {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    over: AtomicBool,
    limit: usize,
    open: Mutex<Vec<Arc<TcpStream>>>,
    /// How often there seemed to be more than the limit.
    too_many: AtomicUsize,
    /// How often each request has come.
    arrivals: Vec<AtomicU8>,
    wrongs: Mutex<Vec<String>>,
}

/// More often than this there may not seem to be too many connections.
const RARELY: usize = 20;

impl Server {
    /// A server with so many ports, for so many requests, over at most `limit` connections.
    pub(crate) fn start(ports: usize, requests: usize, limit: usize) -> Server {
        let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let listeners: Vec<TcpListener> = (0..ports).map(bind).collect();
        let addresses = listeners.iter().map(|l| l.local_addr().expect("it is bound")).collect();
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            limit,
            open: Mutex::new(Vec::new()),
            too_many: AtomicUsize::new(0),
            arrivals: (0..requests).map(|_| AtomicU8::new(0)).collect(),
            wrongs: Mutex::new(Vec::new()),
        });
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = vec![thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listeners, &sender)
        })];
        // More than connections: it takes a thread a while to notice that its client has left.
        for _ in 0..limit + 32 {
            let (shared, receiver) = (Arc::clone(&shared), Arc::clone(&receiver));
            threads.push(thread::spawn(move || shared.serve_all(&receiver)));
        }
        Server { addresses, shared, threads }
    }

    pub(crate) fn port(&self, i: usize) -> u16 {
        self.addresses[i].port()
    }

    /// Waits until all clients have left; says how often each request came, and what was wrong.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Vec<String>) {
        self.shared.over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("the server does not panic");
        }
        let arrivals = self.shared.arrivals.iter().map(|count| count.load(SeqCst)).collect();
        let wrongs = std::mem::take(&mut *self.shared.wrongs.lock().expect("no panic"));
        (arrivals, wrongs)
    }
}

impl Shared {
    fn wrong(&self, what: String) {
        self.wrongs.lock().expect("no panic").push(what);
    }

    /// Takes connections until the storm is over, and hands them on.
    fn accept(&self, listeners: &[TcpListener], to: &Sender<Arc<TcpStream>>) {
        let fds: Vec<_> = listeners.iter().map(AsRawFd::as_raw_fd).collect();
        for listener in listeners {
            listener.set_nonblocking(true).expect("a socket option");
        }
        while !self.over.load(SeqCst) {
            readable(&fds, Duration::from_millis(50));
            for listener in listeners {
                while let Ok((stream, _)) = listener.accept() {
                    let stream = Arc::new(stream);
                    self.open.lock().expect("no panic").push(Arc::clone(&stream));
                    self.check_limit();
                    to.send(stream).expect("there are threads to serve it");
                }
            }
        }
    }

    /// The client may have ended one connection before it made this one, and the news of it still
    /// be under way: rarely, and not for long.
    fn check_limit(&self) {
        for _ in 0..5 {
            if self.in_use() <= self.limit {
                return;
            }
            thread::sleep(Duration::from_micros(200));
        }
        if self.too_many.fetch_add(1, SeqCst) == RARELY {
            self.wrong(format!("{} connections at a time", self.in_use()));
        }
    }

    /// How many connections the client has not ended.
    fn in_use(&self) -> usize {
        let open = self.open.lock().expect("no panic");
        let polled = |stream: &Arc<TcpStream>| libc::pollfd {
            fd: stream.as_raw_fd(),
            events: libc::POLLRDHUP,
            revents: 0,
        };
        let mut polled: Vec<_> = open.iter().map(polled).collect();
        // SAFETY: the array is as long as is said.
        unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, 0) };
        polled.iter().filter(|polled| polled.revents == 0).count()
    }

    fn serve_all(&self, from: &Mutex<Receiver<Arc<TcpStream>>>) {
        loop {
            let next = from.lock().expect("no panic").recv();
            let Ok(stream) = next else { return };
            // A client may leave at any moment; whether it should have is for the test to judge.
            let _ = self.serve(&stream);
            self.open.lock().expect("no panic").retain(|open| !Arc::ptr_eq(open, &stream));
        }
    }

    fn serve(&self, stream: &TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(3 * PATIENCE))?;
        stream.set_write_timeout(Some(3 * PATIENCE))?;
        let mut input = BufReader::new(stream);
        while let Some(request) = self.read_request(&mut input, stream.local_addr()?)? {
            let before = self.arrivals[request.number].fetch_add(1, SeqCst);
            for what in request.script.moves {
                if !self.play(*what, request.number, before == 0, stream, &mut input)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Nothing if the client has left.
    fn read_request(
        &self,
        input: &mut BufReader<&TcpStream>,
        address: SocketAddr,
    ) -> Result<Option<Request>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head)? == 0 {
                return Ok(None);
            }
        }
        let mut path = head.split(' ').nth(1).unwrap_or_default().split('/').skip(1);
        let number = path.next().and_then(|number| number.parse().ok());
        let number = number.expect("the path begins with a number");
        let script = Script::named(path.next().unwrap_or_default());
        let field = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned)
        };
        if !field("Host: ").is_some_and(|host| host.ends_with(&format!(":{}", address.port()))) {
            self.wrong(format!("at {address}: {head}"));
        }
        let len = field("Content-Length: ").and_then(|len| len.parse().ok()).unwrap_or(0);
        let mut sent = vec![0; len];
        input.read_exact(&mut sent)?;
        if sent != numbered(number, len) {
            self.wrong(format!("the body of another request: {head}"));
        }
        Ok(Some(Request { number, script }))
    }

    /// False if that was the end of the connection.
    fn play(
        &self,
        what: Move,
        number: usize,
        is_first: bool,
        stream: &TcpStream,
        input: &mut BufReader<&TcpStream>,
    ) -> Result<bool> {
        let body = body(number);
        let (first, second) = body.split_at(body.len() / 2);
        let mut output = stream;
        match what {
            Move::Say(text) => output.write_all(text.as_bytes())?,
            Move::Head(fields) => output.write_all(head(body.len(), fields).as_bytes())?,
            Move::FirstHalf => output.write_all(first)?,
            Move::SecondHalf => output.write_all(second)?,
            Move::Chunks => output.write_all(&chunks(&body))?,
            Move::WholeAndAnother => {
                let whole = |body: &[u8]| [head(body.len(), "").as_bytes(), body].concat();
                output.write_all(&[whole(&body), whole(b"poison")].concat())?;
            }
            Move::Wait => thread::sleep(Duration::from_millis(number as u64 % 8)),
            Move::CloseAtFirst => return Ok(!is_first),
            Move::Close => return Ok(false),
            Move::Reset => {
                abort(stream);
                return Ok(false);
            }
            Move::Stall => {
                if input.read(&mut [0])? > 0 {
                    self.wrong(format!("bytes while request {number} waits"));
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

struct Request {
    number: usize,
    script: &'static Script,
}

fn head(len: usize, fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {len}\r\n\r\n")
}

fn chunks(body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::new();
    for data in body.chunks(1 + body.len() / 3) {
        chunks.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        chunks.extend_from_slice(data);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}
