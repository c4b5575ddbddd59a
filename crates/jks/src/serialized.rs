//! How long a serialized Java object is: the secret keys of a JCEKS store are written so, without a length.
//!
//! Only the outline is read (Java Object Serialization Specification, chapter 6): nothing is made of what is in it.

/// An object's bytes, and what follows them; `None` where it is cut off or of a shape that key stores do not have.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&STREAM)?;
    let mut stream = Stream {
        rest,
        handles: Vec::new(),
        steps: 0,
    };
    stream.content(0)?;
    bytes.split_at_checked(bytes.len() - stream.rest.len())
}

/// The magic number and version 5.
const STREAM: [u8; 4] = [0xac, 0xed, 0, 5];
/// The number of the first handle.
const FIRST_HANDLE: u32 = 0x7e_0000;
/// Objects within objects.
const DEEPEST: usize = 32;
/// Objects, classes and strings in one secret key; a real one has fewer than twenty.
const MOST_STEPS: usize = 1_000;
/// Fields of one class; a real one has four.
const MOST_FIELDS: usize = 100;

struct Stream<'a> {
    rest: &'a [u8],
    /// What may be referred to; a class tells how its objects are laid out.
    handles: Vec<Option<Class>>,
    steps: usize,
}

#[derive(Clone)]
struct Class {
    /// The types of the fields of the class and of those above it, the highest first.
    layers: Vec<Vec<u8>>,
    /// What the elements of an array are.
    element: Option<u8>,
}

impl Stream<'_> {
    /// One object of any kind.
    fn content(&mut self, depth: usize) -> Option<()> {
        self.steps += 1;
        if depth > DEEPEST || self.steps > MOST_STEPS {
            return None;
        }
        match self.byte()? {
            // null
            0x70 => Some(()),
            // A reference to what came before.
            0x71 => self.number().map(drop),
            // A class as a value.
            0x76 => {
                self.class(depth)?;
                self.remember();
                Some(())
            }
            // A string, with a short and a long length.
            0x74 => {
                self.remember();
                let length = self.short()?;
                self.skip(length)
            }
            0x7c => {
                self.remember();
                let length = usize::try_from(u64::from_be_bytes(self.take()?)).ok()?;
                self.skip(length)
            }
            0x73 => {
                let class = self.class(depth)??;
                self.remember();
                for field in class.layers.iter().flatten() {
                    self.value(*field, depth)?;
                }
                Some(())
            }
            0x75 => {
                let element = self.class(depth)??.element?;
                self.remember();
                let count = self.number()? as usize;
                match size(element) {
                    Some(size) => self.skip(count.checked_mul(size)?),
                    None => (0..count).try_for_each(|_| self.content(depth + 1)),
                }
            }
            _ => None,
        }
    }

    fn value(&mut self, field: u8, depth: usize) -> Option<()> {
        match size(field) {
            Some(size) => self.skip(size),
            None => self.content(depth + 1),
        }
    }

    /// A class's description; the inner `None` is the class above the highest.
    fn class(&mut self, depth: usize) -> Option<Option<Class>> {
        self.steps += 1;
        if depth > DEEPEST || self.steps > MOST_STEPS {
            return None;
        }
        match self.byte()? {
            0x70 => Some(None),
            0x71 => {
                let index = self.number()?.checked_sub(FIRST_HANDLE)?;
                let known = self.handles.get(index as usize)?.clone()?;
                Some(Some(known))
            }
            0x72 => self.described(depth).map(Some),
            _ => None,
        }
    }

    fn described(&mut self, depth: usize) -> Option<Class> {
        let length = self.short()?;
        let name = self.rest.get(..length)?;
        let element = name
            .strip_prefix(b"[")
            .and_then(|name| name.first().copied());
        self.skip(length + 8)?;
        let place = self.handles.len();
        self.remember();
        // Objects that write more than their fields are not what key stores have.
        const SERIALIZABLE: u8 = 2;
        if self.byte()? != SERIALIZABLE {
            return None;
        }
        let mut fields = Vec::new();
        let count = Some(self.short()?).filter(|count| *count <= MOST_FIELDS)?;
        for _ in 0..count {
            let field = self.byte()?;
            let length = self.short()?;
            self.skip(length)?;
            if size(field).is_none() {
                // The name of its type, a string of its own.
                self.content(depth + 1)?;
            }
            fields.push(field);
        }
        // Nothing is annotated.
        if self.byte()? != 0x78 {
            return None;
        }
        let above = self.class(depth + 1)?;
        let mut layers = above.map(|class| class.layers).unwrap_or_default();
        layers.push(fields);
        let class = Class { layers, element };
        *self.handles.get_mut(place)? = Some(class.clone());
        Some(class)
    }

    /// What has just begun may be referred to.
    fn remember(&mut self) {
        self.handles.push(None);
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn short(&mut self) -> Option<usize> {
        self.take()
            .map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
}

/// The bytes that a value of a primitive type takes; `None` for objects and arrays.
fn size(field: u8) -> Option<usize> {
    match field {
        b'B' | b'Z' => Some(1),
        b'C' | b'S' => Some(2),
        b'I' | b'F' => Some(4),
        b'J' | b'D' => Some(8),
        _ => None,
    }
}
