//! Runtime functions on tables and strings: reads and writes of any object, lengths, concatenation, the write barrier.
use super::{settle, with_vm};
use crate::arch::Outcome;
use selune_core::native_state::ARG_SLOTS;
use selune_core::object::Header;
use selune_core::value::Value;
use selune_vm::{Thrown, Vm};

/// What a store must do when its container has the barrier bit and the value is a heap value. `slot` is the slot's address.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM; `slot` belongs to `container`.
pub unsafe extern "C" fn barrier(vm: *mut Vm, container: Value, slot: *mut Value) {
    // SAFETY: the caller's promise; `container` is a heap object (OBJ-1).
    unsafe { (*vm).heap.barrier(container.addr() as *mut Header, slot) }
}

/// `#t` without metamethods.
///
/// # Safety
/// As `barrier`; `t` is a table.
pub unsafe extern "C" fn table_len(vm: *mut Vm, t: Value) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { &mut *vm }.heap.length(t)
}

/// Takes the last element of a list: `table.remove(t)`.
///
/// # Safety
/// As `table_len`; `t` has no metatable.
pub unsafe extern "C" fn table_pop(vm: *mut Vm, t: Value) -> Value {
    // SAFETY: the caller's promise.
    let vm = unsafe { &mut *vm };
    let n = vm.heap.length(t);
    let v = vm.raw_get_int(t, n);
    if !v.is_nil() {
        vm.raw_set_int(t, n, Value::NIL);
    }
    v
}

/// `string.sub(s, from, to)`.
///
/// # Safety
/// As `barrier`; `s` is a string.
pub unsafe extern "C" fn str_sub(vm: *mut Vm, s: Value, from: i64, to: i64) -> Value {
    let bytes = selune_core::string::bytes(s);
    let len = bytes.len() as i64;
    // Positions behind the end when negative.
    let from = if from < 0 { (len + from + 1).max(1) } else { from.max(1) };
    let to = if to < 0 { len.saturating_add(to) + 1 } else { to.min(len) };
    if from == 1 && to == len {
        return s;
    }
    let part = if from <= to { &bytes[from as usize - 1..to as usize] } else { &[][..] };
    // SAFETY: the caller's promise.
    unsafe { &mut *vm }.new_str(part)
}

/// `type(v)`; `native` is that function.
///
/// # Safety
/// `native` is the library's function, whose upvalues are the names.
pub unsafe extern "C" fn type_name(native: Value, v: Value) -> Value {
    let i = Vm::type_number(v);
    // SAFETY: OBJ-1; the function has a name for each index.
    unsafe { *native.as_native().add(1).cast::<Value>().add(i) }
}

/// `rawget(t, k)`.
///
/// # Safety
/// As `barrier`; `t` is a table.
pub unsafe extern "C" fn raw_get(vm: *mut Vm, t: Value, k: Value) -> Value {
    // SAFETY: the caller's promise.
    let vm = unsafe { &*vm };
    if k.is_string() && selune_core::string::is_interned(k) {
        return vm.heap.get_str(t, k);
    }
    raw_get_other(vm, t, k)
}

#[inline(never)]
fn raw_get_other(vm: &Vm, t: Value, k: Value) -> Value {
    vm.raw_get(t, k)
}

/// `o[k]`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn get_table(vm: *mut Vm, o: Value, k: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| vm.index(o, k)) }
}

/// `o[i]`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn get_int(vm: *mut Vm, o: Value, i: i64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            if o.is_table() {
                let v = vm.raw_get_int(o, i);
                if !v.is_nil() {
                    return Ok(v);
                }
            }
            let k = vm.int(i);
            vm.index(o, k)
        })
    }
}

/// `o.name`.
///
/// # Safety
/// As `barrier`; `k` is an interned string.
pub unsafe extern "C" fn get_field(vm: *mut Vm, o: Value, k: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| match vm.index_name(o, k) {
            Some(v) => Ok(v),
            None => vm.index(o, k),
        })
    }
}

/// `o[k] = v`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn set_table(vm: *mut Vm, o: Value, k: Value, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| settled(vm, |vm| vm.set_index(o, k, v))) }
}

/// `o[i] = v`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn set_int(vm: *mut Vm, o: Value, i: i64, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            settled(vm, |vm| {
                let k = vm.int(i);
                vm.set_index(o, k, v)
            })
        })
    }
}

/// `o.name = v`.
///
/// # Safety
/// As `barrier`; `k` is an interned string.
pub unsafe extern "C" fn set_field(vm: *mut Vm, o: Value, k: Value, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| settled(vm, |vm| vm.set_index(o, k, v))) }
}

/// `t[i] = v` in a table whose metatable does not matter.
///
/// # Safety
/// As `barrier`; `t` is a table.
pub unsafe extern "C" fn raw_set_int(vm: *mut Vm, t: Value, i: i64, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            settled(vm, |vm| {
                let k = vm.int(i);
                vm.raw_set(t, k, v)
            })
        })
    }
}

/// `t[k] = v` in a table whose metatable does not matter; throws for nil and NaN.
///
/// # Safety
/// As `raw_set_int`.
pub unsafe extern "C" fn raw_set(vm: *mut Vm, t: Value, k: Value, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| settled(vm, |vm| vm.raw_set(t, k, v))) }
}

/// `t[first + j] = args[j]` for `j < n`.
///
/// # Safety
/// As `barrier`; `t` is a table, `n` values stand in `args`.
pub unsafe extern "C" fn set_list(vm: *mut Vm, t: Value, first: i64, n: i64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            settled(vm, |vm| {
                let values = vm.native.args.as_ptr();
                selune_core::table::set_list(&mut vm.heap, t, first, values, n as usize);
                Ok(())
            })
        })
    }
}

/// The same with the open list.
///
/// # Safety
/// As `barrier`; `t` is a table.
pub unsafe extern "C" fn set_list_open(vm: *mut Vm, t: Value, first: i64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        let n = (*vm).native.nresults as usize;
        if n <= ARG_SLOTS {
            return set_list(vm, t, first, n as i64);
        }
        with_vm(vm, |vm| {
            settled(vm, |vm| {
                let values = std::mem::take(&mut vm.native.more);
                selune_core::table::set_list(&mut vm.heap, t, first, values.as_ptr(), values.len());
                Ok(())
            })
        })
    }
}

/// `#o`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn len(vm: *mut Vm, o: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| vm.len(o)) }
}

/// `a .. b`.
///
/// # Safety
/// As `barrier`.
pub unsafe extern "C" fn concat2(vm: *mut Vm, a: Value, b: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let v = vm.concat(&[a, b])?;
            Ok(settle(vm, v))
        })
    }
}

/// `args[0] .. ... .. args[n - 1]`.
///
/// # Safety
/// As `barrier`; `n` values stand in `args`.
pub unsafe extern "C" fn concat(vm: *mut Vm, n: i64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let values = vm.native.args;
            let v = vm.concat(&values[..n as usize])?;
            Ok(settle(vm, v))
        })
    }
}

/// An operation without a result, and a collection afterwards when one is asked for.
fn settled(vm: &mut Vm, f: impl FnOnce(&mut Vm) -> Result<(), Thrown>) -> Result<(), Thrown> {
    f(vm)?;
    settle(vm, Value::NIL);
    Ok(())
}
