//! The official test suite of PUC Lua 5.4.8: each file in a process of its own, in a copy of the folder.
//!
//! Modes: `port` sets `_port` (what any C system can do), `full` runs everything, `dump` runs everything after a trip through
//! `string.dump` and `load`. The file `all.lua` runs all the others in one process, most of them through `string.dump`.

use crate::process::{self, Ending};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Files that take a day, and those that are modules of others.
const LEFT_OUT: &[&str] = &["heavy.lua", "tracegc.lua", "bwcoercion.lua"];

/// How files are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With `_port`.
    Port,
    /// Everything.
    Full,
    /// Everything, through binary chunks.
    Dump,
}

impl Mode {
    /// The mode of a name.
    pub fn by_name(name: &str) -> Option<Mode> {
        Some(match name {
            "port" => Mode::Port,
            "full" => Mode::Full,
            "dump" => Mode::Dump,
            _ => return None,
        })
    }
}

/// Files that ask for names that a binary chunk made by another file has lost, and run as they are in the suite's own
/// `all.lua`, too.
const NEVER_DUMPED: &[&str] = &["all.lua", "strings.lua", "literals.lua", "gc.lua", "big.lua"];

/// Stands for the C module of this name in `main.lua`, which wants to see what `-l` makes of a module's name.
const MODULE: &str = "package.preload['lib2-v2'] = function() return { id = function() return true end } end";

/// How `all.lua` of the suite runs `big.lua`.
const IN_COROUTINE: &str =
    "local f = coroutine.wrap(assert(loadfile('big.lua'))) assert(f() == 'b') assert(f() == 'a')";

/// Test files in the folder of the suite.
pub fn files(testes: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(testes).map_err(|e| format!("{}: {e}", testes.display()))? {
        let name = entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".lua") && !LEFT_OUT.contains(&name.as_str()) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program under test.
    pub program: PathBuf,
    /// Its arguments before the script.
    pub args: Vec<String>,
    /// The folder of the suite.
    pub testes: PathBuf,
    /// Files, by name.
    pub files: Vec<String>,
    /// How.
    pub mode: Mode,
    /// Seconds per file.
    pub limit: u64,
    /// Processes at once.
    pub jobs: usize,
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Runs one file; what went wrong, if anything.
fn run_file(plan: &Plan, file: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(&plan.testes, folder.path()).map_err(|e| e.to_string())?;
    let mut args = plan.args.clone();
    if plan.mode == Mode::Port {
        args.extend(["-e".to_string(), "_port=true".to_string()]);
    }
    if file == "big.lua" {
        // This file yields: it is meant to run in a coroutine.
        args.extend(["-e".to_string(), IN_COROUTINE.to_string()]);
    } else if plan.mode == Mode::Dump && !NEVER_DUMPED.contains(&file) {
        args.extend(["-e".to_string(), format!("return load(string.dump(assert(loadfile('{file}'))))()")]);
    } else {
        args.push(file.to_string());
    }
    // Under its whole name, by which `main.lua` starts it again.
    let mut command = Command::new(&plan.program);
    command.env("LUA_INIT", MODULE);
    // What it starts ends with it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let outcome = process::run_command(command, &args, folder.path(), b"", Duration::from_secs(plan.limit))
        .map_err(|e| format!("{}: {e}", plan.program.display()))?;
    if outcome.ending == Ending::Code(0) {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    let shown: Vec<&str> = stderr.lines().take(4).collect();
    Err(format!("{}: {}", outcome.ending, shown.join(" / ")))
}

/// Runs all files and prints a line for each. Gives (passed, failed).
pub fn run(plan: &Plan) -> (usize, usize) {
    let next = AtomicUsize::new(0);
    let counts = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = plan.files.get(i) else { return };
                    let done = run_file(plan, file);
                    let mut counts = counts.lock().expect("no panics under the lock");
                    match done {
                        Ok(()) => {
                            counts.0 += 1;
                            println!("{file:<16} passed");
                        }
                        Err(problem) => {
                            counts.1 += 1;
                            println!("{file:<16} FAILED  {problem}");
                        }
                    }
                }
            });
        }
    });
    counts.into_inner().expect("all threads have ended")
}
