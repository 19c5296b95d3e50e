//! A builder that keeps what the reader met, and writes it again as the canonical writer does.

use std::cell::RefCell;
use std::collections::HashSet;

use _native::json::{Build, write_float, write_halves, write_integer, write_string};

/// A value, as it was met.
pub enum Tree {
    /// A scalar, in canonical text.
    Leaf(String),
    /// A list.
    List(Vec<Tree>),
    /// An object's members in their order, repeated names included; a name is octets, for it may have lone surrogates.
    Object(RefCell<Vec<(Vec<u8>, Tree)>>),
}

impl Tree {
    /// Writes the canonical text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Leaf(text) => text.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(",")),
            Self::Object(members) => object_text(members.borrow().iter().map(|(name, value)| (name, value))),
        }
    }

    /// Says whether an object, at any depth, has two members of one name.
    #[must_use]
    pub fn repeats(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.iter().any(Self::repeats),
            Self::Object(members) => {
                let members = members.borrow();
                distinct(&members) < members.len() || members.iter().any(|(_, value)| value.repeats())
            }
        }
    }
}

/// Writes members as the canonical text of an object.
pub fn object_text<'a>(members: impl Iterator<Item = (&'a Vec<u8>, &'a Tree)>) -> String {
    let members: Vec<String> =
        members.map(|(name, value)| format!("{}:{}", written(|line| write_halves(name, line)), value.text())).collect();
    format!("{{{}}}", members.join(","))
}

fn distinct(members: &[(Vec<u8>, Tree)]) -> usize {
    members.iter().map(|(name, _)| name).collect::<HashSet<_>>().len()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut line = Vec::new();
    write(&mut line);
    match String::from_utf8(line) {
        Ok(text) => text,
        Err(error) => panic!("the writer wrote what is not UTF-8: {error}"),
    }
}

/// Builds trees.
pub struct Echo {
    /// Keep silent about repeated names, which every reader but ours allows.
    pub lenient: bool,
}

impl Build for Echo {
    type Value = Tree;

    fn null(&mut self) -> Tree {
        Tree::Leaf("null".into())
    }

    fn boolean(&mut self, value: bool) -> Tree {
        Tree::Leaf(value.to_string())
    }

    fn integer(&mut self, value: i64) -> Tree {
        Tree::Leaf(written(|line| write_integer(value, line)))
    }

    fn large_integer(&mut self, value: i128) -> Option<Tree> {
        Some(Tree::Leaf(value.to_string()))
    }

    fn float(&mut self, value: f64) -> Tree {
        Tree::Leaf(written(|line| write_float(value, line)))
    }

    fn string(&mut self, value: &str) -> Tree {
        Tree::Leaf(written(|line| write_string(value, line)))
    }

    fn halves(&mut self, value: &[u8]) -> Option<Tree> {
        assert!(std::str::from_utf8(value).is_err(), "text is told as text");
        Some(Tree::Leaf(written(|line| write_halves(value, line))))
    }

    fn list(&mut self, stack: &mut Vec<Tree>, start: usize) -> Option<Tree> {
        Some(Tree::List(stack.drain(start..).collect()))
    }

    fn object(&mut self) -> Tree {
        Tree::Object(RefCell::default())
    }

    fn insert(&mut self, object: &Tree, name: &[u8], value: Tree) -> Option<()> {
        let Tree::Object(members) = object else { return None };
        members.borrow_mut().push((name.into(), value));
        Some(())
    }

    fn size(&self, object: &Tree) -> usize {
        match object {
            Tree::Object(members) if self.lenient => members.borrow().len(),
            Tree::Object(members) => distinct(&members.borrow()),
            _ => 0,
        }
    }
}
