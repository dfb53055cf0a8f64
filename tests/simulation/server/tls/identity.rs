//! Who the servers of the world are, and whom its users trust: two certificates that vouch for
//! themselves, from 2026 to 2126.
//!
//! Their keys are those of Ed25519, made by
//!
//! ```text
//! openssl req -x509 -newkey ed25519 -nodes -days 36500 -subj /CN=own
//!     -addext subjectAltName=DNS:*.world.test,DNS:localhost,IP:192.0.2.1
//!     -addext basicConstraints=critical,CA:FALSE
//! ```

use super::Identity;
use crate::transport::tls::Settings;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, OnceLock};

impl Identity {
    /// The certificate and the key, in PEM.
    fn pem(self) -> (&'static str, &'static str) {
        match self {
            Identity::Own => (OWN_CERTIFICATE, OWN_KEY),
            Identity::Other => (OTHER_CERTIFICATE, OTHER_KEY),
        }
    }

    /// What a server proves with that it is this one.
    pub(super) fn certified(self) -> Arc<CertifiedKey> {
        static MADE: [OnceLock<Arc<CertifiedKey>>; 2] = [const { OnceLock::new() }; 2];
        let make = || {
            let (certificate, key) = self.pem();
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            let made = CertifiedKey::from_der(chain, key, &ring::default_provider());
            Arc::new(made.expect("the key is that of the certificate"))
        };
        Arc::clone(MADE[self as usize].get_or_init(make))
    }

    /// The settings of those who trust this one and nobody else. They are the same for all of
    /// them, so that they may share connections.
    pub(super) fn settings(self) -> Arc<Settings> {
        static MADE: [OnceLock<Arc<Settings>>; 2] = [const { OnceLock::new() }; 2];
        let make = || {
            let mut settings = Settings::default();
            settings.trust_system(false).expect("it may be changed");
            settings.trust_pem(self.pem().0.as_bytes()).expect("it is a certificate");
            Arc::new(settings)
        };
        Arc::clone(MADE[self as usize].get_or_init(make))
    }
}

const OWN_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBWjCCAQygAwIBAgIUTdyHgd4l4FHjLed2mNobVIK2wNIwBQYDK2VwMA4xDDAK
BgNVBAMMA293bjAgFw0yNjExMjkxOTIzMjZaGA8yMTI2MTEwNTE5MjMyNlowDjEM
MAoGA1UEAwwDb3duMCowBQYDK2VwAyEAexpP9GKz7zRWX+JLBBqpzYoxra9Kf8qo
7WocKDQLLvKjejB4MB0GA1UdDgQWBBQ3Y3j9+sC2JsqXsDu+7/wcYMR2mzAfBgNV
HSMEGDAWgBQ3Y3j9+sC2JsqXsDu+7/wcYMR2mzAoBgNVHREEITAfggwqLndvcmxk
LnRlc3SCCWxvY2FsaG9zdIcEwAACATAMBgNVHRMBAf8EAjAAMAUGAytlcANBAM1P
5wjn41vhyLzpKYJ4UWSCfjbvSs1qXdonSETueR0+oPaTl8BmwZUmyyLlZG79Vjtz
3K/IOXP/UslvorRIpQc=
-----END CERTIFICATE-----
";

const OWN_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMDNJtOnpe00H6yOq5CZn2lPfPmc5GSzpBJUYRHHCSit
-----END PRIVATE KEY-----
";

const OTHER_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBXjCCARCgAwIBAgIUSz91oUOLP/VGcV4UL2CGkQj7ug0wBQYDK2VwMBAxDjAM
BgNVBAMMBW90aGVyMCAXDTI2MTEyOTE5MjMyNloYDzIxMjYxMTA1MTkyMzI2WjAQ
MQ4wDAYDVQQDDAVvdGhlcjAqMAUGAytlcAMhABwP7S/01suYDi/al8iM68MZIqHH
dEgZRAxtZFZRKbyao3oweDAdBgNVHQ4EFgQUfpspVOj6NeNuiY9UF8h1Dm3O0QYw
HwYDVR0jBBgwFoAUfpspVOj6NeNuiY9UF8h1Dm3O0QYwKAYDVR0RBCEwH4IMKi53
b3JsZC50ZXN0gglsb2NhbGhvc3SHBMAAAgEwDAYDVR0TAQH/BAIwADAFBgMrZXAD
QQDe5sXMD+7C8OA5s2dQS8WYtqT1c0GdaHXbgoYeAMCTka/iJtbB62G7TfsUjoOO
D+aXl6851xob4AF5GW320QsN
-----END CERTIFICATE-----
";

const OTHER_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMjVNcu1vdYxjILnEiYn+I+/EpOcOzxp5xdy+q0jkjp3
-----END PRIVATE KEY-----
";
