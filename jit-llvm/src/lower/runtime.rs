//! Operations with full semantics: one call of a runtime function each.
use super::LowerError;
use super::call::arg_slot;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{ArithOp, RtOp, V};
use vm_bridge::runtime::RtFn;
use vm_bridge::runtime::arith::ArithOp as VmOp;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_runtime(&mut self, v: V, op: RtOp) -> Result<()> {
        let site = self.site(v);
        let vm = self.e.vm();
        let f = match op {
            RtOp::GetTable => RtFn::GetTable,
            RtOp::GetInt => RtFn::GetInt,
            RtOp::GetField => RtFn::GetField,
            RtOp::SetTable => RtFn::SetTable,
            RtOp::SetInt => RtFn::SetInt,
            RtOp::SetField => RtFn::SetField,
            RtOp::RawSetInt => RtFn::RawSetInt,
            RtOp::RawSet => RtFn::RawSet,
            RtOp::RawGet => RtFn::RawGet,
            RtOp::TablePop => RtFn::TablePop,
            RtOp::StrSub => RtFn::StrSub,
            RtOp::Len => RtFn::Len,
            RtOp::Eq => RtFn::Eq,
            RtOp::Lt => RtFn::Lt,
            RtOp::Le => RtFn::Le,
            RtOp::ForPrep => RtFn::ForPrep,
            RtOp::ForNext => RtFn::ForNext,
            RtOp::CheckTbc => RtFn::CheckTbc,
            RtOp::Arith(op) => {
                let a = self.any_arg(v, 0)?;
                // Unary operators take their operand twice.
                let b = if self.func.inst(v).args.len() > 1 { self.any_arg(v, 1)? } else { a };
                let number = self.e.word(arith_number(op));
                let r = self.e.runtime_result(RtFn::Arith, &[vm, number, a, b], site)?;
                self.set(v, r);
                return Ok(());
            }
            RtOp::Concat if self.func.inst(v).args.len() == 2 => RtFn::Concat2,
            RtOp::Concat => {
                let n = self.store_args(v, 0)?;
                let r = self.e.runtime_result(RtFn::Concat, &[vm, n], site)?;
                self.set(v, r);
                return Ok(());
            }
            RtOp::SetList => {
                let (table, first) = (self.any_arg(v, 0)?, self.int_arg(v, 1)?);
                let n = self.store_args(v, 2)?;
                self.e.call_runtime(RtFn::SetList, &[vm, table, first, n], site)?;
                return Ok(());
            }
            RtOp::SetListOpen => {
                let (table, first) = (self.any_arg(v, 0)?, self.int_arg(v, 1)?);
                if self.func.inst(v).args.len() > 2 {
                    self.insert_open(v, 2)?;
                }
                self.e.call_runtime(RtFn::SetListOpen, &[vm, table, first], site)?;
                return Ok(());
            }
        };
        let mut args: Vec<M::X> = vec![vm];
        for a in &self.func.inst(v).args {
            args.push(self.get(*a)?);
        }
        if args.len() != f.params().len() {
            return Err(LowerError::Internal("a runtime operation with other operands than its function"));
        }
        if f.result() == vm_bridge::runtime::RtType::Bool {
            let r = self.e.runtime_bool(f, &args, site)?;
            self.set(v, r);
        } else if let Some(r) = self.e.call_runtime(f, &args, site)? {
            self.set(v, r);
        }
        Ok(())
    }

    /// Stores the operands from `first` on in `vm.args`; their number.
    fn store_args(&mut self, v: V, first: usize) -> Result<M::X> {
        let values = self.func.inst(v).args.get(first..).unwrap_or_default();
        for (i, a) in values.iter().enumerate() {
            self.e.store_raw(self.e.vm(), arg_slot(i), self.any(*a)?)?;
        }
        Ok(self.e.int(values.len() as i64))
    }
}

/// The operator's number in the VM.
fn arith_number(op: ArithOp) -> u64 {
    let op = match op {
        ArithOp::Add => VmOp::Add,
        ArithOp::Sub => VmOp::Sub,
        ArithOp::Mul => VmOp::Mul,
        ArithOp::Div => VmOp::Div,
        ArithOp::Mod => VmOp::Mod,
        ArithOp::Pow => VmOp::Pow,
        ArithOp::IDiv => VmOp::IDiv,
        ArithOp::BAnd => VmOp::BAnd,
        ArithOp::BOr => VmOp::BOr,
        ArithOp::BXor => VmOp::BXor,
        ArithOp::Shl => VmOp::Shl,
        ArithOp::Shr => VmOp::Shr,
        ArithOp::Unm => VmOp::Unm,
        ArithOp::BNot => VmOp::BNot,
    };
    op as u64
}
