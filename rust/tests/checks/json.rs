//! The reader and the writer, against each other and against `serde_json`.

use std::fmt::Write;

use _native::json::{Build, Fault, MAX_DEPTH, MAX_DIGITS, MAX_NODES, MAX_TEXT, RESERVED, read, read_session};
use serde_json::Value;

use super::echo::{Echo, Tree, object_text};

/// Holds for every text.
pub fn holds(text: &str) {
    let strict = read(text, &mut Echo { lenient: false });
    let lenient = read(text, &mut Echo { lenient: true });
    let peer = as_the_peer_reads(text);
    agrees_with_the_peer(text, &lenient, peer.is_ok());
    assert_ne!(strict.as_ref().err(), Some(&Fault::Builder), "this builder never fails: {text:?}");
    let plain = lenient.as_ref().is_ok_and(|tree| !tree.repeats());
    assert_eq!(strict.is_ok(), plain, "repeated names, and they alone, make the difference: {text:?}");
    session_agrees(text, strict.as_ref().ok());
    if let (Ok(tree), Ok(meant)) = (strict, peer) {
        survives_rewriting(text, &tree.text(), &meant);
    }
}

/// Reads as the peer does, which has no strings with lone surrogates: private characters stand for those.
fn as_the_peer_reads(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(&without_lone_surrogates(text))
}

fn without_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u").filter(|digits| !digits.starts_with('+'))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (mut told, mut at) = (String::new(), 0);
    while let Some(run) = text[at..].find('\\') {
        told.push_str(&text[at..at + run]);
        at += run;
        let pair =
            unit(at).is_some_and(|unit| unit >> 10 == 0x36) && unit(at + 6).is_some_and(|unit| unit >> 10 == 0x37);
        let end = match unit(at) {
            Some(unit) if unit >> 11 == 0x1B && !pair => {
                // Writing to a String cannot fail.
                let _ = write!(told, "\\u{:04x}", unit + 0x800);
                at += 6;
                continue;
            }
            _ if pair => at + 12,
            _ => text[at + 1..].chars().next().map_or(at + 1, |letter| at + 1 + letter.len_utf8()),
        };
        told.push_str(&text[at..end]);
        at = end;
    }
    told + &text[at..]
}

/// Repeated names aside, the peer reads what we read, and we refuse what it reads only at a limit.
fn agrees_with_the_peer(text: &str, ours: &Result<Tree, Fault>, peer: bool) {
    match ours {
        Ok(_) => assert!(peer, "accepted what is not JSON: {text:?}"),
        Err(Fault::Limit) => assert!(!peer || may_pass_a_limit(text), "no limit is near: {text:?}"),
        Err(_) => assert!(!peer, "refused what is JSON: {text:?}"),
    }
}

/// Says whether a text could pass a limit, counting what any text that passes it must have.
fn may_pass_a_limit(text: &str) -> bool {
    let count = |wanted: &[u8]| text.bytes().filter(|octet| wanted.contains(octet)).count();
    let longest_run = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max();
    text.len() > MAX_TEXT
        || count(b"[{") > MAX_DEPTH
        || count(b"[{,") >= MAX_NODES
        || longest_run.is_some_and(|run| run > MAX_DIGITS)
}

/// What was read and written means the same to the peer, and is written the same when it is read again.
fn survives_rewriting(text: &str, rewritten: &str, meant: &Value) {
    match as_the_peer_reads(rewritten) {
        Ok(now) => assert!(same(meant, &now), "{text:?} became {rewritten:?}"),
        Err(error) => panic!("{text:?} became {rewritten:?}: {error}"),
    }
    // A short spelling may become a long one: 1e20 takes 23 octets.
    if rewritten.len() <= MAX_TEXT {
        let again = read(rewritten, &mut Echo { lenient: false }).map(|tree| tree.text());
        assert_eq!(again.as_deref(), Ok(rewritten), "{text:?}");
    }
}

/// Compares two values of the peer's. Its zero has a sign where ours is an integer: `-0` is 0 to Python.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.as_f64() == Some(0.0) && other.as_f64() == Some(0.0))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

/// A session is read exactly where an object is, its members are parted, and the cut is said exactly where it is right.
fn session_agrees(text: &str, whole: Option<&Tree>) {
    let mut build = Echo { lenient: false };
    let root = build.object();
    let session = read_session(text, &mut build, &root);
    let Some(Tree::Object(members)) = whole else {
        assert!(session.is_err(), "read a session where there is no object: {text:?}");
        return;
    };
    let Ok(session) = session else { panic!("refused an object: {text:?}") };
    let members = members.borrow();
    let is_data = |name: &Vec<u8>| !RESERVED.iter().any(|word| word.as_bytes() == name);
    let data = object_text(members.iter().filter(|(name, _)| is_data(name)).map(|(name, value)| (name, value)));
    assert_eq!(root.text(), data, "{text:?}");
    for (word, found) in RESERVED.iter().zip(&session.reserved) {
        let wanted = members.iter().find(|(name, _)| name == word.as_bytes()).map(|(_, value)| value.text());
        assert_eq!(found.as_ref().map(Tree::text), wanted, "{word} of {text:?}");
    }
    let parted = members.iter().skip_while(|(name, _)| is_data(name)).all(|(name, _)| !is_data(name));
    let canonical = parted && object_text(members.iter().map(|(name, value)| (name, value))) == text;
    assert_eq!(session.canonical_end.is_some(), canonical, "{text:?}");
    if let Some(end) = session.canonical_end {
        assert_eq!(text.get(..end).map(|cut| format!("{cut}}}")), Some(data), "{text:?}");
    }
}
