//! What servers are set up with: once for each port and manner, or no session could be resumed.

use super::speech::Manner;
use super::{Identity, Speech};
use crate::transport::tls::Settings;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

#[derive(Default)]
pub(crate) struct Configs(BTreeMap<(u16, Manner), Arc<ServerConfig>>);

/// The clock of the servers stands still: they would look at it only for requests within a
/// handshake, which nobody sends.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Default::default()))
    }
}

/// The settings of a fetch that trusts this one alone.
pub(crate) fn settings(trusted: Identity) -> Option<Arc<Settings>> {
    Some(trusted.settings())
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

impl Configs {
    pub(super) fn get(&mut self, port: u16, manner: Manner, speech: Speech) -> Arc<ServerConfig> {
        let config = self.0.entry((port, manner)).or_insert_with(|| Arc::new(make(manner, speech)));
        Arc::clone(config)
    }
}

fn make(manner: Manner, speech: Speech) -> ServerConfig {
    let identity = manner.shows().certified();
    let versions: &[_] = if speech.is_old { &[&TLS12] } else { &[&TLS13, &TLS12] };
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(Clock))
        .with_protocol_versions(versions)
        .expect("there are suites for them");
    let builder = match manner {
        Manner::Asks => {
            let mut roots = RootCertStore::empty();
            roots.add(identity.cert[0].clone()).expect("it is a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            builder.with_client_cert_verifier(verifier.build().expect("it has a root"))
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.send_tls13_tickets = speech.tickets;
    let protocol: &[u8] = if manner == Manner::Refuses { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}
