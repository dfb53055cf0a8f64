//! What may stand in a header field that we send (RFC 9110 section 5).

/// Whether these bytes are a token: a method or a field name (RFC 9110 section 5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// Whether these bytes may be sent as a field value (RFC 9110 section 5.5): visible characters,
/// blanks and tabs, and obs-text, which old servers still expect for names outside ASCII.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f))
}

/// What follows the blanks at the beginning.
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// A value without the blanks around it, which are not part of it.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = trim_start(bytes);
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether a name or an option is this one in any case. `lower` is letters and hyphens, so setting
/// one bit is enough to compare: besides, that makes a hyphen only of a CR, which cannot be here.
/// Four bytes at a time, since this is asked of every field that comes.
pub(crate) fn is<const N: usize>(name: &[u8], lower: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else {
        return false;
    };
    let ((words, rest), (lower_words, lower_rest)) =
        (name.as_chunks::<4>(), lower.as_chunks::<4>());
    let number = u32::from_ne_bytes;
    words.iter().zip(lower_words).all(|(&a, &b)| number(a) | 0x2020_2020 == number(b))
        && rest.iter().zip(lower_rest).all(|(&a, &b)| a | 0x20 == b)
}

/// The items of a list such as the value of Connection (RFC 9110 section 5.6.1).
pub(crate) fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_no_blank_colon_or_control() {
        for good in ["GET", "X-a.b_c!#$%&'*+^`|~9"] {
            assert!(is_token(good.as_bytes()), "{good}");
        }
        for bad in ["", "A B", "A:", "A\t", "A\r", "\u{e4}", "(", "\x7f"] {
            assert!(!is_token(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn a_value_has_no_control_but_tab() {
        assert!(is_value(b"a b\tc \xe4"));
        for bad in [b"a\rb", b"a\nb", b"a\0b", b"a\x7fb", b"a\x1bb"] {
            assert!(!is_value(bad), "{bad:?}");
        }
    }

    #[test]
    fn trimming_leaves_inner_blanks() {
        assert_eq!(trim(b" \t a b \t"), b"a b");
        assert_eq!(trim(b" \t "), b"");
    }
}
