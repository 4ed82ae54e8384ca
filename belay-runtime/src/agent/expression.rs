//! What the host has the agents evaluate: everything beside a user's own expressions.

use crate::python::{self, ValueError};

/// What is deployed: the ids, and what the board calls them by.
pub(crate) const DEPLOYED: &str = "list(F.items())";
/// The function with which Python on the board says something of its own accord.
pub(crate) const SAY: &str = "S";
/// The function that says what there is to say of an exception, whatever it does itself when it is asked.
pub(crate) const DESCRIBE: &str = "E";

/// The function that binds a function under an id, after it has executed the source that defines it, unless it has been.
pub(super) const DEPLOY: &str = "D";
/// The function that removes what was bound under an id.
pub(crate) const EVICT: &str = "U";

/// Gives back the memory of what nobody has any more.
pub(crate) const COLLECT: &str = "__import__('gc').collect()";

/// The function that evaluates in a namespace.
pub(crate) const EVALUATE: &str = "V";

/// Calls a function with these arguments, as they stand between the parentheses.
pub(crate) fn call(mut function: String, literals: &str) -> String {
    function.reserve(literals.len() + 2);
    function.push('(');
    function.push_str(literals);
    function.push(')');
    function
}

/// Calls a function of a small board's, which says when it has worked out the arguments: then the call begins.
pub(super) fn call_that_begins(function: &str, literals: &str) -> String {
    match literals {
        "" => format!("{function}(*G())"),
        _ => format!("{function}(*G({literals}))"),
    }
}

/// Closes a stream of a small board's.
pub(super) fn close(stream: u64) -> String {
    format!("K('{stream}')")
}

/// Binds a function of a small board's namespace under an id, and gives the name by which the board calls it.
pub(crate) fn bind(id: &str, namespace: &str, function: &str) -> String {
    format!("{DEPLOY}('{id}','{namespace}','{function}')")
}

/// Runs statements in a namespace. `file` is what tracebacks call them.
pub(crate) fn execute(namespace: &str, source: &str, file: Option<&str>) -> Result<String, ValueError> {
    let source = python::to_literal(source)?;
    let namespace = python::to_literal(namespace)?;
    Ok(match file {
        Some(file) => format!("X({namespace},{source},{})", python::to_literal(file)?),
        None => format!("X({namespace},{source})"),
    })
}

/// Evaluates an expression in a namespace.
pub(crate) fn evaluate(namespace: &str, expression: &str) -> Result<String, ValueError> {
    let source = python::to_literal(expression)?;
    let namespace = python::to_literal(namespace)?;
    Ok(format!("{EVALUATE}({namespace},{source})"))
}

/// Gives these names of a namespace these values.
pub(crate) fn assign(namespace: &str, names: &[&str], literals: &str) -> String {
    let names = names.join("','");
    format!("N('{namespace}').update(zip(('{names}',),({literals},)))")
}

/// Does one after the other, and gives what the second one gives.
pub(crate) fn both(first: &str, second: &str) -> String {
    format!("({first},{second})[1]")
}

/// What a namespace has under a name.
pub(crate) fn in_namespace(namespace: &str, name: &str) -> String {
    format!("N('{namespace}')['{name}']")
}

/// A function of a namespace that is not ours.
pub(crate) fn function_in(namespace: &str, function: &str) -> Result<String, ValueError> {
    let (namespace, function) = (python::to_literal(namespace)?, python::to_literal(function)?);
    Ok(format!("N({namespace})[{function}]"))
}

/// Whether a namespace has this name.
pub(crate) fn is_in_namespace(namespace: &str, name: &str) -> String {
    format!("'{name}' in N('{namespace}')")
}

/// Whether something in this has to be read with what [some agents lack](super::Flavour::lacks_bytes).
pub(crate) fn has_bytes(expression: &str) -> bool {
    expression.contains(python::BYTES) || expression.contains(python::ARRAY)
}
