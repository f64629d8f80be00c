//! The library `math`.
use crate::random::Random;
use crate::register::{Entry, new_library, set_field};
use selune_core::number;
use selune_core::value::Value;
use selune_vm::semantics::arith::as_number;
use selune_vm::{Args, NativeKind, NativeResult, Vm};
use std::f64::consts::PI;

static FUNCTIONS: &[Entry] = &[
    ("abs", abs),
    ("acos", acos),
    ("asin", asin),
    ("atan", atan),
    ("atan2", atan),
    ("ceil", ceil),
    ("cos", cos),
    ("cosh", cosh),
    ("deg", deg),
    ("exp", exp),
    ("floor", floor),
    ("fmod", fmod),
    ("frexp", frexp),
    ("ldexp", ldexp),
    ("log", log),
    ("log10", log10),
    ("max", max),
    ("min", min),
    ("modf", modf),
    ("pow", pow),
    ("rad", rad),
    ("sin", sin),
    ("sinh", sinh),
    ("sqrt", sqrt),
    ("tan", tan),
    ("tanh", tanh),
    ("tointeger", tointeger),
    ("type", type_),
    ("ult", ult),
];

/// Opens the library.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "math", FUNCTIONS);
    let salt = &raw const *vm as usize;
    let random = vm.new_userdata(Box::new(Random::new(Random::fresh_seed(salt))), Value::NIL);
    for (name, f) in [
        ("random", vm.new_native_with(random_, &"random", NativeKind::Plain, &[random])),
        ("randomseed", vm.new_native_with(randomseed, &"randomseed", NativeKind::Plain, &[random])),
    ] {
        set_field(vm, lib, name, f);
    }
    let (max, min) = (vm.int(i64::MAX), vm.int(i64::MIN));
    for (name, v) in [("pi", Value::float(PI)), ("huge", Value::float(f64::INFINITY)), ("maxinteger", max), ("mininteger", min)] {
        set_field(vm, lib, name, v);
    }
}

/// A function of one float.
macro_rules! float_functions {
    ($($name:ident($x:ident) = $body:expr;)*) => { $(
        fn $name(vm: &mut Vm, args: Args) -> NativeResult {
            let v = args.get(vm, 0);
            let $x = if v.is_float() { v.as_float() } else { vm.check_num(args, 0)? };
            vm.ret1(Value::float($body))
        }
    )* };
}

float_functions! {
    acos(x) = x.acos();
    asin(x) = x.asin();
    cos(x) = x.cos();
    cosh(x) = x.cosh();
    deg(x) = x * (180.0 / PI);
    exp(x) = x.exp();
    log10(x) = x.log10();
    rad(x) = x * (PI / 180.0);
    sin(x) = x.sin();
    sinh(x) = x.sinh();
    sqrt(x) = x.sqrt();
    tan(x) = x.tan();
    tanh(x) = x.tanh();
}

/// A float that is integral as an integer when it fits, else as it is.
#[inline]
fn push_integral(vm: &mut Vm, f: f64) {
    let v = match number::float_to_int(f) {
        Some(i) => vm.int(i),
        None => Value::float(f),
    };
    vm.push(v);
}

fn abs(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    let v = match v.as_int() {
        Some(i) => vm.int(i.wrapping_abs()),
        None => Value::float(vm.check_num(args, 0)?.abs()),
    };
    vm.ret1(v)
}

fn atan(vm: &mut Vm, args: Args) -> NativeResult {
    let y = vm.check_num(args, 0)?;
    let x = vm.opt_num(args, 1, 1.0)?;
    vm.ret1(Value::float(y.atan2(x)))
}

fn floor(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    if v.is_int() {
        return vm.ret1(v);
    }
    let f = if v.is_float() { v.as_float() } else { vm.check_num(args, 0)? };
    match number::float_to_int_floor(f) {
        Some(i) => {
            let i = vm.int(i);
            vm.ret1(i)
        }
        None => vm.ret1(Value::float(f.floor())),
    }
}

fn ceil(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    if v.is_int() {
        return vm.ret1(v);
    }
    let f = if v.is_float() { v.as_float() } else { vm.check_num(args, 0)? };
    match number::float_to_int_ceil(f) {
        Some(i) => {
            let i = vm.int(i);
            vm.ret1(i)
        }
        None => vm.ret1(Value::float(f.ceil())),
    }
}

fn fmod(vm: &mut Vm, args: Args) -> NativeResult {
    if let (Some(a), Some(b)) = (args.get(vm, 0).as_int(), args.get(vm, 1).as_int()) {
        if b == 0 {
            return Err(vm.arg_error(2, "zero"));
        }
        let r = vm.int(a.wrapping_rem(b));
        return vm.ret1(r);
    }
    // PUC evaluates the second check first.
    let b = vm.check_num(args, 1)?;
    let a = vm.check_num(args, 0)?;
    vm.ret1(Value::float(selune_core::number::rem(a, b)))
}

fn modf(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    if v.is_int() {
        vm.push(v);
        vm.push(Value::float(0.0));
        return Ok(2);
    }
    let f = vm.check_num(args, 0)?;
    let int = if f < 0.0 { f.ceil() } else { f.floor() };
    push_integral(vm, int);
    vm.push(Value::float(if f == int { 0.0 } else { f - int }));
    Ok(2)
}

fn log(vm: &mut Vm, args: Args) -> NativeResult {
    let x = vm.check_num(args, 0)?;
    let result = if args.get(vm, 1).is_nil() {
        x.ln()
    } else {
        let base = vm.check_num(args, 1)?;
        if base == 2.0 {
            x.log2()
        } else if base == 10.0 {
            x.log10()
        } else {
            x.ln() / base.ln()
        }
    };
    vm.ret1(Value::float(result))
}

fn pow(vm: &mut Vm, args: Args) -> NativeResult {
    let x = vm.check_num(args, 0)?;
    let y = vm.check_num(args, 1)?;
    vm.ret1(Value::float(x.powf(y)))
}

fn frexp(vm: &mut Vm, args: Args) -> NativeResult {
    let x = vm.check_num(args, 0)?;
    let (mantissa, exp) = split_float(x);
    vm.push(Value::float(mantissa));
    vm.push(Value::small_int(i64::from(exp)));
    Ok(2)
}

/// The mantissa in [0.5, 1) and the exponent of a float.
fn split_float(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let bits = x.to_bits();
    let exp = (bits >> 52 & 0x7FF) as i32;
    if exp == 0 {
        // Subnormal: make it normal first.
        let (mantissa, exp) = split_float(x * 18_014_398_509_481_984.0);
        return (mantissa, exp - 54);
    }
    (f64::from_bits(bits & !(0x7FF << 52) | 1022 << 52), exp - 1022)
}

fn ldexp(vm: &mut Vm, args: Args) -> NativeResult {
    let x = vm.check_num(args, 0)?;
    let exp = vm.check_int(args, 1)? as i32;
    vm.ret1(Value::float(scale_float(x, exp)))
}

/// `x * 2^exp`, rounded once.
fn scale_float(x: f64, exp: i32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (mantissa, own) = split_float(x);
    let exp = i64::from(exp) + i64::from(own);
    if exp > 1024 {
        return x.signum() * f64::INFINITY;
    }
    if exp < -1080 {
        return x.signum() * 0.0;
    }
    let exp = exp as i32;
    // The first factor keeps all bits; only the last multiplication can round.
    let power = |e: i32| f64::from_bits(((e + 1023) as u64) << 52);
    if exp >= 1 {
        mantissa * 2.0 * power(exp - 1)
    } else if exp > -1021 {
        mantissa * power(exp)
    } else {
        mantissa * power(-1000) * power(exp + 1000)
    }
}

fn tointeger(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    if v.is_int() {
        return vm.ret1(v);
    }
    match vm.to_integer(v) {
        Some(i) => {
            let i = vm.int(i);
            vm.ret1(i)
        }
        None => {
            vm.check_any(args, 0)?;
            vm.ret1(Value::NIL)
        }
    }
}

fn ult(vm: &mut Vm, args: Args) -> NativeResult {
    let a = vm.check_int(args, 0)?;
    let b = vm.check_int(args, 1)?;
    vm.ret1(Value::bool((a as u64) < b as u64))
}

fn type_(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let name: &[u8] = if v.is_int() {
        b"integer"
    } else if v.is_float() {
        b"float"
    } else {
        return vm.ret1(Value::NIL);
    };
    let name = vm.intern(name);
    vm.ret1(name)
}

fn max(vm: &mut Vm, args: Args) -> NativeResult {
    extreme(vm, args, true)
}

fn min(vm: &mut Vm, args: Args) -> NativeResult {
    extreme(vm, args, false)
}

/// The largest or smallest argument in Lua's order of values. May call.
#[inline]
fn extreme(vm: &mut Vm, args: Args, largest: bool) -> NativeResult {
    if args.is_empty() {
        return Err(vm.arg_error(1, "value expected"));
    }
    let mut best = 0;
    for i in 1..args.len() {
        let (a, b) = if largest { (best, i) } else { (i, best) };
        let (a, b) = (args.get(vm, a), args.get(vm, b));
        let less = match (as_number(a), as_number(b)) {
            (Some(x), Some(y)) => number::lt(x, y),
            _ => vm.less_than(a, b)?,
        };
        if less {
            best = i;
        }
    }
    let v = args.get(vm, best);
    vm.ret1(v)
}

fn random_(vm: &mut Vm, args: Args) -> NativeResult {
    let state = vm.upvalue(0);
    let Some(random) = vm.userdata_mut::<Random>(state) else { return Ok(0) };
    // A number is drawn even if the arguments turn out to be wrong.
    let bits = random.next();
    let (low, high) = match args.len() {
        0 => return vm.ret1(Value::float(Random::float(bits))),
        1 => {
            let high = vm.check_int(args, 0)?;
            if high == 0 {
                let v = vm.int(bits as i64);
                return vm.ret1(v);
            }
            (1, high)
        }
        2 => (vm.check_int(args, 0)?, vm.check_int(args, 1)?),
        _ => return Err(vm.error("wrong number of arguments")),
    };
    if low > high {
        return Err(vm.arg_error(1, "interval is empty"));
    }
    let range = (high as u64).wrapping_sub(low as u64);
    let offset = match Random::project(bits, range) {
        Some(offset) => offset,
        None => match vm.userdata_mut::<Random>(state) {
            Some(random) => random.draw(range),
            None => return Ok(0),
        },
    };
    let v = vm.int(offset.wrapping_add(low as u64) as i64);
    vm.ret1(v)
}

fn randomseed(vm: &mut Vm, args: Args) -> NativeResult {
    let seed = if args.is_empty() {
        Random::fresh_seed(&raw const *vm as usize)
    } else {
        (vm.check_int(args, 0)? as u64, vm.opt_int(args, 1, 0)? as u64)
    };
    let state = vm.upvalue(0);
    if let Some(random) = vm.userdata_mut::<Random>(state) {
        random.seed(seed);
    }
    for half in [seed.0, seed.1] {
        let v = vm.int(half as i64);
        vm.push(v);
    }
    Ok(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_and_scaling() {
        assert_eq!(split_float(8.0), (0.5, 4));
        assert_eq!(split_float(-3.0), (-0.75, 2));
        assert_eq!(split_float(5e-324), (0.5, -1073));
        assert_eq!(scale_float(0.5, 4), 8.0);
        assert_eq!(scale_float(1.0, -1074), 5e-324);
        assert_eq!(scale_float(1.0, -1076), 0.0);
        assert_eq!(scale_float(1.0, 2000), f64::INFINITY);
        assert_eq!(scale_float(0.5, 1024), 8.98846567431158e307);
        assert_eq!(scale_float(f64::MAX, 0), f64::MAX);
        assert_eq!(scale_float(5e-324, 1074), 1.0);
    }
}
