//! What stands in a string: octets that need no escape, escapes, and surrogates.

/// Counts the octets from `at` on that need no escape in a string, eight at a time while there are eight.
#[inline]
pub fn plain(octets: &[u8], at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of every octet of `word` that is zero; octets above the first such may be marked wrongly.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut end = at;
    while let Some(chunk) = octets.get(end..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            return end - at + (found.trailing_zeros() / 8) as usize;
        }
        end += 8;
    }
    let special = |octet: &u8| matches!(octet, b'"' | b'\\' | 0..=31);
    octets[end..].iter().position(special).unwrap_or(octets.len() - end) + end - at
}

/// Reads the escape at the backslash at `at`, as a code point; `None` if it is no escape.
pub fn escape(octets: &[u8], at: &mut usize, canonical: &mut bool) -> Option<u32> {
    let letter = *octets.get(*at + 1)?;
    *at += 2;
    let simple = match letter {
        b'"' | b'\\' => letter,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'/' => {
            *canonical = false;
            b'/'
        }
        b'u' => return unicode_escape(octets, at, canonical),
        _ => return None,
    };
    Some(simple.into())
}

fn unicode_escape(octets: &[u8], at: &mut usize, canonical: &mut bool) -> Option<u32> {
    let start = *at;
    let unit = hex4(octets, at)?;
    let lone = (0xD800..0xE000).contains(&unit);
    // The canonical writer escapes control characters without a short form, and lone surrogates, in lower case.
    let short = matches!(unit, 8 | 9 | 10 | 12 | 13);
    let upper = octets[start..*at].iter().any(u8::is_ascii_uppercase);
    *canonical &= (lone || unit < 32) && !short && !upper;
    if unit < 0xDC00
        && lone
        && let Some(low) = low_escape(octets, *at)
    {
        *at += 6;
        *canonical = false;
        return Some(joined(unit, low));
    }
    Some(unit)
}

/// Reads the escape at `at` if it is the second half of a pair.
fn low_escape(octets: &[u8], at: usize) -> Option<u32> {
    let mut digits = at + 2;
    let escaped = octets.get(at..digits) == Some(b"\\u");
    hex4(octets, &mut digits).filter(|unit| escaped && (0xDC00..0xE000).contains(unit))
}

pub fn joined(high: u32, low: u32) -> u32 {
    0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
}

/// Appends a code point as UTF-8, or a surrogate in the same form.
pub fn push_point(point: u32, content: &mut Vec<u8>) {
    if let Some(character) = char::from_u32(point) {
        content.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let [.., high, low] = point.to_be_bytes();
    content.extend_from_slice(&[0xE0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 63]);
}

fn hex4(octets: &[u8], at: &mut usize) -> Option<u32> {
    let digits = octets.get(*at..*at + 4)?;
    *at += 4;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}
