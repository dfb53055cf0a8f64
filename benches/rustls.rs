//! The floor of what rustls allows: a blocking client on it that does nothing but connect, shake
//! hands, send, receive and count, as openssl.c does on OpenSSL.
//!
//!     rustls tls-keep|tls-new|tls-length PORT COUNT 1 [SIZE]

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

/// What every client reads a long body with.
const BUFFER: usize = 256 * 1024;
const SMALL: u64 = 100;

type Connection = StreamOwned<ClientConnection, TcpStream>;

struct Bench {
    config: Arc<ClientConfig>,
    port: u16,
    count: u64,
    body: u64,
    keeps: bool,
    request: String,
}

#[derive(Default)]
struct Sum {
    bytes: u64,
    connections: u64,
}

fn config() -> Arc<ClientConfig> {
    let path = std::env::var_os("BENCH_TRUSTED").expect("BENCH_TRUSTED is set");
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::pem_file_iter(path).expect("the trusted certificates are there");
    roots.add_parsable_certificates(trusted.map(|der| der.expect("it is PEM")));
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has all of them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Bench {
    fn of_arguments() -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let [row, port, count, "1", rest @ ..] =
            &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            panic!("needs ROW PORT COUNT 1 [SIZE]: one request at a time");
        };
        let number = |text: &str| text.parse().expect("a number");
        let (keeps, path, body) = match (*row, rest) {
            ("tls-keep", []) => (true, "/small".to_owned(), SMALL),
            ("tls-new", []) => (false, "/small".to_owned(), SMALL),
            ("tls-length", [size]) => (false, format!("/length/{size}"), number(size)),
            _ => panic!("no such row, or not its sizes"),
        };
        let close = if keeps { "" } else { "Connection: close\r\n" };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: raw\r\n\
             Accept: */*\r\n{close}\r\n"
        );
        let port = port.parse().expect("a port");
        Self { config: config(), port, count: number(count), body, keeps, request }
    }

    fn connect(&self) -> Connection {
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let session = ClientConnection::new(Arc::clone(&self.config), name).expect("a good config");
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        socket.set_nodelay(true).expect("it is a TCP socket");
        StreamOwned::new(session, socket)
    }

    /// Sends a request, and reads the whole response; how long its body was.
    fn answer_one(&self, connection: &mut Connection, buffer: &mut [u8]) -> u64 {
        connection.write_all(self.request.as_bytes()).expect("the server reads");
        let mut count = connection.read(buffer).expect("the server answers");
        let head = buffer[..count].windows(4).position(|four| four == b"\r\n\r\n");
        count -= head.expect("the head comes in one piece") + 4;
        let mut bytes = count as u64;
        while bytes < self.body {
            count = connection.read(buffer).expect("the server goes on");
            assert!(count > 0, "the server ends too early");
            bytes += count as u64;
        }
        bytes
    }

    /// What is counted; callgrind knows it by its name.
    #[inline(never)]
    fn bench_measure(&self, kept: &mut Option<Connection>) -> Sum {
        let mut sum = Sum::default();
        let mut buffer = vec![0; BUFFER];
        for _ in 0..self.count {
            let mut connection = kept.take().unwrap_or_else(|| {
                sum.connections += 1;
                self.connect()
            });
            sum.bytes += self.answer_one(&mut connection, &mut buffer);
            if self.keeps {
                *kept = Some(connection);
            } else {
                connection.conn.send_close_notify();
                // The server may have gone first.
                let _ = connection.flush();
            }
        }
        sum
    }
}

fn cpu_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes to the one place that it is given.
    #[allow(unsafe_code)]
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "the clock is there");
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn main() {
    let bench = Bench::of_arguments();
    let (mut kept, start) = (None, cpu_ns());
    let sum = bench.bench_measure(&mut kept);
    let (cpu_ns, Sum { bytes, connections }) = (cpu_ns() - start, sum);
    assert_eq!(bytes, bench.count * bench.body, "too few bytes came, or too many");
    println!(
        "row=- version=- count={} bytes={bytes} cpu_ns={cpu_ns} connections={connections}",
        bench.count
    );
}
