//! Certificates, good and bad, shown by `openssl s_server`.

use super::{Expected, difference, none};
use crate::support::*;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// `openssl s_server`, ended when dropped.
pub(crate) struct OpenSsl {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl OpenSsl {
    /// Answers each request with a page about the connection.
    pub(crate) fn start(identity: &Identity, arguments: &[&str]) -> OpenSsl {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let mut command = Command::new("openssl");
        if let Some(behind) = identity.behind() {
            command.args(["s_server", "-cert_chain"]).arg(behind);
        } else {
            command.arg("s_server");
        }
        let child = command
            .args(["-quiet", "-www", "-accept", &address.to_string()])
            .arg("-cert")
            .arg(&identity.chain)
            .arg("-key")
            .arg(&identity.key)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        let mut server = OpenSsl { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait().expect("it was started");
            assert!(ended.is_none(), "s_server {arguments:?} has ended: {ended:?}");
            assert!(start.elapsed() < PATIENCE, "s_server {arguments:?} does not listen");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        server
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Row {
    name: &'static str,
    /// The host of the URL.
    host: &'static str,
    shown: fn(&Authority) -> Identity,
    /// Arguments of the server.
    server: &'static [&'static str],
    expected: Expected,
}

fn row(
    name: &'static str,
    host: &'static str,
    error: ifetch_error,
    says: &'static [&'static str],
    shown: fn(&Authority) -> Identity,
) -> Row {
    Row { name, host, shown, server: &[], expected: Expected { error, says } }
}

fn with_names(authority: &Authority, names: &'static str) -> Identity {
    authority.issue(names)
}

const RSA_1024: &[&str] = &["-newkey", "rsa:1024"];
const RSA_2048: &[&str] = &["-newkey", "rsa:2048"];
const P_384: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
const ED25519: &[&str] = &["-newkey", "ed25519"];
/// OpenSSL would not show certificates such as these by itself.
const ANYTHING: &[&str] = &["-cipher", "DEFAULT:@SECLEVEL=0"];

use ifetch_error::{
    IFETCH_ERROR_CERTIFICATE as REFUSED, IFETCH_ERROR_CERTIFICATE_DATE as DATE,
    IFETCH_ERROR_CERTIFICATE_ISSUER as ISSUER, IFETCH_ERROR_CERTIFICATE_NAME as NAME,
    IFETCH_ERROR_NONE as FINE,
};

#[rustfmt::skip] // a row is a line, or two
fn rows() -> Vec<Row> {
    vec![
        row("good", "localhost", FINE, &[], |a| a.issue("DNS:localhost")),
        row("good, behind a deputy", "localhost", FINE, &[], |a| a.make(Wanted { by: Some(&a.deputy(&[], None)), ..Wanted::default() })),
        row("good, RSA", "localhost", FINE, &[], |a| a.make(Wanted { key: RSA_2048, ..Wanted::default() })),
        row("good, P-384", "localhost", FINE, &[], |a| a.make(Wanted { key: P_384, ..Wanted::default() })),
        row("good, Ed25519", "localhost", FINE, &[], |a| a.make(Wanted { key: ED25519, ..Wanted::default() })),
        row("expired", "localhost", DATE, &["\"localhost\" expired on 2021-02-03 04:05:06 UTC", "days ago"],
            |a| a.make(Wanted { dates: &["20200101000000Z", "20210203040506Z"], ..Wanted::default() })),
        row("not valid yet", "localhost", DATE, &["\"localhost\" is not valid before 2049-01-01 00:00:00 UTC"],
            |a| a.make(Wanted { dates: &["20490101000000Z", "20491231000000Z"], ..Wanted::default() })),
        row("one behind it expired", "localhost", DATE, &["the certificate \"Deputy ", "behind its own expired on 2021-01-01"], |a| {
            let dates = &["20200101000000Z", "20210101000000Z"];
            let extensions = &["basicConstraints=critical,CA:TRUE"];
            let deputy = a.make(Wanted { names: "", extensions, dates, ..Wanted::default() });
            a.make(Wanted { by: Some(&deputy), ..Wanted::default() })
        }),
        row("another host", "b.example", NAME, &["is not for b.example, but for \"a.example\", \"c.example\""], |a| with_names(a, "DNS:a.example,DNS:c.example")),
        row("a wildcard", "b.a.example", FINE, &[], |a| with_names(a, "DNS:*.a.example")),
        row("a wildcard for the name itself", "a.example", NAME, &["for \"*.a.example\""], |a| with_names(a, "DNS:*.a.example")),
        row("a wildcard two labels off", "c.b.a.example", NAME, &["for \"*.a.example\""], |a| with_names(a, "DNS:*.a.example")),
        row("a wildcard within a label", "bar.a.example", NAME, &[], |a| with_names(a, "DNS:b*.a.example")),
        row("a wildcard in the middle", "a.b.example", NAME, &[], |a| with_names(a, "DNS:a.*.example")),
        row("names in any case", "a.EXAMPLE", FINE, &[], |a| with_names(a, "DNS:A.example")),
        row("an address", "127.0.0.1", FINE, &[], |a| with_names(a, "IP:127.0.0.1")),
        row("another address", "127.0.0.1", NAME, &["is not for 127.0.0.1"], |a| with_names(a, "IP:127.0.0.2")),
        row("an address as a name", "127.0.0.1", NAME, &["\"127.0.0.1\""], |a| with_names(a, "DNS:127.0.0.1")),
        row("no names but the common one", "nameless.example", NAME, &["for no name at all"], |a| a.make(Wanted { names: "", ..Wanted::default() })),
        row("signed by itself", "localhost", ISSUER, &["\"localhost\" is signed by itself"], |a| a.self_signed("localhost", &["basicConstraints=critical,CA:FALSE"])),
        row("signed by itself, as an authority", "localhost", REFUSED, &["\"localhost\" is that of an authority"], |a| a.self_signed("localhost", &["basicConstraints=critical,CA:TRUE"])),
        row("an issuer that nobody knows", "localhost", ISSUER, &["was issued by \"Authority of another\", which is not trusted"], |_| {
            // Its folder is not needed once the certificate is in that of the test's.
            let other = Box::leak(Box::new(Authority::new("another")));
            other.issue("DNS:localhost")
        }),
        row("one behind it missing", "localhost", ISSUER, &["was issued by \"Deputy ", "which is not trusted, and the server sent none behind it"],
            |a| a.make(Wanted { by: Some(&a.deputy(&[], None)), ..Wanted::default() }).alone()),
        row("issued by one that is no authority", "localhost", REFUSED, &["not that of an authority"],
            |a| a.make(Wanted { by: Some(&a.issue("DNS:a.example")), ..Wanted::default() })),
        row("too many behind it", "localhost", REFUSED, &["more certificates behind it than one of them allows"], |a| {
            let first = a.deputy(&["basicConstraints=critical,CA:TRUE,pathlen:0"], None);
            let second = a.deputy(&[], Some(&first));
            a.make(Wanted { by: Some(&second), ..Wanted::default() })
        }),
        row("for clients only", "localhost", REFUSED, &["is not for servers, but for \"client authentication\""],
            |a| a.make(Wanted { extensions: &["extendedKeyUsage=clientAuth"], ..Wanted::default() })),
        row("an authority's", "localhost", REFUSED, &["is that of an authority"],
            |a| a.make(Wanted { extensions: &["basicConstraints=critical,CA:TRUE"], ..Wanted::default() })),
        row("names that its issuer may not give", "localhost", REFUSED, &["is for a name that its issuer may not vouch for"],
            |a| a.make(Wanted { by: Some(&a.deputy(&["nameConstraints=critical,permitted;DNS:a.example"], None)), ..Wanted::default() })),
        row("names that its issuer must not give", "localhost", REFUSED, &["is for a name that its issuer may not vouch for"],
            |a| a.make(Wanted { by: Some(&a.deputy(&["nameConstraints=critical,excluded;DNS:localhost"], None)), ..Wanted::default() })),
        row("a critical extension that nobody knows", "localhost", REFUSED, &["a critical extension that is unknown"],
            |a| a.make(Wanted { extensions: &["1.2.3.4=critical,DER:0500"], ..Wanted::default() })),
        Row { server: ANYTHING, ..row("a weak key", "localhost", REFUSED, &["that key is too weak"],
            |a| a.make(Wanted { key: RSA_1024, ..Wanted::default() })) },
        Row { server: ANYTHING, ..row("a weak signature", "localhost", REFUSED, &["of a kind too weak or unknown"],
            |a| a.make(Wanted { digest: "sha1", ..Wanted::default() })) },
    ]
}

#[test]
fn certificates_are_judged() {
    let authority = Authority::new("peers");
    let trusting = || Tls::trusting(authority.certificate());
    let check = |row: &Row| {
        let server = OpenSsl::start(&(row.shown)(&authority), row.server);
        let url = format!("https://{}:{}/", row.host, server.address.port());
        let options = Options::new().tls(&trusting()).connect_to(server.address);
        difference(row.name, &Fetch::start(url, &options), &row.expected)
    };
    none(rows().iter().filter_map(check).collect());
}
