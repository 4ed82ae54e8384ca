//! Objects that stay on the board for as long as the host has handles of them, as `objects.py` has it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::tasks::Value;
use super::{Machine, Python, raised};

/// What an answer is packed as that has handles in it.
const CODE: u8 = b'O';

/// What stays.
#[derive(Debug, Default)]
pub(super) struct Objects {
    owner: u64,
    begun: bool,
    count: u64,
    /// By their numbers: the answer that each came with, and its name.
    table: BTreeMap<u64, (u64, u32)>,
}

impl Objects {
    /// Does what the host wants of the library, if it is that, and gives the `repr` of what that gives.
    pub(super) fn evaluate(&mut self, expression: &str) -> Option<String> {
        let owner = expression.strip_prefix("N('_objects')['begin'](globals(),")?;
        let owner = owner.strip_suffix(')')?.parse().ok()?;
        if self.owner != owner {
            self.owner = owner;
            self.table.clear();
        }
        self.begun = true;
        Some("None".to_owned())
    }

    fn forget(&mut self, answer: u64, first: u64) {
        self.table
            .retain(|number, (of, _)| *of != answer || *number < first);
    }
}

fn numbers(value: &Json) -> Vec<u64> {
    let all = value.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().filter_map(Json::as_u64).collect()
}

impl Machine {
    /// Tells whoever judges what stays, and what went that somebody has.
    pub(super) fn tell_objects(&self) {
        let table = &self.heap.objects.table;
        let mut facts = self.witness.facts();
        let before = std::mem::take(&mut facts.objects);
        let gone = before.into_iter().filter(|number| !table.contains_key(number));
        let gone: Vec<u64> = gone
            .filter(|number| facts.held.contains(&(self.heap.boot, *number)))
            .collect();
        facts.gone.extend(gone);
        facts.objects = table.keys().copied().collect();
    }

    /// What objects of these names are packed as where the host wants handles.
    pub(super) async fn pack_objects(&mut self, result: &str, names: &[u32]) -> Python<(u8, Vec<u8>)> {
        if !self.heap.objects.begun {
            return Err(raised("KeyError", "P"));
        }
        let answer = result
            .get(2..)
            .and_then(|answer| answer.parse().ok())
            .unwrap_or(0);
        let first = self.heap.objects.count;
        for name in names {
            if let Err(raised) = self.tick().await {
                self.heap.objects.forget(answer, first);
                self.tell_objects();
                return Err(raised);
            }
            let objects = &mut self.heap.objects;
            objects.table.insert(objects.count, (answer, *name));
            objects.count += 1;
            self.tell_objects();
        }
        let handles: Vec<_> = (first..)
            .zip(names)
            .map(|(number, _)| format!("H({number})"))
            .collect();
        let handles = handles.join(", ");
        let value = if result[1..].starts_with('o') {
            handles
        } else {
            format!("[{handles}]")
        };
        Ok((CODE, format!("{first} {} v{value}", names.len()).into_bytes()))
    }

    /// Asks an object for its name, in a call of this number.
    pub(super) async fn act(&mut self, words: &[Json]) -> Python<Value> {
        let number = |at: usize| words.get(at).and_then(Json::as_u64).unwrap_or_default();
        let Some((_, name)) = self.heap.objects.table.get(&number(1)).copied() else {
            return Err(raised("RuntimeError", "the board has no such object any more"));
        };
        self.hit(u32::try_from(number(3)).unwrap_or_default());
        self.tick().await?;
        Ok(Value::Repr(name.to_string()))
    }

    /// Lets objects go: those of some numbers, and all of some answers from a number on.
    pub(super) async fn release(&mut self, words: &[Json]) -> Python<Value> {
        for number in words.first().map(numbers).unwrap_or_default() {
            self.tick().await?;
            self.heap.objects.table.remove(&number);
            self.tell_objects();
        }
        for of in words.get(1).and_then(Json::as_array).into_iter().flatten() {
            self.tick().await?;
            if let [answer, first] = numbers(of)[..] {
                self.heap.objects.forget(answer, first);
                self.tell_objects();
            }
        }
        Ok(Value::Repr("None".to_owned()))
    }
}
