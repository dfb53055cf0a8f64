//! What the caller wants sent: method, fields, body.

use crate::error::{Error, Kind, quote};
use crate::proto::field;

/// A header field as it will be sent.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<[u8]>,
    pub(crate) value: Box<[u8]>,
}

/// Where the bytes of the request body come from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    #[default]
    None,
    Copied(Box<[u8]>),
    /// The caller keeps these alive, as `ifetch_options_body_borrowed` asks.
    Borrowed(&'static [u8]),
    /// Written by the caller while the fetch runs; without a length it is sent chunked.
    Streamed(Option<u64>),
}

impl Body {
    /// The bytes of a body that is known as a whole.
    pub(crate) fn whole(&self) -> &[u8] {
        match self {
            Body::Copied(bytes) => bytes,
            Body::Borrowed(bytes) => bytes,
            Body::None | Body::Streamed(_) => &[],
        }
    }
}

/// What is to be done (RFC 9110 section 9). Those two need not be read to be known.
#[derive(Clone, Debug, Default)]
enum Method {
    #[default]
    Get,
    Head,
    Other(Box<str>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    method: Method,
    fields: Vec<Field>,
    /// Names of fields that the library would send and the caller does not want.
    removed: Vec<Box<[u8]>>,
    pub(crate) body: Body,
    /// The protocol asked for with Upgrade.
    upgrade: Option<Box<[u8]>>,
}

impl Request {
    pub(crate) fn method(&self) -> &str {
        match &self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Other(name) => name,
        }
    }

    /// Whether only the head of the response is asked for.
    pub(crate) fn is_head(&self) -> bool {
        matches!(self.method, Method::Head)
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub(crate) fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }

    /// Whether the caller has it say that the connection is not to be kept.
    pub(crate) fn asks_to_close(&self) -> bool {
        self.fields.iter().any(|f| {
            field::is(&f.name, b"connection")
                && field::items(&f.value).any(|option| field::is(option, b"close"))
        })
    }

    /// Whether sending it twice means the same as sending it once (RFC 9110 section 9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        match &self.method {
            Method::Get | Method::Head => true,
            Method::Other(name) => matches!(&**name, "OPTIONS" | "TRACE" | "PUT" | "DELETE"),
        }
    }

    /// Whether a server expects a body with it, so that it has to be told that there is none (RFC
    /// 9110 section 8.6).
    pub(crate) fn means_a_body(&self) -> bool {
        match &self.method {
            Method::Get | Method::Head => false,
            Method::Other(name) => matches!(&**name, "POST" | "PUT" | "PATCH"),
        }
    }

    /// Whether the caller has left all fields to the library.
    pub(crate) fn has_default_fields(&self) -> bool {
        self.fields.is_empty() && self.removed.is_empty()
    }

    /// Whether the library sends its own field of this name. Not inlined: many places ask.
    #[inline(never)]
    pub(crate) fn wants_default(&self, name: &str) -> bool {
        !self.removed.iter().any(|n| n.eq_ignore_ascii_case(name.as_bytes()))
            && !self.fields.iter().any(|f| f.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    pub(crate) fn set_method(&mut self, method: &[u8]) -> Result<(), Error> {
        let refuse = |why| {
            let method = quote(method);
            Err(Error::new(Kind::InvalidMethod, format!("set the method {method}: {why}")))
        };
        if !field::is_token(method) {
            return refuse("it is not a token");
        }
        if method == b"CONNECT" {
            return refuse("it opens a tunnel, which is not a fetch");
        }
        self.method = match str::from_utf8(method).expect("a token is ASCII") {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            other => Method::Other(other.into()),
        };
        Ok(())
    }

    pub(crate) fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let field = check(name, value)?;
        if field::is(name, b"host") && !self.wants_default("host") {
            return Err(refused(name, "there is one already (RFC 9112 section 3.2)"));
        }
        self.fields.push(field);
        Ok(())
    }

    pub(crate) fn set_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let field = check(name, value)?;
        self.take_out(name);
        self.fields.push(field);
        Ok(())
    }

    pub(crate) fn remove_field(&mut self, name: &[u8]) -> Result<(), Error> {
        check(name, b"")?;
        if field::is(name, b"host") {
            return Err(refused(name, "every request has one (RFC 9112 section 3.2)"));
        }
        self.take_out(name);
        if !self.removed.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            self.removed.push(name.into());
        }
        Ok(())
    }

    fn take_out(&mut self, name: &[u8]) {
        self.fields.retain(|f| !f.name.eq_ignore_ascii_case(name));
    }

    pub(crate) fn set_upgrade(&mut self, protocol: Option<&[u8]>) -> Result<(), Error> {
        if let Some(value) = protocol {
            check(b"Upgrade", value)?;
            if field::trim(value).is_empty() {
                return Err(refused(b"Upgrade", "it names no protocol"));
            }
        }
        self.upgrade = protocol.map(Into::into);
        Ok(())
    }
}

// Not inlined: every way to set a field has it.
#[inline(never)]
fn check(name: &[u8], value: &[u8]) -> Result<Field, Error> {
    if !field::is_token(name) {
        return Err(refused(name, "the name is not a token"));
    }
    if !field::is_value(value) {
        return Err(refused(name, "the value holds a control character"));
    }
    // Framing is decided in one place; a second opinion on the wire is how requests are smuggled.
    if field::is(name, b"content-length") || field::is(name, b"transfer-encoding") {
        return Err(refused(name, "it follows from the body"));
    }
    Ok(Field { name: name.into(), value: field::trim(value).into() })
}

fn refused(name: &[u8], why: &str) -> Error {
    let name = quote(name);
    Error::new(Kind::InvalidHeader, format!("set the header field {name}: {why}"))
}
