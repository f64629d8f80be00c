//! Tokens of all kinds.
use super::*;

fn tokens(src: &[u8]) -> (Vec<Tok>, Strings) {
    let mut lex = Lexer::new(src, b"=t");
    let mut out = Vec::new();
    loop {
        lex.next().unwrap_or_else(|e| panic!("{e}"));
        if lex.tok == Tok::Eos {
            return (out, lex.strings);
        }
        out.push(lex.tok);
    }
}

fn string(src: &[u8]) -> Vec<u8> {
    match tokens(src) {
        (t, strings) => match t[..] {
            [Tok::Str(s)] => strings.get(s).to_vec(),
            ref other => panic!("{other:?}"),
        },
    }
}

fn one(src: &str) -> Tok {
    match tokens(src.as_bytes()).0[..] {
        [t] => t,
        ref other => panic!("{src}: {other:?}"),
    }
}

#[test]
fn numerals() {
    for (src, i) in [
        ("0", 0),
        ("123", 123),
        ("9223372036854775807", i64::MAX),
        ("0x7fffffffffffffff", i64::MAX),
        ("0xffffffffffffffff", -1),
        ("0x1ffffffffffffffff", -1),
        ("0XaB", 0xAB),
    ] {
        assert_eq!(one(src), Tok::Int(i), "{src}");
    }
    for (src, f) in [
        ("9223372036854775808", 9223372036854775808.0),
        ("3.", 3.0),
        (".5", 0.5),
        ("3e2", 300.0),
        ("3.e-1", 0.3),
        ("0x.8", 0.5),
        ("0x1p4", 16.0),
        ("0xA.8P-1", 5.25),
        ("1e999", f64::INFINITY),
    ] {
        assert_eq!(one(src), Tok::Float(f), "{src}");
    }
}

#[test]
fn symbols_are_as_long_as_possible() {
    let kinds = tokens(b"== = ~= ~ <= << < >= >> > // / :: : ... .. . [ x").0;
    use Tok::*;
    assert_eq!(
        kinds[..18],
        [
            Eq, Char(b'='), Ne, Char(b'~'), Le, Shl, Char(b'<'), Ge, Shr, Char(b'>'), IDiv, Char(b'/'), DbColon,
            Char(b':'), Dots, Concat, Char(b'.'), Char(b'[')
        ][..]
    );
}

#[test]
fn escapes() {
    assert_eq!(string(br#"'\a\b\f\n\r\t\v\\\"\''"#), b"\x07\x08\x0C\n\r\t\x0B\\\"'");
    assert_eq!(string(br"'\x41\0\10\065b\z   c'"), b"A\0\nAbc");
    assert_eq!(string(b"'a\\\nb\\\r\nc\\z \n \t d'"), b"a\nb\ncd");
    assert_eq!(string(br"'\u{48}\u{7FF}\u{FFFF}\u{10FFFF}'"), "H\u{7FF}\u{FFFF}\u{10FFFF}".as_bytes());
    assert_eq!(string(br"'\u{7FFFFFFF}\u{1FFFFF}'"), b"\xFD\xBF\xBF\xBF\xBF\xBF\xF7\xBF\xBF\xBF");
    assert_eq!(string(b"\"\xff\xfe\""), b"\xff\xfe");
    assert_eq!(string(b"''"), b"");
}

#[test]
fn long_strings() {
    assert_eq!(string(b"[[a]]"), b"a");
    assert_eq!(string(b"[[\na\r\nb\n\rc\rd]]"), b"a\nb\nc\nd");
    assert_eq!(string(b"[==[]]]=]]==]"), b"]]]=]");
    assert_eq!(string(b"[=[]==]=]"), b"]==");
    assert_eq!(string(b"[[\\n]]"), b"\\n");
}

#[test]
fn comments_and_lines() {
    let mut lex = Lexer::new(b"-- one\n--[[ two\n\n]] a --[==[ ]] \n ]==] b\r\n--[=x\nc --", b"=t");
    for (line, last) in [(4, 1), (5, 4), (7, 5), (7, 7)] {
        lex.next().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((lex.line, lex.last_line), (line, last), "{:?}", lex.tok);
    }
    assert_eq!(lex.tok, Tok::Eos);
}
