//! Makes a failing program smaller: delete statements, lift bodies out of their blocks, cut expressions down.

use super::tree::{self, Stmt};
use std::time::{Duration, Instant};

/// The smallest program found for which `fails` still holds, within the time.
pub fn shrink(mut body: Vec<Stmt>, time: Duration, fails: &mut dyn FnMut(&[Stmt]) -> bool) -> Vec<Stmt> {
    let start = Instant::now();
    loop {
        let before = tree::render(&body).len();
        delete(&mut body, start, time, fails);
        lift(&mut body, start, time, fails);
        cut(&mut body, start, time, fails);
        if tree::render(&body).len() >= before || start.elapsed() > time {
            return body;
        }
    }
}

/// Deletes runs of statements, long runs first.
fn delete(body: &mut Vec<Stmt>, start: Instant, time: Duration, fails: &mut dyn FnMut(&[Stmt]) -> bool) {
    let mut size = (tree::count(body) / 2).max(1);
    loop {
        let mut n = 0;
        while n < tree::count(body) && start.elapsed() < time {
            let mut smaller = body.clone();
            tree::at(&mut smaller, n, &mut |list, i| {
                let end = (i + size).min(list.len());
                list.drain(i..end);
            });
            if fails(&smaller) {
                *body = smaller;
            } else {
                n += 1;
            }
        }
        if size == 1 || start.elapsed() > time {
            return;
        }
        size /= 2;
    }
}

/// Replaces blocks by what is in them.
fn lift(body: &mut Vec<Stmt>, start: Instant, time: Duration, fails: &mut dyn FnMut(&[Stmt]) -> bool) {
    let mut n = 0;
    while n < tree::count(body) && start.elapsed() < time {
        let mut smaller = body.clone();
        let lifted = tree::at(&mut smaller, n, &mut |list, i| {
            if list[i].close.is_none() {
                return false;
            }
            let block = list.remove(i);
            let inside: Vec<Stmt> = block.parts.into_iter().flat_map(|(_, inner)| inner).collect();
            list.splice(i..i, inside);
            true
        });
        if lifted == Some(true) && fails(&smaller) {
            *body = smaller;
        } else {
            n += 1;
        }
    }
}

/// The candidates for a shorter text: each balanced group in parentheses replaced by something plain or by its inside.
fn cuts(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    for open in 0..bytes.len() {
        if bytes[open] != b'(' {
            continue;
        }
        let mut depth = 0;
        let Some(close) = (open..bytes.len()).find(|&i| {
            depth += i32::from(bytes[i] == b'(') - i32::from(bytes[i] == b')');
            depth == 0
        }) else {
            continue;
        };
        let (head, inside, tail) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
        for plain in ["1", "x1", "2.5", "nil"] {
            if inside.len() > plain.len() {
                found.push(format!("{head}{plain}{tail}"));
                found.push(format!("{head}({plain}){tail}"));
            }
        }
        found.push(format!("{head}(){tail}"));
        for op in [" + ", " - ", " * ", " / ", " // ", " % ", " and ", " or ", " .. ", " & ", " | ", " ~ ", " < ", " == ", ", "] {
            for (at, _) in inside.match_indices(op) {
                found.push(format!("{head}({}){tail}", &inside[..at]));
                found.push(format!("{head}({}){tail}", &inside[at + op.len()..]));
            }
        }
    }
    found.retain(|f| f.len() < text.len());
    found.sort_by_key(String::len);
    found.dedup();
    found
}

fn cut(body: &mut Vec<Stmt>, start: Instant, time: Duration, fails: &mut dyn FnMut(&[Stmt]) -> bool) {
    let mut n = 0;
    while n < tree::count(body) && start.elapsed() < time {
        let Some(heads) = tree::at(&mut body.clone(), n, &mut |list, i| {
            list[i].parts.iter().map(|(h, _)| h.clone()).collect::<Vec<_>>()
        }) else {
            return;
        };
        let mut changed = false;
        'heads: for (p, head) in heads.iter().enumerate() {
            for shorter in cuts(head).into_iter().take(60) {
                if start.elapsed() > time {
                    return;
                }
                let mut smaller = body.clone();
                tree::at(&mut smaller, n, &mut |list, i| list[i].parts[p].0 = shorter.clone());
                if fails(&smaller) {
                    *body = smaller;
                    changed = true;
                    break 'heads;
                }
            }
        }
        if !changed {
            n += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_kept() {
        let body = vec![
            Stmt::line("a"),
            Stmt::block("do", vec![Stmt::line("b"), Stmt::line("bad(1 + (2 * 3), x)")], "end"),
            Stmt::line("c"),
        ];
        let small = shrink(body, Duration::from_secs(5), &mut |b| tree::render(b).contains("bad("));
        assert_eq!(tree::render(&small), "bad()\n");
    }
}
