//! The arguments of a call.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attach::Attached;
use super::error::{Segment, ValueError};
use super::json;
use super::ser::Writer;
use super::shape::Shape;
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::kept::{self, Handle};

/// A stream of the host's that a body reads, by batches that the board asks for.
pub(crate) trait Feed: Send + Sync {
    /// Its number, which no other has in this program.
    fn number(&self) -> u64;

    /// The next items, of as many bytes as this or one: behind a first value that says whether there may be more.
    fn batch(self: Arc<Self>, room: usize) -> BoxFuture<'static, Result<Arguments, HostFailure>>;

    /// Nobody reads it any more.
    fn close(&self);
}

/// A stream among the arguments, which is closed when nobody has these any more.
#[derive(Clone)]
pub(crate) struct Fed(Arc<Closing>);

struct Closing(Arc<dyn Feed>);

impl Fed {
    /// The stream itself.
    pub(crate) fn feed(&self) -> &Arc<dyn Feed> {
        &self.0.0
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Fed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fed").field(&self.feed().number()).finish()
    }
}

/// How an argument is sent.
#[derive(Debug, Clone)]
enum Way {
    /// As JSON.
    Json(String),
    /// Apart from the call.
    Attached(Attached),
    /// As a Python expression.
    Literal(String),
}

impl Way {
    /// The way of a value that has this literal.
    fn of<T: Serialize + ?Sized>(value: &T, literal: &str) -> Self {
        if let Some(attached) = Attached::of(value) {
            return Self::Attached(attached);
        }
        let mut json = String::with_capacity(literal.len());
        if json::write(&mut json, value) {
            Self::Json(json)
        } else {
            Self::Literal(literal.to_owned())
        }
    }
}

/// Arguments of which some are sent apart from the call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apart {
    /// All of them as JSON, with a comma before each, and `null` in the place of those that are apart.
    pub json: String,
    /// Which those are, as JSON: each as its place, how it is written, and how many characters it has.
    pub places: String,
    /// The characters, one behind the other.
    pub data: String,
}

/// The arguments of one call, as Python expressions.
#[derive(Debug, Clone)]
pub struct Arguments {
    text: String,
    /// How each of them is sent where no expression has to be worked out.
    ways: Option<Vec<Way>>,
    count: usize,
    error: Option<ValueError>,
    /// What the result is going to be read as.
    result: Shape,
    /// The streams among them.
    feeds: Vec<Fed>,
    /// The number of the answer, where objects stay on the board that it has.
    answer: Option<u64>,
    /// The objects of the board's among them.
    handles: Vec<Arc<Handle>>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            text: String::new(),
            ways: Some(Vec::new()),
            count: 0,
            error: None,
            result: Shape::default(),
            feeds: Vec::new(),
            answer: None,
            handles: Vec::new(),
        }
    }
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more. What cannot be expressed is reported when the arguments are used.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        if self.error.is_some() {
            return self;
        }
        if self.count > 0 {
            self.text.push(',');
        }
        let start = self.text.len();
        let (written, handles) = kept::writing(|| value.serialize(&mut Writer::new(&mut self.text)));
        self.handles.extend(handles);
        match written {
            Ok(()) => {
                if let Some(ways) = &mut self.ways {
                    ways.push(Way::of(value, &self.text[start..]));
                }
            }
            Err(error) => self.error = Some(error.inside(Segment::Name(name.into()))),
        }
        self.count += 1;
        self
    }

    /// The same for a call whose result is going to be read as a `T`: then the board can send that in the way that
    /// costs it the least. It can be read as anything else all the same.
    #[must_use]
    pub fn returning<T: DeserializeOwned>(mut self) -> Self {
        self.result = Shape::of::<T>();
        self
    }

    /// The same with all of these behind them.
    #[must_use]
    pub fn with_all(mut self, others: &Self) -> Self {
        self.error = self.error.or_else(|| others.error.clone());
        self.feeds.extend(others.feeds.iter().cloned());
        self.handles.extend_from_slice(&others.handles);
        if others.count > 0 {
            self.push(&others.text);
            self.ways = self.ways.zip(others.ways.clone()).map(|(mut ways, more)| {
                ways.extend(more);
                ways
            });
            self.count += others.count - 1;
        }
        self
    }

    /// The same with a stream, which the board has as what this expression of the agent's language gives.
    pub(crate) fn with_feed(mut self, feed: Arc<dyn Feed>, expression: String) -> Self {
        self.push(&expression);
        if let Some(ways) = &mut self.ways {
            ways.push(Way::Literal(expression));
        }
        self.feeds.push(Fed(Arc::new(Closing(feed))));
        self
    }

    /// The streams among them.
    pub(crate) fn feeds(&self) -> &[Fed] {
        &self.feeds
    }

    /// How many bytes they come to, about.
    pub(crate) fn size(&self) -> usize {
        let size = |way: &Way| match way {
            Way::Json(text) | Way::Literal(text) => text.len(),
            Way::Attached(attached) => attached.data.len(),
        };
        self.ways
            .as_ref()
            .map_or(self.text.len(), |ways| ways.iter().map(size).sum())
    }

    /// The same with what an expression of the agent's language gives.
    pub(crate) fn with_expression(mut self, expression: &str) -> Self {
        self.ways = None;
        self.push(expression);
        self
    }

    fn push(&mut self, text: &str) {
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(text);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The arguments, separated by commas, as they stand between the parentheses of a call: printable ASCII
    /// without a line break.
    ///
    /// # Errors
    ///
    /// When one of the arguments cannot be expressed in Python.
    pub fn literals(&self) -> Result<&str, ValueError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(&self.text),
        }
    }

    /// The same as JSON, with a comma before each; nothing if that could not say all of them.
    pub(crate) fn json(&self) -> Option<String> {
        let mut all = String::with_capacity(32);
        for way in self.ways.as_ref()? {
            let Way::Json(json) = way else { return None };
            all.push(',');
            all.push_str(json);
        }
        Some(all)
    }

    /// The same with some of them apart, if that is worth it.
    pub(crate) fn apart(&self) -> Option<Apart> {
        let ways = self.ways.as_ref()?;
        if !ways.iter().any(|way| matches!(way, Way::Attached(_))) {
            return None;
        }
        let mut apart = Apart::default();
        for (at, way) in ways.iter().enumerate() {
            let (how, data) = match way {
                Way::Json(json) => {
                    apart.json.push(',');
                    apart.json.push_str(json);
                    continue;
                }
                Way::Attached(Attached { how, data }) => (how.as_str(), data),
                Way::Literal(literal) => ("e", literal),
            };
            apart.json.push_str(",null");
            if !apart.places.is_empty() {
                apart.places.push(',');
            }
            let mut quoted = String::new();
            json::write_text(&mut quoted, how);
            let place = format!("[{at},{quoted},{}]", data.len());
            apart.places.push_str(&place);
            apart.data.push_str(data);
        }
        Some(apart)
    }

    /// What the result is going to be read as.
    pub(crate) fn result(&self) -> Shape {
        self.result
    }

    /// What the agent is to pack the result as, if it can, or nothing.
    pub(crate) fn code(&self) -> Cow<'static, str> {
        let code = self.result.code();
        match self.answer {
            Some(answer) => format!("{code}{answer}").into(),
            None => code.into(),
        }
    }

    /// The same for an answer of this number, whose objects stay on the board. `exact` is whether floats beside them are
    /// to have all their bits.
    pub(crate) fn numbered(mut self, answer: u64, exact: bool) -> Self {
        self.answer = Some(answer);
        if let (Shape::Objects(how), true) = (self.result, exact) {
            self.result = Shape::Objects(how.exact());
        }
        self
    }

    /// The objects of a board's among them, which stay there for as long as these arguments do.
    pub(crate) fn handles(&self) -> &[Arc<Handle>] {
        &self.handles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::{Array, Bytes, Value};

    #[test]
    fn arguments_can_be_put_behind_others() {
        let first = Arguments::new().with("a", &1).with_expression("f0");
        let second = Arguments::new().with("b", &true).with("c", &2);
        let all = Arguments::new().with_all(&first).with_all(&second);
        assert_eq!(all.literals().unwrap(), "1,f0,True,2");
        assert_eq!(all.count(), 4);
        assert_eq!(all.json(), None);
        let ints = Arguments::new()
            .with("a", &1)
            .with_all(&Arguments::new().with("b", "x").with("c", &true));
        assert_eq!(ints.json().as_deref(), Some(r#",1,"x",true"#));
        assert_eq!(
            Arguments::new().with_all(&Arguments::new()).literals().unwrap(),
            ""
        );
    }

    fn apart(arguments: &Arguments) -> Option<(String, String, String)> {
        let Apart { json, places, data } = arguments.apart()?;
        Some((json, places, data))
    }

    #[test]
    fn what_is_large_or_no_json_is_apart_from_the_call() {
        let text = "it's\n".repeat(20);
        let bytes = Bytes((0..=40).collect());
        let all = Arguments::new()
            .with("number", &1)
            .with("text", &text)
            .with("pair", &(1, 2))
            .with("bytes", &bytes);
        let data = format!(
            "{}(1,2)AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJyg=",
            "it's ".repeat(20)
        );
        assert_eq!(
            apart(&all),
            Some((
                ",1,null,null,null".into(),
                r#"[1,"s \n",100],[2,"e",5],[3,"B",56]"#.into(),
                data
            ))
        );
        assert_eq!(all.json(), None);
    }

    #[test]
    fn rows_of_numbers_are_apart_in_the_smallest_memory_that_holds_them() {
        let how = |arguments: Arguments| {
            let Apart { places, data, .. } = arguments.apart()?;
            Some((places.split('"').nth(1)?.to_owned(), data.len()))
        };
        let of = |how: &str, length| Some((how.to_owned(), length));
        let row = |last: i64| Arguments::new().with("row", &[vec![0; 29], vec![last]].concat());
        assert_eq!(how(row(255)), of("LB", 40));
        assert_eq!(how(row(-1)), of("Lb", 40));
        assert_eq!(how(row(256)), of("LH", 80));
        assert_eq!(how(row(-129)), of("Lh", 80));
        assert_eq!(how(row(1 << 31)), of("LI", 160));
        assert_eq!(how(row(-(1 << 31))), of("Li", 160));
        assert_eq!(how(row(1 << 32)), None);
        assert_eq!(how(Arguments::new().with("row", &[0.5; 30])), of("Td", 320));
        assert_eq!(
            how(Arguments::new().with("row", &Array(vec![1_u8; 30]))),
            of("AB", 40)
        );
        assert_eq!(how(Arguments::new().with("row", &vec![true; 30])), None);
        assert_eq!(how(Arguments::new().with("row", &vec![1; 20])), None);
        let mixed = vec![Value::from(1); 20]
            .into_iter()
            .chain(vec![Value::Float(1.0); 20]);
        assert_eq!(
            how(Arguments::new().with("row", &Value::List(mixed.collect()))),
            None
        );
    }
}
