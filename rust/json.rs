//! JSON text (RFC 8259): a strict, bounded reader and the number and string forms of the canonical writer. It must not know Python.
//!
//! Canonical text has no white space, keeps the order of its members, and writes strings and numbers as
//! `JSON.stringify` does, with one difference: a float that is a whole number keeps its `.0`.

/// How deep containers may nest; the outermost has depth 1. Must match `_pure/json.py`, as all limits here.
pub const MAX_DEPTH: usize = 100;
/// How many values a text may hold: containers and scalars, without keys.
pub const MAX_NODES: usize = 10_000;
/// How many digits an integer may have: 21 is the longest that `JSON.stringify` writes without an exponent.
pub const MAX_DIGITS: usize = 21;
/// How many octets a text may have.
pub const MAX_TEXT: usize = 65_536;

/// The members of a session's envelope; they are not data. Must match `_pure/envelope.py`.
pub const RESERVED: [&str; 5] = ["_expire", "_maxAge", "_session", "_created", "_owner"];

/// Why a text was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is not JSON, or has duplicate names or an infinite number.
    Malformed,
    /// The text is deeper, larger or longer than allowed.
    Limit,
    /// The builder failed, and holds the reason.
    Builder,
}

/// Makes the values that the reader finds.
pub trait Build {
    /// A finished value. Objects are filled through a shared reference.
    type Value;
    /// Makes `null`.
    fn null(&mut self) -> Self::Value;
    /// Makes `true` or `false`.
    fn boolean(&mut self, value: bool) -> Self::Value;
    /// Makes an integer.
    fn integer(&mut self, value: i64) -> Self::Value;
    /// Makes an integer of at most `MAX_DIGITS` digits.
    fn large_integer(&mut self, value: i128) -> Option<Self::Value>;
    /// Makes a finite float.
    fn float(&mut self, value: f64) -> Self::Value;
    /// Makes a string.
    fn string(&mut self, value: &str) -> Self::Value;
    /// Makes a string with lone surrogates, each in three octets: JavaScript writes them when it cuts an emoji in half.
    fn halves(&mut self, value: &[u8]) -> Option<Self::Value>;
    /// Makes a list of the values from `start` on, and removes them from the stack.
    fn list(&mut self, stack: &mut Vec<Self::Value>, start: usize) -> Option<Self::Value>;
    /// Makes an empty object.
    fn object(&mut self) -> Self::Value;
    /// Adds a member to an object; an equal name is overwritten. A name is UTF-8, except lone surrogates,
    /// each in three octets.
    fn insert(&mut self, object: &Self::Value, name: &[u8], value: Self::Value) -> Option<()>;
    /// Counts the members of an object.
    fn size(&self, object: &Self::Value) -> usize;
}

/// The result of `read_session`, in addition to the data in the root object.
pub struct Envelope<V> {
    /// The reserved members, in the order of `RESERVED`.
    pub reserved: [Option<V>; 5],
    /// The end of the data in a canonical text: its text is `text[..end]` and a closing brace. `None`: the text
    /// is JSON, but not as the canonical writer writes it.
    pub canonical_end: Option<usize>,
}

/// Reads one value and nothing after it.
///
/// # Errors
/// `Fault`, for text that is not JSON or exceeds a limit.
pub fn read<B: Build>(text: &str, build: &mut B) -> Result<B::Value, Fault> {
    let mut reader = Reader::new(text, build)?;
    reader.blank();
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads a session, an object: its reserved members are the envelope, its other members go into `root`.
///
/// # Errors
/// `Fault`, for text that is not a JSON object or exceeds a limit; `root` may then be partly filled.
pub fn read_session<B: Build>(text: &str, build: &mut B, root: &B::Value) -> Result<Envelope<B::Value>, Fault> {
    let mut reader = Reader::new(text, build)?;
    reader.blank();
    let envelope = reader.session(root)?;
    reader.end()?;
    Ok(Envelope { canonical_end: envelope.canonical_end.filter(|_| reader.canonical), ..envelope })
}

struct Reader<'a, B: Build> {
    text: &'a str,
    octets: &'a [u8],
    at: usize,
    nodes: usize,
    canonical: bool,
    stack: Vec<B::Value>,
    build: &'a mut B,
}

impl<'a, B: Build> Reader<'a, B> {
    fn new(text: &'a str, build: &'a mut B) -> Result<Self, Fault> {
        if text.len() > MAX_TEXT {
            return Err(Fault::Limit);
        }
        Ok(Self { text, octets: text.as_bytes(), at: 0, nodes: 0, canonical: true, stack: Vec::new(), build })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    /// Skips white space, which no canonical text has.
    #[inline]
    fn blank(&mut self) {
        if self.peek().is_some_and(|octet| octet <= b' ') {
            self.some_blank();
        }
    }

    #[cold]
    fn some_blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
            self.canonical = false;
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.blank();
        if self.at == self.octets.len() { Ok(()) } else { Err(Fault::Malformed) }
    }

    #[inline]
    fn take(&mut self, octet: u8) -> bool {
        let hit = self.peek() == Some(octet);
        self.at += usize::from(hit);
        hit
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if self.octets[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(Fault::Malformed)
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(Fault::Limit) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<B::Value, Fault> {
        self.count()?;
        match self.peek() {
            Some(b'"') => match self.plain_string() {
                Some(value) => Ok(self.build.string(value)),
                None => self.escaped_value(),
            },
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b't') => self.literal(b"true").map(|()| self.build.boolean(true)),
            Some(b'f') => self.literal(b"false").map(|()| self.build.boolean(false)),
            Some(b'n') => self.literal(b"null").map(|()| self.build.null()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Fault::Malformed),
        }
    }

    fn list(&mut self, depth: usize) -> Result<B::Value, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Limit);
        }
        self.at += 1;
        let start = self.stack.len();
        self.blank();
        if !self.take(b']') {
            loop {
                self.blank();
                let value = self.value(depth)?;
                self.stack.push(value);
                self.blank();
                if self.take(b']') {
                    break;
                }
                self.comma()?;
            }
        }
        self.build.list(&mut self.stack, start).ok_or(Fault::Builder)
    }

    fn object(&mut self, depth: usize) -> Result<B::Value, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Limit);
        }
        let object = self.build.object();
        let mut members = 0;
        self.members(|reader, name, _| {
            members += 1;
            let value = reader.value(depth)?;
            reader.build.insert(&object, name, value).ok_or(Fault::Builder)
        })?;
        // JSON.parse silently takes the last of two equal names; here such a text is refused.
        if self.build.size(&object) == members { Ok(object) } else { Err(Fault::Malformed) }
    }

    fn session(&mut self, root: &B::Value) -> Result<Envelope<B::Value>, Fault> {
        self.count()?;
        let (mut reserved, mut members, mut end) = ([const { None }; 5], 0, None);
        self.members(|reader, name, start| {
            if let Some(slot) = RESERVED.iter().position(|word| word.as_bytes() == name) {
                end = end.or(Some(start));
                // The envelope is no data and does not count towards the limits.
                let nodes = std::mem::take(&mut reader.nodes);
                let value = reader.value(1)?;
                reader.nodes = nodes;
                return if reserved[slot].replace(value).is_none() { Ok(()) } else { Err(Fault::Malformed) };
            }
            // Data after the envelope: no writer does so, and the text before the envelope is not all of the data.
            reader.canonical &= end.is_none();
            members += 1;
            let value = reader.value(1)?;
            reader.build.insert(root, name, value).ok_or(Fault::Builder)
        })?;
        if self.build.size(root) != members {
            return Err(Fault::Malformed);
        }
        Ok(Envelope { reserved, canonical_end: Some(end.unwrap_or(self.at - 1)) })
    }

    /// Calls `each` at the value of every member, with its name and the member's start, its comma included.
    fn members(&mut self, mut each: impl FnMut(&mut Self, &[u8], usize) -> Result<(), Fault>) -> Result<(), Fault> {
        self.literal(b"{")?;
        self.blank();
        if self.take(b'}') {
            return Ok(());
        }
        let mut start = self.at;
        loop {
            self.blank();
            if let Some(name) = self.plain_string() {
                self.colon()?;
                each(self, name.as_bytes(), start)?;
            } else {
                let name = self.escaped_string()?;
                self.colon()?;
                each(self, &name, start)?;
            }
            self.blank();
            start = self.at;
            if self.take(b'}') {
                return Ok(());
            }
            self.comma()?;
        }
    }

    #[inline]
    fn comma(&mut self) -> Result<(), Fault> {
        if self.take(b',') { Ok(()) } else { Err(Fault::Malformed) }
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Fault> {
        self.blank();
        let hit = self.take(b':');
        self.blank();
        if hit { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Reads a string without escapes; `None`, and nothing is read, if it has escapes or is no string.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        if self.peek() != Some(b'"') {
            return None;
        }
        let end = start + plain(self.octets, start);
        if self.octets.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Reads a string with escapes.
    #[cold]
    fn escaped_string(&mut self) -> Result<Vec<u8>, Fault> {
        self.literal(b"\"")?;
        let mut content = Vec::new();
        loop {
            let from = self.at;
            self.at += plain(self.octets, from);
            content.extend_from_slice(&self.octets[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => {
                    let unit = escape(self.octets, &mut self.at, &mut self.canonical);
                    push_point(unit.ok_or(Fault::Malformed)?, &mut content);
                }
                _ => return Err(Fault::Malformed),
            }
        }
    }

    #[cold]
    fn escaped_value(&mut self) -> Result<B::Value, Fault> {
        let content = self.escaped_string()?;
        match std::str::from_utf8(&content) {
            Ok(text) => Ok(self.build.string(text)),
            Err(_) => self.build.halves(&content).ok_or(Fault::Builder),
        }
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<B::Value, Fault> {
        let start = self.at;
        self.take(b'-');
        let whole = self.at;
        let digits = self.digits();
        if digits == 0 || (digits > 1 && self.octets[whole] == b'0') {
            return Err(Fault::Malformed);
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return self.integer(start, digits);
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(Fault::Malformed);
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(Fault::Malformed);
            }
        }
        let text = &self.text[start..self.at];
        let value: f64 = text.parse().map_err(|_| Fault::Malformed)?;
        if !value.is_finite() {
            return Err(Fault::Malformed);
        }
        self.canonical = self.canonical && is_canonical_float(text, value);
        Ok(self.build.float(value))
    }

    fn integer(&mut self, start: usize, digits: usize) -> Result<B::Value, Fault> {
        if digits > MAX_DIGITS {
            return Err(Fault::Limit);
        }
        let negative = self.octets[start] == b'-';
        if digits < 19 {
            let digits = &self.octets[self.at - digits..self.at];
            let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            self.canonical &= !(negative && value == 0);
            return Ok(self.build.integer(if negative { -value } else { value }));
        }
        let value = self.text[start..self.at].parse().map_err(|_| Fault::Malformed)?;
        self.build.large_integer(value).ok_or(Fault::Builder)
    }
}

/// Counts the octets from `at` on that need no escape in a string, eight at a time while there are eight.
#[inline]
fn plain(octets: &[u8], at: usize) -> usize {
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
fn escape(octets: &[u8], at: &mut usize, canonical: &mut bool) -> Option<u32> {
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

fn joined(high: u32, low: u32) -> u32 {
    0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
}

/// Appends a code point as UTF-8, or a surrogate in the same form.
fn push_point(point: u32, content: &mut Vec<u8>) {
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

/// Returns whether the writer would write `value` as `text`.
fn is_canonical_float(text: &str, value: f64) -> bool {
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

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
