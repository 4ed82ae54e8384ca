//! Finding handles in types, and checking names of attributes.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU8;

use super::*;
use crate::python::shape::{Handles, Shape};
use crate::python::{Bytes, Value, has_handles};

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is never read")]
struct Node {
    name: String,
    flags: (bool, char, NonZeroU8, [f32; 3], Option<Bytes>, i128),
    left: Option<Box<Node>>,
    object: Remote,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is never read")]
struct Endless {
    left: Vec<Endless>,
    right: Vec<Endless>,
    object: u8,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is never read")]
struct Fields {
    id: NonZeroU8,
    by_number: HashMap<(u8, bool), Vec<Option<Remote>>>,
}

#[test]
fn handles_are_found_wherever_they_are() {
    let somewhere = Shape::Objects(Handles::Somewhere);
    assert_eq!(Shape::of::<Remote>(), Shape::Objects(Handles::Itself));
    assert_eq!(Shape::of::<Option<Remote>>(), Shape::Objects(Handles::Itself));
    assert_eq!(Shape::of::<Vec<Remote>>(), Shape::Objects(Handles::List));
    assert_eq!(Shape::of::<Vec<Option<Remote>>>(), Shape::Objects(Handles::List));
    assert_eq!(Shape::of::<(f64, Remote)>(), somewhere);
    assert_eq!(Shape::of::<Vec<(Remote, u8)>>(), somewhere);
    assert_eq!(Shape::of::<BTreeMap<i64, Remote>>(), somewhere);
    assert_eq!(Shape::of::<Fields>(), somewhere);
}

#[test]
fn looking_for_them_ends() {
    assert!(!has_handles::<Endless>());
    assert!(!has_handles::<Value>());
    assert!(!has_handles::<BTreeMap<String, Vec<(u8, Bytes)>>>());
    // The type contains itself before it contains a handle. Only that the search ends is checked.
    let _ = has_handles::<Node>();
}

#[test]
fn only_names_are_names() {
    for name in ["read", "_x1", "__len__"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", "1x", "a.b", "a b", "a()", "é", "a\n", "'"] {
        assert!(!is_name(name), "{name}");
    }
}
