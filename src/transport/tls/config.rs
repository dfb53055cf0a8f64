//! From the caller's settings to what rustls wants, once for each client.

use crate::error::{Error, Kind};
use crate::transport::sys;
use crate::transport::tls::Version;
use crate::transport::tls::settings::Settings;
use crate::transport::tls::verifier::Verifier;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// The servers whose sessions are remembered, each with a few tickets of about 1 KiB.
const SERVERS: usize = 256;

#[derive(Debug)]
pub(crate) struct Config {
    pub(super) client: Arc<ClientConfig>,
    pub(super) verifier: Arc<Verifier>,
    /// In which it was made.
    pub(super) process: u32,
}

/// The cryptography that is built in; immutable, so that all clients share it.
pub(super) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        #[cfg(feature = "aws-lc")]
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        #[cfg(not(feature = "aws-lc"))]
        let provider = rustls::crypto::ring::default_provider();
        Arc::new(provider)
    })
}

/// The clock by which certificates are valid.
#[derive(Debug)]
struct Clock;

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let since = std::time::Duration::from_secs(sys::unix_seconds());
        Some(UnixTime::since_unix_epoch(since))
    }
}

impl Config {
    /// Without `remembers`, no session is kept to be resumed.
    pub(super) fn new(
        settings: &Settings,
        system: &mut SystemStore,
        remembers: bool,
    ) -> Result<Self, Error> {
        let roots = roots(settings, system)?;
        let verifier = Arc::new(Verifier::new(settings, roots));
        let versions: &[_] = match settings.oldest {
            Version::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            Version::Tls13 => &[&rustls::version::TLS13],
        };
        let builder = ClientConfig::builder_with_details(Arc::clone(provider()), Arc::new(Clock))
            .with_protocol_versions(versions)
            .map_err(|error| Error::new(Kind::Internal, format!("set up TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<_>);
        let mut client = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(key) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key))))
            }
        };
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        client.resumption = match remembers {
            true => Resumption::store(Arc::new(ClientSessionMemoryCache::new(SERVERS))),
            false => Resumption::disabled(),
        };
        if let Some(log) = &settings.key_log {
            client.key_log = Arc::clone(log) as Arc<_>;
        }
        Ok(Self { client: Arc::new(client), verifier, process: sys::process_id() })
    }
}

/// What is trusted; nothing if everything is.
fn roots(
    settings: &Settings,
    system: &mut SystemStore,
) -> Result<Option<Arc<RootCertStore>>, Error> {
    if settings.accepts_any {
        return Ok(None);
    }
    if settings.trusted.is_empty() {
        return match settings.trusts_system {
            true => system.get().map(Some),
            false => {
                let why = "trust nobody: neither the system's certificates nor others";
                Err(Error::new(Kind::NoTrust, why))
            }
        };
    }
    // What is trusted besides is no reason to fail where the system trusts nobody.
    let mut roots = match settings.trusts_system.then(|| system.get().ok()).flatten() {
        Some(system) => RootCertStore::clone(&system),
        None => RootCertStore::empty(),
    };
    roots.add_parsable_certificates(settings.trusted.iter().cloned());
    Ok(Some(Arc::new(roots)))
}

/// What this system trusts, read when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct SystemStore {
    read: Option<Arc<RootCertStore>>,
    /// Whether it is this client's own copy, and not the one that all fetches without a client
    /// share.
    is_own: bool,
}

impl SystemStore {
    pub(super) fn new(is_own: bool) -> Self {
        Self { read: None, is_own }
    }

    fn get(&mut self) -> Result<Arc<RootCertStore>, Error> {
        static SHARED: OnceLock<Arc<RootCertStore>> = OnceLock::new();
        let known = self.read.as_ref().or(if self.is_own { None } else { SHARED.get() });
        if let Some(store) = known {
            return Ok(Arc::clone(store));
        }
        let mut store = Arc::new(read_system()?);
        if !self.is_own {
            store = Arc::clone(SHARED.get_or_init(|| store));
        }
        self.read = Some(Arc::clone(&store));
        Ok(store)
    }
}

fn read_system() -> Result<RootCertStore, Error> {
    let (found, failure) = sys::trusted_certificates();
    let count = found.len();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.into_iter().map(CertificateDer::from));
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = match (failure, count) {
        (Some(failure), _) => failure,
        (None, 0) => "there are none where they are looked for".to_owned(),
        (None, count) => format!("none of {count} can be read"),
    };
    let why = format!("read the certificates that this system trusts: {why}");
    Err(Error::new(Kind::NoTrust, why))
}
