//! Servers that want what this side does not have, and servers that have all that is common.

use super::certificates::OpenSsl;
use super::{Expected, difference, none};
use crate::support::*;
use ifetch::ffi::tls::ifetch_tls_version::IFETCH_TLS_1_3;

/// Every suite, group and version that there is, and what the report says of it.
#[test]
fn everything_common_is_spoken() {
    let authority = Authority::new("common");
    let ec = authority.issue("IP:127.0.0.1");
    let rsa = authority.make(Wanted { key: &["-newkey", "rsa:2048"], ..Wanted::default() });
    const X25519: u32 = 0x1d;
    let rows: &[(&[&str], &Identity, [u32; 3])] = &[
        (&["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], &ec, [13, 0x1301, X25519]),
        (&["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"], &rsa, [13, 0x1302, X25519]),
        (&["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], &ec, [13, 0x1303, X25519]),
        (&["-tls1_3", "-groups", "P-256"], &ec, [13, 0x1302, 0x17]),
        (&["-tls1_3", "-groups", "P-384"], &rsa, [13, 0x1302, 0x18]),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], &ec, [12, 0xc02b, X25519]),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], &ec, [12, 0xc02c, X25519]),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], &ec, [12, 0xcca9, X25519]),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], &rsa, [12, 0xc02f, X25519]),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"], &rsa, [12, 0xc030, X25519]),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"], &rsa, [12, 0xcca8, X25519]),
        (&["-tls1_2", "-groups", "P-256"], &rsa, [12, 0xc030, 0x17]),
        (&["-tls1_2", "-groups", "P-384"], &ec, [12, 0xc02c, 0x18]),
    ];
    let settings = Tls::trusting(authority.certificate());
    for (arguments, identity, wanted) in rows {
        let server = OpenSsl::start(identity, arguments);
        let client = Client::trusting(&settings);
        for resumed in [0, 1] {
            let fetch = client.get(&format!("https://{}/", server.address));
            assert_eq!(fetch.poll(), IFETCH_DONE, "{arguments:?}: {}", fetch.message());
            let report = fetch.report();
            assert_eq!(report.tls_resumed, resumed, "{arguments:?}");
            let group = if [report.tls_version, resumed] == [12, 1] { 0 } else { wanted[2] };
            let got = [report.tls_version, report.tls_cipher_suite, report.tls_group];
            assert_eq!(got, [wanted[0], wanted[1], group], "{arguments:?}");
            // The server's own word for it.
            let page = fetch.body().expect("it was collected");
            let says = if resumed == 1 { "\nReused, " } else { "\nNew, " };
            assert!(page.contains(says), "{arguments:?}: {page}");
        }
    }
}

#[test]
fn what_is_not_common_is_told() {
    use ifetch_error::IFETCH_ERROR_TLS_ALERT as ALERT;
    let authority = Authority::new("uncommon");
    let identity = authority.make(Wanted { key: &["-newkey", "rsa:2048"], ..Wanted::default() });
    let trusting = || Tls::trusting(authority.certificate());
    let newest = || trusting().min_version(IFETCH_TLS_1_3);
    const OLD: &str = "DEFAULT:@SECLEVEL=0";
    type Settings<'a> = &'a dyn Fn() -> Tls;
    let rows: &[(&str, &[&str], Settings<'_>, &'static [&'static str])] = &[
        ("TLS 1.1", &["-tls1_1", "-cipher", OLD], &trusting, &["protocol_version (70)"]),
        ("TLS 1.0", &["-tls1", "-cipher", OLD], &trusting, &["protocol_version (70)"]),
        ("1.2 where 1.3 is wanted", &["-tls1_2"], &newest, &["protocol_version (70)"]),
        (
            "no AEAD",
            &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"],
            &trusting,
            &["handshake_failure (40)"],
        ),
        (
            "no forward secrecy",
            &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
            &trusting,
            &["handshake_failure (40)"],
        ),
        (
            "finite fields",
            &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
            &trusting,
            &["handshake_failure (40)"],
        ),
        (
            "AES with CCM",
            &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
            &trusting,
            &["handshake_failure (40)"],
        ),
        ("another curve", &["-tls1_3", "-groups", "X448"], &trusting, &["handshake_failure (40)"]),
        (
            "another protocol in ALPN",
            &["-alpn", "h2"],
            &trusting,
            &["no_application_protocol (120)"],
        ),
        (
            "a certificate of ours, 1.2",
            &["-tls1_2", "-Verify", "1", "-verify_return_error"],
            &trusting,
            &["handshake_failure (40)"],
        ),
        (
            "a certificate of ours, 1.3",
            &["-tls1_3", "-Verify", "1", "-verify_return_error"],
            &trusting,
            &["certificate_required (116)"],
        ),
    ];
    let mut wrong = Vec::new();
    for &(name, arguments, settings, says) in rows {
        let server = OpenSsl::start(&identity, arguments);
        let options = Options::new().tls(&settings());
        let fetch = Fetch::start(format!("https://{}/", server.address), &options);
        wrong.extend(difference(name, &fetch, &Expected { error: ALERT, says }));
    }
    none(wrong);
}
