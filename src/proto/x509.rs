//! What an error message tells of a certificate: whose it is, who issued it, and when it is valid.
//!
//! Nothing is decided here. Certificates are judged by rustls; what cannot be read is left out.

/// What is told of one certificate (RFC 5280 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Issued by the one that it is for.
    pub(crate) is_self_issued: bool,
    pub(crate) not_before: Moment,
    pub(crate) not_after: Moment,
}

/// A moment as a number whose digits are year, month, day, hour, minute and second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, which holds the version.
const VERSION: u8 = 0xa0;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x55, 0x04, 0x0b];

impl Summary {
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = Reader(der).take(SEQUENCE)?;
        let mut fields = Reader(Reader(certificate).take(SEQUENCE)?);
        fields.take(VERSION);
        let (_serial, _algorithm) = (fields.next()?, fields.take(SEQUENCE)?);
        let issuer = fields.take(SEQUENCE)?;
        let mut validity = Reader(fields.take(SEQUENCE)?);
        let subject = fields.take(SEQUENCE)?;
        Some(Self {
            subject: name(subject),
            issuer: name(issuer),
            is_self_issued: subject == issuer,
            not_before: Moment::read(validity.next()?)?,
            not_after: Moment::read(validity.next()?)?,
        })
    }
}

/// The best name of a distinguished name: the last of the common names, or what there is instead.
fn name(distinguished: &[u8]) -> String {
    let mut found = [None; 3];
    let mut sets = Reader(distinguished);
    while let Some(set) = sets.take(SET) {
        let mut set = Reader(set);
        while let Some(attribute) = set.take(SEQUENCE) {
            let mut attribute = Reader(attribute);
            let (kind, value) = (attribute.take(OBJECT_ID), attribute.next());
            let place = [COMMON_NAME, ORGANISATION, UNIT].iter().position(|id| kind == Some(id));
            if let (Some(place), Some((_, value))) = (place, value) {
                found[place] = Some(value);
            }
        }
    }
    match found.into_iter().flatten().next() {
        Some(value) => crate::error::quote(value),
        None => "one without a name".to_owned(),
    }
}

impl Moment {
    /// From the text of a UTCTime or GeneralizedTime, always in UTC (RFC 5280 section 4.1.2.5).
    fn read((tag, text): (u8, &[u8])) -> Option<Self> {
        let digits = text.strip_suffix(b"Z")?;
        let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
        match (tag, digits.len()) {
            (UTC_TIME, 12) if number < 50_00_00_00_00_00 => Some(20_00_00_00_00_00_00 + number),
            (UTC_TIME, 12) => Some(19_00_00_00_00_00_00 + number),
            (GENERALIZED_TIME, 14) => Some(number),
            _ => None,
        }
        .map(Self)
    }

    /// From seconds since 1970, by the proleptic Gregorian calendar: whole eras of 400 years,
    /// which begin in March so that the leap day is the last of its year.
    pub(crate) fn from_unix(seconds: u64) -> Self {
        const ERA_DAYS: u64 = 146_097;
        const DAYS_UP_TO_1970: u64 = 719_468;
        let days = seconds / 86_400 + DAYS_UP_TO_1970;
        let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let day = day - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let join = |number, next| number * 100 + next;
        Self([month, day, hour, minute, second].into_iter().fold(year, join))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pair = |place: u32| self.0 / 100u64.pow(place) % 100;
        let year = self.0 / 100u64.pow(5);
        let (month, day, hour, minute) = (pair(4), pair(3), pair(2), pair(1));
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", pair(0))
    }
}

/// Reads DER, one value after the other (X.690).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next value, with its tag.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut len = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) || rest.len() < count {
                return None;
            }
            let (bytes, behind) = rest.split_at(count);
            len = bytes.iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
            rest = behind;
        }
        let value = rest.get(..len)?;
        self.0 = &rest[len..];
        Some((tag, value))
    }

    /// The next value if it has this tag; otherwise it is left there.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        match self.next() {
            Some((found, value)) if found == tag => Some(value),
            _ => {
                self.0 = before;
                None
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_827_696, "2000-02-29 12:34:56 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (4_107_456_000, "2100-02-28 00:00:00 UTC"),
        ] {
            assert_eq!(Moment::from_unix(seconds).to_string(), text);
        }
    }

    /// `tag`, a short length, `value`.
    fn der(tag: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
        let value = value.as_ref();
        let mut bytes = vec![tag];
        match u8::try_from(value.len()) {
            Ok(short @ ..0x80) => bytes.push(short),
            _ => bytes.extend([0x82, (value.len() >> 8) as u8, value.len() as u8]),
        }
        bytes.extend(value);
        bytes
    }

    fn certificate(
        issuer: &[(&[u8], &str)],
        subject: &[(&[u8], &str)],
        times: [(u8, &str); 2],
    ) -> Vec<u8> {
        let named = |attributes: &[(&[u8], &str)]| {
            let sets = attributes.iter().map(|(kind, text)| {
                der(SET, der(SEQUENCE, [der(OBJECT_ID, kind), der(0x0c, text)].concat()))
            });
            der(SEQUENCE, sets.collect::<Vec<_>>().concat())
        };
        let validity = der(SEQUENCE, times.map(|(tag, text)| der(tag, text)).concat());
        let fields = [
            der(VERSION, der(0x02, [2])),
            der(0x02, [1]),
            der(SEQUENCE, []),
            named(issuer),
            validity,
            named(subject),
            der(SEQUENCE, vec![0; 200]),
        ];
        der(SEQUENCE, [der(SEQUENCE, fields.concat()), der(SEQUENCE, [])].concat())
    }

    /// Certificates of several kinds.
    pub(crate) fn samples() -> Vec<Vec<u8>> {
        let times = [(UTC_TIME, "240101000000Z"), (GENERALIZED_TIME, "20500102030405Z")];
        let all: &[(&[u8], &str)] =
            &[(ORGANISATION, "Some CA"), (UNIT, "a unit"), (COMMON_NAME, "a.example")];
        let (some, none) = (&all[..2], &all[..0]);
        vec![
            certificate(some, all, times),
            certificate(all, all, times),
            certificate(none, some, [times[0]; 2]),
        ]
    }

    #[test]
    fn a_certificate_tells_whose_it_is_and_when_it_is_valid() {
        let times = [(UTC_TIME, "991231235959Z"), (GENERALIZED_TIME, "20500102030405Z")];
        let issuer: &[(&[u8], &str)] = &[(ORGANISATION, "Some CA"), (UNIT, "u")];
        let subject: &[(&[u8], &str)] = &[(ORGANISATION, "o"), (COMMON_NAME, "a.example\r")];
        let whole = certificate(issuer, subject, times);
        let summary = Summary::read(&whole).unwrap();
        assert_eq!(summary.subject, "\"a.example\\r\"", "what a peer sends is made printable");
        assert_eq!(summary.issuer, "\"Some CA\"");
        assert!(!summary.is_self_issued);
        assert_eq!(summary.not_before.to_string(), "1999-12-31 23:59:59 UTC");
        assert_eq!(summary.not_after.to_string(), "2050-01-02 03:04:05 UTC");

        let own = Summary::read(&certificate(issuer, issuer, times)).unwrap();
        assert!(own.is_self_issued);
        let nameless = Summary::read(&certificate(issuer, &[], times)).unwrap();
        assert_eq!(nameless.subject, "one without a name");
        assert!(Summary::read(&certificate(&[], &[], [(UTC_TIME, "99Z"), times[0]])).is_none());
    }

    #[test]
    fn what_is_no_certificate_is_not_read() {
        let times = [(UTC_TIME, "240101000000Z"); 2];
        let whole = certificate(&[(COMMON_NAME, "i")], &[(COMMON_NAME, "s")], times);
        let read_from = whole.len() - 200;
        for len in 0..read_from {
            assert_eq!(Summary::read(&whole[..len]), None);
        }
        // Whatever byte is wrong, nothing panics.
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut wrong = whole.clone();
                wrong[at] = byte;
                let _ = Summary::read(&wrong);
            }
        }
    }
}
