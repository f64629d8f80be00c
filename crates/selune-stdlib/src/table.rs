//! The library `table`. Tables without a metatable take raw paths; everything else respects metamethods.
use crate::register::{Entry, append_text, new_library, set_field};
use crate::sort;
use selune_core::shape::Metamethod;
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Thrown, Vm};

static FUNCTIONS: &[Entry] = &[
    ("concat", concat),
    ("insert", insert),
    ("pack", pack),
    ("unpack", unpack),
    ("remove", remove),
    ("move", move_),
    ("sort", sort::sort),
];

/// Opens the library.
pub fn open(vm: &mut Vm) {
    new_library(vm, "table", FUNCTIONS);
}

/// What an argument that stands in for a table must be able to do.
#[derive(Clone, Copy)]
pub struct Needs {
    /// Be read.
    pub read: bool,
    /// Be written.
    pub write: bool,
    /// Have a length.
    pub len: bool,
}

const READ: Needs = Needs { read: true, write: false, len: false };
const WRITE: Needs = Needs { read: false, write: true, len: false };
const READ_LEN: Needs = Needs { read: true, write: false, len: true };
/// Read, written, measured.
pub const ALL: Needs = Needs { read: true, write: true, len: true };

/// Is it a table on which raw access means the same as Lua's operators?
#[inline]
pub fn is_raw(vm: &Vm, v: Value) -> bool {
    v.is_table() && vm.metatable(v).is_nil()
}

/// Checks that argument `i` is a table or has the metamethods to stand in for one.
pub fn check_like_table(vm: &mut Vm, args: Args, i: usize, needs: Needs) -> Result<(), Thrown> {
    let v = args.get(vm, i);
    if v.is_table() {
        return Ok(());
    }
    let has = |m| !vm.metamethod(v, m).is_nil();
    if !vm.metatable(v).is_nil()
        && (!needs.read || has(Metamethod::Index))
        && (!needs.write || has(Metamethod::NewIndex))
        && (!needs.len || has(Metamethod::Len))
    {
        return Ok(());
    }
    Err(vm.type_error(args, i + 1, "table"))
}

/// `arg[k]` for an integer key. May call.
#[inline]
pub fn get(vm: &mut Vm, args: Args, i: usize, k: i64) -> Result<Value, Thrown> {
    let t = args.get(vm, i);
    if t.is_table() {
        let v = vm.raw_get_int(t, k);
        if !v.is_nil() || vm.metatable(t).is_nil() {
            return Ok(v);
        }
    }
    let k = vm.int(k);
    vm.index(t, k)
}

/// `arg[k] = v` for an integer key. May call.
#[inline]
pub fn set(vm: &mut Vm, args: Args, i: usize, k: i64, v: Value) -> Result<(), Thrown> {
    let t = args.get(vm, i);
    if is_raw(vm, t) {
        vm.raw_set_int(t, k, v);
        return Ok(());
    }
    let k = vm.int(k);
    vm.set_index(t, k, v)
}

/// `#arg` after the check. May call.
pub fn length(vm: &mut Vm, args: Args, i: usize, needs: Needs) -> Result<i64, Thrown> {
    check_like_table(vm, args, i, needs)?;
    let t = args.get(vm, i);
    if is_raw(vm, t) { Ok(vm.heap.length(t)) } else { vm.len_int(t) }
}

fn insert(vm: &mut Vm, args: Args) -> NativeResult {
    let end = length(vm, args, 0, ALL)?.wrapping_add(1);
    match args.len() {
        2 => {
            let v = args.get(vm, 1);
            set(vm, args, 0, end, v)?;
        }
        3 => {
            let pos = vm.check_int(args, 1)?;
            if (pos as u64).wrapping_sub(1) >= end as u64 {
                return Err(vm.arg_error(2, "position out of bounds"));
            }
            let mut i = end;
            let t = args.get(vm, 0);
            if i > pos && is_raw(vm, t) {
                // The last one may make the array grow; the others can then be moved at once.
                let last = vm.raw_get_int(t, i - 1);
                vm.raw_set_int(t, i, last);
                i -= 1;
                if vm.heap.slide_elements(t, pos, pos + 1, i - pos) {
                    i = pos;
                }
            }
            while i > pos {
                let v = get(vm, args, 0, i - 1)?;
                set(vm, args, 0, i, v)?;
                i -= 1;
            }
            let v = args.get(vm, 2);
            set(vm, args, 0, pos, v)?;
        }
        _ => return Err(vm.error("wrong number of arguments to 'insert'")),
    }
    Ok(0)
}

fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    let size = length(vm, args, 0, ALL)?;
    let mut pos = vm.opt_int(args, 1, size)?;
    if pos != size && (pos as u64).wrapping_sub(1) > size as u64 {
        return Err(vm.arg_error(2, "position out of bounds"));
    }
    let removed = get(vm, args, 0, pos)?;
    vm.push(removed);
    let t = args.get(vm, 0);
    if pos < size && is_raw(vm, t) && vm.heap.slide_elements(t, pos + 1, pos, size - pos) {
        pos = size;
    }
    while pos < size {
        let v = get(vm, args, 0, pos + 1)?;
        set(vm, args, 0, pos, v)?;
        pos += 1;
    }
    set(vm, args, 0, pos, Value::NIL)?;
    Ok(1)
}

fn move_(vm: &mut Vm, args: Args) -> NativeResult {
    let from = vm.check_int(args, 1)?;
    let end = vm.check_int(args, 2)?;
    let to = vm.check_int(args, 3)?;
    let target = if args.get(vm, 4).is_nil() { 0 } else { 4 };
    check_like_table(vm, args, 0, READ)?;
    check_like_table(vm, args, target, WRITE)?;
    if end >= from {
        if !(from > 0 || end < i64::MAX + from) {
            return Err(vm.arg_error(3, "too many elements to move"));
        }
        let n = end - from + 1;
        if to > i64::MAX - n + 1 {
            return Err(vm.arg_error(4, "destination wrap around"));
        }
        let t = args.get(vm, 0);
        if target == 0 && is_raw(vm, t) && vm.heap.slide_elements(t, from, to, n) {
            return vm.ret1(t);
        }
        let forward = to > end || to <= from || target != 0 && {
            let (a, b) = (args.get(vm, 0), args.get(vm, target));
            !vm.equals(a, b)?
        };
        for step in 0..n {
            let i = if forward { step } else { n - 1 - step };
            let v = get(vm, args, 0, from + i)?;
            set(vm, args, target, to + i, v)?;
        }
    }
    let v = args.get(vm, target);
    vm.ret1(v)
}

fn concat(vm: &mut Vm, args: Args) -> NativeResult {
    let len = length(vm, args, 0, READ_LEN)?;
    vm.opt_str(args, 1)?;
    let from = vm.opt_int(args, 2, 1)?;
    let to = vm.opt_int(args, 3, len)?;
    let mut out = Vec::new();
    if from <= to {
        let mut i = from;
        loop {
            let v = get(vm, args, 0, i)?;
            if !append_text(vm, &mut out, v) {
                let message = format!("invalid value ({}) at index {i} in table for 'concat'", v.type_name());
                return Err(vm.error(message));
            }
            if i == to {
                break;
            }
            out.extend_from_slice(vm.bytes(args.get(vm, 1)));
            i += 1;
        }
    }
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

fn pack(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.len();
    let t = vm.heap.new_table(n, 1);
    for i in 0..n {
        let v = args.get(vm, i);
        vm.raw_set_int(t, i as i64 + 1, v);
    }
    set_field(vm, t, "n", Value::small_int(n as i64));
    vm.ret1(t)
}

fn unpack(vm: &mut Vm, args: Args) -> NativeResult {
    let from = vm.opt_int(args, 1, 1)?;
    let to = if args.get(vm, 2).is_nil() {
        let t = args.get(vm, 0);
        vm.len_int(t)?
    } else {
        vm.check_int(args, 2)?
    };
    if from > to {
        return Ok(0);
    }
    let n = (to as u64).wrapping_sub(from as u64);
    if n >= i32::MAX as u64 || !vm.check_stack(n as usize + 1) {
        return Err(vm.error("too many results to unpack"));
    }
    let mut i = from;
    loop {
        let v = get(vm, args, 0, i)?;
        vm.push(v);
        if i == to {
            return Ok(n as usize + 1);
        }
        i += 1;
    }
}
