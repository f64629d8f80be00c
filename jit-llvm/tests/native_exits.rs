//! Side exits, entry in mid-loop (OSR) and exits from there, nested runs and errors thrown after an exit, all under the
//! collector that moves everything: one loop, its interpreter, and its compiled forms, compared.
//!
//! ```text
//! for i in i..n {  pc 0: v = t[i]; s += v; (a table: s += run(v)); d = d * 0.5 + v; list = {v, list}
//!                  pc 1: k = k * 3 + 1; flip = !flip  }
//! return finish(s, d, list, k, flip)
//! ```

mod native;

use native::*;
use selune_core::native_state::{NativeContext, NativeState};
use selune_core::value::RESUME;
use std::collections::BTreeMap;
use std::ptr;
use vm_bridge::arch::{ExitRegisters, LazyReturn, Outcome};
use vm_bridge::stackmap::{EXIT_ID, LANDING_ID};

// The interpreter's frame: eight values on top of the handles of the toy heap (which are roots).
const T: usize = 0;
const N: usize = 1;
const I: usize = 2;
const S: usize = 3;
const D: usize = 4;
const LIST: usize = 5;
const K: usize = 6;
const FLIP: usize = 7;
const FRAME: usize = 8;

/// How many elements the tables have.
const LEN: usize = 24;

#[derive(Default)]
struct Test {
    run: usize,
    /// 0: the interpreter stays in the interpreter.
    osr: usize,
    /// Reference run: no compiled code at all.
    pure: bool,
    /// In how many allocations an assumption breaks.
    trip: i64,
    /// Where to go on after RESUME.
    pending: u64,
    exits: BTreeMap<u64, usize>,
    osrs: usize,
    nested: usize,
}

type Vm = Toy<Test>;

fn fold(h: u64, v: u64) -> u64 {
    (h ^ v).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
}

/// The result: a checksum of everything.
fn finish(s: u64, d: u64, mut list: u64, k: u64, flip: u64) -> u64 {
    let mut h = [d, k, flip].into_iter().fold(fold(1, s), fold);
    while list != NIL {
        let v = get(list, 0);
        h = fold(h, if is_table(v) { 5 } else { v });
        list = get(list, 1);
    }
    int((h >> 20) as i64)
}

fn number(x: u64) -> f64 {
    if is_int(x) {
        as_int(x) as f64
    } else {
        f64::from_bits(x)
    }
}

/// What the interpreter comes to.
enum End {
    /// The end of the loop; the frame is still there.
    Loop,
    /// Compiled code has finished the job; the frame is gone.
    Result(u64),
    /// An error; the frame is gone.
    Error,
}

/// Runs the frame on top of the handles. Collects in every round; may call compiled code.
fn rounds(vmp: *mut Vm, mut pc: u64) -> End {
    // SAFETY: the tests' VM; a fresh reference for each use, since compiled code is called in between.
    let vm = || unsafe { &mut *vmp };
    let at = vm().heap.roots.len() - FRAME;
    let mut hot = 0;
    loop {
        let read = |i: usize| vm().heap.roots[at + i];
        let write = |i: usize, x: u64| vm().heap.roots[at + i] = x;
        if pc == 0 {
            if as_int(read(I)) as f64 >= number(read(N)) {
                return End::Loop;
            }
            hot += 1;
            if vm().state.osr != 0 && !vm().state.pure && hot == 4 {
                hot = 0;
                match osr(vmp) {
                    Ok(next) => pc = next,
                    Err(end) => return end,
                }
                continue;
            }
            vm().collect();
            let mut x = get(read(T), as_int(read(I)) as usize);
            if x == NIL {
                vm().error = int(as_int(read(I)));
                vm().heap.roots.truncate(at);
                return End::Error;
            }
            if is_table(x) {
                vm().state.nested += 1;
                let outcome = if vm().state.pure {
                    vm().heap.roots.extend(start(x, int(LEN as i64)));
                    interpret(vmp, 0)
                } else {
                    call(vmp, vm().state.run, &[x, int(LEN as i64)])
                };
                if outcome.is_error() {
                    vm().heap.roots.truncate(at);
                    return End::Error;
                }
                x = outcome.value;
            }
            let (s, sum) = (read(S), as_int(read(S)) + as_int(x));
            let small = is_int(s) && is_int(x) && as_int(int(sum)) == sum;
            write(
                S,
                if small {
                    int(sum)
                } else {
                    (number(s) + number(x)).to_bits()
                },
            );
            write(D, (number(read(D)) * 0.5 + number(x)).to_bits());
            let object = vm().heap.alloc(2);
            set(object, 0, get(read(T), as_int(read(I)) as usize));
            set(object, 1, read(LIST));
            write(LIST, object);
            vm().collect();
        }
        pc = 0;
        write(
            K,
            int(i64::from(
                (as_int(read(K)) as i32).wrapping_mul(3).wrapping_add(1),
            )),
        );
        write(FLIP, read(FLIP) ^ FALSE ^ (FALSE + 1));
        write(I, int(as_int(read(I)) + 1));
    }
}

/// Enters compiled code in mid-loop with the frame on top of the handles. `Ok`: go on at this pc.
fn osr(vmp: *mut Vm) -> Result<u64, End> {
    // SAFETY: as in `rounds`.
    let vm = || unsafe { &mut *vmp };
    let at = vm().heap.roots.len() - FRAME;
    vm().state.osrs += 1;
    let (code, frame) = (vm().state.osr, vm().heap.roots[at..].as_mut_ptr());
    let outcome = call_osr(vmp, code, frame);
    if outcome == Outcome::ok(RESUME) {
        return Ok(vm().state.pending);
    }
    vm().heap.roots.truncate(at);
    Err(if outcome.is_error() {
        End::Error
    } else {
        End::Result(outcome.value)
    })
}

/// Runs the frame on top of the handles to the end of the function, and pops it.
fn interpret(vmp: *mut Vm, pc: u64) -> Outcome {
    match rounds(vmp, pc) {
        End::Result(x) => Outcome::ok(x),
        End::Error => Outcome::ERROR,
        End::Loop => {
            // SAFETY: as in `rounds`.
            let roots = unsafe { &mut (*vmp).heap.roots };
            let f = roots.split_off(roots.len() - FRAME);
            Outcome::ok(finish(f[S], f[D], f[LIST], f[K], f[FLIP]))
        }
    }
}

fn start(t: u64, n: u64) -> [u64; FRAME] {
    [t, n, int(0), int(0), 0, NIL, int(7), FALSE]
}

// ---- runtime functions ---------------------------------------------------------------------------------------------

unsafe extern "C" fn gc(vm: *mut NativeState) -> Outcome {
    // SAFETY: called by the trampoline.
    unsafe { toy::<Test>(vm) }.collect();
    Outcome::ok(0)
}

unsafe extern "C" fn alloc(vm: *mut NativeState, fields: u64) -> u64 {
    // SAFETY: called by the trampoline.
    let vm = unsafe { toy::<Test>(vm) };
    vm.collect();
    // "An assumption of the compiled code breaks during the call": it sees the flag after the call and leaves at pc 1.
    vm.state.trip -= 1;
    vm.flag = (vm.state.trip == 0).into();
    vm.heap.alloc(fields as usize)
}

unsafe extern "C" fn finish_shim(
    _: *mut NativeState,
    s: i64,
    list: u64,
    k: i32,
    flip: u32,
    d: f64,
) -> u64 {
    finish(
        int(s),
        d.to_bits(),
        list,
        int(k.into()),
        FALSE + u64::from(flip),
    )
}

vm_bridge::runtime_trampolines! {
    gc_trampoline = gc as value;
    alloc_trampoline = alloc as infallible;
    finish_trampoline = finish_shim as infallible;
}

// ---- side exits ----------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Kind {
    Boxed,
    Int,
    I32,
    Bool,
    Double,
}
use Kind::*;

/// What the live values of an exit are (in the order of the frame), and where the interpreter goes on.
fn descriptor(id: u64) -> ([Kind; FRAME], u64) {
    match id & 7 {
        0 => ([Boxed, Boxed, Int, Int, Double, Boxed, I32, Bool], 0), // run's entry guards: partly constant
        1 | 2 => ([Boxed, Int, Int, Int, Double, Boxed, I32, Bool], 0),
        3 => ([Boxed, Int, Int, Int, Double, Boxed, I32, Bool], 1),
        4 => ([Boxed; FRAME], 0), // osr's entry guards: the frame unchanged
        _ => unreachable!("exit {id}"),
    }
}

/// Bit of an exit id: this function's caller is the interpreter.
const FROM_OSR: u64 = 8;

unsafe extern "C" fn side_exit(native: *mut NativeState, registers: *mut ExitRegisters) -> Outcome {
    // SAFETY: called by the trampoline of this VM's stub.
    let (vm, registers) = unsafe { (toy::<Test>(native), &*registers) };
    let record = vm
        .map
        .find(registers.return_address)
        .expect("the exit's code")
        .clone();
    let exit = record.exit(registers.return_address).expect("the exit");
    let map = record.stack_map.as_ref().unwrap();
    let frame_size = map.functions()[exit.function as usize].frame_size.unwrap();
    assert_eq!(registers.sp() + u64::from(frame_size), registers.fp() + 8);
    assert!(exit.is_landing && record.landing(exit.function).is_some());
    let (kinds, pc) = descriptor(exit.id);
    let live = map.live_values(exit);
    assert_eq!(live.len(), FRAME);
    for (location, kind) in live.iter().zip(kinds) {
        // SAFETY: the exit's own registers and frame.
        let raw = unsafe { location.read_at_exit(registers) };
        // The frame is rooted before anything can collect.
        vm.heap.roots.push(match kind {
            Boxed | Double => raw,
            Int => int(raw as i64),
            I32 => int((raw as i32).into()),
            Bool => FALSE + (raw & 1),
        });
    }
    *vm.state.exits.entry(exit.id).or_default() += 1;
    // The frame is gone: stack walks start at its caller.
    let fp = registers.fp() as *const u64;
    // SAFETY: the frame pointer of a compiled frame.
    let (exit_fp, exit_pc) = unsafe { (fp.read(), fp.add(1).read()) };
    vm.native.context = NativeContext {
        exit_pc,
        exit_sp: fp as u64 + 16,
        exit_fp,
        ..vm.native.context
    };
    if exit.id & FROM_OSR != 0 {
        // The caller is the interpreter itself: don't nest another one, let it go on.
        let roots = &mut vm.heap.roots;
        let frame = roots.split_off(roots.len() - FRAME);
        let to = roots.len() - FRAME;
        roots[to..].copy_from_slice(&frame);
        vm.state.pending = pc;
        return Outcome::ok(RESUME);
    }
    interpret(native.cast(), pc)
}

unsafe extern "C" fn no_lazy_return(_: *mut NativeState, _: *mut LazyReturn) -> Outcome {
    unreachable!("no redirected frames here")
}

/// One exit block.
fn exit(label: &str, id: u64, live: &str) -> String {
    let id = (EXIT_ID | LANDING_ID | id) as i64;
    format!(
        "{label}:\n  %r.{label} = call i64 (i64, i32, ptr, i32, ...) @llvm.experimental.patchpoint.i64(i64 {id}, i32 5, ptr null, i32 0, {live})\n  \
         %p.{label} = inttoptr i64 %r.{label} to ptr addrspace(1)\n  ret ptr addrspace(1) %p.{label}\n"
    )
}

/// The loop, entered at the top (`run`) or in the middle (`osr`).
fn function(osr: bool) -> String {
    let base = if osr { FROM_OSR } else { 0 };
    let live = |x: &str| {
        format!(
            "ptr addrspace(1) %t, i64 %n, i64 %i, i64 %s{x}, double %d{x}, ptr addrspace(1) %l{x}, i32 %k, i1 %flip"
        )
    };
    let (before, after) = (live("").replace("%l,", "%l.0,"), live("1"));
    let nil = "inttoptr (i64 -1688849860263936 to ptr addrspace(1))";
    let (head, x0, [i0, s0, d0, l0, k0, f0]) = if osr {
        let mut head =
            "define ptr addrspace(1) @osr(ptr %vm, ptr %frame) noinline #0 gc \"statepoint-example\" {\ne:\n"
                .to_string();
        // Everything is loaded before the first safepoint: the interpreter's frame is memory that may move.
        let names = ["t", "nb", "ib", "sb", "db", "l0", "kb", "fb"];
        for (i, name) in names.iter().enumerate() {
            head += &format!(
                "  %a{i} = getelementptr i64, ptr %frame, i64 {i}\n  %{name} = load ptr addrspace(1), ptr %a{i}\n"
            );
        }
        let checks = [
            ("is_table", "t"),
            ("is_int", "nb"),
            ("is_int", "ib"),
            ("is_int", "sb"),
            ("is_double", "db"),
            ("is_int", "kb"),
        ];
        for (i, (check, name)) in checks.iter().enumerate() {
            head += &format!("  %c{i} = call i1 @{check}(ptr addrspace(1) %{name})\n");
        }
        head += "  %d01 = and i1 %c0, %c1\n  %d23 = and i1 %c2, %c3\n  %d45 = and i1 %c4, %c5\n  %d03 = and i1 %d01, %d23\n  %ok = and i1 %d03, %d45\n\
                 \x20 br i1 %ok, label %e1, label %x0, !prof !1\ne1:\n  %i0 = call i64 @to_int(ptr addrspace(1) %ib)\n  %s0 = call i64 @to_int(ptr addrspace(1) %sb)\n  %d0 = call double @to_double(ptr addrspace(1) %db)\n\
                 \x20 %k64 = call i64 @to_int(ptr addrspace(1) %kb)\n  %k0 = trunc i64 %k64 to i32\n  %fbits = ptrtoint ptr addrspace(1) %fb to i64\n  %f1bits = sub i64 %fbits, 1\n  %f0 = trunc i64 %f1bits to i1\n  %pos = icmp sge i64 %i0, 0\n";
        let frame: Vec<_> = names
            .iter()
            .map(|n| format!("ptr addrspace(1) %{n}"))
            .collect();
        (
            head,
            exit("x0", base | 4, &frame.join(", ")),
            ["%i0", "%s0", "%d0", "%l0", "%k0", "%f0"],
        )
    } else {
        let head = "define ptr addrspace(1) @run(ptr %vm, ptr addrspace(1) %closure, i64 %nargs, ptr addrspace(1) %t, ptr addrspace(1) %nb, ptr addrspace(1) %a2) noinline #0 gc \"statepoint-example\" {\ne:\n  \
             %c0 = call i1 @is_table(ptr addrspace(1) %t)\n  %c1 = call i1 @is_int(ptr addrspace(1) %nb)\n  %ok = and i1 %c0, %c1\n  br i1 %ok, label %e1, label %x0, !prof !1\ne1:\n  %pos = icmp eq i1 true, true\n";
        let live = format!(
            "ptr addrspace(1) %t, ptr addrspace(1) %nb, i64 0, i64 0, double 0.0, ptr addrspace(1) {nil}, i32 7, i1 false"
        );
        (
            head.into(),
            exit("x0", base, &live),
            ["0", "0", "0.0", nil, "7", "false"],
        )
    };
    let exits = [
        x0,
        exit("x1", base | 1, &before),
        exit("x2", base | 2, &before),
        exit("x3", base | 3, &after),
    ]
    .concat();
    format!(
        r#"{head}  %n = call i64 @to_int(ptr addrspace(1) %nb)
  %lenp = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 -1)
  %len = load i64, ptr addrspace(1) %lenp
  %fits = icmp sle i64 %n, %len
  %sane = and i1 %pos, %fits
  br i1 %sane, label %h, label %x0, !prof !1
h:
  %i = phi i64 [ {i0}, %e1 ], [ %i1, %l ]
  %s = phi i64 [ {s0}, %e1 ], [ %s1, %l ]
  %d = phi double [ {d0}, %e1 ], [ %d1, %l ]
  %l.0 = phi ptr addrspace(1) [ {l0}, %e1 ], [ %l1, %l ]
  %k = phi i32 [ {k0}, %e1 ], [ %k1, %l ]
  %flip = phi i1 [ {f0}, %e1 ], [ %flip1, %l ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %b, label %done
b:
  call void @gc(ptr %vm)
  %ep = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 %i)
  %v = load ptr addrspace(1), ptr addrspace(1) %ep
  %ok1 = call i1 @is_int(ptr addrspace(1) %v)
  br i1 %ok1, label %g1, label %x1, !prof !1
g1:
  %x = call i64 @to_int(ptr addrspace(1) %v)
  %s1 = add i64 %s, %x
  %ok2 = call i1 @fits48(i64 %s1)
  br i1 %ok2, label %g2, label %x2, !prof !1
g2:
  %l1 = call ptr addrspace(1) @alloc(ptr %vm, i64 2)
  %p0 = call ptr addrspace(1) @field(ptr addrspace(1) %l1, i64 0)
  store ptr addrspace(1) %v, ptr addrspace(1) %p0
  %p1 = call ptr addrspace(1) @field(ptr addrspace(1) %l1, i64 1)
  store ptr addrspace(1) %l.0, ptr addrspace(1) %p1
  %xd = sitofp i64 %x to double
  %dh = fmul double %d, 5.0e-1
  %d1 = fadd double %dh, %xd
  %wp = getelementptr i8, ptr %vm, i64 {FLAG}
  %w = load i64, ptr %wp
  %ok3 = icmp eq i64 %w, 0
  br i1 %ok3, label %l, label %x3, !prof !1
l:
  %k3 = mul i32 %k, 3
  %k1 = add i32 %k3, 1
  %flip1 = xor i1 %flip, true
  %i1 = add i64 %i, 1
  br label %h
done:
  ; zero-extended by hand: the statepoint pass drops zeroext
  %fz = zext i1 %flip to i32
  %r = call ptr addrspace(1) @finish(ptr %vm, i64 %s, ptr addrspace(1) %l.0, i32 %k, i32 %fz, double %d)
  ret ptr addrspace(1) %r
{exits}}}
"#
    )
}

/// A compiled caller with its own live unboxed and boxed values, some of them in callee-saved registers over the call.
const OUTER: &str = r#"
define ptr addrspace(1) @outer(ptr %vm, ptr addrspace(1) %closure, i64 %nargs, ptr addrspace(1) %t, ptr addrspace(1) %nb, ptr addrspace(1) %a2) noinline #0 gc "statepoint-example" {
e:
  br label %h
h:
  %j = phi i64 [ 0, %e ], [ %j1, %h ]
  %a = phi i64 [ 1, %e ], [ %a1, %h ]
  %b = phi i64 [ 2, %e ], [ %b1, %h ]
  %c = phi i64 [ 3, %e ], [ %c1, %h ]
  %d = phi i64 [ 4, %e ], [ %d1, %h ]
  %x = phi double [ 1.5, %e ], [ %x1, %h ]
  %r = call ptr addrspace(1) @run(ptr %vm, ptr addrspace(1) %closure, i64 2, ptr addrspace(1) %t, ptr addrspace(1) %nb, ptr addrspace(1) %a2)
  %ri = call i64 @to_int(ptr addrspace(1) %r)
  %am = mul i64 %a, 31
  %a1 = add i64 %am, %ri
  %b1 = xor i64 %b, %a1
  %c1 = add i64 %c, %b1
  %dm = mul i64 %d, 7
  %d1 = add i64 %dm, %c1
  %xr = sitofp i64 %ri to double
  %xh = fmul double %x, 5.0e-1
  %x1 = fadd double %xh, %xr
  %j1 = add i64 %j, 1
  %go = icmp slt i64 %j1, 3
  br i1 %go, label %h, label %done
done:
  %e1 = call ptr addrspace(1) @field(ptr addrspace(1) %t, i64 0)
  %first = load ptr addrspace(1), ptr addrspace(1) %e1
  %s = xor i64 %a1, %d1
  %st = trunc i64 %c1 to i32
  %fi = ptrtoint ptr addrspace(1) %first to i64
  %q = add i64 %s, %fi
  %res = call ptr addrspace(1) @finish(ptr %vm, i64 %q, ptr addrspace(1) inttoptr (i64 -1688849860263936 to ptr addrspace(1)), i32 %st, i32 1, double %x1)
  ret ptr addrspace(1) %res
}
declare void @gc(ptr) nonlazybind
declare ptr addrspace(1) @alloc(ptr, i64) nonlazybind
declare ptr addrspace(1) @finish(ptr, i64, ptr addrspace(1), i32, i32, double) nonlazybind
declare i64 @llvm.experimental.patchpoint.i64(i64, i32, ptr, i32, ...)
!1 = !{!"branch_weights", i32 100000, i32 1}
"#;

/// What `outer` computes, given what `run` returns.
fn outer(run: u64, first: u64) -> u64 {
    let (mut a, mut b, mut c, mut d, mut x) = (1i64, 2i64, 3i64, 4i64, 1.5f64);
    for _ in 0..3 {
        let r = as_int(run);
        a = a.wrapping_mul(31).wrapping_add(r);
        b ^= a;
        c = c.wrapping_add(b);
        d = d.wrapping_mul(7).wrapping_add(c);
        x = x * 0.5 + r as f64;
    }
    finish(
        int((a ^ d).wrapping_add(first as i64)),
        x.to_bits(),
        NIL,
        int(i64::from(c as i32)),
        FALSE + 1,
    )
}

// ---- the test ------------------------------------------------------------------------------------------------------

/// A table of integers, with something else at `odd`.
fn table(vm: &mut Vm, odd: usize, what: u64) -> u64 {
    let t = vm.heap.alloc(LEN);
    (0..LEN).for_each(|i| set(t, i, int(i as i64 * 1000 - 77)));
    if odd < LEN {
        set(t, odd, what);
    }
    t
}

/// What stands at position `odd`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Double,
    /// The sum overflows 48 bits.
    LargeInt,
    /// The interpreter calls compiled code for it: a second segment.
    Table,
    /// The bound is a double too: exit at entry, with a frame that is partly constants.
    DoubleBound,
    /// The interpreter throws.
    Nil,
}

fn run_mode(mode: &Mode) {
    let symbols: [(&str, unsafe extern "C" fn()); 3] = [
        ("gc", gc_trampoline),
        ("alloc", alloc_trampoline),
        ("finish", finish_trampoline),
    ];
    let mut owner = Toy::with_exits(Test::default(), &symbols, side_exit, no_lazy_return);
    let find = owner.install(
        &[function(false), function(true), OUTER.into()].concat(),
        mode,
    );
    let (run, osr_code, outer_code) = (find("run"), find("osr"), find("outer"));
    let vmp: *mut Vm = ptr::from_mut(&mut *owner);
    // SAFETY: the VM above; compiled code is called in between.
    let vm = || unsafe { &mut *vmp };
    vm().state.run = run;
    for odd in [0, 1, 5, LEN - 1, LEN] {
        for what in [
            What::Double,
            What::LargeInt,
            What::Table,
            What::DoubleBound,
            What::Nil,
        ] {
            if odd == 0 && matches!(what, What::Table) {
                continue; // the checksum of `outer` would contain an address
            }
            for (hot, trip) in [
                (0, 0),
                (osr_code, 0),
                (0, odd as i64 + 1),
                (osr_code, odd as i64 + 2),
            ] {
                let case = format!("{mode:?} odd {odd} {what:?} hot {} trip {trip}", hot != 0);
                vm().heap.roots.clear();
                let inner = table(vm(), 3, 2.5f64.to_bits());
                vm().heap.roots.push(inner);
                let stranger = match what {
                    What::Double => 7.25f64.to_bits(),
                    What::LargeInt => int((1 << 47) - 1),
                    What::Table => inner,
                    What::DoubleBound => 0.5f64.to_bits(),
                    What::Nil => NIL,
                };
                let t = table(vm(), odd, stranger);
                vm().heap.roots.push(t);
                let bound = if what == What::DoubleBound {
                    (LEN as f64).to_bits()
                } else {
                    int(LEN as i64)
                };
                vm().state = Test {
                    run,
                    pure: true,
                    exits: std::mem::take(&mut vm().state.exits),
                    ..Test::default()
                };
                let frame = start(vm().heap.roots[1], bound);
                vm().heap.roots.extend(frame);
                let reference = interpret(vmp, 0);
                assert_eq!(reference.is_error(), what == What::Nil && odd < LEN);
                vm().state.pure = false;
                vm().state.osr = hot;
                vm().state.trip = trip;
                vm().flag = 0;
                // From the top, with compiled callers.
                let outcome = call(vmp, outer_code, &[vm().heap.roots[1], bound]);
                assert_eq!(vm().native.context, NativeContext::EMPTY, "{case}");
                if reference.is_error() {
                    assert!(
                        outcome.is_error() && vm().error == int(odd as i64),
                        "{case}"
                    );
                    vm().heap.roots.truncate(2); // what the frames that were skipped had there
                } else {
                    let expected = outer(reference.value, get(vm().heap.roots[1], 0));
                    assert_eq!(outcome, Outcome::ok(expected), "{case}");
                    assert_eq!(vm().heap.roots.len(), 2, "{case}");
                }
                // Into the middle: some rounds in the interpreter, then compiled code (and perhaps back, and in again).
                for rounds_before in (0..=LEN).step_by(3) {
                    if reference.is_error() && rounds_before > odd {
                        break;
                    }
                    vm().state.pure = true;
                    let frame = start(vm().heap.roots[1], int(rounds_before as i64));
                    vm().heap.roots.extend(frame);
                    assert!(matches!(rounds(vmp, 0), End::Loop));
                    vm().state.pure = false;
                    vm().heap.roots[2 + N] = bound;
                    let code = std::mem::replace(&mut vm().state.osr, osr_code);
                    let end = osr(vmp);
                    vm().state.osr = code;
                    let outcome = match end {
                        Ok(pc) => interpret(vmp, pc),
                        Err(End::Result(x)) => Outcome::ok(x),
                        Err(_) => Outcome::ERROR,
                    };
                    assert_eq!(outcome, reference, "{case}: OSR after {rounds_before}");
                    assert_eq!(
                        vm().heap.roots.len(),
                        2,
                        "{case}: OSR after {rounds_before}"
                    );
                    assert_eq!(vm().native.context, NativeContext::EMPTY);
                }
            }
        }
    }
    // Each exit was taken, from the top and from the middle.
    let taken: Vec<u64> = owner.state.exits.keys().copied().collect();
    assert_eq!(taken, [0, 1, 2, 3, 9, 10, 11, 12], "{mode:?}");
    let (collections, deepest) = (owner.heap.collections, owner.heap.deepest);
    assert!(
        collections > 10_000 && deepest >= 2,
        "{collections} collections, {deepest} frames"
    );
    owner.remove_all();
}

// One test for each, so that they run side by side.
#[test]
fn exits_and_osr_after_minimal_passes() {
    modes()[..2].iter().for_each(run_mode);
}

#[test]
fn exits_and_osr_after_lean_passes() {
    modes()[2..4].iter().for_each(run_mode);
}

#[test]
fn exits_and_osr_after_all_passes() {
    modes()[4..].iter().for_each(run_mode);
}
