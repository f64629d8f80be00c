//! Expressions of random programs, by type.

use super::generate::{Generator, Ty};

const INTS: &[&str] = &[
    "0", "1", "2", "3", "5", "7", "10", "100", "255", "1000", "65536", "-1", "-2", "-7", "2147483647", "-2147483648",
    "4294967296", "140737488355327", "140737488355328", "-140737488355328", "-140737488355329", "9007199254740993",
    "4611686018427387904", "9223372036854775807", "math.mininteger", "0x7fffffff", "0xffffffffffffffff", "1 << 46",
];
const SMALL: &[&str] = &["0", "1", "2", "3", "4", "5", "7", "10", "-1", "-3", "12", "31", "64"];
const FLOATS: &[&str] = &[
    "0.0", "-0.0", "0.5", "1.5", "-1.5", "2.0", "3.25", "0.1", "1e10", "1e15", "2^53", "2^63", "-2^63", "1e100", "1e308",
    "1e-300", "1/0", "-1/0", "0/0", "100.0", "7.0", "-7.5", "123456.789",
];
const STRINGS: &[&str] = &[
    "''", "'a'", "'abc'", "'10'", "'0x1F'", "'3.5'", "'hello world'", "'x=1, y=2'", "'A b C'", "'zz\\0z'", "' 7 '", "'-1e2'",
];
/// Values of another type than expected: where guards fail and errors come from.
const STRANGERS: &[&str] = &["nil", "true", "0.5", "'12'", "'zz'", "{}", "2^40", "1 << 50", "-3", "out"];

impl Generator {
    /// An expression of the type.
    pub(super) fn value(&mut self, ty: Ty, depth: usize) -> String {
        self.step();
        match ty {
            Ty::Int => self.int(depth),
            Ty::Num => self.num(depth),
            Ty::Str => self.string(depth),
            Ty::Bool => self.boolean(depth),
            Ty::Ints => self.ints(depth),
            Ty::Nums => self.nums(depth),
            Ty::Rec => self.record(depth),
            Ty::Obj => self.object(depth),
        }
    }

    /// A value of a surprising type.
    pub(super) fn stranger(&mut self) -> String {
        self.rng.pick(STRANGERS).to_string()
    }

    /// A call of a function in scope that returns the type, if one is affordable.
    fn call(&mut self, ty: Ty, depth: usize) -> Option<String> {
        let fits: Vec<usize> =
            (0..self.funcs.len()).filter(|&i| self.funcs[i].ret == ty && self.affords(self.funcs[i].cost)).collect();
        if fits.is_empty() || depth == 0 {
            return None;
        }
        let f = self.funcs[fits[self.rng.below(fits.len())]].clone();
        self.cost += self.turns * f.cost;
        let mut args: Vec<String> = f.params.iter().map(|&p| self.value(p, depth - 1)).collect();
        if f.vararg {
            for _ in 0..self.rng.below(4) {
                args.push(self.int(0));
            }
        }
        if self.rng.chance(4) && !args.is_empty() {
            let i = self.rng.below(args.len());
            args[i] = self.stranger();
        }
        if self.rng.chance(3) {
            args.pop();
        }
        Some(format!("{}({})", f.name, args.join(", ")))
    }

    /// An index that is inside `name` when that is not empty.
    fn index(&mut self, name: &str, depth: usize) -> String {
        match self.rng.below(4) {
            0 => "1".to_string(),
            1 => format!("#{name}"),
            _ => format!("{} % #{name} + 1", self.small_int(depth)),
        }
    }

    /// An integer of modest size, never far from 0 when the variables are.
    fn small_int(&mut self, depth: usize) -> String {
        if depth > 0 && self.rng.chance(50) {
            if let Some(v) = self.var(Ty::Int) {
                return v;
            }
        }
        self.rng.pick(&SMALL[1..6]).to_string()
    }

    pub(super) fn int(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.chance(25) {
            if self.rng.chance(65) {
                if let Some(v) = self.var(Ty::Int) {
                    return v;
                }
            }
            return if self.rng.chance(70) { *self.rng.pick(SMALL) } else { *self.rng.pick(INTS) }.to_string();
        }
        let d = depth - 1;
        match self.rng.below(22) {
            0..=5 => {
                let op = *self.rng.pick(&["+", "-", "*"]);
                format!("({} {op} {})", self.value(Ty::Int, d), self.value(Ty::Int, d))
            }
            6 | 7 => {
                let op = *self.rng.pick(&["//", "%"]);
                let by = if self.rng.chance(90) {
                    self.rng.pick(&["3", "7", "-2", "10", "16", "1000", "-1"]).to_string()
                } else {
                    self.value(Ty::Int, d)
                };
                format!("({} {op} {by})", self.value(Ty::Int, d))
            }
            8 | 9 => {
                let op = *self.rng.pick(&["&", "|", "~"]);
                format!("({} {op} {})", self.value(Ty::Int, d), self.value(Ty::Int, d))
            }
            10 => {
                let op = *self.rng.pick(&["<<", ">>"]);
                let by = *self.rng.pick(&["1", "3", "13", "47", "48", "63", "64", "-2"]);
                format!("({} {op} {by})", self.value(Ty::Int, d))
            }
            11 => format!("(~{})", self.value(Ty::Int, d)),
            12 => format!("(- {})", self.value(Ty::Int, d)),
            13 => match self.var(Ty::Ints) {
                Some(t) => format!("({t}[{}] or 0)", self.index(&t, d)),
                None => self.value(Ty::Int, d),
            },
            14 => {
                let name = [Ty::Ints, Ty::Nums, Ty::Str].into_iter().find_map(|t| self.var(t));
                name.map_or_else(|| "#'abc'".to_string(), |n| format!("#{n}"))
            }
            15 => self.call(Ty::Int, depth).unwrap_or_else(|| self.value(Ty::Int, d)),
            16 => format!("({} and {} or {})", self.value(Ty::Bool, d), self.value(Ty::Int, d), self.value(Ty::Int, d)),
            17 => {
                let f = *self.rng.pick(&["max", "min"]);
                format!("math.{f}({}, {})", self.value(Ty::Int, d), self.value(Ty::Int, d))
            }
            18 => format!("math.abs({})", self.value(Ty::Int, d)),
            19 => format!("({}:byte() or 1)", self.value(Ty::Str, 0).replace('\'', "\"").wrap()),
            20 if self.in_vararg => "select('#', ...)".to_string(),
            20 => format!("(math.tointeger({}) or 3)", self.value(Ty::Num, d)),
            _ => format!("(({}) // 1 | 0)", self.value(Ty::Int, d)),
        }
    }

    pub(super) fn num(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.chance(25) {
            if self.rng.chance(60) {
                if let Some(v) = self.var(Ty::Num) {
                    return v;
                }
            }
            return if self.rng.chance(40) { self.int(0) } else { format!("({})", self.rng.pick(FLOATS)) };
        }
        let d = depth - 1;
        match self.rng.below(20) {
            0..=6 => {
                let op = *self.rng.pick(&["+", "-", "*", "/", "+", "-", "*"]);
                format!("({} {op} {})", self.value(Ty::Num, d), self.value(Ty::Num, d))
            }
            7 => {
                let op = *self.rng.pick(&["//", "%"]);
                let by = *self.rng.pick(&["3", "2.5", "-7", "0.25", "1e10", "(1/0)", "-1"]);
                format!("({} {op} {by})", self.value(Ty::Num, d))
            }
            8 => format!("({} ^ {})", self.value(Ty::Num, d), self.rng.pick(&["2", "0.5", "3", "-1", "0"])),
            9 => format!("(- {})", self.value(Ty::Num, d)),
            10 => match self.var(Ty::Nums) {
                Some(t) => format!("({t}[{}] or 0.5)", self.index(&t, d)),
                None => self.value(Ty::Int, d),
            },
            11 => match self.var(Ty::Rec) {
                Some(t) => format!("({t}.{} or 1)", self.rng.pick(&["x", "y", "n", "extra", "k1"])),
                None => self.value(Ty::Num, d),
            },
            12 if self.has_class => self.from_object(d),
            13 => self.call(Ty::Num, depth).unwrap_or_else(|| self.value(Ty::Num, d)),
            14 => {
                let f = *self.rng.pick(&["floor", "abs", "sqrt", "ceil", "sin", "tointeger"]);
                let arg = self.value(Ty::Num, d);
                if f == "tointeger" { format!("(math.tointeger({arg}) or 0)") } else { format!("math.{f}({arg})") }
            }
            15 => {
                let f = *self.rng.pick(&["max", "min"]);
                format!("math.{f}({}, {})", self.value(Ty::Num, d), self.value(Ty::Num, d))
            }
            16 => format!("({} and {} or {})", self.value(Ty::Bool, d), self.value(Ty::Num, d), self.value(Ty::Num, d)),
            17 => format!("(tonumber({}) or 4)", self.value(Ty::Str, d)),
            18 if self.in_vararg => "(select(1, ...) or 0)".to_string(),
            _ => self.value(Ty::Int, d),
        }
    }

    fn from_object(&mut self, depth: usize) -> String {
        let o = self.value(Ty::Obj, depth);
        match self.rng.below(5) {
            0 => format!("{o}.x"),
            1 => format!("{o}.y"),
            2 => format!("{o}:sum({})", self.value(Ty::Num, depth)),
            3 => format!("#{o}"),
            _ => format!("{o}({})", self.value(Ty::Num, depth)),
        }
    }

    pub(super) fn string(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.chance(25) {
            if self.rng.chance(60) {
                if let Some(v) = self.var(Ty::Str) {
                    return v;
                }
            }
            return self.rng.pick(STRINGS).to_string();
        }
        let d = depth - 1;
        match self.rng.below(14) {
            0..=3 => {
                let right = if self.rng.chance(50) { self.value(Ty::Str, d) } else { self.value(Ty::Int, d).wrap() };
                format!("({} .. {right}):sub(-24)", self.value(Ty::Str, d))
            }
            4 => format!("ts({})", self.value(Ty::Num, d)),
            5 => format!("{}:sub({}, {})", self.value(Ty::Str, d).wrap(), self.rng.range(-4, 4), self.rng.range(-3, 9)),
            6 => format!("{}:{}()", self.value(Ty::Str, d).wrap(), self.rng.pick(&["upper", "lower", "reverse"])),
            7 => format!("{}:rep({}):sub(1, 20)", self.value(Ty::Str, d).wrap(), self.rng.range(0, 3)),
            8 => format!("('%d|%5.1f|%s'):format({}, {}, ts({}))", self.value(Ty::Int, d), self.rng.range(-9, 9), self.value(Ty::Str, d)),
            9 => format!("ts({})", self.value(Ty::Bool, d)),
            10 => format!("({}:gsub({}, {}))", self.value(Ty::Str, d).wrap(), self.rng.pick(&["'%w'", "'[aeiou]'", "'%d+'", "'.'", "' '"]), self.rng.pick(&["'<%0>'", "''", "'%%'", "{ a = 1, b = 'x' }", "string.upper"]))
                + ":sub(1, 24)",
            11 => format!("({}:match({}) or '')", self.value(Ty::Str, d).wrap(), self.rng.pick(&["'%a+'", "'(%w)%w'", "'^%s*(.-)%s*$'", "'%d+'", "'.-b'"])),
            12 => self.call(Ty::Str, depth).unwrap_or_else(|| self.value(Ty::Str, d)),
            _ => format!("({} and {} or {})", self.value(Ty::Bool, d), self.value(Ty::Str, d), self.value(Ty::Str, d)),
        }
    }

    pub(super) fn boolean(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.var(Ty::Bool).unwrap_or_else(|| self.rng.pick(&["true", "false"]).to_string());
        }
        let d = depth - 1;
        match self.rng.below(14) {
            0..=3 => {
                let op = *self.rng.pick(&["<", "<=", ">", ">=", "==", "~="]);
                format!("({} {op} {})", self.value(Ty::Int, d), self.value(Ty::Int, d))
            }
            4..=6 => {
                let op = *self.rng.pick(&["<", "<=", ">", ">=", "==", "~="]);
                format!("({} {op} {})", self.value(Ty::Num, d), self.value(Ty::Num, d))
            }
            7 => {
                let op = *self.rng.pick(&["<", "<=", "==", "~="]);
                format!("({} {op} {})", self.value(Ty::Str, d), self.value(Ty::Str, d))
            }
            8 => format!("(not {})", self.value(Ty::Bool, d)),
            9 => {
                let op = *self.rng.pick(&["and", "or"]);
                format!("({} {op} {})", self.value(Ty::Bool, d), self.value(Ty::Bool, d))
            }
            10 => format!("({} % {} == 0)", self.value(Ty::Int, d), self.rng.range(2, 5)),
            11 if self.has_class => {
                let op = *self.rng.pick(&["<", "<=", "==", "~="]);
                format!("({} {op} {})", self.value(Ty::Obj, d), self.value(Ty::Obj, d))
            }
            12 => match self.var(Ty::Rec) {
                Some(t) => format!("({t}.{} == nil)", self.rng.pick(&["extra", "k1", "x"])),
                None => format!("(type({}) == 'number')", self.value(Ty::Num, d)),
            },
            _ => format!("(math.type({}) == 'integer')", self.value(Ty::Num, d)),
        }
    }

    pub(super) fn ints(&mut self, depth: usize) -> String {
        if self.rng.chance(50) {
            if let Some(v) = self.var(Ty::Ints) {
                return v;
            }
        }
        let n = self.rng.below(5);
        let items: Vec<String> = (0..n).map(|_| self.int(depth.min(1))).collect();
        format!("{{{}}}", items.join(", "))
    }

    fn nums(&mut self, depth: usize) -> String {
        if self.rng.chance(50) {
            if let Some(v) = self.var(Ty::Nums) {
                return v;
            }
        }
        let n = self.rng.below(5);
        let items: Vec<String> = (0..n).map(|_| self.num(depth.min(1))).collect();
        format!("{{{}}}", items.join(", "))
    }

    pub(super) fn record(&mut self, depth: usize) -> String {
        if self.rng.chance(50) {
            if let Some(v) = self.var(Ty::Rec) {
                return v;
            }
        }
        let d = depth.saturating_sub(1);
        match self.rng.below(4) {
            0 => format!("{{ x = {}, y = {}, n = 0 }}", self.num(d), self.num(d)),
            1 => format!("{{ n = {}, y = {}, x = {}, {} }}", self.int(d), self.num(d), self.int(d), self.num(d)),
            2 => format!("{{ x = {}, y = 1, n = 2, extra = {} }}", self.num(d), self.string(d)),
            _ => format!("{{ x = {}, y = {}, n = {}, [{}] = true }}", self.int(d), self.int(d), self.num(d), self.rng.pick(&["1", "2.5", "'k1'", "100", "-1", "1 << 50", "true"])),
        }
    }

    pub(super) fn object(&mut self, depth: usize) -> String {
        if !self.has_class {
            return self.record(depth);
        }
        if depth == 0 || self.rng.chance(40) {
            if let Some(v) = self.var(Ty::Obj) {
                return v;
            }
            return format!("mk({}, {})", self.int(0), self.num(0));
        }
        let d = depth - 1;
        match self.rng.below(5) {
            0 => format!("({} {} {})", self.value(Ty::Obj, d), self.rng.pick(&["+", "-", "*", "/", "%", "//"]), self.value(Ty::Obj, d)),
            1 => format!("({} {} {})", self.value(Ty::Obj, d), self.rng.pick(&["+", "-", "*"]), self.value(Ty::Num, d)),
            2 => format!("({} {} {})", self.value(Ty::Num, d), self.rng.pick(&["+", "-", "*"]), self.value(Ty::Obj, d)),
            3 => format!("(- {})", self.value(Ty::Obj, d)),
            _ => format!("mk({}, {})", self.value(Ty::Num, d), self.value(Ty::Num, d)),
        }
    }
}

trait Wrap {
    fn wrap(self) -> String;
}

impl Wrap for String {
    /// In parentheses, so that a method can be called on it.
    fn wrap(self) -> String {
        format!("({self})")
    }
}
