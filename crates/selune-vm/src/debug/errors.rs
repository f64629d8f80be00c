//! Errors that name the value to blame.
use super::symbolic::{self, Name};
use crate::Vm;
use crate::native::Thrown;
use crate::semantics::Operand;
use selune_core::opcode::Op;
use selune_core::value::Value;

impl Vm {
    /// "attempt to {op} a {type} value" with a description of the value, e.g. " (local 'x')".
    #[cold]
    fn described_type_error(&mut self, op: &str, v: Value, description: &[u8]) -> Thrown {
        let mut m = format!("attempt to {op} a ").into_bytes();
        m.extend_from_slice(&self.type_name_of(v));
        m.extend_from_slice(b" value");
        m.extend_from_slice(description);
        self.rt_error(m)
    }
    /// "attempt to {op} a {type} value", for a value that is not an operand of the running instruction.
    #[cold]
    pub fn plain_type_error(&mut self, op: &str, v: Value) -> Thrown {
        self.described_type_error(op, v, b"")
    }
    /// "attempt to {op} a {type} value (local 'x')", for an operand of the running instruction.
    #[cold]
    pub fn operand_error(&mut self, op: &str, v: Value, which: Operand, _key: Option<Value>) -> Thrown {
        let d = self.operand_description(which);
        self.described_type_error(op, v, &d)
    }
    /// " (local 'x')" for an operand of the running instruction, or nothing.
    #[cold]
    pub fn operand_description(&self, which: Operand) -> Vec<u8> {
        let level = self.levels().next();
        let name = level.and_then(|l| l.code().and_then(|(p, pc)| symbolic::operand_name(p, pc, which == Operand::Right)));
        description(name)
    }
    /// The same as `operand_error` for a value that stands in a stack slot of the running Lua function.
    #[cold]
    pub fn register_error(&mut self, op: &str, v: Value, slot: usize) -> Thrown {
        let name = self.register_at(slot).and_then(|(l, reg)| l.code().and_then(|(p, pc)| symbolic::register_name(p, pc, reg)));
        let d = description(name);
        self.described_type_error(op, v, &d)
    }
    /// The running Lua function and the number of its register at a stack slot. Compiled code has no registers: there the
    /// operands of a concatenation stand on top of the stack.
    fn register_at(&self, slot: usize) -> Option<(super::Level, usize)> {
        let level = self.levels().next()?;
        let (p, pc) = level.code()?;
        let reg = if level.compiled {
            let i = p.code[pc];
            if i.op() != Op::Concat {
                return None;
            }
            (slot + i.b()).checked_sub(self.top())? + i.a()
        } else {
            slot.checked_sub(self.thread().frames[level.frame].base as usize)?
        };
        (reg < p.max_stack as usize).then_some((level, reg))
    }
    /// "attempt to call a {type} value", with what the running instruction calls it.
    #[cold]
    pub fn call_error(&mut self, v: Value) -> Thrown {
        let name = self.levels().next().and_then(|l| l.code().and_then(|(p, pc)| symbolic::callee_name(p, pc)));
        let d = description(name);
        self.described_type_error("call", v, &d)
    }
    /// The name of the running function's local at a stack slot, "?" when there is none.
    #[cold]
    pub fn local_name_of_slot(&self, slot: u32) -> Vec<u8> {
        self.register_at(slot as usize)
            .and_then(|(l, reg)| l.code().map(|(p, pc)| symbolic::local_in(p, reg, pc).map_or(b"(temporary)".to_vec(), |l| self.bytes(l.name).to_vec())))
            .unwrap_or(b"?".to_vec())
    }
}

fn description(name: Option<Name>) -> Vec<u8> {
    name.map_or(Vec::new(), |n| n.in_parentheses())
}
