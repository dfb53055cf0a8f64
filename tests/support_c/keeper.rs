//! A server that keeps its connections, answers by path and tells what it sees.

use super::programs::PATIENCE;
use super::servers::{HELLO, NOT_FOUND, SILENCE, TRUNCATED, accept};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, RwLock};
use std::thread::{self, JoinHandle};

/// The first request of a connection was seen.
pub const FIRST: &str = "first";

/// A client was seen to leave without a whole answer.
pub const LEFT: &str = "left";

pub struct Keeper {
    address: SocketAddr,
    /// While it is held for writing, `/gated` is not answered.
    pub gate: Arc<RwLock<()>>,
    over: Arc<AtomicBool>,
    events: Receiver<String>,
    seen: Vec<String>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn start() -> Keeper {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(RwLock::new(()));
        let over = Arc::new(AtomicBool::new(false));
        let (tell, events) = channel();
        let thread = thread::spawn({
            let (gate, over) = (gate.clone(), over.clone());
            move || loop {
                let client = accept(&listener);
                if over.load(SeqCst) {
                    return;
                }
                let (gate, tell) = (gate.clone(), tell.clone());
                // A client may leave at any moment; whether it should have, its test judges.
                thread::spawn(move || serve_all(&client, &gate, &tell));
            }
        });
        Keeper { address, gate, over, events, seen: Vec::new(), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often it has seen this so far: a path that was asked for, or one of the constants.
    pub fn count(&mut self, event: &str) -> usize {
        self.seen.extend(self.events.try_iter());
        self.seen.iter().filter(|seen| *seen == event).count()
    }

    /// Waits until it has seen this so often.
    pub fn sees(&mut self, event: &str, times: usize) {
        while self.count(event) < times {
            match self.events.recv_timeout(PATIENCE) {
                Ok(seen) => self.seen.push(seen),
                Err(e) => panic!("{e} before {times} times {event:?}: {:?}", self.seen),
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the accept
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve_all(client: &TcpStream, gate: &RwLock<()>, tell: &Sender<String>) -> io::Result<()> {
    let say = |event: &str| drop(tell.send(event.to_owned())); // the test may be over
    let mut input = BufReader::new(client);
    let mut output = client;
    for number in 1.. {
        let Some(path) = read_request(&mut input)? else { break };
        if number == 1 {
            say(FIRST);
        }
        say(&path);
        // Behind a question mark stands what only the test looks at.
        let answer = match path.split('?').next().unwrap_or_default() {
            "/hello" => HELLO,
            "/gated" => {
                drop(gate.read());
                HELLO
            }
            "/truncated" => return output.write_all(TRUNCATED.as_bytes()),
            "/half" => TRUNCATED,
            "/silent" => SILENCE,
            _ => NOT_FOUND,
        };
        output.write_all(answer.as_bytes())?;
        if [TRUNCATED, SILENCE].contains(&answer) {
            let _ = io::copy(&mut input, &mut io::sink()); // ends as a FIN or an RST comes
            say(LEFT);
        }
    }
    Ok(())
}

/// Gives the path; `None` if the client has closed.
fn read_request(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(head.split(' ').nth(1).map(str::to_owned))
}
