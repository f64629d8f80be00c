//! The `selune-proof` program: blesses and lists behaviour tests.

use clap::{Parser, Subcommand};
use selune_proof::{behaviour, places};
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

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bless { filter } => bless(filter.as_deref()),
        Command::Count => count(),
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
