//! What rustls refuses, in our words.

use crate::error::{Error, Kind, quote};
use crate::proto::x509::{Moment, Summary};
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

/// Why a connection cannot go on, as the end of a sentence that names the server.
pub(super) fn explain(error: &rustls::Error) -> Error {
    use rustls::Error as E;
    let broken = |why: String| Error::new(Kind::Tls, why);
    match error {
        E::AlertReceived(alert) => {
            let (name, number) = (name_of(*alert), u8::from(*alert));
            let why = format!("the server sent the TLS alert {name} ({number})");
            Error::new(Kind::TlsAlert, why)
        }
        // Of the handshake: those of certificates are explained with their chain.
        E::InvalidCertificate(CertificateError::BadSignature) => {
            let why = "it has not signed the handshake with the key of its certificate, or that \
                       key is too weak";
            Error::new(Kind::Certificate, why)
        }
        E::InvalidCertificate(_) => explain_certificate(error, &[]),
        E::NoCertificatesPresented => {
            Error::new(Kind::Certificate, "the server showed no certificate")
        }
        E::DecryptError => broken("it sent a record that cannot be decrypted".to_owned()),
        E::PeerSentOversizedRecord | E::InvalidMessage(InvalidMessage::MessageTooLarge) => {
            broken("it sent a record that is too long".to_owned())
        }
        E::InvalidMessage(InvalidMessage::InvalidContentType)
        | E::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
            broken("it sent what is no TLS record".to_owned())
        }
        E::InvalidMessage(what) => broken(format!("it sent a malformed message ({what:?})")),
        E::InappropriateMessage { got_type, .. } => {
            broken(format!("it sent a record out of turn ({got_type:?})"))
        }
        E::InappropriateHandshakeMessage { got_type, .. } => {
            broken(format!("it sent a handshake message out of turn ({got_type:?})"))
        }
        E::PeerMisbehaved(what) => broken(format!("it broke the protocol ({what:?})")),
        E::PeerIncompatible(what) => broken(incompatible(what)),
        E::NoApplicationProtocol => broken("it does not speak HTTP/1.1".to_owned()),
        other => broken(other.to_string()),
    }
}

fn incompatible(what: &PeerIncompatible) -> String {
    match what {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "it speaks no version of TLS that is allowed here".to_owned()
        }
        other => format!("it has nothing in common with this side ({other:?})"),
    }
}

/// As in RFC 8446 section 6: HandshakeFailure is handshake_failure.
fn name_of(alert: AlertDescription) -> String {
    if let AlertDescription::Unknown(_) = alert {
        return "of an unknown kind".to_owned();
    }
    let camel: Vec<char> = format!("{alert:?}").chars().collect();
    let mut name = String::new();
    for (at, c) in camel.iter().enumerate() {
        let follows_small = at > 0 && camel[at - 1].is_lowercase();
        let precedes_small = at > 0 && camel.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (follows_small || precedes_small) {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Why a server is not trusted that showed these certificates, its own first.
pub(super) fn explain_certificate(error: &rustls::Error, chain: &[&CertificateDer<'_>]) -> Error {
    let rustls::Error::InvalidCertificate(error) = error else {
        return explain(error);
    };
    use CertificateError as C;
    let summaries: Vec<_> = chain.iter().map(|der| Summary::read(der)).collect();
    let own = summaries.first().and_then(Option::as_ref);
    let whose = |at: usize| match (at, &summaries.get(at)) {
        (0, Some(Some(summary))) => format!("its certificate {}", summary.subject),
        (_, Some(Some(summary))) => {
            format!("the certificate {} behind its own", summary.subject)
        }
        _ => "its certificate".to_owned(),
    };
    // The first of which it is true; the server's own if that cannot be told.
    let first = |is: &dyn Fn(&Summary) -> bool| {
        summaries.iter().position(|summary| summary.as_ref().is_some_and(is)).unwrap_or(0)
    };
    match error {
        C::ExpiredContext { time, not_after } => {
            let (now, until) = (moment(time.as_secs()), moment(not_after.as_secs()));
            let at = whose(first(&|summary| summary.not_after < now));
            let since = ago(time.as_secs().saturating_sub(not_after.as_secs()));
            Error::new(Kind::CertificateDate, format!("{at} expired on {until}, {since} ago"))
        }
        C::NotValidYetContext { time, not_before } => {
            let (now, from) = (moment(time.as_secs()), moment(not_before.as_secs()));
            let at = whose(first(&|summary| summary.not_before > now));
            Error::new(Kind::CertificateDate, format!("{at} is not valid before {from}"))
        }
        C::NotValidForNameContext { expected, presented } => {
            let names = match &presented[..] {
                [] => "for no name at all".to_owned(),
                names => {
                    format!("for {}", list(&names.iter().map(|n| bare(n)).collect::<Vec<_>>()))
                }
            };
            let why = format!("{} is not for {}, but {names}", whose(0), expected.to_str());
            Error::new(Kind::CertificateName, why)
        }
        C::UnknownIssuer => {
            let why = match (own, summaries.last().and_then(Option::as_ref)) {
                (Some(own), _) if own.is_self_issued => {
                    format!("{} is signed by itself, and not trusted", whose(0))
                }
                (Some(_), Some(last)) => {
                    let behind = match chain.len() {
                        1 => ", and the server sent none behind it".to_owned(),
                        n => format!(
                            "; the server sent {n} certificates, the last issued by {}",
                            last.issuer
                        ),
                    };
                    let issuer = own.map_or("", |own| &own.issuer);
                    format!("{} was issued by {issuer}, which is not trusted{behind}", whose(0))
                }
                _ => "its certificate was issued by nobody who is trusted".to_owned(),
            };
            Error::new(Kind::CertificateIssuer, why)
        }
        C::BadSignature => {
            let why = format!("{} or one behind it has a wrong signature", whose(0));
            Error::new(Kind::Certificate, why)
        }
        C::BadEncoding => {
            Error::new(Kind::Certificate, "its certificate cannot be read".to_owned())
        }
        C::InvalidPurposeContext { presented, .. } => {
            let uses: Vec<_> = presented.iter().map(ToString::to_string).collect();
            let why = format!("{} is not for servers, but for {}", whose(0), list(&uses));
            Error::new(Kind::Certificate, why)
        }
        C::UnsupportedSignatureAlgorithmContext { .. }
        | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            let why =
                format!("{} is signed, or has a key, of a kind too weak or unknown", whose(0));
            Error::new(Kind::Certificate, why)
        }
        C::Other(other) => {
            let other = other.to_string();
            let known = OTHERS.iter().find(|(name, _)| *name == other);
            let why = known.map_or(format!("is refused: {other}"), |(_, why)| (*why).to_owned());
            Error::new(Kind::Certificate, format!("{} {why}", whose(0)))
        }
        other => Error::new(Kind::Certificate, format!("{} is refused: {other}", whose(0))),
    }
}

/// What webpki refuses besides, by the names that it has for it.
const OTHERS: &[(&str, &str)] = &[
    ("CaUsedAsEndEntity", "is that of an authority, and not of a server"),
    ("EndEntityUsedAsCa", "was issued by a certificate that is not that of an authority"),
    ("NameConstraintViolation", "is for a name that its issuer may not vouch for"),
    ("PathLenConstraintViolated", "has more certificates behind it than one of them allows"),
    ("UnsupportedCriticalExtension", "has, or one behind it, a critical extension that is unknown"),
    ("UnsupportedCertVersion", "is of an old version, without extensions"),
];

fn moment(seconds: u64) -> Moment {
    Moment::from_unix(seconds)
}

/// A length of time in its largest unit.
fn ago(seconds: u64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        120.. => format!("{} minutes", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// A name without the kind that it is of: DnsName("a.example").
fn bare(presented: &str) -> String {
    let value = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    value.unwrap_or(presented).trim_matches('"').to_owned()
}

/// Some names, since a certificate may have hundreds.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quote(name.as_bytes())).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}
