//! Behaviour tests: Lua scripts under `tests/lua`, each with what it must print.
//!
//! `name.lua` is run in its folder as `selune <variant> name.lua <args>`; its standard output must equal `name.out`, its
//! standard error `name.err` (empty when there is no such file). A line `== title` of the output begins a case: a failure
//! names the cases that differ. The first lines of the script are its header:
//!
//! ```lua
//! -- what: one sentence about what is tested          (required, the first line)
//! -- args: a b                                         arguments of the script
//! -- stdin: text                                       standard input (with \n)
//! -- exit: 1                                           the exit code, when not 0
//! -- jit: compiled>=1 exits<=3                         counters of the variant `llvm` (see `stats`)
//! -- only: llvm*                                       variants in which it runs
//! -- skip: *-gc                                        variants in which it does not
//! -- timeout: 30                                       seconds per plain run, when not 10
//! -- oracle: no                                        PUC Lua cannot run it (options or limits of Selune)
//! -- options: --memory-limit=64M                       further options of selune
//! ```
//!
//! `.out` and `.err` are written by `selune-proof bless` with the oracle, never by Selune.

use crate::process::{self, Ending, Outcome};
use crate::stats::{self, Expectation};
use crate::variants::{self, Variant};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The header of a script.
#[derive(Debug, Clone, Default)]
pub struct Header {
    what: String,
    args: Vec<String>,
    options: Vec<String>,
    stdin: String,
    exit: i32,
    jit: Vec<Expectation>,
    only: Vec<String>,
    skip: Vec<String>,
    timeout: Option<u64>,
    no_oracle: bool,
}

impl Header {
    fn parse(source: &str) -> Result<Header, String> {
        let mut header = Header::default();
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        for line in source.lines() {
            let Some((key, value)) = line.strip_prefix("-- ").and_then(|l| l.split_once(':')) else { break };
            let value = value.trim();
            match key {
                "what" => header.what = value.to_string(),
                "args" => header.args = words(value),
                "options" => header.options = words(value),
                "stdin" => header.stdin = value.replace("\\n", "\n"),
                "exit" => header.exit = value.parse().map_err(|_| format!("`exit: {value}` is no number"))?,
                "jit" => header.jit = words(value).iter().map(|w| Expectation::parse(w)).collect::<Result<_, _>>()?,
                "only" => header.only = words(value),
                "skip" => header.skip = words(value),
                "timeout" => {
                    header.timeout = Some(value.parse().map_err(|_| format!("`timeout: {value}` is no number"))?)
                }
                "oracle" if value == "no" => header.no_oracle = true,
                _ => return Err(format!("unknown directive `{line}`")),
            }
        }
        if header.what.is_empty() {
            return Err("the first line must be `-- what: ...`".to_string());
        }
        Ok(header)
    }
}

/// One script with its header.
#[derive(Debug, Clone)]
pub struct Test {
    /// Path below `tests/lua` without `.lua`.
    pub name: String,
    path: PathBuf,
    header: Header,
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            // Folders named `modules` hold modules that tests load.
            if path.file_name().is_some_and(|n| n != "modules") {
                collect(&path, found)?;
            }
        } else if path.extension().is_some_and(|e| e == "lua") {
            found.push(path);
        }
    }
    Ok(())
}

/// All tests below `root`, sorted by name.
pub fn discover(root: &Path) -> Result<Vec<Test>, String> {
    let mut paths = Vec::new();
    collect(root, &mut paths).map_err(|e| format!("{}: {e}", root.display()))?;
    paths.sort();
    paths.into_iter().map(|path| Test::read(root, path)).collect()
}

impl Test {
    fn read(root: &Path, path: PathBuf) -> Result<Test, String> {
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let header = Header::parse(&String::from_utf8_lossy(&bytes)).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.strip_prefix(root).expect("found below the root").with_extension("");
        Ok(Test { name: name.to_string_lossy().into_owned(), path, header })
    }

    /// Does this test run in the variant?
    pub fn runs_in(&self, variant: &Variant) -> bool {
        let named = |list: &[String]| list.iter().any(|p| variants::matches(p, variant.name));
        (self.header.only.is_empty() || named(&self.header.only)) && !named(&self.header.skip)
    }

    /// Can PUC Lua run this test?
    pub fn runs_in_oracle(&self) -> bool {
        !self.header.no_oracle
    }

    /// The number of cases that the expected output names; at least one.
    pub fn cases(&self) -> usize {
        let out = std::fs::read(self.path.with_extension("out")).unwrap_or_default();
        String::from_utf8_lossy(&out).lines().filter(|l| l.starts_with("== ")).count().max(1)
    }

    fn execute(&self, program: &Path, options: &[String], slowness: u32) -> Result<Outcome, String> {
        let folder = self.path.parent().expect("a file is in a folder");
        let mut args = options.to_vec();
        args.push(self.path.file_name().expect("a file has a name").to_string_lossy().into_owned());
        args.extend(self.header.args.iter().cloned());
        let limit = Duration::from_secs(self.header.timeout.unwrap_or(10) * u64::from(slowness));
        process::run(program, &args, folder, self.header.stdin.as_bytes(), limit)
            .map_err(|e| format!("{}: {e}", program.display()))
    }

    fn expected(&self, extension: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path.with_extension(extension)).unwrap_or_default()).into_owned()
    }

    fn compare(&self, outcome: &Outcome, stderr: &str) -> Result<(), String> {
        let mut wrong = String::new();
        let stdout = String::from_utf8_lossy(&outcome.stdout);
        let expected = self.expected("out");
        if stdout != expected {
            wrong.push_str(&differences("standard output", &expected, &stdout));
        }
        let stderr = normalise_stderr(stderr);
        let expected = self.expected("err");
        if stderr != expected {
            wrong.push_str(&differences("standard error", &expected, &stderr));
        }
        if outcome.ending != Ending::Code(self.header.exit) {
            let _ = writeln!(wrong, "ended with {} instead of exit code {}", outcome.ending, self.header.exit);
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{} ({})\n{wrong}", self.name, self.header.what)) }
    }

    /// Runs the test with `selune` in a variant.
    pub fn run_variant(&self, selune: &Path, variant: &Variant) -> Result<(), String> {
        let mut options: Vec<String> = variant.args.iter().map(|a| a.to_string()).collect();
        options.extend(self.header.options.iter().cloned());
        let counted = variant.name == "llvm" && !self.header.jit.is_empty();
        if counted {
            options.push("--jit-stats=json".to_string());
        }
        let outcome = self.execute(selune, &options, variant.slowness)?;
        let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
        if !counted {
            return self.compare(&outcome, &stderr);
        }
        let Some((rest, counters)) = stats::split(&stderr) else {
            self.compare(&outcome, &stderr)?;
            return Err("no statistics on the last line of standard error".to_string());
        };
        self.compare(&outcome, rest)?;
        let unmet: Vec<String> = self.header.jit.iter().filter_map(|e| e.check(&counters).err()).collect();
        if unmet.is_empty() {
            Ok(())
        } else {
            Err(format!("{} ({})\n{}\nin {counters}", self.name, self.header.what, unmet.join("\n")))
        }
    }

    /// Runs the test with the oracle: the expected texts must be PUC's.
    pub fn run_oracle(&self, lua: &Path) -> Result<(), String> {
        let outcome = self.execute(lua, &[], 1)?;
        let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
        self.compare(&outcome, &stderr)
    }

    /// Writes `.out` and `.err` from what the oracle prints; says what changed.
    pub fn bless(&self, lua: &Path) -> Result<Vec<PathBuf>, String> {
        let outcome = self.execute(lua, &[], 1)?;
        if outcome.ending != Ending::Code(self.header.exit) {
            return Err(format!(
                "{}: the oracle ended with {}, not with exit code {}\n{}",
                self.name,
                outcome.ending,
                self.header.exit,
                String::from_utf8_lossy(&outcome.stderr)
            ));
        }
        let mut changed = Vec::new();
        let stderr = normalise_stderr(&String::from_utf8_lossy(&outcome.stderr));
        for (extension, text) in [("out", outcome.stdout.as_slice()), ("err", stderr.as_bytes())] {
            let path = self.path.with_extension(extension);
            let old = std::fs::read(&path).ok();
            if text.is_empty() {
                if old.is_some() {
                    std::fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                    changed.push(path);
                }
            } else if old.as_deref() != Some(text) {
                std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
                changed.push(path);
            }
        }
        Ok(changed)
    }
}

/// Messages begin with the name of the program that prints them; here it is always `lua`.
fn normalise_stderr(stderr: &str) -> String {
    stderr.split_inclusive('\n').map(|line| line.strip_prefix("selune: ").map_or(line.to_string(), |l| format!("lua: {l}"))).collect()
}

/// Splits at lines `== title`; the text before the first one has the title "(start)".
fn cases(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = vec![("(start)", Vec::new())];
    for line in text.lines() {
        match line.strip_prefix("== ") {
            Some(title) => all.push((title, Vec::new())),
            None => all.last_mut().expect("never empty").1.push(line),
        }
    }
    all
}

/// Names the cases that differ, with the first lines that do.
fn differences(what: &str, expected: &str, found: &str) -> String {
    const SHOWN: usize = 6;
    let (want, got) = (cases(expected), cases(found));
    let mut text = String::new();
    let mut differing = 0;
    for i in 0..want.len().max(got.len()) {
        let empty = ("(nothing)", Vec::new());
        let (w, g) = (want.get(i).unwrap_or(&empty), got.get(i).unwrap_or(&empty));
        if w == g {
            continue;
        }
        differing += 1;
        if differing > SHOWN {
            continue;
        }
        let _ = writeln!(text, "{what}, case `{}`:", if want.len() > i { w.0 } else { g.0 });
        let mut shown = 0;
        for j in 0..w.1.len().max(g.1.len()) {
            let (a, b) = (w.1.get(j), g.1.get(j));
            if a != b && shown < SHOWN {
                shown += 1;
                let _ = writeln!(text, "  line {}\n    expected: {}", j + 1, a.unwrap_or(&"(nothing)"));
                let _ = writeln!(text, "    found:    {}", b.unwrap_or(&"(nothing)"));
            }
        }
    }
    if differing == 0 {
        let _ = writeln!(text, "{what}: line ends differ");
    } else if differing > SHOWN {
        let _ = writeln!(text, "{what}: {differing} cases differ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let h = Header::parse("-- what: x\n-- exit: 3\n-- jit: compiled>=1\n-- skip: *-gc\nprint(1)\n-- exit: 4\n").unwrap();
        assert_eq!((h.exit, h.jit.len(), h.skip.len()), (3, 1, 1));
        assert!(Header::parse("print(1)").is_err());
        assert!(Header::parse("-- what: x\n-- nonsense: y\n").is_err());
    }

    #[test]
    fn program_names_are_normalised() {
        assert_eq!(normalise_stderr("selune: a.lua:1: x\n\tselune: y\n"), "lua: a.lua:1: x\n\tselune: y\n");
    }

    #[test]
    fn differing_cases_are_named() {
        let text = differences("standard output", "== a\n1\n== b\n2\n", "== a\n1\n== b\n3\n");
        assert!(text.contains("case `b`") && text.contains("expected: 2") && !text.contains("case `a`"));
    }
}
