//! Certificates, as far as messages tell of them.

use super::inputs::try_all;
use super::mutation::mutate;
use crate::proto::x509::Summary;
use crate::proto::x509::tests::samples;

const WORDS: &[&[u8]] = &[
    &[0x30, 0x80],
    &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
    &[0x31, 0x00],
    &[0x06, 3, 0x55, 4, 3],
    &[0x17, 13],
    b"991231235959Z",
    b"\r\n\x1b[2J",
];

#[test]
fn what_is_told_of_a_certificate_is_short_and_can_be_printed() {
    let all = samples();
    try_all("certificates", &["read", "not read"], |random| {
        let der = mutate(random, &all, WORDS, 0);
        let Some(summary) = Summary::read(&der) else {
            return "not read";
        };
        for told in [&summary.subject, &summary.issuer] {
            let is_plain = told.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            assert!(is_plain && (2..=170).contains(&told.len()), "{told}");
        }
        assert!(!summary.is_self_issued || summary.subject == summary.issuer);
        for moment in [summary.not_before, summary.not_after] {
            let told = moment.to_string();
            assert!(told.len() == 23 && told.ends_with(" UTC"), "{told}");
        }
        // What stands behind it changes nothing.
        assert_eq!(Summary::read(&[&der[..], b"behind"].concat()), Some(summary));
        "read"
    });
}
