//! Which names a name may stand for: itself, and itself with a domain of the search list behind it.

use crate::proto::dns::name::Name;
use crate::proto::dns::rule::is_in;

/// Nothing in these domains is ever asked of a name server (RFC 6761 section 6.4, RFC 7686).
const UNASKED: [&str; 2] = ["invalid", "onion"];

/// What is to be asked for, in this order; nothing if no name server can know it.
///
/// A name with a dot at its end is meant as it stands. One with at least `ndots` dots is tried as it
/// stands first, any other one last.
pub(crate) fn candidates(name: &str, search: &[String], ndots: u32) -> Vec<Name> {
    if UNASKED.iter().any(|domain| is_in(name.strip_suffix('.').unwrap_or(name), domain)) {
        return Vec::new();
    }
    let Some(itself) = Name::parse(name) else {
        return Vec::new();
    };
    if name.ends_with('.') {
        return vec![itself];
    }
    let dots = name.bytes().filter(|&byte| byte == b'.').count();
    let is_first = dots >= ndots as usize;
    let of_search = search.iter().filter_map(|domain| Name::parse(&format!("{name}.{domain}")));
    let mut names: Vec<Name> = of_search.collect();
    names.insert(if is_first { 0 } else { names.len() }, itself);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_list_comes_before_or_behind_the_name_itself() {
        let search = ["a.example".to_owned(), "b".to_owned()];
        for (name, ndots, wanted) in [
            ("x", 1, &["x.a.example", "x.b", "x"][..]),
            ("x", 0, &["x", "x.a.example", "x.b"]),
            ("x.y", 1, &["x.y", "x.y.a.example", "x.y.b"]),
            ("x.y", 5, &["x.y.a.example", "x.y.b", "x.y"]),
            ("1.2.3.4.5.x", 5, &["1.2.3.4.5.x", "1.2.3.4.5.x.a.example", "1.2.3.4.5.x.b"]),
            ("x.", 1, &["x"]),
            ("x.y.", 5, &["x.y"]),
            ("x.invalid", 1, &[]),
            ("x.ONION.", 1, &[]),
            ("onion", 1, &[]),
            (
                "x.onion.example",
                1,
                &["x.onion.example", "x.onion.example.a.example", "x.onion.example.b"],
            ),
            ("x..y", 1, &[]),
            ("", 1, &[]),
        ] {
            let names: Vec<String> =
                candidates(name, &search, ndots).iter().map(ToString::to_string).collect();
            assert_eq!(names, wanted, "{name}, {ndots}");
        }
        // A domain that makes the name too long is passed over.
        let long = format!("{0}.{0}.{0}", "x".repeat(63));
        for (domain, count) in [("y".repeat(61), 2), ("y".repeat(62), 1)] {
            assert_eq!(candidates(&long, &[domain], 1).len(), count);
        }
    }
}
