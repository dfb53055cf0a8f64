//! The native resolver against unbound, which answers from a zone of its own.

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::report::ifetch_lookup::*;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

/// More addresses than fit into a datagram: the last of them is the one where somebody listens.
const MANY: usize = 150;

struct Unbound {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Unbound {
    fn start(name: &str) -> Unbound {
        let folder =
            std::env::temp_dir().join(format!("ifetch-unbound-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        std::fs::write(folder.join("zone"), zone()).expect("a temporary file");
        let address = free_address();
        let config = folder.join("unbound.conf");
        std::fs::write(&config, configuration(&folder.display().to_string(), address))
            .expect("a temporary file");
        let child = Command::new("unbound")
            .args(["-d", "-p", "-c"])
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("unbound is installed");
        let unbound = Unbound { child, folder, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < PATIENCE, "unbound does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        unbound
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody has now, for either protocol.
fn free_address() -> SocketAddr {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free for both");
}

fn configuration(folder: &str, address: SocketAddr) -> String {
    format!(
        "server:
            directory: \"{folder}\"
            username: \"\"
            chroot: \"\"
            pidfile: \"\"
            logfile: \"{folder}/log\"
            use-syslog: no
            interface: {}@{}
            do-ip6: no
            num-threads: 1
            module-config: iterator
            minimal-responses: yes
        auth-zone:
            name: zone.example
            zonefile: \"{folder}/zone\"
            for-downstream: yes
            for-upstream: no
        remote-control:
            control-enable: no
        ",
        address.ip(),
        address.port()
    )
}

fn zone() -> String {
    let mut zone = String::from(
        "$ORIGIN zone.example.
$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 2
@ IN NS ns
ns IN A 127.0.0.1
here IN A 127.0.0.1
brief 1 IN A 127.0.0.1
six IN AAAA ::1
both IN A 127.0.0.1
both IN AAAA ::1
text IN TXT \"no address\"
alias IN CNAME alias2
alias2 IN CNAME here
lost IN CNAME nowhere
*.wild IN A 127.0.0.1
",
    );
    for n in (0..MANY).rev() {
        writeln!(zone, "many IN A 127.0.1.{n}").expect("text has room");
    }
    zone
}

#[test]
fn a_real_server_is_understood() {
    let unbound = Unbound::start("plain");
    let six = Server::start_on("[::1]:0", &[&[Act::Serve][..]; 2]);
    let four = Server::start(&[&[Act::Serve][..]; 8]);
    let client = || Client::new().limit(IFETCH_CLIENT_LIMIT_IDLE, 0).asking(unbound.address);
    for (name, server) in [
        ("here", &four),
        ("HERE", &four),
        ("alias", &four),
        ("a.b.wild", &four),
        ("brief", &four),
        ("both", &four),
        ("both", &six),
        ("six", &six),
    ] {
        let fetch =
            client().get(&format!("http://{name}.zone.example.:{}/", server.address().port()));
        assert_eq!(fetch.finish().body, "/", "{name}: {}", fetch.message());
    }
    for (name, why) in [
        ("nobody", "no such host"),
        ("lost", "it has no address"),
        ("text", "it has no address"),
        ("wild", "it has no address"),
    ] {
        let fetch = client().get(&format!("http://{name}.zone.example./"));
        assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE, "{name}");
        let wanted = format!("look up {name}.zone.example.: {why}, says {}", unbound.address);
        assert_eq!(fetch.message(), wanted);
    }
}

/// A hundred and fifty addresses come over TCP, of which as many are taken as would be tried.
#[test]
fn a_real_server_is_asked_over_tcp_for_what_is_long() {
    let unbound = Unbound::start("long");
    let client = Client::new().asking(unbound.address);
    let options = Options::new();
    let fetch = client.start("http://many.zone.example.:1/", &options);
    assert_eq!(fetch.finish().status, IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_CONNECT, "{}", fetch.message());
    assert!((30..=MANY as u32).contains(&fetch.report().attempts), "{}", fetch.report().attempts);
}

#[test]
fn what_a_real_server_says_is_remembered_for_as_long_as_it_says() {
    let unbound = Unbound::start("remembered");
    let client = Client::new().asking(unbound.address);
    let lookup =
        |name: &str| client.get(&format!("http://{name}.zone.example.:1/")).report().lookup;
    // That nobody listens there would make the client forget the name, if it had one.
    for (name, later) in [("nobody", IFETCH_LOOKUP_NEW), ("text", IFETCH_LOOKUP_NEW)] {
        assert_eq!(lookup(name), IFETCH_LOOKUP_NEW as i32, "{name}");
        assert_eq!(lookup(name), IFETCH_LOOKUP_CACHED as i32, "{name}");
        // As the last field of the zone's SOA record has it.
        std::thread::sleep(Duration::from_millis(2_100));
        assert_eq!(lookup(name), later as i32, "{name}");
    }
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_NO_NAME, 0);
    assert_eq!(lookup("nobody"), IFETCH_LOOKUP_NEW as i32);
}
