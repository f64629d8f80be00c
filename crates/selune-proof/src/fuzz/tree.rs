//! A generated program as a tree of statements, so that it can be made smaller piece by piece.

/// One statement: heads with bodies (`if a then ... else ... end`), or a single line.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// Each head line with the statements under it.
    pub parts: Vec<(String, Vec<Stmt>)>,
    /// The line after the last body; none for a single line.
    pub close: Option<String>,
}

impl Stmt {
    /// A statement of one line.
    pub fn line(text: impl Into<String>) -> Stmt {
        Stmt { parts: vec![(text.into(), Vec::new())], close: None }
    }

    /// A statement with one body.
    pub fn block(open: impl Into<String>, body: Vec<Stmt>, close: impl Into<String>) -> Stmt {
        Stmt { parts: vec![(open.into(), body)], close: Some(close.into()) }
    }
}

/// The program's text, one line per head. Without `x - 0`, which PUC computes as `x + -0`: 0.0 where x is -0.0.
pub fn render(body: &[Stmt]) -> String {
    let mut text = String::new();
    write(body, 0, &mut text);
    text.replace(" - 0)", " - 0.0)").replace(" - 0 ", " - 0.0 ").replace(" - 0\n", " - 0.0\n")
}

fn write(body: &[Stmt], depth: usize, text: &mut String) {
    let line = |depth: usize, s: &str, text: &mut String| {
        for _ in 0..depth {
            text.push(' ');
        }
        text.push_str(s);
        text.push('\n');
    };
    for stmt in body {
        for (head, inner) in &stmt.parts {
            line(depth, head, text);
            write(inner, depth + 1, text);
        }
        if let Some(close) = &stmt.close {
            line(depth, close, text);
        }
    }
}

/// The number of statements, inner ones included.
pub fn count(body: &[Stmt]) -> usize {
    body.iter().map(|s| 1 + s.parts.iter().map(|(_, b)| count(b)).sum::<usize>()).sum()
}

/// Calls `edit` with the list that holds the `n`-th statement (in order of `count`) and its index there.
pub fn at<R>(body: &mut Vec<Stmt>, n: usize, edit: &mut dyn FnMut(&mut Vec<Stmt>, usize) -> R) -> Option<R> {
    let mut left = n;
    for i in 0..body.len() {
        if left == 0 {
            return Some(edit(body, i));
        }
        left -= 1;
        for p in 0..body[i].parts.len() {
            let size = count(&body[i].parts[p].1);
            if left < size {
                return at(&mut body[i].parts[p].1, left, edit);
            }
            left -= size;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_reached() {
        let body = vec![Stmt::line("a"), Stmt::block("do", vec![Stmt::line("b"), Stmt::line("c")], "end"), Stmt::line("d")];
        assert_eq!(count(&body), 5);
        let mut seen = Vec::new();
        for n in 0..count(&body) {
            let mut copy = body.clone();
            let head = at(&mut copy, n, &mut |list, i| list[i].parts[0].0.clone());
            seen.push(head.unwrap());
        }
        assert_eq!(seen, ["a", "do", "b", "c", "d"]);
        assert_eq!(render(&body), "a\ndo\n b\n c\nend\nd\n");
    }
}
