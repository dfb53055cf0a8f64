//! A name as it stands in a DNS message.

/// RFC 1035 section 2.3.4, with the byte that ends it.
const NAME_MAX: usize = 255;
const LABEL_MAX: usize = 63;

/// A whole name: each label behind its length, up to the empty one of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(Box<[u8]>);

impl Name {
    /// Nothing if it is longer than DNS allows, or has an empty label. A dot at the end changes
    /// nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            if label.is_empty() || label.len() > LABEL_MAX {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        (wire.len() <= NAME_MAX).then(|| Self(wire.into()))
    }

    pub(crate) fn as_wire(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Name {
    /// Without the dot at the end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = &self.0[..];
        let mut dot = "";
        while let Some((&len, behind)) = rest.split_first().filter(|&(&len, _)| len > 0) {
            let (label, behind) = behind.split_at(len.into());
            write!(f, "{dot}{}", label.escape_ascii())?;
            (rest, dot) = (behind, ".");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_dns_can_hold() {
        let label = "x".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "x".repeat(61));
        for (text, wire) in [
            ("a", Some(&b"\x01a\0"[..])),
            ("a.bc", Some(b"\x01a\x02bc\0")),
            ("a.bc.", Some(b"\x01a\x02bc\0")),
            ("_x._y", Some(b"\x02_x\x02_y\0")),
            ("", None),
            (".", None),
            (".a", None),
            ("a..b", None),
            ("a..", None),
        ] {
            assert_eq!(Name::parse(text).as_ref().map(Name::as_wire), wire, "{text}");
        }
        for (text, fits) in [
            (label.clone(), true),
            (format!("{label}x"), false),
            (longest.clone(), true),
            (format!("{longest}."), true),
            (format!("{longest}x"), false),
        ] {
            let name = Name::parse(&text);
            assert_eq!(name.is_some(), fits, "{text}");
            let shown = name.map(|name| name.to_string());
            assert!(shown.is_none_or(|shown| shown == text.trim_end_matches('.')), "{text}");
        }
    }
}
