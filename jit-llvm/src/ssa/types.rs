//! What is statically known about a value: the set of Lua kinds it can have, and a range for integers.
use selune_core::value::{MAX_SMALL_INT, MIN_SMALL_INT};

/// A set of kinds of Lua values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(pub u16);

impl Kinds {
    /// No value at all (unreachable).
    pub const NONE: Kinds = Kinds(0);
    /// nil.
    pub const NIL: Kinds = Kinds(1);
    /// false.
    pub const FALSE: Kinds = Kinds(2);
    /// true.
    pub const TRUE: Kinds = Kinds(4);
    /// An unboxed (48-bit) integer.
    pub const SMALL: Kinds = Kinds(8);
    /// A boxed integer.
    pub const BOXED: Kinds = Kinds(16);
    /// A float.
    pub const FLOAT: Kinds = Kinds(32);
    /// A string.
    pub const STRING: Kinds = Kinds(64);
    /// A table.
    pub const TABLE: Kinds = Kinds(128);
    /// A Lua closure.
    pub const CLOSURE: Kinds = Kinds(256);
    /// A native function.
    pub const NATIVE: Kinds = Kinds(512);
    /// Userdata (light ones too), threads.
    pub const OBJECT: Kinds = Kinds(1024);
    /// An internal part: cell, array part, slots part. Never seen by Lua.
    pub const PART: Kinds = Kinds(2048);
    /// Both booleans.
    pub const BOOL: Kinds = Kinds(2 | 4);
    /// nil and false.
    pub const FALSY: Kinds = Kinds(1 | 2);
    /// Integers.
    pub const INT: Kinds = Kinds(8 | 16);
    /// Numbers.
    pub const NUMBER: Kinds = Kinds(8 | 16 | 32);
    /// Functions.
    pub const FUNCTION: Kinds = Kinds(256 | 512);
    /// Every Lua value.
    pub const ANY: Kinds = Kinds(2047);
    /// Everything but nil.
    pub const NOT_NIL: Kinds = Kinds(2046);
    /// Everything but nil and false.
    pub const TRUTHY: Kinds = Kinds(2047 & !3);
    /// What is a pointer into the heap (light userdata aside).
    pub const HEAP: Kinds = Kinds(16 | 64 | 128 | 256 | 512 | 1024 | 2048);

    /// Union.
    pub const fn or(self, o: Kinds) -> Kinds {
        Kinds(self.0 | o.0)
    }
    /// Intersection.
    pub const fn and(self, o: Kinds) -> Kinds {
        Kinds(self.0 & o.0)
    }
    /// Without.
    pub const fn minus(self, o: Kinds) -> Kinds {
        Kinds(self.0 & !o.0)
    }
    /// Is every kind of `self` in `o`?
    pub const fn within(self, o: Kinds) -> bool {
        self.0 & !o.0 == 0
    }
    /// Have they something in common?
    pub const fn meets(self, o: Kinds) -> bool {
        self.0 & o.0 != 0
    }
    /// No kind.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl core::fmt::Debug for Kinds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMED: [(Kinds, &str); 7] = [
            (Kinds::ANY, "any"),
            (Kinds::NOT_NIL, "notnil"),
            (Kinds::TRUTHY, "truthy"),
            (Kinds::NUMBER, "number"),
            (Kinds::INT, "int"),
            (Kinds::BOOL, "bool"),
            (Kinds::FUNCTION, "function"),
        ];
        if let Some((_, n)) = NAMED.iter().find(|(k, _)| k == self) {
            return f.write_str(n);
        }
        const ONE: [&str; 12] =
            ["nil", "false", "true", "small", "boxed", "float", "string", "table", "closure", "native", "object", "part"];
        let names: Vec<&str> = (0..12).filter(|i| self.0 >> i & 1 != 0).map(|i| ONE[i]).collect();
        f.write_str(if names.is_empty() { "none".to_string() } else { names.join("|") }.as_str())
    }
}

/// An inclusive range of 64-bit integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Range {
    /// Least.
    pub lo: i64,
    /// Greatest.
    pub hi: i64,
}

impl Range {
    /// All.
    pub const FULL: Range = Range { lo: i64::MIN, hi: i64::MAX };
    /// Integers that need no box.
    pub const SMALL: Range = Range { lo: MIN_SMALL_INT, hi: MAX_SMALL_INT };
    /// One value.
    pub const fn of(i: i64) -> Range {
        Range { lo: i, hi: i }
    }
    /// From two bounds.
    pub const fn new(lo: i64, hi: i64) -> Range {
        Range { lo, hi }
    }
    /// Does every value of it lie in `o`?
    pub const fn within(self, o: Range) -> bool {
        self.lo >= o.lo && self.hi <= o.hi
    }
    /// Needs no box.
    pub const fn small(self) -> bool {
        self.within(Range::SMALL)
    }
    /// Exact as doubles.
    pub const fn exact_in_double(self) -> bool {
        self.within(Range { lo: -(1 << 53), hi: 1 << 53 })
    }
    /// Smallest range that holds both.
    pub fn join(self, o: Range) -> Range {
        Range { lo: self.lo.min(o.lo), hi: self.hi.max(o.hi) }
    }
    /// What both hold (one of them when they are disjoint).
    pub fn meet(self, o: Range) -> Range {
        let r = Range { lo: self.lo.max(o.lo), hi: self.hi.min(o.hi) };
        if r.lo <= r.hi { r } else { self }
    }
    fn from_wide(lo: i128, hi: i128) -> Range {
        if lo < i64::MIN as i128 || hi > i64::MAX as i128 { Range::FULL } else { Range { lo: lo as i64, hi: hi as i64 } }
    }
    fn corners(self, o: Range, f: impl Fn(i128, i128) -> i128) -> Range {
        let c = [f(self.lo as i128, o.lo as i128), f(self.lo as i128, o.hi as i128), f(self.hi as i128, o.lo as i128), f(self.hi as i128, o.hi as i128)];
        Range::from_wide(*c.iter().min().unwrap_or(&0), *c.iter().max().unwrap_or(&0))
    }
    /// Wrapping sum.
    pub fn add(self, o: Range) -> Range {
        self.corners(o, |a, b| a + b)
    }
    /// Wrapping difference.
    pub fn sub(self, o: Range) -> Range {
        self.corners(o, |a, b| a - b)
    }
    /// Wrapping product.
    pub fn mul(self, o: Range) -> Range {
        self.corners(o, |a, b| a * b)
    }
    /// Floor modulo.
    pub fn modulo(self, o: Range) -> Range {
        if o.lo > 0 {
            let hi = if self.lo >= 0 { self.hi.min(o.hi - 1) } else { o.hi - 1 };
            Range { lo: 0, hi }
        } else if o.hi < 0 {
            Range { lo: if o.lo == i64::MIN { i64::MIN } else { o.lo + 1 }, hi: 0 }
        } else {
            let m = o.lo.unsigned_abs().max(o.hi.unsigned_abs()).min(i64::MAX as u64) as i64;
            Range { lo: -m, hi: m }
        }
    }
    /// Floor division (divisor not 0).
    pub fn idiv(self, o: Range) -> Range {
        if o.lo > 0 {
            self.corners(o, |a, b| a.div_euclid(b))
        } else if self.lo == i64::MIN {
            Range::FULL
        } else {
            let m = (self.lo as i128).abs().max((self.hi as i128).abs());
            Range::from_wide(-m, m)
        }
    }
    /// Bitwise and.
    pub fn band(self, o: Range) -> Range {
        match (self.lo >= 0, o.lo >= 0) {
            (true, true) => Range { lo: 0, hi: self.hi.min(o.hi) },
            (true, false) => Range { lo: 0, hi: self.hi },
            (false, true) => Range { lo: 0, hi: o.hi },
            (false, false) => {
                if self.small() && o.small() { Range::SMALL } else { Range::FULL }
            }
        }
    }
    /// Bitwise or, exclusive or.
    pub fn bor(self, o: Range) -> Range {
        if self.lo >= 0 && o.lo >= 0 {
            let m = (self.hi | o.hi) as u64;
            Range { lo: 0, hi: if m == 0 { 0 } else { (u64::MAX >> m.leading_zeros()) as i64 } }
        } else if self.small() && o.small() {
            Range::SMALL
        } else {
            Range::FULL
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn ranges_are_exact_at_the_edges() {
        assert_eq!(Range::FULL.add(Range::of(1)), Range::FULL);
        assert_eq!(Range::of(3).add(Range::new(-1, 4)), Range::new(2, 7));
        assert_eq!(Range::new(-5, 5).mul(Range::new(-2, 3)), Range::new(-15, 15));
        assert_eq!(Range::new(-7, 9).modulo(Range::of(4)), Range::new(0, 3));
        assert_eq!(Range::new(0, 2).modulo(Range::of(10)), Range::new(0, 2));
        assert_eq!(Range::new(-7, 9).modulo(Range::of(-4)), Range::new(-3, 0));
        assert_eq!(Range::new(-7, 9).idiv(Range::of(2)), Range::new(-4, 4));
        assert_eq!(Range::FULL.idiv(Range::of(-1)), Range::FULL);
        assert_eq!(Range::new(0, 5).bor(Range::new(0, 8)), Range::new(0, 15));
        assert_eq!(Range::FULL.band(Range::of(255)), Range::new(0, 255));
        assert!(Range::SMALL.small() && !Range::SMALL.add(Range::SMALL).small());
    }
    #[test]
    fn kinds_print_their_names() {
        assert_eq!(format!("{:?} {:?}", Kinds::ANY, Kinds::TABLE.or(Kinds::NIL)), "any nil|table");
    }
}
