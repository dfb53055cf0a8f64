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
use crate::connection::established::Connection;
use crate::connection::exchange::Exchange;
use crate::connection::handshake::Handshake;
use crate::connection::link::Link;
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
use crate::transport::tls::Session;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) enum State {
    /// `site` is where the pool may know the origin.
    Begin {
        site: u32,
    },
    Queue(Ticket),
    /// Waits for the addresses of this name, with the right to a connection.
    Resolve(Link, Arc<str>),
    Connect(Race),
    /// Of TLS.
    Handshake(Handshake),
    Exchange(Exchange),
    Ended(Ended),
}

/// What is known of the addresses to connect to.
enum Found {
    Addresses(Vec<SocketAddr>),
    /// Nothing yet: this name has been asked for.
    Nothing(Arc<str>),
}

impl State {
    /// Goes on from a state that owns nothing. It is not dropped: that would be to look, with every
    /// request, for what it might own.
    pub(super) fn replace_nothing(&mut self, next: State) {
        debug_assert!(match self {
            State::Begin { .. } | State::Queue(_) => true,
            State::Ended(ended) => ended.error.is_none(),
            _ => false,
        });
        std::mem::forget(std::mem::replace(self, next));
    }
}

/// What stands there while the state before makes the next one out of what it owns.
pub(super) const BETWEEN: State = State::Begin { site: u32::MAX };

impl Fetch {
    /// Something happened to one of the sockets.
    pub(crate) fn handle_event(&mut self, event: Event) {
        match &mut self.state {
            State::Connect(race) => race.handle_event(event),
            State::Handshake(handshake) => handshake.handle_event(event),
            State::Exchange(exchange) => exchange.handle_event(event),
            State::Begin { .. } | State::Queue(_) | State::Resolve(..) | State::Ended(_) => {}
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
        if matches!(self.state, State::Resolve(..)) {
            let entered = self.addresses_of(answer).map(|addresses| {
                if let State::Resolve(link, _) = std::mem::replace(&mut self.state, BETWEEN) {
                    self.state = State::Connect(Race::new(addresses, link));
                }
            });
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
            if cx.cancel.is_cancelled() {
                return Ok(Some(Outcome::Cancelled));
            }
            if self.options.has_deadlines() {
                if self.is_past_token(cx) {
                    return Ok(Some(Outcome::Cancelled));
                }
                self.check_deadline(cx)?;
            }
            // What begins a fetch is not inlined: those that have begun need not pay for it.
            let goes_on = match self.state {
                State::Begin { site } => self.begin(site, cx).map(|()| true)?,
                State::Connect(_) => self.has_connected(cx)?,
                State::Handshake(_) => self.has_shaken_hands(cx)?,
                State::Exchange(_) => match self.exchange(cx) {
                    Err(error) => self.retry(error, cx).map(|()| true)?,
                    result => return result,
                },
                State::Queue(_) | State::Resolve(..) | State::Ended(_) => false,
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
        let Winner { peer, tcp } = match race.poll(cx) {
            None => return Ok(false),
            Some(Ok(winner)) => winner,
            Some(Err(error)) => return Err(self.explain_connect(error, cx)),
        };
        // The winner is an attempt as well.
        let attempts = race.attempts() + 1;
        let session = match self.target.is_secure() {
            true => Some(self.start_session(cx)?),
            false => None,
        };
        let State::Connect(race) = std::mem::replace(&mut self.state, BETWEEN) else {
            return Ok(false);
        };
        let mut link = race.into_link();
        link.attempts = u16::try_from(attempts).unwrap_or(u16::MAX);
        cx.pool.note_opened(&mut link, cx.now);
        let shakes_hands = session.is_some();
        let connection = Connection::new(link, tcp, session, peer, cx.now);
        if shakes_hands {
            self.state = State::Handshake(Handshake::new(connection));
        } else {
            self.begin_exchange(connection, cx);
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
        if let State::Handshake(handshake) = std::mem::replace(&mut self.state, BETWEEN) {
            self.begin_exchange(handshake.into_connection(), cx);
        }
        Ok(true)
    }

    /// Asks for a connection.
    #[inline(never)]
    fn begin(&mut self, site: u32, cx: &mut Context<'_>) -> Result<(), Error> {
        let careful = self.is_careful();
        let origin = identity::origin(&self.target, &self.options, cx);
        let claim = cx.pool.claim(&origin, site, cx.key, careful, cx.now);
        self.enter(claim, cx)
    }

    /// Whether the request may be one that cannot be sent a second time.
    fn is_careful(&self) -> bool {
        !self.options.request.is_idempotent() || self.options.uploads()
    }

    #[inline(always)]
    fn enter(&mut self, claim: Claim, cx: &mut Context<'_>) -> Result<(), Error> {
        if let Claim::Queued(ticket) = claim {
            self.state = State::Queue(ticket);
            // With it a cancel can tell of itself; whether one has come is looked at next.
            return cx.reactor.make_wake().map_err(|e| self.cannot("wait for a connection", e));
        }
        self.times.granted = Some(cx.now);
        match claim {
            Claim::Kept(mut connection) => {
                connection.adopt(cx.cancel);
                self.begin_exchange(connection, cx);
                Ok(())
            }
            Claim::New(link) => self.resolve(link, cx),
            Claim::Queued(_) => unreachable!("told above"),
        }
    }

    /// Looks for addresses to connect to. Nothing is waited for that is known already.
    #[inline(never)]
    fn resolve(&mut self, link: Link, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.find_addresses(cx) {
            Ok(Found::Addresses(all)) => self.state = State::Connect(Race::new(all, link)),
            Ok(Found::Nothing(name)) => self.state = State::Resolve(link, name),
            Err(error) => {
                cx.pool.close(link);
                return Err(error);
            }
        }
        Ok(())
    }

    fn find_addresses(&mut self, cx: &mut Context<'_>) -> Result<Found, Error> {
        let found = |addresses| Ok(Found::Addresses(addresses));
        if let Some(address) = self.options.connect_to {
            return found(vec![address]);
        }
        let name = match self.target.address() {
            Address::Numeric(ip) => return found(self.with_port(vec![SocketAddr::new(*ip, 0)])),
            Address::Name(name) if is_localhost(name) && !cx.names.has_host(name) => {
                let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
                let both = both.map(|ip| SocketAddr::new(ip, 0)).to_vec();
                return found(self.with_port(both));
            }
            Address::Name(name) => name,
        };
        let asked = cx.names.ask(name, cx.key, cx.now, cx.reactor);
        let asked = asked.map_err(|errno| self.cannot(&format!("look up {name}"), errno))?;
        let name = Arc::clone(name);
        self.lookup = match asked {
            Asked::Begun => LookupKind::New,
            Asked::Joined => LookupKind::Shared,
            Asked::Listed(addresses) => {
                self.lookup = LookupKind::Listed;
                return found(self.with_port(addresses));
            }
            Asked::Known(answer) => {
                self.lookup = LookupKind::Cached;
                return found(self.addresses_of(&answer)?);
            }
        };
        Ok(Found::Nothing(name))
    }

    fn addresses_of(&self, answer: &Answer) -> Result<Vec<SocketAddr>, Error> {
        match &answer.addresses {
            Ok(addresses) => Ok(self.with_port(addresses.clone())),
            Err(unresolved) => {
                let why = format!("look up {}: {}", self.target.host(), unresolved.why);
                let is_shortage = Errno(unresolved.os).is_shortage();
                let kind = if is_shortage { Kind::System } else { Kind::Resolve };
                Err(Error::with_os(kind, unresolved.os, why))
            }
        }
    }

    fn with_port(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        for address in &mut addresses {
            address.set_port(self.target.port());
        }
        addresses
    }

    /// Begins with TLS.
    fn start_session(&mut self, cx: &mut Context<'_>) -> Result<Box<Session>, Error> {
        self.times.handshaking = Some(cx.now);
        let session = cx.tls.start(self.options.tls.as_ref(), &self.name_to_verify());
        session.map_err(|error| self.explain_handshake(error))
    }

    fn begin_exchange(&mut self, connection: Box<Connection>, cx: &mut Context<'_>) {
        self.times.sending = Some(cx.now);
        self.state.replace_nothing(State::Exchange(Exchange::new(connection, cx.now)));
    }

    /// Whether the request may be sent again on a new connection: the kept one has died before
    /// anything came back, and either nothing of the request left this machine, or the server may
    /// act on it twice (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    fn may_retry(&self, error: &Error) -> bool {
        let State::Exchange(exchange) = &self.state else {
            return false;
        };
        let died = matches!(error.kind, Kind::Send | Kind::Receive | Kind::NoResponse);
        let sending = exchange.sending();
        died && exchange.link().reused
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
        let State::Exchange(exchange) = std::mem::replace(&mut self.state, BETWEEN) else {
            return Err(error);
        };
        // The old connection is closed before there is another.
        let mut link = exchange.into_connection().close();
        cx.pool.renew(&mut link);
        self.resolve(link, cx)
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
