//! The host's Rust and the board's Python agree on the kinds of requests and replies and on the names of functions.

use std::collections::BTreeSet;

use super::*;
use crate::protocol::Frame;
use crate::python::Arguments;

/// The complete Python sources: an agent's, and those of its libraries.
const AGENT: &str = include_str!("resident.py");
const RESIDENT: &str = concat!(include_str!("asking.py"), include_str!("resident.py"));
const EVENTS: &str = include_str!("events.py");
const SMALL: &str = concat!(
    include_str!("small_first.py"),
    include_str!("small.py"),
    include_str!("small_newer.py")
);

const FLAVOURS: [Flavour; 3] = [Flavour::Resident, Flavour::OverRawRepl, Flavour::Small];

fn requests() -> Vec<Request> {
    let call = |arguments: &Arguments| Request::call("f1".into(), arguments).unwrap();
    let missing = Missing {
        frame: 1,
        from: 48,
        to: 96,
        size: 12,
    };
    vec![
        call(&Arguments::new()),
        call(&Arguments::new().with("a", &501).with("b", &-1)),
        call(&Arguments::new().with("a", "x y").with("b", &vec![1, 2])),
        call(&Arguments::new().with("a", &(1, "\u{10000}"))),
        call(&Arguments::new().with("a", &1).returning::<i32>()),
        call(&Arguments::new().with("a", &"x".repeat(99)).with("b", &1)),
        call(&Arguments::new().with("a", &(1, 2)).returning::<Vec<u8>>()),
        call(&Arguments::new().with("a", &(1, 2)).returning::<()>()),
        Request::Evaluate("1 + 1".into()),
        Request::Open {
            stream: 7,
            credit: 64,
            expression: "f1(2, 3)".into(),
            result: "".into(),
        },
        Request::Open {
            stream: 7,
            credit: 64,
            expression: "f1(2, 3)".into(),
            result: ".".into(),
        },
        Request::Next { stream: 7, credit: 3 },
        Request::Close { stream: 7 },
        Request::Source {
            first: true,
            part: "def f():\n".into(),
        },
        Request::Source {
            first: false,
            part: " return 1\n".into(),
        },
        Request::Execute {
            namespace: "space".into(),
        },
        Request::Ping { token: 12 },
        Request::Quit,
        Request::Again(None),
        Request::Again(Some(missing)),
        Request::Answer("jnull".into()),
    ]
}

/// The request as it is decoded: a line has the arguments in one form only, and a small board packs nothing.
fn as_it_is_read(request: Request, kind: RequestKind, flavour: Flavour) -> Request {
    match request {
        Request::Call {
            function,
            literals,
            json,
            apart,
            result,
        } => {
            let small = flavour == Flavour::Small;
            let apart = apart.filter(|_| kind == RequestKind::CallWithAttached);
            let as_json = !small && matches!(kind, RequestKind::Call | RequestKind::CallFor);
            Request::Call {
                function,
                literals: if as_json || apart.is_some() {
                    String::new()
                } else {
                    literals
                },
                json: json.filter(|_| as_json),
                apart,
                result: if small { "".into() } else { result },
            }
        }
        request if flavour == Flavour::Small => request.unprovided(),
        request => request,
    }
}

fn replies() -> Vec<Reply> {
    let payloads = || {
        let data = b"\x00'12".to_vec();
        [
            Payload::Bytes(data.clone()),
            Payload::ByteArray(data),
            Payload::Repr(b"[1]".to_vec()),
            Payload::Packed(b'h', b"\x01\x00".to_vec()),
        ]
    };
    let words = FirstWords {
        free: Some(7),
        boot: 3,
        before: None,
        implementation: "micropython".into(),
        platform: "a board".into(),
    };
    let raised = Raised {
        items: 2,
        fate: 0,
        type_name: "OSError".into(),
        message: "it's \"no\"\n".into(),
        args: Some("(1,)".into()),
        errno: Some(1),
        trace: None,
    };
    let piece = Piece {
        frame: 1,
        at: 48,
        total: 50,
        text: b"\x01:".to_vec(),
    };
    let mut replies = vec![
        Reply::Hello(words),
        Reply::Event(b"(1, 2)".to_vec()),
        Reply::Told(Told {
            token: 3,
            number: 17,
            value: Payload::Repr(b"'a:b#c'".to_vec()),
        }),
        Reply::Told(Told {
            token: 3,
            number: 18,
            value: Payload::Packed(b'.', vec![0, 1]),
        }),
        Reply::Heard,
        Reply::Question(Question {
            place: 1,
            number: 7,
            items: 2,
            name: "Logger.store".into(),
            words: b"(1, 2)".to_vec(),
            exact: false,
        }),
        Reply::Refusal,
        Reply::Pong(Pong {
            token: 12,
            before: 11,
            odd: b"2~".to_vec(),
        }),
        Reply::Farewell,
        Reply::Received,
        Reply::Value(b"None".to_vec()),
        Reply::Packed(b'.', b"\x00\x00\x80\x3f".to_vec()),
        Reply::Raised(raised),
        Reply::Interrupted(3),
        Reply::Part {
            index: 4,
            data: b"abc".to_vec(),
        },
        Reply::Batch {
            items: 5,
            exhausted: false,
        },
        Reply::Batch {
            items: 5,
            exhausted: true,
        },
        Reply::Piece(piece),
        Reply::Pieces(48),
        Reply::Forgotten,
    ];
    replies.extend(
        [Form::Repr, Form::Bytes, Form::ByteArray, Form::Packed(b'h')]
            .map(|form| Reply::Whole { parts: 2, form }),
    );
    replies.extend(payloads().map(|item| Reply::Item { index: 6, item }));
    replies
}

#[test]
fn what_a_request_says_is_read_as_that_request() {
    for flavour in FLAVOURS {
        for request in requests() {
            let (kind, body) = request.encode(flavour);
            let expected = match &request {
                // A small board is sent this as an ordinary expression.
                Request::Close { .. } if flavour == Flavour::Small => Request::Evaluate(body.to_string()),
                request => as_it_is_read(request.clone(), kind, flavour),
            };
            assert_eq!(
                Request::decode(kind, &body, flavour),
                Some(expected),
                "{flavour:?}"
            );
        }
    }
}

#[test]
fn what_a_reply_says_is_read_as_that_reply() {
    for reply in replies() {
        let (kind, payload) = reply.encode();
        let frame = Frame {
            number: b'0',
            kind: kind.byte(),
            payload,
        };
        assert_eq!(Reply::decode(frame), Some(reply));
    }
}

#[test]
fn the_examples_are_of_every_kind() {
    let requests = requests();
    let kinds = |flavour| {
        requests
            .iter()
            .map(move |request| request.encode(flavour).0.byte())
    };
    let mut asked: BTreeSet<u8> = FLAVOURS.into_iter().flat_map(kinds).collect();
    asked.insert(RequestKind::Long.byte());
    let all = RequestKind::ALL.iter().map(|kind| kind.byte());
    assert_eq!(asked, all.collect());
    let said: BTreeSet<u8> = replies().iter().map(|reply| reply.encode().0.byte()).collect();
    let all = ReplyKind::ALL.iter().map(|kind| kind.byte());
    assert_eq!(said, all.collect());
}

/// Which agents read this kind of request: the resident one, and the one for small boards.
fn readers(kind: RequestKind) -> (bool, bool) {
    match kind {
        RequestKind::Call
        | RequestKind::Evaluate
        | RequestKind::Open
        | RequestKind::Next
        | RequestKind::Ping
        | RequestKind::Again => (true, true),
        // A small board compiles each line anyway, and its agent never keeps running.
        RequestKind::CallFor
        | RequestKind::CallWith
        | RequestKind::CallWithFor
        | RequestKind::CallWithAttached
        | RequestKind::OpenFor
        | RequestKind::Close
        | RequestKind::Quit
        | RequestKind::Answer
        | RequestKind::Long => (true, false),
        RequestKind::Source | RequestKind::MoreSource | RequestKind::Execute => (false, true),
    }
}

/// Which agents send this kind of reply.
fn writers(kind: ReplyKind) -> (bool, bool) {
    match kind {
        ReplyKind::Hello
        | ReplyKind::Event
        | ReplyKind::Refusal
        | ReplyKind::Pong
        | ReplyKind::Received
        | ReplyKind::Value
        | ReplyKind::Raised
        | ReplyKind::Interrupted
        | ReplyKind::Item
        | ReplyKind::Batch
        | ReplyKind::Exhausted
        | ReplyKind::Forgotten => (true, true),
        // A small board has no room for large values, nor for another way to send them.
        ReplyKind::Farewell
        | ReplyKind::Told
        | ReplyKind::Part
        | ReplyKind::WholeRepr
        | ReplyKind::WholeBytes
        | ReplyKind::Packed
        | ReplyKind::WholeByteArray
        | ReplyKind::WholePacked
        | ReplyKind::BytesItem
        | ReplyKind::ByteArrayItem
        | ReplyKind::PackedItem
        | ReplyKind::Question
        | ReplyKind::Heard
        | ReplyKind::Piece
        | ReplyKind::Pieces => (true, false),
    }
}

/// The kinds of requests that a source reads: all characters that it compares a kind with.
fn read(source: &str) -> BTreeSet<char> {
    let mut kinds = BTreeSet::new();
    for name in ["kind", "line[2]", "what"] {
        for operator in ["== ", "== ord(", "!= ", "in ", "not in "] {
            for (_, rest) in after(source, &format!("{name} {operator}\"")) {
                kinds.extend(rest.chars().take_while(|c| *c != '"'));
            }
        }
    }
    kinds
}

/// The kinds of replies that a source writes.
fn written(source: &str) -> BTreeSet<char> {
    let mut kinds = BTreeSet::new();
    // A kind stands after the request's number, or where a placeholder is filled in.
    let starts = [
        "\"%c",
        "\"%s",
        "\"-",
        "\"?",
        "end = b\"",
        "end = \"",
        "else b\"",
        "else \"",
    ];
    for start in starts {
        for (_, rest) in after(source, start) {
            kinds.extend(rest.chars().next().filter(|c| !"%\"".contains(*c)));
        }
    }
    for (before, _) in after(source, "\" if ") {
        let text = before.strip_suffix("\" if ").unwrap();
        kinds.extend(
            text.chars()
                .last()
                .filter(|_| text.chars().rev().nth(1) == Some('"')),
        );
    }
    kinds
}

/// For each occurrence of `wanted`, the code before it on its line and the code after it, without comments.
fn after<'a>(source: &'a str, wanted: &str) -> Vec<(&'a str, &'a str)> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with('#'));
    let found = code.flat_map(|line| {
        let places = line.match_indices(wanted).map(|(at, _)| at + wanted.len());
        places.map(|at| line.split_at(at)).collect::<Vec<_>>()
    });
    found.collect()
}

fn expected<T: Copy>(all: &[T], is: impl Fn(T) -> bool, byte: impl Fn(T) -> u8) -> BTreeSet<char> {
    let kinds = all.iter().filter(|kind| is(**kind));
    kinds.map(|kind| char::from(byte(*kind))).collect()
}

#[test]
fn the_boards_read_the_kinds_that_there_are() {
    let mut resident = read(RESIDENT);
    // `m` is the agent's own mark for a line that it has no room for; and the last kind has no comparison, as it is the
    // `else` branch.
    assert!(resident.remove(&'m'));
    // `o` is no kind of request: it marks an answer to a question that raises an exception.
    assert!(resident.remove(&'o'));
    assert!(resident.insert(char::from(RequestKind::Next.byte())));
    let all = RequestKind::ALL;
    assert_eq!(resident, expected(all, |kind| readers(kind).0, RequestKind::byte));
    assert_eq!(
        read(SMALL),
        expected(all, |kind| readers(kind).1, RequestKind::byte)
    );
}

#[test]
fn the_boards_write_the_kinds_that_there_are() {
    let all = ReplyKind::ALL;
    let resident = &written(RESIDENT) | &written(EVENTS);
    assert_eq!(resident, expected(all, |kind| writers(kind).0, ReplyKind::byte));
    assert_eq!(
        written(SMALL),
        expected(all, |kind| writers(kind).1, ReplyKind::byte)
    );
}

/// The agent's functions that an expression calls: those whose name is one capital letter.
fn called(expression: &str) -> BTreeSet<char> {
    let bytes = expression.as_bytes();
    let is_name = |at: usize| bytes[at].is_ascii_uppercase() && bytes.get(at + 1) == Some(&b'(');
    let stands_alone = |at: usize| at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
    let places = (0..bytes.len()).filter(|at| is_name(*at) && stands_alone(*at));
    places.map(|at| char::from(bytes[at])).collect()
}

#[test]
fn the_boards_have_the_functions_that_expressions_call() {
    let (_, names) = AGENT.rsplit_once("names.update(").unwrap();
    let (names, _) = names.split_once(')').unwrap();
    let resident = |name: char| names.contains(&format!("{name}="));
    let small = |name: char| SMALL.contains(&format!("\ndef {name}("));
    let both = [
        expression::bind("id", "space", "f"),
        expression::call(expression::EVICT.into(), "'id'"),
        expression::evaluate("space", "1").unwrap(),
        expression::assign("space", &["a"], "1"),
        expression::in_namespace("space", "a"),
        expression::function_in("space", "f").unwrap(),
    ];
    for name in both.iter().flat_map(|expression| called(expression)) {
        assert!(resident(name) && small(name), "{name}");
    }
    let only_resident = [
        expression::execute("space", "pass", None).unwrap(),
        report::made().unwrap(),
        threads::adopt(),
    ];
    for name in only_resident.iter().flat_map(|expression| called(expression)) {
        assert!(resident(name), "{name}");
    }
    for name in called(&expression::call_that_begins("f", "1"))
        .into_iter()
        .chain(called(&expression::close(1)))
    {
        assert!(small(name), "{name}");
    }
    assert!(resident('F') && SMALL.contains("\nF = "));
    assert!(resident('S') && small('S'));
}
