//! /etc/resolv.conf, as resolv.conf(5) describes it: which servers are asked, and how.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::str::SplitAsciiWhitespace;

/// What glibc takes of each; the rest is ignored.
const SERVERS_MAX: usize = 3;
const TIMEOUT_S_MAX: u32 = 30;
const ATTEMPTS_MAX: u32 = 5;
const NDOTS_MAX: u32 = 15;
/// glibc has no limit since version 2.26; each of them may cost a name two more queries.
const SEARCH_MAX: usize = 16;

const PORT: u16 = 53;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvConf {
    pub(crate) servers: Vec<SocketAddr>,
    /// Domains that are tried behind a name.
    pub(crate) search: Vec<String>,
    /// A name with so many dots is tried as it is first.
    pub(crate) ndots: u32,
    /// For how long a server is waited for.
    pub(crate) timeout_s: u32,
    /// How often each of them is asked.
    pub(crate) attempts: u32,
    /// Each lookup begins with another server.
    pub(crate) rotates: bool,
    /// Servers are asked over TCP alone.
    pub(crate) tcp_only: bool,
    /// Whether all that it says was understood.
    pub(crate) is_simple: bool,
}

impl ResolvConf {
    /// Parses the text; a missing file is an empty one. `host_name` is that of this machine, whose
    /// domain is searched if nothing else is said. `index_of` knows the network interfaces by name.
    pub(crate) fn parse(
        text: &str,
        host_name: &str,
        index_of: impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout_s: 5,
            attempts: 2,
            rotates: false,
            tcp_only: false,
            is_simple: true,
        };
        let mut says_search = false;
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                None => {}
                Some("nameserver") => match words.next().map(|word| server(word, &index_of)) {
                    _ if conf.servers.len() == SERVERS_MAX => {}
                    Some(Some(server)) => conf.servers.push(server),
                    Some(None) | None => conf.is_simple = false,
                },
                // The last of them counts.
                Some(word @ ("domain" | "search")) => {
                    says_search = true;
                    conf.set_search(words, if word == "domain" { 1 } else { SEARCH_MAX });
                }
                Some("options") => words.for_each(|option| conf.set_option(option)),
                Some(_) => conf.is_simple = false,
            }
        }
        if !says_search && let Some((_, domain)) = host_name.split_once('.') {
            conf.set_search(domain.split_ascii_whitespace(), 1);
        }
        if conf.servers.is_empty() {
            // As Go does; glibc asks the first of them alone.
            conf.servers =
                ["127.0.0.1:53", "[::1]:53"].map(|s| s.parse().expect("both are")).into();
        }
        conf
    }

    #[inline(never)]
    fn set_search(&mut self, domains: SplitAsciiWhitespace<'_>, most: usize) {
        let domains = domains.map(|domain| domain.trim_end_matches('.'));
        let domains = domains.filter(|domain| !domain.is_empty());
        self.search = domains.take(most).map(str::to_ascii_lowercase).collect();
    }

    fn set_option(&mut self, option: &str) {
        let (key, value) = option.split_once(':').unwrap_or((option, ""));
        let (place, range) = match key {
            "ndots" => (&mut self.ndots, 0..=NDOTS_MAX),
            "timeout" => (&mut self.timeout_s, 1..=TIMEOUT_S_MAX),
            "attempts" => (&mut self.attempts, 1..=ATTEMPTS_MAX),
            _ => return self.set_flag(option),
        };
        match value.parse::<u32>() {
            Ok(number) => *place = number.clamp(*range.start(), *range.end()),
            Err(_) => self.is_simple = false,
        }
    }

    fn set_flag(&mut self, flag: &str) {
        match flag {
            "rotate" => self.rotates = true,
            "use-vc" | "usevc" | "tcp" => self.tcp_only = true,
            // Each query has a socket of its own, with EDNS; files are looked at anew; and no one
            // is told whether an answer was authentic.
            "single-request" | "single-request-reopen" | "edns0" | "no-reload" | "trust-ad" => {}
            _ => self.is_simple = false,
        }
    }
}

/// An address, perhaps with the interface that it is reached through: fe80::1%eth0.
fn server(word: &str, index_of: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((address, zone)) = word.split_once('%') else {
        return word.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
    };
    let index = zone.parse().ok().or_else(|| index_of(zone))?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, index).into())
}

/// A server that a caller names, whose port may be left out: 127.0.0.1, [::1]:53, ::1.
pub(crate) fn server_of_caller(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address,
        // Brackets belong to addresses of the sixth version.
        Err(_) => match bare.parse::<IpAddr>().ok()? {
            ip if ip.is_ipv4() && bare != text => return None,
            ip => SocketAddr::new(ip, PORT),
        },
    };
    (address.port() != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ResolvConf {
        let index_of = |name: &str| (name == "eth0").then_some(7);
        ResolvConf::parse(text, "here.corp.example", index_of)
    }

    fn servers(text: &str) -> Vec<String> {
        parse(text).servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_are_those_that_it_names() {
        let loopback = ["127.0.0.1:53", "[::1]:53"];
        for (text, wanted) in [
            ("", &loopback[..]),
            ("# nothing\n; nothing\n\n", &loopback),
            ("nameserver 192.0.2.1\n", &["192.0.2.1:53"]),
            ("nameserver\t192.0.2.1 # mine", &["192.0.2.1:53"]),
            ("nameserver ::1\nnameserver 192.0.2.2", &["[::1]:53", "192.0.2.2:53"]),
            ("nameserver fe80::1%eth0", &["[fe80::1%7]:53"]),
            ("nameserver fe80::1%3", &["[fe80::1%3]:53"]),
            (
                "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4",
                &["1.1.1.1:53", "2.2.2.2:53", "3.3.3.3:53"],
            ),
        ] {
            assert_eq!(servers(text), wanted, "{text}");
            assert!(parse(text).is_simple, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for text in [
            "nameserver",
            "nameserver example",
            "nameserver fe80::1%wlan9",
            "nameserver 1.2.3.4%1",
            "sortlist 192.0.2.0",
            "options inet6",
            "options no-aaaa",
            "options ndots",
            "options ndots:x",
            "options timeout:",
            "options attempts:-1",
            "options rotate:1",
            " # a comment begins in the first column",
            "lookup file bind",
        ] {
            assert!(!parse(text).is_simple, "{text}");
        }
    }

    #[test]
    fn domains_are_searched_in_the_order_given() {
        for (text, wanted) in [
            ("", &["corp.example"][..]),
            ("domain A.example", &["a.example"]),
            ("search a.example. b.example", &["a.example", "b.example"]),
            ("search a b\ndomain c d", &["c"]),
            ("domain c\nsearch a b", &["a", "b"]),
            ("search .", &[]),
            ("search", &[]),
        ] {
            assert_eq!(parse(text).search, wanted, "{text}");
        }
        let many: Vec<String> = (0..99).map(|n| format!("d{n}")).collect();
        let text = format!("search {}", many.join(" "));
        assert_eq!(parse(&text).search, many[..SEARCH_MAX]);
        let alone = ResolvConf::parse("", "here", |_| None);
        assert!(alone.search.is_empty());
    }

    #[test]
    fn options_are_kept_within_what_glibc_takes() {
        let numbers = |text: &str| {
            let conf = parse(text);
            assert!(conf.is_simple, "{text}");
            (conf.ndots, conf.timeout_s, conf.attempts)
        };
        for (text, wanted) in [
            ("", (1, 5, 2)),
            ("options ndots:5 timeout:1\noptions attempts:3", (5, 1, 3)),
            ("options ndots:0 timeout:0 attempts:0", (0, 1, 1)),
            ("options ndots:15 timeout:30 attempts:5", (15, 30, 5)),
            ("options ndots:16 timeout:31 attempts:6", (15, 30, 5)),
        ] {
            assert_eq!(numbers(text), wanted, "{text}");
        }
        let known = "options edns0 trust-ad single-request single-request-reopen no-reload";
        assert!(parse(known).is_simple);
        let conf = parse("options rotate use-vc");
        assert!(conf.rotates && conf.tcp_only && conf.is_simple);
        assert!(!parse("").rotates && !parse("").tcp_only);
    }

    #[test]
    fn a_caller_names_servers_with_or_without_a_port() {
        for (text, wanted) in [
            ("127.0.0.1", Some("127.0.0.1:53")),
            ("127.0.0.1:5353", Some("127.0.0.1:5353")),
            ("::1", Some("[::1]:53")),
            ("[::1]", Some("[::1]:53")),
            ("[::1]:5353", Some("[::1]:5353")),
            ("[fe80::1%2]:53", Some("[fe80::1%2]:53")),
            ("", None),
            ("[127.0.0.1]", None),
            ("[127.0.0.1]:53", None),
            ("127.0.0.1:0", None),
            ("127.0.0.1:65536", None),
            ("127.0.0.1:", None),
            ("example:53", None),
            (" 127.0.0.1", None),
        ] {
            let server = server_of_caller(text).map(|server| server.to_string());
            assert_eq!(server.as_deref(), wanted, "{text}");
        }
    }
}
