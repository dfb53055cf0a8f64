//! /etc/hosts, as hosts(5) describes it.

use std::net::IpAddr;

/// More than would ever be tried.
const ADDRESSES_MAX: usize = 32;

/// The addresses that the text gives to a name, in its order.
pub(crate) fn find(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = |word: &str| word.strip_suffix('.').unwrap_or(word).eq_ignore_ascii_case(name);
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(address) = words.next() else {
            continue;
        };
        if words.any(is_name)
            && let Ok(address) = address.parse()
            && !found.contains(&address)
            && found.len() < ADDRESSES_MAX
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# hosts
127.0.0.1\tlocalhost
127.0.1.1 Here.corp.example here # this one
::1 localhost ip6-localhost
10.0.0.1 two other
10.0.0.2 two
10.0.0.1 two
not-an-address two
1.2.3.4
fe80::1%eth0 two
10.0.0.3 #two
  10.0.0.4 indented.example.
";

    #[test]
    fn a_name_has_the_addresses_of_all_its_lines() {
        for (name, wanted) in [
            ("localhost", &["127.0.0.1", "::1"][..]),
            ("here", &["127.0.1.1"]),
            ("here.CORP.example", &["127.0.1.1"]),
            ("here.corp.example.", &["127.0.1.1"]),
            ("two", &["10.0.0.1", "10.0.0.2"]),
            ("indented.example", &["10.0.0.4"]),
            ("corp.example", &[]),
            ("this", &[]),
            ("10.0.0.1", &[]),
            ("tw", &[]),
            ("", &[]),
        ] {
            let found: Vec<String> = find(TEXT, name).iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted, "{name}");
        }
        assert_eq!(find("", "localhost"), Vec::<IpAddr>::new());
    }

    #[test]
    fn more_addresses_than_could_be_tried_are_left_out() {
        let text: String = (0..99).map(|n| format!("10.0.0.{n} many\n")).collect();
        assert_eq!(find(&text, "many").len(), ADDRESSES_MAX);
    }
}
