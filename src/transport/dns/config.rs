//! What the system's files say of names, read again when they have changed.

use crate::proto::dns::lookup::Servers;
use crate::proto::dns::name::Name;
use crate::proto::dns::nsswitch::Nsswitch;
use crate::proto::dns::resolv_conf::ResolvConf;
use crate::proto::dns::rule::{self, Facts, Resolver};
use crate::proto::dns::search;
use crate::transport::sys::{self, Errno, Instant, Stamp};
use std::ffi::CStr;
use std::net::SocketAddr;
use std::sync::Arc;

/// Go looks as often.
const LOOK_AGAIN_MS: u32 = 5_000;

/// Nobody writes more than this by hand.
const CONF_MAX: usize = 64 * 1024;
/// Lists of hosts to be blocked are longer. Those are left to the system, which reads them on
/// another thread.
const HOSTS_MAX: usize = 1024 * 1024;

/// What the environment says to the system's resolver.
const OVERRIDES: [&str; 3] = ["RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"];

#[derive(Debug)]
pub(super) struct Config {
    looked_at: Instant,
    resolv_conf: File,
    nsswitch_conf: File,
    hosts_file: File,
    resolv: ResolvConf,
    nsswitch: Nsswitch,
    hosts: String,
    /// Whether all of that file was read.
    hosts_are_whole: bool,
    host_name: String,
    is_overridden: bool,
    /// Lookups begun, for those who rotate.
    begun: usize,
}

impl Config {
    #[cold]
    pub(super) fn read(now: Instant) -> Self {
        let host_name = sys::host_name();
        let mut config = Self {
            looked_at: now,
            resolv_conf: File::new(c"/etc/resolv.conf", CONF_MAX),
            nsswitch_conf: File::new(c"/etc/nsswitch.conf", CONF_MAX),
            hosts_file: File::new(c"/etc/hosts", HOSTS_MAX),
            resolv: ResolvConf::parse("", &host_name, sys::interface_index),
            nsswitch: Nsswitch::USUAL,
            hosts: String::new(),
            hosts_are_whole: true,
            host_name,
            is_overridden: sys::has_variable(&OVERRIDES),
            begun: 0,
        };
        config.update();
        config
    }

    /// Reads what has changed, if it is time to look. Says whether anything has.
    pub(super) fn refresh(&mut self, now: Instant) -> bool {
        if self.looked_at.after_ms(LOOK_AGAIN_MS) > now {
            return false;
        }
        self.looked_at = now;
        self.update()
    }

    #[cold]
    fn update(&mut self) -> bool {
        let mut has_changed = false;
        if let Some(read) = self.resolv_conf.read_if_changed() {
            has_changed = true;
            let (text, is_known) = match read {
                Read::Text(text) => (text, true),
                // One that may not be read is none to glibc as well.
                Read::Missing | Read::Forbidden => (String::new(), true),
                Read::Unfit => (String::new(), false),
            };
            self.host_name = sys::host_name();
            self.resolv = ResolvConf::parse(&text, &self.host_name, sys::interface_index);
            self.resolv.is_simple &= is_known;
        }
        if let Some(read) = self.nsswitch_conf.read_if_changed() {
            has_changed = true;
            self.nsswitch = match read {
                Read::Text(text) => Nsswitch::parse(&text),
                Read::Missing => Nsswitch::USUAL,
                Read::Forbidden | Read::Unfit => Nsswitch { is_simple: false, ..Nsswitch::USUAL },
            };
        }
        if let Some(read) = self.hosts_file.read_if_changed() {
            has_changed = true;
            (self.hosts, self.hosts_are_whole) = match read {
                Read::Text(text) => (text, true),
                Read::Missing => (String::new(), true),
                Read::Forbidden | Read::Unfit => (String::new(), false),
            };
        }
        has_changed
    }

    #[cold]
    pub(super) fn resolver_of(&self, name: &str) -> Resolver {
        let facts = Facts {
            servers_are_simple: self.resolv.is_simple,
            nsswitch: &self.nsswitch,
            hosts_are_whole: self.hosts_are_whole,
            host_name: &self.host_name,
            is_overridden: self.is_overridden,
        };
        rule::resolver_of(name, &facts)
    }

    /// Whether /etc/hosts is to be looked at.
    pub(super) fn has_files(&self) -> bool {
        self.nsswitch.files
    }

    /// Whether name servers are to be asked.
    pub(super) fn has_dns(&self) -> bool {
        self.nsswitch.dns
    }

    pub(super) fn hosts(&self) -> &str {
        &self.hosts
    }

    /// What is to be asked for.
    pub(super) fn candidates(&self, name: &str) -> Vec<Name> {
        search::candidates(name, &self.resolv.search, self.resolv.ndots)
    }

    /// Who is to be asked: `own`, if there are any.
    pub(super) fn servers(&mut self, own: &[SocketAddr]) -> Arc<Servers> {
        let addresses = if own.is_empty() { &self.resolv.servers } else { own };
        let first = if self.resolv.rotates { self.begun % addresses.len() } else { 0 };
        self.begun = self.begun.wrapping_add(1);
        Arc::new(Servers {
            addresses: addresses.to_vec(),
            first,
            timeout_ms: self.resolv.timeout_s * 1_000,
            attempts: self.resolv.attempts,
            tcp_only: self.resolv.tcp_only,
        })
    }
}

/// A file and what it was before it was read.
#[derive(Debug)]
struct File {
    path: &'static CStr,
    len_max: usize,
    /// Nothing at first.
    was: Option<Result<Stamp, Errno>>,
}

enum Read {
    Text(String),
    Missing,
    Forbidden,
    /// Too long, or unreadable for another reason.
    Unfit,
}

impl File {
    fn new(path: &'static CStr, len_max: usize) -> Self {
        Self { path, len_max, was: None }
    }

    #[cold]
    fn read_if_changed(&mut self) -> Option<Read> {
        // Looked at first: what changes while it is read is read again.
        let is = Some(sys::stamp(self.path));
        if self.was == is {
            return None;
        }
        self.was = is;
        Some(match sys::read_file(self.path, self.len_max) {
            Ok(Some(text)) => Read::Text(String::from_utf8_lossy(&text).into_owned()),
            Ok(None) => Read::Unfit,
            Err(errno) if errno.is_missing() => Read::Missing,
            Err(errno) if errno.is_forbidden() => Read::Forbidden,
            Err(_) => {
                // It may be that descriptors have run out: next time it is tried again.
                self.was = None;
                Read::Unfit
            }
        })
    }
}
