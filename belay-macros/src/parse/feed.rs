//! Parameters that are streams, which a body reads as iterators.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{GenericArgument, PathArguments, Type, TypeImplTrait, TypeParamBound};

use crate::diag::Errors;
use crate::model::{Feed, Form};

/// The stream of a parameter's type, if it is one.
pub(super) fn of(ty: &Type, errors: &mut Errors) -> Option<Feed> {
    if let Type::ImplTrait(stream) = ty
        && let Some(feed) = stream.bounds.iter().find_map(feed)
    {
        return Some(feed);
    }
    if let Some(span) = inside(ty) {
        errors.at_span(
            span,
            "a stream is a parameter of its own: `impl Stream<Item = T>`, or `impl IntoIterator<Item = T>`, which anything \
             can be given for that is one",
        );
        let (item, form) = (ty.clone(), Form::Refused);
        return Some(Feed { item, form });
    }
    None
}

/// The stream of a bound such as `Stream<Item = …>` or `IntoIterator<Item = …>`, or of the user's alias of one.
fn feed(bound: &TypeParamBound) -> Option<Feed> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let item = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
        _ => None,
    })?;
    let name = last.ident.to_string();
    let form = match name.strip_suffix("Iterator") {
        None => Form::Stream,
        Some(before) if before.ends_with("Into") => Form::IntoIterator,
        Some(_) => Form::Iterator,
    };
    Some(Feed { item, form })
}

/// The span of a stream inside a type, such as behind a pointer or in an `Option`.
fn inside(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl Find {
        fn look<'a>(&mut self, span: Span, bounds: impl IntoIterator<Item = &'a TypeParamBound>) {
            if bounds.into_iter().any(|bound| feed(bound).is_some()) {
                self.0.get_or_insert(span);
            }
        }
    }
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, stream: &'ast TypeImplTrait) {
            self.look(stream.span(), &stream.bounds);
        }

        fn visit_type_trait_object(&mut self, stream: &'ast syn::TypeTraitObject) {
            self.look(stream.span(), &stream.bounds);
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}
