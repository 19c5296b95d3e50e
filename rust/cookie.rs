//! Reads Cookie headers and writes Set-Cookie lines. It must not know what a value means, nor hold a key.

/// How many cookies of one name are examined; more are an attack or a broken proxy. Must match `_pure/cookie.py`.
pub const MAX_CANDIDATES: usize = 4;

/// The last second that an HTTP date can hold: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// Removes SP and HTAB from the front, and nothing else: no other octet is white space here (RFC 6265bis section 5.6).
fn trim_start(mut octets: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = octets {
        octets = rest;
    }
    octets
}

/// Removes SP and HTAB from both ends.
fn trim(octets: &[u8]) -> &[u8] {
    let mut octets = trim_start(octets);
    while let [rest @ .., b' ' | b'\t'] = octets {
        octets = rest;
    }
    octets
}

/// Removes the quotes of a value as `cookies` does: after a leading quote the first and the last octet are removed.
fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., _] => inner,
        [b'"'] => &[],
        _ => value,
    }
}

/// Returns at most `limit` octets of a header, cut before the pair that would exceed it.
#[must_use]
pub fn within(header: &[u8], limit: usize) -> &[u8] {
    if header.len() <= limit {
        return header;
    }
    let end = header[..=limit].iter().rposition(|&octet| octet == b';').unwrap_or(0);
    &header[..end]
}

/// The non-empty values of one name, in their order, at most four.
#[derive(Clone, Copy, Default)]
pub struct Values<'a> {
    slots: [&'a [u8]; MAX_CANDIDATES],
    count: usize,
}

impl<'a> Values<'a> {
    fn push(&mut self, value: &'a [u8]) {
        if let Some(slot) = self.slots.get_mut(self.count).filter(|_| !value.is_empty()) {
            *slot = value;
            self.count += 1;
        }
    }

    /// The values, or only the first of them.
    #[must_use]
    pub fn get(&self, first_only: bool) -> &[&'a [u8]] {
        &self.slots[..if first_only { self.count.min(1) } else { self.count }]
    }
}

/// The values of `name=...` and of `name.sig=...`.
#[derive(Default)]
pub struct Candidates<'a> {
    /// The values.
    pub values: Values<'a>,
    /// The signatures.
    pub digests: Values<'a>,
}

/// Finds every `name=value` and `name.sig=value` of a Cookie header. Source: cookies `Cookies.get`.
///
/// Names are compared octet by octet: no case folding, no percent or quote decoding, no `$Version`.
#[must_use]
pub fn find<'a>(header: &'a [u8], name: &[u8]) -> Candidates<'a> {
    let mut found = Candidates::default();
    let mut start = 0;
    for end in memchr::memchr_iter(b';', header).chain([header.len()]) {
        let pair = trim_start(&header[start..end]);
        start = end + 1;
        // Most pairs have another name: compare only their first octets.
        let Some(rest) = pair.strip_prefix(name) else { continue };
        let (rest, into) = match rest.strip_prefix(b".sig") {
            Some(rest) => (rest, &mut found.digests),
            None => (rest, &mut found.values),
        };
        if let Some(value) = after_equals(rest) {
            into.push(value);
        }
    }
    found
}

/// Reads the value after a name that already matched; `None` if the name is longer.
fn after_equals(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'=', value @ ..] => Some(unquote(trim(value))),
        [b' ' | b'\t', rest @ ..] => after_equals(trim_start(rest)),
        _ => None,
    }
}

/// Appends an HTTP date (RFC 9110 section 5.6.7) for `at_ms`, milliseconds since 1970, limited to 1970 through 9999.
pub fn write_date(at_ms: i64, line: &mut Vec<u8>) {
    const DAYS: &[u8] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let seconds = at_ms.div_euclid(1000).clamp(0, LAST_SECOND).unsigned_abs();
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March put the leap day last, so that a month is a line through its day numbers.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = (march_month + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    line.extend_from_slice(three(DAYS, day % 7));
    line.extend_from_slice(b", ");
    two_digits(of_year - (153 * march_month + 2) / 5 + 1, b' ', line);
    line.extend_from_slice(three(MONTHS, month));
    line.push(b' ');
    line.extend_from_slice(&digits(year / 100));
    two_digits(year % 100, b' ', line);
    two_digits(second / 3600, b':', line);
    two_digits(second / 60 % 60, b':', line);
    two_digits(second % 60, b' ', line);
    line.extend_from_slice(b"GMT");
}

/// The longest lifetime that a client accepts: 400 days (RFC 6265bis section 5.5), in seconds.
const LONGEST_S: i64 = 34_560_000;

/// Returns the whole seconds that a cookie has left; at least 1 for a cookie that still lives, since 0 removes it.
#[must_use]
pub fn age_s(expires_ms: i64, now_ms: i64) -> i64 {
    let left_ms = expires_ms.saturating_sub(now_ms);
    if left_ms <= 0 { 0 } else { (left_ms / 1000).clamp(1, LONGEST_S) }
}

/// The `at`-th three letters of a list of names.
fn three(names: &[u8], at: u64) -> &[u8] {
    names.chunks_exact(3).nth(usize::from(low_octet(at))).unwrap_or(b"???")
}

/// The last octet of a number that is known to be small.
fn low_octet(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

fn digits(number: u64) -> [u8; 2] {
    [b'0' + low_octet(number / 10 % 10), b'0' + low_octet(number % 10)]
}

fn two_digits(number: u64, after: u8, line: &mut Vec<u8>) {
    line.extend_from_slice(&digits(number));
    line.push(after);
}

#[cfg(test)]
mod tests {
    use super::{age_s, find, within, write_date};

    fn values<'a>(header: &'a str, name: &str) -> Vec<&'a [u8]> {
        find(header.as_bytes(), name.as_bytes()).values.get(false).to_vec()
    }

    #[test]
    fn finds_the_exact_name_alone() {
        assert_eq!(values("a=1; b=2;\tb =3; B=4; ab=5; b.c=6; b.sig=7; b", "b"), [b"2", b"3"]);
        assert_eq!(find(b"b.sig=x; b.sig=y", b"b").digests.get(false), [b"x", b"y"]);
    }

    #[test]
    fn looks_at_four_of_a_name_and_at_no_empty_one() {
        assert_eq!(values("b=;b=1;b=2;b=3;b=4;b=5", "b"), [b"1", b"2", b"3", b"4"]);
    }

    #[test]
    fn unquotes_as_cookies_does() {
        assert_eq!(values("b=\"x\"", "b"), [b"x"]);
        assert_eq!(values("b=\"xy", "b"), [b"x"]);
        assert!(values("b=\"", "b").is_empty());
    }

    #[test]
    fn drops_the_pair_that_passes_the_limit() {
        assert_eq!(within(b"a=1;b=2", 7), b"a=1;b=2");
        assert_eq!(within(b"a=1;b=2", 6), b"a=1");
        assert_eq!(within(b"a=12345", 6), b"");
    }

    #[test]
    fn counts_the_seconds_that_are_left() {
        let cases = [(1000, 0, 1), (1999, 0, 1), (1, 0, 1), (0, 0, 0), (1000, i64::MAX, 0), (i64::MAX, -1, 34_560_000)];
        for (expires_ms, now_ms, age) in cases {
            assert_eq!(age_s(expires_ms, now_ms), age);
        }
    }

    #[test]
    fn writes_dates_at_the_edges() {
        for (at_ms, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400_999, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_521_895_032, "Tue, 24 Nov 2026 12:04:55 GMT"),
            (4_102_444_799_000, "Thu, 31 Dec 2099 23:59:59 GMT"),
            (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            let mut line = Vec::new();
            write_date(at_ms, &mut line);
            assert_eq!(String::from_utf8_lossy(&line), date);
        }
    }
}
