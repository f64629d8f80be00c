//! Runtime functions: what compiled code calls in Rust. One table gives name, signature, effect and implementation.
//!
//! An implementation ("shim") is a thin caller of what `selune-vm` defines; the meaning of Lua is there, not here. Three
//! ways to be called, by the table's `kind`:
//! - `leaf`: directly, as any C function. It neither collects nor throws nor looks at the stack (RT-1), so compiled
//!   code keeps its values in registers across it and reports no call site.
//! - `value`: through an exit trampoline (`arch`), which records where compiled code is and, on an error, leaves for the
//!   innermost entry trampoline.
//! - `infallible`: through a trampoline that only records.
//!
//! RT-2: a shim that may collect uses none of its arguments afterwards; its result crosses the collection in
//! `native.result`, a root. RT-3: a shim leaves the thread's `top` as it found it.
//!
//! Reading order: the table below, `call` (the calling convention seen from Rust), then any other family.

pub mod alloc;
pub mod arith;
pub mod call;
pub mod compare;
pub mod coroutine;
pub mod iterate;
pub mod table;
pub mod tier;
pub mod vararg;

use crate::arch::Outcome;
use selune_core::value::Value;
use selune_vm::{Thrown, Vm};

/// Machine type of a parameter or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtType {
    /// The VM's address.
    Vm,
    /// A Lua value or tagged part; also the address of a slot, for leaf functions.
    Value,
    /// 64 bits that are no reference.
    Int,
    /// A double.
    Float,
    /// 0 or 1 in 64 bits.
    Bool,
    /// No result.
    Void,
}

/// What can happen in a runtime function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtEffect {
    /// See RT-1.
    Leaf,
    /// A leaf whose result depends on its arguments alone, and that touches no memory.
    Pure,
    /// May throw, does not collect.
    Throws,
    /// May collect (objects move), runs no Lua code; may throw.
    Collects,
    /// May run Lua code.
    CallsLua,
}

impl RtEffect {
    /// Called without a trampoline, not a safepoint.
    pub const fn is_leaf(self) -> bool {
        matches!(self, RtEffect::Leaf | RtEffect::Pure)
    }
}

/// Calls the macro `$m` with the whole table: `(Name, symbol, kind, effect, [parameters] -> result, implementation, "doc");`.
#[macro_export]
macro_rules! for_each_runtime_function {
    ($m:ident) => { $m! {
        // ---- numbers
        (BoxInt, rt_box_int, leaf, Leaf, [Vm, Int] -> Value, arith::box_int, "the integer as a value");
        (FloatMod, rt_float_mod, leaf, Pure, [Float, Float] -> Float, arith::float_mod, "Lua's `%` on floats");
        (FloatPow, rt_float_pow, leaf, Pure, [Float, Float] -> Float, arith::float_pow, "`^`");
        (Sin, rt_sin, leaf, Pure, [Float] -> Float, arith::sin, "math.sin");
        (Cos, rt_cos, leaf, Pure, [Float] -> Float, arith::cos, "math.cos");
        (Exp, rt_exp, leaf, Pure, [Float] -> Float, arith::exp, "math.exp");
        (FloatFmod, rt_float_fmod, leaf, Pure, [Float, Float] -> Float, arith::float_fmod, "math.fmod on floats (C's)");
        (OpaqueFloat, rt_opaque_float, leaf, Leaf, [Float] -> Float, arith::opaque_float, "its argument, unknown to the optimiser");
        (Arith, rt_arith, value, CallsLua, [Vm, Int, Value, Value] -> Value, arith::arith, "any arithmetic operator, by number");
        // ---- comparisons
        (NumberEq, rt_number_eq, leaf, Leaf, [Value, Value] -> Bool, compare::number_eq, "== of two numbers");
        (NumberLt, rt_number_lt, leaf, Leaf, [Value, Value] -> Bool, compare::number_lt, "< of two numbers");
        (NumberLe, rt_number_le, leaf, Leaf, [Value, Value] -> Bool, compare::number_le, "<= of two numbers");
        (RawEqual, rt_raw_equal, leaf, Leaf, [Value, Value] -> Bool, compare::raw_equal, "rawequal");
        (StringEq, rt_string_eq, leaf, Leaf, [Value, Value] -> Bool, compare::string_eq, "== of two strings");
        (StringLt, rt_string_lt, leaf, Leaf, [Value, Value] -> Bool, compare::string_lt, "< of two strings");
        (StringLe, rt_string_le, leaf, Leaf, [Value, Value] -> Bool, compare::string_le, "<= of two strings");
        (Eq, rt_eq, value, CallsLua, [Vm, Value, Value] -> Bool, compare::eq, "==");
        (EqProbe, rt_eq_probe, leaf, Leaf, [Vm, Value, Value] -> Int, compare::eq_probe, "== without running Lua: 0, 1, or 2 when __eq must be called");
        (Lt, rt_lt, value, CallsLua, [Vm, Value, Value] -> Bool, compare::lt, "<");
        (Le, rt_le, value, CallsLua, [Vm, Value, Value] -> Bool, compare::le, "<=");
        // ---- tables
        (Barrier, rt_barrier, leaf, Leaf, [Vm, Value, Value] -> Void, table::barrier, "remembers that a slot (address) of an old container was written");
        (TableLen, rt_table_len, leaf, Leaf, [Vm, Value] -> Int, table::table_len, "# of a table without metamethods");
        (TablePop, rt_table_pop, leaf, Leaf, [Vm, Value] -> Value, table::table_pop, "table.remove(t) of a table without metatable");
        (RawGet, rt_raw_get, leaf, Leaf, [Vm, Value, Value] -> Value, table::raw_get, "rawget");
        (GetTable, rt_get_table, value, CallsLua, [Vm, Value, Value] -> Value, table::get_table, "o[k]");
        (GetInt, rt_get_int, value, CallsLua, [Vm, Value, Int] -> Value, table::get_int, "o[i]");
        (GetField, rt_get_field, value, CallsLua, [Vm, Value, Value] -> Value, table::get_field, "o.name");
        (SetTable, rt_set_table, value, CallsLua, [Vm, Value, Value, Value] -> Void, table::set_table, "o[k] = v");
        (SetInt, rt_set_int, value, CallsLua, [Vm, Value, Int, Value] -> Void, table::set_int, "o[i] = v");
        (SetField, rt_set_field, value, CallsLua, [Vm, Value, Value, Value] -> Void, table::set_field, "o.name = v");
        (RawSetInt, rt_raw_set_int, value, Collects, [Vm, Value, Int, Value] -> Void, table::raw_set_int, "t[i] = v without metamethods");
        (RawSet, rt_raw_set, value, Collects, [Vm, Value, Value, Value] -> Void, table::raw_set, "t[k] = v without metamethods");
        (SetList, rt_set_list, value, Collects, [Vm, Value, Int, Int] -> Void, table::set_list, "t[first + j] = args[j] for j < n");
        (SetListOpen, rt_set_list_open, value, Collects, [Vm, Value, Int] -> Void, table::set_list_open, "the same with the open list");
        (StrSub, rt_str_sub, leaf, Leaf, [Vm, Value, Int, Int] -> Value, table::str_sub, "string.sub");
        (TypeName, rt_type_name, leaf, Leaf, [Value, Value] -> Value, table::type_name, "what the function type gives for a value");
        (Len, rt_len, value, CallsLua, [Vm, Value] -> Value, table::len, "#o");
        (Concat2, rt_concat2, value, CallsLua, [Vm, Value, Value] -> Value, table::concat2, "a .. b");
        (Concat, rt_concat, value, CallsLua, [Vm, Int] -> Value, table::concat, "args[0] .. ... .. args[n - 1]");
        // ---- iteration
        (NextFind, rt_next_find, leaf, Leaf, [Vm, Value, Value] -> Int, iterate::next_find, "the position behind a key, -1 when there is no such key");
        (NextStep, rt_next_step, leaf, Leaf, [Vm, Value, Int] -> Int, iterate::next_step, "the position behind the next entry, 0 at the end; key and value in args[0], args[1]");
        (ForPrep, rt_for_prep, value, Throws, [Vm, Value, Value, Value] -> Bool, iterate::for_prep, "prepares a numeric for; index, limit, step in args[1..=3]");
        (ForNext, rt_for_next, leaf, Leaf, [Vm, Value, Value, Value] -> Value, iterate::for_next, "the next index of a numeric for, nil at its end");
        (CheckTbc, rt_check_tbc, value, Throws, [Vm, Value] -> Void, iterate::check_tbc, "throws unless the value can be closed");
        // ---- allocation and safepoints
        (MakeRoom, rt_make_room, value, Collects, [Vm, Int] -> Void, alloc::make_room, "room for so many bytes in the nursery");
        (NewTable, rt_new_table, value, Collects, [Vm, Int, Int] -> Value, alloc::new_table, "an empty table: inline slots, array capacity");
        (Poll, rt_poll, value, Collects, [Vm] -> Bool, alloc::poll, "does what the poll word asks for; true: leave compiled code");
        (StackOverflow, rt_stack_overflow, value, CallsLua, [Vm, Value, Int, Value, Value, Value] -> Value, call::stack_overflow, "throws \"stack overflow\"; in a coroutine it interprets the function instead");
        (TierUp, rt_tier_up, value, Throws, [Vm, Int] -> Void, tier::tier_up, "baseline code has run often");
        // ---- calls
        (Call, rt_call, value, CallsLua, [Vm, Value, Int, Value, Value, Value] -> Value, call::call, "calls anything; the signature of compiled code");
        (CallMore, rt_call_more, value, CallsLua, [Vm, Value, Int, Value, Value, Value] -> Value, call::call_more, "calls with the open list as arguments");
        (FirstResult, rt_first_result, leaf, Leaf, [Vm] -> Value, call::first_result, "the first of several results, or nil");
        (SpreadResults, rt_spread_results, leaf, Leaf, [Vm, Int] -> Void, call::spread_results, "adjusts several results to n");
        (OpenInsert, rt_open_insert, leaf, Leaf, [Vm, Int] -> Int, call::open_insert, "room for n values in front of the open list: their address");
        // ---- varargs
        (VarArgSave, rt_var_arg_save, value, Throws, [Vm, Int, Int, Value, Value, Value] -> Int, vararg::save, "keeps the arguments beyond the parameters");
        (VarArgOfFrame, rt_var_arg_of_frame, leaf, Leaf, [Vm] -> Int, vararg::of_frame, "those of the interpreter's frame");
        (VarArgOpen, rt_var_arg_open, leaf, Leaf, [Vm, Int] -> Void, vararg::open, "all as the open list");
        (VarArgRelease, rt_var_arg_release, leaf, Leaf, [Vm, Int] -> Void, vararg::release, "forgets them");
    } };
}

macro_rules! define {
    ($(($name:ident, $symbol:ident, $kind:ident, $effect:ident, [$($param:ident),*] -> $ret:ident, $module:ident :: $function:ident, $doc:literal);)*) => {
        /// A runtime function; see the table in this file.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum RtFn { $(#[doc = $doc] $name,)* }
        impl RtFn {
            /// All of them.
            pub const ALL: &'static [RtFn] = &[$(RtFn::$name),*];
            /// The name by which compiled code calls it.
            pub const fn symbol(self) -> &'static str { match self { $(RtFn::$name => stringify!($symbol)),* } }
            /// What can happen in it.
            pub const fn effect(self) -> RtEffect { match self { $(RtFn::$name => RtEffect::$effect),* } }
            /// Its parameters.
            pub const fn params(self) -> &'static [RtType] { match self { $(RtFn::$name => &[$(RtType::$param),*]),* } }
            /// Its result, as compiled code sees it.
            pub const fn result(self) -> RtType { match self { $(RtFn::$name => RtType::$ret),* } }
            /// Where compiled code calls.
            pub fn address(self) -> usize { match self { $(RtFn::$name => define!(@address $kind $symbol $module $function)),* } }
        }
        /// The exit trampolines of those that are not leaves.
        pub mod trampolines {
            $(define! { @trampoline $kind $symbol $module $function $doc })*
        }
    };
    (@address leaf $symbol:ident $module:ident $function:ident) => { $module::$function as *const () as usize };
    (@address $kind:ident $symbol:ident $module:ident $function:ident) => { trampolines::$symbol as *const () as usize };
    (@trampoline leaf $symbol:ident $module:ident $function:ident $doc:literal) => {};
    (@trampoline $kind:ident $symbol:ident $module:ident $function:ident $doc:literal) => {
        $crate::runtime_trampolines! {
            #[doc = $doc]
            pub $symbol = super::$module::$function as $kind;
        }
    };
}
for_each_runtime_function!(define);

/// Names and addresses of all runtime functions, for a linker.
pub fn symbols() -> Vec<(&'static str, usize)> {
    RtFn::ALL.iter().map(|f| (f.symbol(), f.address())).collect()
}

/// The body of a shim that gives a value.
///
/// # Safety
/// `vm` is the VM that compiled code runs in; nobody else uses it during the call.
#[inline(always)]
pub(crate) unsafe fn with_vm<R: IntoOutcome>(vm: *mut Vm, body: impl FnOnce(&mut Vm) -> Result<R, Thrown>) -> Outcome {
    // SAFETY: the caller's promise.
    match body(unsafe { &mut *vm }) {
        Ok(r) => Outcome::ok(r.bits()),
        // SAFETY: as above.
        Err(Thrown) => thrown(unsafe { &mut *vm }),
    }
}

/// An error leaves for the compiled frames; those of a coroutine that dies of it stay as they are.
#[cold]
pub(crate) fn thrown(vm: &mut Vm) -> Outcome {
    if vm.dies_here() {
        vm.die();
    }
    Outcome::ERROR
}

/// What a shim can give to compiled code.
pub(crate) trait IntoOutcome {
    /// Its 64 bits.
    fn bits(self) -> u64;
}
impl IntoOutcome for Value {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.0
    }
}
impl IntoOutcome for bool {
    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }
}
impl IntoOutcome for () {
    #[inline(always)]
    fn bits(self) -> u64 {
        0
    }
}
impl IntoOutcome for i64 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }
}

/// Collects if that is asked for, keeping `result` (RT-2).
#[inline(always)]
pub(crate) fn settle(vm: &mut Vm, result: Value) -> Value {
    if vm.heap.gc_request == 0 { result } else { settle_slow(vm, result) }
}

#[cold]
fn settle_slow(vm: &mut Vm, result: Value) -> Value {
    vm.native.result = result;
    alloc::collect_if_asked(vm);
    std::mem::replace(&mut vm.native.result, Value::NIL)
}
