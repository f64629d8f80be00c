//! Lazy returns: while compiled frames wait for calls, their return addresses are redirected, and each goes on in the
//! "interpreter" when its callee returns. Deopt bundles say what the frames hold.

mod native;

use native::*;
use selune_core::native_state::{NativeContext, NativeState};
use vm_bridge::arch::{ExitRegisters, LazyReturn, Outcome};
use vm_bridge::stackmap::{EXIT_ID, LANDING_ID};
use vm_bridge::walk::redirect;

// rec(n, t) = n == 0 ? hook() : rec(n - 1, t) * 2 + n + t[0] + trunc(n * 0.5)
const IR: &str = r#"
declare ptr addrspace(1) @hook(ptr) nonlazybind
declare i64 @llvm.experimental.patchpoint.i64(i64, i32, ptr, i32, ...)
define ptr addrspace(1) @rec(ptr %vm, ptr addrspace(1) %f, i64 %nargs, ptr addrspace(1) %nb, ptr addrspace(1) %t, ptr addrspace(1) %x) noinline #0 gc "statepoint-example" {
e:
  %ok = call i1 @is_int(ptr addrspace(1) %nb)
  br i1 %ok, label %start, label %exit
start:
  %n = call i64 @to_int(ptr addrspace(1) %nb)
  %zero = icmp eq i64 %n, 0
  br i1 %zero, label %last, label %more
last:
  %h = call ptr addrspace(1) @hook(ptr %vm)
  ret ptr addrspace(1) %h
more:
  %n1 = sub i64 %n, 1
  %nb1 = call ptr addrspace(1) @box_int(i64 %n1)
  %d0 = sitofp i64 %n to double
  %d = fmul double %d0, 5.0e-1
  %r = call ptr addrspace(1) @rec(ptr %vm, ptr addrspace(1) %f, i64 2, ptr addrspace(1) %nb1, ptr addrspace(1) %t, ptr addrspace(1) %x) [ "deopt"(i64 %n, ptr addrspace(1) %t, double %d, i32 7) ]
  %ri = call i64 @to_int(ptr addrspace(1) %r)
  %p = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 0)
  %v = load ptr addrspace(1), ptr addrspace(1) %p
  %vi = call i64 @to_int(ptr addrspace(1) %v)
  %di = fptosi double %d to i64
  %a = shl i64 %ri, 1
  %b = add i64 %a, %n
  %c = add i64 %b, %vi
  %s = add i64 %c, %di
  %sb = call ptr addrspace(1) @box_int(i64 %s)
  ret ptr addrspace(1) %sb
exit:
  %er = call i64 (i64, i32, ptr, i32, ...) @llvm.experimental.patchpoint.i64(i64 EXIT, i32 5, ptr null, i32 0, ptr addrspace(1) %nb)
  %ep = inttoptr i64 %er to ptr addrspace(1)
  ret ptr addrspace(1) %ep
}
; keeps values of its own over the call
define ptr addrspace(1) @caller(ptr %vm, ptr addrspace(1) %f, i64 %nargs, ptr addrspace(1) %nb, ptr addrspace(1) %t, ptr addrspace(1) %x) noinline #0 gc "statepoint-example" {
  %n = call i64 @to_int(ptr addrspace(1) %nb)
  %a = mul i64 %n, 3
  %b = mul i64 %n, 5
  %c = mul i64 %n, 7
  %d = mul i64 %n, 11
  %e = mul i64 %n, 13
  %r = call ptr addrspace(1) @rec(ptr %vm, ptr addrspace(1) %f, i64 2, ptr addrspace(1) %nb, ptr addrspace(1) %t, ptr addrspace(1) %x)
  %ri = call i64 @to_int(ptr addrspace(1) %r)
  %x1 = xor i64 %a, %b
  %x2 = xor i64 %x1, %c
  %x3 = xor i64 %x2, %d
  %x4 = xor i64 %x3, %e
  %s = add i64 %ri, %x4
  %sb = call ptr addrspace(1) @box_int(i64 %s)
  ret ptr addrspace(1) %sb
}
"#;

#[derive(Default)]
struct Test {
    /// Every how manyth waiting frame `hook` redirects; 0: none.
    every: usize,
    /// The frames that were written back: stack pointer, n, d. Their tables are on the handles, in the same order.
    written: Vec<(u64, i64, f64)>,
    lazy: usize,
    /// Which lazy return throws (counted down).
    throw: usize,
}

unsafe extern "C" fn hook(vm: *mut NativeState) -> Outcome {
    // SAFETY: called by the trampoline.
    let vm = unsafe { toy::<Test>(vm) };
    vm.collect();
    let Toy {
        native,
        map,
        redirects,
        state,
        heap,
        ..
    } = vm;
    let mut waiting = 0;
    // SAFETY: this is a runtime function; the chosen frames are written back.
    unsafe {
        redirect(&native.context, map, redirects, |frame| {
            let deopt = frame.deopt_values();
            if deopt.is_empty() {
                return false;
            }
            waiting += 1;
            if state.every == 0 || waiting % state.every != 0 {
                return false;
            }
            let read = |i: usize| deopt[i].read_in_frame(frame.sp, frame.fp);
            assert_eq!(read(3) as u32, 7);
            state
                .written
                .push((frame.sp, read(0) as i64, f64::from_bits(read(2))));
            heap.roots.push(read(1));
            true
        });
    }
    // From here on the collector finds their values in the handles.
    vm.collect();
    Outcome::ok(int(1))
}

unsafe extern "C" fn lazy_return(native: *mut NativeState, back: *mut LazyReturn) -> Outcome {
    // SAFETY: called by the trampoline of this VM's stub.
    let (vm, back) = unsafe { (toy::<Test>(native), &mut *back) };
    let pc = vm.redirects.take(back.sp).expect("a redirected frame");
    let record = vm.map.find(pc).unwrap().clone();
    let safepoint = record.safepoint(pc).unwrap();
    back.landing = record.landing(safepoint.function).expect("a landing");
    let i = vm
        .state
        .written
        .iter()
        .position(|w| w.0 == back.sp)
        .unwrap();
    let (_, n, d) = vm.state.written.swap_remove(i);
    let table = vm.heap.roots.swap_remove(2 + i);
    // The frame is as good as gone: walks start at its caller.
    let fp = back.fp as *const u64;
    // SAFETY: the frame pointer of a compiled frame.
    let (exit_fp, exit_pc) = unsafe { (fp.read(), fp.add(1).read()) };
    vm.native.context = NativeContext {
        exit_pc,
        exit_sp: fp as u64 + 16,
        exit_fp,
        ..vm.native.context
    };
    vm.state.lazy += 1;
    if vm.state.throw == vm.state.lazy {
        // The frames below are cut off, and with them what was written back.
        vm.redirects.discard(back.sp..vm.native.context.entry_sp);
        vm.state.written.clear();
        vm.heap.roots.truncate(2);
        return Outcome::ERROR;
    }
    vm.heap.roots.push(table);
    vm.collect();
    let table = vm.heap.roots.pop().unwrap();
    Outcome::ok(int(as_int(back.value) * 2
        + n
        + as_int(get(table, 0))
        + d as i64))
}

unsafe extern "C" fn side_exit(_: *mut NativeState, _: *mut ExitRegisters) -> Outcome {
    unreachable!("the exit only serves as a landing")
}

vm_bridge::runtime_trampolines! { hook_trampoline = hook as value; }

fn expected(n: i64, field: i64) -> i64 {
    let rec = (1..=n).fold(1, |r, n| r * 2 + n + field + (n as f64 * 0.5) as i64);
    rec + ((3 * n) ^ (5 * n) ^ (7 * n) ^ (11 * n) ^ (13 * n))
}

#[test]
fn frames_go_on_in_the_interpreter_when_their_calls_return() {
    let ir = IR.replace("EXIT", &((EXIT_ID | LANDING_ID) as i64).to_string());
    for mode in modes() {
        let symbols: [(&str, unsafe extern "C" fn()); 1] = [("hook", hook_trampoline)];
        let mut vm = Toy::with_exits(Test::default(), &symbols, side_exit, lazy_return);
        let find = vm.install(&ir, &mode);
        let table = vm.heap.alloc(1);
        set(table, 0, int(100));
        vm.heap.roots = vec![table, NIL];
        let depth = 12;
        for every in [0, 1, 2, 3, 5] {
            vm.state = Test {
                every,
                ..Test::default()
            };
            let arguments = [int(depth), vm.heap.roots[0]];
            let outcome = call(&raw mut *vm, find("caller"), &arguments);
            assert_eq!(
                outcome,
                Outcome::ok(int(expected(depth, 100))),
                "{mode:?} every {every}"
            );
            assert_eq!(
                vm.state.lazy,
                (depth as usize).checked_div(every).unwrap_or(0)
            );
            assert!(
                vm.redirects.is_empty() && vm.state.written.is_empty() && vm.heap.roots.len() == 2
            );
            assert_eq!(vm.native.context, NativeContext::EMPTY);
        }
        // An error in a frame that went on, with redirected ones below it.
        for throw in 1..=4 {
            vm.state = Test {
                every: 3,
                throw,
                ..Test::default()
            };
            let arguments = [int(depth), vm.heap.roots[0]];
            assert!(call(&raw mut *vm, find("caller"), &arguments).is_error());
            assert_eq!(vm.state.lazy, throw);
            assert!(vm.redirects.is_empty() && vm.native.context == NativeContext::EMPTY);
        }
        vm.remove_all();
    }
}
