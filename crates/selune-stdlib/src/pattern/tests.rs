//! Patterns on plain bytes.
use super::*;

fn all(pattern: &str, src: &str) -> Result<Option<(usize, usize, Vec<Capture>)>, PatternError> {
    let program = Program::new(pattern.as_bytes(), true);
    let mut m = Match::new();
    if !m.search(&program, src.as_bytes(), 0)? {
        return Ok(None);
    }
    let captures = (0..program.capture_count()).map(|i| m.capture(&program, i)).collect::<Result<_, _>>()?;
    Ok(Some((m.start, m.end, captures)))
}

fn span(pattern: &str, src: &str) -> Option<(usize, usize)> {
    all(pattern, src).unwrap().map(|(s, e, _)| (s, e))
}

fn error(pattern: &str, src: &str) -> PatternError {
    all(pattern, src).unwrap_err()
}

#[test]
fn finds() {
    for (pattern, src, expected) in [
        ("", "alo", Some((0, 0))),
        ("aaab", "aaaaab", Some((2, 6))),
        ("a*b", "aaab", Some((0, 4))),
        ("a-b", "aaab", Some((0, 4))),
        ("^aaa", "baaa", None),
        ("a+$", "aab aa", Some((4, 6))),
        (".-%s", "abc d", Some((0, 4))),
        ("%bxy", "x(xyx)y", Some((2, 4))),
        ("%f[%w]%w+", " THE (quick)", Some((1, 4))),
        ("%f[%z]", "ab", Some((2, 2))),
        ("[]]", "a]", Some((1, 2))),
        ("[^]]", "]a", Some((1, 2))),
        ("[%]x]+", "a]x]", Some((1, 4))),
        ("[a-%%]", "-", None),
        ("[a-%%]", "]", Some((0, 1))),
        ("[a-]", "-", Some((0, 1))),
        ("[%a-z]", "-", Some((0, 1))),
        ("[%d-9]+", "5-9", Some((0, 3))),
        ("a$b", "a$b", Some((0, 3))),
        ("$", "ab", Some((2, 2))),
        ("b?b", "b", Some((0, 1))),
        ("%S+", "  ab ", Some((2, 4))),
        ("\0", "a\0b", Some((1, 2))),
        ("a.-b", "a\nxb", Some((0, 4))),
        ("^*", "*", Some((0, 1))),
        ("x-", "xxx", Some((0, 0))),
        ("x-$", "xxx", Some((0, 3))),
        ("[%x]-g", "abfg", Some((0, 4))),
    ] {
        assert_eq!(span(pattern, src), expected, "{pattern} in {src:?}");
    }
}

#[test]
fn captures() {
    use Capture::{Position, Text};
    let found = all("()(a*(.)%w(%s*))()", "xx alo").unwrap().unwrap();
    assert_eq!(found.2, [Position(0), Text(0, 3), Text(0, 1), Text(2, 3), Position(3)]);
    assert_eq!(all("(.)%1", "abccd").unwrap().unwrap().0, 2);
    assert_eq!(all("()%1", "ab").unwrap(), None);
    assert_eq!(all("(%w+)=(%w+)", "key=value").unwrap().unwrap().2, [Text(0, 3), Text(4, 9)]);
}

#[test]
fn errors() {
    use PatternError::*;
    assert_eq!(error("%", "a"), EndsWithEscape);
    assert_eq!(error("[a", "a"), MissingBracket);
    assert_eq!(error("[]", "a"), MissingBracket);
    assert_eq!(error("[^]", "a"), MissingBracket);
    assert_eq!(error("[a%]", "a"), MissingBracket);
    assert_eq!(error("[a%", "a"), MissingBracket);
    assert_eq!(error("%b", "a"), MissingBalance);
    assert_eq!(error("%ba", "a"), MissingBalance);
    assert_eq!(error("%f", "a"), MissingFrontierSet);
    assert_eq!(error("(a", "a"), UnfinishedCapture);
    assert_eq!(error("a)", "a"), InvalidPatternCapture);
    assert_eq!(error("%1", "a"), InvalidCaptureIndex(1));
    assert_eq!(error("(%1)", "a"), InvalidCaptureIndex(1));
    assert_eq!(error("(%0)", "a"), InvalidCaptureIndex(0));
    assert_eq!(error(&"()".repeat(33), ""), TooManyCaptures);
    // What matching does not reach is not noticed.
    assert_eq!(all("b[", "a").unwrap(), None);
    assert_eq!(all("a*)b", "c").unwrap_err(), InvalidPatternCapture);
}

#[test]
fn depth_limit() {
    assert!(all(&".?".repeat(80), &"a".repeat(80)).unwrap().is_some());
    assert_eq!(error(&".?".repeat(200_000), &"a".repeat(200_000)), PatternError::TooComplex);
    assert_eq!(all(&"x-".repeat(200_000), "a").unwrap().unwrap().1, 0);
    assert!(all(&".-b".repeat(20), &"a".repeat(300)).unwrap().is_none());
    assert_eq!(span(".-b", &format!("{}b", "a".repeat(300_000))), Some((0, 300_001)));
}

#[test]
fn plain_search() {
    assert_eq!(find_plain(b"abcabc", b"ca", 0), Some(2));
    assert_eq!(find_plain(b"abcabc", b"abc", 1), Some(3));
    assert_eq!(find_plain(b"abc", b"", 3), Some(3));
    assert_eq!(find_plain(b"abc", b"", 4), None);
    assert_eq!(find_plain(b"abc", b"abcd", 0), None);
    let long = [b"a".repeat(500), b"b".to_vec()].concat();
    assert_eq!(find_plain(&long, b"ab", 3), Some(499));
}
