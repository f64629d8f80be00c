//! Functions, classes, closures and coroutines of random programs.

use super::generate::{Func, Generator, TYPES, Ty, Var};
use super::tree::Stmt;

/// Steps that one call of a generated function may take.
const FUNCTION_COST: u64 = 2_500;

/// What is saved while the body of a function is written.
struct Outer {
    turns: u64,
    cost: u64,
    limit: u64,
    in_loop: bool,
    in_vararg: bool,
    in_coroutine: bool,
}

impl Generator {
    fn enter_function(&mut self, limit: u64) -> Outer {
        let outer = Outer {
            turns: self.turns,
            cost: self.cost,
            limit: self.limit,
            in_loop: self.in_loop,
            in_vararg: self.in_vararg,
            in_coroutine: self.in_coroutine,
        };
        self.turns = 1;
        self.cost = 0;
        self.limit = limit;
        self.in_loop = false;
        self.in_vararg = false;
        self.in_coroutine = false;
        outer
    }

    /// Ends the body; gives its cost.
    fn leave_function(&mut self, outer: Outer) -> u64 {
        let cost = self.cost + 2;
        self.turns = outer.turns;
        self.cost = outer.cost;
        self.limit = outer.limit;
        self.in_loop = outer.in_loop;
        self.in_vararg = outer.in_vararg;
        self.in_coroutine = outer.in_coroutine;
        cost
    }

    /// Declares parameters and writes a body that ends in `return`.
    fn function_body(&mut self, params: &[(String, Ty)], ret: Ty, statements: usize, vararg: bool) -> (Vec<Stmt>, u64) {
        let outer = self.enter_function(FUNCTION_COST);
        self.in_vararg = vararg;
        let vars = self.vars.len();
        for (name, ty) in params {
            self.vars.push(Var { name: name.clone(), ty: *ty, constant: false });
        }
        let mut body = Vec::new();
        if self.rng.chance(25) && !params.is_empty() {
            let cond = self.value(Ty::Bool, 2);
            let early = self.value(ret, 1);
            body.push(Stmt::line(format!("if {cond} then return {early} end")));
        }
        body.extend(self.scope(statements));
        let value = self.value(ret, 3);
        body.push(Stmt::line(format!("return {value}")));
        self.vars.truncate(vars);
        let cost = self.leave_function(outer);
        (body, cost)
    }

    /// A local function that later code may call.
    pub(super) fn function(&mut self, body: &mut Vec<Stmt>) {
        let name = self.fresh("f");
        let ret = *self.rng.pick(&[Ty::Int, Ty::Num, Ty::Num, Ty::Str, Ty::Int]);
        if self.rng.chance(20) {
            return self.recursive(name, ret, body);
        }
        let params: Vec<(String, Ty)> = (0..self.rng.below(4))
            .map(|_| {
                let ty = *self.rng.pick(TYPES);
                (self.fresh("p"), if ty == Ty::Obj && !self.has_class { Ty::Num } else { ty })
            })
            .collect();
        let vararg = self.rng.chance(15);
        let statements = self.rng.below(4);
        let (inner, cost) = self.function_body(&params, ret, statements, vararg);
        let mut names: Vec<String> = params.iter().map(|(n, _)| n.clone()).collect();
        if vararg {
            names.push("...".to_string());
        }
        body.push(Stmt::block(format!("local function {name}({})", names.join(", ")), inner, "end"));
        self.funcs.push(Func { name: name.clone(), params: params.iter().map(|p| p.1).collect(), ret, vararg, cost });
        if self.rng.chance(70) {
            self.hot_calls(&name, body);
        }
    }

    /// Calls the newest function often, with arguments that stay alike and then change.
    fn hot_calls(&mut self, name: &str, body: &mut Vec<Stmt>) {
        let f = self.funcs.last().expect("a function was just added").clone();
        let n = (FUNCTION_COST * 4 / f.cost.max(1)).clamp(3, 60);
        if !self.affords(n * (f.cost + 10)) {
            return;
        }
        self.cost += self.turns * n * (f.cost + 10);
        let i = self.fresh("i");
        self.vars.push(Var { name: i.clone(), ty: Ty::Int, constant: true });
        let args: Vec<String> = f.params.iter().map(|&p| self.value(p, 1)).collect();
        self.vars.pop();
        let var = self.fresh("x");
        let call = format!("{var} = {name}({})", args.join(", "));
        body.push(Stmt::line(format!("local {var}")));
        body.push(Stmt::block(format!("for {i} = 1, {n} do"), vec![Stmt::line(call)], "end"));
        body.push(Stmt::line(format!("out({var})")));
        if self.rng.chance(50) && !args.is_empty() {
            let mut args = args;
            let at = self.rng.below(args.len());
            args[at] = self.stranger();
            let args: Vec<String> = args.iter().map(|a| if a.contains(&i) { "3".to_string() } else { a.clone() }).collect();
            body.push(Stmt::line(format!("out(pcall({name}, {}))", args.join(", "))));
        }
    }

    fn recursive(&mut self, name: String, ret: Ty, body: &mut Vec<Stmt>) {
        let (n, a) = (self.fresh("n"), self.fresh("a"));
        let outer = self.enter_function(FUNCTION_COST / 20);
        self.vars.push(Var { name: n.clone(), ty: Ty::Int, constant: true });
        self.vars.push(Var { name: a.clone(), ty: ret, constant: false });
        let mut inner = vec![Stmt::line(format!("if {n} <= 0 then return {a} end"))];
        inner.extend(self.scope(1));
        let next = self.value(ret, 2);
        let last = match (self.rng.below(3), ret) {
            (0, _) => format!("return {name}({n} - 1, {next})"),
            (1, Ty::Int | Ty::Num) => format!("return {name}({n} - 1, {next}) + {}", self.value(Ty::Int, 1)),
            _ => {
                inner.push(Stmt::line(format!("local r = {name}({n} - 1, {next})")));
                "return r".to_string()
            }
        };
        inner.push(Stmt::line(last));
        self.vars.pop();
        self.vars.pop();
        let cost = self.leave_function(outer) * 12;
        body.push(Stmt::block(format!("local function {name}({n}, {a})"), inner, "end"));
        let wrapper = self.fresh("f");
        body.push(Stmt::line(format!("local function {wrapper}(a) return {name}(12, a) end")));
        self.funcs.push(Func { name: wrapper.clone(), params: vec![ret], ret, vararg: false, cost });
        self.hot_calls(&wrapper, body);
    }

    /// The class `V`, its constructor `mk` and its metamethods.
    pub(super) fn class(&mut self, body: &mut Vec<Stmt>) {
        body.push(Stmt::line("local V = {}"));
        let index = match self.rng.below(4) {
            0 => "V.__index = function(t, k) return V[k] or #k end",
            1 => "V.__index = setmetatable({}, { __index = V })",
            _ => "V.__index = V",
        };
        body.push(Stmt::line(index));
        body.push(Stmt::line("local function mk(x, y) return setmetatable({ x = x, y = y }, V) end"));
        body.push(Stmt::line("local function of(v) if type(v) == 'table' then return v.x end return v end"));
        for (name, op) in [("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"), ("mod", "%"), ("idiv", "//")] {
            if self.rng.chance(85) {
                let y = *self.rng.pick(&["0", "1.5", "of(a)", "of(b)", "(type(a) == 'table' and a.y or 2)"]);
                body.push(Stmt::line(format!("V.__{name} = function(a, b) return mk(of(a) {op} of(b), {y}) end")));
            }
        }
        for line in [
            "V.__unm = function(a) return mk(-a.x, a.y) end",
            "V.__eq = function(a, b) return a.x == b.x end",
            "V.__lt = function(a, b) return of(a) < of(b) end",
            "V.__le = function(a, b) return of(a) <= of(b) end",
            "V.__len = function(a) return 3 end",
            "V.__call = function(self, k) return self.x + k end",
            "V.__concat = function(a, b) return 'cat' end",
            "V.__tostring = function(a) return 'V' end",
        ] {
            if self.rng.chance(90) {
                body.push(Stmt::line(line));
            }
        }
        if self.rng.chance(30) {
            body.push(Stmt::line("V.__newindex = function(t, k, v) rawset(t, k, v) note(k) end"));
        }
        let (vars, has_class) = (self.vars.len(), self.has_class);
        self.vars.push(Var { name: "self.x".into(), ty: Ty::Num, constant: false });
        self.vars.push(Var { name: "self.y".into(), ty: Ty::Num, constant: false });
        self.vars.push(Var { name: "k".into(), ty: Ty::Num, constant: true });
        let outer = self.enter_function(40);
        let sum = self.value(Ty::Num, 2);
        let bump = self.value(Ty::Num, 2);
        self.leave_function(outer);
        self.vars.truncate(vars);
        debug_assert!(!has_class, "one class per program");
        body.push(Stmt::line(format!("function V:sum(k) return {sum} end")));
        body.push(Stmt::line(format!("function V:bump(k) self.x = {bump} return self end")));
        self.has_class = true;
        self.declare(Ty::Obj, body);
    }

    /// Closures made in a loop that share or own what they capture.
    pub(super) fn closures(&mut self, body: &mut Vec<Stmt>) {
        let (list, i, own) = (self.fresh("fs"), self.fresh("i"), self.fresh("x"));
        let n = self.turns_here().min(20);
        if !self.affords(n * 60) {
            return;
        }
        let shared = self.target().filter(|v| matches!(v.ty, Ty::Int | Ty::Num));
        self.vars.push(Var { name: i.clone(), ty: Ty::Int, constant: true });
        let start = self.value(Ty::Num, 1);
        self.vars.push(Var { name: own.clone(), ty: Ty::Num, constant: false });
        let outer = self.enter_function(25);
        let update = self.value(Ty::Num, 2);
        self.leave_function(outer);
        self.vars.pop();
        self.vars.pop();
        let mut inner = vec![Stmt::line(format!("{own} = {update}"))];
        if let Some(v) = &shared {
            let with = if v.ty == Ty::Int { "1".to_string() } else { own.clone() };
            inner.push(Stmt::line(format!("{0} = {0} + {with}", v.name)));
        }
        inner.push(Stmt::line(format!("return {own}")));
        body.push(Stmt::line(format!("local {list} = {{}}")));
        let make = vec![
            Stmt::line(format!("local {own} = {start}")),
            Stmt::block(format!("{list}[{i}] = function()"), inner, "end"),
        ];
        body.push(Stmt::block(format!("for {i} = 1, {n} do"), make, "end"));
        let rounds = self.rng.range(1, 8);
        let call = Stmt::line(format!("for _, f in ipairs({list}) do note(f()) end"));
        body.push(Stmt::block(format!("for _ = 1, {rounds} do"), vec![call], "end"));
        self.cost += self.turns * n * rounds as u64 * 40;
        body.push(Stmt::line(format!("out({list}[1](), {list}[#{list}]())")));
    }

    /// A function that takes a function.
    pub(super) fn higher_order(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here().min(40);
        if !self.affords(n * 60) {
            return;
        }
        let (apply, acc, i) = (self.fresh("ho"), self.fresh("x"), self.fresh("i"));
        body.push(Stmt::block(
            format!("local function {apply}(f, n, a)"),
            vec![Stmt::line("for i = 1, n do a = f(a, i) end"), Stmt::line("return a")],
            "end",
        ));
        for _ in 0..self.rng.range(1, 3) {
            let params = [(acc.clone(), Ty::Num), (i.clone(), Ty::Int)];
            let outer = self.enter_function(60);
            let vars = self.vars.len();
            for (name, ty) in params {
                self.vars.push(Var { name, ty, constant: false });
            }
            let value = self.value(Ty::Num, 2);
            self.vars.truncate(vars);
            let cost = self.leave_function(outer);
            self.cost += self.turns * n * (cost + 5);
            let in_vararg = std::mem::replace(&mut self.in_vararg, false);
            let start = self.value(Ty::Num, 1);
            self.in_vararg = in_vararg;
            let call = format!("{apply}(function({acc}, {i}) return {value} end, {n}, {start})");
            body.push(Stmt::line(if self.rng.chance(30) { format!("out(pcall(function() return {call} end))") } else { format!("out({call})") }));
        }
    }

    /// A coroutine that yields in a loop and a consumer that resumes it past its end.
    pub(super) fn coroutine(&mut self, body: &mut Vec<Stmt>) {
        let n = self.turns_here().min(25);
        if !self.affords(n * 120) {
            return;
        }
        let (co, a, i) = (self.fresh("co"), self.fresh("a"), self.fresh("i"));
        let outer = self.enter_function(n * 100);
        self.in_coroutine = true;
        self.vars.push(Var { name: a.clone(), ty: Ty::Num, constant: false });
        self.vars.push(Var { name: i.clone(), ty: Ty::Int, constant: true });
        let mut inner = self.loop_body(n, 2);
        let sent = self.value(Ty::Num, 2);
        inner.push(Stmt::line(format!("{a} = coroutine.yield({sent}) or 1")));
        self.vars.pop();
        let end = self.value(Ty::Num, 1);
        self.vars.pop();
        let cost = self.leave_function(outer);
        self.cost += self.turns * cost;
        let run = vec![Stmt::block(format!("for {i} = 1, {n} do"), inner, "end"), Stmt::line(format!("return {end}"))];
        let wrap = self.rng.chance(50);
        let make = if wrap { "wrap" } else { "create" };
        body.push(Stmt::block(format!("local {co} = coroutine.{make}(function({a})"), run, "end)"));
        let show = if n > 8 || self.turns > 5 { "note" } else { "out" };
        let sent = self.value(Ty::Int, 0);
        let step = if wrap { format!("{show}(pcall({co}, {sent}))") } else { format!("{show}(coroutine.resume({co}, {sent}))") };
        body.push(Stmt::block(format!("for _ = 1, {} do", n + 2), vec![Stmt::line(step)], "end"));
        if !wrap {
            body.push(Stmt::line(format!("out(coroutine.status({co}), coroutine.close({co}))")));
        }
    }
}
