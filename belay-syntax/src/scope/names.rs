//! Finds the scope that each name belongs to, by MicroPython's rules.

use super::{Checker, How, ScopeKind, Scopes};
use crate::ast::Ident;
use crate::range::Range;

/// How a name of a scope is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Undecided,
    /// Read from the module's globals, or from the builtins.
    Global,
    /// Assigned at a module's or a class's level.
    Assigned,
    /// Declared `global`.
    Declared,
    Local,
    /// Local, and used by a function inside.
    Cell,
    /// Belongs to an enclosing function.
    Free,
}

/// A name of a scope.
pub(crate) struct Id {
    pub(crate) name: String,
    pub(crate) binding: Binding,
    pub(crate) is_param: bool,
    /// Where it is first read and first assigned; `None` also if that is not in the text.
    pub(crate) read: Option<Range>,
    pub(crate) written: Option<Range>,
    /// Where it is first assigned by `=`, `+=` or `:=`; other ways of binding it do not count.
    pub(crate) assigned: Option<Range>,
    /// Whether anything but the head of a `for`, a `with` or an `except` binds it.
    pub(crate) lasting: bool,
}

impl Scopes {
    pub(crate) fn find(&self, scope: usize, name: &str) -> Option<&Id> {
        let scope = self.all.get(scope)?;
        scope.by_name.get(name).and_then(|index| scope.ids.get(*index))
    }

    fn find_mut(&mut self, scope: usize, name: &str) -> Option<&mut Id> {
        let scope = self.all.get_mut(scope)?;
        scope
            .by_name
            .get(name)
            .and_then(|index| scope.ids.get_mut(*index))
    }

    fn find_or_add(&mut self, scope: usize, name: &str, binding: Binding) -> Option<&mut Id> {
        let scope = self.all.get_mut(scope)?;
        let index = *scope.by_name.entry(name.to_owned()).or_insert_with(|| {
            let name = name.to_owned();
            scope.ids.push(Id {
                name,
                binding,
                is_param: false,
                read: None,
                written: None,
                assigned: None,
                lasting: false,
            });
            scope.ids.len() - 1
        });
        scope.ids.get_mut(index)
    }

    fn parent(&self, scope: usize) -> Option<usize> {
        self.all.get(scope).and_then(|scope| scope.parent)
    }

    /// Marks a name as belonging to an enclosing function, if one of those has it.
    fn look_outwards(&mut self, scope: usize, name: &str) {
        let mut around = self.parent(scope);
        while let Some(outer) = around.filter(|outer| self.parent(*outer).is_some()) {
            if let Some(binding) = self.find(outer, name).map(|id| id.binding) {
                if matches!(binding, Binding::Local | Binding::Cell | Binding::Free) {
                    if let Some(id) = self.find_mut(scope, name) {
                        id.binding = Binding::Free;
                    }
                    self.close_over(scope, name);
                }
                return;
            }
            around = self.parent(outer);
        }
    }

    /// Decides which names that a scope only reads belong to an enclosing function. The scope has been
    /// walked.
    pub(super) fn close_over_globals(&mut self, scope: usize) {
        let ids = self.all.get(scope).map_or(&[][..], |scope| &scope.ids);
        let read = ids.iter().filter(|id| id.binding == Binding::Global);
        let names: Vec<String> = read.map(|id| id.name.clone()).collect();
        for name in names {
            self.look_outwards(scope, &name);
        }
    }

    fn close_over(&mut self, scope: usize, name: &str) {
        let mut around = self.parent(scope);
        while let Some(outer) = around.filter(|outer| self.parent(*outer).is_some()) {
            let Some(id) = self.find_or_add(outer, name, Binding::Undecided) else {
                return;
            };
            match id.binding {
                Binding::Undecided => id.binding = Binding::Free,
                Binding::Local => {
                    id.binding = Binding::Cell;
                    return;
                }
                _ => return,
            }
            around = self.parent(outer);
        }
    }

    /// Whether the name is defined by the dialect of this scope or of an enclosing one.
    pub(crate) fn knows(&self, scope: usize, name: &str) -> bool {
        let mut around = Some(scope);
        while let Some(scope) = around.and_then(|at| self.all.get(at)) {
            if scope.dialect.contains(&name) {
                return true;
            }
            around = scope.parent;
        }
        false
    }

    /// The scope to which a free name belongs.
    pub(crate) fn owner(&self, scope: usize, name: &str) -> Option<usize> {
        let mut around = self.parent(scope);
        while let Some(outer) = around {
            match self.find(outer, name).map(|id| id.binding) {
                Some(Binding::Local | Binding::Cell) => return Some(outer),
                _ => around = self.parent(outer),
            }
        }
        None
    }
}

impl Checker<'_> {
    pub(super) fn add(&mut self, name: &str, binding: Binding, range: Range) {
        if let Some(id) = self.found.find_or_add(self.at, name, binding) {
            id.written.get_or_insert(range);
        }
    }

    pub(super) fn load(&mut self, name: &str, range: Option<Range>) {
        let at = self.at;
        let Some(id) = self.found.find_or_add(at, name, Binding::Global) else {
            return;
        };
        if id.read.is_none() {
            id.read = range;
        }
    }

    pub(super) fn store(&mut self, name: &str, range: Option<Range>) {
        self.store_in(self.at, name, range);
    }

    fn store_in(&mut self, scope: usize, name: &str, range: Option<Range>) {
        let how = self.how;
        let kind = self
            .found
            .all
            .get(scope)
            .map_or(ScopeKind::Module, |scope| scope.kind);
        let Some(id) = self.found.find_or_add(scope, name, Binding::Global) else {
            return;
        };
        if id.binding == Binding::Global {
            let local = !matches!(kind, ScopeKind::Module | ScopeKind::Class);
            id.binding = if local { Binding::Local } else { Binding::Assigned };
        }
        if id.written.is_none() {
            id.written = range;
        }
        if how == How::Assignment && id.assigned.is_none() {
            id.assigned = range;
        }
        id.lasting |= how != How::Passing && range.is_some();
    }

    /// Returns false if the name is already declared.
    pub(super) fn declare_param(&mut self, name: &str, range: Range) -> bool {
        let Some(id) = self.found.find_or_add(self.at, name, Binding::Undecided) else {
            return false;
        };
        if id.binding != Binding::Undecided {
            return false;
        }
        id.binding = Binding::Local;
        id.is_param = true;
        id.written = Some(range);
        true
    }

    pub(super) fn declare_global(&mut self, name: &Ident) {
        self.found.find_or_add(self.at, &name.name, Binding::Undecided);
        self.make_global(name);
    }

    fn make_global(&mut self, name: &Ident) {
        let Some(id) = self.found.find_mut(self.at, &name.name) else {
            return;
        };
        if !matches!(id.binding, Binding::Undecided | Binding::Declared) {
            let message = format!("`{}` is used before it is declared `global`", name.name);
            let help =
                "move the `global` line to the top of the function, and do not name a parameter like that";
            self.complain(name.range, message, help);
            return;
        }
        id.binding = Binding::Declared;
        if let Some(id) = self.found.find_mut(0, &name.name) {
            id.binding = Binding::Declared;
        }
    }

    pub(super) fn declare_nonlocal(&mut self, name: &Ident) {
        self.found.find_or_add(self.at, &name.name, Binding::Undecided);
        self.make_nonlocal(name);
    }

    fn make_nonlocal(&mut self, name: &Ident) {
        let at = self.at;
        let Some(id) = self.found.find_mut(at, &name.name) else {
            return;
        };
        match id.binding {
            Binding::Undecided => {
                id.binding = Binding::Global;
                self.found.look_outwards(at, &name.name);
                if self
                    .found
                    .find(at, &name.name)
                    .is_some_and(|id| id.binding == Binding::Global)
                {
                    let message = format!("no function around this one has a variable `{}`", name.name);
                    self.complain(
                        name.range,
                        message,
                        "for a variable of the module, write `global`",
                    );
                }
            }
            Binding::Free => {}
            _ => {
                let message = format!("`{}` is used before it is declared `nonlocal`", name.name);
                let help = "move the `nonlocal` line to the top of the function, and do not name a parameter like that";
                self.complain(name.range, message, help);
            }
        }
    }

    /// The target of `:=`. In a comprehension it belongs to the enclosing scope.
    pub(super) fn store_named(&mut self, name: &Ident) {
        let at = self.at;
        if self.kind() == ScopeKind::Comprehension
            && let Some(parent) = self.found.parent(at)
        {
            self.store_in(parent, &name.name, Some(name.range));
            let declared = self
                .found
                .find(parent, &name.name)
                .is_some_and(|id| id.binding == Binding::Declared);
            if declared {
                self.found.find_or_add(at, &name.name, Binding::Declared);
            } else {
                let is_global = self.found.parent(parent).is_none();
                if let Some(id) = self.found.find_or_add(at, &name.name, Binding::Undecided)
                    && !is_global
                    && id.binding == Binding::Global
                {
                    id.binding = Binding::Undecided;
                }
                if is_global {
                    self.make_global(name);
                } else {
                    self.make_nonlocal(name);
                }
            }
        }
        self.store(&name.name, Some(name.range));
    }
}
