//! Code shapes, as listings.
use super::*;
use selune_core::disasm::{Names, instruction, number, quote};
use selune_core::number::Number;
use std::fmt::Write;

struct View<'a>(&'a FuncCode, &'a Ast);

impl Names for View<'_> {
    fn constant(&self, k: usize) -> String {
        match self.0.constants[k] {
            Const::Nil => "nil".into(),
            Const::False => "false".into(),
            Const::True => "true".into(),
            Const::Int(i) => number(Number::Int(i)),
            Const::Float(f) => number(Number::Float(f64::from_bits(f))),
            Const::Str(s) => quote(self.1.strings.get(s)),
        }
    }
    fn upvalue(&self, u: usize) -> String {
        String::from_utf8_lossy(self.1.strings.get(self.0.upvals[u].name)).into_owned()
    }
}

/// The listing of all functions of a chunk: `line op operands ; note`.
pub(crate) fn listing(src: &str) -> String {
    let (ast, _) = crate::parser::parse(crate::lexer::Lexer::new(src.as_bytes(), b"=test"), 2).unwrap_or_else(|e| panic!("{e}"));
    let mut out = String::new();
    for (i, f) in emit(&ast).unwrap_or_else(|e| panic!("{e:?}")).iter().enumerate() {
        if i > 0 {
            writeln!(out, "-- function {i}").unwrap();
        }
        let view = View(f, &ast);
        for (pc, &ins) in f.code.iter().enumerate() {
            writeln!(out, "{:>3} [{}] {}", pc + 1, f.lines[pc], instruction(ins, pc, &view)).unwrap();
        }
    }
    out
}

/// Asserts that the code of a chunk without its first and last instruction (VarArgPrep, final return) is this.
#[track_caller]
fn code(src: &str, expected: &str) {
    let listing = listing(src);
    let main = listing.split("-- function").next().unwrap_or_default();
    let lines: Vec<String> = main.lines().map(|l| l[l.find(']').unwrap() + 2..].split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let got = &lines[1..lines.len() - 1];
    let want: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(got, want, "\n{listing}");
}

#[test]
fn operands_stay_where_they_are() {
    code(
        "local a, b = ... local c = a + b * 2 a = a c = -c",
        "VarArg 0 0 3
         MulK 2 1 0 ; 2
         Add 2 0 2
         Unm 2 2",
    );
}

#[test]
fn numeric_constants_on_the_right() {
    code(
        "local a = ... a = a + 1 a = 1 + a a = a & 1 a = a & 1.5 a = a .. 1 a = 2 ^ 0.5",
        "VarArg 0 0 2
         AddK 0 0 0 ; 1
         LoadK 1 0 ; 1
         Add 0 1 0
         BAndK 0 0 0 ; 1
         LoadK 1 1 ; 1.5
         BAnd 0 0 1
         Move 1 0
         LoadK 2 0 ; 1
         Concat 1 2
         Move 0 1
         LoadK 0 2 ; 1.4142135623731",
    );
}

#[test]
fn comparisons_with_constants() {
    code(
        "local a = ... if a < 1 then a = 2 end if 1 < a then a = 2 end if a >= 1.5 then a = 2 end if nil ~= a then a = 2 end",
        "VarArg 0 0 2
         LtK 0 0 0 ; 1
         Jmp 1 ; to 6
         LoadK 0 1 ; 2
         GtK 0 0 0 ; 1
         Jmp 1 ; to 9
         LoadK 0 1 ; 2
         GeK 0 2 0 ; 1.5
         Jmp 1 ; to 12
         LoadK 0 1 ; 2
         EqK 0 3 1 ; nil
         Jmp 1 ; to 15
         LoadK 0 1 ; 2",
    );
}

#[test]
fn and_or_put_the_value_where_it_is_wanted() {
    code(
        "local a, b = ... local c = a and b or 1 a = a or b c = not a and b == 1",
        "VarArg 0 0 3
         Test 0 0 0
         Jmp 2 ; to 7
         TestSet 2 1 1
         Jmp 1 ; to 8
         LoadK 2 0 ; 1
         Test 0 0 1
         Jmp 1 ; to 11
         Move 0 1
         Test 0 0 1
         Jmp 2 ; to 15
         EqK 1 0 1 ; 1
         Jmp 1 ; to 16
         LoadFalseSkip 2
         LoadTrue 2",
    );
}

#[test]
fn late_reads_of_assigned_captures() {
    code(
        "local a = 1 local function f() a = a + 1 return a end return a + f(), a",
        "LoadK 0 0 ; 1
         NewCell 0 0
         Closure 1 0 ; function 0
         Move 2 1
         Call 2 1 2 ; 0 in 1 out
         GetCell 3 0
         Add 2 3 2
         GetCell 3 0
         Return 2 3 0",
    );
}

#[test]
fn captured_and_never_assigned_again() {
    code(
        "local a = ... local f = function() return a end return a",
        "VarArg 0 0 2
         NewCell 1 0
         Closure 2 0 ; function 0
         Return 0 2 0",
    );
}

#[test]
fn recursive_local_functions_see_themselves() {
    code(
        "local function f() return f end local function g() return 1 end",
        "LoadNil 0 0
         NewCell 1 0
         Closure 0 0 ; function 0
         SetCell 1 0
         Closure 2 1 ; function 1",
    );
}

#[test]
fn each_pass_of_a_loop_has_its_own_cell() {
    code(
        "for i = 1, 2 do f(function() return i end) end",
        "LoadK 0 0 ; 1
         LoadK 1 1 ; 2
         LoadK 2 0 ; 1
         ForPrep 0 4 ; exit to 11
         NewCell 4 3
         GetTabUp 5 0 2 ; _ENV \"f\"
         Closure 6 0 ; function 0
         Call 5 2 1 ; 1 in 0 out
         ForLoop 0 -5 ; to 6",
    );
}

#[test]
fn assignments_store_from_right_to_left() {
    code(
        "local i, t = ... i, t[i] = i + 1, 20 t[i], i = 1, 2",
        "VarArg 0 0 3
         AddK 2 0 0 ; 1
         SetTable 1 0 257 ; 20
         Move 0 2
         Move 2 0
         LoadK 3 0 ; 1
         LoadK 0 2 ; 2
         SetTable 1 2 3",
    );
}

#[test]
fn calls_and_methods() {
    code(
        "local o = ... f(o, g()) o:m(1, ...) local a, b = f() return o.f(...)",
        "VarArg 0 0 2
         GetTabUp 1 0 0 ; _ENV \"f\"
         Move 2 0
         GetTabUp 3 0 1 ; _ENV \"g\"
         Call 3 1 0 ; 0 in all out
         Call 1 0 1 ; all in 0 out
         Self_ 1 0 2 ; \"m\"
         LoadK 3 3 ; 1
         VarArg 4 0 0
         Call 1 0 1 ; all in 0 out
         GetTabUp 1 0 0 ; _ENV \"f\"
         Call 1 1 3 ; 0 in 2 out
         GetField 3 0 0 ; \"f\"
         VarArg 4 0 0
         TailCall 3 0
         Return 3 0 0",
    );
}

#[test]
fn constructors() {
    code(
        "local t = {1, x = 2, f(), [3] = 4, ...}",
        "NewTable 0 2 2
         LoadK 1 0 ; 1
         SetField 0 1 258 ; \"x\" 2
         GetTabUp 2 0 3 ; _ENV \"f\"
         Call 2 1 2 ; 0 in 1 out
         SetInt 0 3 260 ; 4
         VarArg 3 0 0
         SetList 0 0 0",
    );
}

#[test]
fn while_repeat_and_break() {
    code(
        "local a = ... while a do if a == 1 then break end a = f() end repeat a = g() until a > 3",
        "VarArg 0 0 2
         Test 0 0 0
         Jmp 6 ; to 11
         EqK 0 0 1 ; 1
         Jmp 4 ; to 11
         GetTabUp 1 0 1 ; _ENV \"f\"
         Call 1 1 2 ; 0 in 1 out
         Move 0 1
         JmpBack -8 ; to 3
         GetTabUp 1 0 2 ; _ENV \"g\"
         Call 1 1 2 ; 0 in 1 out
         Move 0 1
         GtK 0 3 1 ; 3
         Jmp 1 ; to 17
         JmpBack -6 ; to 11",
    );
}

#[test]
fn generic_for_closes_its_fourth_value() {
    code(
        "for k, v in pairs(t) do if k then break end f(v) end",
        "GetTabUp 0 0 0 ; _ENV \"pairs\"
         GetTabUp 1 0 1 ; _ENV \"t\"
         Call 0 2 5 ; 1 in 4 out
         TForPrep 0 5 ; to 11
         Test 4 0 1
         Jmp 5 ; to 13
         GetTabUp 6 0 2 ; _ENV \"f\"
         Move 7 5
         Call 6 2 1 ; 1 in 0 out
         TForCall 0 0 2
         TForLoop 0 -7 ; to 6
         Close 3",
    );
}

#[test]
fn variables_to_be_closed() {
    code(
        "do local x <close> = f() if x then goto out end g() end ::out:: return 1",
        "GetTabUp 0 0 0 ; _ENV \"f\"
         Call 0 1 2 ; 0 in 1 out
         Tbc 0
         Test 0 0 0
         Jmp 2 ; to 9
         Close 0
         Jmp 3 ; to 12
         GetTabUp 1 0 1 ; _ENV \"g\"
         Call 1 1 1 ; 0 in 0 out
         Close 0
         LoadK 0 2 ; 1
         Return 0 2 0",
    );
}

#[test]
fn gotos() {
    code(
        "::top:: local a = f() if a then goto top end if a.b then goto done end do goto top end ::done::",
        "GetTabUp 0 0 0 ; _ENV \"f\"
         Call 0 1 2 ; 0 in 1 out
         Test 0 0 0
         Jmp 1 ; to 7
         JmpBack -5 ; to 2
         GetField 1 0 1 ; \"b\"
         Test 1 0 1
         Jmp 1 ; to 11
         JmpBack -9 ; to 2",
    );
}

#[test]
fn compile_time_constants() {
    code(
        "local k <const>, n <const> = 1, nil local x <const> = 5 local y <const> = 's' return x + 1, y, function() return x end",
        "LoadK 0 0 ; 1
         LoadK 1 1 ; 6
         LoadK 2 2 ; \"s\"
         Closure 3 0 ; function 0
         Return 1 4 0",
    );
}

#[test]
fn adjustment() {
    code(
        "local a, b = f() local c, d = f(), 1, 2 local e, g = 1 a, b = ... a, b = 1, f()",
        "GetTabUp 0 0 0 ; _ENV \"f\"
         Call 0 1 3 ; 0 in 2 out
         GetTabUp 2 0 0 ; _ENV \"f\"
         Call 2 1 2 ; 0 in 1 out
         LoadK 3 1 ; 1
         LoadK 4 2 ; 2
         LoadK 4 1 ; 1
         LoadNil 5 0
         VarArg 6 0 3
         Move 1 7
         Move 0 6
         LoadK 6 1 ; 1
         GetTabUp 7 0 0 ; _ENV \"f\"
         Call 7 1 2 ; 0 in 1 out
         Move 1 7
         Move 0 6",
    );
}

#[test]
fn nils_are_merged() {
    code(
        "local a local b local c, d = nil, nil a = nil",
        "LoadNil 0 3",
    );
}

#[test]
fn captured_locals_that_need_too_many_registers_live_in_cells_only() {
    let names: Vec<String> = (0..150).map(|i| format!("v{i}")).collect();
    let src = format!(
        "local {} = ...\nlocal function f() return {} end\nfor i = 1, 2 do f(i) end",
        names.join(", "),
        names.join(", ")
    );
    let text = listing(&src);
    assert!(text.contains("NewCell       149 149"), "{text}");
}

#[test]
fn constants_beyond_the_reach_of_operands_are_loaded() {
    let mut src = String::from("local t = ...\nlocal u = {");
    for i in 0..66_000 {
        src += &format!("'s{i}',");
    }
    src += "}\nt.far = t.away\nt:method(1)\nfar = 'x'";
    let (ast, _) = crate::parser::parse(crate::lexer::Lexer::new(src.as_bytes(), b"=t"), 2).unwrap();
    let f = &emit(&ast).unwrap()[0];
    let tail: Vec<Op> = f.code[f.code.len() - 17..].iter().map(|i| i.op()).collect();
    assert!(tail.contains(&Op::GetTable) && tail.contains(&Op::SetTable) && !tail.contains(&Op::Self_), "{tail:?}");
    assert!(f.code.iter().all(|i| i.op() != Op::SetList || i.c() | (i.s() as usize) << 16 <= 66_000));
}

#[test]
fn feedback_slots_do_not_overlap() {
    let (ast, _) = crate::parser::parse(crate::lexer::Lexer::new(b"for k, v in f(t) do x.y[k] = {#v} g(v) end while a do b() end", b"=t"), 2).unwrap();
    let f = &emit(&ast).unwrap()[0];
    let mut next = selune_core::feedback::FeedbackVector::FIRST;
    for ins in f.code.iter().filter(|i| i.op().feedback().units() > 0) {
        assert_eq!(ins.s() as usize, next);
        next += ins.op().feedback().units();
    }
    assert_eq!(f.feedback_units, next);
}
