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

/// A stream of the host that a body on the board reads: the board requests it batch by batch.
pub(crate) trait Feed: Send + Sync {
    /// The stream's number, unique in this program.
    fn number(&self) -> u64;

    /// The next batch: as many items as fit into `room` bytes, but at least one. Its first value says whether
    /// more items may follow.
    fn batch(self: Arc<Self>, room: usize) -> BoxFuture<'static, Result<Arguments, HostFailure>>;

    /// Ends the stream: nobody reads it any more.
    fn close(&self);
}

/// A stream among the arguments. It is closed when the last clone of this is dropped.
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

/// How one argument is sent to the board.
#[derive(Debug, Clone)]
enum Way {
    /// As JSON.
    Json(String),
    /// In the data that is attached to the call.
    Attached(Attached),
    /// As a Python expression.
    Literal(String),
    /// A stream of this number, and the expression of it.
    Feed(u64, String),
}

impl Way {
    /// Chooses how to send a value whose Python literal is known already.
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

/// The arguments of a call of which at least one is attached: sent as data beside the call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apart {
    /// All arguments as JSON, each preceded by a comma, with `null` in the place of each attached one.
    pub json: String,
    /// Which those are, as JSON: each as its place, how it is written, how many characters it has, and how many there are
    /// one behind the other of which all that is true.
    pub places: String,
    /// The attached data, concatenated in the same order.
    pub data: String,
}

/// How a stream is written that the board makes of its number.
const FEED: &str = "<";

/// Where arguments are that are apart from the call, one behind the other and all alike.
struct Place<'a> {
    /// The first of them.
    at: usize,
    how: &'a str,
    /// How many characters each has; of a stream, its number.
    size: u64,
    many: usize,
}

impl Place<'_> {
    fn goes_on_with(&self, at: usize, how: &str, size: u64) -> bool {
        self.at + self.many == at && self.how == how && self.size == size && how != FEED
    }

    fn to_json(&self) -> String {
        let Self { at, size, many, .. } = self;
        let mut how = String::new();
        json::write_text(&mut how, self.how);
        format!("[{at},{how},{size},{many}]")
    }
}

/// The arguments of one call, as Python expressions.
#[derive(Debug, Clone)]
pub struct Arguments {
    text: String,
    /// How each argument is sent; `None` if one of them is an expression that the board has to evaluate.
    ways: Option<Vec<Way>>,
    count: usize,
    error: Option<ValueError>,
    /// The type that the result will be read as.
    result: Shape,
    /// The streams among the arguments.
    feeds: Vec<Fed>,
    /// The number of the answer, if objects in the answer are to stay on the board.
    answer: Option<u64>,
    /// The handles among the arguments, each for an object on the board.
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

    /// The same arguments and one more. A value that cannot be expressed is reported when the arguments are
    /// used.
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

    /// The same arguments for a call whose result will be read as a `T`, so that the board can send it in the
    /// form that costs it the least. The result can still be read as any other type.
    #[must_use]
    pub fn returning<T: DeserializeOwned>(mut self) -> Self {
        self.result = Shape::of::<T>();
        self
    }

    /// The same arguments followed by all of `others`.
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

    /// The same arguments and a stream. `expression`, in the agent's language, makes the board's iterator
    /// over it.
    pub(crate) fn with_feed(mut self, feed: Arc<dyn Feed>, expression: String) -> Self {
        self.push(&expression);
        if let Some(ways) = &mut self.ways {
            ways.push(Way::Feed(feed.number(), expression));
        }
        self.feeds.push(Fed(Arc::new(Closing(feed))));
        self
    }

    /// The streams among the arguments.
    pub(crate) fn feeds(&self) -> &[Fed] {
        &self.feeds
    }

    /// The approximate size of all arguments, in bytes.
    pub(crate) fn size(&self) -> usize {
        let size = |way: &Way| match way {
            Way::Json(text) | Way::Literal(text) | Way::Feed(_, text) => text.len(),
            Way::Attached(attached) => attached.data.len(),
        };
        self.ways
            .as_ref()
            .map_or(self.text.len(), |ways| ways.iter().map(size).sum())
    }

    /// The same arguments and the value of an expression that the board's agent evaluates.
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

    /// The number of arguments.
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

    /// All arguments as JSON, each preceded by a comma; `None` if JSON cannot express one of them exactly.
    pub(crate) fn json(&self) -> Option<String> {
        let mut all = String::with_capacity(32);
        for way in self.ways.as_ref()? {
            let Way::Json(json) = way else { return None };
            all.push(',');
            all.push_str(json);
        }
        Some(all)
    }

    /// The arguments with some of them attached; `None` if none is worth attaching.
    pub(crate) fn apart(&self) -> Option<Apart> {
        let ways = self.ways.as_ref()?;
        if !{ ways.iter() }.any(|way| matches!(way, Way::Attached(_) | Way::Feed(..))) {
            return None;
        }
        let mut apart = Apart::default();
        let mut places: Vec<Place<'_>> = Vec::new();
        for (at, way) in ways.iter().enumerate() {
            let (how, data) = match way {
                Way::Json(json) => {
                    apart.json.push(',');
                    apart.json.push_str(json);
                    continue;
                }
                Way::Attached(Attached { how, data }) => (how.as_str(), data.as_str()),
                Way::Literal(literal) => ("e", literal.as_str()),
                Way::Feed(..) => (FEED, ""),
            };
            let size = match way {
                Way::Feed(number, _) => *number,
                _ => data.len() as u64,
            };
            apart.json.push_str(",null");
            apart.data.push_str(data);
            match places.last_mut() {
                Some(last) if last.goes_on_with(at, how, size) => last.many += 1,
                _ => places.push(Place {
                    at,
                    how,
                    size,
                    many: 1,
                }),
            }
        }
        let places: Vec<String> = places.iter().map(Place::to_json).collect();
        apart.places = places.join(",");
        Some(apart)
    }

    /// The type that the result will be read as.
    pub(crate) fn result(&self) -> Shape {
        self.result
    }

    /// The code that tells the agent how to pack the result; empty if it is not to be packed.
    pub(crate) fn code(&self) -> Cow<'static, str> {
        let code = self.result.code();
        match self.answer {
            Some(answer) => format!("{code}{answer}").into(),
            None => code.into(),
        }
    }

    /// The same for an answer of this number, whose objects stay on the board. `exact` is whether floats beside them are
    /// to have all their bits.
    #[doc(hidden)]
    #[must_use]
    pub fn numbered(mut self, answer: u64, exact: bool) -> Self {
        self.answer = Some(answer);
        if let (Shape::Objects(how), true) = (self.result, exact) {
            self.result = Shape::Objects(how.exact());
        }
        self
    }

    /// The handles among the arguments. The objects stay on the board for as long as these arguments exist.
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
                r#"[1,"s \n",100,1],[2,"e",5,1],[3,"B",56,1]"#.into(),
                data
            ))
        );
        assert_eq!(all.json(), None);
    }

    #[test]
    fn what_is_alike_and_one_behind_the_other_is_said_once() {
        let chunk = Bytes(vec![255; 40]);
        let all = Arguments::new()
            .with("more", &true)
            .with("first", &chunk)
            .with("second", &chunk)
            .with("shorter", &Bytes(vec![255; 38]))
            .with("number", &1)
            .with("last", &chunk);
        let (json, places, _) = apart(&all).unwrap();
        assert_eq!(json, ",true,null,null,null,1,null");
        assert_eq!(places, r#"[1,"B",56,2],[3,"B",52,1],[5,"B",56,1]"#);
    }

    #[test]
    fn streams_are_apart_as_their_numbers() {
        struct Empty(u64);
        impl Feed for Empty {
            fn number(&self) -> u64 {
                self.0
            }
            fn batch(self: Arc<Self>, _: usize) -> BoxFuture<'static, Result<Arguments, HostFailure>> {
                Box::pin(async { Ok(Arguments::new()) })
            }
            fn close(&self) {}
        }
        let all = Arguments::new()
            .with("number", &1)
            .with_feed(Arc::new(Empty(7)), "feed(7)".into())
            .with_feed(Arc::new(Empty(7)), "feed(7)".into());
        let places = r#"[1,"<",7,1],[2,"<",7,1]"#;
        assert_eq!(
            apart(&all),
            Some((",1,null,null".into(), places.into(), String::new()))
        );
        assert_eq!(all.literals().unwrap(), "1,feed(7),feed(7)");
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
