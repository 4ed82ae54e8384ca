//! The rules for methods with `#[event]`: they have no body, because other bodies call them.

use syn::Attribute;

use crate::body;
use crate::diag::Errors;
use crate::model::Body;

/// The return type of an event, for messages.
pub(super) const RETURNS: &str = "impl Stream<Item = Result<T>>";
/// The error message for a wrong signature.
pub(super) const SIGNATURE: &str = "an event is a `fn` without `async` that returns `impl Stream<Item = Result<T>>`: bodies send it by calling its name";

/// Reports a body of an event, which would never run.
pub(super) fn no_body(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Body> {
    if let Some(span) = body::first_block(attrs, errors) {
        errors.at_span(
            span,
            "an event has no body: the bodies of other methods call it by its name, with the value that is told",
        );
    }
    Vec::new()
}
