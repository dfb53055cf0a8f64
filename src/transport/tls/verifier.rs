//! Whether a server is whom it says to be, and in words why not.

use crate::error::{Error, Kind};
use crate::proto::x509::{Moment, Summary};
use crate::transport::tls::config::provider;
use crate::transport::tls::failure;
use crate::transport::tls::settings::{Pin, Settings};
use base64::Engine as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::{Arc, Mutex};

pub(crate) struct Verifier {
    /// Nothing if every certificate is accepted.
    roots: Option<Arc<RootCertStore>>,
    /// Certificates that the caller has named. A server may show one of these itself, as those
    /// who made one for themselves do, whatever it says about being an authority.
    named: Vec<CertificateDer<'static>>,
    pins: Vec<Pin>,
    /// Why a server was refused last: taken by the session that was told so, in the same call.
    refusal: Mutex<Option<Error>>,
}

/// rustls asks for it, and nobody reads it: what is in here would only make the library larger.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    pub(super) fn new(settings: &Settings, roots: Option<Arc<RootCertStore>>) -> Self {
        let (named, pins) = (settings.trusted.clone(), settings.pins.clone());
        Self { roots, named, pins, refusal: Mutex::new(None) }
    }

    /// Why a server was refused just now.
    pub(super) fn take_refusal(&self) -> Option<Error> {
        self.refusal.lock().ok()?.take()
    }

    fn refuse(&self, error: Error) {
        if let Ok(mut refusal) = self.refusal.lock() {
            *refusal = Some(error);
        }
    }

    fn is_named(&self, shown: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> bool {
        let is_valid_now = || {
            let now = Moment::from_unix(now.as_secs());
            Summary::read(shown).is_some_and(|s| s.not_before <= now && now <= s.not_after)
        };
        let is_for_name = || {
            let parsed = ParsedCertificate::try_from(shown);
            parsed.is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
        };
        self.named.contains(shown) && is_valid_now() && is_for_name()
    }

    /// Whether the public key is one that the caller has pinned.
    fn check_pin(&self, shown: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let key = ParsedCertificate::try_from(shown)?.subject_public_key_info();
        let pin = sha256(&key);
        if pin.is_some_and(|pin| self.pins.contains(&pin)) {
            return Ok(());
        }
        let shown = base64::engine::general_purpose::STANDARD.encode(pin.unwrap_or_default());
        let why = format!("its public key is not the one that was pinned, but sha256/{shown}");
        self.refuse(Error::new(Kind::CertificatePin, why));
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

/// Whether one of the roots vouches for the certificate, and the certificate for the name.
fn verify_chain(
    roots: &RootCertStore,
    shown: &CertificateDer<'_>,
    behind: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(shown)?;
    let algorithms = provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, behind, now, algorithms)?;
    verify_server_name(&parsed, name)
}

/// By the cryptography that is built in, whichever that is.
fn sha256(bytes: &[u8]) -> Option<Pin> {
    let hashes = |suite: &rustls::SupportedCipherSuite| match suite {
        rustls::SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        rustls::SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    };
    let mut hashes = provider().cipher_suites.iter().map(hashes);
    let hash =
        hashes.find(|hash| hash.algorithm() == rustls::crypto::hash::HashAlgorithm::SHA256)?;
    hash.hash(bytes).as_ref().try_into().ok()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots
            && !self.is_named(end_entity, server_name, now)
        {
            let verified = verify_chain(roots, end_entity, intermediates, server_name, now);
            verified.inspect_err(|error| {
                let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
                self.refuse(failure::explain_certificate(error, &chain));
            })?;
        }
        self.check_pin(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
