//! What is emitted beside errors, so that editors go on working and one mistake gives one message.

use syn::{Attribute, FnArg, TraitItem, TraitItemFn, Type, parse_quote};

use crate::parse::find_reference;

/// A method that could not be understood, as one with a body in Rust: it stays callable.
pub(crate) fn stub(mut function: TraitItemFn) -> TraitItem {
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    if let syn::ReturnType::Type(_, ty) = &function.sig.output
        && (matches!(**ty, Type::ImplTrait(_)) || find_reference(ty).is_some())
    {
        // No value that the compiler accepts in the place of any trait is at hand; and a type may have no lifetimes.
        function.sig.output = syn::ReturnType::Default;
    }
    let allow: Attribute = parse_quote!(#[allow(unused_variables, async_fn_in_trait, clippy::all)]);
    function.attrs.push(allow);
    function.default = Some(parse_quote!({ ::core::unreachable!() }));
    function.semi_token = None;
    TraitItem::Fn(function)
}
