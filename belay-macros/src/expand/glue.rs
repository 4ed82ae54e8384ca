//! The trait itself, the type that implements it, and the calls from its methods into the runtime.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Signature, Type, TypeParamBound, parse_quote};

use super::{Context, doc, static_name};
use crate::model::{Feed, Form, Item, Kind, Method, Param};
use crate::source;

/// The trait, with its `async fn`s changed to functions that return `Send` futures.
pub(super) fn declaration(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    let (attrs, vis, ident) = (&device.attrs, &device.vis, &device.ident);
    let (generics, where_clause) = (&device.generics, &device.generics.where_clause);
    let supertraits = &device.supertraits;
    let colon = (!supertraits.is_empty()).then(|| quote!(:));
    let items = device.items.iter().map(|item| match item {
        Item::Method(method) => {
            let (attrs, sig, about) = (&method.attrs, signature(method), doc::of_method(method));
            quote!(#(#attrs)* #[doc = #about] #sig;)
        }
        Item::Other(item) => quote!(#item),
    });
    quote! {
        #(#attrs)*
        #vis trait #ident #generics #colon #(#supertraits)+* #where_clause {
            #(#items)*
        }
    }
}

/// The signature of a method in the trait and its implementation.
pub(super) fn signature(method: &Method) -> Signature {
    let mut sig = method.sig.clone();
    sig.asyncness = None;
    for input in &mut sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    let types = sig.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Typed(input) => Some(&mut *input.ty),
        FnArg::Receiver(_) => None,
    });
    for (ty, param) in types.zip(&method.params) {
        if let (Type::ImplTrait(stream), Some(feed)) = (ty, &param.feed) {
            // The stream is polled when the board asks for items, on any thread of the runtime.
            stream.bounds.push(parse_quote!(::core::marker::Send));
            stream.bounds.push(parse_quote!('static));
            if feed.form == Form::IntoIterator {
                let iterator =
                    parse_quote!(::core::iter::IntoIterator<IntoIter: ::core::marker::Send + 'static>);
                stream.bounds.push(iterator);
            }
        }
    }
    let output = &method.output;
    sig.output = match &method.stream {
        None => parse_quote!(-> impl ::core::future::Future<Output = #output> + ::core::marker::Send),
        Some(bounds) => {
            let send = (!bounds.iter().any(is_send)).then(|| quote!(+ ::core::marker::Send));
            parse_quote!(-> impl #(#bounds)+* #send)
        }
    };
    sig
}

fn is_send(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else {
        return false;
    };
    bound
        .path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Send")
}

/// The type that stands for a board.
pub(super) fn structure(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    let (vis, ident, facade) = (&device.vis, &context.ident, &device.options.facade);
    let doc = format!(
        "A board that implements [`{}`].\n\n\
         Clones are the same board. [`connect`](Self::connect) to it, or [`attach`](Self::attach) the trait to a \
         device that is connected already; [`close`](Self::close) it at the end.",
        device.ident
    );
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #ident {
            attached: #facade::__private::Attached,
        }
    }
}

/// The implementation of the trait: each method serialises its arguments and makes one call into the runtime.
pub(super) fn implementation(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    let (trait_ident, ident) = (&device.ident, &context.ident);
    let (impl_generics, type_generics, where_clause) = device.generics.split_for_impl();
    let methods = device.methods().map(|method| {
        let (cfgs, sig, call) = (method.cfgs(), signature(method), call(context, method));
        quote!(#(#cfgs)* #sig { #call })
    });
    quote! {
        impl #impl_generics #trait_ident #type_generics for #ident #where_clause {
            #(#methods)*
        }
    }
}

fn call(context: &Context<'_>, method: &Method) -> TokenStream {
    if method.kind == Kind::Event {
        let (descriptor, output) = (static_name(method), &method.output);
        return quote!(self.attached.event::<#output>(&#descriptor));
    }
    let arguments = arguments(method);
    let (descriptor, output) = (static_name(method), &method.output);
    let function = match method.kind {
        Kind::Task if method.stream.is_some() => "stream",
        kind => kind.attribute(),
    };
    let function = format_ident!("{function}");
    let none = !context.broken && source::never_returns(context.program, method);
    let none = none.then(|| quote!(__belay::gives_none::<#output>();));
    quote! {
        #none
        self.attached.#function::<#output>(&#descriptor, #arguments)
    }
}

/// The arguments of a method, as an expression.
pub(super) fn arguments(method: &Method) -> TokenStream {
    let none = quote!(__belay::Arguments::new());
    let with = |arguments, param| with_argument(&arguments, param);
    method.params.iter().fold(none, with)
}

/// Adds the argument for one parameter.
fn with_argument(arguments: &TokenStream, param: &Param) -> TokenStream {
    let (name, ident) = (&param.name, &param.ident);
    if let Some(feed) = &param.feed {
        let with = match feed.form {
            Form::Stream => "with_stream",
            Form::Iterator | Form::IntoIterator => "with_iterator",
            Form::Refused => return quote!({ let _ = &#ident; #arguments }),
        };
        let with = format_ident!("{with}", span = feed.item.span().resolved_at(Span::call_site()));
        let kind = kind_of_items(feed);
        return quote_spanned!(feed.item.span()=> __belay::#with::<_, #kind>(#arguments, #ident));
    }
    let argument = match &param.default {
        None => {
            // Errors point at the parameter, but lints see that the user did not write this use of it.
            let mut ident = ident.clone();
            ident.set_span(ident.span().resolved_at(Span::call_site()));
            quote_spanned!(ident.span()=> .with(#name, &#ident))
        }
        Some(default) => {
            let value = quote_spanned!(param.ty.span()=> __belay::or_default(#ident, #default));
            quote!(.with(#name, &#value))
        }
    };
    quote!(#arguments #argument)
}

/// Whether the items are `Result`s. This is left to type inference except where a `Result` is spelt out, whose error
/// may be serialisable as well.
fn kind_of_items(feed: &Feed) -> TokenStream {
    match &feed.item {
        Type::Path(path)
            if path
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "Result") =>
        {
            quote!(__belay::Fallible)
        }
        _ => quote!(_),
    }
}

/// The implementation of `Attach`, by which the runtime attaches the trait to a device.
pub(super) fn attach(context: &Context<'_>) -> TokenStream {
    let ident = &context.ident;
    quote! {
        #[doc(hidden)]
        impl __belay::Attach for #ident {
            const SPEC: &'static __belay::DeviceSpec = &__DEVICE;
            fn from_attached(attached: __belay::Attached) -> Self { Self { attached } }
            fn attached(&self) -> &__belay::Attached { &self.attached }
        }
    }
}

/// The methods that the type has besides those of the trait.
pub(super) fn inherent(context: &Context<'_>) -> TokenStream {
    let (vis, ident) = (&context.device.vis, &context.ident);
    let builder = format!(
        "Settings for a connection to the board at this address: time-outs, what happens when the connection is lost, \
         and the rest. Its `connect` gives a [`{ident}`]."
    );
    let execute = "Runs statements on the board, where the setups and tasks of the trait are, and gives what they \
                   printed.\n\n\
                   # Errors\n\n\
                   When the code raises, when it takes longer than the device's time-out, or when the board cannot \
                   be reached.";
    let address = address();
    let connecting = connecting(context);
    quote! {
        #[allow(dead_code)]
        impl #ident {
            #connecting
            #[doc = #builder]
            #vis fn builder(address: #address) -> __belay::DeviceBuilder<Self> {
                __belay::Attached::builder(address)
            }
            /// The device that the trait is on.
            #vis fn device(&self) -> &__belay::Device {
                self.attached.device()
            }
            #[doc = #execute]
            #vis async fn execute(&self, code: &::core::primitive::str) -> __belay::Result<__belay::String> {
                self.attached.execute(code).await
            }
            /// Evaluates one expression on the board, where the setups and tasks of the trait are, and gives its value.
            ///
            /// # Errors
            ///
            /// As [`execute`](Self::execute), and when the value is not a `T`.
            #vis async fn execute_as<T: __belay::DeserializeOwned>(
                &self,
                expression: &::core::primitive::str,
            ) -> __belay::Result<T> {
                self.attached.execute_as(expression).await
            }
            /// Stops the threads, runs the teardowns and releases the port.
            ///
            /// # Errors
            ///
            /// One error that has all failures, when all has been tried.
            #vis async fn close(self) -> __belay::Result<()> {
                self.attached.device().close().await
            }
        }
    }
}

/// The parameter type of addresses.
fn address() -> TokenStream {
    quote! {
        impl ::core::convert::TryInto<__belay::Address, Error: ::core::convert::Into<__belay::AddressError>>
    }
}

/// The functions that connect and attach. They take the implementation of the host functions if the trait has any.
fn connecting(context: &Context<'_>) -> TokenStream {
    let (vis, name, address) = (&context.device.vis, &context.device.ident, address());
    let connect = format!(
        "Connects to the board at this address and runs the setups of [`{name}`].\n\n\
         # Errors\n\n\
         When the port cannot be opened, when there is no MicroPython on it, or when a critical setup fails."
    );
    let attach = format!(
        "Puts [`{name}`] on a device that is connected already, and runs its setups. Several traits can share a \
         device.\n\n\
         # Errors\n\n\
         When the board cannot be reached, or when a critical setup fails."
    );
    if context.device.hosts.is_empty() {
        quote! {
            #[doc = #connect]
            #vis async fn connect(address: #address) -> __belay::Result<Self> {
                Self::builder(address).connect().await
            }
            #[doc = #attach]
            #vis async fn attach(device: &__belay::Device) -> __belay::Result<Self> {
                __belay::Attached::attach(device).await
            }
        }
    } else {
        quote! {
            #[doc = #connect]
            #vis async fn connect<__H>(address: #address, host: __H) -> __belay::Result<Self>
            where
                Self: __belay::HostedBy<__H>,
            {
                Self::builder(address).host(host).connect().await
            }
            #[doc = #attach]
            #vis async fn attach<__H>(device: &__belay::Device, host: __H) -> __belay::Result<Self>
            where
                Self: __belay::HostedBy<__H>,
            {
                __belay::Attached::attach_with(device, host).await
            }
        }
    }
}
