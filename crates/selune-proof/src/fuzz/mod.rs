//! Random programs against the oracle.
//!
//! A batch of programs runs in one process per backend, and each section of the output is compared with the oracle's.
//! A program that differs is run alone, made smaller as long as it still differs (`shrink`), and saved. Everything
//! follows from the seed: program `n` of seed `s` is the same on every machine.

mod coroutine_templates;
pub mod generate;
pub mod rng;
mod shapes;
pub mod shrink;
mod statements;
mod templates;
pub mod tree;
mod values;

use crate::process::{self, Ending};
use crate::variants::Variant;
use generate::Generator;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tree::Stmt;

const PRELUDE: &str = include_str!("prelude.lua");

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed of the first program; the others follow from it.
    pub seed: u64,
    /// How many programs.
    pub count: u64,
    /// Programs per process.
    pub batch: u64,
    /// The backends that are compared with the oracle.
    pub variants: Vec<&'static Variant>,
    /// Processes at once.
    pub jobs: usize,
    /// Seconds that a batch may take in a backend.
    pub limit: u64,
    /// Seconds spent on making a program that differs smaller.
    pub shrink: u64,
    /// Where programs that differ are saved.
    pub save: PathBuf,
    /// Stop after so many differences.
    pub most: usize,
}

/// How the section of a program ends that took too long.
const TIMED_OUT: &str = "(process ended with time-out)";

/// The programs that run and compare.
#[derive(Debug, Clone)]
pub struct Programs {
    /// PUC Lua.
    pub oracle: PathBuf,
    /// `selune`, or any program that understands its options.
    pub selune: PathBuf,
}

/// The seed of program `n`.
pub fn program_seed(seed: u64, n: u64) -> u64 {
    rng::Rng::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(n)).bits()
}

/// Program `n` of a seed.
pub fn program(seed: u64, n: u64) -> Vec<Stmt> {
    Generator::new(program_seed(seed, n)).program()
}

/// A script that runs the sources one after the other; `verbose` prints what otherwise goes into digests only.
pub fn script(sources: &[String], verbose: bool) -> String {
    let mut text = String::from("local function main(...)\n");
    text.push_str(PRELUDE);
    text.push_str("end\nmain {\n");
    for source in sources {
        let _ = write!(text, "[==[\n{source}]==],\n");
    }
    text.push_str(if verbose { "verbose = true }\n" } else { "}\n" });
    text
}

/// How one program behaved: its section of the output, or how the process ended in it.
type Section = String;

/// Runs a script; gives one section per program. A process that ends early gives what is left a section that says so.
fn run(program: &Path, args: &[&str], file: &Path, programs: usize, limit: u64) -> Result<Vec<Section>, String> {
    let mut all: Vec<String> = args.iter().map(|a| a.to_string()).collect();
    all.push(file.display().to_string());
    let outcome = process::run(program, &all, Path::new("/"), b"", Duration::from_secs(limit))
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let text = String::from_utf8_lossy(&outcome.stdout);
    let mut sections = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        current.push_str(line);
        current.push('\n');
        if line.starts_with("@@@ ") {
            sections.push(std::mem::take(&mut current));
        }
    }
    if sections.len() < programs || outcome.ending != Ending::Code(0) {
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        let tail: String = stderr.lines().take(12).collect::<Vec<_>>().join("\n");
        sections.push(format!("{current}(process ended with {})\n{tail}\n", outcome.ending));
    }
    sections.resize(programs.max(sections.len()), "(not reached)\n".to_string());
    Ok(sections)
}

/// Digests name the position of a program in its batch; compare without it.
fn same(a: &str, b: &str) -> bool {
    let strip = |s: &str| -> String {
        s.lines().map(|l| l.strip_prefix("@@@ ").and_then(|r| r.split_once(' ')).map_or(l, |(_, d)| d)).collect::<Vec<_>>().join("\n")
    };
    strip(a) == strip(b)
}

/// Runs one program in the oracle and a variant; the two outputs when they differ.
pub fn differs(programs: &Programs, variant: &Variant, source: &str, limit: u64, folder: &Path) -> Option<(String, String)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let file = folder.join(format!("one-{}.lua", COUNTER.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&file, script(&[source.to_string()], true)).ok()?;
    let expected = run(&programs.oracle, &[], &file, 1, limit).ok()?;
    // A program that the oracle cannot load or finish proves nothing.
    if expected.len() != 1 || expected[0].contains("(process ended") || expected[0].contains("does not load") {
        return None;
    }
    let found = if programs.selune == programs.oracle {
        run(&programs.selune, &[], &file, 1, limit).ok()?
    } else {
        run(&programs.selune, variant.args, &file, 1, limit).ok()?
    };
    let _ = std::fs::remove_file(&file);
    if found.len() == 1 && same(&expected[0], &found[0]) { None } else { Some((expected[0].clone(), found.concat())) }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Programs compared, in all variants together.
    pub compared: u64,
    /// Programs that differed.
    pub differing: usize,
    /// Steps that differed only inside their batch, not alone.
    pub batch_only: usize,
    /// Time spent.
    pub spent: Duration,
}

/// Runs the plan and prints what differs.
pub fn fuzz(plan: &Plan, programs: &Programs) -> Result<Report, String> {
    let start = Instant::now();
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let report = Mutex::new(Report::default());
    let failure = Mutex::new(None);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(plan.batch, Ordering::Relaxed);
                    let enough = report.lock().expect("no panics under the lock").differing >= plan.most;
                    if first >= plan.count || enough || failure.lock().expect("as above").is_some() {
                        return;
                    }
                    let numbers: Vec<u64> = (first..(first + plan.batch).min(plan.count)).collect();
                    if let Err(problem) = batch(plan, programs, &numbers, folder.path(), &report) {
                        *failure.lock().expect("as above") = Some(problem);
                    }
                }
            });
        }
    });
    if let Some(problem) = failure.into_inner().expect("all threads have ended") {
        return Err(problem);
    }
    let mut report = report.into_inner().expect("all threads have ended");
    report.spent = start.elapsed();
    Ok(report)
}

fn batch(plan: &Plan, programs: &Programs, numbers: &[u64], folder: &Path, report: &Mutex<Report>) -> Result<(), String> {
    let sources: Vec<String> = numbers.iter().map(|&n| tree::render(&program(plan.seed, n))).collect();
    let file = folder.join(format!("batch-{}.lua", numbers[0]));
    std::fs::write(&file, script(&sources, false)).map_err(|e| e.to_string())?;
    let expected = run(&programs.oracle, &[], &file, sources.len(), plan.limit)?;
    if let Some(bad) = expected.iter().find(|s| s.contains("(process ended") || s.contains("does not load")) {
        return Err(format!("the generator made a bad program (seed {}, batch {}):\n{bad}", plan.seed, numbers[0]));
    }
    for variant in &plan.variants {
        let args: &[&str] = if programs.selune == programs.oracle { &[] } else { variant.args };
        let limit = plan.limit * u64::from(variant.slowness);
        let mut found = run(&programs.selune, args, &file, sources.len(), limit)?;
        if found.iter().any(|f| f.contains(TIMED_OUT)) {
            // Perhaps only the machine is busy.
            found = run(&programs.selune, args, &file, sources.len(), limit * 5)?;
        }
        report.lock().expect("no panics under the lock").compared += sources.len() as u64;
        for (i, &n) in numbers.iter().enumerate() {
            if found.get(i).is_some_and(|f| same(&expected[i], f)) {
                continue;
            }
            let alone = differs(programs, variant, &sources[i], plan.limit, folder);
            {
                let mut report = report.lock().expect("no panics under the lock");
                report.differing += 1;
                if alone.is_none() {
                    report.batch_only += 1;
                }
                if report.differing > plan.most {
                    return Ok(());
                }
            }
            let name = format!("{}-seed{}-{n}", variant.name, plan.seed);
            match alone {
                Some(_) => {
                    let small = shrink::shrink(program(plan.seed, n), Duration::from_secs(plan.shrink), &mut |body| {
                        differs(programs, variant, &tree::render(body), plan.limit, folder).is_some()
                    });
                    let source = tree::render(&small);
                    let (want, got) = differs(programs, variant, &source, plan.limit, folder).unwrap_or_default();
                    save(plan, &name, &source, &script(std::slice::from_ref(&source), true), &want, &got)?;
                }
                None => {
                    let all = script(&sources[..=i], true);
                    save(plan, &format!("{name}-batch"), "(differs only after the programs before it)\n", &all, &expected[i], found.get(i).map_or("(nothing)", |f| f))?;
                }
            }
            // What follows in the batch may only be a consequence.
            if found.get(i).is_none_or(|f| f.contains("(process ended") || f.contains("(not reached)")) {
                break;
            }
        }
    }
    let _ = std::fs::remove_file(&file);
    Ok(())
}

fn save(plan: &Plan, name: &str, source: &str, script: &str, want: &str, got: &str) -> Result<(), String> {
    std::fs::create_dir_all(&plan.save).map_err(|e| format!("{}: {e}", plan.save.display()))?;
    let file = plan.save.join(format!("{name}.lua"));
    std::fs::write(&file, script).map_err(|e| format!("{}: {e}", file.display()))?;
    println!("--- difference {name}, saved as {}\n{source}--- expected\n{want}--- found\n{got}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_follow_from_the_seed() {
        assert_eq!(tree::render(&program(1, 2)), tree::render(&program(1, 2)));
        assert_ne!(tree::render(&program(1, 2)), tree::render(&program(1, 3)));
    }

    #[test]
    fn positions_in_a_batch_do_not_count() {
        assert!(same("a\n@@@ 1 5 6\n", "a\n@@@ 9 5 6\n"));
        assert!(!same("a\n@@@ 1 5 6\n", "a\n@@@ 1 5 7\n"));
    }
}
