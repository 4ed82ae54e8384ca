//! Parses a trait into the model. The attributes of belay are removed, all others are kept.

mod event;
mod feed;

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Expr, FnArg, GenericArgument, ItemTrait, Meta, Pat, PathArguments, Receiver,
    ReceiverKind, ReturnType, Safety, Signature, TraitItem, TraitItemFn, Type, TypeParamBound, parse_quote,
};

use crate::diag::Errors;
use crate::model::{Device, Item, Kind, Method, Param, plain};
use crate::{args, body, fallback, host, modules};

/// Parses a trait. A method that cannot be parsed is reported and replaced by a stub.
pub(crate) fn device(options: TokenStream, item: ItemTrait, errors: &mut Errors) -> Device {
    let options = args::device(options, plain(&item.ident), errors);
    if let Some(token) = &item.unsafety {
        errors.at(
            token,
            "a device trait cannot be `unsafe`: its implementation is generated",
        );
    }
    let folder = options.modules.as_ref();
    let modules = folder.map_or_else(Vec::new, |folder| modules::read(folder, errors));
    let mut items = Vec::new();
    let mut hosts = Vec::new();
    let mut names = HashSet::new();
    for item in item.items {
        match item {
            TraitItem::Fn(function) if is_double(&function, &mut names, errors) => {}
            TraitItem::Fn(function) if host::is_host(&function) => hosts.extend(host::read(function, errors)),
            TraitItem::Fn(function) => items.push(method(function, errors)),
            other if is_impossible(&other, errors) => {}
            other => items.push(Item::Other(Box::new(other))),
        }
    }
    Device {
        attrs: item.attrs,
        vis: item.vis,
        ident: item.ident,
        generics: item.generics,
        supertraits: item.supertraits.into_iter().collect(),
        items,
        options,
        modules,
        hosts,
    }
}

/// Whether this is a second method of the same name, which is reported. With `#[cfg]` there may be two, of which only
/// one is compiled.
fn is_double(function: &TraitItemFn, names: &mut HashSet<String>, errors: &mut Errors) -> bool {
    let name = plain(&function.sig.ident);
    let conditional = function.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
    let double = !conditional && !names.insert(name.clone());
    if double {
        errors.at(
            &function.sig.ident,
            format!(
                "there is a method `{name}` already\n\
                 help: one method can have several bodies, in blocks that are marked such as ```python,circuitpython"
            ),
        );
    }
    double
}

/// Whether this is an item that the generated implementation could not provide, which is reported.
fn is_impossible(item: &TraitItem, errors: &mut Errors) -> bool {
    match item {
        TraitItem::Type(item) => errors.at(
            item,
            "a device trait cannot have an associated type: nothing on the board could choose it",
        ),
        TraitItem::Const(item) if item.default.is_none() => errors.at(
            item,
            "an associated constant of a device trait needs a value: nothing on the board could give it",
        ),
        _ => return false,
    }
    true
}

/// The kind that an attribute of belay stands for; nothing for other attributes.
fn kind_of(attr: &Attribute) -> Option<Kind> {
    let mut segments = attr.path().segments.iter().rev();
    let last = segments.next()?.ident.to_string();
    let ours = match segments.next() {
        None => true,
        Some(first) => first.ident == "belay" && segments.next().is_none(),
    };
    let kinds = [Kind::Task, Kind::Setup, Kind::Thread, Kind::Teardown, Kind::Event];
    kinds.into_iter().find(|kind| ours && kind.attribute() == last)
}

fn method(mut function: TraitItemFn, errors: &mut Errors) -> Item {
    let (ours, others) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition::<Vec<_>, _>(|attr| kind_of(attr).is_some());
    function.attrs = others;
    let Some((first, rest)) = ours.split_first() else {
        return unmarked(function, errors);
    };
    for attr in rest {
        errors.at(
            attr,
            "a method has one of `#[task]`, `#[setup]`, `#[thread]`, `#[teardown]` and `#[event]`, once",
        );
    }
    if let Some(block) = &function.default {
        errors.at_span(
            block.brace_token.span.open(),
            format!(
                "a method with `#[{}]` has no body in Rust: its Python is in the doc comment",
                first
                    .path()
                    .segments
                    .last()
                    .map_or_else(String::new, |last| last.ident.to_string())
            ),
        );
    }
    let kind = kind_of(first).unwrap_or(Kind::Task);
    let tokens = args::tokens_of(first, errors);
    let options = args::method(kind, tokens, errors);
    let bodies = match kind {
        Kind::Event => event::no_body(&mut function.attrs, errors),
        _ => body::read(&mut function.attrs, &options, function.sig.ident.span(), errors),
    };
    let params = params(&mut function.sig, errors);
    let output = output(kind, &function.sig, errors);
    plain_signature(&mut function.sig, errors);
    let Some((output, stream)) = output else {
        return Item::Other(Box::new(fallback::stub(function)));
    };
    Item::Method(Box::new(Method {
        attrs: function.attrs,
        kind,
        sig: function.sig,
        params,
        output,
        stream,
        options,
        bodies,
    }))
}

/// A method without an attribute of belay, which needs a body in Rust.
fn unmarked(function: TraitItemFn, errors: &mut Errors) -> Item {
    if function.default.is_some() {
        return Item::Other(Box::new(TraitItem::Fn(function)));
    }
    errors.at(
        &function.sig.ident,
        "this method says neither what runs on the board nor what runs here\n\
         help: add `#[task]`, `#[setup]`, `#[thread]` or `#[teardown]`, `#[event]` for what bodies tell, `#[host]` for \
         what they call here, or give it a body in Rust",
    );
    Item::Other(Box::new(fallback::stub(function)))
}

/// Reports a signature that a method for the board cannot have, and corrects it, so that there are no further errors.
pub(crate) fn plain_signature(sig: &mut Signature, errors: &mut Errors) {
    const PLAIN: &str = "a method for the board is a plain `async fn`, or a plain `fn` that returns a stream";
    if let Some(token) = sig.constness.take() {
        errors.at(token, PLAIN);
    }
    if !matches!(sig.safety, Safety::Default) {
        errors.at(&sig.safety, PLAIN);
        sig.safety = Safety::Default;
    }
    if let Some(token) = sig.abi.take() {
        errors.at(token, PLAIN);
    }
    match sig.inputs.first_mut() {
        Some(FnArg::Receiver(receiver)) if is_shared(receiver) => {}
        Some(FnArg::Receiver(receiver)) => {
            errors.at(
                &*receiver,
                "a method for the board takes `&self`: a device can be used from many places at once",
            );
            *receiver = parse_quote!(&self);
        }
        _ => {
            errors.at_span(
                sig.paren_token.span.open(),
                "a method for the board needs `&self`, the device on which it runs",
            );
            sig.inputs.insert(0, parse_quote!(&self));
        }
    }
}

fn is_shared(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, _, None))
}

/// Parses the parameters, and removes their attributes.
pub(crate) fn params(sig: &mut Signature, errors: &mut Errors) -> Vec<Param> {
    let mut params = Vec::new();
    for input in &mut sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        let (defaults, others) = std::mem::take(&mut input.attrs)
            .into_iter()
            .partition::<Vec<_>, _>(|attr| attr.path().is_ident("default"));
        for attr in &others {
            errors.at(
                attr,
                "a parameter for the board takes no attribute but `#[default = …]`",
            );
        }
        let default = defaults.first().and_then(|attr| default(attr, &input.ty, errors));
        let ident = match &*input.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() => {
                pat.ident.clone()
            }
            pat => {
                errors.at(
                    pat,
                    "a parameter needs a plain name, under which the Python body sees it",
                );
                *input.pat = parse_quote!(_);
                continue;
            }
        };
        params.push(Param {
            name: plain(&ident),
            ident,
            ty: (*input.ty).clone(),
            default,
            feed: feed::of(&input.ty, errors),
        });
    }
    params
}

/// The value that `None` stands for. The compiler checks that the parameter is an `Option`, because it can see through
/// aliases.
fn default(attr: &Attribute, ty: &Type, errors: &mut Errors) -> Option<Expr> {
    match &attr.meta {
        Meta::NameValue(meta) if matches!(ty, Type::Path(_)) => return Some(meta.value.clone()),
        Meta::NameValue(_) => errors.at(
            ty,
            "a parameter with a default is an `Option`, and the default is what `None` stands for",
        ),
        _ => errors.at(
            attr,
            "write the value for which `None` stands, such as `#[default = 500] period_ms: Option<u32>`",
        ),
    }
    None
}

/// The return type and, for streams, the bounds. For a stream the type is that of its items.
pub(crate) fn output(
    kind: Kind,
    sig: &Signature,
    errors: &mut Errors,
) -> Option<(Type, Option<Vec<TypeParamBound>>)> {
    let example = match kind {
        Kind::Task => "Result<f64>",
        Kind::Thread => "Result<ThreadHandle>",
        Kind::Setup | Kind::Teardown => "Result<()>",
        Kind::Event => event::RETURNS,
    };
    let ReturnType::Type(_, ty) = &sig.output else {
        errors.at_span(
            sig.paren_token.span.close(),
            format!("a call to the board can fail, so this has to return a result: `-> {example}`"),
        );
        return None;
    };
    if matches!(kind, Kind::Task | Kind::Event) && is_boxed_stream(ty) {
        errors.at(
            ty,
            "a stream is returned as `impl Stream<Item = Result<T>>`, by a `fn` without `async`",
        );
        return None;
    }
    if let Some(reference) = find_reference(ty) {
        errors.at_span(
            reference,
            "a result is made of what the board sends, so it cannot be borrowed\n\
             help: use an owned type, such as `String`, `Vec<T>` or `belay::python::Bytes`",
        );
        return None;
    }
    let stream = match &**ty {
        Type::ImplTrait(stream) => stream,
        _ if kind == Kind::Event => {
            errors.at(ty, event::SIGNATURE);
            return None;
        }
        _ if sig.asyncness.is_some() || sig.constness.is_some() => return Some(((**ty).clone(), None)),
        _ => {
            errors.at(
                sig.fn_token,
                format!(
                    "a call to the board takes time, so this has to be `async fn {}`",
                    sig.ident
                ),
            );
            return None;
        }
    };
    let item = stream.bounds.iter().find_map(item_of);
    let problem = match (kind, &sig.asyncness, &item) {
        (Kind::Task | Kind::Event, None, Some(_)) => None,
        (Kind::Event, ..) => Some(event::SIGNATURE),
        (Kind::Task, Some(_), Some(_)) => {
            Some("a method that returns a stream is not `async`: remove the `async`")
        }
        (Kind::Task, _, None) => Some(
            "a task is an `async fn` that returns `Result<T>`, or a `fn` that returns `impl Stream<Item = Result<T>>`",
        ),
        (Kind::Setup | Kind::Teardown, ..) => {
            Some("a setup or teardown is an `async fn` that returns `Result<()>`")
        }
        (Kind::Thread, ..) => Some("a thread is an `async fn` that returns `Result<ThreadHandle>`"),
    };
    if let Some(problem) = problem {
        errors.at(ty, problem);
    }
    match (problem, item) {
        (None, Some(item)) => Some((item, Some(stream.bounds.iter().cloned().collect()))),
        _ => None,
    }
}

/// Whether it is a stream behind a pointer.
fn is_boxed_stream(ty: &Type) -> bool {
    match ty {
        Type::TraitObject(object) => object.bounds.iter().any(|bound| item_of(bound).is_some()),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let pointer = last.ident == "Box" || last.ident == "Pin";
            let within = || first_argument(ty).is_some_and(is_boxed_stream);
            last.ident == "BoxStream" || last.ident == "LocalBoxStream" || (pointer && within())
        }),
        _ => false,
    }
}

/// The item type of `Stream<Item = …>` or of the user's alias of it. An iterator is not a stream.
fn item_of(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    if last.ident.to_string().ends_with("Iterator") {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
        _ => None,
    })
}

/// The first reference or lifetime in a type.
pub(crate) fn find_reference(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl<'ast> syn::visit::Visit<'ast> for Find {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            self.0.get_or_insert(reference.and_token.span());
        }

        fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
            if lifetime.ident != "static" {
                self.0.get_or_insert(lifetime.span());
            }
        }
    }
    let mut find = Find(None);
    syn::visit::Visit::visit_type(&mut find, ty);
    find.0
}

/// The first type argument of a path, such as `f64` in `Result<f64>`.
pub(crate) fn first_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a type is `Result<()>`, as far as its tokens show.
pub(crate) fn is_unit_result(ty: &Type) -> bool {
    matches!(first_argument(ty), Some(Type::Tuple(tuple)) if tuple.elems.is_empty())
}

/// Whether the tokens begin like a trait, although they do not parse as one.
pub(crate) fn begins_a_trait(item: &TokenStream) -> bool {
    let mut words = item.clone().into_iter();
    words.any(|word| matches!(word, TokenTree::Ident(word) if word == "trait"))
}

/// A description of the item to which an attribute was applied instead of a trait.
pub(crate) fn describe(item: &TokenStream) -> String {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Impl(_)) => "an `impl` block".to_owned(),
        Ok(syn::Item::Struct(_)) => "a struct".to_owned(),
        Ok(syn::Item::Enum(_)) => "an enum".to_owned(),
        Ok(syn::Item::Fn(_)) => "a function".to_owned(),
        Ok(syn::Item::Mod(_)) => "a module".to_owned(),
        Ok(other) => other
            .to_token_stream()
            .into_iter()
            .next()
            .map_or_else(|| "this".to_owned(), |first| format!("`{first}`")),
        Err(_) => "this".to_owned(),
    }
}

/// Whether this is an item that mockall generated from a trait, with the trait's attributes copied to it.
pub(crate) fn is_of_a_mock(item: &TokenStream) -> bool {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Struct(item)) => item.ident.to_string().starts_with("Mock"),
        Ok(syn::Item::Mod(item)) => item.ident.to_string().starts_with("__mock_"),
        Ok(syn::Item::Impl(item)) => matches!(&*item.self_ty, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident.to_string().starts_with("Mock"))),
        Ok(_) => false,
        // mockall also copies them to expressions.
        Err(_) => Block::parse_within.parse2(item.clone()).is_ok(),
    }
}
