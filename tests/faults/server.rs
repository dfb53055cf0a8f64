//! The server of the scenarios: it does one thing whenever the test gives it a turn.

use super::support::{Secure, Wire, large_text};
use libc::{POLLIN, POLLOUT, c_short, pollfd};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::LazyLock;

/// Responses go out in so many pieces, one for each turn, so that there is more to receive than
/// one call does.
const PIECES: usize = 3;

/// How long the body of "/large" is.
pub(crate) const LARGE: usize = 12_000;

/// That of "/coarse".
pub(crate) const COARSE: usize = 300_000;

/// That of "/huge": more than a fetch receives before others get their turn.
pub(crate) const HUGE: usize = 3 << 20;

/// Bodies of any length up to that, the one a part of the other.
pub(crate) fn text(len: usize) -> &'static [u8] {
    static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| large_text(HUGE));
    &TEXT[..len]
}

pub(crate) struct Server {
    listener: TcpListener,
    secure: Option<&'static Secure>,
    links: Vec<Link>,
}

struct Link {
    stream: Wire,
    input: Vec<u8>,
    /// What is to be sent, in pieces, and then.
    output: Vec<Vec<u8>>,
    then: Then,
    held_back: Vec<u8>,
    served: usize,
    /// It does not read any more.
    is_stalled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Stays,
    Closes,
    /// Speaks another protocol: what comes goes back.
    Echoes,
}

impl Server {
    pub(crate) fn start(address: &str, secure: Option<&'static Secure>) -> Server {
        let listener = TcpListener::bind(address).expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket option");
        Server { listener, secure, links: Vec::new() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// What it waits for.
    pub(crate) fn interest(&self) -> Vec<pollfd> {
        let wait = |fd: &dyn AsRawFd, events| pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
        let links = self.links.iter().map(|link| wait(&link.stream, link.events()));
        std::iter::once(wait(&self.listener, POLLIN)).chain(links).collect()
    }

    /// Does what can be done now.
    pub(crate) fn turn(&mut self) {
        self.links.retain_mut(Link::turn);
        while let Ok((stream, _)) = self.listener.accept() {
            self.links.push(Link {
                stream: Wire::new(stream, self.secure.map(|secure| &secure.config)),
                input: Vec::new(),
                output: Vec::new(),
                then: Then::Stays,
                held_back: Vec::new(),
                served: 0,
                is_stalled: false,
            });
        }
    }

    /// Sends what was held back.
    pub(crate) fn send_rest(&mut self) {
        for link in &mut self.links {
            let rest = std::mem::take(&mut link.held_back);
            link.output.extend((!rest.is_empty()).then_some(rest));
        }
    }

    /// Ends all connections, and forgets those that nobody has taken.
    pub(crate) fn reset(&mut self) {
        self.turn();
        self.links.clear();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Without this, thousands of them would wait for their ports to be forgotten.
        self.stream.abort();
    }
}

impl Link {
    fn events(&self) -> c_short {
        let reads = if self.is_stalled { 0 } else { POLLIN };
        if self.output.is_empty() && !self.stream.holds() { reads } else { reads | POLLOUT }
    }

    /// False when the connection has ended.
    fn turn(&mut self) -> bool {
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return false,
            _ => {}
        }
        if let Some(piece) = self.output.first_mut() {
            match self.stream.write(piece) {
                Ok(count) if count == piece.len() => drop(self.output.remove(0)),
                Ok(count) => drop(piece.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        if self.output.is_empty() && self.then == Then::Closes && !self.stream.holds() {
            self.stream.finish();
            self.then = Then::Stays;
        }
        if self.is_stalled {
            return true;
        }
        let mut buffer = [0; 1 << 16];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => self.input.extend_from_slice(&buffer[..count]),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        if self.then == Then::Echoes {
            self.output.push(std::mem::take(&mut self.input));
            self.then = Then::Closes;
        } else if self.input.starts_with(b"POST /stall") {
            self.is_stalled = true;
        } else if let Some(request) = take_request(&mut self.input) {
            if request.path == "/die" && self.served > 0 {
                return false;
            }
            if request.path == "/gone" {
                self.stream.finish();
                return true;
            }
            self.served += 1;
            self.answer(&request);
        }
        true
    }

    fn answer(&mut self, request: &Request) {
        let whole = match request.path.as_str() {
            "/hello" if request.is_head => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(),
            "/hello" | "/die" => with_length(b"hello"),
            "/leave" => {
                self.then = Then::Closes;
                with_length(b"hello")
            }
            "/echo" => with_length(&request.body),
            "/large" => with_length(text(LARGE)),
            "/huge" => with_length(text(HUGE)),
            "/chunked" => chunked(text(LARGE), 3000),
            "/coarse" => chunked(text(COARSE), 25_000),
            "/close" => {
                self.then = Then::Closes;
                [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), text(LARGE)].concat()
            }
            "/interim" => {
                [b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), with_length(b"hello")].concat()
            }
            "/refuse" => b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "/unchanged" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_vec(),
            "/cut" => {
                self.then = Then::Closes;
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel".to_vec()
            }
            "/garbage" => b"220 ready to serve\r\n".to_vec(),
            "/stop" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel".to_vec(),
            "/half" => {
                let mut whole = with_length(b"hello");
                // Sent only when the test says so.
                self.held_back = whole.split_off(whole.len() - 2);
                whole
            }
            "/switch" => {
                self.then = Then::Echoes;
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_vec()
            }
            "/never" => return,
            path => panic!("no scenario asks for {path}"),
        };
        let size = whole.len().div_ceil(PIECES);
        self.output.extend(whole.chunks(size).map(<[u8]>::to_vec));
    }
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        whole.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        whole.extend_from_slice(chunk);
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(b"0\r\nX-Sum: 1\r\n\r\n");
    whole
}

struct Request {
    is_head: bool,
    path: String,
    /// Decoded.
    body: Vec<u8>,
}

/// Takes the request out of what has come, once it is complete.
fn take_request(input: &mut Vec<u8>) -> Option<Request> {
    let end = input.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    let path = head.split(' ').nth(1).expect("a request line has a path").to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let rest = &input[end..];
    let (body, used) = if path == "/refuse" {
        (Vec::new(), rest.len())
    } else if head.contains("\r\nTransfer-Encoding: chunked\r\n") {
        decoded(rest)?
    } else {
        let length = length.map_or(0, |length| length.parse().expect("a length is a number"));
        (rest.get(..length)?.to_vec(), length)
    };
    input.drain(..end + used);
    Some(Request { is_head: head.starts_with("HEAD "), path, body })
}

/// A whole chunked body, and how long it was on the wire.
fn decoded(wire: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = wire[at..].windows(2).position(|two| two == b"\r\n")?;
        let digits = std::str::from_utf8(&wire[at..at + line]).expect("a chunk line is text");
        let size = usize::from_str_radix(digits, 16).expect("a chunk line is a number");
        at += line + 2;
        body.extend_from_slice(wire.get(at..at + size)?);
        assert_eq!(wire.get(at + size..at + size + 2)?, b"\r\n", "behind a chunk");
        at += size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}
