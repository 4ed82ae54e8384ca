//! Parses a trait with `#[object]`: the methods and attributes of an object on the board.

use proc_macro2::{Ident, TokenStream};
use syn::parse::Parser as _;
use syn::{
    Attribute, Generics, ItemTrait, LitInt, LitStr, Path, TraitItem, TraitItemFn, TypeParamBound, Visibility,
    parse_quote,
};

use crate::diag::Errors;
use crate::model::{Kind, Method, MethodOptions, plain};
use crate::{args, body, fallback, parse};

/// A trait with `#[object]`.
pub(crate) struct Object {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) supertraits: Vec<TypeParamBound>,
    pub(crate) items: Vec<Item>,
    /// The path of the facade crate.
    pub(crate) facade: Path,
}

/// One item of such a trait.
pub(crate) enum Item {
    /// A method or attribute of the object.
    Member(Box<Member>),
    /// An item that is emitted unchanged.
    Other(Box<TraitItem>),
}

/// What a method of the trait does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Calls a method of the object.
    Call,
    /// Reads an attribute.
    Get,
    /// Sets an attribute.
    Set,
}

/// A method of the trait.
pub(crate) struct Member {
    pub(crate) access: Access,
    /// The name in Python.
    pub(crate) name: String,
    /// Its signature and its time limit.
    pub(crate) method: Method,
}

/// Parses a trait. A method that cannot be parsed is reported and replaced by a stub.
pub(crate) fn read(options: TokenStream, item: ItemTrait, errors: &mut Errors) -> Object {
    let mut facade = parse_quote!(::belay);
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("crate") {
            facade = meta.value()?.call(Path::parse_mod_style)?;
            return Ok(());
        }
        Err(meta.error("`#[object]` has one option: `crate = my_belay`"))
    });
    if let Err(error) = parser.parse2(options) {
        errors.push(error);
    }
    if let Some(token) = &item.unsafety {
        errors.at(
            token,
            "an object's trait cannot be `unsafe`: its implementation is generated",
        );
    }
    let items = { item.items.into_iter() }.filter_map(|item| match item {
        TraitItem::Fn(function) => Some(member(function, errors)),
        TraitItem::Type(item) => {
            errors.at(&item, "an object's trait cannot have an associated type");
            None
        }
        other => Some(Item::Other(Box::new(other))),
    });
    Object {
        items: items.collect(),
        attrs: item.attrs,
        vis: item.vis,
        ident: item.ident,
        generics: item.generics,
        supertraits: item.supertraits.into_iter().collect(),
        facade,
    }
}

fn access_of(attr: &Attribute) -> Option<Access> {
    let all = [("call", Access::Call), ("get", Access::Get), ("set", Access::Set)];
    let found = all.into_iter().find(|(name, _)| attr.path().is_ident(name));
    found.map(|(_, access)| access)
}

fn member(mut function: TraitItemFn, errors: &mut Errors) -> Item {
    let (ours, others): (Vec<_>, Vec<_>) =
        { std::mem::take(&mut function.attrs).into_iter() }.partition(|attr| access_of(attr).is_some());
    function.attrs = others;
    if ours.is_empty() && function.default.is_some() {
        return Item::Other(Box::new(TraitItem::Fn(function)));
    }
    for attr in ours.iter().skip(1) {
        errors.at(attr, "a method has one of `#[call]`, `#[get]` and `#[set]`, once");
    }
    if let Some(block) = function.default.take() {
        errors.at_span(
            block.brace_token.span.open(),
            "a method of an object on the board has no body in Rust",
        );
    }
    if let Some(span) = body::first_block(&mut function.attrs, errors) {
        errors.at_span(
            span,
            "a method of an object has no body here: it is the method of that name that the object has on the board",
        );
    }
    let access = ours.first().and_then(access_of).unwrap_or(Access::Call);
    let (name, timeout_ms) = ours.first().map_or((None, None), |attr| options(attr, errors));
    let name = name.unwrap_or_else(|| default_name(access, &plain(&function.sig.ident)));
    let params = parse::params(&mut function.sig, errors);
    let output = parse::output(Kind::Task, &function.sig, errors);
    parse::plain_signature(&mut function.sig, errors);
    let Some((output, stream)) = output else {
        return Item::Other(Box::new(fallback::stub(function)));
    };
    let wrong = match (access, params.len(), &stream) {
        (Access::Call, ..) | (Access::Get, 0, None) | (Access::Set, 1, None) => None,
        (Access::Get, ..) => Some("an attribute that is read has no parameters, and is no stream"),
        (Access::Set, ..) => {
            Some("an attribute that is set has one parameter, which it is set to, and is no stream")
        }
    };
    for param in params.iter().filter(|param| param.feed.is_some()) {
        errors.at(
            &param.ty,
            "a method of an object is sent no stream: a `#[task]` is, which has the object as another argument",
        );
    }
    if let Some(wrong) = wrong {
        errors.at(&function.sig.ident, wrong);
    }
    let options = MethodOptions {
        timeout_ms,
        ..MethodOptions::default()
    };
    let method = Method {
        attrs: function.attrs,
        kind: Kind::Task,
        sig: function.sig,
        params,
        output,
        stream,
        options,
        bodies: Vec::new(),
    };
    Item::Member(Box::new(Member { access, name, method }))
}

/// The name in Python if none is given.
fn default_name(access: Access, name: &str) -> String {
    let of_what_is_set = name.strip_prefix("set_").filter(|_| access == Access::Set);
    of_what_is_set.unwrap_or(name).to_owned()
}

/// The name in Python and the time limit in milliseconds, if given.
fn options(attr: &Attribute, errors: &mut Errors) -> (Option<String>, Option<u64>) {
    let (mut name, mut timeout_ms) = (None, None);
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            let text: LitStr = meta.value()?.parse()?;
            if syn::parse_str::<Ident>(&format!("_{}", text.value())).is_err() || text.value().is_empty() {
                return Err(syn::Error::new(
                    text.span(),
                    "this is not a valid name of an attribute in Python",
                ));
            }
            name = Some(text.value());
        } else if meta.path.is_ident("timeout_ms") {
            let number: LitInt = meta.value()?.parse()?;
            timeout_ms = Some(number.base10_parse()?);
        } else {
            return Err(
                meta.error("a method of an object has the options `name = \"…\"` and `timeout_ms = 2_000`")
            );
        }
        Ok(())
    });
    if let Err(error) = parser.parse2(args::tokens_of(attr, errors)) {
        errors.push(error);
    }
    (name, timeout_ms)
}
