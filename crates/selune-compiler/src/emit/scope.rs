//! Locals, their cells, labels and to-be-closed variables.
use super::exp::Kind;
use super::{Closing, Emitter, Slot, Storage, UpvalSpec};
use crate::ast::*;
use super::Result;
use selune_core::opcode::Op;

/// What must be restored at the end of a block.
pub(super) struct Scope {
    visible: u32,
    local_top: usize,
    closing: usize,
    open_debug: usize,
}

impl Emitter<'_, '_> {
    pub(super) fn local_kind(&self, l: LocalId) -> Kind {
        let slot = self.chunk.slots[l.index()];
        match slot.storage {
            Storage::Cell => Kind::Cell(slot.reg),
            _ => Kind::Reg(slot.reg),
        }
    }

    /// Where a nested function finds the cell of an upvalue.
    pub(super) fn upvalue_spec(&self, u: &Upvalue) -> UpvalSpec {
        let assigned = match u.local {
            LocalId::CHUNK_ENV => self.ast.env_assigned,
            l => self.ast.local(l).assigned,
        };
        let index = if u.in_parent {
            let slot = self.chunk.slots[u.local.index()];
            match slot.storage {
                Storage::Both(cell) => cell,
                _ => slot.reg,
            }
        } else {
            u.index
        };
        UpvalSpec { name: u.name, in_stack: u.in_parent, index, assigned }
    }

    fn storage(&mut self, l: LocalId) -> Result<Storage> {
        let v = self.ast.local(l);
        if !v.captured {
            return Ok(Storage::Plain);
        }
        // The list of variables to be closed needs the value itself in the register.
        if !v.assigned && (self.pairs || v.attrib == Attrib::Close) {
            self.used_pairs = true;
            return Ok(Storage::Both(self.reserve(1)?));
        }
        Ok(Storage::Cell)
    }

    /// Makes `count` variables visible whose values stand in the registers from `reg` on; makes their cells.
    pub(super) fn activate(&mut self, first: LocalId, count: u32, reg: usize) -> Result<()> {
        let mut reg = reg;
        for i in 0..count {
            let l = LocalId(first.0 + i);
            self.visible += 1;
            if matches!(self.ast.local(l).attrib, Attrib::CompileTime(_)) {
                continue;
            }
            let storage = self.storage(l)?;
            self.chunk.slots[l.index()] = Slot { reg: reg as u8, storage };
            self.make_cell(l);
            reg += 1;
        }
        for i in 0..count {
            self.show(LocalId(first.0 + i));
        }
        self.local_top = self.free;
        Ok(())
    }

    /// Makes the cell of a captured variable from the value in its register.
    fn make_cell(&mut self, l: LocalId) {
        let Slot { reg, storage } = self.chunk.slots[l.index()];
        match storage {
            Storage::Cell => {
                self.abc(Op::NewCell, reg, reg as u16, 0);
            }
            Storage::Both(cell) => {
                self.abc(Op::NewCell, cell, reg as u16, 0);
            }
            Storage::Plain | Storage::None => return,
        }
        self.hide_line();
    }

    /// Starts the debug information of a variable.
    fn show(&mut self, l: LocalId) {
        let Slot { reg, storage } = self.chunk.slots[l.index()];
        let name = self.ast.local(l).name;
        match storage {
            Storage::None => {}
            Storage::Plain => self.open_debug(name, reg, false, None),
            Storage::Cell => self.open_debug(name, reg, true, None),
            Storage::Both(cell) => self.open_debug(name, reg, false, Some(cell)),
        }
    }

    /// Parameters are visible from the first instruction on; their cells are made by `make_param_cells`.
    pub(super) fn declare_params(&mut self, f: &Function) -> Result<()> {
        self.reserve(f.params as usize)?;
        for i in 0..f.params {
            let l = LocalId(f.first_param.0 + i);
            let storage = self.storage(l)?;
            self.chunk.slots[l.index()] = Slot { reg: i as u8, storage };
            self.show(l);
        }
        self.visible = f.params;
        self.local_top = self.free;
        Ok(())
    }

    pub(super) fn make_param_cells(&mut self, f: &Function) {
        for i in 0..f.params {
            self.make_cell(LocalId(f.first_param.0 + i));
        }
    }

    /// `local function`: the function can see itself, so its cell exists before the closure.
    pub(super) fn local_function(&mut self, l: LocalId, func: ExprId) -> Result<()> {
        let reg = self.reserve(1)?;
        let line = self.ast.line(func);
        if !self.ast.local(l).recursive {
            let mut f = self.eval(func)?;
            self.put_in(&mut f, reg);
            return self.activate(l, 1, reg as usize);
        }
        self.line = line;
        self.load_nil(reg as usize, 1);
        let storage = self.storage(l)?;
        self.chunk.slots[l.index()] = Slot { reg, storage };
        self.make_cell(l);
        self.visible += 1;
        self.local_top = self.free;
        let mut f = self.eval(func)?;
        match storage {
            Storage::Both(cell) => {
                self.put_in(&mut f, reg);
                self.abc(Op::SetCell, cell, reg as u16, 0);
            }
            _ => {
                let r = self.put_in_next(&mut f)?;
                self.abc(Op::SetCell, reg, r as u16, 0);
                self.free_exp(&f);
            }
        }
        self.show(l);
        Ok(())
    }

    /// Makes the hidden variables of a loop visible.
    pub(super) fn activate_state(&mut self, reg: usize, n: usize) {
        for i in 0..n {
            self.open_debug(crate::intern::StrId::FOR_STATE, (reg + i) as u8, false, None);
        }
        self.visible += n as u32;
        self.local_top = self.free;
    }

    pub(super) fn open_scope(&self) -> Scope {
        Scope {
            visible: self.visible,
            local_top: self.local_top,
            closing: self.closing.len(),
            open_debug: self.open_debug.len(),
        }
    }

    /// Ends a block; closes its variables if the end can be reached.
    pub(super) fn close_scope(&mut self, scope: Scope) {
        self.close_debug(scope.open_debug);
        if let Some(c) = self.closing.get(scope.closing) {
            let reg = c.reg;
            self.abc(Op::Close, reg, 0, 0);
        }
        self.leave_scope(scope);
    }

    /// Ends a block whose variables are closed already.
    pub(super) fn leave_scope(&mut self, scope: Scope) {
        self.close_debug(scope.open_debug);
        self.closing.truncate(scope.closing);
        self.visible = scope.visible;
        self.local_top = scope.local_top;
        self.free = scope.local_top;
    }

    /// Emits the closing of the variables of a scope that stays open.
    pub(super) fn close_variables_of(&mut self, scope: &Scope) {
        if let Some(c) = self.closing.get(scope.closing) {
            let reg = c.reg;
            self.abc(Op::Close, reg, 0, 0);
        }
    }

    /// Does a scope have variables to be closed?
    pub(super) fn has_closing(&self, scope: &Scope) -> bool {
        self.closing.len() > scope.closing
    }

    /// The variable in `reg`, the visible one with number `index`, is to be closed at the end of its block.
    pub(super) fn add_closing(&mut self, index: u32, reg: u8) {
        self.closing.push(Closing { index, reg });
    }

    /// Emits the closing of the variables whose scope a jump to `label` leaves.
    pub(super) fn close_for_jump(&mut self, label: LabelId) {
        if let Some(reg) = self.closed_by_jump(label) {
            self.abc(Op::Close, reg, 0, 0);
        }
    }

    /// The first variable to be closed whose scope a jump to `label` leaves.
    pub(super) fn closed_by_jump(&self, label: LabelId) -> Option<u8> {
        let active = self.ast.labels[label.index()].active;
        self.closing.iter().find(|c| c.index >= active).map(|c| c.reg)
    }

    /// Defines a label here.
    pub(super) fn place_label(&mut self, label: LabelId) {
        let here = self.label_here();
        let state = &mut self.chunk.labels[label.index()];
        let pending = std::mem::replace(&mut state.pending, super::jumps::NO_JUMP);
        state.pc = Some(here);
        self.patch_list(pending, here);
    }

    /// Leads jumps to a label that is not placed yet.
    pub(super) fn add_pending(&mut self, label: LabelId, jumps: i32) {
        let pending = self.chunk.labels[label.index()].pending;
        // The new jump goes in front: lists of many jumps stay linear to build.
        self.chunk.labels[label.index()].pending = self.concat_jumps(jumps, pending);
    }
}
