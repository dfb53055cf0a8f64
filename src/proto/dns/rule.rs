//! Who looks a name up: this library, or the system's getaddrinfo.
//!
//! The system can do more than ask name servers: it has modules for LDAP, mDNS, containers and so
//! on, as nsswitch.conf says. But it makes its caller wait, so it is left out where it would do no
//! more than what is done here. The rule is that of Go's net package: everything that is not
//! understood completely is left to the system.

use crate::proto::dns::nsswitch::Nsswitch;

/// Who looks a name up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolver {
    Native,
    System,
}

/// What is known of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// Whether resolv.conf was understood.
    pub(crate) servers_are_simple: bool,
    pub(crate) nsswitch: &'a Nsswitch,
    /// Whether all of /etc/hosts is known.
    pub(crate) hosts_are_whole: bool,
    /// The name of this machine.
    pub(crate) host_name: &'a str,
    /// Whether the environment has something to say to the system's resolver.
    pub(crate) is_overridden: bool,
}

pub(crate) fn resolver_of(name: &str, facts: &Facts<'_>) -> Resolver {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_simple = facts.servers_are_simple
        && facts.nsswitch.is_simple
        && (facts.hosts_are_whole || !facts.nsswitch.files)
        && !facts.is_overridden;
    let is_ours = facts.nsswitch.myhostname && is_of_myhostname(name, facts.host_name);
    // Names in .local are not asked of name servers but of everybody near (RFC 6762 section 3).
    if is_simple && !is_ours && !is_in(name, "local") { Resolver::Native } else { Resolver::System }
}

/// The names that nss-myhostname(8) knows.
fn is_of_myhostname(name: &str, host_name: &str) -> bool {
    const OTHERS: [&str; 4] = ["_gateway", "_outbound", "_localdnsstub", "_localdnsproxy"];
    let mut names = OTHERS.iter().copied().chain([host_name]);
    names.any(|other| is_same(name.as_bytes(), other))
        || ["localhost", "localhost.localdomain"].iter().any(|domain| is_in(name, domain))
}

/// In any case. Not inlined: there are many, and none has to be fast.
#[inline(never)]
fn is_same(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

/// Whether a name ends in this domain, or is it.
pub(crate) fn is_in(name: &str, domain: &str) -> bool {
    let Some(at) = name.len().checked_sub(domain.len()) else {
        return false;
    };
    let (before, end) = name.as_bytes().split_at(at);
    is_same(end, domain) && before.last().is_none_or(|&byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["www.example", "printer.local", "here"];

    fn decide(nsswitch: &Nsswitch, change: impl Fn(&mut Facts<'_>)) -> [Resolver; 3] {
        let mut facts = Facts {
            servers_are_simple: true,
            nsswitch,
            hosts_are_whole: true,
            host_name: "Here",
            is_overridden: false,
        };
        change(&mut facts);
        NAMES.map(|name| resolver_of(name, &facts))
    }

    #[test]
    fn only_what_is_understood_is_not_left_to_the_system() {
        use Resolver::{Native, System};
        const ALL_LEFT: [Resolver; 3] = [System; 3];
        let plain = Nsswitch::USUAL;
        let mine = Nsswitch { myhostname: true, ..plain.clone() };
        let odd = Nsswitch { is_simple: false, ..plain.clone() };
        assert_eq!(decide(&plain, |_| ()), [Native, System, Native]);
        assert_eq!(decide(&mine, |_| ()), [Native, System, System]);
        assert_eq!(decide(&odd, |_| ()), ALL_LEFT);
        assert_eq!(decide(&plain, |facts| facts.servers_are_simple = false), ALL_LEFT);
        assert_eq!(decide(&plain, |facts| facts.is_overridden = true), ALL_LEFT);
        assert_eq!(decide(&plain, |facts| facts.hosts_are_whole = false), ALL_LEFT);
        let no_files = Nsswitch { files: false, ..plain.clone() };
        assert_eq!(decide(&no_files, |facts| facts.hosts_are_whole = false)[0], Native);
    }

    #[test]
    fn names_that_the_system_knows_by_itself_are_left_to_it() {
        let nsswitch = Nsswitch { myhostname: true, ..Nsswitch::USUAL };
        let facts = Facts {
            servers_are_simple: true,
            nsswitch: &nsswitch,
            hosts_are_whole: true,
            host_name: "here",
            is_overridden: false,
        };
        for (name, resolver) in [
            ("HERE", Resolver::System),
            ("here.", Resolver::System),
            ("there", Resolver::Native),
            ("_gateway", Resolver::System),
            ("a.localhost.localdomain", Resolver::System),
            ("LOCAL", Resolver::System),
            ("a.Local.", Resolver::System),
            ("notlocal", Resolver::Native),
            ("local.example", Resolver::Native),
        ] {
            assert_eq!(resolver_of(name, &facts), resolver, "{name}");
        }
    }
}
