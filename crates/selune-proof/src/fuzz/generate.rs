//! Random Lua programs: well-formed, terminating, and printing the same in every right implementation.
//!
//! What keeps them so: every loop has a constant number of turns and every function an estimated cost that callers
//! multiply, so that a program ends within `PROGRAM_COST` steps; `#` is used only on sequences that have no holes by
//! construction; hash order, addresses, the sign of NaN and the depth of the stack are never printed. Values are typed in
//! the generator (`Ty`) so that most operations succeed; now and then a variable gets a value of another type, which is
//! where guards fail and where error messages come from.
//!
//! The families: `values` writes expressions, `statements` statements, `shapes` functions, classes and coroutines,
//! `templates` loops around special cases.

use super::rng::Rng;
use super::tree::Stmt;

/// Estimated steps of a whole program.
const PROGRAM_COST: u64 = 40_000;

/// What the generator believes a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    /// An integer of any size.
    Int,
    /// An integer or a float.
    Num,
    /// A string.
    Str,
    /// A boolean.
    Bool,
    /// A sequence of integers without holes.
    Ints,
    /// A sequence of numbers without holes.
    Nums,
    /// A table with the fields `x`, `y`, `n` (numbers) and others that may be nil.
    Rec,
    /// An object of the class `V` with metamethods.
    Obj,
}

/// All types that a plain variable may have.
pub const TYPES: &[Ty] = &[Ty::Int, Ty::Int, Ty::Num, Ty::Num, Ty::Str, Ty::Bool, Ty::Ints, Ty::Nums, Ty::Rec, Ty::Obj];

#[derive(Debug, Clone)]
pub(super) struct Var {
    pub name: String,
    pub ty: Ty,
    pub constant: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Func {
    pub name: String,
    pub params: Vec<Ty>,
    pub ret: Ty,
    pub vararg: bool,
    pub cost: u64,
}

/// The state of one generation.
pub struct Generator {
    pub(super) rng: Rng,
    pub(super) vars: Vec<Var>,
    pub(super) funcs: Vec<Func>,
    /// How often the code that is being written runs per run of its function.
    pub(super) turns: u64,
    /// Steps of the function that is being written, and how many it may take.
    pub(super) cost: u64,
    pub(super) limit: u64,
    pub(super) names: usize,
    pub(super) depth: usize,
    pub(super) in_vararg: bool,
    pub(super) in_coroutine: bool,
    pub(super) in_loop: bool,
    pub(super) has_class: bool,
}

impl Generator {
    /// A generator whose program depends on nothing but the seed.
    pub fn new(seed: u64) -> Generator {
        Generator {
            rng: Rng::new(seed),
            vars: Vec::new(),
            funcs: Vec::new(),
            turns: 1,
            cost: 0,
            limit: PROGRAM_COST,
            names: 0,
            depth: 0,
            in_vararg: false,
            in_coroutine: false,
            in_loop: false,
            has_class: false,
        }
    }

    /// Writes one program.
    pub fn program(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        if self.rng.chance(60) {
            self.class(&mut body);
        }
        for ty in [Ty::Int, Ty::Num, Ty::Str, Ty::Ints] {
            if self.rng.chance(70) {
                self.declare(ty, &mut body);
            }
        }
        for _ in 0..self.rng.range(1, 3) {
            self.function(&mut body);
        }
        let statements = self.rng.range(6, 14);
        for _ in 0..statements {
            self.statement(&mut body);
        }
        let shown: Vec<String> = self.vars.iter().rev().take(6).map(|v| v.name.clone()).collect();
        if !shown.is_empty() {
            body.push(Stmt::line(format!("out({})", shown.join(", "))));
        }
        body
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Counts a step of the code being written.
    pub(super) fn step(&mut self) {
        self.cost += self.turns;
    }

    /// May code that costs `cost` per run be added here?
    pub(super) fn affords(&self, cost: u64) -> bool {
        self.cost + self.turns.saturating_mul(cost) < self.limit
    }

    /// Writes a body in a scope of its own.
    pub(super) fn scope(&mut self, statements: usize) -> Vec<Stmt> {
        let (vars, funcs) = (self.vars.len(), self.funcs.len());
        self.depth += 1;
        let mut body = Vec::new();
        for _ in 0..statements {
            self.statement(&mut body);
        }
        self.depth -= 1;
        self.vars.truncate(vars);
        self.funcs.truncate(funcs);
        body
    }

    /// A variable of this type that is in scope.
    pub(super) fn var(&mut self, ty: Ty) -> Option<String> {
        let names: Vec<&Var> = self.vars.iter().filter(|v| v.ty == ty).collect();
        if names.is_empty() {
            return None;
        }
        let i = self.rng.below(names.len());
        Some(names[i].name.clone())
    }

    /// A variable that may be assigned.
    pub(super) fn target(&mut self) -> Option<Var> {
        let names: Vec<Var> = self.vars.iter().filter(|v| !v.constant).cloned().collect();
        if names.is_empty() {
            return None;
        }
        let i = self.rng.below(names.len());
        Some(names[i].clone())
    }
}
