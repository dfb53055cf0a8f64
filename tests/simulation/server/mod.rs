//! The servers of the world: each connection has one that follows a script.
//!
//! ```text
//!   Open --has answered--> Open --Fin, Rst, the client ends--> Closed
//!     `---- has had enough: it answers nothing more ---------> Silent
//! ```

mod hostile;
mod responses;
pub(crate) mod script;
mod secure;
pub(crate) mod tls;

use crate::error::Kind;
use crate::simulation::random::Random;
use crate::simulation::world::connection::Connection;
use crate::simulation::world::requests::Request;
use crate::simulation::world::{Event, World};
use script::{After, Pace, Script, Step};
use std::collections::VecDeque;
use tls::Session;

#[derive(Debug)]
pub(crate) struct Server {
    /// TLS, if it is spoken.
    pub(crate) session: Option<Box<Session>>,
    state: State,
    reading: Reading,
    /// Bytes that have arrived, and how many of them it has not read.
    arrived: u64,
    unread: usize,
    /// How many requests it has answered, or begun to.
    pub(crate) served: usize,
    /// What it will do about the next one, once enough of it has come.
    next: Option<Script>,
    steps: VecDeque<Step>,
    is_pushing: bool,
    /// Whether it waits for the client to read.
    is_stalled: bool,
    window: usize,
    /// When it closed its end of the connection, as the client sees it.
    pub(crate) closed_at: Option<u64>,
    /// When it sent bytes that nobody had asked for.
    pub(crate) stray_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Silent,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    AtOnce,
    Slowly { piece: usize },
    Never,
}

/// One answer to one request, as the server means it.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) number: usize,
    pub(crate) connection: usize,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// What a fetch may fail with that gets this.
    pub(crate) allowed: &'static [Kind],
    /// Whether all of it, or of what the client can take for all of it, has reached the client.
    pub(crate) is_delivered: bool,
    /// Whether it is an answer that a fetch could be DONE with.
    pub(crate) is_sound: bool,
    /// What it is, for those who read the story.
    pub(crate) name: &'static str,
}

/// How long bytes wait in one that reads slowly.
const READING_NS: u64 = 3_000_000;

impl Server {
    pub(crate) fn new(random: &mut Random) -> Self {
        let reading = match random.below(24) {
            0 => Reading::Never,
            1..=3 => Reading::Slowly { piece: random.one_of(&[50, 1_000, 20_000]) },
            _ => Reading::AtOnce,
        };
        Self {
            session: None,
            state: State::Open,
            reading,
            arrived: 0,
            unread: 0,
            served: 0,
            next: None,
            steps: VecDeque::new(),
            is_pushing: false,
            is_stalled: false,
            window: random.one_of(&[500, 8_000, 200_000]),
            closed_at: None,
            stray_at: None,
        }
    }

    /// It does nothing more.
    pub(crate) fn stop(&mut self) {
        self.state = State::Closed;
        self.steps.clear();
        self.session.iter_mut().for_each(|session| session.stop());
    }

    /// Takes what it will have told by the end of the connection, which comes now; it says nothing
    /// more.
    fn take_told(&mut self) -> VecDeque<Step> {
        self.steps.drain(..).take_while(|step| matches!(step, Step::Delivered(_))).collect()
    }

    /// Whether nothing more can be expected of it.
    pub(crate) fn is_silent(&self) -> bool {
        self.state == State::Silent || self.reading == Reading::Never
    }
}

impl Connection {
    pub(crate) fn is_idle(&self) -> bool {
        let server = &self.server;
        let is_done = self.requests.list.len() == server.served && server.next.is_none();
        server.state == State::Open
            && server.steps.is_empty()
            && is_done
            && !server.has_records()
            && self.requests.list.last().is_none_or(|last| match &server.session {
                None => last.end == Some(server.arrived),
                // More may come than requests.
                Some(_) => last.end.is_some_and(|end| end <= server.arrived),
            })
    }
}

impl World {
    fn server(&mut self, connection: usize) -> &mut Server {
        &mut self.connections[connection].server
    }

    /// A connection has been established.
    pub(crate) fn accept(&mut self, connection: usize) {
        let nature = self.habits.nature(self.connections[connection].address.port());
        self.accept_tls(connection);
        if self.random.below(100) < nature.resets {
            self.push_steps(connection, 0, [Step::Rst]);
        } else if let Some(tired_ns) = nature.tired_ns {
            let delay = tired_ns + self.random.below(tired_ns);
            self.later(delay, Event::GrowsTired(connection, 0));
        }
    }

    /// So many bytes of the client arrive.
    pub(crate) fn server_gets(&mut self, connection: usize, count: usize) {
        let latency = self.connections[connection].latency_ns;
        let server = self.server(connection);
        match (server.state, server.reading) {
            // Nobody is there any more, and the system says so.
            (State::Closed, _) => self.later(latency, Event::Reset(connection)),
            (_, Reading::Never) => {}
            (_, Reading::AtOnce) => self.server_takes(connection, count),
            (_, Reading::Slowly { .. }) => {
                server.unread += count;
                self.later(READING_NS, Event::Reads(connection));
            }
        }
    }

    pub(crate) fn server_reads(&mut self, connection: usize) {
        let server = self.server(connection);
        let Reading::Slowly { piece } = server.reading else {
            return;
        };
        let count = server.unread.min(piece);
        server.unread -= count;
        if server.unread > 0 {
            self.later(READING_NS, Event::Reads(connection));
        }
        if count > 0 {
            self.server_takes(connection, count);
        }
    }

    fn server_takes(&mut self, connection: usize, count: usize) {
        self.server(connection).arrived += count as u64;
        let latency = self.connections[connection].latency_ns;
        self.later(latency, Event::Acknowledged(connection, count));
        self.answer_tls(connection);
        self.serve(connection);
    }

    /// Answers requests of which enough has come.
    fn serve(&mut self, connection: usize) {
        loop {
            let Connection { requests, server, .. } = &self.connections[connection];
            let Some(request) = requests.list.get(server.served) else {
                return;
            };
            if server.state != State::Open || server.arrived < request.head_end {
                return;
            }
            let request = request.clone();
            let arrived = server.arrived;
            let script = match self.server(connection).next.take() {
                Some(script) => script,
                None => self.script_for(connection, &request),
            };
            let is_due = match script.after {
                After::Head => true,
                After::Bytes(count) => arrived >= request.head_end + count,
                After::Request => false,
            };
            if !is_due && request.end.is_none_or(|end| arrived < end) {
                self.server(connection).next = Some(script);
                return;
            }
            self.server(connection).served += 1;
            self.push_steps(connection, script.think_ns, script.steps);
        }
    }

    /// What to do about a request, and a note of what is meant by it.
    fn script_for(&mut self, connection: usize, request: &Request) -> Script {
        let number = request.number;
        let nth = self.servings.iter().filter(|serving| serving.number == number).count();
        let nature = self.habits.nature(self.connections[connection].address.port());
        let seat = self.servings.len();
        let mut random = Random::new(self.random.number());
        let (script, mut serving) =
            script::draw(&self.plans[number], nth as u64, seat, nature, &mut random);
        serving.connection = connection;
        self.note("serve", connection as u64, number as u64);
        self.trace(|_| {
            let Serving { name, status, body, .. } = &serving;
            let (len, after) = (body.len(), script.after);
            format!("  {name}: {status}, {len} bytes, after {after:?}")
        });
        self.servings.push(serving);
        script
    }

    fn push_steps(&mut self, connection: usize, delay: u64, steps: impl IntoIterator<Item = Step>) {
        let latency = self.connections[connection].latency_ns;
        let server = self.server(connection);
        server.steps.extend(steps);
        if !server.is_pushing {
            server.is_pushing = true;
            self.later(delay + latency, Event::Pushes(connection));
        }
    }

    /// The next piece of what a server has to say reaches the client.
    pub(crate) fn server_pushes(&mut self, connection: usize) {
        self.server(connection).is_pushing = false;
        let gap = match self.server(connection).has_records() {
            true => self.push_records(connection),
            false => self.take_step(connection),
        };
        let Some(gap) = gap else {
            return;
        };
        while !self.server(connection).has_records()
            && let Some(&Step::Delivered(serving)) = self.server(connection).steps.front()
        {
            self.server(connection).steps.pop_front();
            self.servings[serving].is_delivered = true;
            self.grow_tired(connection);
        }
        let server = self.server(connection);
        if !server.steps.is_empty() || server.has_records() {
            server.is_pushing = true;
            self.later(gap, Event::Pushes(connection));
        }
    }

    /// Does what comes next. How long it is to what comes behind it; nothing if it has to wait.
    fn take_step(&mut self, connection: usize) -> Option<u64> {
        match self.server(connection).steps.pop_front()? {
            Step::Bytes { bytes, at, pace } => {
                let Some(waiting) = self.inbox_len(connection) else {
                    // The client is gone: what is sent to it is answered with a reset, or lost.
                    self.fill(connection, b"?");
                    self.server(connection).stop();
                    return None;
                };
                let server = self.server(connection);
                if waiting >= server.window {
                    server.steps.push_front(Step::Bytes { bytes, at, pace });
                    server.is_stalled = true;
                    return None;
                }
                let count = (1 + self.random.below(pace.piece) as usize).min(bytes.len() - at);
                let gap = self.random.below(pace.gap_ns + 1);
                let piece = &bytes[at..at + count];
                match &mut self.server(connection).session {
                    None => self.fill(connection, piece),
                    Some(session) => session.say(piece),
                }
                let at = at + count;
                if at < bytes.len() {
                    self.server(connection).steps.push_front(Step::Bytes { bytes, at, pace });
                }
                return Some(gap);
            }
            Step::Pause(ns) => return Some(ns),
            Step::Fin if self.says_goodbye(connection) => {}
            Step::Fin => self.server_closes(connection, false),
            Step::Rst => self.server_closes(connection, true),
            Step::Silence => {
                let server = self.server(connection);
                server.state = State::Silent;
                server.steps.clear();
                return None;
            }
            Step::Stray(bytes) => {
                let records = self.encrypt_at_once(connection, bytes);
                if !records.is_empty() {
                    let now = self.now();
                    self.server(connection).stray_at.get_or_insert(now);
                    self.fill(connection, &records);
                }
            }
            Step::NewKeys => {
                self.server(connection).session.iter_mut().for_each(|session| session.renew_keys());
            }
            Step::Forged => {
                self.server(connection).session.iter_mut().for_each(|session| session.forge());
            }
            delivered @ Step::Delivered(_) => {
                self.server(connection).steps.push_front(delivered);
            }
        }
        Some(0)
    }

    fn server_closes(&mut self, connection: usize, reset: bool) {
        let now = self.now();
        let server = self.server(connection);
        server.closed_at.get_or_insert(now);
        server.state = State::Closed;
        let told = server.take_told();
        // What ends with the connection is delivered with its end, an orderly one.
        if !reset && server.session.is_none() {
            server.steps = told;
        }
        self.end_of_server(connection, reset);
    }

    /// What the client has sent reached nobody.
    pub(crate) fn server_refuses(&mut self, connection: usize) {
        let now = self.now();
        self.server(connection).closed_at.get_or_insert(now);
        self.end_of_server(connection, true);
    }

    /// The client has read: there may be room for more.
    pub(crate) fn resume(&mut self, connection: usize) {
        let latency = self.connections[connection].latency_ns;
        let server = self.server(connection);
        if server.is_stalled {
            server.is_stalled = false;
            server.is_pushing = true;
            self.later(2 * latency, Event::Pushes(connection));
        }
    }

    /// The client has ended its direction.
    pub(crate) fn server_sees_end(&mut self, connection: usize) {
        if self.server(connection).state == State::Open {
            let now = self.now();
            let server = self.server(connection);
            server.closed_at.get_or_insert(now);
            server.stop();
        }
    }

    fn grow_tired(&mut self, connection: usize) {
        let nature = self.habits.nature(self.connections[connection].address.port());
        if let Some(tired_ns) = nature.tired_ns {
            let served = self.server(connection).served;
            let delay = tired_ns + self.random.below(tired_ns);
            self.later(delay, Event::GrowsTired(connection, served));
        }
    }

    pub(crate) fn server_grows_tired(&mut self, connection: usize, served: usize) {
        if self.server(connection).served != served || !self.connections[connection].is_idle() {
            return;
        }
        self.note("grows tired", connection as u64, served as u64);
        let steps: &[Step] = match self.random.below(8) {
            0 => &[Step::Stray(script::TIMED_OUT), Step::Fin],
            1 => &[Step::Rst],
            _ => &[Step::Fin],
        };
        self.push_steps(connection, 0, steps.iter().cloned());
    }
}

impl Pace {
    fn new(len: usize, random: &mut Random) -> Self {
        let piece = random.one_of(&[1, 7, 100, 1_460, 65_536]).max(len as u64 / 60 + 1);
        let gap_ns = random.one_of(&[0, 0, 2_000, 100_000, 20_000_000]);
        Self { piece, gap_ns }
    }
}
