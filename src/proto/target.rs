//! From URL text to what a request needs of it: where to connect, what to ask for.

use crate::error::{Error, Kind, quote};
use crate::proto::field;
use base64::Engine as _;
use std::ffi::CStr;
use std::net::IpAddr;
use std::sync::Arc;
use url::{Host, Position, Url};

/// The host part of an origin: a name to be looked up, or an address that needs no lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Name(Arc<str>),
    Numeric(IpAddr),
}

/// A parsed `http` or `https` URL. Parsed once and shared by all fetches of the same text.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Normalised, without credentials and fragment. There is a NUL behind it, and nowhere else.
    url: Box<[u8]>,
    /// Where in `url` the host begins.
    host_at: usize,
    /// Where in `url` the path begins; path and query reach to its end.
    path_at: usize,
    address: Address,
    port: u16,
    /// The value of the Authorization field, if the URL held credentials.
    authorization: Option<Box<str>>,
}

impl Target {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let invalid = |why: &str| Error::new(Kind::InvalidUrl, format!("parse the URL: {why}"));
        // The URL standard drops tabs and line ends silently, which would let a caller's bug
        // through.
        if text.iter().any(|&b| b <= b' ' || b == 0x7f) {
            return Err(invalid("it holds a blank or a control character"));
        }
        let text = str::from_utf8(text).map_err(|_| invalid("it is not UTF-8"))?;
        let mut url = Url::parse(text).map_err(|e| invalid(&e.to_string()))?;
        let scheme = url.scheme();
        let is_known = scheme == "http" || scheme == "https" && cfg!(feature = "tls");
        if !is_known {
            let scheme = quote(url.scheme().as_bytes());
            return Err(Error::unsupported(&format!("fetch a URL with the scheme {scheme}")));
        }

        let authorization = credentials(&url)?;
        if url.fragment().is_some() {
            url.set_fragment(None);
        }
        if authorization.is_some() {
            // Neither can fail: such a URL has a host.
            let _ = (url.set_username(""), url.set_password(None));
        }

        let address = match url.host() {
            Some(Host::Domain(name)) => Address::Name(name.into()),
            Some(Host::Ipv4(ip)) => Address::Numeric(ip.into()),
            Some(Host::Ipv6(ip)) => Address::Numeric(ip.into()),
            None => return Err(invalid("it names no host")),
        };
        let port = url.port_or_known_default().unwrap_or(80);
        if port == 0 {
            return Err(invalid("nothing can listen on port 0"));
        }
        let host_at = url[..Position::BeforeHost].len();
        let path_at = url[..Position::BeforePath].len();
        let url = with_nul(url.as_str().as_bytes());
        Ok(Self { url, host_at, path_at, address, port, authorization })
    }

    /// Another URL of this origin, if the text leaves nothing to the URL standard: the origin as
    /// it stands here, and a plain path. Then parsing would change nothing, as a test shows.
    pub(crate) fn sibling(&self, text: &[u8]) -> Option<Self> {
        let path = text.strip_prefix(self.origin()).filter(|path| is_plain(path))?;
        debug_assert!(path.starts_with(b"/"));
        Some(Self {
            url: with_nul(text),
            host_at: self.host_at,
            path_at: self.path_at,
            address: self.address.clone(),
            port: self.port,
            authorization: None,
        })
    }

    /// Stands in where there is none, since the URL could not be parsed.
    pub(crate) fn unknown() -> Self {
        let address = Address::Name("".into());
        Self { url: with_nul(b""), host_at: 0, path_at: 0, address, port: 0, authorization: None }
    }

    pub(crate) fn url(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.url).expect("a URL has no other")
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.url[..self.url.len() - 1]
    }

    /// What stands in the request line (RFC 9112 section 3.2.1, origin-form).
    pub(crate) fn path_and_query(&self) -> &[u8] {
        &self.text()[self.path_at..]
    }

    /// The value of the Host field (RFC 9112 section 3.2): no port if it is the default one.
    pub(crate) fn authority(&self) -> &[u8] {
        &self.url[self.host_at..self.path_at]
    }

    /// The origin (RFC 9110 section 4.3.1): scheme, host, and the port unless it is the default.
    pub(crate) fn origin(&self) -> &[u8] {
        &self.url[..self.path_at]
    }

    /// Whether it is an https URL.
    pub(crate) fn is_secure(&self) -> bool {
        self.url.starts_with(b"https:")
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The host as it may stand in a message.
    pub(crate) fn host(&self) -> String {
        match &self.address {
            Address::Name(name) => name.to_string(),
            Address::Numeric(ip) => ip.to_string(),
        }
    }
}

fn with_nul(text: &[u8]) -> Box<[u8]> {
    let mut url = Vec::with_capacity(text.len() + 1);
    url.extend_from_slice(text);
    url.push(0);
    url.into()
}

/// A host as it stands in a URL, if it is a name and not an address.
pub(crate) fn host_name(text: &[u8]) -> Option<String> {
    match Host::parse(str::from_utf8(text).ok()?) {
        Ok(Host::Domain(name)) => Some(name),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => None,
    }
}

/// Whether the URL standard takes this path and query as they are: no dots that may mean another
/// segment, nothing to be encoded, no fragment.
fn is_plain(path_and_query: &[u8]) -> bool {
    let mut seen = 0;
    let path_len = path_and_query.iter().position(|&byte| {
        seen |= PLAIN[usize::from(byte)];
        PLAIN[usize::from(byte)] & IN_PATH == 0
    });
    let (path, query) = path_and_query.split_at(path_len.unwrap_or(path_and_query.len()));
    path.starts_with(b"/")
        && (query.is_empty() || query[0] == b'?')
        && query.iter().all(|&byte| PLAIN[usize::from(byte)] & IN_QUERY != 0)
        && (seen & DOT == 0 || !path.windows(2).any(|pair| pair == b"/."))
}

const IN_PATH: u8 = 1;
const IN_QUERY: u8 = 2;
const DOT: u8 = 4;

/// Where each byte stands for itself.
const PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            plain[byte] = IN_PATH | IN_QUERY;
        }
        byte += 1;
    }
    const OTHERS: &[u8] = b"-._~/=&,;:@+!$*()";
    let mut at = 0;
    while at < OTHERS.len() {
        plain[OTHERS[at] as usize] = IN_PATH | IN_QUERY;
        at += 1;
    }
    plain[b'.' as usize] |= DOT;
    plain[b'?' as usize] = IN_QUERY;
    plain[b'%' as usize] = IN_QUERY;
    plain
};

/// Credentials of the URL as the Basic scheme sends them (RFC 7617 section 2).
fn credentials(url: &Url) -> Result<Option<Box<str>>, Error> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair: Vec<u8> = percent_encoding::percent_decode_str(url.username()).collect();
    if pair.contains(&b':') {
        return Err(Error::new(Kind::InvalidUrl, "parse the URL: its user name holds a colon"));
    }
    pair.push(b':');
    pair.extend(percent_encoding::percent_decode_str(url.password().unwrap_or("")));
    let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    debug_assert!(field::is_value(value.as_bytes()));
    Ok(Some(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_what_a_request_needs() {
        // text -> Host, request target, port
        for (text, authority, path, port) in [
            ("http://example.com", "example.com", "/", 80),
            ("HTTP://EXAMPLE.com:80/a?b#c", "example.com", "/a?b", 80),
            ("http://example.com:8080?q", "example.com:8080", "/?q", 8080),
            ("http://[::1]:81/x/../y", "[::1]:81", "/y", 81),
            ("http://[0:0::1]/", "[::1]", "/", 80),
            ("http://127.1/", "127.0.0.1", "/", 80),
            ("http://b\u{fc}cher.example/\u{fc}", "xn--bcher-kva.example", "/%C3%BC", 80),
            ("http://u:p@h.example/%41?%20", "h.example", "/%41?%20", 80),
        ] {
            let target = Target::parse(text.as_bytes()).expect(text);
            assert_eq!(target.authority(), authority.as_bytes(), "{text}");
            assert_eq!(target.path_and_query(), path.as_bytes(), "{text}");
            assert_eq!(target.port(), port, "{text}");
        }
    }

    #[test]
    fn a_sibling_is_what_parsing_gives() {
        let here = Target::parse(b"http://u:p@a.example:81/x").unwrap();
        let origin = "http://a.example:81";
        let mut taken = 0;
        let mut compare = |path: &str| {
            let text = format!("{origin}{path}");
            if let Some(sibling) = here.sibling(text.as_bytes()) {
                let parsed = Target::parse(text.as_bytes()).expect(&text);
                assert_eq!(format!("{sibling:?}"), format!("{parsed:?}"));
                taken += 1;
            }
        };
        for path in ["/%2e", "/a/%2e%2E/b", "/.%2e/", "/..", "/a/.", "/a/..?..", "/%", "/%zz?%2e"] {
            compare(path);
        }
        // Every byte in every kind of place, also twice, then whatever comes of them together.
        for byte in 0..=127u8 {
            let c = char::from(byte);
            for path in ["/#", "/a#", "/#b", "/a/#/b", "/?#", "/a?b#", "/a?#b", "/##", "/a/##", "#"]
            {
                compare(&path.replace('#', &c.to_string()));
            }
        }
        let mut random = 1u64;
        let mut next = |n: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % n
        };
        const ALPHABET: &[u8] = b"aZ09-_~/=&,;:@+!$*()..//??%%2eE#\\ '\"<>[]^`{|}";
        for _ in 0..20_000 {
            let path: String =
                (0..next(12)).map(|_| char::from(ALPHABET[next(ALPHABET.len())])).collect();
            compare(&format!("/{path}"));
        }
        assert!(taken > 1000, "{taken}");
        for other in [
            "http://a.example:8",
            "http://a.example:810/",
            "http://a.example/",
            "http://A.example:81/",
        ] {
            assert!(here.sibling(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn bad_urls_are_refused() {
        for (text, kind) in [
            (&b""[..], Kind::InvalidUrl),
            (b"example.com", Kind::InvalidUrl),
            (b"/path", Kind::InvalidUrl),
            (b"http://", Kind::InvalidUrl),
            (b"http://a b/", Kind::InvalidUrl),
            (b"http://a/\r\nX: y", Kind::InvalidUrl),
            (b"http://a/\tb", Kind::InvalidUrl),
            (b" http://a/", Kind::InvalidUrl),
            (b"http://a/\x7f", Kind::InvalidUrl),
            (b"http://a/\xff", Kind::InvalidUrl),
            (b"http://a:99999/", Kind::InvalidUrl),
            (b"http://a:0/", Kind::InvalidUrl),
            (b"http://[::1/", Kind::InvalidUrl),
            (b"http://u%3Av:p@a/", Kind::InvalidUrl),
            (b"ftp://a/", Kind::Unsupported),
            (b"file:///etc/passwd", Kind::Unsupported),
        ] {
            let error = Target::parse(text).expect_err(&quote(text));
            assert_eq!(error.kind, kind, "{}", quote(text));
        }
    }

    #[test]
    fn credentials_go_into_their_field_and_nowhere_else() {
        let target = Target::parse(b"http://us%20er:p%40ss@a.example/x").unwrap();
        assert_eq!(target.authorization(), Some("Basic dXMgZXI6cEBzcw=="));
        assert_eq!(target.url(), c"http://a.example/x");
    }
}
