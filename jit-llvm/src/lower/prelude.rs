//! The value functions: what is known about the 64 bits of a Lua value, as small functions `@selune.*` that are always
//! inlined. For listings the emitted IR calls them; otherwise their instructions are emitted in place, which is the
//! same after inlining and saves the inliner's time.
use super::LowerError;
use super::emit::{Emit, Result};
use inkwell::IntPredicate;
use inkwell::attributes::AttributeLoc;
use inkwell::module::Linkage;
use inkwell::types::{BasicType, BasicTypeEnum};
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, FloatValue, IntValue, PointerValue};
use selune_core::value::*;

/// A value function.
struct Intrinsic {
    name: &'static str,
    body: for<'a, 'c> fn(&Emit<'a, 'c>, BasicValueEnum<'c>) -> Result<BasicValueEnum<'c>>,
}

macro_rules! intrinsics {
    ($($(#[$doc:meta])* $name:ident($symbol:literal, $param:ident -> $ret:ident) = $body:expr;)*) => {
        impl<'c> Emit<'_, 'c> {
            $($(#[$doc])*
            pub fn $name(&mut self, v: intrinsics!(@rust $param)) -> Result<intrinsics!(@rust $ret)> {
                const BODY: for<'x, 'd> fn(&Emit<'x, 'd>, BasicValueEnum<'d>) -> Result<BasicValueEnum<'d>> = |e, v| {
                    let body: for<'x, 'd> fn(&Emit<'x, 'd>, intrinsics!(@rust2 $param)) -> Result<intrinsics!(@rust2 $ret)> = $body;
                    Ok(body(e, intrinsics!(@from $param v))?.into())
                };
                let r = self.intrinsic(Intrinsic { name: concat!("selune.", $symbol), body: BODY }, v.into(), intrinsics!(@type self $ret))?;
                Ok(intrinsics!(@from $ret r))
            })*
        }
    };
    (@rust any) => { PointerValue<'c> };
    (@rust int) => { IntValue<'c> };
    (@rust float) => { FloatValue<'c> };
    (@rust boolean) => { IntValue<'c> };
    (@rust2 any) => { PointerValue<'d> };
    (@rust2 int) => { IntValue<'d> };
    (@rust2 float) => { FloatValue<'d> };
    (@rust2 boolean) => { IntValue<'d> };
    (@from any $v:ident) => { $v.into_pointer_value() };
    (@from int $v:ident) => { $v.into_int_value() };
    (@from float $v:ident) => { $v.into_float_value() };
    (@from boolean $v:ident) => { $v.into_int_value() };
    (@type $e:ident any) => { $e.value.into() };
    (@type $e:ident int) => { $e.i64.into() };
    (@type $e:ident float) => { $e.f64.into() };
    (@type $e:ident boolean) => { $e.i1.into() };
}

intrinsics! {
    /// Is it an integer without a box?
    is_small("is_int", any -> boolean) = |e, v| e.has_tag(v, TAG_INT);
    /// Is it an integer in a box?
    is_boxed("is_boxed_int", any -> boolean) = |e, v| e.compare(IntPredicate::UGE, e.bits(v)?, e.word(TAG_BOXINT << TAG_SHIFT));
    /// Is it a float?
    is_float("is_double", any -> boolean) = |e, v| e.compare(IntPredicate::ULE, e.bits(v)?, e.word(MAX_DOUBLE_BITS));
    /// Is it an integer of any size?
    is_integer("is_integer", any -> boolean) = |e, v| e.or(e.has_tag(v, TAG_INT)?, e.has_tag(v, TAG_BOXINT)?);
    /// Is it a number? (Adding one to the tag brings the boxed integers below the floats.)
    is_number("is_number", any -> boolean) = |e, v| {
        let turned = e.b.build_int_add(e.bits(v)?, e.word(1 << TAG_SHIFT), "")?;
        e.compare(IntPredicate::ULT, turned, e.word((TAG_INT + 2) << TAG_SHIFT))
    };
    /// Is it a string?
    is_string("is_string", any -> boolean) = |e, v| e.has_tag(v, TAG_STRING);
    /// Is it a table?
    is_table("is_table", any -> boolean) = |e, v| e.has_tag(v, TAG_TABLE);
    /// Is it a function?
    is_function("is_function", any -> boolean) = |e, v| e.has_tag(v, TAG_FUNCTION);
    /// Does it refer to an object?
    is_heap("is_heap", any -> boolean) = |e, v| e.compare(IntPredicate::UGE, e.bits(v)?, e.word(MIN_HEAP_BITS));
    /// Is it neither nil nor false?
    is_truthy("is_truthy", any -> boolean) = |e, v| {
        let distance = e.b.build_int_sub(e.bits(v)?, e.word(NIL), "")?;
        e.compare(IntPredicate::UGT, distance, e.word(1))
    };
    /// Is it true or false?
    is_boolean("is_boolean", any -> boolean) = |e, v| {
        let distance = e.b.build_int_sub(e.bits(v)?, e.word(FALSE), "")?;
        e.compare(IntPredicate::ULE, distance, e.word(1))
    };
    /// The integer of a value that has no box.
    unbox_small("to_int", any -> int) = |e, v| {
        let high = e.b.build_left_shift(e.bits(v)?, e.word(16), "")?;
        Ok(e.b.build_right_shift(high, e.word(16), true, "")?)
    };
    /// The double of a float.
    unbox_float("to_double", any -> float) = |e, v| Ok(e.b.build_bit_cast(e.bits(v)?, e.f64, "")?.into_float_value());
    /// The value of an integer that fits 48 bits.
    box_small("box_int", int -> any) = |e, i| {
        let payload = e.and(i, e.word(PAYLOAD_MASK))?;
        e.from_bits(e.or(payload, e.word(TAG_INT << TAG_SHIFT))?)
    };
    /// Does an integer fit 48 bits?
    fits_small("fits_48", int -> boolean) = |e, i| {
        let high = e.b.build_left_shift(i, e.word(16), "")?;
        e.eq(e.b.build_right_shift(high, e.word(16), true, "")?, i)
    };
    /// The value of a double.
    box_float("box_double", float -> any) = |e, d| {
        let bits = e.b.build_bit_cast(d, e.i64, "")?.into_int_value();
        e.from_bits(bits)
    };
    /// The value of a boolean.
    box_bool("box_bool", boolean -> any) = |e, b| Ok(e.select(b, e.constant(TRUE), e.constant(FALSE))?.into_pointer_value());
}

impl<'c> Emit<'_, 'c> {
    fn has_tag(&self, v: PointerValue<'c>, tag: u64) -> Result<IntValue<'c>> {
        let t = self.b.build_right_shift(self.bits(v)?, self.word(TAG_SHIFT.into()), false, "")?;
        self.eq(t, self.word(tag))
    }

    fn intrinsic(&mut self, i: Intrinsic, v: BasicValueEnum<'c>, ret: BasicTypeEnum<'c>) -> Result<BasicValueEnum<'c>> {
        if !self.listing {
            return (i.body)(self, v);
        }
        let f = match self.intrinsics.get(i.name) {
            Some(&f) => f,
            None => {
                let f = self.module.add_function(i.name, ret.fn_type(&[v.get_type().into()], false), Some(Linkage::Internal));
                for (name, bits) in [("alwaysinline", 0), ("nounwind", 0), ("willreturn", 0), ("memory", 0)] {
                    f.add_attribute(AttributeLoc::Function, self.enum_attribute(name, bits));
                }
                f.add_attribute(AttributeLoc::Function, self.string_attribute("gc-leaf-function", ""));
                let here = self.current()?;
                self.b.position_at_end(self.context.append_basic_block(f, "e"));
                let param = f.get_first_param().ok_or(LowerError::Internal("an intrinsic without parameter"))?;
                let r = (i.body)(self, param)?;
                self.b.build_return(Some(&r))?;
                self.b.position_at_end(here);
                self.intrinsics.insert(i.name, f);
                f
            }
        };
        let args: [BasicMetadataValueEnum; 1] = [v.into()];
        let r = self.b.build_direct_call(f, &args, "")?.try_as_basic_value().basic();
        r.ok_or(LowerError::Internal("an intrinsic without result"))
    }
}
