//! Output for programs.

use belay::python::Value;
use serde::Serialize;
use serde_json::Value as Json;

use crate::failure::Failure;
use crate::screen;

/// Writes an object as one line.
pub(crate) fn line(object: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(object).map_err(std::io::Error::from)?;
    Ok(screen::line!("{text}")?)
}

/// A Python value as JSON: tuples and sets are arrays, bytes are arrays of numbers. Keys, and values for
/// which JSON has no number, are strings.
pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => i64::try_from(*number).map_or_else(|_| number.to_string().into(), Json::from),
        Value::Float(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| value.to_string().into(), Json::Number)
        }
        Value::Str(text) => text.clone().into(),
        Value::Bytes(bytes) | Value::ByteArray(bytes) => bytes.clone().into(),
        Value::List(all)
        | Value::Tuple(all)
        | Value::Set(all)
        | Value::FrozenSet(all)
        | Value::Array(_, all) => all.iter().map(self::value).collect(),
        Value::Dict(entries) => {
            let entries = entries.iter().map(|(key, value)| match key {
                Value::Str(key) => (key.clone(), self::value(value)),
                key => (key.to_string(), self::value(value)),
            });
            Json::Object(entries.collect())
        }
        Value::NamedTuple(_, fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), self::value(value)));
            Json::Object(fields.collect())
        }
        // A longer int, or a variant that is added one day.
        other => other.to_string().into(),
    }
}
