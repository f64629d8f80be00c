//! The trampolines with hand-assembled "compiled" code: no JIT is needed to know that they are right.

use super::*;
use crate::code_map::{CodeMap, CodeRecord};
use crate::code_memory::{CodeBlock, CodeMemory, CodeMemoryOptions};
use crate::walk::{Redirects, walk};
use selune_core::native_state::NativeContext;
use std::ops::ControlFlow;

/// `closure + 2 * nargs + 4 * a0 + 8 * a1 + 16 * a2`
#[rustfmt::skip]
const ARGUMENTS: [u8; 20] = [
    0x48, 0x8d, 0x04, 0x56, 0x48, 0x8d, 0x04, 0x88, 0x4a, 0x8d, 0x04, 0xc0, 0x49, 0xc1, 0xe1, 0x04,
    0x4c, 0x01, 0xc8, 0xc3,
];

/// A function with a frame pointer that fills rbx and r12..r15 with -1 and calls `target(vm, a0)` (with a1 in xmm0); the target's
/// address is the last word.
#[rustfmt::skip]
const CALLER: [u8; 80] = [
    0x55, 0x48, 0x89, 0xe5, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x48, 0x83, 0xec,
    0x08, 0x48, 0xc7, 0xc3, 0xff, 0xff, 0xff, 0xff, 0x49, 0x89, 0xdc, 0x49, 0x89, 0xdd, 0x49, 0x89,
    0xde, 0x49, 0x89, 0xdf, 0x48, 0x8b, 0x05, 0x1d, 0x00, 0x00, 0x00, 0x48, 0x89, 0xce, 0x66, 0x49,
    0x0f, 0x6e, 0xc0, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x08, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41,
    0x5c, 0x5b, 0x5d, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
];

/// `guard(enter, vm, code, a0)`: fills the callee-saved registers with known numbers, calls `enter(vm, code, 0, 0, a0, 0, 0)`, and
/// returns whether they changed: 0 if not.
#[rustfmt::skip]
const GUARD: [u8; 137] = [
    0x55, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x48, 0xc7, 0xc3, 0x65, 0x00, 0x00,
    0x00, 0x49, 0xc7, 0xc4, 0x66, 0x00, 0x00, 0x00, 0x49, 0xc7, 0xc5, 0x67, 0x00, 0x00, 0x00, 0x49,
    0xc7, 0xc6, 0x68, 0x00, 0x00, 0x00, 0x49, 0xc7, 0xc7, 0x69, 0x00, 0x00, 0x00, 0x48, 0xc7, 0xc5,
    0x6a, 0x00, 0x00, 0x00, 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x49, 0x89, 0xc8,
    0x31, 0xd2, 0x31, 0xc9, 0x45, 0x31, 0xc9, 0x6a, 0x00, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x08, 0x31,
    0xc9, 0x48, 0x83, 0xeb, 0x65, 0x48, 0x09, 0xd9, 0x49, 0x83, 0xec, 0x66, 0x4c, 0x09, 0xe1, 0x49,
    0x83, 0xed, 0x67, 0x4c, 0x09, 0xe9, 0x49, 0x83, 0xee, 0x68, 0x4c, 0x09, 0xf1, 0x49, 0x83, 0xef,
    0x69, 0x4c, 0x09, 0xf9, 0x48, 0x83, 0xed, 0x6a, 0x48, 0x09, 0xe9, 0x48, 0x89, 0xc8, 0x41, 0x5f,
    0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5b, 0x5d, 0xc3,
];

#[repr(C)]
struct Vm {
    native: NativeState,
    map: CodeMap<()>,
    blocks: Vec<CodeBlock>,
    seen: Vec<u64>,
    frames: usize,
    inner: usize,
}

impl Vm {
    fn new() -> Box<Vm> {
        let (native, map) = (NativeState::new(), CodeMap::new());
        Box::new(Vm {
            native,
            map,
            blocks: vec![],
            seen: vec![],
            frames: 0,
            inner: 0,
        })
    }

    fn install(&mut self, code: &[u8]) -> usize {
        let memory = CodeMemory::new(CodeMemoryOptions {
            reserve: 64 << 10,
            limit: 64 << 10,
        })
        .unwrap();
        let block = memory.install(code).unwrap();
        let start = block.code().start;
        let range = start as u64..(start + code.len()) as u64;
        self.map.insert(CodeRecord {
            range,
            stack_map: None,
            data: (),
        });
        self.blocks.push(block);
        start
    }

    /// Installs [`CALLER`] for a trampoline.
    fn caller(&mut self, target: unsafe extern "C" fn()) -> usize {
        let mut code = CALLER;
        let at = code.len() - 8;
        code[at..].copy_from_slice(&(target as *const () as usize).to_le_bytes());
        self.install(&code)
    }

    fn count_frames(&self) -> usize {
        let mut n = 0;
        // SAFETY: called in runtime functions or when no compiled code runs.
        unsafe {
            walk(
                &self.native.context,
                &self.map,
                &Redirects::default(),
                |frame| {
                    assert_eq!(frame.return_slot() as u64, frame.sp - 8);
                    n += 1;
                    ControlFlow::Continue(())
                },
            );
        }
        n
    }
}

fn call(vm: *mut Vm, code: usize, a: [u64; 3]) -> Outcome {
    // SAFETY: the tests' VM and code.
    unsafe { enter(vm.cast(), code, 1, 2, a[0], a[1], a[2]) }
}

/// The shims record what they see and throw when the argument is odd.
fn visit(vm: *mut NativeState, argument: u64) -> bool {
    // SAFETY: called by the trampolines with the tests' VM.
    let vm = unsafe { &mut *vm.cast::<Vm>() };
    vm.seen.push(argument);
    vm.frames = vm.frames.max(vm.count_frames());
    argument % 2 == 1
}

unsafe extern "C" fn value_shim(vm: *mut NativeState, argument: u64) -> Outcome {
    if visit(vm, argument) {
        Outcome::ERROR
    } else {
        Outcome::ok(argument + 1)
    }
}

unsafe extern "C" fn double_shim(vm: *mut NativeState, argument: u64, x: f64) -> DoubleOutcome {
    if visit(vm, argument) {
        DoubleOutcome::ERROR
    } else {
        DoubleOutcome::ok(x * 2.0)
    }
}

unsafe extern "C" fn plain_shim(vm: *mut NativeState, argument: u64) -> u64 {
    visit(vm, argument);
    argument + 10
}

/// Enters compiled code again, and passes on what comes of it.
unsafe extern "C" fn nesting_shim(vm: *mut NativeState, argument: u64) -> Outcome {
    // SAFETY: called by the trampoline with the tests' VM, which is not borrowed during the call.
    let (inner, before) = unsafe { ((*vm.cast::<Vm>()).inner, (*vm).context) };
    let outcome = call(vm.cast(), inner, [argument, 0, 0]);
    // SAFETY: as above.
    assert_eq!(unsafe { (*vm).context }, before);
    outcome
}

crate::runtime_trampolines! {
    value = value_shim as value;
    double = double_shim as double;
    plain = plain_shim as infallible;
    nesting = nesting_shim as value;
}

#[test]
fn arguments_arrive_in_order() {
    let mut vm = Vm::new();
    let code = vm.install(&ARGUMENTS);
    let outcome = call(&raw mut *vm, code, [10, 200, 3000]);
    assert_eq!(
        outcome,
        Outcome::ok(1 + 2 * 2 + 4 * 10 + 8 * 200 + 16 * 3000)
    );
    let frame = std::ptr::dangling_mut();
    // SAFETY: the code does arithmetic on its arguments (the frame is one) and what else is in registers, nothing else.
    let outcome = unsafe { enter_osr((&raw mut *vm).cast(), code, frame) };
    assert_eq!(outcome.status, 0);
    assert_eq!(vm.native.context, NativeContext::EMPTY);
}

#[test]
fn runtime_functions_return_or_throw() {
    let mut vm = Vm::new();
    let vmp = &raw mut *vm;
    for (target, result) in [(value as unsafe extern "C" fn(), 43), (plain, 52)] {
        let code = vm.caller(target);
        assert_eq!(call(vmp, code, [42, 0, 0]), Outcome::ok(result));
    }
    let code = vm.caller(value);
    assert!(call(vmp, code, [43, 0, 0]).is_error());
    let code = vm.caller(double);
    assert_eq!(call(vmp, code, [2, 1.5f64.to_bits(), 0]).status, 0);
    assert!(call(vmp, code, [3, 1.5f64.to_bits(), 0]).is_error());
    assert_eq!(vm.seen, [42, 42, 43, 2, 3]);
    assert_eq!(vm.frames, 1);
    assert_eq!(vm.count_frames(), 0);
    assert_eq!(vm.native.context, NativeContext::EMPTY);
}

#[test]
fn segments_nest_and_errors_leave_one_after_the_other() {
    let mut vm = Vm::new();
    let vmp = &raw mut *vm;
    let innermost = vm.caller(value);
    let middle = vm.caller(nesting);
    vm.inner = innermost;
    for (argument, expected) in [
        (42, Outcome::ok(43)),
        (
            43,
            Outcome {
                value: 0,
                status: 1,
            },
        ),
    ] {
        let outcome = call(vmp, middle, [argument, 0, 0]);
        assert_eq!(outcome.status, expected.status);
        assert!(outcome.is_error() || outcome == expected);
        assert_eq!(vm.frames, 2);
        assert_eq!(vm.native.context, NativeContext::EMPTY);
    }
}

#[test]
fn callee_saved_registers_survive_errors() {
    let mut vm = Vm::new();
    let vmp = &raw mut *vm;
    let guard = vm.install(&GUARD);
    let code = vm.caller(value);
    // SAFETY: the bytes above are this function.
    let guard = unsafe {
        std::mem::transmute::<usize, extern "C" fn(usize, *mut Vm, usize, u64) -> u64>(guard)
    };
    for argument in 0..4 {
        assert_eq!(guard(enter as *const () as usize, vmp, code, argument), 0);
    }
    assert_eq!(vm.seen, [0, 1, 2, 3]);
}
