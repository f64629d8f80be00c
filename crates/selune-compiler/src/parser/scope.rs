//! Names, blocks and jumps: which variable a name means, how long variables live, where gotos lead.
//!
//! A name is resolved in constant time: `bindings` holds the innermost visible variable of each name, over all open
//! functions, and each variable remembers which one it hides. Variables become visible only by `activate`.
use super::{MAX_LOCALS, MAX_UPVALUES, Parser};
use crate::ast::*;
use crate::error::{Result, c_str};
use crate::intern::StrId;

/// A function that is being read.
pub(super) struct FuncState {
    pub id: FuncId,
    /// Where its variables start in `Parser::active`.
    pub first_active: usize,
    /// Variables that are declared but not yet visible follow the visible ones in `active`; this many are visible.
    pub visible: usize,
    pub first_label: usize,
    pub blocks: Vec<Block>,
    pub upvalues: Vec<Upvalue>,
    pub vararg_line: Option<u32>,
    pub first_param: LocalId,
    pub params: u32,
}

/// A block that is being read.
pub(super) struct Block {
    /// Variables visible when it was entered.
    visible: usize,
    first_label: usize,
    first_goto: usize,
    /// Where `break` goes, when it is a loop.
    exit: Option<LabelId>,
}

/// A label that a goto can see.
pub(super) struct ActiveLabel {
    name: StrId,
    line: u32,
    id: LabelId,
}

/// A goto whose label has not been seen. `name` None: a break.
pub(super) struct PendingGoto {
    name: Option<StrId>,
    line: u32,
    /// Variables visible at the goto, or at the end of the block that it has left.
    visible: usize,
    id: LabelId,
}

impl Parser<'_> {
    pub(super) fn func(&mut self) -> &mut FuncState {
        self.funcs.last_mut().expect("a function is open")
    }

    pub(super) fn open_function(&mut self, line: u32) -> FuncId {
        let id = FuncId(self.ast.functions.len() as u32);
        let parent = self.funcs.last().map(|f| f.id);
        let mut upvalues = Vec::new();
        if parent.is_none() {
            upvalues.push(Upvalue { local: LocalId::CHUNK_ENV, name: StrId::ENV, in_parent: true, index: 0 });
        }
        let first_param = LocalId(self.ast.locals.len() as u32);
        self.ast.functions.push(Function {
            parent,
            first_param,
            params: 0,
            vararg_line: None,
            block: List::default(),
            upvalues: Vec::new(),
            line,
            last_line: 0,
            return_line: 0,
        });
        self.funcs.push(FuncState {
            id,
            first_active: self.active.len(),
            visible: 0,
            first_label: self.labels.len(),
            blocks: Vec::new(),
            upvalues,
            vararg_line: None,
            first_param,
            params: 0,
        });
        self.enter_block(None);
        id
    }

    pub(super) fn close_function(&mut self, block: List, last_line: u32, return_line: u32) -> Result<()> {
        self.leave_block()?;
        let state = self.funcs.pop().expect("a function is open");
        let f = &mut self.ast.functions[state.id.index()];
        f.first_param = state.first_param;
        f.params = state.params;
        f.vararg_line = state.vararg_line;
        f.block = block;
        f.upvalues = state.upvalues;
        f.last_line = last_line;
        f.return_line = return_line;
        Ok(())
    }

    pub(super) fn enter_block(&mut self, exit: Option<LabelId>) {
        let (first_label, first_goto) = (self.labels.len(), self.gotos.len());
        let f = self.func();
        let visible = f.visible;
        f.blocks.push(Block { visible, first_label, first_goto, exit });
    }

    /// Ends a block: its variables and labels go out of scope, breaks are solved, other gotos wait in the block outside.
    pub(super) fn leave_block(&mut self) -> Result<()> {
        let block = self.func().blocks.pop().expect("a block is open");
        self.deactivate(block.visible);
        self.labels.truncate(block.first_label);
        if let Some(exit) = block.exit {
            self.ast.labels[exit.index()].active = block.visible as u32;
            let ast = &mut self.ast;
            let mut n = block.first_goto;
            for i in block.first_goto..self.gotos.len() {
                if self.gotos[i].name.is_none() {
                    redirect(ast, self.gotos[i].id, exit);
                } else {
                    self.gotos.swap(n, i);
                    n += 1;
                }
            }
            self.gotos.truncate(n);
        }
        if self.func().blocks.is_empty() {
            if let Some(g) = self.gotos.get(block.first_goto) {
                let line = g.line.to_string();
                return Err(match g.name {
                    None => self.semantic_error(&[b"break outside loop at line ", line.as_bytes()]),
                    Some(name) => {
                        let name = c_str(self.lex.strings.get(name));
                        self.semantic_error(&[b"no visible label '", name, b"' for <goto> at line ", line.as_bytes()])
                    }
                });
            }
        } else {
            for g in &mut self.gotos[block.first_goto..] {
                g.visible = block.visible;
            }
        }
        Ok(())
    }

    /// Declares a variable, not yet visible.
    pub(super) fn declare(&mut self, name: StrId) -> Result<LocalId> {
        let f = self.funcs.last().expect("a function is open");
        self.check_limit(self.active.len() + 1 - f.first_active, MAX_LOCALS, "local variables", f)?;
        let id = LocalId(self.ast.locals.len() as u32);
        self.ast.locals.push(Local { name, attrib: Attrib::Regular, captured: false, assigned: false, recursive: false });
        self.hidden.push((0, self.funcs.len() as u32 - 1));
        self.active.push(id);
        Ok(id)
    }

    /// Makes the oldest `n` declared variables visible.
    pub(super) fn activate(&mut self, n: usize) {
        let f = self.funcs.last_mut().expect("a function is open");
        for _ in 0..n {
            let id = self.active[f.first_active + f.visible];
            f.visible += 1;
            let name = self.ast.locals[id.index()].name.index();
            if self.bindings.len() <= name {
                self.bindings.resize(name + 64, 0);
            }
            self.hidden[id.index()].0 = self.bindings[name];
            self.bindings[name] = id.0 + 1;
        }
    }

    fn deactivate(&mut self, visible: usize) {
        let f = self.funcs.last_mut().expect("a function is open");
        while f.visible > visible {
            f.visible -= 1;
            let id = self.active.pop().expect("the variable is active");
            let name = self.ast.locals[id.index()].name.index();
            self.bindings[name] = self.hidden[id.index()].0;
        }
    }

    /// The expression for a name.
    pub(super) fn resolve(&mut self, name: StrId, line: u32) -> Result<ExprId> {
        if let Some(e) = self.resolve_variable(name, line)? {
            return Ok(e);
        }
        let object = match self.resolve_variable(StrId::ENV, line)? {
            Some(e) => e,
            None => {
                let upvalue = self.upvalue(self.funcs.len() - 1, LocalId::CHUNK_ENV, StrId::ENV, 0)?;
                self.ast.add(Expr::Upvalue(upvalue), line)
            }
        };
        let key = self.ast.add(Expr::Str(name), line);
        Ok(self.ast.add(Expr::Index { object, key }, line))
    }

    /// The expression for a name that a local variable (or the chunk's `_ENV`) has.
    fn resolve_variable(&mut self, name: StrId, line: u32) -> Result<Option<ExprId>> {
        let depth = self.funcs.len() - 1;
        let bound = self.bindings.get(name.index()).copied().unwrap_or(0);
        let expr = if bound == 0 {
            if name != StrId::ENV {
                return Ok(None);
            }
            Expr::Upvalue(self.upvalue(depth, LocalId::CHUNK_ENV, name, 0)?)
        } else {
            let local = LocalId(bound - 1);
            let home = self.hidden[local.index()].1 as usize;
            if let Attrib::CompileTime(value) = self.ast.local(local).attrib {
                let value = self.ast.expr(value);
                let e = self.ast.add(value, line);
                self.constant_use = Some((e, local));
                return Ok(Some(e));
            }
            if home == depth { Expr::Local(local) } else { Expr::Upvalue(self.upvalue(depth, local, name, home)?) }
        };
        Ok(Some(self.ast.add(expr, line)))
    }

    /// The number of the upvalue for `local`, a variable of the function at depth `home`, in the function at `depth`.
    fn upvalue(&mut self, depth: usize, local: LocalId, name: StrId, home: usize) -> Result<u8> {
        if let Some(i) = self.funcs[depth].upvalues.iter().position(|u| u.local == local) {
            return Ok(i as u8);
        }
        // The chunk's _ENV is an upvalue of the main function, so it is always found at depth 0.
        let in_parent = local != LocalId::CHUNK_ENV && depth - 1 == home;
        let index = if in_parent {
            self.ast.locals[local.index()].captured = true;
            0
        } else {
            self.upvalue(depth - 1, local, name, home)?
        };
        let f = &self.funcs[depth];
        self.check_limit(f.upvalues.len() + 1, MAX_UPVALUES, "upvalues", f)?;
        let f = &mut self.funcs[depth];
        f.upvalues.push(Upvalue { local, name, in_parent, index });
        Ok(f.upvalues.len() as u8 - 1)
    }

    /// Notes that a variable is assigned to; an error if it must not be.
    pub(super) fn mark_assigned(&mut self, target: ExprId) -> Result<()> {
        let local = match self.ast.expr(target) {
            Expr::Local(l) => l,
            Expr::Upvalue(u) => self.func().upvalues[u as usize].local,
            _ => match self.constant_use {
                Some((e, l)) if e == target => l,
                _ => return Ok(()),
            },
        };
        if local == LocalId::CHUNK_ENV {
            self.ast.env_assigned = true;
            return Ok(());
        }
        let v = &mut self.ast.locals[local.index()];
        if v.attrib != Attrib::Regular {
            let name = c_str(self.lex.strings.get(v.name));
            return Err(self.semantic_error(&[b"attempt to assign to const variable '", name, b"'"]));
        }
        v.assigned = true;
        Ok(())
    }

    pub(super) fn new_label(&mut self) -> LabelId {
        self.ast.labels.push(Label { active: 0, same_as: None });
        LabelId(self.ast.labels.len() as u32 - 1)
    }

    fn find_label(&self, name: StrId) -> Option<&ActiveLabel> {
        let first = self.funcs.last().map_or(0, |f| f.first_label);
        self.labels[first..].iter().find(|l| l.name == name)
    }

    /// The target of a goto (`name`) or break (None).
    pub(super) fn goto_target(&mut self, name: Option<StrId>, line: u32) -> LabelId {
        if let Some(label) = name.and_then(|n| self.find_label(n)) {
            return label.id;
        }
        let visible = self.func().visible;
        let id = self.new_label();
        self.gotos.push(PendingGoto { name, line, visible, id });
        id
    }

    pub(super) fn check_repeated_label(&self, name: StrId) -> Result<()> {
        let Some(label) = self.find_label(name) else { return Ok(()) };
        let line = label.line.to_string();
        let name = c_str(self.lex.strings.get(name));
        Err(self.semantic_error(&[b"label '", name, b"' already defined on line ", line.as_bytes()]))
    }

    /// Defines a label and leads the waiting gotos of this block to it. `last`: nothing but labels follows in the
    /// block, so its variables count as dead.
    pub(super) fn define_label(&mut self, name: StrId, line: u32, last: bool) -> Result<LabelId> {
        let f = self.func();
        let block = f.blocks.last().expect("a block is open");
        let (visible, first_goto) = (if last { block.visible } else { f.visible }, block.first_goto);
        let id = self.new_label();
        self.ast.labels[id.index()].active = visible as u32;
        self.labels.push(ActiveLabel { name, line, id });
        let mut n = first_goto;
        for i in first_goto..self.gotos.len() {
            let g = &self.gotos[i];
            if g.name == Some(name) {
                if g.visible < visible {
                    return Err(self.jumps_into_scope(name, g.line, g.visible));
                }
                redirect(&mut self.ast, g.id, id);
            } else {
                self.gotos.swap(n, i);
                n += 1;
            }
        }
        self.gotos.truncate(n);
        Ok(id)
    }

    #[cold]
    fn jumps_into_scope(&self, label: StrId, line: u32, visible: usize) -> Box<crate::CompileError> {
        let f = self.funcs.last().expect("a function is open");
        let variable = self.ast.local(self.active[f.first_active + visible]).name;
        let text = |s| c_str(self.lex.strings.get(s));
        let line = line.to_string();
        self.semantic_error(&[
            b"<goto ",
            text(label),
            b"> at line ",
            line.as_bytes(),
            b" jumps into the scope of local '",
            text(variable),
            b"'",
        ])
    }
}

/// Makes the placeholder label of a forward goto mean the label that was found.
fn redirect(ast: &mut Ast, placeholder: LabelId, label: LabelId) {
    ast.labels[placeholder.index()].same_as = Some(label);
}
