//! The states of a fetch, and every transition between them.
//!
//! ```text
//!   Begin --the limit of a client--> Queue
//!     |                                |
//!     |<------ a place is free --------'
//!     |
//!     |-- a name --> Resolve --addresses--> Connect --a winner--> Exchange --complete--> Ended
//!     |-- an address, localhost ---------------^  |                 ^   |
//!     |                                           `--> Handshake ---|   |
//!     |                                                             |   |
//!     `-- a kept connection ----------------------------------------'   |
//!               ^                                                       |
//!               `-- it had died: once more, with a new one -------------'
//!
//!   any state but Ended: cancelled, failed or past a deadline --> Ended
//! ```

use crate::connection::Context;
use crate::connection::exchange::Exchange;
use crate::connection::handshake::{Connected, Handshake};
use crate::connection::names::Asked;
use crate::connection::pool::{Claim, Ticket};
use crate::connection::race::{Race, Winner};
use crate::error::{Error, Kind};
use crate::fetch::ending::Ended;
use crate::fetch::report::{LookupKind, Times};
use crate::fetch::{Earlier, Fetch, Outcome, identity};
use crate::proto::target::Address;
use crate::transport::answer::Answer;
use crate::transport::sys::{Errno, Event};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) enum State {
    /// `site` is where the pool may know the origin.
    Begin {
        site: u32,
    },
    Queue(Ticket),
    /// Waits for the addresses of this name.
    Resolve(Arc<str>),
    Connect(Race),
    /// Of TLS.
    Handshake(Handshake),
    Exchange(Exchange),
    Ended(Ended),
}

impl Fetch {
    /// Something happened to one of the sockets.
    pub(crate) fn handle_event(&mut self, event: Event) {
        match &mut self.state {
            State::Connect(race) => race.handle_event(event),
            State::Handshake(handshake) => handshake.handle_event(event),
            State::Exchange(exchange) => exchange.handle_event(event),
            State::Begin { .. } | State::Queue(_) | State::Resolve(_) | State::Ended(_) => {}
        }
    }

    /// Its turn in a queue has come. Gives the claim back if it does not wait any more.
    pub(crate) fn handle_grant(&mut self, claim: Claim, cx: &mut Context<'_>) -> Option<Claim> {
        if !matches!(self.state, State::Queue(_)) || cx.cancel.is_cancelled() {
            // A cancel that came meanwhile touches no connection.
            self.drive(cx);
            return Some(claim);
        }
        let claim = cx.pool.accept(claim, cx.key, self.is_careful(), cx.now);
        let entered = self.enter(claim, cx);
        self.go_on(entered, cx);
        None
    }

    /// A lookup that it may wait for has been answered.
    pub(crate) fn handle_answer(&mut self, answer: &Answer, cx: &mut Context<'_>) {
        if matches!(self.state, State::Resolve(_)) {
            let entered = self.connect_to(answer);
            self.go_on(entered, cx);
        }
    }

    fn go_on(&mut self, entered: Result<(), Error>, cx: &mut Context<'_>) {
        match entered {
            Ok(()) => self.drive(cx),
            Err(error) => self.end(Outcome::Failed, Some(error), cx),
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
            if cx.cancel.is_cancelled() || self.is_past_token(cx) {
                return Ok(Some(Outcome::Cancelled));
            }
            self.check_deadline(cx)?;
            // What begins a fetch is not inlined: those that have begun need not pay for it.
            let goes_on = match self.state {
                State::Begin { site } => self.begin(site, cx).map(|()| true)?,
                State::Connect(_) => self.has_connected(cx)?,
                State::Handshake(_) => self.has_shaken_hands(cx)?,
                State::Exchange(_) => match self.exchange(cx) {
                    Err(error) => self.retry(error, cx).map(|()| true)?,
                    result => return result,
                },
                State::Queue(_) | State::Resolve(_) | State::Ended(_) => false,
            };
            if !goes_on {
                return Ok(None);
            }
        }
    }

    #[inline(never)]
    fn has_connected(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let State::Connect(race) = &mut self.state else {
            return Ok(false);
        };
        self.times.connecting.get_or_insert(cx.now);
        match race.poll(cx) {
            None => return Ok(false),
            Some(Ok(winner)) => self.take_winner(winner, cx)?,
            Some(Err(error)) => return Err(self.explain_connect(error, cx)),
        }
        Ok(true)
    }

    #[inline(never)]
    fn has_shaken_hands(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let State::Handshake(handshake) = &mut self.state else {
            return Ok(false);
        };
        if !handshake.poll().map_err(|error| self.explain_handshake(error))? {
            return Ok(false);
        }
        let between = State::Begin { site: u32::MAX };
        if let State::Handshake(handshake) = std::mem::replace(&mut self.state, between) {
            self.begin_exchange(handshake.into(), cx);
        }
        Ok(true)
    }

    /// Asks for a connection.
    #[inline(never)]
    fn begin(&mut self, site: u32, cx: &mut Context<'_>) -> Result<(), Error> {
        let careful = self.is_careful();
        let mut room = std::mem::take(cx.buffer);
        let origin = identity::origin(&self.target, &self.options, cx, &mut room);
        let claim = cx.pool.claim(origin, site, cx.key, careful, cx.now);
        room.clear();
        *cx.buffer = room;
        self.enter(claim, cx)
    }

    /// Whether the request may be one that cannot be sent a second time.
    fn is_careful(&self) -> bool {
        !self.options.request.is_idempotent() || self.options.uploads()
    }

    fn enter(&mut self, claim: Claim, cx: &mut Context<'_>) -> Result<(), Error> {
        if let Claim::Queued(ticket) = claim {
            self.state = State::Queue(ticket);
            // With it a cancel can tell of itself; whether one has come is looked at next.
            return cx.reactor.make_wake().map_err(|e| self.cannot("wait for a connection", e));
        }
        self.times.granted = Some(cx.now);
        match claim {
            Claim::Kept(link, parked, peer) => {
                self.link = Some(link);
                self.times.sending = Some(cx.now);
                self.state = State::Exchange(Exchange::again(parked, peer, cx));
                Ok(())
            }
            Claim::New(link) => {
                self.link = Some(link);
                self.resolve(cx)
            }
            Claim::Queued(_) => unreachable!("told above"),
        }
    }

    /// Nothing is waited for that is known already.
    #[inline(never)]
    fn resolve(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if let Some(address) = self.options.connect_to {
            self.race(vec![address]);
            return Ok(());
        }
        let name = match self.target.address() {
            Address::Numeric(ip) => {
                self.connect(vec![SocketAddr::new(*ip, 0)]);
                return Ok(());
            }
            Address::Name(name) if is_localhost(name) && !cx.names.has_host(name) => {
                let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
                self.connect(both.map(|ip| SocketAddr::new(ip, 0)).to_vec());
                return Ok(());
            }
            Address::Name(name) => name,
        };
        let asked = cx.names.ask(name, cx.key, cx.now, cx.reactor);
        let asked = asked.map_err(|errno| self.cannot(&format!("look up {name}"), errno))?;
        self.lookup = match asked {
            Asked::Begun => LookupKind::New,
            Asked::Joined => LookupKind::Shared,
            Asked::Listed(addresses) => {
                self.lookup = LookupKind::Listed;
                self.connect(addresses);
                return Ok(());
            }
            Asked::Known(answer) => {
                self.lookup = LookupKind::Cached;
                return self.connect_to(&answer);
            }
        };
        self.state = State::Resolve(Arc::clone(name));
        Ok(())
    }

    fn connect_to(&mut self, answer: &Answer) -> Result<(), Error> {
        match &answer.addresses {
            Ok(addresses) => {
                self.connect(addresses.clone());
                Ok(())
            }
            Err(unresolved) => {
                let why = format!("look up {}: {}", self.target.host(), unresolved.why);
                let is_shortage = Errno(unresolved.os).is_shortage();
                let kind = if is_shortage { Kind::System } else { Kind::Resolve };
                Err(Error::with_os(kind, unresolved.os, why))
            }
        }
    }

    fn connect(&mut self, mut addresses: Vec<SocketAddr>) {
        for address in &mut addresses {
            address.set_port(self.target.port());
        }
        self.race(addresses);
    }

    fn race(&mut self, addresses: Vec<SocketAddr>) {
        let link = self.link.as_ref().expect("a fetch without one waits in Begin or Queue");
        self.state = State::Connect(Race::new(addresses, link.token()));
    }

    /// HTTP comes next, or TLS before it.
    fn take_winner(&mut self, winner: Winner, cx: &mut Context<'_>) -> Result<(), Error> {
        // The winner is an attempt as well.
        let attempts = self.attempts() + 1;
        if let Some(link) = &mut self.link {
            link.attempts = u16::try_from(attempts).unwrap_or(u16::MAX);
            cx.pool.note_opened(link, cx.now);
        }
        if !self.target.is_secure() {
            self.begin_exchange(winner.into(), cx);
            return Ok(());
        }
        self.times.handshaking = Some(cx.now);
        let session = cx.tls.start(self.options.tls.as_ref(), &self.name_to_verify());
        let session = session.map_err(|error| self.explain_handshake(error))?;
        self.state = State::Handshake(Handshake::new(winner, session));
        Ok(())
    }

    fn begin_exchange(&mut self, connected: Connected, cx: &mut Context<'_>) {
        self.times.sending = Some(cx.now);
        self.state = State::Exchange(Exchange::new(connected, cx.now));
    }

    /// Whether the request may be sent again on a new connection: the kept one has died before
    /// anything came back, and either nothing of the request left this machine, or the server may
    /// act on it twice (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    fn may_retry(&self, error: &Error) -> bool {
        let State::Exchange(exchange) = &self.state else {
            return false;
        };
        let died = matches!(error.kind, Kind::Send | Kind::Receive | Kind::NoResponse);
        let reused = self.link.as_ref().is_some_and(|link| link.reused);
        let sending = exchange.sending();
        died && reused
            && exchange.received() == 0
            && sending.is_repeatable()
            && (sending.sent() == 0 || self.options.request.is_idempotent())
    }

    /// Sends the request again, or fails with this error.
    #[cold]
    fn retry(&mut self, error: Error, cx: &mut Context<'_>) -> Result<(), Error> {
        if !self.may_retry(&error) {
            return Err(error);
        }
        let may_have_acted = self.traffic_now().may_have_acted;
        self.retried = Some(Earlier { may_have_acted });
        let Times { started, granted, .. } = self.times;
        self.times = Times { granted, ..Times::new(started) };
        if let Some(link) = &mut self.link {
            cx.pool.renew(link);
            // The old connection is closed before there is another.
            self.state = State::Begin { site: link.site() };
        }
        self.resolve(cx)
    }

    fn explain_connect(&self, error: Error, cx: &mut Context<'_>) -> Error {
        match self.target.address() {
            Address::Numeric(_) => error.behind("connect to "),
            Address::Name(name) => {
                cx.names.forget(name);
                error.behind(&format!("connect to {name}:{}: ", self.target.port()))
            }
        }
    }
}

/// localhost is the loopback address everywhere (RFC 6761 section 6.3).
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}
