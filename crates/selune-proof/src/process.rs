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
            child.kill()?;
            child.wait()?;
            return Ok(Ending::TimedOut);
        }
        // Short naps at first: most children end within a few milliseconds.
        std::thread::sleep((spent / 20).clamp(Duration::from_micros(200), Duration::from_millis(20)));
    }
}

/// Runs `program` with `args` in `cwd`, with `stdin` as its input, for at most `limit`.
pub fn run(program: &Path, args: &[String], cwd: &Path, stdin: &[u8], limit: Duration) -> std::io::Result<Outcome> {
    use std::os::unix::process::CommandExt;
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg0(program.file_name().unwrap_or_default())
        .args(args)
        .current_dir(cwd)
        .env_remove("LUA_INIT")
        .env_remove("LUA_INIT_5_4")
        .env_remove("LUA_PATH")
        .env_remove("LUA_PATH_5_4")
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
