//! The opcode table. One row per opcode; the enum, decoder, names, operand forms, effects and the visitor trait come from it.
//!
//! An instruction is 64 bits: `op:8 | A:8 | B:16 | C:16 | S:16`. `Bx`/`sBx` is the 32-bit field over B (low) and C (high).
//! `R[n]` is a register (VM-stack slot `base + n`), `K[n]` a constant, `UpValue[n]` the value in cell `n` of the closure.
//! `RK[n]` is `R[n]` for `n < 256` and `K[n - 256]` otherwise. `pc` counts instructions; while an instruction runs it
//! already names the next one.
//!
//! `S` is feedback. For rows of form `Types` it is a bitmask of `feedback::types` bits that the interpreter has seen in
//! this very instruction; for the others an index of a slot in the proto's `FeedbackVector` (in units of 16 bytes;
//! 0 = the shared slot that nobody trusts), sized by `FeedbackKind::units`.
use crate::feedback::FeedbackKind;
use crate::proto::Ins;

/// What the operand fields mean (for the disassembler and checkers).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A only.
    A,
    /// A and B are registers or small numbers.
    AB,
    /// A, B, C.
    ABC,
    /// A and a 32-bit unsigned.
    ABx,
    /// A and a 32-bit signed jump distance, relative to the next instruction.
    AsBx,
}

/// What else can happen while the opcode runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing that anybody sees.
    None,
    /// May throw, neither allocates nor calls.
    Throws,
    /// May allocate (a safepoint: objects move), does not call.
    Moves,
    /// May call Lua (metamethods included): everything can change.
    Calls,
}

/// Calls the macro `$m` with the whole table:
/// `name(Camel, method, Form, FeedbackKind, Effect) "doc";`
#[macro_export]
macro_rules! for_each_op {
    ($m:ident) => { $m! {
        // ---- load: values into registers
        (Move, op_move, AB, None, None, "R[A] := R[B]");
        (LoadK, op_load_k, ABx, None, None, "R[A] := K[Bx]");
        (LoadNil, op_load_nil, AB, None, None, "R[A], ..., R[A+B] := nil");
        (LoadFalse, op_load_false, A, None, None, "R[A] := false");
        (LoadFalseSkip, op_load_false_skip, A, None, None, "R[A] := false; pc++");
        (LoadTrue, op_load_true, A, None, None, "R[A] := true");
        (GetUpval, op_get_upval, AB, None, None, "R[A] := UpValue[B]");
        (SetUpval, op_set_upval, AB, None, None, "UpValue[B] := R[A]");
        (NewCell, op_new_cell, AB, None, Moves, "R[A] := new cell that holds R[B]; S: registers in use (0: unknown)");
        (GetCell, op_get_cell, AB, None, None, "R[A] := the value in cell R[B]");
        (SetCell, op_set_cell, AB, None, None, "the value in cell R[A] := R[B]");
        // ---- table
        (NewTable, op_new_table, ABC, Alloc, Moves, "R[A] := {} with room for B array elements and C named fields (both capped at 65535)");
        (GetTable, op_get_table, ABC, Index, Calls, "R[A] := R[B][R[C]]");
        (GetInt, op_get_int, ABC, Index, Calls, "R[A] := R[B][C], C an integer 0..65535");
        (GetField, op_get_field, ABC, Field, Calls, "R[A] := R[B][K[C]], K[C] an interned string");
        (GetTabUp, op_get_tab_up, ABC, Field, Calls, "R[A] := UpValue[B][K[C]], K[C] an interned string");
        (SetTable, op_set_table, ABC, Index, Calls, "R[A][R[B]] := RK[C]");
        (SetInt, op_set_int, ABC, Index, Calls, "R[A][B] := RK[C], B an integer 0..65535");
        (SetField, op_set_field, ABC, Field, Calls, "R[A][K[B]] := RK[C], K[B] an interned string");
        (SetTabUp, op_set_tab_up, ABC, Field, Calls, "UpValue[A][K[B]] := RK[C], K[B] an interned string");
        (Self_, op_self, ABC, Field, Calls, "R[A+1] := R[B]; R[A] := R[B][K[C]], K[C] an interned string");
        (SetList, op_set_list, ABC, None, Moves, "R[A][N+i] := R[A+i] for 1 <= i <= B (B = 0: up to top), N = C | S << 16");
        // ---- arith: R op R, and R op K with a numeric constant
        (Add, op_add, ABC, Types, Calls, "R[A] := R[B] + R[C]");
        (AddK, op_add_k, ABC, Types, Calls, "R[A] := R[B] + K[C]");
        (Sub, op_sub, ABC, Types, Calls, "R[A] := R[B] - R[C]");
        (SubK, op_sub_k, ABC, Types, Calls, "R[A] := R[B] - K[C]");
        (Mul, op_mul, ABC, Types, Calls, "R[A] := R[B] * R[C]");
        (MulK, op_mul_k, ABC, Types, Calls, "R[A] := R[B] * K[C]");
        (Div, op_div, ABC, Types, Calls, "R[A] := R[B] / R[C]");
        (DivK, op_div_k, ABC, Types, Calls, "R[A] := R[B] / K[C]");
        (Mod, op_mod, ABC, Types, Calls, "R[A] := R[B] % R[C]");
        (ModK, op_mod_k, ABC, Types, Calls, "R[A] := R[B] % K[C]");
        (Pow, op_pow, ABC, Types, Calls, "R[A] := R[B] ^ R[C]");
        (PowK, op_pow_k, ABC, Types, Calls, "R[A] := R[B] ^ K[C]");
        (IDiv, op_idiv, ABC, Types, Calls, "R[A] := R[B] // R[C]");
        (IDivK, op_idiv_k, ABC, Types, Calls, "R[A] := R[B] // K[C]");
        (BAnd, op_band, ABC, Types, Calls, "R[A] := R[B] & R[C]");
        (BAndK, op_band_k, ABC, Types, Calls, "R[A] := R[B] & K[C]");
        (BOr, op_bor, ABC, Types, Calls, "R[A] := R[B] | R[C]");
        (BOrK, op_bor_k, ABC, Types, Calls, "R[A] := R[B] | K[C]");
        (BXor, op_bxor, ABC, Types, Calls, "R[A] := R[B] ~ R[C]");
        (BXorK, op_bxor_k, ABC, Types, Calls, "R[A] := R[B] ~ K[C]");
        (Shl, op_shl, ABC, Types, Calls, "R[A] := R[B] << R[C]");
        (ShlK, op_shl_k, ABC, Types, Calls, "R[A] := R[B] << K[C]");
        (Shr, op_shr, ABC, Types, Calls, "R[A] := R[B] >> R[C]");
        (ShrK, op_shr_k, ABC, Types, Calls, "R[A] := R[B] >> K[C]");
        (Unm, op_unm, AB, Types, Calls, "R[A] := -R[B]");
        (BNot, op_bnot, AB, Types, Calls, "R[A] := ~R[B]");
        (Not, op_not, AB, None, None, "R[A] := not R[B]");
        (Len, op_len, ABC, Index, Calls, "R[A] := #R[B]");
        (Concat, op_concat, AB, Types, Calls, "R[A] := R[A] .. ... .. R[A+B-1], B >= 2");
        // ---- compare: the next instruction is always Jmp; it is taken when the comparison equals the condition C (0 or 1)
        (Eq, op_eq, ABC, Types, Calls, "if (R[A] == R[B]) == C then take the jump that follows else pc++");
        (EqK, op_eq_k, ABC, Types, None, "if (R[A] == K[B]) == C then take the jump that follows else pc++");
        (Lt, op_lt, ABC, Types, Calls, "if (R[A] < R[B]) == C then take the jump that follows else pc++");
        (Le, op_le, ABC, Types, Calls, "if (R[A] <= R[B]) == C then take the jump that follows else pc++");
        (LtK, op_lt_k, ABC, Types, Calls, "if (R[A] < K[B]) == C then take the jump that follows else pc++; K[B] a number");
        (LeK, op_le_k, ABC, Types, Calls, "if (R[A] <= K[B]) == C then take the jump that follows else pc++; K[B] a number");
        (GtK, op_gt_k, ABC, Types, Calls, "if (R[A] > K[B]) == C then take the jump that follows else pc++; K[B] a number");
        (GeK, op_ge_k, ABC, Types, Calls, "if (R[A] >= K[B]) == C then take the jump that follows else pc++; K[B] a number");
        (Test, op_test, ABC, Types, None, "if truthy(R[A]) == C then take the jump that follows else pc++");
        (TestSet, op_test_set, ABC, Types, None, "if truthy(R[B]) == C then R[A] := R[B] and take the jump that follows else pc++");
        // ---- jump
        (Jmp, op_jmp, AsBx, None, None, "pc += sBx (forwards, or backwards where nothing can loop hot)");
        (JmpBack, op_jmp_back, AsBx, Loop, Moves, "pc += sBx, a loop's back edge (safepoint, counts); the loop header is the target; R[A] and above are dead");
        // ---- loops: R[A] index, R[A+1] limit, R[A+2] step, R[A+3] the visible variable
        (ForPrep, op_for_prep, AsBx, Types, Throws, "prepare R[A..A+2] (integers or floats); if the loop does not run pc += sBx + 1 else R[A+3] := R[A]; the body follows, sBx leads to the ForLoop");
        (ForLoop, op_for_loop, AsBx, Loop, Moves, "R[A] += R[A+2]; if it is within the limit (no wrap) then { pc += sBx; R[A+3] := R[A] } (safepoint, counts)");
        (TForPrep, op_tfor_prep, AsBx, None, Calls, "mark R[A+3] to be closed; pc += sBx (to the TForCall)");
        (TForCall, op_tfor_call, ABC, Call, Calls, "R[A+4], ..., R[A+3+C] := R[A](R[A+1], R[A+2])");
        (TForLoop, op_tfor_loop, AsBx, Loop, Moves, "if R[A+4] ~= nil then { R[A+2] := R[A+4]; pc += sBx } (safepoint, counts)");
        // ---- call
        (Call, op_call, ABC, Call, Calls, "R[A], ..., R[A+C-2] := R[A](R[A+1], ..., R[A+B-1]); B = 0: arguments up to top; C = 0: all results, sets top");
        (TailCall, op_tail_call, AB, Call, Calls, "return R[A](R[A+1], ..., R[A+B-1]); B = 0: up to top. Never in a function with to-be-closed variables in scope");
        (Return, op_return, ABC, None, Calls, "return R[A], ..., R[A+B-2]; B = 0: up to top; C = 1: there are variables to be closed");
        (Return0, op_return0, A, None, None, "return nothing");
        (Return1, op_return1, A, None, None, "return R[A]");
        (VarArg, op_var_arg, ABC, None, Moves, "R[A], ..., R[A+C-2] := varargs; C = 0: all, sets top");
        (VarArgPrep, op_var_arg_prep, A, None, Throws, "first instruction of a vararg function; A = fixed parameters");
        // ---- closure
        (Closure, op_closure, ABx, None, Moves, "R[A] := closure of proto Bx with the cells that its upvalue descriptors name; S: registers in use (0: unknown)");
        (Tbc, op_tbc, A, None, Throws, "R[A] is to be closed (checks that it can be)");
        (Close, op_close, A, None, Calls, "close all variables >= R[A] that are to be closed");
    } };
}

macro_rules! define {
    ($(($name:ident, $method:ident, $form:ident, $fb:ident, $eff:ident, $doc:literal);)*) => {
        /// An opcode; see the table in this file for what each does.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Op { $(#[doc = $doc] $name,)* }
        /// Number of opcodes.
        pub const OP_COUNT: usize = [$(Op::$name),*].len();
        const OPS: [Op; OP_COUNT] = [$(Op::$name),*];
        impl Op {
            /// The opcode with this number.
            #[inline] pub const fn from_u8(n: u8) -> Option<Op> { if (n as usize) < OP_COUNT { Some(OPS[n as usize]) } else { None } }
            /// Its name in listings.
            pub const fn name(self) -> &'static str { match self { $(Op::$name => stringify!($name)),* } }
            /// How its operand fields are read.
            pub const fn form(self) -> Form { match self { $(Op::$name => Form::$form),* } }
            /// What feedback it records.
            pub const fn feedback(self) -> FeedbackKind { match self { $(Op::$name => FeedbackKind::$fb),* } }
            /// What can happen while it runs.
            pub const fn effect(self) -> Effect { match self { $(Op::$name => Effect::$eff),* } }
            /// What it does.
            pub const fn doc(self) -> &'static str { match self { $(Op::$name => $doc),* } }
        }
        /// One required method per opcode: whoever translates or walks bytecode implements this, so that a new row does
        /// not compile until each of them has it.
        pub trait OpVisitor { $(#[doc = $doc] fn $method(&mut self, pc: usize, ins: Ins) -> Self::Out;)*
            /// What a visit gives.
            type Out;
            /// Calls the method of `ins`'s opcode.
            #[inline] fn visit(&mut self, pc: usize, ins: Ins) -> Self::Out { match ins.op() { $(Op::$name => self.$method(pc, ins)),* } }
        }
    };
}
for_each_op!(define);
