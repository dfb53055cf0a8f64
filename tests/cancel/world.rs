//! One fetch and its server, both moved by the same thread.

use super::scenarios::{Kind, Place, Scenario, Step};
use super::support::*;
use ifetch::ffi::options::{ifetch_cancel_policy, ifetch_timeout};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a step waits for what may not come.
const MOMENT: Duration = Duration::from_millis(15);

pub(crate) struct World {
    // Dropped in this order: the fetch is freed before its client.
    fetch: Fetch,
    _client: Option<Client>,
    listeners: Vec<TcpListener>,
    /// What fills a silent listener's queue.
    _fillers: Vec<TcpStream>,
    link: Option<TcpStream>,
    place: Place,
    body: &'static [u8],
}

static BYTES: [u8; 16 << 20] = [b'x'; 16 << 20];

impl World {
    pub(crate) fn new(scenario: &Scenario) -> World {
        let place = scenario.place;
        let (listeners, fillers) = listen(place);
        let port = listeners.last().map_or(1, |l| l.local_addr().expect("it is bound").port());
        let url = match place {
            Place::Unanswered => "http://never.answered.example/".to_owned(),
            Place::SilentTwice | Place::SecondListening => format!("http://localhost:{port}/"),
            _ => format!("http://127.0.0.1:{port}/"),
        };
        let options = options_for(&scenario.kind);
        let client = scenario.kind.on_client.then(Client::new);
        let fetch = match &client {
            Some(client) => client.start(&url, &options),
            None => Fetch::start(url, &options),
        };
        World {
            fetch,
            _client: client,
            listeners,
            _fillers: fillers,
            link: None,
            place,
            body: &BYTES,
        }
    }

    pub(crate) fn step(&mut self, step: Step, context: &str) {
        match step {
            Step::Poll => {
                self.fetch.readable(MOMENT);
                self.fetch.poll();
            }
            Step::Settle => {
                let start = Instant::now();
                while self.fetch.readable(MOMENT) && self.fetch.poll() == IFETCH_PENDING {
                    assert!(start.elapsed() < PATIENCE, "it never settles, {context}");
                }
            }
            Step::Read(len) => {
                let mut buffer = vec![0; len];
                self.fetch.read(&mut buffer);
            }
            Step::Write(len) => {
                self.fetch.write(&self.body[..len]);
            }
            Step::WriteEnd => {
                self.fetch.write_end();
            }
            Step::Accept => {
                let (link, _) = self.listeners[0].accept().expect(context);
                link.set_nonblocking(true).expect("a socket option");
                self.link = Some(link);
            }
            Step::Take(len) => {
                // What is on its way arrives within a moment, over loopback.
                let mut buffer = vec![0; len];
                let start = Instant::now();
                while let Err(error) = self.link().read(&mut buffer) {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{context}");
                    if start.elapsed() > MOMENT {
                        break;
                    }
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
            Step::Send(text) => self.link().write_all(text.as_bytes()).expect(context),
            Step::Flood => while self.link().write(&BYTES[..65536]).is_ok() {},
            Step::Finish => self.link().shutdown(Shutdown::Write).expect(context),
            Step::Sleep(ms) => std::thread::sleep(Duration::from_millis(ms)),
        }
    }

    fn link(&mut self) -> &mut TcpStream {
        self.link.as_mut().expect("Accept comes first")
    }

    /// How it stands, without a poll that would move it.
    pub(crate) fn poll_quietly(&self) -> ifetch_status {
        match self.fetch.phase() {
            IFETCH_PHASE_ENDED => self.fetch.poll(),
            _ => IFETCH_PENDING,
        }
    }

    pub(crate) fn cancel(&self) {
        self.fetch.cancel();
    }

    /// Whether the descriptor becomes readable, sooner than a stuck lookup comes back.
    pub(crate) fn tells(&self) -> bool {
        self.fetch.readable(Duration::from_millis(500))
    }

    pub(crate) fn outcome(&self) -> ifetch_status {
        self.fetch.poll()
    }

    pub(crate) fn error_code(&self) -> ifetch_error {
        self.fetch.error()
    }

    /// The server sees an end, also of a connection that it has not taken yet, by the cancel
    /// alone: the fetch is neither polled nor freed meanwhile.
    pub(crate) fn assert_server_noticed(&mut self, context: &str) {
        let listening = matches!(self.place, Place::Listening | Place::SecondListening);
        if self.link.is_none() && listening {
            let listener = &self.listeners[0];
            listener.set_nonblocking(true).expect("a socket option");
            self.link = listener.accept().ok().map(|(link, _)| link);
        }
        let Some(link) = &mut self.link else {
            return;
        };
        link.set_nonblocking(false).expect("a socket option");
        link.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let mut buffer = vec![0; 1 << 16];
        loop {
            match link.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the server sees no end: {error}, {context}"),
            }
        }
    }
}

fn options_for(kind: &Kind) -> Options {
    let mut options = Options::new();
    if kind.stream {
        options = options.stream();
    }
    if kind.interim {
        options = options.interim();
    }
    if kind.upgrade {
        options = options.upgrade("x");
    }
    if kind.body > 0 {
        options = options.method("POST").body_borrowed(&BYTES[..kind.body]);
    }
    if kind.upload {
        options = options.method("POST").upload(-1);
    }
    if kind.deadline_ms > 0 {
        options = options.timeout(ifetch_timeout::IFETCH_TIMEOUT_TOTAL, kind.deadline_ms);
    }
    if kind.fin_only {
        options = options.cancel_policy(ifetch_cancel_policy::IFETCH_CANCEL_FIN);
    }
    options
}

fn listen(place: Place) -> (Vec<TcpListener>, Vec<TcpStream>) {
    let on = |address: &str| TcpListener::bind(address).expect("a loopback port");
    match place {
        Place::Listening => (vec![on("127.0.0.1:0")], vec![]),
        // Nobody listens on port 1 of a network of our own.
        Place::Refusing | Place::Unanswered => (vec![], vec![]),
        Place::Silent => {
            let (listener, filler) = full_listener();
            (vec![listener], vec![filler])
        }
        // Nobody listens on the other family's port of this number: in this network we are alone.
        Place::SecondListening => (vec![on("127.0.0.1:0")], vec![]),
        Place::SilentTwice => {
            let (v4, filler_v4) = full_listener();
            let port = v4.local_addr().expect("it is bound").port();
            let (v6, filler_v6) = full_listener_on(&format!("[::1]:{port}"));
            (vec![v4, v6], vec![filler_v4, filler_v6])
        }
    }
}
