//! What a trait says, understood: every part keeps the tokens it came from, for the spans.

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
    /// The modules that it brings.
    pub(crate) modules: Vec<ModuleFile>,
    /// The functions of the host that its bodies call.
    pub(crate) hosts: Vec<HostFn>,
}

/// A method with `#[host]`: it runs on the host, and bodies call it.
pub(crate) struct HostFn {
    /// Everything but the attributes that are ours, comments included.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) sig: Signature,
    pub(crate) params: Vec<HostParam>,
    /// What is in `-> …`.
    pub(crate) output: Type,
    pub(crate) timeout_ms: Option<u64>,
}

/// A parameter of one.
pub(crate) struct HostParam {
    pub(crate) ident: Ident,
    /// Its name in Python.
    pub(crate) name: String,
    /// The type that the user wrote.
    pub(crate) ty: Type,
}

/// The options of `#[device]`.
pub(crate) struct DeviceOptions {
    /// Where the facade is.
    pub(crate) facade: Path,
    /// The name of the namespace on the board.
    pub(crate) namespace: String,
    /// Names that the board defines by itself, in its `boot.py` for instance.
    pub(crate) globals: Vec<String>,
    /// Where the modules are that bodies import.
    pub(crate) modules: Option<Folder>,
}

/// A folder with the modules of a trait.
pub(crate) struct Folder {
    /// Its path from the crate's root.
    pub(crate) dir: syn::LitStr,
    /// The folder of the board that they are put into; into its memory where there is none.
    pub(crate) to: Option<syn::LitStr>,
    /// Whether they are compiled before, where that can be had.
    pub(crate) mpy: bool,
}

/// A file of that folder.
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
    /// What stays as it is.
    Other(Box<TraitItem>),
}

/// A method that runs on the board.
pub(crate) struct Method {
    /// Everything but the attributes that are ours, comments included.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) kind: Kind,
    /// As the user wrote it, without our attributes on parameters.
    pub(crate) sig: Signature,
    pub(crate) params: Vec<Param>,
    /// What is in `-> …`: for streams the type of an item.
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

/// The options of a method. Those that its kind has not got keep their defaults.
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
    /// What `None` stands for.
    pub(crate) default: Option<Expr>,
    /// What it is a stream of, if it is one.
    pub(crate) feed: Option<Feed>,
}

/// A parameter that is a stream, which the body reads.
pub(crate) struct Feed {
    /// What is in `Item = …`.
    pub(crate) item: Type,
    pub(crate) form: Form,
}

/// What it is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Stream,
    Iterator,
    IntoIterator,
    /// Something that has a stream in it, which is reported.
    Refused,
}

/// A body in Python, without common indentation.
pub(crate) struct Body {
    pub(crate) implementation: Option<String>,
    pub(crate) text: String,
    /// Where each line of the text stands.
    pub(crate) lines: Vec<Origin>,
    /// The file, if it is not in the comment.
    pub(crate) file: Option<syn::LitStr>,
    /// Whether the whole comment was taken, because there is no fence in it.
    pub(crate) whole_comment: bool,
}

/// Where a line stands that a user wrote.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// The line in its file, from one.
    pub(crate) line: u32,
    /// What an error can underline.
    pub(crate) span: Span,
}

impl Device {
    /// The `#[cfg]`s below the attribute, which everything generated repeats.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// Where an error about a module goes: at the folder's name.
    pub(crate) fn span_of_modules(&self) -> Span {
        let folder = self.options.modules.as_ref();
        folder.map_or_else(Span::call_site, |folder| folder.dir.span())
    }

    /// Whether its bodies can be told of failures on the host.
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

    /// The `#[cfg]`s that everything generated for it repeats.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }
}

impl ModuleFile {
    /// The name that it is imported by.
    pub(crate) fn name(&self) -> String {
        let path = self.path.strip_suffix(".py").unwrap_or(&self.path);
        path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
    }

    /// Whether there can be other modules in it.
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

    /// The `#[cfg]`s that everything generated for it repeats.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The names that its parameters have in Python.
    pub(crate) fn param_names(&self) -> Vec<&str> {
        self.params.iter().map(|param| param.name.as_str()).collect()
    }

    /// Where an error without a better place goes.
    pub(crate) fn span(&self) -> Span {
        self.sig.ident.span()
    }
}

impl Kind {
    /// Its attribute.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Setup => "setup",
            Self::Thread => "thread",
            Self::Teardown => "teardown",
            Self::Event => "event",
        }
    }

    /// Whether bodies find a function of its name; if not, its body runs at global level.
    pub(crate) fn is_function(self) -> bool {
        matches!(self, Self::Task | Self::Thread | Self::Event)
    }
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}
