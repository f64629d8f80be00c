//! The program's command line: what `lua` takes, and Selune's own long options.
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Something to do before the script, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// `-e stat`
    Execute(Vec<u8>),
    /// `-l mod` or `-l g=mod`: (global, module)
    Require(Vec<u8>, Vec<u8>),
    /// `-W`
    WarningsOn,
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// No script given.
    None,
    /// `-`: standard input as a file.
    Stdin,
    /// A file.
    File(Vec<u8>),
}

/// How code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendChoice {
    /// The interpreter alone.
    Interp,
    /// Interpreter and baseline code.
    Baseline,
    /// Interpreter, baseline code and LLVM.
    Llvm,
    /// LLVM where it is installed, else the interpreter.
    Default,
}

/// `--jit-stats`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsFormat {
    /// None.
    Off,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A stress mode: it only moves limits, never what a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stress {
    /// Collect at every safepoint, with the old nursery unmapped.
    Gc,
    /// Every guard fails now and then.
    Deopt,
    /// Compile at the first call.
    Jit,
    /// Compile without feedback.
    NoFeedback,
    /// Enter and leave compiled code at loop headers.
    Osr,
}

/// The whole command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the program, as it was called, for messages.
    pub program: Vec<u8>,
    /// `-e`, `-l`, `-W` in order.
    pub before: Vec<Before>,
    /// `-i`
    pub interactive: bool,
    /// `-v`
    pub version: bool,
    /// `-E`
    pub ignore_env: bool,
    /// `--help`
    pub help: bool,
    /// The script.
    pub script: Script,
    /// All words of the command line, and which of them is the script.
    pub words: Vec<Vec<u8>>,
    /// Index in `words` of the script (or their number).
    pub script_at: usize,
    /// `--backend`
    pub backend: BackendChoice,
    /// `--jit-stats`
    pub stats: StatsFormat,
    /// `--dump`: stage and function.
    pub dump: Vec<(String, Option<String>)>,
    /// `--jit-threshold`
    pub threshold: Option<u32>,
    /// `--jit-tier-up`
    pub tier_up: Option<u32>,
    /// `--jit-opt`
    pub jit_opt: String,
    /// `--jit-sync`
    pub jit_sync: bool,
    /// `--memory-limit` in bytes.
    pub memory_limit: usize,
    /// `--stress`
    pub stress: Vec<Stress>,
    /// `--perf-map`
    pub perf_map: bool,
}

/// What `--help` prints.
pub const HELP: &str = "usage: selune [options] [script [args]]
  -e stat             execute string 'stat'
  -i                  enter interactive mode after executing 'script'
  -l mod              require library 'mod' into global 'mod'
  -l g=mod            require library 'mod' into global 'g'
  -v                  show version information
  -E                  ignore environment variables
  -W                  turn warnings on
  --                  stop handling options
  -                   stop handling options and execute stdin
  --backend B         interp | baseline | llvm (default: llvm where LLVM 17 is installed)
  --jit-stats[=json]  print statistics of compiler and collector at the end
  --dump=S[:F]        print stage S (bytecode, ssa, ll, ll-opt, asm) of function F, or of all
  --jit-threshold N   calls or iterations until a function is compiled
  --jit-tier-up N     calls or iterations of baseline code until LLVM compiles it
  --jit-opt O         lean | 2 | auto
  --jit-sync          compile on the spot instead of in the background
  --memory-limit N    bytes that the program may use (suffixes K, M, G)
  --stress S          gc | deopt | jit | nofeedback | osr (may be given several times, or as a list)
  --perf-map          write a map of compiled code for perf
  --help              print this text
";

/// A command line that cannot be understood: one clear line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOption {
    /// The line.
    pub message: String,
    /// Print lua's usage text after it.
    pub usage: bool,
}

fn bad(message: impl Into<String>) -> BadOption {
    BadOption { message: message.into(), usage: false }
}
/// Bytes with an optional suffix K, M or G.
fn parse_size(s: &str) -> Option<usize> {
    let (digits, factor) = match s.as_bytes().last()? {
        b'k' | b'K' => (&s[..s.len() - 1], 1usize << 10),
        b'm' | b'M' => (&s[..s.len() - 1], 1 << 20),
        b'g' | b'G' => (&s[..s.len() - 1], 1 << 30),
        _ => (s, 1),
    };
    digits.parse::<usize>().ok()?.checked_mul(factor)
}

/// Understands a command line; the first word is the program's name.
pub fn parse(words: Vec<OsString>) -> Result<Options, BadOption> {
    let words: Vec<Vec<u8>> = words.into_iter().map(OsString::into_vec).collect();
    let mut o = Options {
        program: words.first().filter(|w| !w.is_empty()).cloned().unwrap_or_else(|| b"selune".to_vec()),
        before: Vec::new(),
        interactive: false,
        version: false,
        ignore_env: false,
        help: false,
        script: Script::None,
        script_at: words.len(),
        words: words.clone(),
        backend: BackendChoice::Default,
        stats: StatsFormat::Off,
        dump: Vec::new(),
        threshold: None,
        tier_up: None,
        jit_opt: "auto".into(),
        jit_sync: false,
        memory_limit: usize::MAX,
        stress: Vec::new(),
        perf_map: false,
    };
    let text = |w: &[u8]| String::from_utf8_lossy(w).into_owned();
    let mut i = 1;
    while i < words.len() {
        let w = &words[i];
        if w.first() != Some(&b'-') {
            break;
        }
        let needs_argument = || BadOption { message: format!("'{}' needs argument", text(w)), usage: true };
        let unknown = || match w.get(1) {
            Some(b'e' | b'l') => needs_argument(),
            _ => BadOption { message: format!("unrecognized option '{}'", text(w)), usage: true },
        };
        match &w[1..] {
            b"" => {
                (o.script, o.script_at) = (Script::Stdin, i);
                return Ok(o);
            }
            b"-" => {
                i += 1;
                break;
            }
            b"i" => (o.interactive, o.version) = (true, true),
            b"v" => o.version = true,
            b"E" => o.ignore_env = true,
            b"W" => o.before.push(Before::WarningsOn),
            [c @ (b'e' | b'l'), rest @ ..] => {
                let value = if rest.is_empty() {
                    i += 1;
                    match words.get(i) {
                        Some(v) if v.first() != Some(&b'-') => v.clone(),
                        _ => return Err(needs_argument()),
                    }
                } else {
                    rest.to_vec()
                };
                o.before.push(if *c == b'e' {
                    Before::Execute(value)
                } else {
                    match value.iter().position(|c| *c == b'=') {
                        Some(p) => Before::Require(value[..p].to_vec(), value[p + 1..].to_vec()),
                        // "-l lib-v2" sets the global `lib`.
                        None => Before::Require(value.split(|c| *c == b'-').next().unwrap_or_default().to_vec(), value),
                    }
                });
            }
            [b'-', long @ ..] => {
                let long = text(long);
                let (name, mut value) = match long.split_once('=') {
                    Some((n, v)) => (n.to_string(), Some(v.to_string())),
                    None => (long.clone(), None),
                };
                let mut need = |what: &str| -> Result<String, BadOption> {
                    if let Some(v) = value.take() {
                        return Ok(v);
                    }
                    i += 1;
                    words.get(i).map(|v| text(v)).ok_or_else(|| bad(format!("'--{name}' needs {what}")))
                };
                match name.as_str() {
                    "help" => o.help = true,
                    "version" => o.version = true,
                    "backend" => {
                        o.backend = match need("interp, baseline or llvm")?.as_str() {
                            "interp" => BackendChoice::Interp,
                            "baseline" => BackendChoice::Baseline,
                            "llvm" => BackendChoice::Llvm,
                            b => return Err(bad(format!("unknown backend '{b}' (interp, baseline, llvm)"))),
                        }
                    }
                    "jit-stats" => {
                        o.stats = match value.as_deref() {
                            None | Some("text") => StatsFormat::Text,
                            Some("json") => StatsFormat::Json,
                            Some(v) => return Err(bad(format!("unknown format '{v}' of --jit-stats (text, json)"))),
                        }
                    }
                    "dump" => {
                        let v = need("a stage")?;
                        let (stage, function) = match v.split_once(':') {
                            Some((s, f)) => (s.to_string(), Some(f.to_string())),
                            None => (v, None),
                        };
                        if !["bytecode", "ssa", "ll", "ll-opt", "asm"].contains(&stage.as_str()) {
                            return Err(bad(format!("unknown stage '{stage}' of --dump (bytecode, ssa, ll, ll-opt, asm)")));
                        }
                        o.dump.push((stage, function));
                    }
                    "jit-threshold" => {
                        let v = need("a number")?;
                        o.threshold = Some(v.parse().map_err(|_| bad(format!("'--jit-threshold' needs a number, not '{v}'")))?);
                    }
                    "jit-tier-up" => {
                        let v = need("a number")?;
                        o.tier_up = Some(v.parse().map_err(|_| bad(format!("'--jit-tier-up' needs a number, not '{v}'")))?);
                    }
                    "jit-opt" => {
                        let v = need("lean, 2 or auto")?;
                        if !["lean", "2", "auto"].contains(&v.as_str()) {
                            return Err(bad(format!("unknown level '{v}' of --jit-opt (lean, 2, auto)")));
                        }
                        o.jit_opt = v;
                    }
                    "jit-sync" => o.jit_sync = true,
                    "perf-map" => o.perf_map = true,
                    "memory-limit" => {
                        let v = need("a size")?;
                        o.memory_limit = parse_size(&v).ok_or_else(|| bad(format!("'--memory-limit' needs a size, not '{v}'")))?;
                    }
                    "stress" => {
                        for s in need("a mode")?.split(',') {
                            o.stress.push(match s {
                                "gc" => Stress::Gc,
                                "deopt" => Stress::Deopt,
                                "jit" => Stress::Jit,
                                "nofeedback" => Stress::NoFeedback,
                                "osr" => Stress::Osr,
                                s => return Err(bad(format!("unknown stress mode '{s}' (gc, deopt, jit, nofeedback, osr)"))),
                            });
                        }
                    }
                    _ => return Err(unknown()),
                }
            }
            _ => return Err(unknown()),
        }
        i += 1;
    }
    if i < words.len() {
        (o.script, o.script_at) = (Script::File(words[i].clone()), i);
    }
    Ok(o)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn of(w: &[&str]) -> Result<Options, BadOption> {
        parse(std::iter::once("selune").chain(w.iter().copied()).map(OsString::from).collect())
    }
    #[test]
    fn options_before_the_script_are_the_programs_own() {
        let o = of(&["--backend", "interp", "-e", "x=1", "-lm", "s.lua", "-i"]).unwrap();
        assert_eq!(o.backend, BackendChoice::Interp);
        assert_eq!(o.before, [Before::Execute(b"x=1".to_vec()), Before::Require(b"m".to_vec(), b"m".to_vec())]);
        assert_eq!((o.script, o.script_at, o.interactive), (Script::File(b"s.lua".to_vec()), 6, false));
    }
    #[test]
    fn libraries_have_names_without_versions() {
        let names = |word: &str| of(&["-l", word]).unwrap().before.remove(0);
        assert_eq!(names("a-v2"), Before::Require(b"a".to_vec(), b"a-v2".to_vec()));
        assert_eq!(names("g-x=a-v2"), Before::Require(b"g-x".to_vec(), b"a-v2".to_vec()));
    }
    #[test]
    fn two_dashes_end_the_options() {
        assert_eq!(of(&["--", "-"]).unwrap().script, Script::File(b"-".to_vec()));
        assert_eq!(of(&["-", "x"]).unwrap().script, Script::Stdin);
    }
    #[test]
    fn bad_options_name_themselves() {
        assert!(of(&["--nope"]).unwrap_err().message.contains("unrecognized option '--nope'"));
        assert!(of(&["-x"]).unwrap_err().usage);
        for words in [&["-e"][..], &["-e", "-x"], &["-e", "-"]] {
            assert_eq!(of(words).unwrap_err().message, "'-e' needs argument");
        }
        for word in ["-h", "---", "-Ex", "-vv", "-iv"] {
            assert_eq!(of(&[word]).unwrap_err().message, format!("unrecognized option '{word}'"));
        }
        assert_eq!(of(&["--stress=x"]).unwrap_err().message, "unknown stress mode 'x' (gc, deopt, jit, nofeedback, osr)");
    }
    #[test]
    fn sizes_take_suffixes() {
        assert_eq!(of(&["--memory-limit=2M"]).unwrap().memory_limit, 2 << 20);
    }
}
