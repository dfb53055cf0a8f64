//! The states of a fetch, and every transition between them.
//!
//! ```text
//!   start --a name--> Resolve --addresses--> Connect --a winner--> Exchange --complete--> Ended
//!     `---- an address, localhost --------------^
//!
//!   any state but Ended: cancelled, failed or past a deadline --> Ended
//! ```

use crate::connection::Context;
use crate::connection::exchange::Exchange;
use crate::connection::race::{Connected, Race};
use crate::error::{Error, Kind};
use crate::fetch::report::{Ending, Traffic};
use crate::fetch::response::Response;
use crate::fetch::{Fetch, Outcome, Phase};
use crate::proto::framing::Framing;
use crate::proto::h1::decode::Event as Decoded;
use crate::proto::head::{Fields, Head};
use crate::proto::target::{Address, Target};
use crate::transport::resolver::Lookup;
use crate::transport::sys::Event;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Debug)]
pub(crate) enum State {
    Resolve(Lookup),
    Connect(Race),
    Exchange(Exchange),
    Ended(Ended),
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Where it was then.
    pub(crate) phase: Phase,
    /// Why, unless it is complete.
    pub(crate) error: Option<Error>,
    /// What was sent and received, now that the connection has gone.
    traffic: Traffic,
}

impl Ended {
    /// The end of a fetch that could not even begin.
    pub(crate) fn unstarted(error: Error) -> Self {
        let outcome = Outcome::Failed;
        let traffic = Traffic::default();
        Self { outcome, phase: Phase::Resolving, error: Some(error), traffic }
    }
}

impl Fetch {
    /// The first state: nothing is waited for that is known already.
    pub(crate) fn first_state(target: &Target, cx: &mut Context<'_>) -> Result<State, Error> {
        if let Some(addresses) = known_addresses(target) {
            return Ok(State::Connect(Race::new(addresses)));
        }
        let name = target.host();
        cx.reactor.make_wake().map_err(|errno| {
            Error::with_os(Kind::System, errno.0, format!("look up {name}: {errno}"))
        })?;
        Lookup::start(&name, target.port(), cx.reactor.wake()).map(State::Resolve)
    }

    /// Something happened to one of the sockets.
    pub(crate) fn handle_event(&mut self, index: u8, event: Event) {
        match &mut self.state {
            State::Connect(race) => race.handle_event(index, event),
            State::Exchange(exchange) => exchange.handle_event(index, event),
            State::Resolve(_) | State::Ended(_) => {}
        }
    }

    /// Goes through the states as far as it can without waiting.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        let result = self.advance(cx);
        if let State::Exchange(exchange) = &mut self.state {
            exchange.park(cx);
        }
        match result {
            Ok(Some(outcome)) => self.end(outcome, None, cx),
            Ok(None) => {}
            Err(error) => self.end(Outcome::Failed, Some(error), cx),
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Error> {
        loop {
            if matches!(self.state, State::Ended(_)) {
                return Ok(None);
            }
            if cx.cancel.is_cancelled() {
                return Ok(Some(Outcome::Cancelled));
            }
            self.check_deadline(cx)?;
            let next = match &mut self.state {
                State::Resolve(lookup) => match lookup.poll() {
                    None => return Ok(None),
                    Some(addresses) => State::Connect(Race::new(addresses?)),
                },
                State::Connect(race) => {
                    self.times.connecting.get_or_insert(cx.now);
                    let polled = race.poll(cx);
                    self.attempts = race.attempts();
                    match polled {
                        None => return Ok(None),
                        Some(Ok(connected)) => self.begin_exchange(connected, cx),
                        Some(Err(error)) => return Err(self.explain_connect(error)),
                    }
                }
                State::Exchange(_) => return self.exchange(cx),
                State::Ended(_) => return Ok(None),
            };
            self.state = next;
        }
    }

    fn begin_exchange(&mut self, connected: Connected, cx: &Context<'_>) -> State {
        // The winner is an attempt as well.
        self.attempts += 1;
        self.times.sending = Some(cx.now);
        State::Exchange(Exchange::new(connected, cx.now))
    }

    /// Sends and receives what can be, and takes what comes of it.
    fn exchange(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Error> {
        let State::Exchange(exchange) = &mut self.state else {
            return Ok(None);
        };
        exchange.pump_request(cx, &self.options.request, &self.target);
        if self.upload_ended {
            exchange.write_end(cx.now)?;
        }
        if exchange.sending().is_over() {
            self.times.waiting.get_or_insert(cx.now);
        }
        let rules = self.options.rules();
        while self.response.is_none() {
            let event = exchange.poll_head(cx, &rules, !self.options.streams());
            if exchange.received() > 0 {
                self.times.first_byte.get_or_insert(cx.now);
            }
            match event? {
                None | Some(Decoded::End(_)) => return Ok(None),
                Some(Decoded::Interim(head)) => {
                    if self.options.interim {
                        self.interim.get_or_insert_default().push(head);
                    }
                }
                Some(Decoded::Head(head, framing)) => {
                    let response = accept(exchange, head, framing, self.options.streams());
                    self.response = Some(Box::new(response));
                    self.times.receiving = Some(cx.now);
                    break;
                }
            }
        }
        self.receive_body(cx)
    }

    /// Collects what has come. A body that the caller reads is left where it is.
    fn receive_body(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Error> {
        let (State::Exchange(exchange), Some(response)) = (&mut self.state, &mut self.response)
        else {
            return Ok(None);
        };
        let rules = self.options.rules();
        let limit = self.options.body_limit();
        if let Some(length) = response.expected.filter(|&n| n > limit && !self.options.streams()) {
            let url = self.target.url().to_string_lossy();
            let why = format!("fetch {url}: its body of {length} bytes is longer than {limit}");
            return Err(Error::new(Kind::BodyTooLarge, why));
        }
        let collected = response.collect(|body| exchange.collect(cx, &rules, body, limit));
        let trailers = match collected {
            Some(result) => result?,
            None => exchange.settle(&rules)?,
        };
        Ok(trailers.map(|trailers| self.complete(trailers)))
    }

    fn complete(&mut self, trailers: Fields) -> Outcome {
        if let Some(response) = &mut self.response {
            response.trailers = trailers;
        }
        Outcome::Complete
    }

    /// The caller reads; says how many bytes it got.
    pub(crate) fn read(&mut self, cx: &mut Context<'_>, to: &mut [u8]) -> Result<usize, Error> {
        if !self.options.streams() {
            return Err(Error::new(Kind::WrongState, "read the body: it is being collected"));
        }
        let mut count = 0;
        if let (State::Exchange(exchange), Some(response)) = (&mut self.state, &mut self.response)
            && !cx.cancel.is_cancelled()
        {
            let rules = self.options.rules();
            let result = exchange.read(cx, &rules, to, &mut count);
            exchange.park(cx);
            response.handle_streamed(count);
            match result {
                Ok(None) => {}
                Ok(Some(trailers)) => {
                    let outcome = self.complete(trailers);
                    self.end(outcome, None, cx);
                }
                Err(error) => self.end(Outcome::Failed, Some(error), cx),
            }
        }
        Ok(count)
    }

    /// The caller writes; says how many bytes were taken.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Result<usize, Error> {
        let is_tunnel = self.head().is_some_and(|head| head.status == 101);
        if !(self.options.uploads() || is_tunnel) || self.upload_ended {
            return Err(Error::new(Kind::WrongState, "write the request body: it is not streamed"));
        }
        match &mut self.state {
            State::Exchange(exchange) => {
                let count = exchange.write(data, cx.now)?;
                if exchange.sending().is_over() {
                    self.times.waiting.get_or_insert(cx.now);
                }
                Ok(count)
            }
            // What is written after the end goes nowhere.
            State::Ended(_) => Ok(data.len()),
            State::Resolve(_) | State::Connect(_) => Ok(0),
        }
    }

    /// The one way into `Ended`. A cancel that came first wins.
    pub(crate) fn end(&mut self, outcome: Outcome, error: Option<Error>, cx: &Context<'_>) {
        let phase = self.phase();
        if phase == Phase::Ended {
            return;
        }
        let (outcome, error) = match cx.cancel.end() {
            true => (outcome, error),
            false => (Outcome::Cancelled, Some(cancelled(phase, &self.target))),
        };
        self.times.ended = Some(cx.now);
        let mut traffic = self.traffic_now();
        match &mut self.state {
            State::Exchange(exchange) => {
                // A request that the server still waits for must not end as if it were complete.
                let orderly = outcome == Outcome::Complete && exchange.sending().is_complete();
                if !orderly {
                    exchange.abort();
                }
                traffic.ending = self.ending(orderly);
            }
            State::Connect(race) if outcome != Outcome::Complete => race.abort(),
            State::Connect(_) | State::Resolve(_) | State::Ended(_) => {}
        }
        self.state = State::Ended(Ended { outcome, phase, error, traffic });
    }

    fn ending(&self, orderly: bool) -> Ending {
        use crate::fetch::options::Policy;
        if orderly || self.options.policy == Policy::Finish {
            Ending::Finished
        } else {
            Ending::Reset
        }
    }

    fn check_deadline(&self, cx: &Context<'_>) -> Result<(), Error> {
        let Some((at, timer)) = self.next_timer() else {
            return Ok(());
        };
        match timer.failure() {
            Some((kind, waited_for)) if at <= cx.now => {
                let url = self.target.url().to_string_lossy();
                let why = format!("fetch {url}: it took too long to {waited_for}");
                Err(Error::new(kind, why))
            }
            _ => Ok(()),
        }
    }

    fn explain_connect(&self, error: Error) -> Error {
        match self.target.address() {
            Address::Numeric(_) => error.behind("connect to "),
            Address::Name(name) => {
                error.behind(&format!("connect to {name}:{}: ", self.target.port()))
            }
        }
    }

    /// What has been sent and received so far.
    pub(crate) fn traffic_now(&self) -> Traffic {
        let attempts = self.attempts;
        match &self.state {
            State::Exchange(exchange) => Traffic {
                sent: exchange.sending().sent(),
                received: exchange.received(),
                attempts,
                interim: exchange.interim_seen(),
                may_have_acted: exchange.sending().head_is_out(),
                ending: Ending::None,
            },
            State::Ended(ended) => ended.traffic,
            State::Resolve(_) | State::Connect(_) => Traffic { attempts, ..Traffic::default() },
        }
    }
}

/// Takes a final head.
fn accept(exchange: &mut Exchange, head: Head, framing: Framing, streams: bool) -> Response {
    if head.status == 101 {
        exchange.switch();
    } else if head.status >= 400 {
        exchange.stop_request();
    }
    Response::new(head, framing, streams)
}

fn cancelled(phase: Phase, target: &Target) -> Error {
    let url = target.url().to_string_lossy();
    let doing = match phase {
        Phase::Resolving => "looking up its host",
        Phase::Connecting => "connecting",
        Phase::Sending => "sending the request",
        Phase::Waiting => "waiting for the response",
        Phase::Receiving => "receiving the response",
        Phase::Ended => "ending",
    };
    Error::new(Kind::Cancelled, format!("fetch {url}: cancelled while {doing}"))
}

/// The addresses of hosts that need no lookup: numeric ones, and localhost, which is the loopback
/// address everywhere (RFC 6761 section 6.3).
fn known_addresses(target: &Target) -> Option<Vec<SocketAddr>> {
    let port = target.port();
    let is_localhost = |name: &str| name == "localhost" || name.ends_with(".localhost");
    match target.address() {
        Address::Numeric(ip) => Some(vec![SocketAddr::new(*ip, port)]),
        Address::Name(name) if is_localhost(name) => {
            let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
            Some(both.map(|ip| SocketAddr::new(ip, port)).to_vec())
        }
        Address::Name(_) => None,
    }
}
