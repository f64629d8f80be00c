//! Safepoints: compiled code with live values, derived pointers, recursion and several segments on the stack, while the
//! collector moves everything; and errors that cut through all of it.

mod native;

use native::*;
use selune_core::native_state::{NativeContext, NativeState};
use vm_bridge::arch::{DoubleOutcome, Outcome};

const IR: &str = r#"
declare void @gc(ptr) nonlazybind
declare ptr addrspace(1) @alloc(ptr, i64) nonlazybind
declare ptr addrspace(1) @callback(ptr, ptr, ptr addrspace(1)) nonlazybind
declare double @half(ptr, double) nonlazybind
declare i64 @leaf(i64) nonlazybind "gc-leaf-function"

; list of n..1, built in a loop (phi of a constant and a new object)
define ptr addrspace(1) @build(ptr %vm, i64 %n) #0 gc "statepoint-example" {
e:
  %z = icmp sgt i64 %n, 0
  br i1 %z, label %h, label %x
h:
  %i = phi i64 [ 1, %e ], [ %i1, %h ]
  %l = phi ptr addrspace(1) [ inttoptr (i64 -1688849860263936 to ptr addrspace(1)), %e ], [ %t, %h ]
  %t = call ptr addrspace(1) @alloc(ptr %vm, i64 2)
  %f0 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 0)
  %bi = call ptr addrspace(1) @box_int(i64 %i)
  store ptr addrspace(1) %bi, ptr addrspace(1) %f0
  %f1 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 1)
  store ptr addrspace(1) %l, ptr addrspace(1) %f1
  %i1 = add i64 %i, 1
  %c = icmp sle i64 %i1, %n
  br i1 %c, label %h, label %x
x:
  %r = phi ptr addrspace(1) [ inttoptr (i64 -1688849860263936 to ptr addrspace(1)), %e ], [ %t, %h ]
  ret ptr addrspace(1) %r
}

; sum of a list; field addresses are used before and after a safepoint; a select and a leaf call in between
define i64 @sum(ptr %vm, ptr addrspace(1) %list) #0 gc "statepoint-example" {
e:
  br label %h
h:
  %l = phi ptr addrspace(1) [ %list, %e ], [ %next, %b3 ]
  %s = phi i64 [ 0, %e ], [ %s2, %b3 ]
  %nil = call i1 @is_nil(ptr addrspace(1) %l)
  br i1 %nil, label %x, label %b
b:
  %ok = call i1 @is_table(ptr addrspace(1) %l)
  br i1 %ok, label %b2, label %bad
b2:
  %f0 = call ptr addrspace(1) @field(ptr addrspace(1) %l, i64 0)
  %f1 = call ptr addrspace(1) @field(ptr addrspace(1) %l, i64 1)
  %v = load ptr addrspace(1), ptr addrspace(1) %f0
  %odd0 = call i64 @to_int(ptr addrspace(1) %v)
  %odd = call i64 @leaf(i64 %odd0)
  %isodd = trunc i64 %odd to i1
  %sel = select i1 %isodd, ptr addrspace(1) %f0, ptr addrspace(1) %f1
  call void @gc(ptr %vm)
  %again = load ptr addrspace(1), ptr addrspace(1) %sel        ; derived pointer, selected before the move
  %nxt = load ptr addrspace(1), ptr addrspace(1) %f1
  %same = icmp eq ptr addrspace(1) %again, %nxt
  %isv = icmp eq ptr addrspace(1) %again, %v
  %any = or i1 %same, %isv
  br i1 %any, label %b3, label %bad
b3:
  %next = phi ptr addrspace(1) [ %nxt, %b2 ]
  %i = call i64 @to_int(ptr addrspace(1) %v)
  %s2 = add i64 %s, %i
  br label %h
x:
  ret i64 %s
bad:
  ret i64 -1
}

; binary tree, recursive; %l lives across the second recursive call
define ptr addrspace(1) @tree(ptr %vm, i64 %d) #0 gc "statepoint-example" {
e:
  %leafy = icmp eq i64 %d, 0
  br i1 %leafy, label %one, label %two
one:
  %o = call ptr addrspace(1) @alloc(ptr %vm, i64 2)
  ret ptr addrspace(1) %o
two:
  %d1 = sub i64 %d, 1
  %l = call ptr addrspace(1) @tree(ptr %vm, i64 %d1)
  %r = call ptr addrspace(1) @tree(ptr %vm, i64 %d1)
  %t = call ptr addrspace(1) @alloc(ptr %vm, i64 2)
  %f0 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 0)
  store ptr addrspace(1) %l, ptr addrspace(1) %f0
  %f1 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 1)
  store ptr addrspace(1) %r, ptr addrspace(1) %f1
  ret ptr addrspace(1) %t
}
define i64 @count(ptr %vm, ptr addrspace(1) %t) #0 gc "statepoint-example" {
e:
  call void @gc(ptr %vm)
  %nil = call i1 @is_nil(ptr addrspace(1) %t)
  br i1 %nil, label %no, label %yes
no:
  ret i64 0
yes:
  %f0 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 0)
  %l = load ptr addrspace(1), ptr addrspace(1) %f0
  %a = call i64 @count(ptr %vm, ptr addrspace(1) %l)
  %f1 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 1)
  %r = load ptr addrspace(1), ptr addrspace(1) %f1
  %b = call i64 @count(ptr %vm, ptr addrspace(1) %r)
  %s = add i64 %a, %b
  %s1 = add i64 %s, 1
  ret i64 %s1
}
; register entry of `count`
define ptr addrspace(1) @count_entry(ptr %vm, ptr addrspace(1) %f, i64 %nargs, ptr addrspace(1) %t, ptr addrspace(1) %b, ptr addrspace(1) %c) #0 gc "statepoint-example" {
  %n = call i64 @count(ptr %vm, ptr addrspace(1) %t)
  %r = call ptr addrspace(1) @box_int(i64 %n)
  ret ptr addrspace(1) %r
}

; everything: two structures, a boxed double, unboxed values and an interior pointer live across calls of compiled functions
; and of a runtime function that calls compiled code; one call has a deopt bundle
define ptr addrspace(1) @all(ptr %vm, ptr addrspace(1) %f, i64 %nargs, ptr addrspace(1) %nb, ptr addrspace(1) %db, ptr addrspace(1) %xb) #0 gc "statepoint-example" {
e:
  %n = call i64 @to_int(ptr addrspace(1) %nb)
  %d = call i64 @to_int(ptr addrspace(1) %db)
  %list = call ptr addrspace(1) @build(ptr %vm, i64 %n)
  %tree = call ptr addrspace(1) @tree(ptr %vm, i64 %d)
  %dn = sitofp i64 %n to double
  %dh = call double @half(ptr %vm, double %dn)
  %bd = call ptr addrspace(1) @box_double(double %dh)
  %k1 = mul i64 %n, 3
  %k2 = mul i64 %d, 5
  %k3 = xor i64 %n, %d
  %k4 = add i64 %k1, %k2
  %s = call i64 @sum(ptr %vm, ptr addrspace(1) %list) [ "deopt"(i32 7, i64 %n, ptr addrspace(1) %tree) ]
  %inner = call ptr addrspace(1) @field(ptr addrspace(1) %tree, i64 1)
  %c = call ptr addrspace(1) @callback(ptr %vm, ptr @count_entry, ptr addrspace(1) %tree)
  %ci = call i64 @to_int(ptr addrspace(1) %c)
  %right = load ptr addrspace(1), ptr addrspace(1) %inner
  %c2 = call i64 @count(ptr %vm, ptr addrspace(1) %right)
  %s2 = call i64 @sum(ptr %vm, ptr addrspace(1) %list)
  %dd = call double @to_double(ptr addrspace(1) %bd)
  %di = fptosi double %dd to i64
  %t1 = add i64 %s, %s2
  %t2 = add i64 %t1, %ci
  %t3 = add i64 %t2, %c2
  %t4 = add i64 %t3, %di
  %t5 = add i64 %t4, %k1
  %t6 = add i64 %t5, %k2
  %t7 = add i64 %t6, %k3
  %t8 = add i64 %t7, %k4
  %r = call ptr addrspace(1) @box_int(i64 %t8)
  ret ptr addrspace(1) %r
}
"#;

/// What the runtime functions do.
#[derive(Default)]
struct Test {
    /// In how many runtime calls an error is thrown; 0: never.
    fuse: usize,
    /// Whether `callback` catches errors.
    catches: bool,
    caught: usize,
    /// What `callback` returns for a caught error.
    instead: u64,
}

fn burn(vm: &mut Toy<Test>) -> bool {
    match vm.state.fuse {
        0 => false,
        1 => {
            vm.state.fuse = 0;
            vm.error = int(1234);
            true
        }
        _ => {
            vm.state.fuse -= 1;
            false
        }
    }
}

unsafe extern "C" fn gc(vm: *mut NativeState) -> Outcome {
    // SAFETY: called by the trampoline.
    let vm = unsafe { toy::<Test>(vm) };
    if burn(vm) {
        return Outcome::ERROR;
    }
    vm.collect();
    Outcome::ok(0)
}

unsafe extern "C" fn alloc(vm: *mut NativeState, fields: u64) -> Outcome {
    // SAFETY: called by the trampoline.
    let vm = unsafe { toy::<Test>(vm) };
    if burn(vm) {
        return Outcome::ERROR;
    }
    vm.collect();
    Outcome::ok(vm.heap.alloc(fields as usize))
}

unsafe extern "C" fn half(vm: *mut NativeState, x: f64) -> DoubleOutcome {
    // SAFETY: called by the trampoline.
    let vm = unsafe { toy::<Test>(vm) };
    if burn(vm) {
        return DoubleOutcome::ERROR;
    }
    vm.collect();
    DoubleOutcome::ok(x / 2.0)
}

/// Calls compiled code: a second segment on the stack.
unsafe extern "C" fn callback(vm: *mut NativeState, f: usize, argument: u64) -> Outcome {
    // SAFETY: called by the trampoline; the reference is not used during the call.
    let outer = unsafe { toy::<Test>(vm) };
    let (before, depth_before) = (outer.native.context, depth(outer));
    let outcome = call(vm.cast::<Toy<Test>>(), f, &[argument]);
    // SAFETY: as above.
    let vm = unsafe { toy::<Test>(vm) };
    assert_eq!(
        vm.native.context, before,
        "the enclosing segment's records are back"
    );
    assert_eq!(depth(vm), depth_before);
    vm.collect();
    if outcome.is_error() && vm.state.catches {
        assert_eq!(vm.error, int(1234));
        vm.state.caught += 1;
        return Outcome::ok(vm.state.instead);
    }
    outcome
}

extern "C" fn leaf(x: i64) -> i64 {
    x ^ 1
}

vm_bridge::runtime_trampolines! {
    gc_trampoline = gc as value;
    alloc_trampoline = alloc as value;
    half_trampoline = half as double;
    callback_trampoline = callback as value;
}

fn vm() -> Box<Toy<Test>> {
    // SAFETY: a function pointer of another type that is only turned into an address.
    let leaf =
        unsafe { std::mem::transmute::<extern "C" fn(i64) -> i64, unsafe extern "C" fn()>(leaf) };
    let symbols: [(&str, unsafe extern "C" fn()); 5] = [
        ("gc", gc_trampoline),
        ("alloc", alloc_trampoline),
        ("half", half_trampoline),
        ("callback", callback_trampoline),
        ("leaf", leaf),
    ];
    Toy::new(Test::default(), &symbols)
}

fn expected(n: i64, d: i64, callback: Option<i64>) -> i64 {
    let nodes = (1 << (d + 1)) - 1;
    let (k1, k2, k3) = (3 * n, 5 * d, n ^ d);
    let lists = 2 * (n * (n + 1) / 2);
    lists + callback.unwrap_or(nodes) + (nodes - 1) / 2 + n / 2 + k1 + k2 + k3 + k1 + k2
}

#[test]
fn values_survive_a_collector_that_moves_everything() {
    for mode in modes() {
        let mut vm = vm();
        let find = vm.install(IR, &mode);
        let (n, d) = (40, 5);
        let pairs: usize = vm
            .map
            .iter()
            .flat_map(|r| r.stack_map.as_ref())
            .map(|m| m.safepoints().len())
            .sum();
        assert!(pairs > 10, "{pairs}");
        let outcome = call(&raw mut *vm, find("all"), &[int(n), int(d)]);
        assert_eq!(outcome, Outcome::ok(int(expected(n, d, None))), "{mode:?}");
        assert!(vm.heap.collections > 300 && vm.heap.deepest >= d as usize + 2);
        assert_eq!(vm.native.context, NativeContext::EMPTY);
        vm.remove_all();
    }
}

#[test]
fn errors_leave_every_frame_of_every_segment() {
    for mode in modes() {
        let mut vm = vm();
        let find = vm.install(IR, &mode);
        let (n, d) = (6, 3);
        let vmp = &raw mut *vm;
        let all = find("all");
        // The fuse burns in each runtime call in turn: at all depths, in the first and in the second segment.
        let (mut thrown, mut caught) = (0, 0);
        for catches in [false, true] {
            for fuse in 1.. {
                let instead = int(77);
                vm.state = Test {
                    fuse,
                    catches,
                    caught: 0,
                    instead,
                };
                let outcome = call(vmp, all, &[int(n), int(d)]);
                assert_eq!(vm.native.context, NativeContext::EMPTY);
                assert_eq!(depth(&vm), 0);
                if vm.state.fuse != 0 {
                    assert_eq!(outcome, Outcome::ok(int(expected(n, d, None))));
                    break;
                }
                if outcome.is_error() {
                    assert_eq!(std::mem::replace(&mut vm.error, NIL), int(1234));
                    assert_eq!(vm.state.caught, 0);
                    thrown += 1;
                } else {
                    // Caught between the segments: the outer one goes on with all its values.
                    assert_eq!(
                        outcome,
                        Outcome::ok(int(expected(n, d, Some(77)))),
                        "{mode:?} {fuse}"
                    );
                    assert_eq!(vm.state.caught, 1);
                    caught += 1;
                }
            }
        }
        assert!(thrown > 60 && caught > 10, "{thrown} {caught}");
        vm.remove_all();
    }
}
