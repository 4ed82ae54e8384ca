//! Errors about signatures and traits.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;
use crate::device_tokens;

/// The expansion of a task with this signature, whose body yields items.
fn of_a_stream(signature: &TokenStream) -> String {
    expand(quote! {
        trait Board {
            /// yield 1
            #[task]
            #signature;
        }
    })
}

#[test]
fn an_iterator_is_no_stream() {
    for result in [
        quote!(impl Iterator<Item = Result<u8>>),
        quote!(impl IntoIterator<Item = Result<u8>> + Send),
        quote!(impl std::iter::DoubleEndedIterator<Item = Result<u8>>),
    ] {
        let said = of_a_stream(&quote!(fn read(&self) -> #result));
        assert!(
            said.contains("a `fn` that returns `impl Stream<Item = Result<T>>`"),
            "{said}"
        );
        assert!(
            !said.contains(".stream::<"),
            "the compiler would say more: {said}"
        );
    }
    let said = of_a_stream(&quote!(fn read(&self) -> impl Values<Item = Result<u8>>));
    assert!(
        !said.contains("compile_error"),
        "an own trait may be a stream: {said}"
    );
}

#[test]
fn a_stream_in_a_box_is_told_as_the_stream_that_it_has_to_be() {
    for result in [
        quote!(Box<dyn Stream<Item = Result<u8>>>),
        quote!(std::pin::Pin<Box<dyn Stream<Item = Result<u8>> + Send>>),
        quote!(BoxStream<'_, Result<u8>>),
        quote!(belay::BoxStream<'static, Result<u8>>),
    ] {
        for function in [quote!(fn), quote!(async fn)] {
            let said = of_a_stream(&quote!(#function read(&self) -> #result));
            let help = "a stream is returned as `impl Stream<Item = Result<T>>`";
            assert!(said.contains(help), "{said}");
            assert_eq!(said.matches("compile_error").count(), 1, "{said}");
        }
    }
}

#[test]
fn a_trait_that_is_not_rust_is_told_as_that() {
    let said = device_tokens(
        TokenStream::new(),
        &quote! {
            pub trait Board {
                #[task]
                async fn read(&self) -> Result<u8 |>;
            }
        },
    );
    let said = said.to_string();
    assert!(said.contains("compile_error"), "{said}");
    assert!(!said.contains("goes on a trait"), "{said}");
    assert!(
        !said.contains("# [task]"),
        "it would be told to be in the wrong place: {said}"
    );
}
