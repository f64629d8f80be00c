//! What lowering writes with: a machine of 64-bit words, doubles, memory, blocks and calls. Two code generators are one:
//! `llvm` (LLVM IR) and `clif` (Cranelift).
//!
//! LOWER-1: a Lua value is of type `MTy::Value` from its definition to its last use, so that a generator can tell the
//! collector where it is. Addresses inside objects are made from the tagged value by `field`, and never live across a call
//! that may collect, other than where the generator keeps track of them; `bits` is for tests and numbers.
use super::LowerError;
use selune_core::value::{self, *};
use vm_bridge::layout::{self, AliasClass, ObjectField, RawField};
use vm_bridge::runtime::RtFn;

pub(super) type Result<T> = std::result::Result<T, LowerError>;

/// Types of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MTy {
    /// A condition.
    I1,
    I8,
    I32,
    I64,
    F64,
    /// A machine address.
    Raw,
    /// A Lua value.
    Value,
}

/// Comparisons of integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::upper_case_acronyms)]
pub(crate) enum IntPredicate {
    EQ,
    NE,
    SLT,
    SLE,
    SGT,
    SGE,
    ULT,
    ULE,
    UGT,
    UGE,
}

/// Comparisons of doubles; all but `UNE` are false with NaN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::upper_case_acronyms)]
pub(crate) enum FloatPredicate {
    OEQ,
    UNE,
    OLT,
    OLE,
    OGT,
    OGE,
}

/// Operations on two integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IntOp {
    Add,
    /// The sum is within 64 bits.
    AddNoWrap,
    Sub,
    /// The difference is within 64 bits.
    SubNoWrap,
    Mul,
    And,
    Or,
    Xor,
    Shl,
    /// Logical.
    Lshr,
    /// Arithmetic.
    Ashr,
    Udiv,
    Urem,
    /// Never with a divisor of -1 or 0.
    Sdiv,
    /// Never with a divisor of -1 or 0.
    Srem,
}

/// Operations on two doubles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FloatOp {
    Add,
    Sub,
    Mul,
    Div,
}

/// Operations on one double.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FloatFn {
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
}

/// How likely the first target of a branch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Likely {
    /// Almost always.
    Yes,
    /// Almost never.
    No,
    /// Mostly.
    Rather,
    /// Nothing is known.
    Unknown,
}

/// What a call goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<X> {
    /// The register entry at this address.
    Entry(X),
    /// The function that is being compiled.
    Own,
}

/// The arguments of a call in the convention of compiled code, after the VM.
pub(crate) type CallArgs<X> = [X; 5];

/// A code generator's instructions. They are added to the current block; each has the result's value.
pub(crate) trait Machine {
    /// A value of any type.
    type X: Copy + PartialEq;
    /// A block.
    type Block: Copy + PartialEq;

    // ---- the function
    /// The VM's address.
    fn vm(&self) -> Self::X;
    /// Parameter `i` of the function.
    fn parameter(&self, i: u32) -> Result<Self::X>;

    // ---- constants
    fn constant_of(&self, ty: MTy, bits: u64) -> Self::X;
    /// A double with these bits, NaNs included.
    fn float(&self, bits: u64) -> Result<Self::X>;
    /// Is it a constant? (Asked of doubles, where folding may lose the sign of a NaN.)
    fn is_constant(&self, x: Self::X) -> bool;
    fn int(&self, i: i64) -> Self::X {
        self.constant_of(MTy::I64, i as u64)
    }
    fn word(&self, bits: u64) -> Self::X {
        self.constant_of(MTy::I64, bits)
    }
    fn int32(&self, i: u32) -> Self::X {
        self.constant_of(MTy::I32, i.into())
    }
    fn int8(&self, i: u8) -> Self::X {
        self.constant_of(MTy::I8, i.into())
    }
    fn boolean(&self, b: bool) -> Self::X {
        self.constant_of(MTy::I1, b.into())
    }
    /// A constant Lua value.
    fn constant(&self, bits: u64) -> Self::X {
        self.constant_of(MTy::Value, bits)
    }
    fn nil(&self) -> Self::X {
        self.constant(value::NIL)
    }
    /// A machine address that is known now.
    fn address(&self, address: usize) -> Self::X {
        self.constant_of(MTy::Raw, address as u64)
    }

    // ---- blocks
    /// A new block with parameters of these types.
    fn block_with(&self, name: &str, params: &[MTy]) -> Result<Self::Block>;
    fn block(&self, name: &str) -> Result<Self::Block> {
        self.block_with(name, &[])
    }
    /// A parameter of a block.
    fn block_param(&self, b: Self::Block, i: usize) -> Result<Self::X>;
    /// Goes on writing in this block.
    fn switch_to(&self, b: Self::Block);
    /// The block is reached seldom.
    fn set_cold(&self, b: Self::Block);
    /// Ends the current block.
    fn jump_with(&self, to: Self::Block, args: &[Self::X]) -> Result<()>;
    fn jump(&self, to: Self::Block) -> Result<()> {
        self.jump_with(to, &[])
    }
    /// Ends the current block. The targets are not the same.
    fn branch_with(&self, c: Self::X, then: Self::Block, then_args: &[Self::X], els: Self::Block, els_args: &[Self::X], likely: Likely) -> Result<()>;
    fn branch(&self, c: Self::X, then: Self::Block, els: Self::Block, likely: Likely) -> Result<()> {
        self.branch_with(c, then, &[], els, &[], likely)
    }
    /// Ends the current block: cannot be reached.
    fn unreachable(&self) -> Result<()>;
    /// Ends the current block: returns a Lua value.
    fn return_value(&self, x: Self::X) -> Result<()>;

    /// `if c { then() } else { els }`; afterwards the writer stands where both meet.
    fn diamond(
        &self,
        c: Self::X,
        likely: Likely,
        ty: MTy,
        then: impl FnOnce(&Self) -> Result<Self::X>,
        els: impl FnOnce(&Self) -> Result<Self::X>,
    ) -> Result<Self::X> {
        let (t, e, join) = (self.block("then")?, self.block("else")?, self.block_with("join", &[ty])?);
        self.branch(c, t, e, likely)?;
        self.switch_to(t);
        let value = then(self)?;
        self.jump_with(join, &[value])?;
        self.switch_to(e);
        let value = els(self)?;
        self.jump_with(join, &[value])?;
        self.switch_to(join);
        self.block_param(join, 0)
    }
    /// `if c { then() }`.
    fn when(&self, c: Self::X, likely: Likely, then: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let (t, join) = (self.block("then")?, self.block("join")?);
        self.branch(c, t, join, likely)?;
        self.switch_to(t);
        then(self)?;
        self.jump(join)?;
        self.switch_to(join);
        Ok(())
    }

    // ---- numbers and tests
    fn int_op(&self, op: IntOp, a: Self::X, b: Self::X) -> Result<Self::X>;
    fn float_op(&self, op: FloatOp, a: Self::X, b: Self::X) -> Result<Self::X>;
    fn float_fn(&self, f: FloatFn, a: Self::X) -> Result<Self::X>;
    fn compare(&self, p: IntPredicate, a: Self::X, b: Self::X) -> Result<Self::X>;
    fn compare_floats(&self, p: FloatPredicate, a: Self::X, b: Self::X) -> Result<Self::X>;
    /// The opposite of a condition.
    fn not(&self, c: Self::X) -> Result<Self::X>;
    fn select(&self, c: Self::X, a: Self::X, b: Self::X) -> Result<Self::X>;
    /// To 64 bits, from fewer (a condition too).
    fn zext(&self, x: Self::X) -> Result<Self::X>;
    /// The lowest bit of 64 as a condition.
    fn lowest_bit(&self, x: Self::X) -> Result<Self::X>;
    fn int_to_float(&self, i: Self::X) -> Result<Self::X>;
    /// The double is within the range of integers.
    fn float_to_int(&self, f: Self::X) -> Result<Self::X>;
    fn float_bits(&self, f: Self::X) -> Result<Self::X>;
    fn float_of_bits(&self, bits: Self::X) -> Result<Self::X>;
    /// The 64 bits of a Lua value, for tests and numbers only (LOWER-1).
    fn bits(&self, v: Self::X) -> Result<Self::X>;
    /// A Lua value that is no heap value, from its bits.
    fn from_bits(&self, bits: Self::X) -> Result<Self::X>;
    /// An address from a number.
    fn address_of_bits(&self, bits: Self::X) -> Result<Self::X>;
    /// `~x` of 64 bits.
    fn complement(&self, x: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Xor, x, self.word(u64::MAX))
    }
    fn add(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Add, a, b)
    }
    fn sub(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Sub, a, b)
    }
    fn and(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::And, a, b)
    }
    fn or(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Or, a, b)
    }
    fn xor(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Xor, a, b)
    }
    fn shl(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Shl, a, b)
    }
    fn lshr(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Lshr, a, b)
    }
    fn ashr(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.int_op(IntOp::Ashr, a, b)
    }
    fn eq(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.compare(IntPredicate::EQ, a, b)
    }
    /// Have two Lua values the same bits?
    fn same(&self, a: Self::X, b: Self::X) -> Result<Self::X> {
        self.compare(IntPredicate::EQ, a, b)
    }

    // ---- memory
    /// The address `p + bytes`; of a Lua value, an address inside its object (LOWER-1).
    fn offset(&self, p: Self::X, bytes: Self::X) -> Result<Self::X>;
    /// Element `index` of 8 bytes from `p` on.
    fn element(&self, p: Self::X, index: Self::X) -> Result<Self::X>;
    fn load_at(&self, p: Self::X, ty: MTy, class: AliasClass) -> Result<Self::X>;
    fn store_at(&self, p: Self::X, x: Self::X, class: AliasClass) -> Result<()>;
    /// The address of a field of the object behind a value.
    fn field(&self, v: Self::X, field: ObjectField) -> Result<Self::X> {
        self.offset(v, self.word(field.displacement()))
    }
    fn load(&self, v: Self::X, field: ObjectField, ty: MTy) -> Result<Self::X> {
        self.load_at(self.field(v, field)?, ty, field.class)
    }
    fn load_value(&self, v: Self::X, field: ObjectField) -> Result<Self::X> {
        self.load(v, field, MTy::Value)
    }
    fn store(&self, v: Self::X, field: ObjectField, what: Self::X) -> Result<()> {
        self.store_at(self.field(v, field)?, what, field.class)
    }
    fn load_raw(&self, base: Self::X, field: RawField, ty: MTy) -> Result<Self::X> {
        self.load_at(self.offset(base, self.word(field.offset as u64))?, ty, field.class)
    }
    /// `load_raw` of 32 bits that a signal handler may change: made at each pass of a loop.
    fn load_volatile(&self, base: Self::X, field: RawField) -> Result<Self::X> {
        self.load_raw(base, field, MTy::I32)
    }
    fn store_raw(&self, base: Self::X, field: RawField, what: Self::X) -> Result<()> {
        self.store_at(self.offset(base, self.word(field.offset as u64))?, what, field.class)
    }

    // ---- calls
    /// The address of the frame.
    fn frame_address(&self) -> Result<Self::X>;
    /// Where a runtime function is called.
    fn runtime_entry(&self, f: RtFn) -> Result<Self::X>;
    /// Calls a runtime function; `site` is the number by which its safepoint names the place in the program.
    fn call_runtime(&self, f: RtFn, args: &[Self::X], site: u64) -> Result<Option<Self::X>>;
    /// The same for functions with a result.
    fn runtime_result(&self, f: RtFn, args: &[Self::X], site: u64) -> Result<Self::X> {
        self.call_runtime(f, args, site)?.ok_or(LowerError::Internal("a runtime function without result"))
    }
    /// The same for functions with a boolean result.
    fn runtime_bool(&self, f: RtFn, args: &[Self::X], site: u64) -> Result<Self::X> {
        let r = self.runtime_result(f, args, site)?;
        self.lowest_bit(r)
    }
    /// Calls in the convention of compiled code.
    fn call(&self, target: Target<Self::X>, args: CallArgs<Self::X>, site: u64) -> Result<Self::X>;
    /// Ends the current block: the callee takes the function's place.
    fn jump_to(&self, target: Target<Self::X>, args: CallArgs<Self::X>) -> Result<()>;
    /// Ends the current block: side exit `id`, which passes these values (of any type but conditions).
    fn exit(&self, id: u64, live: &[Self::X]) -> Result<()>;
    /// Counts a pass of a loop. The condition: there were many; leave, so that better code can be made, or entered.
    fn count(&self) -> Result<Option<Self::X>> {
        Ok(None)
    }
    /// Counts a call, and asks for better code after many. Stands at the entry, before parameters are used.
    fn count_entry(&self, _site: u64) -> Result<()> {
        Ok(())
    }

    // ---- value functions: what is known about the 64 bits of a Lua value
    /// Applies a value function, or, in listings, calls it by name.
    fn value_function(&self, _name: &'static str, _ret: MTy, v: Self::X, body: fn(&Self, Self::X) -> Result<Self::X>) -> Result<Self::X> {
        body(self, v)
    }
    fn has_tag(&self, v: Self::X, tag: u64) -> Result<Self::X> {
        let t = self.lshr(self.bits(v)?, self.word(TAG_SHIFT.into()))?;
        self.eq(t, self.word(tag))
    }
    /// Is it an integer without a box?
    fn is_small(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_int", MTy::I1, v, |e, v| e.has_tag(v, TAG_INT))
    }
    /// Is it an integer in a box?
    fn is_boxed(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_boxed_int", MTy::I1, v, |e, v| {
            e.compare(IntPredicate::UGE, e.bits(v)?, e.word(TAG_BOXINT << TAG_SHIFT))
        })
    }
    /// Is it a float?
    fn is_float(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_double", MTy::I1, v, |e, v| e.compare(IntPredicate::ULE, e.bits(v)?, e.word(MAX_DOUBLE_BITS)))
    }
    /// Is it an integer of any size?
    fn is_integer(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_integer", MTy::I1, v, |e, v| e.or(e.has_tag(v, TAG_INT)?, e.has_tag(v, TAG_BOXINT)?))
    }
    /// Is it a number? (Adding one to the tag brings the boxed integers below the floats.)
    fn is_number(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_number", MTy::I1, v, |e, v| {
            let turned = e.add(e.bits(v)?, e.word(1 << TAG_SHIFT))?;
            e.compare(IntPredicate::ULT, turned, e.word((TAG_INT + 2) << TAG_SHIFT))
        })
    }
    /// Is it a string?
    fn is_string(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_string", MTy::I1, v, |e, v| e.has_tag(v, TAG_STRING))
    }
    /// Is it a table?
    fn is_table(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_table", MTy::I1, v, |e, v| e.has_tag(v, TAG_TABLE))
    }
    /// Is it a function?
    fn is_function(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_function", MTy::I1, v, |e, v| e.has_tag(v, TAG_FUNCTION))
    }
    /// Does it refer to an object?
    fn is_heap(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_heap", MTy::I1, v, |e, v| e.compare(IntPredicate::UGE, e.bits(v)?, e.word(MIN_HEAP_BITS)))
    }
    /// Is it neither nil nor false?
    fn is_truthy(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_truthy", MTy::I1, v, |e, v| {
            let distance = e.sub(e.bits(v)?, e.word(NIL))?;
            e.compare(IntPredicate::UGT, distance, e.word(1))
        })
    }
    /// Is it true or false?
    fn is_boolean(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.is_boolean", MTy::I1, v, |e, v| {
            let distance = e.sub(e.bits(v)?, e.word(FALSE))?;
            e.compare(IntPredicate::ULE, distance, e.word(1))
        })
    }
    /// The integer of a value that has no box.
    fn unbox_small(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.to_int", MTy::I64, v, |e, v| {
            let high = e.shl(e.bits(v)?, e.word(16))?;
            e.ashr(high, e.word(16))
        })
    }
    /// The double of a float.
    fn unbox_float(&self, v: Self::X) -> Result<Self::X> {
        self.value_function("selune.to_double", MTy::F64, v, |e, v| e.float_of_bits(e.bits(v)?))
    }
    /// The value of an integer that fits 48 bits.
    fn box_small(&self, i: Self::X) -> Result<Self::X> {
        self.value_function("selune.box_int", MTy::Value, i, |e, i| {
            let payload = e.and(i, e.word(PAYLOAD_MASK))?;
            e.from_bits(e.or(payload, e.word(TAG_INT << TAG_SHIFT))?)
        })
    }
    /// Does an integer fit 48 bits?
    fn fits_small(&self, i: Self::X) -> Result<Self::X> {
        self.value_function("selune.fits_48", MTy::I1, i, |e, i| {
            let high = e.shl(i, e.word(16))?;
            e.eq(e.ashr(high, e.word(16))?, i)
        })
    }
    /// The value of a double.
    fn box_float(&self, f: Self::X) -> Result<Self::X> {
        self.value_function("selune.box_double", MTy::Value, f, |e, f| e.from_bits(e.float_bits(f)?))
    }
    /// The value of a boolean.
    fn box_bool(&self, b: Self::X) -> Result<Self::X> {
        self.value_function("selune.box_bool", MTy::Value, b, |e, b| e.select(b, e.constant(TRUE), e.constant(FALSE)))
    }
    /// The register entry of a closure.
    fn entry_of_closure(&self, f: Self::X) -> Result<Self::X> {
        let proto = self.load(f, layout::CLOSURE_PROTO, MTy::Raw)?;
        self.load_raw(proto, layout::PROTO_ENTRY, MTy::Raw)
    }
}
