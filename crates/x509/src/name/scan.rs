//! A subject, split into its parts, the escapes undone.

use std::{iter::Peekable, str::Chars};

/// Why a text is no name, and how it would be.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) cure: String,
}

impl Refusal {
    pub(crate) fn new(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            cure: cure.into(),
        }
    }
}

/// One `type=value`.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Text(Vec<u8>),
    /// `#` and the DER of the value in hexadecimal, here without the `#`.
    Hex(String),
}

/// The parts in the order in which they are written; those that `+` joins are in one.
pub(crate) fn scan(text: &str) -> Result<Vec<Vec<Written>>, Refusal> {
    // A space at the end may be an escaped one.
    let text = text.trim_start();
    let (text, separators): (_, &[char]) = match text.strip_prefix('/') {
        Some(rest) => (rest, &['/']),
        None => (text, &[',', ';']),
    };
    if text.is_empty() {
        return Err(Refusal::new("it is empty", EXAMPLE));
    }
    let mut scanner = Scanner {
        rest: text.chars().peekable(),
        separators,
    };
    let mut parts = vec![Vec::new()];
    loop {
        let first = parts.len() == 1 && parts.iter().all(Vec::is_empty);
        let written = scanner.attribute(first)?;
        if let Some(part) = parts.last_mut() {
            part.push(written);
        }
        match scanner.rest.next() {
            None => return Ok(parts),
            Some('+') => {}
            Some(_) => parts.push(Vec::new()),
        }
    }
}

const EXAMPLE: &str = "a subject is written CN=jobs.example.com,O=Example,C=US";

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    separators: &'static [char],
}

impl Scanner<'_> {
    fn attribute(&mut self, first: bool) -> Result<Written, Refusal> {
        let mut name = String::new();
        loop {
            match self.rest.peek().copied() {
                Some('=') => break,
                Some(next) if !self.ends_value(next) => name.extend(self.rest.next()),
                _ => return Err(no_name(name.trim(), first)),
            }
        }
        self.rest.next();
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(Refusal::new(
                "an equals sign has nothing before it",
                EXAMPLE,
            ));
        }
        self.spaces();
        let value = match self.rest.peek() {
            Some('"') => self.quoted()?,
            Some('#') => self.hex(),
            _ => self.plain()?,
        };
        Ok(Written { name, value })
    }

    fn ends_value(&self, next: char) -> bool {
        next == '+' || self.separators.contains(&next)
    }

    fn spaces(&mut self) {
        while self.rest.next_if(|next| next.is_whitespace()).is_some() {}
    }

    fn hex(&mut self) -> Value {
        self.rest.next();
        let mut digits = String::new();
        while let Some(next) = self.rest.peek().copied() {
            if self.ends_value(next) {
                break;
            }
            digits.push(next);
            self.rest.next();
        }
        Value::Hex(digits.trim_end().to_owned())
    }

    fn plain(&mut self) -> Result<Value, Refusal> {
        let mut bytes = Vec::new();
        // What is escaped stays, a space at the end too.
        let mut kept = 0;
        while let Some(next) = self
            .rest
            .next_if(|next| *next != '+' && !self.separators.contains(next))
        {
            if next == '\\' {
                self.escaped(&mut bytes)?;
                kept = bytes.len();
            } else {
                push(&mut bytes, next);
                if !next.is_whitespace() {
                    kept = bytes.len();
                }
            }
        }
        bytes.truncate(kept);
        Ok(Value::Text(bytes))
    }

    fn quoted(&mut self) -> Result<Value, Refusal> {
        const CURE: &str = "a value in quotation marks ends with one: O=\"Acme, Inc.\"";
        self.rest.next();
        let mut bytes = Vec::new();
        loop {
            match self.rest.next() {
                None => return Err(Refusal::new("a quotation mark is not closed", CURE)),
                Some('"') => break,
                Some('\\') => self.escaped(&mut bytes)?,
                Some(next) => push(&mut bytes, next),
            }
        }
        self.spaces();
        match self.rest.peek().copied() {
            Some(next) if !self.ends_value(next) => Err(Refusal::new(
                "something follows the closing quotation mark",
                CURE,
            )),
            _ => Ok(Value::Text(bytes)),
        }
    }

    /// A special character stands for itself, two hexadecimal digits for a byte of UTF-8.
    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<(), Refusal> {
        let refused = || {
            Refusal::new(
                "a backslash stands before what needs none",
                r"a backslash itself is written \\, a comma \,",
            )
        };
        let first = self.rest.next().ok_or_else(refused)?;
        if let Some(high) = first.to_digit(16) {
            let low = self.rest.next().and_then(|next| next.to_digit(16));
            bytes.push((high << 4 | low.ok_or_else(refused)?) as u8);
        } else if first.is_ascii_punctuation() || first == ' ' {
            push(bytes, first);
        } else {
            return Err(refused());
        }
        Ok(())
    }
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn no_name(text: &str, first: bool) -> Refusal {
    let shown = text.escape_debug();
    if text.is_empty() {
        Refusal::new(
            "a part of it is empty",
            "take the comma, slash or plus sign away that has nothing behind it",
        )
    } else if first {
        Refusal::new(
            format!("\"{shown}\" has no attribute type before it"),
            format!("write CN={shown}"),
        )
    } else {
        Refusal::new(
            format!("\"{shown}\" has no attribute type before it"),
            r"inside a value a comma is written \, and a plus sign \+: O=Acme\, Inc.",
        )
    }
}
