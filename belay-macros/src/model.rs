//! The parsed trait. Every part keeps the tokens that it was parsed from, for the spans.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, Generics, Path, Signature, TraitItem, Type, TypeParamBound, Visibility};

/// A trait with `#[device]`.
pub(crate) struct Device {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) supertraits: Vec<TypeParamBound>,
    pub(crate) items: Vec<Item>,
    pub(crate) options: DeviceOptions,
    /// The modules that the trait brings.
    pub(crate) modules: Vec<ModuleFile>,
    /// The functions of the host that its bodies call.
    pub(crate) hosts: Vec<HostFn>,
}

/// A method with `#[host]`: it runs on the host, and bodies call it.
pub(crate) struct HostFn {
    /// The attributes, including doc comments, without those of belay.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) sig: Signature,
    pub(crate) params: Vec<HostParam>,
    /// The return type.
    pub(crate) output: Type,
    pub(crate) timeout_ms: Option<u64>,
}

/// A parameter of a host function.
pub(crate) struct HostParam {
    pub(crate) ident: Ident,
    /// Its name in Python.
    pub(crate) name: String,
    /// The type that the user wrote.
    pub(crate) ty: Type,
}

/// The options of `#[device]`.
pub(crate) struct DeviceOptions {
    /// The path of the facade crate.
    pub(crate) facade: Path,
    /// The name of the namespace on the board.
    pub(crate) namespace: String,
    /// Names that the board itself defines, in its `boot.py` for instance.
    pub(crate) globals: Vec<String>,
    /// The folder with the modules that bodies import.
    pub(crate) modules: Option<Folder>,
}

/// A folder with the modules of a trait.
pub(crate) struct Folder {
    /// Its path from the crate's root.
    pub(crate) dir: syn::LitStr,
    /// The folder of the board in which they are stored; without one they are kept in memory.
    pub(crate) to: Option<syn::LitStr>,
    /// Whether they are compiled first, if `mpy-cross` is available.
    pub(crate) mpy: bool,
}

/// A module in that folder.
pub(crate) struct ModuleFile {
    /// Its path in the folder, with slashes.
    pub(crate) path: String,
    /// Its path from the crate's root.
    pub(crate) file: String,
    pub(crate) text: String,
}

/// One item of the trait.
pub(crate) enum Item {
    /// A method that runs on the board.
    Method(Box<Method>),
    /// An item that is emitted unchanged.
    Other(Box<TraitItem>),
}

/// A method that runs on the board.
pub(crate) struct Method {
    /// The attributes, including doc comments, without those of belay.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) kind: Kind,
    /// The signature as the user wrote it, without belay's attributes on parameters.
    pub(crate) sig: Signature,
    pub(crate) params: Vec<Param>,
    /// The return type; for streams, the type of an item.
    pub(crate) output: Type,
    /// For streams, the bounds after `impl`.
    pub(crate) stream: Option<Vec<TypeParamBound>>,
    pub(crate) options: MethodOptions,
    pub(crate) bodies: Vec<Body>,
}

/// What a method is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Task,
    Setup,
    Thread,
    Teardown,
    Event,
}

/// The options of a method. Those that its kind does not accept keep their defaults.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) name: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) cache: Option<bool>,
    pub(crate) exclusive: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) order: Option<i32>,
    pub(crate) critical: Option<bool>,
    pub(crate) auto: Option<bool>,
    pub(crate) ignore_errors: Option<bool>,
    pub(crate) max_runtime_ms: Option<u64>,
    pub(crate) auto_restart: Option<u32>,
    pub(crate) multiple: Option<bool>,
    pub(crate) manual_stop: bool,
    pub(crate) minify: Option<bool>,
    pub(crate) implementation: Option<String>,
    pub(crate) files: Vec<SourceFile>,
}

/// A body that is in a file.
pub(crate) struct SourceFile {
    pub(crate) implementation: Option<String>,
    pub(crate) path: syn::LitStr,
}

/// A parameter of a method.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    /// Its name in Python.
    pub(crate) name: String,
    /// The type that the user wrote.
    pub(crate) ty: Type,
    /// The value that `None` stands for.
    pub(crate) default: Option<Expr>,
    /// The stream's item type, if the parameter is a stream.
    pub(crate) feed: Option<Feed>,
}

/// A parameter that is a stream, which the body reads.
pub(crate) struct Feed {
    /// The type in `Item = …`.
    pub(crate) item: Type,
    pub(crate) form: Form,
}

/// The form in which the stream is passed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Stream,
    Iterator,
    IntoIterator,
    /// A type that contains a stream, which is reported as an error.
    Refused,
}

/// A body in Python, without common indentation.
pub(crate) struct Body {
    pub(crate) implementation: Option<String>,
    pub(crate) text: String,
    /// The origin of each line of the text.
    pub(crate) lines: Vec<Origin>,
    /// The file that contains it, if it is not in the doc comment.
    pub(crate) file: Option<syn::LitStr>,
    /// Whether the whole comment is the body, because there is no fenced block in it.
    pub(crate) whole_comment: bool,
}

/// The place of a line that the user wrote.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// The line in its file, from 1.
    pub(crate) line: u32,
    /// The span that an error underlines.
    pub(crate) span: Span,
}

impl Device {
    /// The `#[cfg]`s of the trait, which all generated items repeat.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The span of errors about modules: the folder's name.
    pub(crate) fn span_of_modules(&self) -> Span {
        let folder = self.options.modules.as_ref();
        folder.map_or_else(Span::call_site, |folder| folder.dir.span())
    }

    /// Whether its bodies can get errors from the host, by host functions or streams.
    pub(crate) fn raises_host_errors(&self) -> bool {
        let reads = |method: &Method| method.params.iter().any(|param| param.feed.is_some());
        !self.hosts.is_empty() || self.methods().any(reads)
    }

    /// The methods that run on the board.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.items.iter().filter_map(|item| match item {
            Item::Method(method) => Some(&**method),
            Item::Other(_) => None,
        })
    }
}

impl HostFn {
    /// The name by which bodies call it.
    pub(crate) fn name(&self) -> String {
        plain(&self.sig.ident)
    }

    /// The `#[cfg]`s of the function, which everything that is generated for it repeats.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }
}

impl ModuleFile {
    /// The dotted name by which it is imported.
    pub(crate) fn name(&self) -> String {
        let path = self.path.strip_suffix(".py").unwrap_or(&self.path);
        path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
    }

    /// Whether it is a package, which can contain other modules.
    pub(crate) fn is_package(&self) -> bool {
        self.path.ends_with("/__init__.py")
    }
}

impl Method {
    /// The name of its function on the board.
    pub(crate) fn python_name(&self) -> String {
        match (self.kind, &self.options.name) {
            (Kind::Task, Some(name)) => name.clone(),
            _ => plain(&self.sig.ident),
        }
    }

    /// The `#[cfg]`s of the method, which everything that is generated for it repeats.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The Python names of its parameters.
    pub(crate) fn param_names(&self) -> Vec<&str> {
        self.params.iter().map(|param| param.name.as_str()).collect()
    }

    /// The span of errors that have no better place.
    pub(crate) fn span(&self) -> Span {
        self.sig.ident.span()
    }
}

impl Kind {
    /// The name of its attribute.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Setup => "setup",
            Self::Thread => "thread",
            Self::Teardown => "teardown",
            Self::Event => "event",
        }
    }

    /// Whether it is a function that bodies can call by its name; if not, its body runs at global level.
    pub(crate) fn is_function(self) -> bool {
        matches!(self, Self::Task | Self::Thread | Self::Event)
    }
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}
