//! The second trait: the `#[host]` methods as the host implements them, and how calls from the board reach them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Meta, Signature, Type, parse_quote};

use super::Context;
use crate::model::{Device, HostFn, HostParam};

/// The trait that the user's type implements, and its implementation for an `Arc` of such a type.
pub(super) fn declaration(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    if device.hosts.is_empty() {
        return TokenStream::new();
    }
    let (vis, trait_ident) = (&device.vis, trait_of(device));
    let cfgs: Vec<_> = device.cfgs().collect();
    let doubles = device.attrs.iter().filter(|attr| is_of_a_double(attr));
    let about = format!(
        "What the bodies of [`{}`] call on the host: the builder is given something that implements it.",
        device.ident
    );
    let methods = device.hosts.iter().map(|host| {
        let (attrs, sig) = (&host.attrs, signature(host));
        quote!(#(#attrs)* #sig;)
    });
    let forwarded = device.hosts.iter().map(|host| {
        let (cfgs, sig, name) = (host.cfgs(), signature(host), &host.sig.ident);
        let arguments = host.params.iter().map(|param| &param.ident);
        quote!(#(#cfgs)* #sig { (**self).#name(#(#arguments),*) })
    });
    quote! {
        #(#cfgs)*
        #(#doubles)*
        #[doc = #about]
        #vis trait #trait_ident: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
        #(#cfgs)*
        impl<__H: #trait_ident> #trait_ident for ::std::sync::Arc<__H> {
            #(#forwarded)*
        }
    }
}

/// The trait's name.
fn trait_of(device: &Device) -> proc_macro2::Ident {
    format_ident!("{}Host", device.ident)
}

/// Whether an attribute generates a mock of a trait, as mockall's does: it is put on both traits.
fn is_of_a_double(attr: &Attribute) -> bool {
    let is = |path: &syn::Path| path.segments.last().is_some_and(|last| last.ident == "automock");
    match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => list.tokens.to_string().contains("automock"),
        meta => is(meta.path()),
    }
}

fn signature(host: &HostFn) -> Signature {
    let mut sig = host.sig.clone();
    sig.asyncness = None;
    for input in &mut sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    let output = &host.output;
    sig.output = parse_quote!(-> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    sig
}

/// Calls a host function for the runtime, by its name and with the arguments that the board has sent.
pub(super) fn dispatch(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    let ident = &context.ident;
    if device.hosts.is_empty() {
        return quote! {
            #[doc(hidden)]
            impl __belay::NeedsNoHost for #ident {}
        };
    }
    let trait_ident = trait_of(device);
    let arms = device.hosts.iter().map(arm);
    quote! {
        #[doc(hidden)]
        impl<__H: #trait_ident> __belay::HostedBy<__H> for #ident {
            fn host_functions(host: __H) -> ::std::sync::Arc<dyn __belay::HostFunctions> {
                ::std::sync::Arc::new(__Functions(host))
            }
        }
        struct __Functions<__H>(__H);
        impl<__H: #trait_ident> __belay::HostFunctions for __Functions<__H> {
            fn answer(
                self: ::std::sync::Arc<Self>,
                function: &::core::primitive::str,
                words: __belay::Words,
            ) -> __belay::BoxFuture<'static, ::core::result::Result<__belay::Arguments, __belay::HostFailure>> {
                match function {
                    #(#arms)*
                    _ => __belay::no_host_function(),
                }
            }
        }
    }
}

fn arm(host: &HostFn) -> TokenStream {
    let (cfgs, name, ident, output) = (host.cfgs(), host.name(), &host.sig.ident, &host.output);
    let read = (!host.params.is_empty()).then(|| {
        let places = (0..host.params.len()).map(|at| format_ident!("__a{at}"));
        let types = host.params.iter().map(owned);
        quote!(let (#(#places,)*): (#(#types,)*) = words.read()?;)
    });
    let arguments = host.params.iter().enumerate().map(argument);
    let answer = quote_spanned!(output.span()=> __belay::HostOutput::into_answer(value));
    quote! {
        #(#cfgs)*
        #name => ::std::boxed::Box::pin(async move {
            #read
            let value: #output = self.0.#ident(#(#arguments),*).await;
            #answer
        }),
    }
}

/// The owned type as which a parameter is deserialised.
fn owned(param: &HostParam) -> TokenStream {
    match &param.ty {
        Type::Reference(reference) => {
            let elem = &reference.elem;
            quote_spanned!(elem.span()=> <#elem as ::std::borrow::ToOwned>::Owned)
        }
        ty => quote!(#ty),
    }
}

fn argument((at, param): (usize, &HostParam)) -> TokenStream {
    let place = format_ident!("__a{at}");
    if let Type::Reference(reference) = &param.ty {
        let elem = &reference.elem;
        quote!(::std::borrow::Borrow::<#elem>::borrow(&#place))
    } else {
        quote!(#place)
    }
}

/// The descriptors of the host functions.
pub(super) fn specs(context: &Context<'_>) -> TokenStream {
    let specs = context.device.hosts.iter().map(|host| {
        let (cfgs, name) = (host.cfgs(), host.name());
        let params = host.params.iter().map(|param| &param.name);
        let timeout = host.timeout_ms.map_or_else(
            || quote!(::core::option::Option::None),
            |ms| quote!(::core::option::Option::Some(::core::time::Duration::from_millis(#ms))),
        );
        quote! {
            #(#cfgs)*
            __belay::HostSpec { name: #name, params: &[#(#params),*], timeout: #timeout }
        }
    });
    quote!(&[#(#specs),*])
}
