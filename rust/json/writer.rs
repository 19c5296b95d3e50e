//! The canonical forms of integers, floats and strings.

use super::escapes::{joined, plain, push_point};

/// Appends a decimal integer.
pub fn write_integer(number: i64, line: &mut Vec<u8>) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a finite float: ECMAScript's `Number::toString`, but whole numbers keep `.0` and zero its sign.
pub fn write_float(value: f64, line: &mut Vec<u8>) {
    if value == 0.0 {
        line.extend_from_slice(if value.is_sign_negative() { b"-0.0" } else { b"0.0" });
        return;
    }
    let mut buffer = ryu_js::Buffer::new();
    let text = buffer.format_finite(value);
    line.extend_from_slice(text.as_bytes());
    if !text.contains(['.', 'e']) {
        line.extend_from_slice(b".0");
    }
}

/// Returns whether the writer would write `value` as `text`.
pub fn is_canonical_float(text: &str, value: f64) -> bool {
    // A short plain decimal without extra zeros is its own shortest form; others are compared in full.
    if let Some((whole, fraction)) = text.split_once('.') {
        let idle = fraction.ends_with('0') && fraction != "0";
        let tiny = whole.trim_start_matches('-') == "0" && fraction.starts_with("00000");
        if text.len() <= 16 && !idle && !tiny && !fraction.contains(['e', 'E']) {
            return true;
        }
    }
    let mut line = Vec::new();
    write_float(value, &mut line);
    line == text.as_bytes()
}

/// Appends a string with its quotes, escaped as `JSON.stringify` does.
pub fn write_string(value: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    write_escaped(value.as_bytes(), line);
    line.push(b'"');
}

/// Appends a string with surrogates, each in three octets, as `JSON.stringify` does: halves that meet become a character,
/// the others escapes.
#[cold]
pub fn write_halves(octets: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    let mut rest = octets;
    while let Some((before, unit, after)) = split_surrogate(rest) {
        write_escaped(before, line);
        rest = after;
        match split_surrogate(after) {
            Some(([], low, after)) if unit < 0xDC00 && low >= 0xDC00 => {
                push_point(joined(unit, low), line);
                rest = after;
            }
            _ => line.extend_from_slice(format!("\\u{unit:04x}").as_bytes()),
        }
    }
    write_escaped(rest, line);
    line.push(b'"');
}

/// Returns whether the two halves of a pair are apart in a string, so that it would be written as another string.
#[must_use]
pub fn has_parted_pair(octets: &[u8]) -> bool {
    octets.windows(6).any(|six| matches!(six, [0xED, 0xA0..=0xAF, _, 0xED, 0xB0..=0xBF, _]))
}

/// Splits octets at their first surrogate.
fn split_surrogate(octets: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let at = octets.windows(3).position(|three| matches!(three, [0xED, 0xA0..=0xBF, _]))?;
    let unit = 0xD000 | u32::from(octets[at + 1] & 63) << 6 | u32::from(octets[at + 2] & 63);
    Some((&octets[..at], unit, &octets[at + 3..]))
}

#[inline]
fn write_escaped(octets: &[u8], line: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut at = 0;
    loop {
        let run = plain(octets, at);
        line.extend_from_slice(&octets[at..at + run]);
        at += run;
        let Some(&octet) = octets.get(at) else { break };
        let short = match octet {
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            b'"' | b'\\' => octet,
            _ => b'u',
        };
        line.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            line.extend_from_slice(&[b'0', b'0', HEX[usize::from(octet >> 4)], HEX[usize::from(octet & 15)]]);
        }
        at += 1;
    }
}
