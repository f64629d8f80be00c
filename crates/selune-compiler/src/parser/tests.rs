//! The messages of syntax errors, word for word those of PUC Lua 5.4.8.
use crate::{CompileError, ErrorKind};

fn error(src: &[u8]) -> CompileError {
    match crate::check(src, b"=t") {
        Ok(()) => panic!("{:?} has no error", String::from_utf8_lossy(&src[..src.len().min(80)])),
        Err(e) => e,
    }
}

/// Sources and their messages.
const CASES: &[(&[u8], &[u8])] = &[
    (b"x =", b"t:1: unexpected symbol near <eof>"),
    (b"x = = 2", b"t:1: unexpected symbol near '='"),
    (b"local function", b"t:1: <name> expected near <eof>"),
    (b"for i = 1 do end", b"t:1: ',' expected near 'do'"),
    (b"for i, 2 do end", b"t:1: <name> expected near '2'"),
    (b"for i in do end", b"t:1: unexpected symbol near 'do'"),
    (b"for 1 = 2 do end", b"t:1: <name> expected near '1'"),
    (b"if x then", b"t:1: 'end' expected near <eof>"),
    (b"if x", b"t:1: 'then' expected near <eof>"),
    (b"if x then else elseif", b"t:1: 'end' expected near 'elseif'"),
    (b"while true do", b"t:1: 'end' expected near <eof>"),
    (b"while true do\n\n\nx()", b"t:4: 'end' expected (to close 'while' at line 1) near <eof>"),
    (b"repeat x()", b"t:1: 'until' expected near <eof>"),
    (b"repeat\n\nx() end", b"t:3: 'until' expected (to close 'repeat' at line 1) near 'end'"),
    (b"function f(", b"t:1: <name> or '...' expected near <eof>"),
    (b"function f(a,", b"t:1: <name> or '...' expected near <eof>"),
    (b"function f(a b)", b"t:1: ')' expected near 'b'"),
    (b"function f(...,a)", b"t:1: ')' expected near ','"),
    (b"function f.x:y.z() end", b"t:1: '(' expected near '.'"),
    (b"return return", b"t:1: unexpected symbol near 'return'"),
    (b"return 1 2", b"t:1: <eof> expected near '2'"),
    (b"local x <const> = 1; x = 2", b"t:1: attempt to assign to const variable 'x'"),
    (b"local x <close>, y <close> = 1, 2", b"t:1: multiple to-be-closed variables in local list"),
    (b"local x <foo> = 1", b"t:1: unknown attribute 'foo'"),
    (b"local x <const = 1", b"t:1: '>' expected near '='"),
    (b"local x <const> = f() x, y = 1", b"t:1: attempt to assign to const variable 'x'"),
    (b"local x <const> = 5 function x() end", b"t:1: attempt to assign to const variable 'x'"),
    (
        b"local function f() x = 1 end local y <const> = 1 function g() y = 2 end",
        b"t:1: attempt to assign to const variable 'y'",
    ),
    (b"a.b:c = 1", b"t:1: function arguments expected near '='"),
    (b"a.b:c", b"t:1: function arguments expected near <eof>"),
    (b"f() = 1", b"t:1: syntax error near '='"),
    (b"f(), x = 1", b"t:1: syntax error near ','"),
    (b"(a) = 1", b"t:1: syntax error near '='"),
    (b"(a).b", b"t:1: syntax error near <eof>"),
    (b"1 = 2", b"t:1: unexpected symbol near '1'"),
    (b"x", b"t:1: syntax error near <eof>"),
    (b"x + 1", b"t:1: syntax error near '+'"),
    (b"'abc'", b"t:1: unexpected symbol near ''abc''"),
    (b"x, y", b"t:1: '=' expected near <eof>"),
    (b"x, = 1", b"t:1: unexpected symbol near '='"),
    (b"goto l", b"t:1: no visible label 'l' for <goto> at line 1"),
    (b"goto l; local a; ::l:: print(a)", b"t:1: <goto l> at line 1 jumps into the scope of local 'a'"),
    (b"do goto l end; local a; ::l:: ; ::m:: local b", b"t:1: <goto l> at line 1 jumps into the scope of local 'a'"),
    (b"::l:: ::l::", b"t:1: label 'l' already defined on line 1"),
    (b"::l::\ndo ::l:: end", b"t:2: label 'l' already defined on line 1"),
    (b"do ::l:: end goto l", b"t:1: no visible label 'l' for <goto> at line 1"),
    (b"break", b"t:1: break outside loop at line 1"),
    (b"while 1 do local function f() break end end", b"t:1: break outside loop at line 1"),
    (b"function f() goto x end ::x::", b"t:1: no visible label 'x' for <goto> at line 1"),
    (b"repeat goto c; local z; ::c:: until z", b"t:1: <goto c> at line 1 jumps into the scope of local 'z'"),
    (b"goto = 1", b"t:1: <name> expected near '='"),
    (b"::1::", b"t:1: <name> expected near '1'"),
    (b"x = }", b"t:1: unexpected symbol near '}'"),
    (b"x = {", b"t:1: unexpected symbol near <eof>"),
    (b"x = {1, 2", b"t:1: '}' expected near <eof>"),
    (b"x = {\n1,\n2", b"t:3: '}' expected (to close '{' at line 1) near <eof>"),
    (b"x = {a = }", b"t:1: unexpected symbol near '}'"),
    (b"x = {[1] 2}", b"t:1: '=' expected near '2'"),
    (b"x = {[1 = 2}", b"t:1: ']' expected near '='"),
    (b"x = a[1", b"t:1: ']' expected near <eof>"),
    (b"x = f(1", b"t:1: ')' expected near <eof>"),
    (b"x = f(\n1\n", b"t:3: ')' expected (to close '(' at line 1) near <eof>"),
    (b"x = (1", b"t:1: ')' expected near <eof>"),
    (b"x = (\n1", b"t:2: ')' expected (to close '(' at line 1) near <eof>"),
    (b"x = function", b"t:1: '(' expected near <eof>"),
    (b"x = function() return", b"t:1: 'end' expected near <eof>"),
    (b"x = function() end end", b"t:1: <eof> expected near 'end'"),
    (b"function f() return ... end", b"t:1: cannot use '...' outside a vararg function near '...'"),
    (b"f\"x", b"t:1: unfinished string near <eof>"),
    (b"f\"x\ny\"", b"t:1: unfinished string near '\"x'"),
    (b"x = 'a\\qb'", b"t:1: invalid escape sequence near ''a\\q'"),
    (b"x = '\\xg1'", b"t:1: hexadecimal digit expected near ''\\xg'"),
    (b"x = '\\x1'", b"t:1: hexadecimal digit expected near ''\\x1''"),
    (b"x = '\\300'", b"t:1: decimal escape too large near ''\\300''"),
    (b"x = '\\3000'", b"t:1: decimal escape too large near ''\\3000'"),
    (b"x = '\\u'", b"t:1: missing '{' near ''\\u''"),
    (b"x = '\\u{'", b"t:1: hexadecimal digit expected near ''\\u{''"),
    (b"x = '\\u{110000000000}'", b"t:1: UTF-8 value too large near ''\\u{110000000'"),
    (b"x = '\\u{80000000}'", b"t:1: UTF-8 value too large near ''\\u{80000000'"),
    (b"x = '\\u{12'", b"t:1: missing '}' near ''\\u{12''"),
    (b"x = '\\u{12x}'", b"t:1: missing '}' near ''\\u{12x'"),
    (b"x = '\\", b"t:1: unfinished string near <eof>"),
    (b"x = \"\\", b"t:1: unfinished string near <eof>"),
    (b"x = [[", b"t:1: unfinished long string (starting at line 1) near <eof>"),
    (b"x = [==[ ]=]", b"t:1: unfinished long string (starting at line 1) near <eof>"),
    (b"x = [=", b"t:1: invalid long string delimiter near '[='"),
    (b"x = [=x", b"t:1: invalid long string delimiter near '[='"),
    (b"--[[", b"t:1: unfinished long comment (starting at line 1) near <eof>"),
    (b"--[==[ ]]", b"t:1: unfinished long comment (starting at line 1) near <eof>"),
    (b"x = 0x", b"t:1: malformed number near '0x'"),
    (b"x = 0xg", b"t:1: malformed number near '0xg'"),
    (b"x = 1e", b"t:1: malformed number near '1e'"),
    (b"x = 1e+", b"t:1: malformed number near '1e+'"),
    (b"x = 3x", b"t:1: malformed number near '3x'"),
    (b"x = 3.4.5", b"t:1: malformed number near '3.4.5'"),
    (b"x = 0x1p", b"t:1: malformed number near '0x1p'"),
    (b"x = 12abc", b"t:1: malformed number near '12abc'"),
    (b"x = 1..2", b"t:1: malformed number near '1..2'"),
    (b"x = @", b"t:1: unexpected symbol near '@'"),
    (b"x = $ 1", b"t:1: unexpected symbol near '$'"),
    (b"x = \x01", b"t:1: unexpected symbol near '<\\1>'"),
    (b"x = \xff", b"t:1: unexpected symbol near '<\\255>'"),
    (b"x = !a", b"t:1: unexpected symbol near '!'"),
    (b"x ~= 1", b"t:1: syntax error near '~='"),
    (b"x == 1", b"t:1: syntax error near '=='"),
    (b"x := 1", b"t:1: <name> expected near '='"),
    (b"local 1", b"t:1: <name> expected near '1'"),
    (b"local x.y = 1", b"t:1: unexpected symbol near '.'"),
    (b"local x, = 1", b"t:1: <name> expected near '='"),
    (b"local function f.x() end", b"t:1: '(' expected near '.'"),
    (b"and = 1", b"t:1: unexpected symbol near 'and'"),
    (b"x.and = 1", b"t:1: <name> expected near 'and'"),
    (b"x:1()", b"t:1: <name> expected near '1'"),
    (b"x:y 1", b"t:1: function arguments expected near '1'"),
    (b"x[", b"t:1: unexpected symbol near <eof>"),
    (b"x.1", b"t:1: syntax error near '.1'"),
    (b"f{", b"t:1: unexpected symbol near <eof>"),
    (b"f{1}{", b"t:1: unexpected symbol near <eof>"),
    (b"x = a and", b"t:1: unexpected symbol near <eof>"),
    (b"x = not", b"t:1: unexpected symbol near <eof>"),
    (b"x = -", b"t:1: unexpected symbol near <eof>"),
    (b"x = #", b"t:1: unexpected symbol near <eof>"),
    (b"x = a ..", b"t:1: unexpected symbol near <eof>"),
    (b"x = a..b..", b"t:1: unexpected symbol near <eof>"),
    (b"x = 1 + * 2", b"t:1: unexpected symbol near '*'"),
    (b"x = \"abc\" \"def\"", b"t:1: unexpected symbol near '\"def\"'"),
    (b"x = nil.x", b"t:1: unexpected symbol near '.'"),
    (b"nil.x = 1", b"t:1: unexpected symbol near 'nil'"),
    (b"(\"x\").y", b"t:1: syntax error near <eof>"),
    (b"; ; ; )", b"t:1: unexpected symbol near ')'"),
    (b"x = 5 y 6 ", b"t:1: syntax error near '6'"),
    (b"x = [[abc]] [[", b"t:1: unfinished long string (starting at line 1) near <eof>"),
    (
        b"x = 'very long string very long string very long string very long string very long string' 1 1",
        b"t:1: unexpected symbol near '1'",
    ),
    (b"x = [[a\nb]] 1", b"t:2: unexpected symbol near '1'"),
    (b"for i = 1, 2, 3, 4 do end", b"t:1: 'do' expected near ','"),
    (b"for i = 1, 2 do local x <const> = i; x = 1 end", b"t:1: attempt to assign to const variable 'x'"),
    (b"for a.b = 1, 2 do end", b"t:1: '=' or 'in' expected near '.'"),
    (b"for i = 1, 2", b"t:1: 'do' expected near <eof>"),
    (b"do local x end end", b"t:1: <eof> expected near 'end'"),
    (b"if x then y() else z() else w() end", b"t:1: 'end' expected near 'else'"),
    (b"return;;", b"t:1: <eof> expected near ';'"),
    (b"return 1,", b"t:1: unexpected symbol near <eof>"),
    (b"x = function(a, 1) end", b"t:1: <name> or '...' expected near '1'"),
    (b"x = function(a,) end", b"t:1: <name> or '...' expected near ')'"),
    (b"x = y z", b"t:1: syntax error near <eof>"),
];

#[test]
fn messages_are_those_of_puc() {
    for (src, message) in CASES {
        let e = error(src);
        assert_eq!(
            String::from_utf8_lossy(&e.message),
            String::from_utf8_lossy(message),
            "for {:?}",
            String::from_utf8_lossy(src)
        );
        assert_eq!(e.kind, ErrorKind::Syntax);
    }
}

fn message(src: &str) -> String {
    error(src.as_bytes()).to_string()
}

#[test]
fn limits_of_variables() {
    let many = ", a".repeat(200);
    assert_eq!(
        message(&format!("\nlocal a{many}")),
        "t:2: too many local variables (limit is 200) in main function near <eof>"
    );
    assert_eq!(
        message(&format!("\n\nfunction f()\nlocal a{many} = 1 end")),
        "t:4: too many local variables (limit is 200) in function at line 3 near '='"
    );
    let mut src = String::from("local function f()\n");
    for i in 0..2 {
        for j in 0..150 {
            src += &format!("local v{i}_{j}\n");
        }
        src += "local function g()\n";
    }
    for i in 0..2 {
        for j in 0..150 {
            src += &format!("v{i}_{j} = 1\n");
        }
    }
    let e = message(&src);
    assert!(e.ends_with("too many upvalues (limit is 255) in function at line 303 near '='"), "{e}");
}

#[test]
fn nesting_is_limited_like_c_calls() {
    let deep = |open: &str, n: usize, close: &str| format!("return {}1{}", open.repeat(n), close.repeat(n));
    assert!(crate::check(deep("(", 195, ")").as_bytes(), b"=t").is_ok());
    let e = error(deep("(", 196, ")").as_bytes());
    assert_eq!((e.kind, e.to_string().as_str()), (ErrorKind::StackOverflow, "C stack overflow"));
    for (open, close) in [("{", "}"), ("a(", ")"), ("- ", ""), ("2^", ""), ("'a'..", ""), ("function() return ", " end")] {
        assert_eq!(error(deep(open, 100_000, close).as_bytes()).kind, ErrorKind::StackOverflow, "{open}");
    }
    for (open, close) in [("do ", "end "), ("if a then ", "end "), ("repeat ", "until a "), ("::a:: ", "")] {
        let src = open.repeat(50_000) + &close.repeat(50_000);
        assert_eq!(error(src.as_bytes()).kind, ErrorKind::StackOverflow, "{open}");
    }
    let targets = format!("a{} = 1", ", a".repeat(500));
    assert_eq!(error(targets.as_bytes()).kind, ErrorKind::StackOverflow);
}

#[test]
fn chains_need_no_native_stack() {
    let chain = |first: &str, link: &str| format!("local a = 1 return {first}{}", link.repeat(100_000));
    for link in [" + a", " and a", " or a", ".b", "[a]", "(1)", ":m()", " == a", " and a or a", " + a.b(1)"] {
        assert!(crate::check(chain("a", link).as_bytes(), b"=t").is_ok(), "{link}");
    }
    let arms = format!("local a if a then {} end", "elseif a == 1 then a = 2\n".repeat(20_000));
    assert!(crate::check(arms.as_bytes(), b"=t").is_ok());
    let gotos = format!("local a {} ::l::", "if a then goto l end\n".repeat(20_000));
    assert!(crate::check(gotos.as_bytes(), b"=t").is_ok());
}

#[test]
fn names_are_cut_at_nul_as_by_printf() {
    assert_eq!(message("x = 'a\0b' 'c\0d'"), "t:1: unexpected symbol near ''c'");
    assert_eq!(message("x = \0"), "t:1: unexpected symbol");
}

#[test]
fn chunk_names_stand_in_front() {
    let with = |name: &[u8]| crate::check(b"\n=", name).unwrap_err().to_string();
    assert_eq!(with(b"@dir/file.lua"), "dir/file.lua:2: unexpected symbol near '='");
    assert_eq!(with(b"x = 1\ny"), "[string \"x = 1...\"]:2: unexpected symbol near '='");
}

#[test]
fn too_many_registers() {
    let near = |src: &str| {
        let e = message(src);
        e.strip_prefix("t:2: function or expression needs too many registers near ").unwrap_or_else(|| panic!("{e}")).to_string()
    };
    assert_eq!(near(&format!("\na = f(x{})", ", x".repeat(260))), "'x'");
    assert_eq!(near(&format!("\nf(x{})", ", x".repeat(253))), "<eof>");
    assert_eq!(near(&format!("\nreturn x{} + y", ", x".repeat(255))), "'x'");
}
