//! One `static` for each method, and one for the trait.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

use super::{Context, host, static_name};
use crate::model::{Kind, Method, MethodOptions, plain};
use crate::python::{Module, Python};
use crate::source::{self, Source};

/// The descriptors of all methods, and that of the trait.
pub(super) fn statics(context: &Context<'_>) -> TokenStream {
    let device = context.device;
    let methods = device.methods().map(|method| descriptor(context, method));
    let entries = device.methods().map(|method| {
        let (cfgs, name) = (method.cfgs(), static_name(method));
        quote!(#(#cfgs)* &#name)
    });
    let (name, namespace) = (plain(&device.ident), &device.options.namespace);
    let modules = context.program.modules().iter().map(module);
    let folder = device.options.modules.as_ref();
    let modules_to = folder.and_then(|folder| folder.to.as_ref()).map(some);
    let modules_to = modules_to.unwrap_or_else(|| quote!(::core::option::Option::None));
    let modules_compiled = folder.is_some_and(|folder| folder.mpy);
    let hosts = host::specs(context);
    quote! {
        #(#methods)*
        static __DEVICE: __belay::DeviceSpec = __belay::DeviceSpec {
            name: #name,
            namespace: #namespace,
            methods: &[#(#entries),*],
            modules: &[#(#modules),*],
            modules_to: #modules_to,
            modules_compiled: #modules_compiled,
            hosts: #hosts,
        };
    }
}

fn descriptor(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfgs = method.cfgs();
    let ident = static_name(method);
    let path = format!("{}.{}", plain(&context.device.ident), plain(&method.sig.ident));
    let name = method.python_name();
    let kind = kind(method);
    let bodies = context.program.of(method).map(|python| body(context, python));
    let params = method.param_names();
    let params = (!params.is_empty()).then(|| quote!(.with_params(&[#(#params),*])));
    let uses = source::uses(context.program, method, &context.tasks);
    let uses = (!uses.is_empty()).then(|| quote!(.with_uses(&[#(#uses),*])));
    let awaits = context.program.of(method).any(Python::awaits);
    let awaits = awaits.then(|| quote!(.with_awaits()));
    let timeout = method.options.timeout_ms.map(|ms| quote!(.with_timeout_ms(#ms)));
    quote! {
        #(#cfgs)*
        #[allow(non_upper_case_globals)]
        static #ident: __belay::MethodSpec = __belay::MethodSpec::new(#path, #name, #kind)
            #params
            .with_bodies(&[#(#bodies),*])
            #uses
            #awaits
            #timeout;
    }
}

fn body(context: &Context<'_>, python: &Python<'_>) -> TokenStream {
    let body = python.body;
    let Source { text, lines } = source::source(python);
    let method = python.method;
    let params = method.param_names().join(",");
    let namespace = &context.device.options.namespace;
    let hash = hash(&[namespace, &method.python_name(), &params, &text]);
    let implementation = body.implementation.as_ref().map(some);
    let implementation = implementation.unwrap_or_else(|| quote!(::core::option::Option::None));
    let file = body.file.as_ref().map(|file| tracked(&file.value()));
    let file = file.unwrap_or_else(|| quote!(::core::file!()));
    quote! {
        __belay::Body {
            implementation: #implementation,
            source: #text,
            hash: #hash,
            file: #file,
            lines: &[#(#lines),*],
        }
    }
}

fn module(module: &Module<'_>) -> TokenStream {
    let Source { text, lines } = source::module(module);
    let path = &module.file.path;
    let hash = hash(&[path, &text]);
    let file = tracked(&module.file.file);
    quote! {
        __belay::ModuleSpec {
            path: #path,
            source: #text,
            hash: #hash,
            file: #file,
            lines: &[#(#lines),*],
        }
    }
}

/// The name of a file. The `include_str!` makes the compiler rebuild the crate when the file changes.
fn tracked(path: &str) -> TokenStream {
    quote!({
        const _: &::core::primitive::str =
            ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));
        #path
    })
}

/// The kind with its options. Only those that differ from the defaults are mentioned.
fn kind(method: &Method) -> TokenStream {
    let options = &method.options;
    match method.kind {
        Kind::Task => {
            let set = [
                set("cache", options.cache),
                set("exclusive", options.exclusive),
                set("idempotent", options.idempotent),
            ];
            quote!(__belay::MethodKind::Task(__belay::TaskOptions::new() #(#set)*))
        }
        Kind::Setup => {
            let auto = if method.params.is_empty() {
                options.auto
            } else {
                Some(false)
            };
            let set = [
                set("order", options.order),
                set("critical", critical(options)),
                set("auto", auto),
                set("ignore_errors", options.ignore_errors),
            ];
            quote!(__belay::MethodKind::Setup(__belay::SetupOptions::new() #(#set)*))
        }
        Kind::Thread => {
            let set = [
                set("name", options.name.as_ref().map(some)),
                set("max_runtime", options.max_runtime_ms.map(duration)),
                set("auto_restart", options.auto_restart.map(some)),
                set("multiple", options.multiple),
            ];
            quote!(__belay::MethodKind::Thread(__belay::ThreadOptions::new() #(#set)*))
        }
        Kind::Event => quote!(__belay::MethodKind::Event),
        Kind::Teardown => {
            let set = [
                set("order", options.order),
                set("ignore_errors", options.ignore_errors),
                set("critical", options.critical),
            ];
            quote!(__belay::MethodKind::Teardown(__belay::TeardownOptions::new() #(#set)*))
        }
    }
}

/// A setup whose errors are ignored does not fail the connection either.
fn critical(options: &MethodOptions) -> Option<bool> {
    match options.ignore_errors {
        Some(true) => Some(false),
        _ => options.critical,
    }
}

fn set(name: &str, value: Option<impl ToTokens>) -> Option<TokenStream> {
    let name = format_ident!("{name}");
    value.map(|value| quote!(.#name(#value)))
}

fn some(value: impl ToTokens) -> TokenStream {
    quote!(::core::option::Option::Some(#value))
}

fn duration(ms: u64) -> TokenStream {
    some(quote!(::core::time::Duration::from_millis(#ms)))
}

/// A 64-bit FNV-1a hash of everything that decides what is deployed. It is the same with any compiler, which the hashes
/// of std do not promise. Other crates have a copy of their own, because they share no dependency with this one.
fn hash(parts: &[&str]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, step)
}
