//! The `selune-proof` program: behaviour tests' expected texts, random programs, the official
//! suite, benchmarks.

use clap::{Parser, Subcommand};
use selune_proof::{behaviour, bench, fuzz, official, places, variants};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Proof tools of Selune")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the expected texts of behaviour tests with the oracle.
    Bless {
        /// Only tests whose name contains this.
        filter: Option<String>,
    },
    /// Count files and cases of the behaviour tests.
    Count,
    /// Compare random programs with the oracle.
    Fuzz {
        /// The seed; a random one when not given.
        #[arg(long)]
        seed: Option<u64>,
        /// How many programs.
        #[arg(long, default_value_t = 3000)]
        count: u64,
        /// Programs per process.
        #[arg(long, default_value_t = 25)]
        batch: u64,
        /// Variants, by name (see `variants`).
        #[arg(long, value_delimiter = ',', default_value = "interp,llvm")]
        backends: Vec<String>,
        /// Processes at once.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Seconds per batch.
        #[arg(long, default_value_t = 60)]
        limit: u64,
        /// Where programs that differ are saved.
        #[arg(long, default_value = "target/fuzz")]
        save: PathBuf,
        /// Seconds spent on making a program that differs smaller.
        #[arg(long, default_value_t = 60)]
        shrink: u64,
        /// Stop after so many differences.
        #[arg(long, default_value_t = 10)]
        most: usize,
        /// Compare the oracle with itself: does the generator make deterministic programs?
        #[arg(long)]
        self_check: bool,
    },
    /// Run the official test suite; prints a line per file and `N passed, N failed`.
    Official {
        /// The variant, or `oracle`.
        #[arg(long, default_value = "interp")]
        backend: String,
        /// `port`, `full` or `dump`.
        #[arg(long, default_value = "port")]
        mode: String,
        /// Seconds per file.
        #[arg(long, default_value_t = 300)]
        limit: u64,
        /// Processes at once.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Files to run, by name without `.lua`; all when none is given.
        files: Vec<String>,
    },
    /// Measure Selune and its peers on the benchmark programs.
    Bench {
        /// Only programs whose name contains one of these.
        #[arg(long, value_delimiter = ',')]
        filter: Vec<String>,
        /// Runs of each program in each engine.
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// Engines: lua54, luajit, interp, llvm, or any variant's name. The first is the base.
        #[arg(long, value_delimiter = ',', default_value = "lua54,luajit,interp,llvm")]
        backend: Vec<String>,
        /// One run each.
        #[arg(long)]
        quick: bool,
        /// Folder with the peers `lua54` and `luajit`.
        #[arg(long)]
        peers: PathBuf,
        /// Seconds per run.
        #[arg(long, default_value_t = 60)]
        limit: u64,
        /// Where the bar chart goes.
        #[arg(long)]
        chart: Option<PathBuf>,
    },
    /// Print one random program.
    Program {
        /// The seed.
        seed: u64,
        /// Its number under the seed.
        number: u64,
        /// As a script that runs by itself.
        #[arg(long)]
        script: bool,
    },
}

fn bless(filter: Option<&str>) -> Result<bool, String> {
    let lua = places::oracle_lua()?;
    let mut ok = true;
    for test in behaviour::discover(&places::checkout().join("tests/lua"))? {
        if !test.runs_in_oracle() || filter.is_some_and(|f| !test.name.contains(f)) {
            continue;
        }
        match test.bless(&lua) {
            Ok(changed) => changed.iter().for_each(|path| println!("wrote {}", path.display())),
            Err(problem) => {
                ok = false;
                println!("{problem}");
            }
        }
    }
    Ok(ok)
}

fn count() -> Result<bool, String> {
    let tests = behaviour::discover(&places::checkout().join("tests/lua"))?;
    let cases: usize = tests.iter().map(behaviour::Test::cases).sum();
    println!("{} files, {cases} cases", tests.len());
    Ok(true)
}

fn run_fuzz(plan: &fuzz::Plan, self_check: bool) -> Result<bool, String> {
    let oracle = places::oracle_lua()?;
    let selune = if self_check { oracle.clone() } else { places::selune()? };
    println!("random programs: seed {}, {} programs", plan.seed, plan.count);
    let report = fuzz::fuzz(plan, &fuzz::Programs { oracle, selune })?;
    println!(
        "random programs: seed {}, {} compared in {:.1} s, {} differ ({} of them only inside their batch)",
        plan.seed,
        report.compared,
        report.spent.as_secs_f64(),
        report.differing,
        report.batch_only
    );
    println!("{} passed, {} failed", report.compared - (report.differing as u64).min(report.compared), report.differing);
    Ok(report.differing == 0)
}

fn run_official(backend: &str, mode: &str, limit: u64, jobs: usize, files: Vec<String>) -> Result<bool, String> {
    let testes = places::oracle_folder()?.join("testes");
    let files = if files.is_empty() {
        official::files(&testes)?
    } else {
        files.into_iter().map(|f| if f.ends_with(".lua") { f } else { f + ".lua" }).collect()
    };
    let (program, args) = if backend == "oracle" {
        (places::oracle_lua()?, Vec::new())
    } else {
        let variant = variants::by_name(backend).ok_or_else(|| format!("there is no variant `{backend}`"))?;
        (places::selune()?, variant.args.iter().map(|a| a.to_string()).collect())
    };
    let plan_mode = official::Mode::by_name(mode).ok_or_else(|| format!("there is no mode `{mode}`: say port, full or dump"))?;
    println!("official suite, {backend}, {mode} mode, {} files", files.len());
    let (passed, failed) = official::run(&official::Plan { program, args, testes, files, mode: plan_mode, limit, jobs });
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn engine(name: &str, peers: &std::path::Path) -> Result<bench::Engine, String> {
    let made = |program: PathBuf, args: &[&str]| bench::Engine {
        name: name.to_string(),
        program,
        args: args.iter().map(|a| a.to_string()).collect(),
    };
    Ok(match name {
        "lua54" | "luajit" => made(peers.join(name), &[]),
        // Benchmarks measure the program as people run it, not the test variant.
        "llvm" => made(places::selune()?, &["--backend", "llvm"]),
        _ => {
            let variant = variants::by_name(name).ok_or_else(|| format!("there is no engine `{name}`"))?;
            made(places::selune()?, variant.args)
        }
    })
}

fn time_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |d| d.as_nanos() as u64 % 1_000_000_000)
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bless { filter } => bless(filter.as_deref()),
        Command::Count => count(),
        Command::Fuzz { seed, count, batch, backends, jobs, limit, save, shrink, most, self_check } => {
            let variants: Result<Vec<_>, String> = backends
                .iter()
                .map(|b| variants::by_name(b).ok_or_else(|| format!("there is no variant `{b}`")))
                .collect();
            let seed = seed.unwrap_or_else(time_seed);
            variants.and_then(|variants| {
                run_fuzz(&fuzz::Plan { seed, count, batch, variants, jobs, limit, save, shrink, most }, self_check)
            })
        }
        Command::Official { backend, mode, limit, jobs, files } => run_official(&backend, &mode, limit, jobs, files),
        Command::Bench { filter, runs, backend, quick, peers, limit, chart } => {
            let engines: Result<Vec<_>, String> = backend.iter().map(|b| engine(b, &peers)).collect();
            let folder = places::checkout().join("bench/programs");
            engines.and_then(|engines| {
                let programs = bench::programs(&folder, &filter)?;
                let runs = if quick { 1 } else { runs.max(1) };
                bench::bench(&bench::Plan { engines, programs, runs, limit, chart })
            })
        }
        Command::Program { seed, number, script } => {
            let source = fuzz::tree::render(&fuzz::program(seed, number));
            print!("{}", if script { fuzz::script(&[source], true) } else { source });
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("selune-proof: {problem}");
            ExitCode::from(2)
        }
    }
}
