//! A seeded slice of what `fuzz/` runs for longer: the same properties, some 350,000 inputs, the same ones each time.

mod checks;

use checks::{codec, cookie, date, json, keygrip};

/// xorshift64*: no dependency, and every failure comes back.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(1).max(1);
        usize::try_from((self.next() >> 16) % bound).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn octets(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    /// Puts some of `pieces` in a row.
    fn row(&mut self, pieces: &[&str], longest: usize) -> String {
        (0..self.below(longest + 1)).map(|_| self.pick(pieces)).collect()
    }
}

#[rustfmt::skip]
const SCALARS: &[&str] = &[
    "null", "true", "false", "0", "-0", "7", "-12", "1.5", "0.50", "-0.0", "1e21", "1E+2", "1e-7", "0.000001", "5e-324",
    "1e400", "01", "1.", "-", "9007199254740993", "9223372036854775808", "999999999999999999999",
    "1000000000000000000000", "123456789.123456", "0.1000000000000001", "4.35", "1e", "NaN",
];
#[rustfmt::skip]
const LETTERS: &[&str] = &[
    "a", "b", "é", "😀", "\u{7f}", "\u{2028}", "\\n", "\\u0000", "\\u000a", "\\u001f", "\\u001F", "\\/", "\\\"", "\\\\",
    "\\ud83d\\ude00", "\\ud800", "\\uD83D", "\\ude00", "\\u00e9", "\\x", "\n", "_", "0123456789",
];
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "a", "b", "c", "d", "e", "f", "g", "_expire", "_maxAge", "_session", "_created", "_owner", "\\u0061", "\\ud83d", "\\ude00",
];
const BLANKS: &[&str] = &["", "", "", "", "", "", "", "", "", " ", "\t", "\r\n", "\u{b}"];

/// Appends what is nearly always JSON, in any spelling.
fn value(chance: &mut Chance, depth: usize, text: &mut String) {
    let kind = if depth > 3 { chance.below(2) } else { chance.below(5) };
    match kind {
        0 => text.push_str(chance.pick(SCALARS)),
        1 => text.push_str(&format_string(&chance.row(LETTERS, 5))),
        2 => items(chance, ['[', ']'], text, |chance, text| value(chance, depth + 1, text)),
        _ => object(chance, depth, text),
    }
}

fn object(chance: &mut Chance, depth: usize, text: &mut String) {
    items(chance, ['{', '}'], text, |chance, text| {
        let name = chance.pick(NAMES);
        text.push_str(&format_string(name));
        text.push_str(chance.pick(BLANKS));
        text.push(':');
        value(chance, depth + 1, text);
    });
}

fn format_string(content: &str) -> String {
    format!("\"{content}\"")
}

fn items(chance: &mut Chance, ends: [char; 2], text: &mut String, mut item: impl FnMut(&mut Chance, &mut String)) {
    text.push(ends[0]);
    for at in 0..chance.below(4) {
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(chance.pick(BLANKS));
        item(chance, text);
    }
    text.push(ends[1]);
}

/// Takes out or puts in a letter or a few, so that some of it is nearly JSON.
fn bent(chance: &mut Chance, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(2) {
        let at = chance.below(letters.len());
        if chance.below(2) == 0 && at < letters.len() {
            letters.remove(at);
        } else {
            letters.insert(at, chance.pick(&[',', '"', '}', ']', '{', '[', ':', '0', '.', 'e', '-', '\\', ' ']));
        }
    }
    letters.into_iter().collect()
}

#[test]
fn json_is_read_and_written_as_it_should() {
    let mut chance = Chance(0x6A09_E667_F3BC_C908);
    for case in 0..80_000 {
        let mut text = String::new();
        object(&mut chance, 0, &mut text);
        if case % 8 == 0 {
            text.clear();
            value(&mut chance, 0, &mut text);
        }
        json::holds(&if case % 4 == 0 { bent(&mut chance, &text) } else { text });
    }
}

#[test]
fn json_holds_at_its_limits() {
    for depth in [99, 100, 101, 127, 128, 5_000] {
        json::holds(&("[".repeat(depth) + &"]".repeat(depth)));
        json::holds(&(r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)));
    }
    for nodes in [9_998, 9_999, 10_000, 10_001] {
        json::holds(&format!("[{}1]", "1,".repeat(nodes)));
    }
    for size in [20, 21, 22, 5_001] {
        json::holds(&"9".repeat(size));
        json::holds(&format!("-{}.5", "9".repeat(size)));
    }
    json::holds(&format!("\"{}\"", "a".repeat(65_534)));
    json::holds(&format!("\"{}\"", "a".repeat(65_535)));
    json::holds(&format!("[{}1e20]", "1e20,".repeat(9_998)));
}

#[test]
fn floats_are_read_and_written_as_they_should() {
    let mut chance = Chance(0xBB67_AE85_84CA_A73B);
    for case in 0..20_000 {
        let any = f64::from_bits(chance.next());
        let places = chance.below(18);
        let short = format!("{}.{:0places$}", chance.below(2_000), chance.below(100_000));
        let text = if case % 2 == 0 { format!("{any:e}") } else { short };
        json::holds(&format!(r#"{{"a":{text}}}"#));
    }
}

#[test]
fn cookies_are_found_as_the_model_finds_them() {
    #[rustfmt::skip]
    const PIECES: &[&str] = &[
        "b", ".sig", "=", "=", ";", "; ", "\"", " ", "\t", "x", "1", "B", "%62", "\u{a0}", "b=1; ", "b.sig=2;",
    ];
    let mut chance = Chance(0x3C6E_F372_FE94_F82B);
    for _ in 0..60_000 {
        let header = chance.row(PIECES, 24);
        let name = chance.pick(&["b", "b", "b", "", "bb", "b.sig", "x", "\u{a0}"]);
        let limit = chance.below(30);
        cookie::holds(header.as_bytes(), name.as_bytes(), limit);
    }
}

#[test]
fn base64_has_one_spelling() {
    let mut chance = Chance(0xA54F_F53A_5F1D_36F1);
    for _ in 0..15_000 {
        codec::holds(&chance.octets(80));
        codec::holds(chance.row(&["A", "B", "Q", "w", "/", "+", "=", "-", "\n", "AAAA", "QUJD"], 10).as_bytes());
    }
}

#[test]
fn dates_are_those_of_the_calendar() {
    let mut chance = Chance(0x510E_527F_ADE6_82D1);
    // Every day of 400 years, after which the calendar comes round: a slip at one century's end hides well.
    for day in 0..146_097 {
        date::holds(day * 86_400_000 + i64::from(chance.next().to_be_bytes()[0]) * 337_000);
    }
    for case in 0..8_000 {
        let any = i64::from_ne_bytes(chance.next().to_ne_bytes());
        // Sixteen bits less: the years up to 6400, where most of what is asked lies.
        date::holds(if case % 8 == 0 { any } else { any >> 16 });
    }
}

#[test]
fn signatures_are_found_again() {
    let mut chance = Chance(0x9B05_688C_2B3E_6C1F);
    for _ in 0..2_000 {
        let keys: Vec<Vec<u8>> = (0..chance.below(4)).map(|_| chance.octets(150)).collect();
        let parts = [chance.octets(20), chance.octets(2), chance.octets(300)];
        let (algorithm, twist) = (chance.pick(&keygrip::ALGORITHMS), chance.below(1_000));
        keygrip::holds(&keys, algorithm, [&parts[0], &parts[1], &parts[2]], twist);
    }
}
