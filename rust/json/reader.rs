//! The strict, bounded reader: it walks a text once, and has each value made as it is found.

use super::escapes::{escape, plain, push_point};
use super::writer::is_canonical_float;
use super::{Build, Envelope, Fault, MAX_DEPTH, MAX_DIGITS, MAX_NODES, MAX_TEXT, RESERVED};

pub struct Reader<'a, B: Build> {
    text: &'a str,
    octets: &'a [u8],
    at: usize,
    nodes: usize,
    pub canonical: bool,
    stack: Vec<B::Value>,
    build: &'a mut B,
}

impl<'a, B: Build> Reader<'a, B> {
    pub fn new(text: &'a str, build: &'a mut B) -> Result<Self, Fault> {
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
    pub fn blank(&mut self) {
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

    pub fn end(&mut self) -> Result<(), Fault> {
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

    pub fn value(&mut self, depth: usize) -> Result<B::Value, Fault> {
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

    pub fn session(&mut self, root: &B::Value) -> Result<Envelope<B::Value>, Fault> {
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
