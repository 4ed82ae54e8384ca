//! The attribute macros of belay: [`macro@device`], and the attributes of the methods of its traits.

mod args;
mod body;
mod check;
mod diag;
mod expand;
mod fallback;
mod globals;
mod host;
mod model;
mod modules;
mod object;
mod parse;
mod python;
mod source;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream as Tokens;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, ItemTrait};

use crate::diag::Errors;
use crate::python::Program;

#[doc = include_str!("device.md")]
#[proc_macro_attribute]
pub fn device(options: Tokens, item: Tokens) -> Tokens {
    device_tokens(options.into(), &item.into()).into()
}

fn device_tokens(options: TokenStream, item: &TokenStream) -> TokenStream {
    let parsed = match syn::parse2::<ItemTrait>(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return no_trait("device", item, &error),
    };
    let mut errors = Errors::new();
    let device = parse::device(options, parsed, &mut errors);
    let program = Program::parse(&device);
    let warnings = check::program(&program, &mut errors);
    let broken = errors.count() > 0;
    let errors = errors.finish();
    let expansion = expand::device(&program, broken, &warnings);
    quote!(#errors #expansion)
}

/// The error for an item that is not a trait.
fn no_trait(attribute: &str, item: &TokenStream, error: &Error) -> TokenStream {
    if parse::is_of_a_mock(item) {
        // mockall has copied the attribute to several items. They all get the same message, which the compiler shows
        // only once.
        let message = format!(
            "`#[mockall::automock]` goes below `#[{attribute}]`, so that it mocks the expanded trait"
        );
        return Error::new(Span::call_site(), message).to_compile_error();
    }
    if parse::begins_a_trait(item) {
        // Without the item: the attributes of its methods would cause further errors.
        return error.to_compile_error();
    }
    let message = format!(
        "`#[{attribute}]` goes on a trait, and not on {}",
        parse::describe(item)
    );
    let error = Error::new(Span::call_site(), message).to_compile_error();
    quote!(#error #item)
}

#[doc = include_str!("object.md")]
#[proc_macro_attribute]
pub fn object(options: Tokens, item: Tokens) -> Tokens {
    object_tokens(options.into(), &item.into()).into()
}

fn object_tokens(options: TokenStream, item: &TokenStream) -> TokenStream {
    let parsed = match syn::parse2::<ItemTrait>(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return no_trait("object", item, &error),
    };
    let mut errors = Errors::new();
    let object = object::read(options, parsed, &mut errors);
    let errors = errors.finish();
    let expansion = expand::object::object(&object);
    quote!(#errors #expansion)
}

#[doc = include_str!("task.md")]
#[proc_macro_attribute]
pub fn task(_: Tokens, item: Tokens) -> Tokens {
    outside("task", item)
}

#[doc = include_str!("setup.md")]
#[proc_macro_attribute]
pub fn setup(_: Tokens, item: Tokens) -> Tokens {
    outside("setup", item)
}

#[doc = include_str!("thread.md")]
#[proc_macro_attribute]
pub fn thread(_: Tokens, item: Tokens) -> Tokens {
    outside("thread", item)
}

#[doc = include_str!("teardown.md")]
#[proc_macro_attribute]
pub fn teardown(_: Tokens, item: Tokens) -> Tokens {
    outside("teardown", item)
}

#[doc = include_str!("event.md")]
#[proc_macro_attribute]
pub fn event(_: Tokens, item: Tokens) -> Tokens {
    outside("event", item)
}

#[doc = include_str!("host.md")]
#[proc_macro_attribute]
pub fn host(_: Tokens, item: Tokens) -> Tokens {
    outside("host", item)
}

/// Returns the item unchanged, with an error: inside a trait with `#[device]` that macro would have removed the
/// attribute.
fn outside(name: &str, item: Tokens) -> Tokens {
    let message = format!("`#[{name}]` goes on a method of a trait that has `#[belay::device]`");
    let error = Error::new(Span::call_site(), message).to_compile_error();
    let item = TokenStream::from(item);
    quote!(#error #item).into()
}
