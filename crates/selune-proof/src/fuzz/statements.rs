//! Statements of random programs.

use super::generate::{Generator, TYPES, Ty};
use super::tree::Stmt;

/// Blocks nest at most this deep.
const DEPTH: usize = 4;

impl Generator {
    /// Declares a variable of the type.
    pub(super) fn declare(&mut self, ty: Ty, body: &mut Vec<Stmt>) {
        let ty = if ty == Ty::Obj && !self.has_class { Ty::Rec } else { ty };
        let name = self.fresh(match ty {
            Ty::Int => "i",
            Ty::Num => "x",
            Ty::Str => "s",
            Ty::Bool => "b",
            Ty::Ints | Ty::Nums => "t",
            Ty::Rec => "r",
            Ty::Obj => "o",
        });
        let constant = self.rng.chance(8);
        let value = self.value(ty, 2);
        let attrib = if constant { " <const>" } else { "" };
        body.push(Stmt::line(format!("local {name}{attrib} = {value}")));
        self.vars.push(super::generate::Var { name, ty, constant });
    }

    /// Adds one statement.
    pub(super) fn statement(&mut self, body: &mut Vec<Stmt>) {
        if !self.affords(30) {
            return;
        }
        self.step();
        let deep = self.depth >= DEPTH;
        match self.rng.below(if deep { 44 } else { 108 }) {
            0..=11 => {
                let ty = *self.rng.pick(TYPES);
                self.declare(ty, body);
            }
            12..=23 => self.assign(body),
            24..=31 => self.store(body),
            32..=36 => self.show(body),
            37 => self.raise(body),
            38 | 39 => self.swap(body),
            40 => self.global(body),
            41 if self.in_coroutine => {
                let v = self.value(Ty::Num, 1);
                body.push(Stmt::line(format!("coroutine.yield({v})")));
            }
            42 if self.in_loop => {
                let cond = self.value(Ty::Bool, 2);
                body.push(Stmt::line(format!("if {cond} then break end")));
            }
            41..=43 => self.assign(body),
            44..=56 => self.numeric_loop(body),
            57..=60 => self.while_loop(body),
            61..=64 => self.walk(body),
            65..=73 => self.branch(body),
            74..=80 => self.guarded(body),
            81..=85 if self.depth < 3 => self.function(body),
            86..=89 if self.depth < 2 => self.coroutine(body),
            90..=93 if self.depth < 3 => self.closures(body),
            94 | 95 if self.depth < 3 => self.higher_order(body),
            96 => self.labelled_loop(body),
            97 => self.closing(body),
            98 => self.sort(body),
            99..=106 if self.depth < 3 => self.template(body),
            _ => {
                let inner = self.scope(2);
                body.push(Stmt::block("do", inner, "end"));
            }
        }
    }

    fn assign(&mut self, body: &mut Vec<Stmt>) {
        let Some(var) = self.target() else { return };
        let value = if self.rng.chance(3) { self.stranger() } else { self.value(var.ty, 3) };
        body.push(Stmt::line(format!("{} = {value}", var.name)));
    }

    /// Stores into a table.
    fn store(&mut self, body: &mut Vec<Stmt>) {
        let text = match self.rng.below(10) {
            0..=2 => self.var(Ty::Ints).map(|t| {
                let v = self.value(Ty::Int, 2);
                match self.rng.below(4) {
                    0 => format!("if #{t} < 50 then {t}[#{t} + 1] = {v} end"),
                    1 => format!("if #{t} > 0 then {t}[#{t}] = {v} end"),
                    2 => format!("if #{t} < 50 then table.insert({t}, {v}) end"),
                    _ => format!("if #{t} > 2 then {t}[2] = {v} end"),
                }
            }),
            3..=4 => self.var(Ty::Nums).map(|t| {
                let v = self.value(Ty::Num, 2);
                match self.rng.below(4) {
                    0 | 1 => format!("if #{t} < 50 then {t}[#{t} + 1] = {v} end"),
                    2 => format!("if #{t} > 0 then {t}[1] = {v} end"),
                    _ => format!("out(table.remove({t}))"),
                }
            }),
            5..=7 => self.var(Ty::Rec).map(|t| match self.rng.below(5) {
                0 => format!("{t}.{} = {}", self.rng.pick(&["x", "y", "n"]), self.value(Ty::Num, 2)),
                1 => format!("{t}.n = ({t}.n or 0) + 1"),
                2 => format!("{t}.extra = {}", self.rng.pick(&["nil", "1", "'e'", "2.5", "false"])),
                3 => format!("{t}['k' .. {} % 5] = {}", self.value(Ty::Int, 1), self.value(Ty::Num, 1)),
                _ => format!("{t}[{}] = {}", self.value(Ty::Int, 1), self.value(Ty::Int, 1)),
            }),
            _ => self.var(Ty::Obj).map(|o| match self.rng.below(3) {
                0 => format!("{o}.x = {}", self.value(Ty::Num, 2)),
                1 if self.has_class => format!("{o}:bump({})", self.value(Ty::Num, 1)),
                _ => format!("{o}.fresh = {}", self.value(Ty::Int, 1)),
            }),
        };
        match text {
            Some(text) => body.push(Stmt::line(text)),
            None => self.assign(body),
        }
    }

    fn show(&mut self, body: &mut Vec<Stmt>) {
        // Inside loops a line per turn would be too much.
        if self.turns > 30 {
            return self.assign(body);
        }
        let n = self.rng.range(1, 3);
        let items: Vec<String> = (0..n)
            .map(|_| {
                let ty = *self.rng.pick(TYPES);
                self.value(ty, 3)
            })
            .collect();
        body.push(Stmt::line(format!("out({})", items.join(", "))));
    }

    fn raise(&mut self, body: &mut Vec<Stmt>) {
        let cond = self.value(Ty::Bool, 2);
        let what = match self.rng.below(5) {
            0 => format!("error({}, 0)", self.value(Ty::Str, 1)),
            1 => format!("error({}, 2)", self.value(Ty::Str, 1)),
            2 => format!("error({{ code = {} }})", self.value(Ty::Int, 1)),
            3 => format!("assert({}, 'asserted')", self.value(Ty::Bool, 1)),
            _ => format!("error({})", self.value(Ty::Str, 1)),
        };
        body.push(Stmt::line(format!("if {cond} then {what} end")));
    }

    fn swap(&mut self, body: &mut Vec<Stmt>) {
        let (Some(a), Some(b)) = (self.target(), self.target()) else { return };
        if a.ty == b.ty && a.name != b.name && self.rng.chance(60) {
            body.push(Stmt::line(format!("{0}, {1} = {1}, {0}", a.name, b.name)));
        } else if a.name != b.name {
            let (x, y) = (self.value(a.ty, 2), self.value(b.ty, 2));
            body.push(Stmt::line(format!("{}, {} = {x}, {y}", a.name, b.name)));
        }
    }

    fn global(&mut self, body: &mut Vec<Stmt>) {
        let name = *self.rng.pick(&["g1", "g2", "g3"]);
        let value = self.value(Ty::Num, 2);
        let target = self.target().filter(|v| v.ty == Ty::Num);
        body.push(Stmt::line(match (self.rng.below(3), target) {
            (0, Some(v)) => format!("{} = {name} or 5", v.name),
            (1, _) => format!("{name} = ({name} or 0) + 1"),
            _ => format!("{name} = {value}"),
        }));
    }

    /// Turns of a loop that is affordable here, hot when possible.
    pub(super) fn turns_here(&mut self) -> u64 {
        let wanted = *self.rng.pick(&[3, 5, 10, 20, 50, 100, 200]);
        let left = self.limit.saturating_sub(self.cost) / self.turns.max(1) / 40;
        wanted.min(left).max(2)
    }

    /// Writes the body of a loop of `n` turns.
    pub(super) fn loop_body(&mut self, n: u64, statements: usize) -> Vec<Stmt> {
        let (turns, in_loop) = (self.turns, self.in_loop);
        self.turns = turns.saturating_mul(n);
        self.in_loop = true;
        let body = self.scope(statements);
        self.turns = turns;
        self.in_loop = in_loop;
        body
    }

    fn numeric_loop(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here();
        let name = self.fresh("i");
        let (head, ty) = match self.rng.below(12) {
            0 => (format!("for {name} = {n}, 1, -1 do"), Ty::Int),
            1 => (format!("for {name} = 1, {}, 3 do", n * 3), Ty::Int),
            2 => (format!("for {name} = 0.5, {n} do"), Ty::Num),
            3 => (format!("for {name} = 1.0, {}, 0.5 do", n / 2 + 1), Ty::Num),
            4 => (format!("for {name} = math.maxinteger - {}, math.maxinteger do", n - 1), Ty::Int),
            5 => (format!("for {name} = 140737488355327 - {}, 140737488355327 + {} do", n / 2, n / 2), Ty::Int),
            6 => (format!("for {name} = -{n}, -1 do"), Ty::Int),
            7 => (format!("for {name} = math.mininteger + {}, math.mininteger, -1 do", n - 1), Ty::Int),
            8 => (format!("for {name} = 1, {n} + 0.5 do"), Ty::Int),
            _ => (format!("for {name} = 1, {n} do"), Ty::Int),
        };
        self.vars.push(super::generate::Var { name: name.clone(), ty, constant: self.rng.chance(85) });
        let statements = self.rng.range(1, 4) as usize;
        let mut inner = self.loop_body(n, statements);
        self.vars.pop();
        if self.rng.chance(12) && !inner.is_empty() {
            // A continue that jumps over the rest of the body; the label is last, so no local's scope is entered.
            let label = self.fresh("cont");
            let skip = Stmt::line(format!("if {name} % 3 == 0 then goto {label} end"));
            let rest = Stmt::block("do", inner, "end");
            inner = vec![skip, rest, Stmt::line(format!("::{label}::"))];
        }
        body.push(Stmt::block(head, inner, "end"));
    }

    fn while_loop(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here();
        let name = self.fresh("w");
        let statements = self.rng.range(1, 3) as usize;
        let cond = self.value(Ty::Bool, 1);
        let mut inner = vec![Stmt::line(format!("{name} = {name} + 1"))];
        inner.extend(self.loop_body(n, statements));
        body.push(Stmt::line(format!("local {name} = 0")));
        body.push(match self.rng.below(3) {
            0 => Stmt::block("repeat", inner, format!("until {name} >= {n}")),
            1 => Stmt::block(format!("while {name} < {n} and ({cond} or {name} < {}) do", n / 2), inner, "end"),
            _ => Stmt::block(format!("while {name} < {n} do"), inner, "end"),
        });
        self.vars.push(super::generate::Var { name, ty: Ty::Int, constant: true });
    }

    /// A loop over a table. Hash parts are walked only for sums of integers, whose order does not show.
    fn walk(&mut self, body: &mut Vec<Stmt>) {
        let (k, v) = (self.fresh("k"), self.fresh("v"));
        if self.rng.chance(25) {
            let Some(r) = self.var(Ty::Rec) else { return };
            let count = self.fresh("i");
            body.push(Stmt::line(format!("local {count} = 0")));
            let line = Stmt::line(format!("{count} = {count} + (math.type({v}) == 'integer' and {v} or 1) + #type({k})"));
            body.push(Stmt::block(format!("for {k}, {v} in pairs({r}) do"), vec![line], "end"));
            self.cost += self.turns * 60;
            self.vars.push(super::generate::Var { name: count, ty: Ty::Int, constant: false });
            return;
        }
        let ints = self.rng.chance(60);
        let Some(t) = self.var(if ints { Ty::Ints } else { Ty::Nums }) else { return };
        if !self.affords(50 * 20) {
            return;
        }
        // `pairs` walks a copy: a table must not get new keys under it.
        let walked = if ints && self.rng.chance(35) { format!("pairs(integers({t}))") } else { format!("ipairs({t})") };
        // The sequence must not grow under its own walk.
        let hidden: Vec<super::generate::Var> = std::mem::take(&mut self.vars);
        self.vars = hidden.iter().filter(|x| x.name != t).cloned().collect();
        self.vars.push(super::generate::Var { name: k.clone(), ty: Ty::Int, constant: true });
        self.vars.push(super::generate::Var { name: v.clone(), ty: if ints { Ty::Int } else { Ty::Num }, constant: true });
        let inner = self.loop_body(25, 2);
        self.vars = hidden;
        body.push(Stmt::block(format!("for {k}, {v} in {walked} do"), inner, "end"));
    }

    fn branch(&mut self, body: &mut Vec<Stmt>) {
        let mut parts = Vec::new();
        let cond = self.value(Ty::Bool, 2);
        let inner = self.scope(2);
        parts.push((format!("if {cond} then"), inner));
        if self.rng.chance(30) {
            let cond = self.value(Ty::Bool, 2);
            let inner = self.scope(1);
            parts.push((format!("elseif {cond} then"), inner));
        }
        if self.rng.chance(50) {
            let inner = self.scope(2);
            parts.push(("else".to_string(), inner));
        }
        body.push(Stmt { parts, close: Some("end".to_string()) });
    }

    /// Statements under pcall; what failed is printed.
    fn guarded(&mut self, body: &mut Vec<Stmt>) {
        let in_loop = std::mem::replace(&mut self.in_loop, false);
        let in_vararg = std::mem::replace(&mut self.in_vararg, false);
        let mut inner = self.scope(3);
        let ret = self.value(Ty::Num, 2);
        inner.push(Stmt::line(format!("return {ret}")));
        self.in_loop = in_loop;
        self.in_vararg = in_vararg;
        let shown = if self.turns > 30 { "note" } else { "out" };
        body.push(match self.rng.below(4) {
            0 => Stmt::block(format!("{shown}(xpcall(function()"), inner, "end, function(m) return handled(m) end))"),
            _ => Stmt::block(format!("{shown}(pcall(function()"), inner, "end))"),
        });
    }

    fn labelled_loop(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here();
        let (name, label) = (self.fresh("w"), self.fresh("top"));
        let in_loop = self.in_loop;
        let mut inner = vec![Stmt::line(format!("{name} = {name} + 1"))];
        let turns = self.turns;
        self.turns = turns.saturating_mul(n);
        // `break` would leave an outer loop; harmless, but it would end the outer loop early.
        self.in_loop = false;
        inner.extend(self.scope(2));
        self.in_loop = in_loop;
        self.turns = turns;
        body.push(Stmt::line(format!("local {name} = 0")));
        let mut all = vec![Stmt::line(format!("::{label}::")), Stmt::block("do", inner, "end")];
        all.push(Stmt::line(format!("if {name} < {n} then goto {label} end")));
        body.push(Stmt::block("do", all, "end"));
    }

    fn closing(&mut self, body: &mut Vec<Stmt>) {
        let name = self.fresh("c");
        let mut inner = vec![Stmt::line(format!("local {name} <close> = closer('{name}')"))];
        inner.extend(self.scope(2));
        body.push(Stmt::block("do", inner, "end"));
    }

    fn sort(&mut self, body: &mut Vec<Stmt>) {
        let Some(t) = self.var(Ty::Ints) else { return };
        self.cost += self.turns * 300;
        let order = *self.rng.pick(&["<", ">"]);
        let name = self.fresh("t");
        body.push(Stmt::line(format!("local {name} = integers({t})")));
        body.push(Stmt::line(if self.rng.chance(50) {
            format!("table.sort({name}, function(a, b) return a {order} b end)")
        } else {
            format!("table.sort({name})")
        }));
        self.vars.push(super::generate::Var { name, ty: Ty::Ints, constant: false });
    }
}
