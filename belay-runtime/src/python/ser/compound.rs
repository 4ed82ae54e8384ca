//! Serialisers for values that are written element by element: sequences and dicts.

use serde::{Serialize, ser};

use super::Writer;
use crate::python::array::TypeCode;
use crate::python::error::{Segment, ValueError};
use crate::python::literal;

/// How many elements one literal holds at the outermost level; longer sequences are a sum of such literals.
/// `CircuitPython` keeps the elements of a literal on a stack of some 370 words, for all levels together, and
/// a sum needs no more of it than its largest literal.
const PIECE: usize = 128;
/// The lower limit of that number, however deep the nesting.
const SMALLEST_PIECE: usize = 8;

/// How a sequence is closed.
pub(super) enum Close {
    Text(&'static str),
    Tuple,
    TupleVariant,
    Set,
    FrozenSet,
}

/// A list, tuple, set or array that is being written.
pub(in crate::python) struct Sequence<'w, 'a> {
    writer: &'w mut Writer<'a>,
    count: usize,
    pub(super) close: Close,
    was_key: bool,
    /// How many elements one literal holds.
    piece: usize,
    /// The memory of an array, which is sent to the board unchanged.
    array: Option<(TypeCode, Vec<u8>)>,
}

impl<'w, 'a> Sequence<'w, 'a> {
    pub(super) fn new(writer: &'w mut Writer<'a>, close: Close, was_key: bool) -> Self {
        let piece = (PIECE >> writer.depth.saturating_sub(1).min(PIECE.ilog2() as usize)).max(SMALLEST_PIECE);
        Self {
            writer,
            count: 0,
            close,
            was_key,
            piece,
            array: None,
        }
    }

    pub(super) fn array(writer: &'w mut Writer<'a>, code: TypeCode) -> Self {
        let was_key = writer.in_key;
        Self {
            array: Some((code, Vec::new())),
            ..Self::new(writer, Close::Text(""), was_key)
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let written = if let Some((code, bytes)) = &mut self.array {
            value.serialize(code.element_writer(bytes))
        } else {
            if self.count > 0 {
                let between = match self.close {
                    _ if !self.count.is_multiple_of(self.piece) => ",",
                    Close::Text(_) => "]+[",
                    Close::Tuple | Close::TupleVariant => ")+(",
                    Close::Set | Close::FrozenSet => "}|{",
                };
                self.writer.out.push_str(between);
            }
            value.serialize(&mut *self.writer)
        };
        let index = self.count;
        self.count += 1;
        written.map_err(|error| error.inside(Segment::Index(index)))
    }

    fn finish(self) -> Result<(), ValueError> {
        let Self {
            writer, count, piece, ..
        } = self;
        writer.depth -= 1;
        writer.in_key = self.was_key;
        if let Some((code, bytes)) = self.array {
            writer.hashable("an array")?;
            writer.out.push_str(literal::ARRAY);
            writer.out.push(code.as_char());
            writer.out.push('\'');
            if !bytes.is_empty() {
                writer.out.push(',');
                literal::write_base64(writer.out, &bytes);
            }
            writer.out.push(')');
            return Ok(());
        }
        let out = &mut *writer.out;
        match self.close {
            Close::Text(text) => out.push_str(text),
            Close::Tuple | Close::TupleVariant => out.push_str(if count % piece == 1 { ",)" } else { ")" }),
            // `{}` would be a dict.
            Close::Set if count == 0 => {
                out.pop();
                out.push_str("set()");
            }
            Close::Set => out.push('}'),
            Close::FrozenSet if count == 0 => {
                out.pop();
                out.push(')');
            }
            Close::FrozenSet => out.push_str("})"),
        }
        if matches!(self.close, Close::TupleVariant) {
            out.push('}');
        }
        Ok(())
    }
}

impl ser::SerializeSeq for Sequence<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl ser::SerializeTuple for Sequence<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Sequence<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Sequence<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

/// A dict that is being written.
pub(in crate::python) struct Dict<'w, 'a> {
    writer: &'w mut Writer<'a>,
    first: bool,
    /// The offset in the text at which the last key begins.
    key_from: usize,
    pub(super) close: &'static str,
}

impl<'w, 'a> Dict<'w, 'a> {
    pub(super) fn new(writer: &'w mut Writer<'a>) -> Self {
        Self {
            writer,
            first: true,
            key_from: 0,
            close: "}",
        }
    }

    fn separate(&mut self) {
        if !self.first {
            self.writer.out.push(',');
        }
        self.first = false;
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), ValueError> {
        self.separate();
        literal::write_str(self.writer.out, name);
        self.writer.out.push(':');
        value
            .serialize(&mut *self.writer)
            .map_err(|error| error.inside(Segment::Name(name.into())))
    }

    fn finish(self) {
        self.writer.depth -= 1;
        self.writer.out.push_str(self.close);
    }
}

impl ser::SerializeMap for Dict<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.separate();
        self.key_from = self.writer.out.len();
        let was_key = std::mem::replace(&mut self.writer.in_key, true);
        let result = key.serialize(&mut *self.writer);
        self.writer.in_key = was_key;
        result
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key_to = self.writer.out.len();
        self.writer.out.push(':');
        value.serialize(&mut *self.writer).map_err(|error| {
            let key = &self.writer.out[self.key_from..key_to];
            error.inside(Segment::from_literal(key))
        })
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStruct for Dict<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStructVariant for Dict<'_, '_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}
