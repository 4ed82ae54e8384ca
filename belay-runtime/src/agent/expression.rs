//! The expressions that the host has the agents evaluate, apart from those of users.

use crate::python::{self, ValueError};

/// The deployed functions: pairs of an id and the board's alias for it.
pub(crate) const DEPLOYED: &str = "list(F.items())";
/// The function with which Python code on the board sends the host an unsolicited message.
pub(crate) const SAY: &str = "S";
/// The function that describes an exception. It never raises, even if the exception's own methods do.
pub(crate) const DESCRIBE: &str = "E";

/// The function that binds a function to an id. It executes the source that defines the function first, unless it has
/// done so before.
pub(super) const DEPLOY: &str = "D";
/// The function that removes the function that is bound to an id.
pub(crate) const EVICT: &str = "U";

/// Runs the garbage collector.
pub(crate) const COLLECT: &str = "__import__('gc').collect()";

/// The function that evaluates an expression in a namespace.
pub(crate) const EVALUATE: &str = "V";

/// A call of a function. `literals` are the arguments as they stand between the parentheses.
pub(crate) fn call(mut function: String, literals: &str) -> String {
    function.reserve(literals.len() + 2);
    function.push('(');
    function.push_str(literals);
    function.push(')');
    function
}

/// A call on a small board. `G` notes there that the arguments have been evaluated, which is when the call begins.
pub(super) fn call_that_begins(function: &str, literals: &str) -> String {
    match literals {
        "" => format!("{function}(*G())"),
        _ => format!("{function}(*G({literals}))"),
    }
}

/// Closes a stream on a small board.
pub(super) fn close(stream: u64) -> String {
    format!("K('{stream}')")
}

/// Binds a function of a small board's namespace to an id, and gives the board's alias for it.
pub(crate) fn bind(id: &str, namespace: &str, function: &str) -> String {
    format!("{DEPLOY}('{id}','{namespace}','{function}')")
}

/// Executes statements in a namespace. `file` is their file name in tracebacks.
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

/// Assigns these values to these names of a namespace.
pub(crate) fn assign(namespace: &str, names: &[&str], literals: &str) -> String {
    let names = names.join("','");
    format!("N('{namespace}').update(zip(('{names}',),({literals},)))")
}

/// Evaluates both expressions, one after the other, and gives the value of the second.
pub(crate) fn both(first: &str, second: &str) -> String {
    format!("({first},{second})[1]")
}

/// The value of a name in a namespace.
pub(crate) fn in_namespace(namespace: &str, name: &str) -> String {
    format!("N('{namespace}')['{name}']")
}

/// A function in a user's namespace, whose name has to be quoted.
pub(crate) fn function_in(namespace: &str, function: &str) -> Result<String, ValueError> {
    let (namespace, function) = (python::to_literal(namespace)?, python::to_literal(function)?);
    Ok(format!("N({namespace})[{function}]"))
}

/// Whether a namespace has this name.
pub(crate) fn is_in_namespace(namespace: &str, name: &str) -> String {
    format!("'{name}' in N('{namespace}')")
}

/// Whether this expression can be evaluated only with the functions that [some agents
/// lack](super::Flavour::lacks_bytes).
pub(crate) fn has_bytes(expression: &str) -> bool {
    expression.contains(python::BYTES) || expression.contains(python::ARRAY)
}
