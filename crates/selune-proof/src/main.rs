//! The `selune-proof` program: behaviour tests' expected texts, random programs.

use clap::{Parser, Subcommand};
use selune_proof::{behaviour, fuzz, places, variants};
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
        /// Stop after so many differences.
        #[arg(long, default_value_t = 10)]
        most: usize,
        /// Compare the oracle with itself: does the generator make deterministic programs?
        #[arg(long)]
        self_check: bool,
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
    Ok(report.differing == 0)
}

fn time_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |d| d.as_nanos() as u64 % 1_000_000_000)
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bless { filter } => bless(filter.as_deref()),
        Command::Count => count(),
        Command::Fuzz { seed, count, batch, backends, jobs, limit, save, most, self_check } => {
            let variants: Result<Vec<_>, String> = backends
                .iter()
                .map(|b| variants::by_name(b).ok_or_else(|| format!("there is no variant `{b}`")))
                .collect();
            let seed = seed.unwrap_or_else(time_seed);
            variants.and_then(|variants| {
                run_fuzz(&fuzz::Plan { seed, count, batch, variants, jobs, limit, save, most }, self_check)
            })
        }
        Command::Program { seed, number, script } => {
            let source = fuzz::tree::render(&fuzz::program(seed, number));
            print!("{}", if script { fuzz::script(&[source]) } else { source });
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
