//! Generates code from the model. Nothing in here can fail.

mod doc;
mod glue;
mod host;
pub(crate) mod object;
mod spec;
mod warn;

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::check::Warning;
use crate::model::{Device, Kind, Method, plain};
use crate::python::Program;

/// What all parts of the expansion need.
struct Context<'a> {
    program: &'a Program<'a>,
    device: &'a Device,
    /// The name of the generated type.
    ident: Ident,
    /// The names that tasks have on the board.
    tasks: HashSet<String>,
    /// Whether errors are reported beside the expansion, which then leaves out checks that could fail as well.
    broken: bool,
}

/// Everything that `#[device]` emits.
pub(crate) fn device(program: &Program<'_>, broken: bool, warnings: &[Warning<'_>]) -> TokenStream {
    let device = program.device;
    let tasks = device.methods().filter(|method| method.kind == Kind::Task);
    let context = Context {
        program,
        device,
        ident: format_ident!("{}Device", device.ident),
        tasks: tasks.map(Method::python_name).collect(),
        broken,
    };
    let facade = &device.options.facade;
    let declaration = glue::declaration(&context);
    let structure = glue::structure(&context);
    let statics = spec::statics(&context);
    let implementation = glue::implementation(&context);
    let host = host::declaration(&context);
    let dispatch = host::dispatch(&context);
    let attach = glue::attach(&context);
    let inherent = glue::inherent(&context);
    let warnings = warn::warnings(device, warnings);
    let cfgs: Vec<_> = device.cfgs().collect();
    quote! {
        #declaration
        #host
        #(#cfgs)*
        #structure
        #(#cfgs)*
        const _: () = {
            use #facade::__private as __belay;
            #statics
            #implementation
            #attach
            #dispatch
            #inherent
        };
        #warnings
    }
}

/// The name of a method's descriptor: unique, because it keeps the case of the method's name.
fn static_name(method: &Method) -> Ident {
    format_ident!("__METHOD_{}", plain(&method.sig.ident))
}
