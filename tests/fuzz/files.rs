//! The files in /etc that say how names are looked up.

use super::inputs::try_all;
use super::mutation::mutate;
use super::random::Random;
use crate::proto::dns::nsswitch::Nsswitch;
use crate::proto::dns::resolv_conf::{self, ResolvConf};
use crate::proto::dns::{hosts, search};
use std::net::IpAddr;

const RESOLV_CONF: &[&str] = &[
    "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.example b.example\n",
    "# by hand\ndomain corp.example\nnameserver fe80::1%eth0\noptions ndots:5 timeout:1 attempts:3\n",
    "search a b c d e f g h i j k l m n o p\noptions ndots:15\nnameserver ::1\n",
    "options rotate use-vc edns0 trust-ad single-request\nnameserver 127.0.0.53\n",
    "",
];
const NSSWITCH_CONF: &[&str] = &[
    "passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n",
    "hosts: files[SUCCESS=return  UNAVAIL=continue]dns\n",
    "hosts: dns\n",
    "",
];
const HOSTS: &[&str] = &[
    "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 here.corp.example here # this\n",
    "10.0.0.1 two other\n10.0.0.2 two\n10.0.0.1 two\nfe80::1%eth0 two\n",
    "",
];
const WORDS: &[&[u8]] = &[
    b"\n",
    b" ",
    b"#",
    b":",
    b"nameserver ",
    b"search ",
    b"options ",
    b" q r",
    b"ndots:",
    b"99999999999",
    b"hosts:",
    b"files",
    b" dns",
    b"[",
    b"]",
    b"=return",
    b"two",
    b"192.0.2.9 ",
    b"\xff\xfe",
    "\u{2003}".as_bytes(),
];

/// A text as the files are read, that may not be UTF-8 at first.
fn text(random: &mut Random, all: &[&str]) -> String {
    let all: Vec<_> = all.iter().map(|text| text.as_bytes().to_vec()).collect();
    String::from_utf8_lossy(&mutate(random, &all, WORDS, 0)).into_owned()
}

#[test]
fn whatever_resolv_conf_says_somebody_can_be_asked() {
    try_all("texts of resolv.conf", &["simple", "not simple"], |random| {
        let text = text(random, RESOLV_CONF);
        let parse = |text: &str| ResolvConf::parse(text, "here.corp.example", |_| Some(7));
        let conf = parse(&text);
        assert!((1..=3).contains(&conf.servers.len()));
        assert!(conf.servers.iter().all(|server| server.port() == 53));
        assert!((1..=30).contains(&conf.timeout_s) && (1..=5).contains(&conf.attempts));
        assert!(conf.ndots <= 15 && conf.search.len() <= 16);
        let is_domain = |domain: &String| !domain.is_empty() && !domain.ends_with('.');
        assert!(conf.search.iter().all(is_domain), "{:?}", conf.search);
        // What is asked for in the end can be: the name itself is among it.
        let names = search::candidates("a.test", &conf.search, conf.ndots);
        assert!(names.iter().any(|name| name.to_string() == "a.test"));
        assert!(names.iter().all(|name| name.as_wire().len() <= 255));
        // Remarks and blank lines say nothing.
        assert_eq!(parse(&format!("# a remark\n\n{text}\n; another\n")), conf);
        if conf.is_simple { "simple" } else { "not simple" }
    });
}

#[test]
fn whatever_nsswitch_conf_says_is_understood_or_left_to_the_system() {
    try_all("texts of nsswitch.conf", &["simple", "not simple"], |random| {
        let text = text(random, NSSWITCH_CONF);
        let conf = Nsswitch::parse(&text);
        assert_eq!(
            Nsswitch::parse(&format!("# a remark\n\nservices: db\n{text}\n# another\n")),
            conf
        );
        if !conf.is_simple {
            return "not simple";
        }
        assert!(conf.files || conf.dns, "there is somebody to ask");
        // A source that is not known makes any line one that is left to the system.
        if let Some(line) = text.lines().find_map(line_of_hosts) {
            assert!(!Nsswitch::parse(&format!("{line} ldap")).is_simple, "{line}");
        }
        "simple"
    });
}

/// The line without its remark, if it says where hosts are looked for, and closes its brackets.
fn line_of_hosts(line: &str) -> Option<&str> {
    let line = line.split('#').next()?;
    let is_of_hosts = line.split_once(':')?.0.trim() == "hosts";
    (is_of_hosts && line.rfind('[') <= line.rfind(']')).then_some(line)
}

#[test]
fn a_host_has_the_addresses_that_its_lines_begin_with() {
    let many: String = (0..31).map(|n| format!("10.1.0.{n} two\n")).collect();
    let all = [HOSTS, &[&many]].concat();
    try_all("texts of hosts", &["found", "not found"], |random| {
        let (one, other) = (text(random, &all), text(random, &all));
        let name = random.one_of(&["two", "localhost", "here.corp.example", "192.0.2.9", ""]);
        let found = hosts::find(&one, name);
        assert_eq!(hosts::find(&one, &format!("{}.", name.to_uppercase())), found);
        let begins = |ip: &IpAddr| {
            let words = one.lines().filter_map(|line| line.split_ascii_whitespace().next());
            words
                .filter_map(|word| word.split('#').next()?.parse().ok())
                .any(|first: IpAddr| first == *ip)
        };
        assert!(found.iter().all(begins), "{found:?}");
        // Those of two files, one behind the other, are those of both.
        let mut both = found.clone();
        both.extend(hosts::find(&other, name).into_iter().filter(|ip| !found.contains(ip)));
        both.truncate(32);
        assert_eq!(hosts::find(&format!("{one}\n{other}"), name), both);
        if found.is_empty() { "not found" } else { "found" }
    });
}

#[test]
fn a_server_that_a_caller_names_is_the_one_that_is_written() {
    const ALL: &[&str] =
        &["127.0.0.1:5353", "[2001:db8::1]:53", "::1", "[fe80::1%2]:53", "10.0.0.1"];
    try_all("name servers", &["one", "none"], |random| {
        let text = text(random, ALL);
        let Some(server) = resolv_conf::server_of_caller(&text) else {
            return "none";
        };
        assert_ne!(server.port(), 0);
        assert_eq!(resolv_conf::server_of_caller(&server.to_string()), Some(server));
        "one"
    });
}
