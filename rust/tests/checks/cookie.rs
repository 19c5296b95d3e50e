//! Finding cookies, against a model that splits, trims and compares one pair at a time.

use _native::cookie::{MAX_CANDIDATES, find, within};

fn is_blank(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

fn trimmed(octets: &[u8]) -> &[u8] {
    let Some(start) = octets.iter().position(|&octet| !is_blank(octet)) else { return &[] };
    let end = octets.iter().rposition(|&octet| !is_blank(octet)).map_or(start, |last| last + 1);
    &octets[start..end]
}

/// Lists the values of a name, the plain way.
fn model<'a>(header: &'a [u8], wanted: &[u8]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for pair in header.split(|&octet| octet == b';') {
        let mut halves = pair.splitn(2, |&octet| octet == b'=');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else { continue };
        let mut value = trimmed(value);
        if value.first() == Some(&b'"') {
            value = value.get(1..value.len() - 1).unwrap_or_default();
        }
        if trimmed(name) == wanted && !value.is_empty() {
            found.push(value);
        }
    }
    found.truncate(MAX_CANDIDATES);
    found
}

/// Holds for every header, limit and name; what no cookie's name can hold is left out of the name.
pub fn holds(header: &[u8], name: &[u8], limit: usize) {
    let name: Vec<u8> = name.iter().copied().filter(|octet| !b"=; \t".contains(octet)).collect();
    let found = find(header, &name);
    assert_eq!(found.values.get(false), model(header, &name), "{:?} in {:?}", show(&name), show(header));
    let signed = [&name, &b".sig"[..]].concat();
    assert_eq!(found.digests.get(false), model(header, &signed), "{:?} in {:?}", show(&signed), show(header));
    assert_eq!(found.values.get(true), &found.values.get(false)[..found.values.get(false).len().min(1)]);

    let cut = within(header, limit);
    let longest = (0..=limit.min(header.len())).rev().find(|&end| end == header.len() || header[end] == b';');
    assert_eq!(cut, &header[..longest.unwrap_or(0)], "{limit} octets of {:?}", show(header));
    // What a cut header says, the whole says first.
    assert!(found.values.get(false).starts_with(find(cut, &name).values.get(false)), "{:?}", show(header));
}

fn show(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}
