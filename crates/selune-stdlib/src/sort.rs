//! `table.sort`: PUC's quicksort, so that order functions see the same comparisons and bad ones the same error.
//!
//! Arrays of only strings, only integers or only floats (without NaN and -0.0) that are sorted by `<`, or by a function that
//! does nothing but compare its arguments so, have no observable comparisons: they are sorted outside of the table by Rust's
//! own sort.
use crate::table::{self, ALL, get, is_raw, set};
use selune_core::number::{self, Number};
use selune_core::opcode::Op;
use selune_core::string;
use selune_core::value::Value;
use selune_vm::semantics::arith::as_number;
use selune_vm::{Args, NativeResult, Thrown, Vm};

/// Larger intervals may use a random pivot.
const RANDOM_LIMIT: u32 = 100;

/// `table.sort(list [, comp])`
pub fn sort(vm: &mut Vm, args: Args) -> NativeResult {
    let n = table::length(vm, args, 0, ALL)?;
    if n <= 1 {
        return Ok(0);
    }
    if n >= i64::from(i32::MAX) {
        return Err(vm.arg_error(1, "array too big"));
    }
    let has_function = !args.get(vm, 1).is_nil();
    if has_function {
        crate::register::check_function(vm, args, 1)?;
    }
    let t = args.get(vm, 0);
    let known = if has_function { known_order(vm, args.get(vm, 1)) } else { Some(Order::Ascending) };
    if let Some(order) = known
        && is_raw(vm, t)
        && !(has_function && vm.observed())
        && sort_plain(vm, t, n, order)
    {
        return Ok(0);
    }
    let scratch = vm.top();
    // Slots for the pivot and two elements that are being compared.
    vm.set_top(scratch + 3);
    let mut sorter = Sorter { vm, args, has_function, scratch };
    sorter.sort(1, n as u32, 0)?;
    Ok(0)
}

/// An order that needs no call to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Is it `function(a, b) return a < b end`, or with `>`?
fn known_order(vm: &Vm, f: Value) -> Option<Order> {
    let p = vm.proto_of(f).filter(|p| p.num_params == 2 && !p.is_vararg)?;
    let [compare, jump, no, yes, answer, ..] = p.code[..] else { return None };
    // The comparison jumps over the load of one answer to that of the other.
    let ops = [compare, jump, no, yes, answer].map(|i| i.op());
    let registers = [no, yes, answer].map(|i| i.a());
    if ops != [Op::Lt, Op::Jmp, Op::LoadFalseSkip, Op::LoadTrue, Op::Return1] || jump.sbx() != 1 || compare.c() != 1 || registers != [2; 3] {
        return None;
    }
    match (compare.a(), compare.b()) {
        (0, 1) => Some(Order::Ascending),
        (1, 0) => Some(Order::Descending),
        _ => None,
    }
}

/// Sorts elements whose order can be decided without calling Lua; false when some cannot.
fn sort_plain(vm: &mut Vm, t: Value, n: i64, order: Order) -> bool {
    let mut values: Vec<Value> = (1..=n).map(|i| vm.raw_get_int(t, i)).collect();
    if values.iter().all(|v| v.is_small_int()) {
        values.sort_unstable_by_key(|v| v.as_small_int());
    } else if values.iter().all(|v| v.is_string()) {
        values.sort_unstable_by(|a, b| string::compare(*a, *b));
    } else if values.iter().all(|v| v.is_float() && !v.as_float().is_nan() && v.as_float().to_bits() != (-0.0f64).to_bits()) {
        values.sort_unstable_by(|a, b| a.as_float().total_cmp(&b.as_float()));
    } else {
        return false;
    }
    if order == Order::Descending {
        values.reverse();
    }
    for (i, v) in values.into_iter().enumerate() {
        vm.raw_set_int(t, i as i64 + 1, v);
    }
    true
}

struct Sorter<'v> {
    vm: &'v mut Vm,
    args: Args,
    has_function: bool,
    /// Stack index of three slots: pivot, left, right.
    scratch: usize,
}

const PIVOT: usize = 0;
const LEFT: usize = 1;
const RIGHT: usize = 2;

impl Sorter<'_> {
    /// Reads an element into a scratch slot.
    #[inline]
    fn load(&mut self, slot: usize, i: u32) -> Result<(), Thrown> {
        let v = get(self.vm, self.args, 0, i64::from(i))?;
        self.vm.set_stack_at(self.scratch + slot, v);
        Ok(())
    }

    /// Writes a scratch slot to an element.
    #[inline]
    fn store(&mut self, i: u32, slot: usize) -> Result<(), Thrown> {
        let v = self.vm.stack_at(self.scratch + slot);
        set(self.vm, self.args, 0, i64::from(i), v)
    }

    /// Is the value in one scratch slot less than that in another?
    #[inline]
    fn less(&mut self, a: usize, b: usize) -> Result<bool, Thrown> {
        let (a, b) = (self.vm.stack_at(self.scratch + a), self.vm.stack_at(self.scratch + b));
        if self.has_function {
            let f = self.args.get(self.vm, 1);
            if let Some(r) = self.vm.call_direct(f, 2, [a, b, Value::NIL], true) {
                return Ok(r?.is_truthy());
            }
            let at = self.vm.top();
            self.vm.push(f);
            self.vm.push(a);
            self.vm.push(b);
            self.vm.call_at(at, 2, 1)?;
            return Ok(self.vm.pop().is_truthy());
        }
        match (as_number(a), as_number(b)) {
            (Some(Number::Int(a)), Some(Number::Int(b))) => Ok(a < b),
            (Some(a), Some(b)) => Ok(number::lt(a, b)),
            _ => self.vm.less_than(a, b),
        }
    }

    fn invalid(&mut self) -> Thrown {
        self.vm.error("invalid order function for sorting")
    }

    /// Sorts elements `lo..=up`.
    fn sort(&mut self, mut lo: u32, mut up: u32, mut random: u32) -> Result<(), Thrown> {
        while lo < up {
            self.load(LEFT, lo)?;
            self.load(RIGHT, up)?;
            if self.less(RIGHT, LEFT)? {
                self.store(lo, RIGHT)?;
                self.store(up, LEFT)?;
            }
            if up - lo == 1 {
                return Ok(());
            }
            let mut p = if up - lo < RANDOM_LIMIT || random == 0 { lo.midpoint(up) } else { choose_pivot(lo, up, random) };
            self.load(LEFT, p)?;
            self.load(RIGHT, lo)?;
            if self.less(LEFT, RIGHT)? {
                self.store(p, RIGHT)?;
                self.store(lo, LEFT)?;
            } else {
                self.load(RIGHT, up)?;
                if self.less(RIGHT, LEFT)? {
                    self.store(p, RIGHT)?;
                    self.store(up, LEFT)?;
                }
            }
            if up - lo == 2 {
                return Ok(());
            }
            self.load(PIVOT, p)?;
            self.load(RIGHT, up - 1)?;
            self.store(p, RIGHT)?;
            self.store(up - 1, PIVOT)?;
            p = self.partition(lo, up)?;
            let smaller;
            if p - lo < up - p {
                self.sort(lo, p - 1, random)?;
                smaller = p - lo;
                lo = p + 1;
            } else {
                self.sort(p + 1, up, random)?;
                smaller = up - p;
                up = p - 1;
            }
            if up.wrapping_sub(lo) / 128 > smaller {
                // Badly out of balance: choose pivots at random from now on.
                random = fresh_random();
            }
        }
        Ok(())
    }

    /// Partitions `lo..=up` around the pivot, which stands in its slot and at `up - 1`; returns its final place.
    fn partition(&mut self, lo: u32, up: u32) -> Result<u32, Thrown> {
        let mut i = lo;
        let mut j = up - 1;
        loop {
            loop {
                i += 1;
                self.load(LEFT, i)?;
                if !self.less(LEFT, PIVOT)? {
                    break;
                }
                if i == up - 1 {
                    return Err(self.invalid());
                }
            }
            loop {
                j -= 1;
                self.load(RIGHT, j)?;
                if !self.less(PIVOT, RIGHT)? {
                    break;
                }
                if j < i {
                    return Err(self.invalid());
                }
            }
            if j < i {
                // The pivot's copy at `up - 1` changes places with element i.
                self.store(up - 1, LEFT)?;
                self.store(i, PIVOT)?;
                return Ok(i);
            }
            self.store(i, RIGHT)?;
            self.store(j, LEFT)?;
        }
    }
}

/// A place in the second or third quarter.
fn choose_pivot(lo: u32, up: u32, random: u32) -> u32 {
    let quarter = (up - lo) / 4;
    random % (quarter * 2) + lo + quarter
}

fn fresh_random() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.subsec_nanos() ^ now.as_secs() as u32 | 1
}
