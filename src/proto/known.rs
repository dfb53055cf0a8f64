//! A head that came before: servers send the same one again and again, and to see that it is the
//! same costs a tenth of parsing it.

use crate::proto::framing::Facts;
use crate::proto::head::Head;

/// A longer head is not remembered: there may be one for each origin.
const BYTES_MAX: usize = 1024;

/// The head that came last, as it came and as it was parsed.
#[derive(Debug, Default)]
pub(crate) struct KnownHead {
    bytes: Vec<u8>,
    parsed: Option<(Head, Facts)>,
}

impl KnownHead {
    /// The head that `input` begins with, and its length, if it is the known one. A head tells its
    /// own end, so what comes behind it changes nothing.
    pub(super) fn recognise(
        &self,
        input: &[u8],
        max_fields: usize,
    ) -> Option<(usize, Head, Facts)> {
        let (head, facts) = self.parsed.as_ref()?;
        let is_same = input.starts_with(&self.bytes) && head.fields.len() <= max_fields;
        is_same.then(|| (self.bytes.len(), head.clone(), *facts))
    }

    /// Remembers the head that `bytes` are.
    pub(super) fn note(&mut self, bytes: &[u8], head: &Head, facts: &Facts) {
        if bytes.len() <= BYTES_MAX {
            self.bytes.clear();
            self.bytes.extend_from_slice(bytes);
            self.parsed = Some((head.clone(), *facts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::h1::decode::{Decoder, Rules};

    const HEADS: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 304 \r\nConnection: keep-alive\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
    ];

    const RULES: Rules = Rules {
        to_head_request: false,
        upgrade_asked: false,
        head_bytes: 100,
        fields: 2,
        interim: 1,
    };

    fn decoded(input: &[u8], rules: &Rules, known: Option<&mut KnownHead>) -> String {
        let mut decoder = Decoder::new();
        format!("{:?} {decoder:?}", decoder.handle_head(input, rules, known))
    }

    /// Knows `head`.
    fn knowing(head: &[u8]) -> KnownHead {
        let mut known = KnownHead::default();
        decoded(head, &RULES, Some(&mut known));
        assert!(known.recognise(head, 2).is_some());
        known
    }

    fn assert_no_difference(head: &[u8], input: &[u8], rules: &Rules) {
        let with = decoded(input, rules, Some(&mut knowing(head)));
        assert_eq!(with, decoded(input, rules, None), "{:?}", input.escape_ascii().to_string());
    }

    #[test]
    fn whatever_is_known_a_head_means_the_same() {
        for &head in HEADS {
            for other in HEADS {
                assert_no_difference(head, other, &RULES);
            }
            assert_no_difference(head, &[head, b"body"].concat(), &RULES);
            for at in 0..head.len() {
                assert_no_difference(head, &head[..at], &RULES);
                for byte in [b'\r', b'\n', b' ', b':', b'0', b'a', 0] {
                    let mut changed = head.to_vec();
                    changed[at] = byte;
                    assert_no_difference(head, &changed, &RULES);
                }
            }
            for rules in [
                Rules { to_head_request: true, ..RULES },
                Rules { head_bytes: head.len() - 1, ..RULES },
                Rules { fields: 0, ..RULES },
                Rules { interim: 0, ..RULES },
            ] {
                assert_no_difference(head, head, &rules);
            }
        }
    }

    #[test]
    fn a_long_head_is_not_remembered() {
        let head = |len: usize| {
            let start = "HTTP/1.1 200 OK\r\nA: ";
            format!("{start}{:b<1$}\r\n\r\n", "", len - start.len() - 4).into_bytes()
        };
        let rules = Rules { head_bytes: 4096, ..RULES };
        for (len, is_known) in [(BYTES_MAX, true), (BYTES_MAX + 1, false)] {
            let (head, mut known) = (head(len), KnownHead::default());
            decoded(&head, &rules, Some(&mut known));
            assert_eq!(known.recognise(&head, 2).is_some(), is_known);
        }
    }
}
