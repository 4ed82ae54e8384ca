//! What a method with `#[event]` has to be like: it has no body, because the bodies of others call it.

use syn::Attribute;

use crate::body;
use crate::diag::Errors;
use crate::model::Body;

/// What it returns.
pub(super) const RETURNS: &str = "impl Stream<Item = Result<T>>";
/// What it is.
pub(super) const SIGNATURE: &str = "an event is a `fn` without `async` that returns `impl Stream<Item = Result<T>>`: what bodies tell by its name";

/// Reports a body, which would never run.
pub(super) fn no_body(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Body> {
    if let Some(span) = body::first_block(attrs, errors) {
        errors.at_span(
            span,
            "an event has no body: the bodies of other methods call it by its name, with the value that is told",
        );
    }
    Vec::new()
}
