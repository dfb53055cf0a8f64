//! Names to addresses for one client: the hosts that its user named, /etc/hosts, name servers that
//! are asked in the client's own reactor, and the system's getaddrinfo where that is not enough.

mod config;
mod lookups;
mod socket;
mod sources;

pub(crate) use crate::transport::dns::lookups::is_of_lookup;

use crate::proto::dns::rule;
use crate::proto::dns::{hosts, resolv_conf};
use crate::transport::answer::Answer;
use crate::transport::dns::config::Config;
use crate::transport::dns::lookups::{Lookups, Place};
use crate::transport::reactor::Reactor;
use crate::transport::resolver::{self, Answers};
use crate::transport::sys::{Errno, Event, Instant};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Who looks names up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Who does it as the system is set up to have it done.
    #[default]
    Auto,
    Native,
    System,
}

/// What has become of a question.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It needed no lookup.
    Listed(Vec<SocketAddr>),
    Native(Place),
    /// Dropping it cancels it.
    System {
        _lookup: resolver::Lookup,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Resolver {
    choice: Choice,
    /// Instead of the system's.
    own_servers: Vec<SocketAddr>,
    own_hosts: HashMap<Box<str>, Vec<SocketAddr>>,
    config: Option<Box<Config>>,
    lookups: Lookups,
    answers: Option<Arc<Answers>>,
    /// Lookups that were left to the system.
    pub(crate) left: u64,
}

impl Resolver {
    pub(crate) fn set_choice(&mut self, choice: Choice) {
        self.choice = choice;
    }

    /// Adds a server to those that are asked instead of the system's. False if that is none.
    pub(crate) fn add_server(&mut self, address: &str) -> bool {
        let server = resolv_conf::server_of_caller(address);
        self.own_servers.extend(server);
        server.is_some()
    }

    /// Adds an address to those of a host that is not looked up.
    pub(crate) fn add_host(&mut self, name: &str, ip: IpAddr) {
        let name = name.strip_suffix('.').unwrap_or(name);
        let addresses = self.own_hosts.entry(name.into()).or_default();
        let address = SocketAddr::new(ip, 0);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// The addresses of a host that is not looked up.
    #[cold]
    pub(crate) fn own_host(&self, name: &str) -> Option<&[SocketAddr]> {
        if self.own_hosts.is_empty() {
            return None;
        }
        self.own_hosts.get(name.strip_suffix('.').unwrap_or(name)).map(Vec::as_slice)
    }

    /// Looks whether the system's configuration has changed, from time to time. If it has, what was
    /// answered before may not hold any more.
    pub(crate) fn has_changed(&mut self, now: Instant) -> bool {
        match &mut self.config {
            Some(config) if self.choice != Choice::System => config.refresh(now),
            _ => false,
        }
    }

    /// Begins to look up a name. Lookups of the system bear the number.
    #[cold]
    pub(crate) fn begin(
        &mut self,
        name: &Arc<str>,
        number: u64,
        now: Instant,
        reactor: &Reactor,
    ) -> Result<Begun, Errno> {
        if self.choice == Choice::System {
            return self.leave_to_system(name, number, reactor);
        }
        let config = self.config.get_or_insert_with(|| Box::new(Config::read(now)));
        let is_forced = self.choice == Choice::Native || !self.own_servers.is_empty();
        let resolver = if is_forced { rule::Resolver::Native } else { config.resolver_of(name) };
        if resolver == rule::Resolver::System {
            return self.leave_to_system(name, number, reactor);
        }
        if is_forced || config.has_files() {
            let listed = hosts::find(config.hosts(), name);
            if !listed.is_empty() {
                return Ok(Begun::Listed(sources::in_order(listed)));
            }
        }
        reactor.make_wake()?;
        let asks = is_forced || config.has_dns();
        let names = if asks { config.candidates(name) } else { Vec::new() };
        let servers = config.servers(&self.own_servers);
        Ok(Begun::Native(self.lookups.begin(name, names, servers, now, reactor)))
    }

    #[cold]
    fn leave_to_system(
        &mut self,
        name: &Arc<str>,
        number: u64,
        reactor: &Reactor,
    ) -> Result<Begun, Errno> {
        reactor.make_wake()?;
        let answers = self.answers.get_or_insert_default();
        let lookup = resolver::Lookup::start(name, number, answers, reactor.wake())?;
        self.left += 1;
        Ok(Begun::System { _lookup: lookup })
    }

    /// Nobody waits for this lookup any more: its sockets are closed.
    pub(crate) fn cancel(&mut self, place: Place) {
        self.lookups.cancel(place);
    }

    /// Something happened to a socket of a lookup.
    pub(crate) fn handle_event(
        &mut self,
        event: Event,
        buffer: &mut Vec<u8>,
        now: Instant,
        reactor: &Reactor,
    ) {
        self.lookups.handle_event(event, buffer, now, reactor);
    }

    /// When a server has been silent for too long.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.lookups.due()
    }

    pub(crate) fn handle_due(&mut self, now: Instant, reactor: &Reactor) {
        self.lookups.handle_due(now, reactor);
    }

    /// Nobody would be told when that is.
    pub(crate) fn fail_all(&mut self, errno: Errno) {
        self.lookups.fail_all(errno);
    }

    /// Lookups that have ended here.
    pub(crate) fn next_ended(&mut self) -> Option<(Arc<str>, Answer)> {
        self.lookups.next_ended()
    }

    /// The answers that the system has given, with the numbers of their lookups.
    pub(crate) fn take_answers(&self) -> Vec<(Arc<str>, u64, Answer)> {
        self.answers.as_ref().map(|answers| answers.take()).unwrap_or_default()
    }
}
