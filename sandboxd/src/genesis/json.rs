//! Reads a JSON text from a stream, a member or an element at a time: no more than that is in memory, however
//! long the text. Comments are passed over wherever blanks may be, as neard does. Knows nothing of what the text means.

use std::io::Read;

use serde::de::DeserializeOwned;
use serde_json::Deserializer;

use super::InvalidGenesis;

/// So many bytes are read at once.
const CHUNK: u64 = 1 << 18;

/// A JSON text that is being read.
pub(super) struct JsonStream<R> {
    from: R,
    /// What was read of it and is not passed yet, behind `at`.
    buffer: Vec<u8>,
    at: usize,
    /// Where the buffer begins.
    start: Position,
}

/// Where in a text something is, both from 1.
#[derive(Clone, Copy)]
struct Position {
    line: usize,
    column: usize,
}

impl Position {
    /// Where that is which comes behind `passed`.
    fn after(self, passed: &[u8]) -> Self {
        let Some(last) = passed.iter().rposition(|byte| *byte == b'\n') else {
            return Self { column: self.column.saturating_add(passed.len()), ..self };
        };
        #[expect(clippy::naive_bytecount, reason = "looked at once, and no crate is needed for it")]
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        Self { line: self.line.saturating_add(lines), column: passed.len().saturating_sub(last) }
    }
}

/// A value of a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    text: &'a [u8],
    /// What is before it in the buffer, and where that begins.
    before: &'a [u8],
    start: Position,
}

impl Piece<'_> {
    /// What the value is; `field` is its name, if it has one.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        field: impl FnOnce() -> String,
    ) -> Result<T, InvalidGenesis> {
        serde_json::from_slice(self.text).map_err(|error| self.refuse::<T>(&error, &field()))
    }

    /// Says what is wrong. The value is read once more, to find out where in it.
    #[cold]
    fn refuse<T: DeserializeOwned>(
        &self,
        error: &serde_json::Error,
        field: &str,
    ) -> InvalidGenesis {
        let what = error.to_string();
        // The position is told once, and counts from the beginning of the text.
        let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
        let start = self.start.after(self.before);
        let line = start.line.saturating_add(error.line()).saturating_sub(1);
        if !error.is_data() {
            let before = if error.line() > 1 { 0 } else { start.column.saturating_sub(1) };
            let column = before.saturating_add(error.column());
            return InvalidGenesis::Json { line, column, what };
        }
        let again = &mut Deserializer::from_slice(self.text);
        let path = match serde_path_to_error::deserialize::<_, T>(again) {
            Err(error) if error.path().iter().next().is_some() => error.path().to_string(),
            _ => String::new(),
        };
        let field = match (field, path.as_str()) {
            ("", "") => "genesis".to_owned(),
            (field, "") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        InvalidGenesis::field(field, format!("{what} (line {line})"))
    }
}

impl<R: Read> JsonStream<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), at: 0, start: Position { line: 1, column: 1 } }
    }

    /// What the next value begins with; `None` at the end of the text.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, InvalidGenesis> {
        loop {
            match self.byte(0)? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.pass(1),
                Some(b'/' | b'#') => {
                    let end = self.comment_end(0)?;
                    self.pass(end);
                }
                byte => return Ok(byte),
            }
        }
    }

    /// Passes over an object, and hands each of its members to `member`, which reads or skips its value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, String) -> Result<(), InvalidGenesis>,
    ) -> Result<(), InvalidGenesis> {
        self.enclosed((b'{', b'}'), |text, _| {
            if text.peek()? != Some(b'"') {
                return Err(text.wrong("expected the name of a member"));
            }
            let name = text.value()?.read(String::new)?;
            if text.peek()? != Some(b':') {
                return Err(text.wrong("expected `:`"));
            }
            text.pass(1);
            member(text, name)
        })
    }

    /// Passes over a list, and shows each of its elements to `element`, with its place from 0.
    pub(super) fn list(
        &mut self,
        mut element: impl FnMut(usize, Piece<'_>) -> Result<(), InvalidGenesis>,
    ) -> Result<(), InvalidGenesis> {
        self.enclosed((b'[', b']'), |text, place| element(place, text.value()?))
    }

    /// Says that there is nothing more.
    pub(super) fn end(&mut self) -> Result<(), InvalidGenesis> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("trailing characters")),
        }
    }

    /// The next value, which is passed.
    pub(super) fn value(&mut self) -> Result<Piece<'_>, InvalidGenesis> {
        self.peek()?;
        let length = self.measure()?;
        let begins = self.at;
        self.pass(length);
        let passed = self.buffer.get(..self.at).unwrap_or_default();
        let (before, text) = passed.split_at(begins);
        Ok(Piece { text, before, start: self.start })
    }

    fn enclosed(
        &mut self,
        (open, close): (u8, u8),
        mut item: impl FnMut(&mut Self, usize) -> Result<(), InvalidGenesis>,
    ) -> Result<(), InvalidGenesis> {
        if self.peek()? != Some(open) {
            return Err(self.wrong(&format!("expected `{}`", char::from(open))));
        }
        self.pass(1);
        if self.peek()? == Some(close) {
            self.pass(1);
            return Ok(());
        }
        for place in 0_usize.. {
            item(self, place)?;
            match self.peek()? {
                Some(b',') => self.pass(1),
                Some(byte) if byte == close => {
                    self.pass(1);
                    break;
                }
                _ => {
                    return Err(self.wrong(&format!("expected `,` or `{}`", char::from(close))));
                }
            }
        }
        Ok(())
    }

    /// The length of the value that begins here. Only where it ends is looked for: what is in it is for
    /// whoever reads it. Comments in it become blanks.
    fn measure(&mut self) -> Result<usize, InvalidGenesis> {
        let (mut ahead, mut depth) = (0_usize, 0_usize);
        loop {
            let next = match self.byte(ahead)? {
                None if depth == 0 && ahead > 0 => return Ok(ahead),
                None => {
                    self.pass(ahead);
                    return Err(self.wrong("the text ends too early"));
                }
                Some(b'"') => self.string_end(ahead)?,
                Some(b'{' | b'[') => {
                    depth = depth.saturating_add(1);
                    ahead = ahead.saturating_add(1);
                    continue;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth = depth.saturating_sub(1);
                    ahead.saturating_add(1)
                }
                Some(b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'#')
                    if depth == 0 =>
                {
                    return Ok(ahead);
                }
                Some(b'/' | b'#') => {
                    let end = self.comment_end(ahead)?;
                    let from = self.at.saturating_add(ahead);
                    let to = self.at.saturating_add(end);
                    self.buffer.get_mut(from..to).unwrap_or_default().fill(b' ');
                    end
                }
                Some(_) => {
                    ahead = ahead.saturating_add(1);
                    continue;
                }
            };
            ahead = next;
            if depth == 0 {
                return Ok(ahead);
            }
        }
    }

    /// Where the string ends that begins `ahead`.
    fn string_end(&mut self, ahead: usize) -> Result<usize, InvalidGenesis> {
        let mut end = ahead.saturating_add(1);
        loop {
            let here = self.buffer.get(self.at.saturating_add(end)..).unwrap_or_default();
            match here.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
                Some(place) if here.get(place) == Some(&b'"') => {
                    return Ok(end.saturating_add(place).saturating_add(1));
                }
                Some(place) => end = end.saturating_add(place).saturating_add(2),
                None => {
                    end = end.max(self.buffer.len().saturating_sub(self.at));
                    if self.byte(end)?.is_none() {
                        self.pass(end);
                        return Err(self.wrong("the text ends inside of a string"));
                    }
                }
            }
        }
    }

    /// Where the comment ends that begins `ahead`: `// …` or `# …` with the line, `/* … */` with itself.
    fn comment_end(&mut self, ahead: usize) -> Result<usize, InvalidGenesis> {
        let second = self.byte(ahead.saturating_add(1))?;
        let is_block = match (self.byte(ahead)?, second) {
            (Some(b'/'), Some(b'*')) => true,
            (Some(b'#'), _) | (Some(b'/'), Some(b'/')) => false,
            _ => {
                self.pass(ahead);
                return Err(self.wrong("expected value"));
            }
        };
        let mut end = ahead.saturating_add(if is_block { 2 } else { 1 });
        loop {
            let after = end.saturating_add(1);
            match self.byte(end)? {
                None if is_block => {
                    self.pass(end);
                    return Err(self.wrong("the text ends inside of a comment"));
                }
                None => return Ok(end),
                Some(b'\n') if !is_block => return Ok(end),
                Some(b'*') if is_block && self.byte(after)? == Some(b'/') => {
                    return Ok(after.saturating_add(1));
                }
                Some(_) => end = after,
            }
        }
    }

    /// The byte that is so far ahead, read if it is not here yet; `None` behind the end.
    fn byte(&mut self, ahead: usize) -> Result<Option<u8>, InvalidGenesis> {
        loop {
            if let Some(byte) = self.buffer.get(self.at.saturating_add(ahead)) {
                return Ok(Some(*byte));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on. Says whether there was more.
    #[cold]
    fn fill(&mut self) -> Result<bool, InvalidGenesis> {
        self.start = self.start.after(self.buffer.get(..self.at).unwrap_or_default());
        self.buffer.drain(..self.at);
        self.at = 0;
        let read = self.from.by_ref().take(CHUNK).read_to_end(&mut self.buffer);
        Ok(read.map_err(|error| InvalidGenesis::Unreadable(error.to_string()))? > 0)
    }

    /// Leaves so many bytes behind, which are in the buffer.
    fn pass(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.buffer.len());
    }

    fn wrong(&self, what: &str) -> InvalidGenesis {
        let Position { line, column } =
            self.start.after(self.buffer.get(..self.at).unwrap_or_default());
        InvalidGenesis::Json { line, column, what: what.to_owned() }
    }
}
