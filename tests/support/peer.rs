//! A server that follows a script: one connection, on a loopback port of its own.

use super::{PATIENCE, QUIET, latin1, readable};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::JoinHandle;

/// A thread that accepts one connection and runs a script on it; what the script saw is its result.
pub(crate) struct Peer<T> {
    address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    pub(crate) fn start(script: impl FnOnce(Link) -> T + Send + 'static) -> Peer<T> {
        Peer::start_on("127.0.0.1:0", script)
    }

    pub(crate) fn start_on(
        address: &str,
        script: impl FnOnce(Link) -> T + Send + 'static,
    ) -> Peer<T> {
        let listener = TcpListener::bind(address).expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let thread = std::thread::spawn(move || script(Link::accept(&listener)));
        Peer { address, thread }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the script saw. Every wait of a script is bounded, so this one is.
    pub(crate) fn seen(self) -> T {
        self.thread.join().expect("the peer follows its script to the end")
    }
}

impl Peer<String> {
    /// Reads a request head, sends `response`, and waits for the client to leave. It saw the head.
    pub(crate) fn answering(response: impl Into<Vec<u8>>) -> Peer<String> {
        let response = response.into();
        Peer::start(move |mut link| {
            let head = link.read_head();
            link.send(&response);
            link.ended();
            head
        })
    }

    /// The same, but ends the connection after `response`.
    pub(crate) fn closing(response: impl Into<Vec<u8>>) -> Peer<String> {
        let response = response.into();
        Peer::start(move |mut link| {
            let head = link.read_head();
            link.send(&response);
            link.finish();
            link.ended();
            head
        })
    }
}

/// How the client ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Fin,
    Reset,
}

/// The server's end of a connection. Each wait is bounded, and dropping it closes.
pub(crate) struct Link {
    stream: BufReader<TcpStream>,
}

impl Link {
    pub(crate) fn accept(listener: &TcpListener) -> Link {
        assert!(readable(&[listener.as_raw_fd()], PATIENCE), "nobody connects");
        let (stream, _) = listener.accept().expect("somebody connects");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        Link { stream: BufReader::new(stream) }
    }

    /// The request head, with the blank line that ends it.
    pub(crate) fn read_head(&mut self) -> String {
        self.next_head().expect("the client stays to send a request head")
    }

    /// The same; nothing if the client has left instead.
    fn next_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read_until(b'\n', &mut head) {
                Ok(1..) => {}
                end if head.is_empty() && !timed_out(&end) => return None,
                end => panic!("{end:?} in the request head: {}", latin1(&head)),
            }
        }
        Some(latin1(&head))
    }

    /// A request: its head, and its body behind it.
    pub(crate) fn read_request(&mut self) -> String {
        self.next_request().expect("the client stays to send a request")
    }

    /// The same; nothing if the client has left instead.
    pub(crate) fn next_request(&mut self) -> Option<String> {
        let mut request = self.next_head()?;
        let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if let Some(length) = length {
            let length = length.parse().expect("a length is a number");
            request += &latin1(&self.read(length));
        } else if request.contains("\r\nTransfer-Encoding: chunked\r\n") {
            while let Some(chunk) = self.read_chunk() {
                request += &latin1(&chunk);
            }
        }
        Some(request)
    }

    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).expect("request bytes");
        bytes
    }

    /// The data of the next chunk of the request body; None for the last one.
    pub(crate) fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a chunk line");
        let digits = line.strip_suffix("\r\n").expect("a chunk line ends in CRLF");
        let len = usize::from_str_radix(digits, 16).expect("a chunk line is a number");
        let chunk = self.read(len);
        assert_eq!(self.read(2), b"\r\n", "after {len} bytes of chunk data");
        (len > 0).then_some(chunk)
    }

    /// Reads until nothing has come for a while; says how many bytes that was.
    pub(crate) fn read_until_quiet(&mut self) -> usize {
        let mut total = self.stream.buffer().len();
        self.stream.consume(total);
        let mut buffer = vec![0; 1 << 16];
        while readable(&[self.stream().as_raw_fd()], QUIET) {
            match self.stream.get_mut().read(&mut buffer).expect("request bytes") {
                0 => break,
                n => total += n,
            }
        }
        total
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the client takes it");
    }

    /// Sends until the client is full and stays so; says how many bytes that took.
    pub(crate) fn send_until_blocked(&mut self, bytes: &[u8]) -> usize {
        let stream = self.stream.get_mut();
        stream.set_write_timeout(Some(QUIET)).expect("a socket option");
        let mut sent = 0;
        while sent < bytes.len() {
            match stream.write(&bytes[sent..]) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the client takes it: {error}"),
            }
        }
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket option");
        sent
    }

    /// False once the client has gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Sends no more; the client sees a FIN.
    pub(crate) fn finish(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// Aborts the connection; the client sees an RST.
    pub(crate) fn reset(self) {
        abort(self.stream.get_ref());
    }

    /// Waits until the client has ended the connection, and says how.
    pub(crate) fn ended(&mut self) -> Ended {
        self.rest().1
    }

    /// The same, with what the client sent before.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ended) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => (rest, Ended::Fin),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (rest, Ended::Reset),
            Err(error) => panic!("the client stays: {error}"),
        }
    }

    /// Waits until the client has aborted the connection, without reading what it sent.
    pub(crate) fn wait_for_error(&mut self) {
        let mut polled =
            libc::pollfd { fd: self.stream.get_ref().as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one descriptor.
        let count = unsafe { libc::poll(&raw mut polled, 1, PATIENCE.as_millis() as i32) };
        assert_eq!(count, 1, "the client stays");
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

fn timed_out<T>(result: &std::io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Aborts a connection at once, with an RST: connecting "to nobody" does that, and the descriptor
/// stays.
pub(crate) fn abort(stream: &TcpStream) {
    let nobody =
        libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    // SAFETY: the address is a `sockaddr`, and its length is said. It fails only if the connection
    // has been aborted from the other side, which is as good.
    unsafe {
        libc::connect(
            stream.as_raw_fd(),
            &raw const nobody,
            size_of::<libc::sockaddr>() as libc::socklen_t,
        );
    }
}

/// An address that refuses connections as long as the descriptor lives: bound, not listening.
pub(crate) fn refused_address() -> (OwnedFd, SocketAddr) {
    // SAFETY: makes a descriptor, which nobody else owns.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0, "socket: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: zeroes are a valid `sockaddr_in`.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_addr.s_addr = u32::from(std::net::Ipv4Addr::LOCALHOST).to_be();
    let mut len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is a `sockaddr_in`, and its length is said.
    let port = unsafe {
        let place = (&raw mut address).cast::<libc::sockaddr>();
        assert_eq!(libc::bind(socket.as_raw_fd(), place, len), 0);
        assert_eq!(libc::getsockname(socket.as_raw_fd(), place, &raw mut len), 0);
        u16::from_be(address.sin_port)
    };
    (socket, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A listener whose queue is full: connecting to it is never answered while both live.
pub(crate) fn full_listener() -> (TcpListener, TcpStream) {
    full_listener_on("127.0.0.1:0")
}

pub(crate) fn full_listener_on(address: &str) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind(address).expect("a loopback port");
    // SAFETY: listening again changes the length of the queue, here to one.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().expect("it is bound");
    let first = TcpStream::connect_timeout(&address, PATIENCE).expect("the queue takes one");
    (listener, first)
}
