//! The control flow of a body: its returns, its loops, and whether its end can be reached.

use crate::analysis::{Loop, Return};
use crate::ast::{Block, Expr, Stmt, StmtKind};
use crate::fold::Constant;
use crate::range::Range;

/// The returns and loops of a body, without those of the functions in it.
#[derive(Default)]
pub(crate) struct Flow {
    pub(crate) returns: Vec<Return>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) end_reachable: bool,
    /// For each enclosing loop, whether a reachable `break` leaves it.
    breaks: Vec<bool>,
}

pub(crate) fn follow(source: &str, block: &Block) -> Flow {
    let mut flow = Flow::default();
    flow.end_reachable = flow.block(source, block);
    flow.loops.sort_by_key(|found| found.range);
    flow
}

fn truth(condition: &Expr) -> Option<bool> {
    condition.constant.map(Constant::truth)
}

fn range_of(block: &Block) -> Range {
    match (block.first(), block.last()) {
        (Some(first), Some(last)) => first.range.to(last.range),
        _ => Range::default(),
    }
}

impl Flow {
    /// Returns whether the end of the block can be reached.
    fn block(&mut self, source: &str, block: &Block) -> bool {
        let mut reached = true;
        for statement in block {
            // Visit unreachable statements as well, for their returns.
            reached &= self.statement(source, statement);
        }
        reached
    }

    fn maybe_block(&mut self, source: &str, block: Option<&Block>) -> bool {
        block.is_none_or(|block| self.block(source, block))
    }

    fn statement(&mut self, source: &str, statement: &Stmt) -> bool {
        match &statement.kind {
            StmtKind::Return(value) => {
                let value = value
                    .as_ref()
                    .map(|value| value.range)
                    .filter(|range| range.text(source) != "None");
                self.returns.push(Return {
                    range: statement.range,
                    value,
                });
                false
            }
            StmtKind::Raise(_) | StmtKind::Continue => false,
            StmtKind::Break => {
                if let Some(innermost) = self.breaks.last_mut() {
                    *innermost = true;
                }
                false
            }
            StmtKind::Broken(body) => {
                self.block(source, body);
                true
            }
            StmtKind::If { branches, otherwise } => self.branches(source, branches, otherwise.as_ref()),
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => {
                let truth = truth(condition);
                let broken = self.repeated(source, statement, body, truth == Some(true));
                let ended = self.maybe_block(source, otherwise.as_ref());
                broken || (truth != Some(true) && ended)
            }
            StmtKind::For { body, otherwise, .. } => {
                let broken = self.repeated(source, statement, body, false);
                self.maybe_block(source, otherwise.as_ref()) || broken
            }
            StmtKind::Try(parts) => {
                let mut reached = self.block(source, &parts.body);
                reached &= self.maybe_block(source, parts.otherwise.as_ref());
                for handler in &parts.handlers {
                    reached |= self.block(source, &handler.body);
                }
                self.maybe_block(source, parts.finally.as_ref()) && reached
            }
            StmtKind::With { body, .. } => self.block(source, body),
            _ => true,
        }
    }

    fn branches(&mut self, source: &str, branches: &[(Expr, Block)], otherwise: Option<&Block>) -> bool {
        let (mut reached, mut certain) = (false, false);
        for (condition, body) in branches {
            let ended = self.block(source, body);
            let truth = truth(condition);
            reached |= ended && truth != Some(false) && !certain;
            certain |= truth == Some(true);
        }
        let ended = self.maybe_block(source, otherwise);
        reached || (ended && !certain)
    }

    /// Returns whether a `break` leaves the loop.
    fn repeated(&mut self, source: &str, statement: &Stmt, body: &Block, always: bool) -> bool {
        self.breaks.push(false);
        self.block(source, body);
        let broken = self.breaks.pop().unwrap_or(false);
        let body = range_of(body);
        self.loops.push(Loop {
            range: statement.range,
            body,
            endless: always && !broken,
        });
        broken
    }
}
