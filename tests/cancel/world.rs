//! One fetch and its server, both moved by the same thread.

use super::names::Names;
use super::scenarios::{Kind, Other, Place, Scenario, Step};
use super::support::*;
use super::ways::Way;
use ifetch::ffi::client::ifetch_client_limit::IFETCH_CLIENT_LIMIT_CONNECTIONS;
use ifetch::ffi::options::{ifetch_cancel_policy, ifetch_timeout};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a step waits for what may not come.
const MOMENT: Duration = Duration::from_millis(15);

/// Another fetch of the same client, and the server's end of its connection.
type Running = (Fetch, Option<Wire>);

pub(crate) struct World {
    // Dropped in this order: the fetches are freed before their client.
    fetch: Fetch,
    other: Option<Running>,
    _client: Option<Client>,
    listeners: Vec<TcpListener>,
    /// What fills a silent listener's queue.
    _fillers: Vec<TcpStream>,
    names: Names,
    /// The server's ends of the fetch's connections.
    links: Vec<Wire>,
    secure: Option<&'static Secure>,
    place: Place,
    drains: bool,
    body: &'static [u8],
    way: Way,
    /// A token, and the one above it.
    tokens: (Token, Token),
}

static BYTES: [u8; 16 << 20] = [b'x'; 16 << 20];

impl World {
    pub(crate) fn new(scenario: &Scenario, secure: Option<&'static Secure>, way: Way) -> World {
        let place = scenario.place;
        let (listeners, fillers) = listen(place);
        let names = Names::new(place);
        let port = listeners.last().map_or(1, |l| l.local_addr().expect("it is bound").port());
        let url = match place {
            Place::Unanswered | Place::NameOverTcp | Place::NameOverSilentTcp => {
                "http://never.answered.example/".to_owned()
            }
            Place::UnansweredBySystem => "http://never.answered.local/".to_owned(),
            Place::SilentTwice | Place::SecondListening => format!("http://localhost:{port}/"),
            _ => format!("http://127.0.0.1:{port}/"),
        };
        let mut options = options_for(&scenario.kind);
        // The same for all fetches, or they would not share connections.
        let settings = secure.map(Secure::settings);
        let url = match &settings {
            None => url,
            Some(settings) => {
                options = options.tls(settings);
                url.replace("http:", "https:")
            }
        };
        let above = Token::new();
        let token = above.child();
        if way.needs_token() {
            options = options.token(&token);
        }
        let other = scenario.kind.other;
        let client = (scenario.kind.on_client || other != Other::IsNone).then(Client::new);
        let (other, links) = match &client {
            Some(client) => {
                start_other(other, client, &url, &listeners, secure.zip(settings.as_ref()))
            }
            None => (None, Vec::new()),
        };
        let fetch = match &client {
            Some(client) => client.start(&url, &options),
            None => Fetch::start(url, &options),
        };
        World {
            fetch,
            other,
            _client: client,
            listeners,
            _fillers: fillers,
            names,
            links,
            secure,
            place,
            drains: scenario.kind.drains,
            body: &BYTES,
            way,
            tokens: (token, above),
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
            Step::Accept | Step::AcceptOnly => {
                let (link, _) = self.listeners[0].accept().expect(context);
                let mut link = Wire::new(link, self.secure.map(|secure| &secure.config));
                if matches!(step, Step::Accept) {
                    link.greet(|| _ = self.fetch.poll());
                }
                self.links.push(link);
            }
            Step::Hear => {
                std::thread::sleep(MOMENT);
                self.link().hear();
            }
            Step::Say(count) => self.link().say(count),
            Step::Refresh => self.link().refresh(),
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
            Step::Send(text) => {
                self.link().write_all(text.as_bytes()).expect(context);
                self.link().flush().expect(context);
            }
            Step::Flood => while self.link().write(&BYTES[..65536]).is_ok() {},
            Step::Finish => self.link().finish(),
            Step::AnswerOther => {
                let (other, link) = self.other.take().expect("there is another");
                let mut link = link.expect("it has a connection");
                link.write_all(HELLO.as_bytes()).expect(context);
                link.flush().expect(context);
                assert_eq!(other.finish().status, IFETCH_DONE, "{context}");
                // Its connection goes to the fetch, which has waited for it.
                self.links.push(link);
            }
            Step::Name(answer) => self.names.answer(answer),
            Step::AcceptName => self.names.accept(),
            Step::SendName(len) => self.names.send(len),
            Step::CloseName => self.names.close(),
            Step::Sleep(ms) => std::thread::sleep(Duration::from_millis(ms)),
        }
    }

    fn link(&mut self) -> &mut Wire {
        self.links.last_mut().expect("Accept comes first")
    }

    /// How it stands, without a poll that would move it.
    pub(crate) fn poll_quietly(&self) -> ifetch_status {
        match self.fetch.phase() {
            IFETCH_PHASE_ENDED => self.fetch.poll(),
            _ => IFETCH_PENDING,
        }
    }

    pub(crate) fn cancel(&self) {
        self.way.cancel(&self.fetch, &self.tokens);
    }

    /// Which of the server's ends see that the client has ended the connection.
    pub(crate) fn hung_up(&self) -> Vec<bool> {
        let of_other = self.other.iter().filter_map(|(_, link)| link.as_ref());
        self.links.iter().chain(of_other).map(|link| has_hung_up(link.stream())).collect()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.fetch.phase() == IFETCH_PHASE_ENDED
    }

    /// How the fetch ends, if it still comes to an end by itself.
    pub(crate) fn outcome_in_the_end(&self) -> ifetch_status {
        while self.fetch.readable(MOMENT) && !self.is_ended() {
            let mut buffer = [0; 4096];
            if self.fetch.poll() == IFETCH_READABLE {
                self.fetch.read(&mut buffer);
            }
        }
        self.fetch.poll()
    }

    /// Who is reported to have cancelled it.
    pub(crate) fn canceller(&self) -> i32 {
        self.fetch.report().canceller
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

    /// Whether a cancel would leave the connection to the client.
    pub(crate) fn would_drain(&self) -> bool {
        self.drains && self.fetch.phase() == IFETCH_PHASE_RECEIVING
    }

    /// The server sees an end of every connection of the fetch, also of one that it has not taken
    /// yet, by the cancel alone: the fetch is neither polled nor freed meanwhile.
    pub(crate) fn assert_server_noticed(&mut self, context: &str) {
        let listening = matches!(self.place, Place::Listening | Place::SecondListening);
        if listening {
            let listener = &self.listeners[0];
            listener.set_nonblocking(true).expect("a socket option");
            self.links.extend(listener.accept().ok().map(|(link, _)| Wire::new(link, None)));
        }
        for link in self.links.iter().map(Wire::stream) {
            link.set_nonblocking(false).expect("a socket option");
            link.set_read_timeout(Some(PATIENCE)).expect("a socket option");
            assert!(is_ended(link), "the server sees no end, {context}");
        }
    }

    /// What is not the fetch's, or not any more, goes on.
    pub(crate) fn assert_others_are_unharmed(&mut self, is_drained: bool, context: &str) {
        let of_other = self.other.iter_mut().filter_map(|(_, link)| link.as_mut());
        let drained = self.links.iter_mut().filter(|_| is_drained);
        for link in of_other.chain(drained).map(|link| link.stream()) {
            link.set_nonblocking(true).expect("a socket option");
            assert!(!is_ended(link), "another's connection has ended, {context}");
        }
        if let Some((other, _)) = &self.other {
            assert_ne!(other.phase(), IFETCH_PHASE_ENDED, "{context}");
        }
    }
}

/// Reads until nothing more comes, and says whether the client has ended the connection.
fn is_ended(mut link: &TcpStream) -> bool {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match link.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Starts another fetch before the one that is cancelled, and lets it come as far as it is to.
/// Gives it, if it still runs, and the connections that it has left.
fn start_other(
    other: Other,
    client: &Client,
    url: &str,
    listeners: &[TcpListener],
    secure: Option<(&Secure, &Tls)>,
) -> (Option<Running>, Vec<Wire>) {
    if other == Other::IsNone {
        return (None, Vec::new());
    }
    // Without deadlines and the like, but with whom to trust.
    let options = match secure {
        None => Options::new(),
        Some((_, settings)) => Options::new().tls(settings),
    };
    let fetch = client.start(url, &options);
    if other == Other::LooksUpTheName {
        return (Some((fetch, None)), Vec::new());
    }
    let (link, _) = listeners[0].accept().expect("it connects");
    let mut link = Wire::new(link, secure.map(|(secure, _)| &secure.config));
    link.greet(|| _ = client.poll());
    client.drive_until_sent(&fetch);
    let start = Instant::now();
    while !link.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
        assert!(start.elapsed() < PATIENCE, "no request");
    }
    if other == Other::HasTheOnlyConnection {
        client.set_limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1);
        return (Some((fetch, Some(link))), Vec::new());
    }
    link.write_all(HELLO.as_bytes()).expect("the client takes it");
    link.flush().expect("the client takes it");
    assert_eq!(fetch.finish().status, IFETCH_DONE);
    if other == Other::HasLeftADeadConnection {
        link.finish();
        std::thread::sleep(2 * MOMENT);
    }
    (None, vec![link])
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
    if kind.drains {
        options = options.cancel_policy(ifetch_cancel_policy::IFETCH_CANCEL_DRAIN);
    }
    options
}

fn listen(place: Place) -> (Vec<TcpListener>, Vec<TcpStream>) {
    let on = |address: &str| TcpListener::bind(address).expect("a loopback port");
    match place {
        Place::Listening => (vec![on("127.0.0.1:0")], vec![]),
        // Nobody listens on port 1 of a network of our own.
        Place::Refusing
        | Place::Unanswered
        | Place::UnansweredBySystem
        | Place::NameOverTcp
        | Place::NameOverSilentTcp => (vec![], vec![]),
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
