//! Checks the targets of assignments and deletions.

use super::{Checker, How};
use crate::ast::{Expr, ExprKind, Ident, Trailer};
use crate::range::Range;

const DELETED: &str = "delete a name, an attribute (`a.b`) or an element (`a[0]`)";
const TARGETS: &str = "assign to a name, an attribute (`a.b`), an element (`a[0]`), or several of them";

impl<'a> Checker<'a> {
    /// Assigns to an expression.
    pub(super) fn assign(&mut self, target: &'a Expr) {
        match &target.kind {
            _ if target.constant.is_some() => self.cannot_assign(target),
            ExprKind::Name(name) => self.store(name, Some(target.range)),
            ExprKind::Postfix { .. } => self.element(target, "assign to"),
            ExprKind::Tuple { items, parenthesized } => {
                if items.is_empty() && *parenthesized {
                    self.cannot_assign(target);
                }
                self.assign_each(items);
            }
            ExprKind::List(items) => self.assign_each(items),
            _ => self.cannot_assign(target),
        }
    }

    fn assign_each(&mut self, items: &'a [Expr]) {
        let mut star: Option<Range> = None;
        for item in items {
            let ExprKind::Star(inner) = &item.kind else {
                self.assign(item);
                continue;
            };
            if star.is_some() {
                let help = "keep one star: it takes all values that the other names leave";
                self.complain(item.range, "only one target can have a star", help);
            }
            star = Some(item.range);
            self.assign(inner);
        }
    }

    /// `target += value` and the like.
    pub(super) fn augmented(&mut self, target: &'a Expr, value: &'a Expr) {
        match &target.kind {
            _ if target.constant.is_some() => self.cannot_assign(target),
            ExprKind::Name(name) => {
                self.load(name, Some(target.range));
                self.expression(value);
                self.bound_by(How::Assignment, |checker| checker.store(name, Some(target.range)));
                return;
            }
            ExprKind::Postfix { .. } => self.element(target, "assign to"),
            _ => self.cannot_assign(target),
        }
        self.expression(value);
    }

    pub(super) fn delete(&mut self, target: &'a Expr) {
        match &target.kind {
            ExprKind::Name(name) if target.constant.is_none() => self.store(name, None),
            ExprKind::Postfix { .. } if target.constant.is_none() => self.element(target, "delete"),
            ExprKind::Tuple {
                items,
                parenthesized: true,
            } if !items.is_empty() && target.constant.is_none() => {
                for item in items {
                    self.delete(item);
                }
            }
            _ => {
                self.complain(target.range, "this cannot be deleted", DELETED);
            }
        }
    }

    /// An attribute or an element as a target; its base is only read.
    fn element(&mut self, target: &'a Expr, verb: &str) {
        let ExprKind::Postfix { base, trailers } = &target.kind else {
            return;
        };
        self.expression(base);
        let Some((last, before)) = trailers.split_last() else {
            return;
        };
        for trailer in before {
            self.trailer(trailer);
        }
        match last {
            Trailer::Call(_) | Trailer::Format(_) => {
                let what = match last {
                    Trailer::Call(_) => "the result of a call",
                    _ => "an f-string",
                };
                let help = if verb == "delete" { DELETED } else { TARGETS };
                self.complain(target.range, format!("cannot {verb} {what}"), help);
            }
            Trailer::Index(index) => self.expression(index),
            Trailer::Attribute => {}
        }
    }

    fn cannot_assign(&mut self, target: &'a Expr) {
        let (message, help) = match &target.kind {
            ExprKind::Star(_) => (
                "a target with a star stands in a list or tuple of targets",
                "write `*name, = …`",
            ),
            ExprKind::Operation(_) => (
                "cannot assign to the result of an operator",
                "to compare, write `==`",
            ),
            _ if target.constant.is_some() => ("cannot assign to a constant", TARGETS),
            _ => ("this cannot be assigned to", TARGETS),
        };
        self.complain(target.range, message, help);
    }

    /// `target := value`.
    pub(super) fn named(&mut self, target: &'a Expr, value: &'a Expr) {
        self.expression(value);
        match &target.kind {
            ExprKind::Name(name) if target.constant.is_none() => {
                let name = Ident {
                    name: name.clone(),
                    range: target.range,
                };
                self.bound_by(How::Assignment, |checker| checker.store_named(&name));
            }
            _ => self.complain(
                target.range,
                "`:=` assigns to a name and to nothing else",
                "write `name := value`",
            ),
        }
    }
}
