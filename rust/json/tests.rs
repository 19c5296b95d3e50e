//! Tests of the reader with texts and of the writer with canonical forms; the builder writes each value that it is given.

use super::writer::is_canonical_float;
use super::*;

/// Builds canonical text again, so that a test can see what was read.
#[derive(Default)]
struct Echo;

/// Text, or the members of an object in their order.
enum Node {
    Text(String),
    Object(std::cell::RefCell<Vec<(String, String)>>),
}

impl Node {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Object(members) => {
                let members: Vec<String> =
                    members.borrow().iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

impl Build for Echo {
    type Value = Node;
    fn null(&mut self) -> Node {
        Node::Text("null".into())
    }
    fn boolean(&mut self, value: bool) -> Node {
        Node::Text(value.to_string())
    }
    fn integer(&mut self, value: i64) -> Node {
        Node::Text(value.to_string())
    }
    fn large_integer(&mut self, value: i128) -> Option<Node> {
        Some(Node::Text(value.to_string()))
    }
    fn float(&mut self, value: f64) -> Node {
        let mut line = Vec::new();
        write_float(value, &mut line);
        Node::Text(String::from_utf8_lossy(&line).into())
    }
    fn string(&mut self, value: &str) -> Node {
        let mut line = Vec::new();
        write_string(value, &mut line);
        Node::Text(String::from_utf8_lossy(&line).into())
    }
    fn halves(&mut self, value: &[u8]) -> Option<Node> {
        let mut line = Vec::new();
        write_halves(value, &mut line);
        Some(Node::Text(String::from_utf8_lossy(&line).into()))
    }
    fn list(&mut self, stack: &mut Vec<Node>, start: usize) -> Option<Node> {
        let items: Vec<String> = stack.drain(start..).map(|item| item.text()).collect();
        Some(Node::Text(format!("[{}]", items.join(","))))
    }
    fn object(&mut self) -> Node {
        Node::Object(std::cell::RefCell::default())
    }
    fn insert(&mut self, object: &Node, name: &[u8], value: Node) -> Option<()> {
        let Node::Object(members) = object else { return None };
        let mut members = members.borrow_mut();
        let name = name.escape_ascii().to_string();
        members.retain(|(known, _)| *known != name);
        members.push((name, value.text()));
        Some(())
    }
    fn size(&self, object: &Node) -> usize {
        match object {
            Node::Object(members) => members.borrow().len(),
            Node::Text(_) => 0,
        }
    }
}

fn echo(text: &str) -> Result<String, Fault> {
    read(text, &mut Echo).map(|node| node.text())
}

/// Reads a session and returns its data as read, and as cut out of the text.
fn session(text: &str) -> Result<(String, Option<String>), Fault> {
    let root = Echo.object();
    let envelope = read_session(text, &mut Echo, &root)?;
    Ok((root.text(), envelope.canonical_end.map(|end| format!("{}}}", &text[..end]))))
}

#[test]
fn reads_values_in_any_spelling() {
    for (text, canonical) in [
        (" [ 1 , -0 , 2.50 ] ", "[1,0,2.5]"),
        (r#"{"a":{"b":[]},"c":null}"#, r#"{"a":{"b":[]},"c":null}"#),
        (r#""\u00e9\ud83d\ude00\/\u000a\u001F""#, "\"é😀/\\n\\u001f\""),
        (r#""\ud83d""#, r#""\ud83d""#),
        (r#""a\uD83Db\udc00""#, r#""a\ud83db\udc00""#),
        (r#""\ud83d\u0041\ud83d\ud83d\ude00\ude00\ud83d""#, r#""\ud83dA\ud83d😀\ude00\ud83d""#),
        ("123456789012345678901", "123456789012345678901"),
        ("1e21", "1e+21"),
        ("1E-7", "1e-7"),
        ("1e2", "100.0"),
        ("-0.0", "-0.0"),
        ("123456789012345680000.0", "123456789012345680000.0"),
    ] {
        assert_eq!(echo(text).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn refuses_what_is_not_json() {
    for text in [
        "",
        "nul",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        ".5",
        "1e",
        "+1",
        "1e999",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "\"\\x\"",
        "\"\\ud800\\ud8\"",
        "\"\\ud800\\x\"",
        "\"\\ud80\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"a",
        "1 2",
        "{\"a\":1,\"a\":2}",
        "[1",
        "{\"a\"",
    ] {
        assert_eq!(echo(text), Err(Fault::Malformed), "{text}");
    }
}

#[test]
fn holds_its_limits() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let wide = |nodes: usize| format!("[{}1]", "1,".repeat(nodes - 2));
    assert!(echo(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(echo(&nested(MAX_DEPTH + 1)), Err(Fault::Limit));
    assert!(echo(&wide(MAX_NODES)).is_ok());
    assert_eq!(echo(&wide(MAX_NODES + 1)), Err(Fault::Limit));
    assert!(echo(&"9".repeat(MAX_DIGITS)).is_ok());
    assert_eq!(echo(&"9".repeat(MAX_DIGITS + 1)), Err(Fault::Limit));
    assert_eq!(echo(&" ".repeat(MAX_TEXT + 1)), Err(Fault::Limit));
}

#[test]
fn cuts_the_envelope_off_a_canonical_text() {
    for (text, data, cut) in [
        (r#"{"a":1,"_expire":2,"_maxAge":3}"#, r#"{"a":1}"#, Some(r#"{"a":1}"#)),
        (r#"{"_session":true}"#, "{}", Some("{}")),
        ("{}", "{}", Some("{}")),
        (r#"{"a":{"_expire":1}}"#, r#"{"a":{"_expire":1}}"#, Some(r#"{"a":{"_expire":1}}"#)),
        (r#"{"_expire":2,"a":1}"#, r#"{"a":1}"#, None),
        (r#"{"a": 1}"#, r#"{"a":1}"#, None),
        (r#"{"a":1.50}"#, r#"{"a":1.5}"#, None),
        (r#"{"a":"\u0041"}"#, r#"{"a":"A"}"#, None),
        (r#"{"a":"\ud83d","_expire":2}"#, r#"{"a":"\ud83d"}"#, Some(r#"{"a":"\ud83d"}"#)),
        (r#"{"a":"\uD83d"}"#, r#"{"a":"\ud83d"}"#, None),
        (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"😀"}"#, None),
    ] {
        assert_eq!(session(text), Ok((data.into(), cut.map(String::from))), "{text}");
    }
    for text in
        ["[]", "5", "null", "\"s\"", r#"{"_expire":1,"_expire":2}"#, r#"{"a":1,"a":1}"#, r#"{"\ud83d":1,"\uD83D":1}"#]
    {
        assert_eq!(session(text), Err(Fault::Malformed), "{text}");
    }
}

#[test]
fn spells_floats_as_javascript_but_whole_ones() {
    for (value, text) in [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "10000000000000000.0"),
        (1.5e300, "1.5e+300"),
        (1e-7, "1e-7"),
        (0.000_001, "0.000001"),
        (5e-324, "5e-324"),
        (1e21, "1e+21"),
        (-0.0, "-0.0"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        let mut line = Vec::new();
        write_float(value, &mut line);
        assert_eq!(String::from_utf8_lossy(&line), text);
        assert!(is_canonical_float(text, value), "{text}");
    }
    assert!(!is_canonical_float("1.50", 1.5));
    assert!(!is_canonical_float("0.0000001", 1e-7));
}

#[test]
fn joins_halves_that_meet() {
    let mut line = Vec::new();
    write_halves(b"\xed\xa0\xbd\xed\xb8\x80\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80\"\xed\xbf\xbf", &mut line);
    assert_eq!(String::from_utf8_lossy(&line), r#""😀\ud83d😀\"\udfff""#);
    assert!(has_parted_pair(b"a\xed\xa0\xbd\xed\xb8\x80"));
    assert!(!has_parted_pair("\u{d7ff}\u{ffff}".as_bytes()));
    assert!(!has_parted_pair(b"\xed\xb8\x80\xed\xa0\xbd"));
}
