//! /etc/nsswitch.conf, as nsswitch.conf(5) describes it: where hosts are looked for.

/// What its line for hosts says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nsswitch {
    /// Whether /etc/hosts is looked at, before anything else.
    pub(crate) files: bool,
    /// Whether name servers are asked.
    pub(crate) dns: bool,
    /// Whether the system knows some names by itself: that of this machine, and a few others.
    pub(crate) myhostname: bool,
    /// Whether that is all it says.
    pub(crate) is_simple: bool,
}

impl Nsswitch {
    /// What holds where the file is missing, or has no line for hosts.
    pub(crate) const USUAL: Self =
        Self { files: true, dns: true, myhostname: false, is_simple: true };

    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let hosts = lines.find_map(|line| {
            let (database, sources) = line.split_once(':')?;
            (database.trim() == "hosts").then_some(sources)
        });
        match hosts {
            Some(sources) if !sources.trim().is_empty() => Self::parse_sources(sources),
            _ => Self::USUAL,
        }
    }

    fn parse_sources(sources: &str) -> Self {
        let mut conf = Self { files: false, dns: false, myhostname: false, is_simple: true };
        // Whether the actions that follow would change what happens.
        let mut matters = false;
        // Actions may stand right behind their source, and hold blanks.
        let mut rest = sources.trim();
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
                _ => rest.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(rest.len()),
            };
            let (word, behind) = rest.split_at(end);
            rest = behind.trim_start();
            match word {
                "files" if !conf.dns => (conf.files, matters) = (true, true),
                "dns" => (conf.dns, matters) = (true, true),
                "myhostname" => (conf.myhostname, matters) = (true, false),
                // They know names that end in .local, and say of others that they cannot tell.
                "mdns_minimal" | "mdns4_minimal" | "mdns6_minimal" => matters = false,
                actions if first == '[' => {
                    let usual = |action: &str| is_usual(action, rest.is_empty());
                    let actions = actions.trim_matches(['[', ']']);
                    conf.is_simple &= !matters || actions.split_whitespace().all(usual);
                }
                _ => conf.is_simple = false,
            }
        }
        conf.is_simple &= conf.files || conf.dns;
        conf
    }
}

/// Whether an action is what would happen without it: after an answer the rest is not asked, after
/// anything else it is; which says nothing if there is no rest.
fn is_usual(action: &str, is_last: bool) -> bool {
    let action = action.to_ascii_lowercase();
    match action.split_once('=') {
        Some(("success", "return")) => true,
        Some(("notfound" | "unavail" | "tryagain", then)) => {
            then == "continue" || (is_last && then == "return")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_lines_are_understood() {
        // The line, and whether it has files, dns, myhostname.
        for (text, wanted) in [
            ("", (true, true, false)),
            ("passwd: files\n", (true, true, false)),
            ("hosts:\n", (true, true, false)),
            ("hosts: # files\n", (true, true, false)),
            ("hosts: files dns", (true, true, false)),
            ("  hosts : files dns # myhostname", (true, true, false)),
            ("hosts:files\tdns", (true, true, false)),
            ("hosts: files", (true, false, false)),
            ("hosts: dns", (false, true, false)),
            ("hosts: files myhostname dns", (true, true, true)),
            ("hosts: files dns myhostname", (true, true, true)),
            ("hosts: files mdns4_minimal [NOTFOUND=return] dns", (true, true, false)),
            ("hosts: files [NOTFOUND=continue] dns [NOTFOUND=return]", (true, true, false)),
            ("hosts: files[SUCCESS=return  UNAVAIL=continue]dns", (true, true, false)),
            ("hosts: files dns\nhosts: ldap", (true, true, false)),
        ] {
            let conf = Nsswitch::parse(text);
            assert!(conf.is_simple, "{text}");
            assert_eq!((conf.files, conf.dns, conf.myhostname), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_more_is_told() {
        for text in [
            "hosts: files resolve [!UNAVAIL=return] dns",
            "hosts: files mdns4 dns",
            "hosts: files ldap dns",
            "hosts: files nis",
            "hosts: dns files",
            "hosts: db",
            "hosts: myhostname",
            "hosts: files [NOTFOUND=return] dns",
            "hosts: files [SUCCESS=continue] dns",
            "hosts: files [SUCCESS=merge] dns",
            "hosts: files [!UNAVAIL=continue] dns",
            "hosts: files [UNAVAIL=return] dns",
            "hosts: files [nonsense] dns",
            "hosts: files [NOTFOUND=return dns",
            "hosts: files dns [SUCCESS=continue]",
            "hosts: FILES dns",
        ] {
            assert!(!Nsswitch::parse(text).is_simple, "{text}");
        }
    }
}
