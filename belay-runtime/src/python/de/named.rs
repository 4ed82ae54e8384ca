//! Values that begin with a name: constants, and everything that looks like a call.

use serde::de::Visitor;

use super::access::{Content, Fields, Tagged};
use super::{Deserializer, Want, bytes_value};
use crate::python::array::TypeCode;
use crate::python::error::{ValueError, shortened};
use crate::python::tag;

impl<'de> Deserializer<'de> {
    pub(super) fn named<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        let start = self.at;
        let name = self.peek_name();
        self.at += name.len();
        if self.eat(b'(') {
            return self.call(name, start, visitor, want);
        }
        match name {
            b"None" => visitor.visit_unit(),
            b"True" => visitor.visit_bool(true),
            b"False" => visitor.visit_bool(false),
            b"inf" => visitor.visit_f64(f64::INFINITY),
            b"nan" => visitor.visit_f64(f64::NAN),
            _ => {
                self.at = start;
                Err(self.not_a_value())
            }
        }
    }

    /// A value that looks like a call, read from behind its opening parenthesis.
    fn call<V: Visitor<'de>>(
        &mut self,
        name: &'de [u8],
        start: usize,
        visitor: V,
        want: Want,
    ) -> Result<V::Value, ValueError> {
        match name {
            b"B" => {
                let bytes = self.base64()?;
                bytes_value(bytes.into(), visitor, want)
            }
            b"bytearray" => {
                let bytes = if self.text[self.at..].starts_with(b"B(") {
                    self.at += 2;
                    self.base64()?.into()
                } else {
                    self.bytes_literal()?
                };
                self.expect(b')', "`)`")?;
                if want != Want::Value {
                    return bytes_value(bytes, visitor, want);
                }
                visitor.visit_enum(Tagged {
                    tag: "bytearray".into(),
                    content: Content::Bytes(bytes),
                })
            }
            b"array" => self.array(visitor, want),
            b"OrderedDict" => {
                self.expect(b'{', "`{`")?;
                if want == Want::Sequence {
                    return Err(ValueError::mismatch(&visitor));
                }
                let value = self.entries(visitor)?;
                self.expect(b')', "`)`")?;
                Ok(value)
            }
            b"set" => self.empty_set("set", visitor, want),
            b"frozenset" if self.peek() == Some(b')') => self.empty_set("frozenset", visitor, want),
            b"frozenset" => {
                self.expect(b'{', "`{`")?;
                let value = self.tagged_elements(b'}', "frozenset", visitor, want)?;
                self.expect(b')', "`)`")?;
                Ok(value)
            }
            b"dict_keys" | b"dict_values" | b"dict_items" => {
                self.expect(b'[', "`[`")?;
                let value = self.elements(b']', visitor)?;
                self.expect(b')', "`)`")?;
                Ok(value)
            }
            b"H" if want == Want::Nothing => {
                while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    self.at += 1;
                }
                self.expect(b')', "`)`")?;
                visitor.visit_unit()
            }
            _ if self.field_follows() => {
                let name = str::from_utf8(name).unwrap_or_default();
                self.fields(name, visitor, want)
            }
            _ => {
                self.at = start;
                Err(self.not_a_value())
            }
        }
    }

    /// The number of an object that stays on the board, for the type that becomes its handle.
    pub(super) fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        self.skip_space();
        let start = self.at;
        if self.eat_word(b"None") {
            self.at = start;
            return Err(ValueError::mismatch(&visitor));
        }
        let number = self.text[start..].strip_prefix(b"H(").and_then(|rest| {
            let end = rest.iter().position(|byte| *byte == b')')?;
            Some((str::from_utf8(&rest[..end]).ok()?.parse().ok()?, end))
        });
        let Some((number, end)) = number else {
            return Err(Self::not_kept());
        };
        self.at += end + 3;
        visitor.visit_u64(number)
    }

    /// The error for a value where the handle of an object was expected.
    #[cold]
    fn not_kept() -> ValueError {
        ValueError::with_hint(
            "the board returned a plain value where the handle of an object on the board was expected",
            "an object stays there that is the result of a task, of a stream or of `execute_as`, an item of a list that is, \
             or beside other things if it has no literal: numbers, texts, lists and dicts are sent as what they are then",
        )
    }

    /// The closing `)`, which is all that is left of an empty set.
    fn empty_set<V: Visitor<'de>>(
        &mut self,
        tag: &'static str,
        visitor: V,
        want: Want,
    ) -> Result<V::Value, ValueError> {
        self.tagged_elements(b')', tag, visitor, want)
    }

    /// The type code and the elements of an array.
    fn array<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        self.expect(b'\'', "a type code")?;
        let code = self.peek_name();
        self.at += code.len();
        self.expect(b'\'', "a type code of one letter")?;
        let code = str::from_utf8(code).unwrap_or_default();
        // Arrays of objects and of pointers are read as lists.
        let tag = TypeCode::from_name(code).map_or("list", |code| &code.tag()[tag::PREFIX.len()..]);
        if self.peek() == Some(b')') {
            return self.tagged_elements(b')', tag, visitor, want);
        }
        self.expect(b',', "`,`")?;
        self.skip_space();
        self.expect(b'[', "`[`")?;
        let value = self.tagged_elements(b']', tag, visitor, want)?;
        self.expect(b')', "`)`")?;
        Ok(value)
    }

    /// Whether `name=` stands here.
    pub(super) fn field_follows(&self) -> bool {
        let name = self.peek_name();
        !name.is_empty() && self.text.get(self.at + name.len()) == Some(&b'=')
    }

    /// The fields of a namedtuple, read from behind its opening parenthesis: as a sequence or as a struct,
    /// whichever is wanted.
    pub(super) fn fields<V: Visitor<'de>>(
        &mut self,
        name: &'de str,
        visitor: V,
        want: Want,
    ) -> Result<V::Value, ValueError> {
        self.enter()?;
        let mut fields = Fields::new(self);
        let value = match want {
            Want::Sequence => visitor.visit_seq(&mut fields),
            Want::Value => visitor.visit_enum(Tagged {
                tag: format!("namedtuple:{name}").into(),
                content: Content::Fields(&mut fields),
            }),
            _ => visitor.visit_map(&mut fields),
        }?;
        fields.finish()?;
        self.depth -= 1;
        Ok(value)
    }

    /// The error for an object that has no literal; its hint says what to return instead.
    #[cold]
    pub(super) fn not_a_value(&self) -> ValueError {
        let rest = &self.text[self.at..];
        let end = object_end(rest);
        let text = String::from_utf8_lossy(&rest[..end]);
        let instead = match &*text {
            _ if text.starts_with("<generator") => {
                "declare the method as `-> impl Stream<Item = Result<T>>`, or return `list(…)` of it"
            }
            _ if text.starts_with("<function") || text.starts_with("<bound_method") => {
                "call the function with `()` and return what it returns"
            }
            _ if text.starts_with("<memoryview") => "return `bytes(…)` of it",
            _ if [
                "range(",
                "<map",
                "<zip",
                "<filter",
                "<deque",
                "<enumerate",
                "<reversed",
                "<iterator",
            ]
            .iter()
            .any(|start| text.starts_with(start)) =>
            {
                "return `list(…)` of it"
            }
            _ => "return what you need of it: a number, a str, a tuple or a dict, or `repr(…)` of it",
        };
        ValueError::with_hint(
            format!(
                "the board returned {}, an object that has no value in Rust",
                shortened(&text, 60)
            ),
            instead,
        )
    }
}

/// The offset at which the text of an object ends: behind the bracket that closes its first one.
fn object_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'<' | b'(' => depth += 1,
            b'>' | b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return if *byte == b')' && !text[..at].iter().any(|byte| b"<(".contains(byte)) {
                        at
                    } else {
                        at + 1
                    };
                }
            }
            b',' | b']' | b'}' | b':' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}
