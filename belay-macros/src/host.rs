//! Parses `#[host]` methods: functions of the host that bodies on the board call.

use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Pat, Receiver, ReceiverKind, ReturnType, Signature, TraitItemFn, Type};

use crate::args;
use crate::diag::Errors;
use crate::model::{HostFn, HostParam, plain};

/// The largest number of parameters: that of the largest tuple that serde can deserialise.
const MOST: usize = 16;

/// The attributes of methods that run on the board.
const KINDS: [&str; 4] = ["task", "setup", "thread", "teardown"];

/// Whether an attribute is `#[host]`.
fn is_ours(attr: &Attribute) -> bool {
    let mut segments = attr.path().segments.iter().rev();
    let last = segments.next().is_some_and(|last| last.ident == "host");
    last && match segments.next() {
        None => true,
        Some(first) => first.ident == "belay" && segments.next().is_none(),
    }
}

/// Whether a method has `#[host]`.
pub(crate) fn is_host(function: &TraitItemFn) -> bool {
    function.attrs.iter().any(is_ours)
}

/// Parses a `#[host]` method. If it cannot be parsed, that is reported and nothing is returned.
pub(crate) fn read(mut function: TraitItemFn, errors: &mut Errors) -> Option<HostFn> {
    let (ours, others): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs).into_iter().partition(is_ours);
    let (kinds, others): (Vec<_>, Vec<_>) =
        { others.into_iter() }.partition(|attr| KINDS.iter().any(|kind| attr.path().is_ident(kind)));
    let (first, rest) = ours.split_first()?;
    for attr in rest {
        errors.at(attr, "`#[host]` is there twice");
    }
    for attr in kinds {
        errors.at(
            &attr,
            "a method runs on the host or on the board: it has `#[host]`, or one of the others",
        );
    }
    if let Some(block) = &function.default {
        errors.at_span(
            block.brace_token.span.open(),
            "a method with `#[host]` has no body here: it is in what implements the trait of the host functions",
        );
    }
    let timeout_ms = args::host(args::tokens_of(first, errors), errors);
    let params = params(&mut function.sig, errors);
    let output = output(&function.sig, errors)?;
    Some(HostFn {
        attrs: others,
        sig: function.sig,
        params: params?,
        output,
        timeout_ms,
    })
}

fn params(sig: &mut Signature, errors: &mut Errors) -> Option<Vec<HostParam>> {
    const PLAIN: &str = "a host function is a plain `async fn` that takes `&self`";
    let before = errors.count();
    if !sig.generics.params.is_empty() {
        errors.at(
            &sig.generics,
            "a host function has no parameters in `<>`: nothing on the board could choose them",
        );
    }
    for found in [sig.constness.is_some(), sig.abi.is_some(), sig.variadic.is_some()] {
        if found {
            errors.at(&sig.ident, PLAIN);
        }
    }
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) if is_shared(receiver) => {}
        _ => errors.at(&sig.ident, PLAIN),
    }
    let mut params = Vec::new();
    for input in &mut sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        for attr in std::mem::take(&mut input.attrs) {
            errors.at(attr, "a parameter of a host function takes no attribute");
        }
        let Pat::Ident(pat) = &*input.pat else {
            errors.at(
                &input.pat,
                "a parameter needs a plain name, by which the body can give it a value",
            );
            continue;
        };
        if let Type::Reference(reference) = &*input.ty
            && (reference.mutability.is_some() || reference.lifetime.is_some())
        {
            errors.at(
                &input.ty,
                "what a body gives can be had by value or by a plain reference, such as `&str`",
            );
        }
        if matches!(*input.ty, Type::ImplTrait(_)) {
            errors.at(
                &input.ty,
                "a parameter of a host function has a type of its own, which is read from Python",
            );
        }
        params.push(HostParam {
            ident: pat.ident.clone(),
            name: plain(&pat.ident),
            ty: (*input.ty).clone(),
        });
    }
    if params.len() > MOST {
        errors.at(
            &sig.ident,
            format!("a host function has {MOST} parameters at most: put some of them into a tuple"),
        );
    }
    (errors.count() == before).then_some(params)
}

fn is_shared(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, _, None))
}

fn output(sig: &Signature, errors: &mut Errors) -> Option<Type> {
    if sig.asyncness.is_none() {
        errors.at_span(
            sig.fn_token.span(),
            format!(
                "a host function may take its time, so this is `async fn {}`",
                sig.ident
            ),
        );
        return None;
    }
    match &sig.output {
        ReturnType::Type(_, ty) if !matches!(**ty, Type::ImplTrait(_)) => Some((**ty).clone()),
        _ => {
            errors.at(
                &sig.ident,
                "a host function can fail, so it returns a result, such as `-> Result<u32>`",
            );
            None
        }
    }
}
