//! A query: one question, and what may come back (EDNS0, RFC 6891).

use crate::proto::dns::name::Name;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Aaaa,
}

impl Kind {
    pub(crate) const BOTH: [Kind; 2] = [Kind::A, Kind::Aaaa];

    /// The number of the record type.
    fn number(self) -> u16 {
        match self {
            Kind::A => 1,
            Kind::Aaaa => 28,
        }
    }
}

/// How long an answer over UDP may be: what passes everywhere without being cut into fragments,
/// as the operators of DNS agreed in 2020.
pub(crate) const UDP_MAX: u16 = 1232;

const CLASS_IN: u16 = 1;
const TYPE_OPT: u16 = 41;
const RECURSION_DESIRED: u16 = 1 << 8;

/// The bytes of a query. Without `edns` for servers that do not understand it.
pub(crate) fn write(name: &Name, kind: Kind, id: u16, edns: bool) -> Vec<u8> {
    let mut query = Vec::with_capacity(12 + name.as_wire().len() + 4 + 11);
    let mut put = |number: u16| query.extend_from_slice(&number.to_be_bytes());
    put(id);
    put(RECURSION_DESIRED);
    // How many questions, answers, authorities and additional records there are.
    for count in [1, 0, 0, u16::from(edns)] {
        put(count);
    }
    query.extend_from_slice(name.as_wire());
    let mut put = |number: u16| query.extend_from_slice(&number.to_be_bytes());
    put(kind.number());
    put(CLASS_IN);
    if edns {
        // Of the root: no name, the type, the length in place of a class, and no flags or options
        // in place of a time to live and data.
        query.push(0);
        let mut put = |number: u16| query.extend_from_slice(&number.to_be_bytes());
        for number in [TYPE_OPT, UDP_MAX, 0, 0, 0] {
            put(number);
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::base::iana::{Opcode, Rtype};
    use domain::base::{Message, ToName};

    #[test]
    fn a_query_is_one_that_others_can_read() {
        let name = Name::parse("a.example").unwrap();
        for (kind, rtype) in [(Kind::A, Rtype::A), (Kind::Aaaa, Rtype::AAAA)] {
            for edns in [false, true] {
                let bytes = write(&name, kind, 0xabcd, edns);
                let message = Message::from_octets(&bytes[..]).unwrap();
                let header = message.header();
                assert_eq!((header.id(), header.opcode()), (0xabcd, Opcode::QUERY));
                assert!(header.rd() && !header.qr() && !header.tc() && !header.ad());
                let question = message.sole_question().unwrap();
                assert_eq!(question.qtype(), rtype);
                let asked = domain::base::Name::from_octets(name.as_wire()).unwrap();
                assert!(question.qname().name_eq(&asked));
                let room = message.opt().map(|opt| opt.udp_payload_size());
                assert_eq!(room, edns.then_some(UDP_MAX));
                assert!(message.opt().is_none_or(|opt| opt.opt().is_empty()));
                assert_eq!(message.additional().unwrap().count(), usize::from(edns));
            }
        }
    }
}
