//! What the caller wants of TLS: whom to trust, and who we are.

use crate::error::{Error, Kind};
use crate::transport::sys;
use crate::transport::tls::Version;
use crate::transport::tls::config::provider;
use crate::transport::tls::key_log::LogFile;
use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// The SHA-256 of a public key, as it stands in a certificate.
pub(super) type Pin = [u8; 32];

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether the certificates are trusted that this system trusts.
    pub(super) trusts_system: bool,
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) pins: Vec<Pin>,
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) oldest: Version,
    pub(super) accepts_any: bool,
    pub(super) key_log: Option<Arc<LogFile>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusts_system: true,
            trusted: Vec::new(),
            pins: Vec::new(),
            identity: None,
            oldest: Version::default(),
            accepts_any: false,
            key_log: None,
        }
    }
}

impl Settings {
    pub(crate) fn trust_system(&mut self, on: bool) -> Result<(), Error> {
        self.trusts_system = on;
        Ok(())
    }

    /// Trusts the certificates of a PEM file, besides others.
    pub(crate) fn trust_file(&mut self, path: &[u8]) -> Result<(), Error> {
        let doing = format!("trust the certificates in {}: ", shown(path));
        let pem = read(path).map_err(|error| error.behind(&doing))?;
        self.trusted.extend(certificates(&pem).map_err(|error| error.behind(&doing))?);
        Ok(())
    }

    pub(crate) fn trust_pem(&mut self, pem: &[u8]) -> Result<(), Error> {
        let found = certificates(pem).map_err(|e| e.behind("trust certificates: "))?;
        self.trusted.extend(found);
        Ok(())
    }

    /// Accepts only servers with this public key, or another one that is pinned.
    pub(crate) fn pin(&mut self, base64: &[u8]) -> Result<(), Error> {
        let text = base64.strip_prefix(b"sha256/").unwrap_or(base64);
        let decoded = base64::engine::general_purpose::STANDARD.decode(text).ok();
        let pin = decoded.and_then(|bytes| Pin::try_from(bytes).ok()).ok_or_else(|| {
            let why = "pin a public key: this is not the base64 of a SHA-256, which has 44 letters";
            Error::new(Kind::InvalidArgument, why)
        })?;
        self.pins.push(pin);
        Ok(())
    }

    /// Shows servers that ask for it the certificates and proves to have the key.
    pub(crate) fn identify_by_files(&mut self, chain: &[u8], key: &[u8]) -> Result<(), Error> {
        let doing = |path| format!("identify by {}: ", shown(path));
        let chain_pem = read(chain).map_err(|e| e.behind(&doing(chain)))?;
        let key_pem = read(key).map_err(|e| e.behind(&doing(key)))?;
        self.identify(&chain_pem, &key_pem, &shown(chain), &shown(key))
    }

    pub(crate) fn identify_by_pem(&mut self, chain: &[u8], key: &[u8]) -> Result<(), Error> {
        self.identify(chain, key, "a certificate", "a key")
    }

    fn identify(
        &mut self,
        chain: &[u8],
        key: &[u8],
        chain_name: &str,
        key_name: &str,
    ) -> Result<(), Error> {
        let bad =
            |what: &str, why: &str| Error::new(Kind::BadPem, format!("identify by {what}: {why}"));
        let chain =
            certificates(chain).map_err(|e| e.behind(&format!("identify by {chain_name}: ")))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| bad(key_name, "there is no private key in it that is not encrypted"))?;
        let made = CertifiedKey::from_der(chain, key, provider());
        let made = made.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                bad(key_name, &format!("it is not the key of {chain_name}"))
            }
            other => bad(key_name, &other.to_string()),
        })?;
        self.identity = Some(Arc::new(made));
        Ok(())
    }

    pub(crate) fn set_oldest(&mut self, version: Version) -> Result<(), Error> {
        self.oldest = version;
        Ok(())
    }

    pub(crate) fn accept_any(&mut self, on: bool) -> Result<(), Error> {
        self.accepts_any = on;
        Ok(())
    }

    /// Writes the keys of connections to a file, so that others can read what was sent.
    pub(crate) fn log_keys(&mut self, path: Option<&[u8]>) -> Result<(), Error> {
        self.key_log = match path {
            None => None,
            Some(path) => Some(Arc::new(LogFile::open(path).map_err(|errno| {
                let why = format!("log keys to {}: {errno}", shown(path));
                Error::with_os(Kind::BadFile, errno.0, why)
            })?)),
        };
        Ok(())
    }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn read(path: &[u8]) -> Result<Vec<u8>, Error> {
    sys::read_named_file(path).map_err(|e| Error::with_os(Kind::BadFile, e.0, e.to_string()))
}

/// At least one, and none that is none.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |why: String| Error::new(Kind::BadPem, why);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| bad(format!("it is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(bad("there is no certificate in it, in PEM".to_owned()));
    }
    let wrong =
        found.iter().position(|der| rustls::RootCertStore::empty().add(der.clone()).is_err());
    match wrong {
        Some(at) => Err(bad(format!("certificate number {} in it cannot be read", at + 1))),
        None => Ok(found),
    }
}
