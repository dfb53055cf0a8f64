//! Certificates, made on the spot by the openssl command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Who issues certificates: a folder with its own one, and those that it has issued.
pub(crate) struct Authority {
    folder: PathBuf,
    own: Identity,
    issued: AtomicU32,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The certificate, and those behind it up to the authority's.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// What a certificate is to be like.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Such as "DNS:a.example,IP:127.0.0.1".
    pub(crate) names: &'a str,
    /// Lines of the section for extensions.
    pub(crate) extensions: &'a [&'a str],
    /// From when to when, such as "20240101000000Z"; a month from now on if it is empty.
    pub(crate) dates: &'a [&'a str],
    /// What makes the key.
    pub(crate) key: &'a [&'a str],
    pub(crate) digest: &'a str,
    /// Issued by this one and not by the authority.
    pub(crate) by: Option<&'a Identity>,
}

/// Made in no time.
pub(crate) const SMALL_KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

impl Default for Wanted<'_> {
    fn default() -> Self {
        Wanted {
            names: "DNS:localhost,IP:127.0.0.1",
            extensions: &[],
            dates: &[],
            key: SMALL_KEY,
            digest: "sha256",
            by: None,
        }
    }
}

/// What openssl insists on; that of the system may be out of sight.
const CONFIGURATION: &str = "[ca]\ndefault_ca = own\n[own]\nserial = serial\ndatabase = index\n\
    new_certs_dir = .\nunique_subject = no\npolicy = any\n[any]\ncommonName = supplied\n\
    [req]\ndistinguished_name = name\n[name]\n";

impl Authority {
    /// Its folder is named after `name`, and goes with it.
    pub(crate) fn new(name: &str) -> Authority {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = folder.join(format!("authority-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        for (file, text) in [("ca.conf", CONFIGURATION), ("serial", "1000\n"), ("index", "")] {
            std::fs::write(folder.join(file), text).expect("a temporary file");
        }
        let own = Identity { chain: folder.join("ca.pem"), key: folder.join("ca.key") };
        let authority = Authority { folder, own, issued: AtomicU32::new(0) };
        authority.sign_itself(
            &format!("Authority of {name}"),
            &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
            &authority.own,
        );
        authority
    }

    /// The certificate that makes its others trusted.
    pub(crate) fn certificate(&self) -> &Path {
        &self.own.chain
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A certificate for these names.
    pub(crate) fn issue(&self, names: &str) -> Identity {
        self.make(Wanted { names, ..Wanted::default() })
    }

    /// One that may issue others, with these lines of extensions besides.
    pub(crate) fn deputy(&self, extensions: &[&str], by: Option<&Identity>) -> Identity {
        let all = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
        let basic =
            if extensions.iter().any(|line| line.contains("CA:")) { &all[1..] } else { &all };
        let extensions = &[basic, extensions].concat();
        self.make(Wanted { names: "", extensions, by, ..Wanted::default() })
    }

    pub(crate) fn make(&self, wanted: Wanted<'_>) -> Identity {
        let number = self.next_number();
        let identity = self.named(&number);
        let path = |end: &str| self.folder.join(format!("{number}.{end}"));
        let deputy = format!("Deputy {number}");
        let first = wanted.names.split([':', ',']).nth(1).unwrap_or(&deputy).replace('*', "any");
        self.run(
            Command::new("openssl")
                .args(["req", "-new", "-nodes", "-subj", &format!("/CN={first}")])
                .args(wanted.key)
                .arg("-keyout")
                .arg(&identity.key)
                .arg("-out")
                .arg(path("csr")),
        );

        let mut lines = wanted.extensions.join("\n");
        if !wanted.names.is_empty() {
            lines += &format!("\nsubjectAltName={}", wanted.names);
        }
        // Without any extension it would not be one of the version that has them.
        lines += "\nsubjectKeyIdentifier=hash\n";
        std::fs::write(path("ext"), lines).expect("a temporary file");
        let issuer = wanted.by.unwrap_or(&self.own);
        let mut sign = Command::new("openssl");
        sign.current_dir(&self.folder).args([
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.conf",
            "-md",
            wanted.digest,
        ]);
        match wanted.dates {
            [from, until] => sign.args(["-startdate", from, "-enddate", until]),
            _ => sign.args(["-days", "30"]),
        };
        self.run(
            sign.arg("-in")
                .arg(path("csr"))
                .arg("-cert")
                .arg(&issuer.chain)
                .arg("-keyfile")
                .arg(&issuer.key)
                .arg("-extfile")
                .arg(path("ext"))
                .arg("-out")
                .arg(&identity.chain),
        );
        if let Some(issuer) = wanted.by {
            let mut chain = std::fs::read(&identity.chain).expect("it was made");
            chain.extend(std::fs::read(&issuer.chain).expect("it was made"));
            std::fs::write(&identity.chain, chain).expect("a temporary file");
        }
        identity
    }

    /// A certificate that vouches for itself.
    pub(crate) fn self_signed(&self, name: &str, extensions: &[&str]) -> Identity {
        let identity = self.named(&self.next_number());
        let names = format!("subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1");
        self.sign_itself(name, &[extensions, &[names.as_str()]].concat(), &identity);
        identity
    }

    fn sign_itself(&self, name: &str, extensions: &[&str], identity: &Identity) {
        let mut command = Command::new("openssl");
        command
            .args(["req", "-x509", "-nodes", "-days", "30", "-subj", &format!("/CN={name}")])
            .args(SMALL_KEY)
            .arg("-keyout")
            .arg(&identity.key)
            .arg("-out")
            .arg(&identity.chain);
        for extension in extensions {
            command.args(["-addext", extension]);
        }
        self.run(&mut command);
    }

    fn run(&self, command: &mut Command) {
        command.env("OPENSSL_CONF", self.folder.join("ca.conf"));
        let output = command.output().expect("openssl is installed");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {complaint}");
    }

    fn next_number(&self) -> String {
        self.issued.fetch_add(1, Ordering::Relaxed).to_string()
    }

    fn named(&self, number: &str) -> Identity {
        let path = |end: &str| self.folder.join(format!("{number}.{end}"));
        Identity { chain: path("pem"), key: path("key") }
    }
}

impl Identity {
    /// The base64 of the SHA-256 of its public key, by openssl.
    pub(crate) fn pin(&self) -> String {
        let script =
            "openssl pkey -in \"$0\" -pubout -outform DER | openssl sha256 -binary | base64";
        let output = Command::new("sh").args(["-c", script]).arg(&self.key).output();
        String::from_utf8(output.expect("sh starts").stdout).expect("base64").trim().to_owned()
    }

    /// The certificates behind it, if there are any.
    pub(crate) fn behind(&self) -> Option<PathBuf> {
        let chain = std::fs::read(&self.chain).expect("it was made");
        let own = std::fs::read(self.alone().chain).expect("it was made").len();
        let path = self.chain.with_extension("behind");
        std::fs::write(&path, &chain[own..]).expect("a temporary file");
        (chain.len() > own).then_some(path)
    }

    /// The same certificate without those behind it.
    pub(crate) fn alone(&self) -> Identity {
        let chain = std::fs::read_to_string(&self.chain).expect("it was made");
        const END: &str = "-----END CERTIFICATE-----\n";
        let end = chain.find(END).expect("PEM") + END.len();
        let path = self.chain.with_extension("alone");
        std::fs::write(&path, &chain[..end]).expect("a temporary file");
        Identity { chain: path, key: self.key.clone() }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
