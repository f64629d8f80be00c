//! Runs a child process with a time limit and collects what it printed.
//!
//! Guarantees: the child is dead when `run` returns, and neither of its output pipes can block it. A child that prints
//! without end is cut at `OUTPUT_LIMIT`.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes kept of each output stream; a child that prints more is killed.
const OUTPUT_LIMIT: usize = 64 << 20;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was killed after its time limit.
    TimedOut,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Code(c) => write!(f, "exit code {c}"),
            Ending::Signal(s) => write!(f, "signal {s}"),
            Ending::TimedOut => write!(f, "time-out"),
        }
    }
}

/// What a child printed and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
    /// Wall-clock time from start to end.
    pub wall: Duration,
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut chunk = [0u8; 16384];
        while let Ok(n) = pipe.read(&mut chunk) {
            if n == 0 || all.len() + n > OUTPUT_LIMIT {
                break;
            }
            all.extend_from_slice(&chunk[..n]);
        }
        all
    })
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Ending> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            use std::os::unix::process::ExitStatusExt;
            return Ok(match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Code(code),
                (None, signal) => Ending::Signal(signal.unwrap_or(0)),
            });
        }
        let spent = start.elapsed();
        if spent > limit {
            end(child)?;
            child.wait()?;
            return Ok(Ending::TimedOut);
        }
        // Short naps at first: most children end within a few milliseconds.
        std::thread::sleep((spent / 20).clamp(Duration::from_micros(200), Duration::from_millis(20)));
    }
}

/// Kills a child and, when it leads a process group, what it has started.
fn end(child: &mut Child) -> std::io::Result<()> {
    let group = format!("-{}", child.id());
    // Quiet when there is no such group.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    child.kill()
}

/// Runs `program` with `args` in `cwd`, with `stdin` as its input, for at most `limit`. Its name, as it sees it, has no folders.
pub fn run(program: &Path, args: &[String], cwd: &Path, stdin: &[u8], limit: Duration) -> std::io::Result<Outcome> {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    command.arg0(program.file_name().unwrap_or_default());
    run_command(command, args, cwd, stdin, limit)
}

/// `run` of a command that has further settings. Variables that programs of Lua read are taken out of its environment, but
/// for those that the command sets itself.
pub fn run_command(mut command: Command, args: &[String], cwd: &Path, stdin: &[u8], limit: Duration) -> std::io::Result<Outcome> {
    let start = Instant::now();
    let own: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    for name in ["LUA_INIT", "LUA_INIT_5_4", "LUA_PATH", "LUA_PATH_5_4", "LUA_CPATH", "LUA_CPATH_5_4"] {
        if !own.iter().any(|o| o == name) {
            command.env_remove(name);
        }
    }
    let mut child = command
        .args(args)
        .current_dir(cwd)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let out = drain(child.stdout.take().expect("stdout is piped"));
    let err = drain(child.stderr.take().expect("stderr is piped"));
    let mut input = child.stdin.take().expect("stdin is piped");
    let stdin = stdin.to_vec();
    let feeder = std::thread::spawn(move || {
        use std::io::Write;
        // A child that does not read its input closes the pipe; that is no error of the test.
        let _ = input.write_all(&stdin);
    });
    let ending = wait(&mut child, limit)?;
    let wall = start.elapsed();
    let _ = feeder.join();
    Ok(Outcome {
        stdout: out.join().unwrap_or_default(),
        stderr: err.join().unwrap_or_default(),
        ending,
        wall,
    })
}
