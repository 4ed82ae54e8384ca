//! Checks for calls of an `async def` that is not awaited: one that the body itself or a setup defines.

use belay_syntax::Name;

use super::Warning;
use crate::model::Kind;
use crate::python::{Program, Python};

pub(super) fn check<'a>(python: &Python<'a>, program: &Program<'a>, warnings: &mut Vec<Warning<'a>>) {
    let analysis = python.analysis();
    let of_setups = program.sound().filter(|other| other.method.kind == Kind::Setup);
    let of_setups: Vec<_> = of_setups.flat_map(|other| &other.analysis().coroutines).collect();
    // In a body that awaits, calling a task that awaits also returns only something to be awaited.
    let of_tasks = program.sound().filter(|other| python.awaits() && other.awaits());
    let of_tasks: Vec<_> = of_tasks.map(|other| other.method.python_name()).collect();
    for Name { name, range } in &analysis.idle_calls {
        let free = analysis.free.iter().any(|free| free.name == *name);
        if !(analysis.coroutines.contains(name)
            || (free && (of_setups.contains(&name) || of_tasks.contains(name))))
        {
            continue;
        }
        let message = format!(
            "this call of the `async def` `{name}` runs nothing of it: it makes a coroutine, which nobody waits for\n\
             help: write `await {name}(…)` in an `async def`, or `asyncio.run({name}(…))`"
        );
        warnings.push(Warning::in_body(python, *range, &message));
    }
}
