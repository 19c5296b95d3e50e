//! Canonical JSON text from Python values.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::json::{self, MAX_DEPTH, MAX_DIGITS, MAX_NODES};

/// Why a value cannot be written: its path and the problem.
pub struct Refusal {
    /// The path of the value, innermost step first, as `.name` or `[index]`.
    steps: Vec<String>,
    /// The problem: a type's name, or a sentence without the value.
    pub reason: String,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self { steps: Vec::new(), reason: reason.into() }
    }

    fn at(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }

    /// The path of the value, such as `cart.items[2]`.
    pub fn path(&self) -> String {
        let path: String = self.steps.iter().rev().map(String::as_str).collect();
        path.strip_prefix('.').map_or(path.clone(), String::from)
    }
}

/// Writes canonical JSON text.
pub struct Writer {
    /// The text that is written already.
    pub line: Vec<u8>,
    nodes: usize,
}

impl Writer {
    /// Starts a text after the content of `line`.
    pub fn new(line: Vec<u8>) -> Self {
        Self { line, nodes: 0 }
    }

    pub fn value(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Refusal::new(format!("more than {MAX_NODES} values")));
        }
        // The exact types come first, being the most frequent; then subclasses of them.
        if let Ok(string) = value.cast_exact::<PyString>() {
            return self.string(string);
        }
        if let Ok(number) = value.cast_exact::<PyInt>() {
            return self.integer(number);
        }
        if value.is_none() {
            self.line.extend_from_slice(b"null");
            return Ok(());
        }
        if let Ok(flag) = value.cast_exact::<PyBool>() {
            self.line.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
            return Ok(());
        }
        self.container(value, depth + 1)
    }

    fn container(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> Result<(), Refusal> {
        if let Ok(dict) = value.cast::<PyDict>() {
            return self.dict(dict, depth);
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.list(list.iter(), depth);
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.list(tuple.iter(), depth);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return self.float(number);
        }
        if let Ok(number) = value.cast::<PyInt>() {
            return self.integer(number);
        }
        if let Ok(string) = value.cast::<PyString>() {
            return self.string(string);
        }
        Err(Refusal::new(type_name(value)))
    }

    fn float(&mut self, number: &Bound<'_, PyFloat>) -> Result<(), Refusal> {
        let number = number.value();
        if !number.is_finite() {
            return Err(Refusal::new("a float that is not finite"));
        }
        json::write_float(number, &mut self.line);
        Ok(())
    }

    fn integer(&mut self, number: &Bound<'_, PyInt>) -> Result<(), Refusal> {
        if let Ok(small) = number.extract::<i64>() {
            json::write_integer(small, &mut self.line);
            return Ok(());
        }
        let large = number.extract::<i128>().ok().map(|large| large.to_string());
        match large.filter(|text| text.trim_start_matches('-').len() <= MAX_DIGITS) {
            Some(text) => self.line.extend_from_slice(text.as_bytes()),
            None => return Err(Refusal::new(format!("an int of more than {MAX_DIGITS} digits"))),
        }
        Ok(())
    }

    fn string(&mut self, string: &Bound<'_, PyString>) -> Result<(), Refusal> {
        match string.to_str() {
            Ok(text) => json::write_string(text, &mut self.line),
            Err(_) => json::write_halves(&surrogates(string)?, &mut self.line),
        }
        Ok(())
    }

    /// Writes a member's name.
    fn name(&mut self, name: &Bound<'_, PyString>) -> Result<(), Refusal> {
        let Ok(text) = name.to_str() else { return self.odd_name(name) };
        json::write_string(text, &mut self.line);
        Ok(())
    }

    #[cold]
    fn odd_name(&mut self, name: &Bound<'_, PyString>) -> Result<(), Refusal> {
        let octets = surrogates(name)?;
        if json::has_parted_pair(&octets) {
            // It would be written as another key, which the dict may have as well.
            return Err(Refusal::new("a key with the halves of a surrogate pair apart"));
        }
        json::write_halves(&octets, &mut self.line);
        Ok(())
    }

    fn list<'py>(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let mut separator = b'[';
        for (index, item) in items.enumerate() {
            self.line.push(separator);
            separator = b',';
            self.value(&item, depth).map_err(|refusal| refusal.at(format!("[{index}]")))?;
        }
        self.line.extend_from_slice(if separator == b'[' { b"[]" } else { b"]" });
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        // Without a GIL another thread may write meanwhile, and an iterator would panic: walk over a copy.
        #[cfg(Py_GIL_DISABLED)]
        let dict = &dict.copy().map_err(|_| Refusal::new("a dict that could not be copied"))?;
        let mut separator = b'{';
        for (name, value) in dict.iter() {
            self.line.push(separator);
            separator = b',';
            let Ok(text) = name.cast::<PyString>() else {
                return Err(Refusal::new(format!("a key of type {}, not str", type_name(&name))));
            };
            self.name(text)?;
            self.line.push(b':');
            self.value(&value, depth).map_err(|refusal| refusal.at(format!(".{}", shown(text))))?;
        }
        self.line.extend_from_slice(if separator == b'{' { b"{}" } else { b"}" });
        Ok(())
    }
}

/// The octets of a string that UTF-8 cannot hold, with three octets for each surrogate.
#[cold]
fn surrogates(string: &Bound<'_, PyString>) -> Result<Vec<u8>, Refusal> {
    encoded(string, "surrogatepass").map_err(|_| Refusal::new("a str that cannot be encoded"))
}

/// A name for an error message: any output can hold it.
fn shown(name: &Bound<'_, PyString>) -> String {
    let octets = encoded(name, "backslashreplace").unwrap_or_default();
    String::from_utf8_lossy(&octets).into_owned()
}

/// Encodes with str's own method: a subclass may override `encode`.
fn encoded(string: &Bound<'_, PyString>, errors: &str) -> PyResult<Vec<u8>> {
    let octets = string.py().get_type::<PyString>().call_method1("encode", (string, "utf-8", errors))?;
    Ok(octets.cast::<PyBytes>()?.as_bytes().to_vec())
}

fn too_deep() -> Refusal {
    Refusal::new(format!("nested deeper than {MAX_DEPTH}"))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().getattr(intern!(value.py(), "__name__"));
    name.and_then(|name| name.extract()).unwrap_or_else(|_| String::from("object"))
}
