//! The server's end of a connection, plain or with TLS, that never waits.

use super::{Authority, Identity, PATIENCE, Tls, abort};
#[cfg(feature = "aws-lc")]
use rustls::crypto::aws_lc_rs as crypto;
#[cfg(not(feature = "aws-lc"))]
use rustls::crypto::ring as crypto;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, WantsVerifier};
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What a server of the tests needs to speak TLS, and its clients to trust it.
pub(crate) struct Secure {
    pub(crate) config: Arc<ServerConfig>,
    trusted: Vec<u8>,
}

impl Secure {
    /// One for all tests of a process, for every name that they have for this machine.
    pub(crate) fn shared() -> &'static Secure {
        static SHARED: OnceLock<Secure> = OnceLock::new();
        SHARED.get_or_init(|| {
            let authority = Authority::new("wire");
            let identity =
                authority.issue("DNS:localhost,DNS:known.example,DNS:three.example,DNS:known.local,DNS:three.local,IP:127.0.0.1,IP:::1");
            let trusted = std::fs::read(authority.certificate()).expect("it was made");
            Secure { config: Wire::config(&identity), trusted }
        })
    }

    /// Settings that trust it, and nobody else.
    pub(crate) fn settings(&self) -> Tls {
        Tls::new().trust_system(false).trust_pem(&self.trusted)
    }
}

pub(crate) struct Wire {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// What TLS has to say that was not sent yet: only by `say`.
    unsaid: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Wire {
        stream.set_nonblocking(true).expect("a socket option");
        stream.set_nodelay(true).expect("a socket option");
        let tls = tls.map(|config| {
            Box::new(ServerConnection::new(Arc::clone(config)).expect("a configuration of ours"))
        });
        Wire { stream, tls, unsaid: Vec::new() }
    }

    /// A server that shows this certificate.
    pub(crate) fn config(identity: &Identity) -> Arc<ServerConfig> {
        Wire::make(identity, |builder| builder.with_no_client_auth())
    }

    /// The same, of one that asks clients for a certificate, to be issued by `issuer`.
    pub(crate) fn config_asking(identity: &Identity, issuer: &Path) -> Arc<ServerConfig> {
        Wire::make(identity, |builder| {
            let mut roots = RootCertStore::empty();
            let issuer = CertificateDer::from_pem_file(issuer).expect("PEM");
            roots.add(issuer).expect("it can be trusted");
            let provider = Arc::clone(builder.crypto_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        })
    }

    fn make(
        identity: &Identity,
        ask: impl FnOnce(
            ConfigBuilder<ServerConfig, WantsVerifier>,
        ) -> ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(&identity.chain).expect("PEM");
        let key = PrivateKeyDer::from_pem_file(&identity.key).expect("PEM");
        let provider = Arc::new(crypto::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them");
        let mut config = ask(builder)
            .with_single_cert(chain.collect::<std::result::Result<_, _>>().expect("PEM"), key)
            .expect("a key of the certificate");
        // Every connection shakes hands from the start.
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// The socket's bytes, in and out.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Goes on with the handshake as far as it can.
    fn shake_hands(&mut self) -> Result<()> {
        let Some(tls) = &mut self.tls else {
            return Ok(());
        };
        while tls.wants_write() {
            tls.write_tls(&mut self.stream)?;
        }
        if tls.is_handshaking() && tls.read_tls(&mut self.stream)? > 0 {
            tls.process_new_packets().map_err(std::io::Error::other)?;
        }
        Ok(())
    }

    /// Whether it has something to send that it has taken.
    pub(crate) fn holds(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Takes in what has come of the handshake, and answers nothing.
    pub(crate) fn hear(&mut self) {
        if let Some(tls) = &mut self.tls {
            while tls.read_tls(&mut self.stream).is_ok_and(|count| count > 0) {
                tls.process_new_packets().expect("the client shakes hands as it should");
            }
        }
    }

    /// Sends so many bytes more of what the handshake has to say, if there are as many.
    pub(crate) fn say(&mut self, count: usize) {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.unsaid).expect("memory takes everything");
            }
        }
        let said: Vec<u8> = self.unsaid.drain(..count.min(self.unsaid.len())).collect();
        self.stream.write_all(&said).expect("the client is there");
    }

    /// Shakes hands, letting the client go on by `drive`.
    pub(crate) fn greet(&mut self, drive: impl Fn()) {
        let start = std::time::Instant::now();
        while self.is_handshaking() {
            drive();
            if let Err(error) = self.shake_hands() {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            }
            assert!(start.elapsed() < PATIENCE, "the handshake does not come to an end");
        }
    }

    /// Sends the first `count` bytes of the record that holds `bytes`.
    pub(crate) fn say_part(&mut self, bytes: &[u8], count: usize) {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes).expect("there is room");
        }
        self.say(count);
    }

    /// Says that nothing more comes.
    pub(crate) fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.say(usize::MAX);
    }

    /// Ends TLS with the alert bad_record_mac, as if the client had sent a record that is changed.
    pub(crate) fn fail(&mut self) {
        if let Some(tls) = &mut self.tls {
            let changed = [&[23, 3, 3, 0, 20][..], &[7; 20]].concat();
            tls.read_tls(&mut &changed[..]).expect("there is room");
            tls.process_new_packets().expect_err("nobody can decrypt it");
        }
        self.say(usize::MAX);
    }

    /// Changes its keys, and asks the client to do so as well.
    pub(crate) fn refresh(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.refresh_traffic_keys().expect("the handshake is complete");
            tls.write_tls(&mut self.stream).expect("the client is there");
        }
    }

    /// Ends its direction as the protocol has it.
    pub(crate) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.stream);
        }
        // The client may have gone already, which a shutdown would complain about.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn abort(&self) {
        abort(&self.stream);
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    result => drop(result?),
                }
            }
            tls.read_tls(&mut self.stream)?;
            tls.process_new_packets().map_err(std::io::Error::other)?;
        }
    }
}

impl Write for Wire {
    /// What was taken has been sent, or waits for a `flush`.
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.stream.write(bytes);
        };
        while tls.wants_write() {
            tls.write_tls(&mut self.stream)?;
        }
        let taken = tls.writer().write(bytes)?;
        while tls.wants_write() {
            match tls.write_tls(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                result => drop(result?),
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> Result<()> {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            tls.write_tls(&mut self.stream)?;
        }
        Ok(())
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
