//! Tests of the whole expansion, from tokens to tokens, without a compiler.

mod bodies;
mod once;
mod signatures;

use std::path::{Path, PathBuf};

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::device_tokens;

/// The traits with `#[device]` in a file of the workspace's tests, each with the options of its attribute.
fn traits_in(path: &Path) -> Vec<(TokenStream, TokenStream)> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    let file = syn::parse_file(&text).expect("a file that parses");
    let mut found = Vec::new();
    for item in file.items {
        let syn::Item::Trait(mut item) = item else {
            continue;
        };
        let is_device = |attr: &syn::Attribute| {
            attr.path()
                .segments
                .last()
                .is_some_and(|last| last.ident == "device")
        };
        let Some(index) = item.attrs.iter().position(is_device) else {
            continue;
        };
        let attr = item.attrs.remove(index);
        let options = match attr.meta {
            syn::Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        found.push((options, item.into_token_stream()));
    }
    found
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files of the workspace's tests; none if this crate is outside of the workspace, as after publication.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if workspace.join("xtask").exists() {
        files_below(&workspace.join("tests").join(folder), &mut found);
        assert!(!found.is_empty());
    }
    found
}

/// The tokens without the one at this index, which counts the tokens inside groups, too.
fn without(tokens: TokenStream, place: &mut usize) -> TokenStream {
    let mut left = Vec::new();
    for token in tokens {
        let this = *place == 0;
        *place = place.wrapping_sub(1);
        if this {
            continue;
        }
        left.push(match token {
            TokenTree::Group(group) => {
                let inner = without(group.stream(), place);
                TokenTree::Group(Group::new(group.delimiter(), inner))
            }
            other => other,
        });
    }
    left.into_iter().collect()
}

fn count(tokens: &TokenStream) -> usize {
    let one = |token: TokenTree| match token {
        TokenTree::Group(group) => 1 + count(&group.stream()),
        _ => 1,
    };
    tokens.clone().into_iter().map(one).sum()
}

#[expect(clippy::needless_pass_by_value, reason = "it is always made for the call")]
fn expand(item: TokenStream) -> String {
    expand_with(TokenStream::new(), &item)
}

fn expand_with(options: TokenStream, item: &TokenStream) -> String {
    let expansion = device_tokens(options, item);
    let file = syn::parse2(expansion).expect("an expansion that is Rust");
    prettyplease::unparse(&file)
}

#[test]
fn what_is_right_expands_without_an_error_to_something_that_is_rust() {
    for path in files("tests/hygiene") {
        for (options, item) in traits_in(&path) {
            // The paths of files in these traits are relative to another crate.
            if !item.to_string().contains("file =") {
                let expansion = expand_with(options, &item);
                assert!(
                    !expansion.contains("compile_error"),
                    "{}: {expansion}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn whatever_is_wrong_leaves_something_that_is_rust_and_has_the_type() {
    for path in files("ui/fail") {
        for (options, item) in traits_in(&path) {
            let expansion = expand_with(options, &item);
            let name = syn::parse2::<syn::ItemTrait>(item).expect("a trait").ident;
            assert!(
                expansion.contains(&format!("struct {name}Device")),
                "{}: {expansion}",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_that_a_user_leaves_out_makes_the_macro_panic() {
    let mut corpus = files("tests/hygiene");
    corpus.extend(files("ui/fail"));
    for path in corpus {
        for (options, item) in traits_in(&path) {
            for index in 0..count(&item) {
                let item = without(item.clone(), &mut { index });
                device_tokens(options.clone(), &item);
            }
            for index in 0..count(&options) {
                device_tokens(without(options.clone(), &mut { index }), &item);
            }
        }
    }
}

#[test]
fn a_method_becomes_one_static_and_a_body_of_one_line() {
    let expansion = expand(quote! {
        trait Board {
            /// return left + right
            #[task(timeout_ms = 5)]
            async fn add(&self, left: u8, right: u8) -> Result<u16>;
        }
    });
    let glue = "        fn add(
            &self,
            left: u8,
            right: u8,
        ) -> impl ::core::future::Future<Output = Result<u16>> + ::core::marker::Send {
            self.attached
                .task::<
                    Result<u16>,
                >(
                    &__METHOD_add,
                    __belay::Arguments::new().with(\"left\", &left).with(\"right\", &right),
                )
        }";
    assert!(expansion.contains(glue), "{expansion}");
    assert_eq!(expansion.matches("static __METHOD_add").count(), 1);
    assert!(expansion.contains("def add(left"), "{expansion}");
    assert!(expansion.contains(".with_timeout_ms(5"), "{expansion}");
}

#[test]
fn whatever_is_generated_for_a_method_repeats_its_cfg() {
    let expansion = expand(quote! {
        trait Board {
            /// return other
            #[cfg(unix)]
            #[task]
            async fn read(&self) -> Result<u16>;
        }
    });
    // The declaration, the descriptor, its place in the list, the implementation and the warning.
    assert_eq!(expansion.matches("#[cfg(unix)]").count(), 5, "{expansion}");
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_line_in_the_file() {
    let expansion = expand(quote! {
        trait Board {
            /// Reads.
            #[task(file = "tests/mistake.py")]
            async fn read(&self) -> Result<u16>;
        }
    });
    assert!(
        expansion.contains("tests/mistake.py:3 | return total +"),
        "{expansion}"
    );
}

#[test]
fn a_file_is_named_to_the_compiler_so_that_a_change_compiles_the_crate_again() {
    let expansion = expand(quote! {
        trait Board {
            #[task(file(micropython = "tests/sum.py", circuitpython = "tests/sum.py"))]
            async fn sum(&self, amount: u16) -> Result<u16>;
        }
    });
    assert!(!expansion.contains("compile_error"), "{expansion}");
    assert_eq!(
        expansion.matches("::core::include_str!").count(),
        2,
        "{expansion}"
    );
    assert!(
        expansion.contains("Its Python is in `tests/sum.py`:"),
        "{expansion}"
    );
}

/// The expansion of a method whose body is in this file.
fn with_file(path: &str) -> String {
    expand(quote! {
        trait Board {
            #[task(file = #path)]
            async fn read(&self) -> Result<u16>;
        }
    })
}

#[test]
fn a_path_that_leads_out_of_the_crate_is_refused() {
    for path in [
        "/etc/hostname",
        "../README.md",
        "tests/../../README.md",
        "./../belay/Cargo.toml",
    ] {
        let expansion = with_file(path);
        assert!(
            expansion.contains("is not below this crate"),
            "{path}: {expansion}"
        );
    }
    let expansion = with_file("./tests/../tests/marked.py");
    assert!(!expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn the_byte_order_mark_of_a_file_is_no_part_of_its_first_name() {
    let expansion = with_file("tests/marked.py");
    assert!(
        !expansion.contains("compile_error") && !expansion.contains("deprecated"),
        "{expansion}"
    );
    assert!(expansion.contains("return 5"), "{expansion}");
}

#[test]
fn a_file_in_another_encoding_is_told_as_that() {
    let expansion = with_file("tests/latin1.py");
    assert!(expansion.contains("is not UTF-8, in line 2"), "{expansion}");
    assert!(expansion.contains("save the file as UTF-8"), "{expansion}");
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_waited_for() {
    let expansion = with_file("tests");
    assert!(expansion.contains("is not a file"), "{expansion}");
    let name = format!("pipe-{}", std::process::id());
    let pipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(&name);
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    let expansion = with_file(&format!("tests/{name}"));
    std::fs::remove_file(&pipe).expect("the pipe can be removed");
    assert!(expansion.contains("is not a file"), "{expansion}");
}

#[test]
fn the_documentation_has_no_page_of_what_only_generated_code_can_name() {
    let expansion = expand(quote!(
        trait Board {}
    ));
    let hidden = "#[doc(hidden)]\n    impl __belay::Attach for BoardDevice";
    assert!(expansion.contains(hidden), "{expansion}");
}

#[test]
fn a_warning_has_the_lint_levels_of_its_method_and_of_its_trait() {
    let expansion = expand(quote! {
        #[allow(deprecated)]
        trait Board {
            /// return nowhere
            #[allow(unused_variables)]
            #[task]
            async fn read(&self, pin: u8) -> Result<u16>;
        }
    });
    let warnings = expansion.split("const _: () = {").skip(2).count();
    assert_eq!(warnings, 2, "{expansion}");
    assert_eq!(
        expansion.matches("#[allow(deprecated)]").count(),
        3,
        "{expansion}"
    );
    assert_eq!(
        expansion.matches("#[allow(unused_variables)]").count(),
        3,
        "{expansion}"
    );
}

#[test]
fn names_that_are_known_from_somewhere_are_not_warned_of() {
    let expansion = expand_with(
        quote!(globals(display)),
        &quote! {
            trait Board {
                /// from machine import ADC
                /// adc = ADC(4)
                #[setup]
                async fn open(&self, gain: u8) -> Result<()>;

                /// global last
                /// last = adc.read_u16() * gain
                /// return last
                #[task]
                async fn read(&self) -> Result<u16>;

                /// display.text(str(last), read())
                #[task]
                async fn show(&self, _line: u8) -> Result<()>;
            }
        },
    );
    assert!(!expansion.contains("deprecated"), "{expansion}");
    assert!(expansion.contains(".with_uses(&[\"read\"])"), "{expansion}");
}

#[test]
fn an_import_of_everything_leaves_no_name_to_warn_of() {
    let expansion = expand(quote! {
        trait Board {
            /// from machine import *
            #[setup]
            async fn open(&self) -> Result<()>;

            /// return ADC(4).read_u16()
            #[task]
            async fn read(&self) -> Result<u16>;
        }
    });
    assert!(!expansion.contains("deprecated"), "{expansion}");
}

#[test]
fn any_input_may_be_called() {
    let refused = "reads the line";
    let own = expand(quote! {
        trait Board {
            /// def input(prompt):
            ///     return prompt
            #[setup]
            async fn open(&self) -> Result<()>;

            /// return input("a")
            #[task]
            async fn ask(&self) -> Result<String>;
        }
    });
    assert!(!own.contains(refused), "{own}");
    let local = expand(quote! {
        trait Board {
            /// input = 5
            /// return input
            #[task]
            async fn ask(&self) -> Result<u8>;
        }
    });
    assert!(!local.contains(refused), "{local}");
    let declared = expand_with(
        quote!(globals(input)),
        &quote! {
            trait Board {
                /// return input("a")
                #[task]
                async fn ask(&self) -> Result<String>;
            }
        },
    );
    assert!(!declared.contains(refused), "{declared}");
    let builtin = expand(quote! {
        trait Board {
            /// return input("a")
            #[task]
            async fn ask(&self) -> Result<String>;
        }
    });
    assert!(!builtin.contains(refused), "it asks the host: {builtin}");
}

#[test]
fn the_documentation_of_a_method_says_what_kind_it_is_and_what_was_set() {
    let expansion = expand(quote! {
        trait Board {
            /// return n
            #[task(timeout_ms = 5, exclusive)]
            async fn read(&self, #[default = 5] n: Option<u8>) -> Result<u16>;

            /// n = 1
            #[setup(order = 3)]
            async fn open(&self) -> Result<()>;

            /// while True: pass
            #[thread(max_runtime_ms = 7)]
            async fn spin(&self) -> Result<ThreadHandle>;

            /// n = 0
            #[teardown(ignore_errors)]
            async fn shut(&self) -> Result<()>;
        }
    });
    for said in [
        "**A task**: it runs on the board when it is called. It may take 5 ms. `None` for `n` stands for `5`. \
         Nothing else runs on the device meanwhile.",
        "when the device is connected, and again when a connection is restored, in order 3. It may take as long as",
        "**A thread**: it runs in the background on the board until it ends or is stopped. It is asked to stop after 7 ms.",
        "**A teardown**: it runs on the board when the device is closed. It may take as long as the device's time-out \
         says. A failure of it is only logged.",
    ] {
        assert!(expansion.contains(said), "{said}: {expansion}");
    }
}
