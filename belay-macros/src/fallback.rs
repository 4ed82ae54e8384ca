//! What is emitted beside errors, so that editors keep working and one mistake causes only one message.

use syn::{Attribute, FnArg, TraitItem, TraitItemFn, Type, parse_quote};

use crate::parse::find_reference;

/// Replaces a method that could not be parsed by a stub with a body in Rust, which can still be called.
pub(crate) fn stub(mut function: TraitItemFn) -> TraitItem {
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    if let syn::ReturnType::Type(_, ty) = &function.sig.output
        && (matches!(**ty, Type::ImplTrait(_)) || find_reference(ty).is_some())
    {
        // There is no value for an arbitrary `impl Trait`, and a reference in the type may lack its lifetime.
        function.sig.output = syn::ReturnType::Default;
    }
    let allow: Attribute = parse_quote!(#[allow(unused_variables, async_fn_in_trait, clippy::all)]);
    function.attrs.push(allow);
    function.default = Some(parse_quote!({ ::core::unreachable!() }));
    function.semi_token = None;
    TraitItem::Fn(function)
}
