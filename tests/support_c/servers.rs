//! Servers for the tests of `examples-c/`: one that says what it is told to, and the slow one.

use super::programs::{PATIENCE, example, lines_of, spawn};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};

/// Nobody listens there.
pub const REFUSED: &str = "http://127.0.0.1:1/";

pub const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
pub const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n";
pub const TRUNCATED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\nhello\n";
pub const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n";

/// An answer that never comes: the connection is held until the client ends it.
pub const SILENCE: &str = "";

/// A server that gives one answer to each connection, in this order, and keeps what it was asked.
pub struct Server {
    pub url: String,
    pub requests: JoinHandle<Vec<String>>,
}

pub fn serve(answers: &[&'static str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url_of(&listener);
    let answers = answers.to_vec();
    let requests = thread::spawn(move || {
        let answer_one = |answer: &str| {
            let mut client = accept(&listener);
            let request = read_until(&mut client, is_complete);
            client.write_all(answer.as_bytes()).unwrap();
            if answer == SILENCE {
                let _ = io::copy(&mut client, &mut io::sink());
            }
            request
        };
        answers.into_iter().map(answer_one).collect()
    });
    Server { url, requests }
}

pub fn url_of(listener: &TcpListener) -> String {
    format!("http://{}/", listener.local_addr().unwrap())
}

pub fn accept(listener: &TcpListener) -> TcpStream {
    let (client, _) = listener.accept().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

pub fn read_until(client: &mut TcpStream, is_enough: impl Fn(&str) -> bool) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&received);
        if is_enough(&text) {
            return text.into_owned();
        }
        let n = client.read(&mut buffer).unwrap();
        assert!(n > 0, "the client closed after {text:?}");
        received.extend_from_slice(&buffer[..n]);
    }
}

/// Whether this is a whole request, with a body by length or none.
fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    body.len() >= len.map_or(0, |len| len.parse().unwrap())
}

/// The example of that name, listened to.
pub struct SlowServer {
    child: Child,
    lines: Receiver<String>,
    said: String,
    pub address: String,
    pub url: String,
}

impl SlowServer {
    pub fn start(seconds: &str, connections: &str) -> Self {
        let mut child =
            spawn(Command::new(example("slow_server")).args([seconds, "0", connections]));
        let lines = lines_of(child.stdout.take().unwrap());
        let line = lines.recv_timeout(PATIENCE).unwrap();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        let url = format!("http://{address}/");
        SlowServer { child, lines, said: String::new(), address, url }
    }

    /// Waits until it has said these words, unless it has: what it says of two clients may come
    /// in any order.
    pub fn says(&mut self, words: &str) {
        while !self.said.contains(words) {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said += &line,
                Err(e) => panic!("slow_server: {e} before {words:?} after {:?}", self.said),
            }
        }
    }

    /// It ends by itself after so many connections.
    pub fn ends(mut self) {
        assert_eq!(self.lines.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for SlowServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
