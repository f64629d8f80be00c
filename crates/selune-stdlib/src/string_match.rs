//! `string.find`, `match`, `gmatch` and `gsub` on the pattern engine.
use crate::pattern::{Capture, Match, PatternCache, PatternError, Program, find_plain, is_plain};
use crate::register::{append_text, substring};
use crate::string::start_position;
use selune_core::value::Value;
use selune_vm::{Args, NativeKind, NativeResult, Thrown, Vm};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// Compiled patterns are plain data without values, so all VMs of a thread may share them.
    static CACHE: RefCell<PatternCache> = RefCell::new(PatternCache::new());
}

fn program(vm: &Vm, pattern: Value, anchors: bool) -> Rc<Program> {
    CACHE.with_borrow_mut(|cache| cache.get(vm.bytes(pattern), anchors))
}

#[cold]
fn pattern_error(vm: &mut Vm, e: PatternError) -> Thrown {
    vm.error(e.to_string())
}

/// The value of capture `i`; `s` is the subject.
#[inline]
fn capture_value(vm: &mut Vm, s: Value, program: &Program, m: &Match, i: usize) -> Result<Value, Thrown> {
    match m.capture(program, i) {
        Ok(Capture::Text(from, to)) => Ok(substring(vm, s, from, to)),
        Ok(Capture::Position(at)) => Ok(Value::small_int(at as i64 + 1)),
        Err(e) => Err(pattern_error(vm, e)),
    }
}

/// Pushes all captures, or the whole match when there are none and `whole` says so.
fn push_captures(vm: &mut Vm, s: Value, program: &Program, m: &Match, whole: bool) -> NativeResult {
    let count = program.capture_count();
    let n = if count == 0 && whole { 1 } else { count };
    for i in 0..n {
        let v = capture_value(vm, s, program, m, i)?;
        vm.push(v);
    }
    Ok(n)
}

/// `string.find(s, pattern [, init [, plain]])`
pub fn find(vm: &mut Vm, args: Args) -> NativeResult {
    search(vm, args, true)
}

/// `string.match(s, pattern [, init])`
pub fn match_(vm: &mut Vm, args: Args) -> NativeResult {
    search(vm, args, false)
}

#[inline]
fn search(vm: &mut Vm, args: Args, find: bool) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let p = vm.check_str(args, 1)?;
    let len = vm.bytes(s).len();
    let init = if args.len() > 2 { start_position(vm.opt_int(args, 2, 1)?, len) - 1 } else { 0 };
    if init > len {
        return vm.ret1(Value::NIL);
    }
    if find && (args.get(vm, 3).is_truthy() || is_plain(vm.bytes(p))) {
        return match find_plain(vm.bytes(s), vm.bytes(p), init) {
            Some(at) => {
                let end = at + vm.bytes(p).len();
                vm.push(Value::small_int(at as i64 + 1));
                vm.push(Value::small_int(end as i64));
                Ok(2)
            }
            None => vm.ret1(Value::NIL),
        };
    }
    let program = program(vm, p, true);
    let mut m = Match::new();
    match m.search(&program, vm.bytes(s), init) {
        Err(e) => Err(pattern_error(vm, e)),
        Ok(false) => vm.ret1(Value::NIL),
        Ok(true) if find => {
            vm.push(Value::small_int(m.start as i64 + 1));
            vm.push(Value::small_int(m.end as i64));
            Ok(2 + push_captures(vm, s, &program, &m, false)?)
        }
        Ok(true) => push_captures(vm, s, &program, &m, true),
    }
}

/// `string.gmatch(s, pattern [, init])`
pub fn gmatch(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let p = vm.check_str(args, 1)?;
    let len = vm.bytes(s).len();
    let init = (start_position(vm.opt_int(args, 2, 1)?, len) - 1).min(len + 1);
    let upvalues = [s, p, Value::small_int(init as i64), Value::small_int(-1)];
    let f = vm.new_native_with(gmatch_step, &"gmatch_aux", NativeKind::Plain, &upvalues);
    vm.ret1(f)
}

/// The iterator of `gmatch`; upvalues: subject, pattern, position, end of the last match (-1: none).
fn gmatch_step(vm: &mut Vm, _: Args) -> NativeResult {
    let (s, p) = (vm.upvalue(0), vm.upvalue(1));
    let mut at = vm.upvalue(2).as_small_int() as usize;
    let last = vm.upvalue(3).as_small_int();
    let len = vm.bytes(s).len();
    let program = program(vm, p, false);
    let mut m = Match::new();
    while at <= len {
        match m.search(&program, vm.bytes(s), at) {
            Err(e) => return Err(pattern_error(vm, e)),
            Ok(false) => break,
            Ok(true) if m.end as i64 == last => at = m.start + 1,
            Ok(true) => {
                let end = Value::small_int(m.end as i64);
                vm.set_upvalue(2, end);
                vm.set_upvalue(3, end);
                return push_captures(vm, s, &program, &m, true);
            }
        }
    }
    // Nothing more: later calls stop at once.
    vm.set_upvalue(2, Value::small_int(len as i64 + 1));
    Ok(0)
}

/// `string.gsub(s, pattern, repl [, n])`
pub fn gsub(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let p = vm.check_str(args, 1)?;
    let repl = args.get(vm, 2);
    let len = vm.bytes(s).len();
    let max = vm.opt_int(args, 3, len as i64 + 1)?;
    if !(repl.is_string() || repl.is_number() || repl.is_function() || repl.is_table()) {
        return Err(vm.type_error(args, 3, "string/function/table"));
    }
    if repl.is_number() {
        vm.check_str(args, 2)?;
    }
    let program = program(vm, p, true);
    let mut run = Substitution { out: Vec::new(), copied: 0, changed: false };
    let mut m = Match::new();
    let (mut at, mut last, mut count) = (0, usize::MAX, 0);
    while count < max {
        match m.search(&program, vm.bytes(args.get(vm, 0)), at) {
            Err(e) => return Err(pattern_error(vm, e)),
            Ok(false) => break,
            Ok(true) if m.end == last => at = m.start + 1,
            Ok(true) => {
                count += 1;
                run.replace(vm, args, &program, &m)?;
                (at, last) = (m.end, m.end);
            }
        }
        if at > len || program.anchored() {
            break;
        }
    }
    let s = args.get(vm, 0);
    let result = if run.changed {
        run.out.extend_from_slice(&vm.bytes(s)[run.copied..]);
        vm.new_string_from(run.out)?
    } else {
        s
    };
    vm.push(result);
    vm.push(Value::small_int(count));
    Ok(2)
}

/// The result of a `gsub` so far: `out` holds everything up to `copied` of the subject, once something changed.
struct Substitution {
    out: Vec<u8>,
    copied: usize,
    changed: bool,
}

impl Substitution {
    /// Replaces one match. May call.
    fn replace(&mut self, vm: &mut Vm, args: Args, program: &Program, m: &Match) -> Result<(), Thrown> {
        let repl = args.get(vm, 2);
        let s = args.get(vm, 0);
        if repl.is_string() {
            self.copy_to(vm, s, m);
            return match expand(vm, &mut self.out, s, repl, program, m) {
                Ok(()) => Ok(()),
                Err(e) => Err(pattern_error(vm, e)),
            };
        }
        let v = if repl.is_table() {
            let key = capture_value(vm, s, program, m, 0)?;
            vm.index(repl, key)?
        } else {
            let at = vm.top();
            vm.push(repl);
            let n = push_captures(vm, s, program, m, true)?;
            let first = |i| if i < n { vm.stack_at(at + 1 + i) } else { Value::NIL };
            let captures = [first(0), first(1), first(2)];
            match if n <= 3 { vm.call_direct(repl, n as u32, captures, true) } else { None } {
                Some(r) => {
                    vm.set_top(at);
                    r?
                }
                None => {
                    vm.call_at(at, n, 1)?;
                    vm.pop()
                }
            }
        };
        if v.is_falsy() {
            return Ok(());
        }
        if !v.is_string() && !v.is_number() {
            return Err(vm.error(format!("invalid replacement value (a {})", v.type_name())));
        }
        let s = args.get(vm, 0);
        self.copy_to(vm, s, m);
        append_text(vm, &mut self.out, v);
        Ok(())
    }

    /// Copies the subject up to the match and skips the match.
    #[inline]
    fn copy_to(&mut self, vm: &Vm, s: Value, m: &Match) {
        self.out.extend_from_slice(&vm.bytes(s)[self.copied..m.start]);
        self.copied = m.end;
        self.changed = true;
    }
}

/// Appends a replacement string with its `%0` to `%9` filled in.
#[inline]
fn expand(vm: &Vm, out: &mut Vec<u8>, s: Value, repl: Value, program: &Program, m: &Match) -> Result<(), PatternError> {
    let (subject, mut rest) = (vm.bytes(s), vm.bytes(repl));
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(b'%') => out.push(b'%'),
            Some(b'0') => out.extend_from_slice(&subject[m.start..m.end]),
            Some(digit @ b'1'..=b'9') => match m.capture(program, usize::from(digit - b'1'))? {
                Capture::Text(from, to) => out.extend_from_slice(&subject[from..to]),
                Capture::Position(at) => out.extend_from_slice(selune_core::number::NumBuf::new().int(at as i64 + 1)),
            },
            _ => return Err(PatternError::InvalidReplacement),
        }
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    Ok(())
}
