//! A server that accepts several connections on one port, and follows a script on each of them.

use super::{Ended, Link, PATIENCE, latin1, readable};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// One thing that a server does on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Reads a request with its body.
    Read,
    /// Reads a request head. What follows it stays unread.
    ReadHead,
    Send(&'static str),
    /// Sends so many bytes of a body.
    Fill(usize),
    /// Reads a request, and answers with its target as the body.
    Serve,
    /// The same until the client ends the connection.
    ServeAll,
    /// Waits until the test lets it go on: `Server::go`.
    Pause,
    /// Sends no more; the client sees a FIN.
    Finish,
    /// Aborts the connection; the client sees an RST.
    Reset,
}

/// What a connection has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The requests that the script read, with their bodies.
    pub(crate) requests: Vec<String>,
    /// What came behind them.
    pub(crate) rest: String,
    /// How the client ended the connection, unless the script aborted it.
    pub(crate) ended: Option<Ended>,
}

impl Seen {
    /// The targets of the requests, such as "/a".
    pub(crate) fn targets(&self) -> Vec<&str> {
        self.requests.iter().map(|request| target(request)).collect()
    }
}

fn target(request: &str) -> &str {
    request.split(' ').nth(1).expect("a request line has a target")
}

/// Runs one script for each connection, in the order in which they are accepted. When a script is
/// over, its connection stays until the client ends it.
pub(crate) struct Server {
    address: SocketAddr,
    gates: Vec<Gate>,
    accepting: JoinHandle<(TcpListener, Vec<JoinHandle<Seen>>)>,
    /// Dropped with this, which is how the thread learns that nobody wants it any more.
    interest: Sender<()>,
}

/// The test's side of a script.
struct Gate {
    /// Told at each pause, and when the script is over.
    stops: Receiver<()>,
    goes: Sender<()>,
    /// Told when the client has ended the connection.
    left: Receiver<Ended>,
}

/// The script's side of its gate.
struct Told {
    stops: Sender<()>,
    goes: Receiver<()>,
    left: Sender<Ended>,
}

impl Server {
    pub(crate) fn start(scripts: &[&[Act]]) -> Server {
        Server::start_on("127.0.0.1:0", scripts)
    }

    pub(crate) fn start_on(address: &str, scripts: &[&[Act]]) -> Server {
        let listener = TcpListener::bind(address).expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let (gates, tolds): (Vec<_>, Vec<_>) = scripts.iter().map(|_| gate()).unzip();
        let scripts: Vec<Vec<Act>> = scripts.iter().map(|script| script.to_vec()).collect();
        let (interest, wanted) = channel();
        let accepting = std::thread::spawn(move || {
            let follow = |(script, told): (Vec<Act>, Told)| {
                let link = accept(&listener, &wanted)?;
                Some(std::thread::spawn(move || play(link, &script, &told)))
            };
            let links = scripts.into_iter().zip(tolds).map_while(follow).collect();
            (listener, links)
        });
        Server { address, gates, accepting, interest }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until this connection's script has come to its next pause, or to its end.
    pub(crate) fn at_pause(&self, connection: usize) {
        let stop = self.gates[connection].stops.recv_timeout(PATIENCE);
        assert!(stop.is_ok(), "connection {connection} does not come to its pause");
    }

    /// Lets this connection's script go on from the pause that it is in, or will come to.
    pub(crate) fn go(&self, connection: usize) {
        self.gates[connection].goes.send(()).expect("its script has a pause left");
    }

    /// From this connection's pause to its next one, or to its end.
    pub(crate) fn step(&self, connection: usize) {
        self.at_pause(connection);
        self.go(connection);
        self.at_pause(connection);
    }

    /// How the client has ended this connection; nothing if it has not within `patience`.
    pub(crate) fn left(&self, connection: usize, patience: Duration) -> Option<Ended> {
        match self.gates[connection].left.recv_timeout(patience) {
            Ok(ended) => Some(ended),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("it had ended before, or broke off"),
        }
    }

    /// What each connection saw. No more of them may have come than there are scripts.
    pub(crate) fn seen(self) -> Vec<Seen> {
        drop(self.gates);
        let (listener, links) = self.accepting.join().expect("every script gets its connection");
        drop(self.interest);
        let seen = |link: JoinHandle<Seen>| link.join().expect("a script is followed to its end");
        let all = links.into_iter().map(seen).collect();
        let more = readable(&[listener.as_raw_fd()], Duration::ZERO);
        assert!(!more, "one more connection than there are scripts");
        all
    }
}

/// The next connection; nothing if the test ends before there is one.
fn accept(listener: &TcpListener, wanted: &Receiver<()>) -> Option<Link> {
    let start = Instant::now();
    while !readable(&[listener.as_raw_fd()], Duration::from_millis(20)) {
        assert!(start.elapsed() < PATIENCE, "nobody connects");
        if wanted.try_recv() == Err(TryRecvError::Disconnected) {
            return None;
        }
    }
    Some(Link::accept(listener))
}

fn gate() -> (Gate, Told) {
    let ((stopped, stops), (go, goes), (leave, left)) = (channel(), channel(), channel());
    (Gate { stops, goes: go, left }, Told { stops: stopped, goes, left: leave })
}

/// Follows the script. That the test does not listen is no failure here.
fn play(mut link: Link, script: &[Act], told: &Told) -> Seen {
    let mut seen = Seen::default();
    for act in script {
        match *act {
            Act::Read => seen.requests.push(link.read_request()),
            Act::ReadHead => seen.requests.push(link.read_head()),
            Act::Send(text) => link.send(text),
            Act::Fill(len) => link.send(vec![b'x'; len]),
            Act::Serve => {
                let request = link.read_request();
                seen.requests.push(answer(&mut link, request));
            }
            Act::ServeAll => {
                while let Some(request) = link.next_request() {
                    seen.requests.push(answer(&mut link, request));
                }
            }
            Act::Pause => {
                let _ = told.stops.send(());
                let go = told.goes.recv_timeout(PATIENCE);
                assert_ne!(go, Err(RecvTimeoutError::Timeout), "nobody lets the script go on");
            }
            Act::Finish => link.finish(),
            Act::Reset => {
                link.reset();
                let _ = told.stops.send(());
                return seen;
            }
        }
    }
    let _ = told.stops.send(());
    let (rest, ended) = link.rest();
    let _ = told.left.send(ended);
    Seen { rest: latin1(&rest), ended: Some(ended), ..seen }
}

fn answer(link: &mut Link, request: String) -> String {
    let body = target(&request);
    link.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    request
}
