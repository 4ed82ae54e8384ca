//! Warnings: a macro on stable Rust cannot emit any, so this emits code on which the compiler warns.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Attribute;

use crate::check::Warning;
use crate::model::{Device, Method};

/// Items on which the compiler warns: about a parameter that no body reads as about an unused variable, and about
/// something doubtful in a body as about the use of a deprecated item.
pub(super) fn warnings(device: &Device, warnings: &[Warning<'_>]) -> TokenStream {
    warnings.iter().map(|warning| one(device, warning)).collect()
}

fn one(device: &Device, warning: &Warning<'_>) -> TokenStream {
    match warning {
        Warning::Unused { method, param } => {
            let levels = levels(device, Some(method));
            let name = format_ident!("_{}", method.sig.ident);
            quote! {
                #(#levels)*
                const _: () = {
                    fn #name(#param: ()) {}
                };
            }
        }
        Warning::Doubtful {
            method,
            span,
            message,
        } => {
            let levels = levels(device, *method);
            // For a deprecated macro the compiler adds the fewest words of its own to the message.
            let name = quote_spanned!(*span=> Python);
            quote! {
                #(#levels)*
                const _: () = {
                    #[deprecated(note = #message)]
                    macro_rules! #name { () => {} }
                    #name!();
                };
            }
        }
    }
}

/// The `#[cfg]`s of the trait and of the method, and the lint levels that the user set on either.
fn levels<'a>(device: &'a Device, method: Option<&'a Method>) -> impl Iterator<Item = &'a Attribute> {
    let level = |attr: &&Attribute| {
        let levels = ["allow", "warn", "deny", "forbid"];
        levels.iter().any(|level| attr.path().is_ident(level))
    };
    device
        .cfgs()
        .chain(method.into_iter().flat_map(Method::cfgs))
        .chain(device.attrs.iter().filter(level))
        .chain(
            method
                .into_iter()
                .flat_map(move |method| method.attrs.iter().filter(level)),
        )
}
