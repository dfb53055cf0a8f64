//! What a server answers to a question, as far as it can be believed.
//!
//! Anybody may send a datagram that says it is the answer. What does not repeat the question with
//! its number is taken for another's and ignored (RFC 5452 section 9.1); that it came from the
//! server's address is seen to by the kernel.

use crate::proto::dns::name::Name;
use crate::proto::dns::query::Kind;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::name::ParsedName;
use domain::base::wire::ParseError;
use domain::base::{Message, ToName, Ttl};
use domain::rdata::{A, Aaaa, Cname, Soa};
use std::net::IpAddr;

/// More addresses of a host than would ever be tried.
pub(crate) const ADDRESSES_MAX: usize = 32;
/// How many names may stand for another, one after the other. BIND follows 16 as well.
const ALIASES_MAX: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Not of this question, or not an answer at all.
    Foreign,
    /// It did not fit into a datagram.
    Truncated,
    /// At least one.
    Addresses { addresses: Vec<IpAddr>, ttl_s: u32 },
    /// No record of any type has the name. How long that holds is not always said.
    NoSuchName { ttl_s: Option<u32> },
    /// There is such a name, but without an address of this kind.
    NoAddress { ttl_s: Option<u32> },
    /// It does not understand the query.
    NotUnderstood,
    /// It answers, but not to the question.
    Refused(Refusal),
}

/// Why an answer is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Code(Rcode),
    /// It names servers to ask, which is not what it was asked.
    Referral,
    /// It cannot be parsed, or runs in a circle.
    Malformed,
}

impl std::fmt::Display for Refusal {
    /// What the server did.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Code(code) => write!(f, "said {code}"),
            Refusal::Referral => write!(f, "does not look names up for others"),
            Refusal::Malformed => write!(f, "sent a malformed answer"),
        }
    }
}

/// Reads `packet` as the answer to the question for `kind` of `name` that bore the number `id`.
pub(crate) fn read(packet: &[u8], name: &Name, kind: Kind, id: u16) -> Answer {
    let Ok(message) = Message::from_octets(packet) else {
        return Answer::Foreign;
    };
    let header = message.header();
    if header.id() != id || !header.qr() || header.opcode() != Opcode::QUERY {
        return Answer::Foreign;
    }
    let code = header.rcode();
    if !repeats(&message, name, kind) {
        // A server that did not understand the question may leave it out.
        let is_without = message.header_counts().qdcount() == 0 && code == Rcode::FORMERR;
        return if is_without { Answer::NotUnderstood } else { Answer::Foreign };
    }
    if header.tc() {
        return Answer::Truncated;
    }
    match code {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => {
            return Answer::NoSuchName { ttl_s: negative_ttl_s(&message).unwrap_or_default() };
        }
        Rcode::FORMERR | Rcode::NOTIMP => return Answer::NotUnderstood,
        code => return Answer::Refused(Refusal::Code(code)),
    }
    match addresses(&message, name, kind) {
        Err(_) => Answer::Refused(Refusal::Malformed),
        Ok((addresses, ttl_s)) if !addresses.is_empty() => Answer::Addresses { addresses, ttl_s },
        Ok(_) => match negative_ttl_s(&message) {
            Err(_) => Answer::Refused(Refusal::Malformed),
            Ok(None) if !header.aa() && !header.ra() => Answer::Refused(Refusal::Referral),
            Ok(ttl_s) => Answer::NoAddress { ttl_s },
        },
    }
}

type Packet<'a> = Message<&'a [u8]>;
type Owner<'a> = ParsedName<&'a [u8]>;

fn rtype(kind: Kind) -> Rtype {
    match kind {
        Kind::A => Rtype::A,
        Kind::Aaaa => Rtype::AAAA,
    }
}

/// Whether it has the question that was asked, and no other.
fn repeats(message: &Packet<'_>, name: &Name, kind: Kind) -> bool {
    message.sole_question().is_ok_and(|question| {
        let is_kind = question.qtype() == rtype(kind) && question.qclass() == Class::IN;
        is_kind && is_same(question.qname(), name)
    })
}

#[inline(never)]
fn is_same(owner: &Owner<'_>, name: &Name) -> bool {
    domain::base::Name::from_octets(name.as_wire()).is_ok_and(|name| owner.name_eq(&name))
}

/// The addresses that the answer gives to the name, or to the one that it is an alias of; and how
/// long all of that holds.
fn addresses(
    message: &Packet<'_>,
    name: &Name,
    kind: Kind,
) -> Result<(Vec<IpAddr>, u32), ParseError> {
    let mut aliases: Vec<(Owner<'_>, Owner<'_>, u32)> = Vec::new();
    let mut found: Vec<(Owner<'_>, IpAddr, u32)> = Vec::new();
    for record in message.answer()? {
        let record = record?;
        if record.class() != Class::IN {
            continue;
        }
        let (owner, ttl_s) = (record.owner().deref_octets(), ttl_s(record.ttl()));
        let address: Option<IpAddr> = match (record.rtype(), kind) {
            (Rtype::CNAME, _) => {
                if aliases.len() == ALIASES_MAX {
                    return Err(ParseError::form_error("too many aliases"));
                }
                let alias = record.to_record::<Cname<_>>()?;
                aliases.extend(alias.map(|alias| (owner, alias.into_data().into_cname(), ttl_s)));
                continue;
            }
            (Rtype::A, Kind::A) => record.to_record::<A>()?.map(|a| a.data().addr().into()),
            (Rtype::AAAA, Kind::Aaaa) => {
                record.to_record::<Aaaa>()?.map(|aaaa| aaaa.data().addr().into())
            }
            _ => continue,
        };
        if found.len() < ADDRESSES_MAX {
            found.extend(address.map(|address| (owner, address, ttl_s)));
        }
    }
    // The records may stand in any order.
    let mut of: Option<Owner<'_>> = None;
    let is_of = |owner: &Owner<'_>, of: &Option<Owner<'_>>| match of {
        None => is_same(owner, name),
        Some(of) => owner.name_eq(of),
    };
    let mut shortest_s = u32::MAX;
    for step in 0.. {
        let Some((_, target, ttl_s)) = aliases.iter().find(|(owner, ..)| is_of(owner, &of)) else {
            break;
        };
        if step == aliases.len() {
            return Err(ParseError::form_error("the aliases run in a circle"));
        }
        shortest_s = shortest_s.min(*ttl_s);
        of = Some(*target);
    }
    let mut addresses = Vec::new();
    for (owner, address, ttl_s) in found {
        if is_of(&owner, &of) && !addresses.contains(&address) {
            shortest_s = shortest_s.min(ttl_s);
            addresses.push(address);
        }
    }
    Ok((addresses, shortest_s))
}

/// How long it holds that there is nothing: the SOA record says so, and without one nobody does
/// (RFC 2308 sections 3 and 5).
fn negative_ttl_s(message: &Packet<'_>) -> Result<Option<u32>, ParseError> {
    let soa = message.authority()?.limit_to_in::<Soa<_>>().next().transpose()?;
    Ok(soa.map(|soa| ttl_s(soa.ttl()).min(ttl_s(soa.data().minimum()))))
}

/// One with the upper bit set means 0 (RFC 2181 section 8).
fn ttl_s(ttl: Ttl) -> u32 {
    let seconds = ttl.as_secs();
    if seconds > i32::MAX as u32 { 0 } else { seconds }
}

#[cfg(test)]
pub(crate) mod tests;
