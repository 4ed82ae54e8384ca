//! The trait of an object, and the type that implements it over a handle.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::glue;
use crate::model::plain;
use crate::object::{Access, Item, Member, Object};

/// Everything that `#[object]` emits.
pub(crate) fn object(object: &Object) -> TokenStream {
    let Object {
        attrs,
        vis,
        ident,
        generics,
        supertraits,
        facade,
        ..
    } = object;
    let name = format_ident!("{ident}Object");
    let cfgs: Vec<_> = attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
    let where_clause = &generics.where_clause;
    let colon = (!supertraits.is_empty()).then(|| quote!(:));
    let items = object.items.iter().map(|item| match item {
        Item::Member(member) => {
            let (attrs, sig, about) = (
                &member.method.attrs,
                glue::signature(&member.method),
                about(member),
            );
            quote!(#(#attrs)* #[doc = #about] #sig;)
        }
        Item::Other(item) => quote!(#item),
    });
    let doc = format!(
        "An object on a board that has what [`{ident}`] says. Clones are the same object; as an argument it is itself on the \
         board, and a result can be one, or have several.\n\n\
         It is made of any [`Remote`]({}::Remote), which is taken for such an object: what is missing there is an error of \
         the call.",
        quote!(#facade)
            .to_string()
            .replace(' ', "")
            .trim_start_matches("::"),
    );
    let implementation = implementation(object, &name);
    let serde = serde(&name);
    quote! {
        #(#attrs)*
        #vis trait #ident #generics #colon #(#supertraits)+* #where_clause {
            #(#items)*
        }
        #(#cfgs)*
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #name {
            remote: #facade::Remote,
        }
        #(#cfgs)*
        const _: () = {
            use #facade::__private as __belay;
            #implementation
            #serde
        };
    }
}

fn about(member: &Member) -> String {
    let Member { access, name, method } = member;
    let what = match access {
        Access::Call if method.stream.is_some() => {
            format!("**A method of the object**, `{name}`: what it gives one by one.")
        }
        Access::Call => format!("**A method of the object**: `{name}`."),
        Access::Get => format!("**An attribute of the object**: `{name}`."),
        Access::Set => format!("**Sets an attribute of the object**: `{name}`."),
    };
    format!("\n\n{what}")
}

fn implementation(object: &Object, name: &proc_macro2::Ident) -> TokenStream {
    let ident = &object.ident;
    let (impl_generics, type_generics, where_clause) = object.generics.split_for_impl();
    let methods = object.items.iter().filter_map(|item| match item {
        Item::Member(member) => Some(method(object, member)),
        Item::Other(_) => None,
    });
    quote! {
        impl #impl_generics #ident #type_generics for #name #where_clause {
            #(#methods)*
        }
    }
}

fn method(object: &Object, member: &Member) -> TokenStream {
    let Member { access, name, method } = member;
    let cfgs = method.cfgs();
    let sig = glue::signature(method);
    let output = &method.output;
    let path = format!("{}.{}", object.ident, plain(&method.sig.ident));
    let timeout = method.options.timeout_ms.map_or_else(
        || quote!(::core::option::Option::None),
        |ms| quote!(::core::option::Option::Some(#ms)),
    );
    let arguments = glue::arguments(method);
    let call = match access {
        Access::Call if method.stream.is_some() => {
            quote!(self.remote.method_stream::<#output>(#path, #name, #timeout, #arguments))
        }
        Access::Call => quote!(self.remote.method::<#output>(#path, #name, #timeout, #arguments)),
        Access::Get => quote!(self.remote.attribute::<#output>(#path, #name, #timeout)),
        Access::Set => quote!(self.remote.set_attribute::<#output>(#path, #name, #timeout, #arguments)),
    };
    quote!(#(#cfgs)* #sig { #call })
}

/// The implementations that make the type usable as an argument and a result.
fn serde(name: &proc_macro2::Ident) -> TokenStream {
    quote! {
        impl __belay::Object for #name {
            fn from_remote(remote: __belay::Remote) -> Self { Self { remote } }
            fn remote(&self) -> &__belay::Remote { &self.remote }
        }
        impl ::core::convert::From<__belay::Remote> for #name {
            fn from(remote: __belay::Remote) -> Self { Self { remote } }
        }
        impl __belay::Serialize for #name {
            fn serialize<__S: __belay::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                __belay::Serialize::serialize(&self.remote, serializer)
            }
        }
        impl<'de> __belay::Deserialize<'de> for #name {
            fn deserialize<__D: __belay::Deserializer<'de>>(
                deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                let remote = <__belay::Remote as __belay::Deserialize<'de>>::deserialize(deserializer)?;
                ::core::result::Result::Ok(Self { remote })
            }
        }
    }
}
