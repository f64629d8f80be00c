//! Every behaviour test in every variant, each pair as one test: `tests/lua` x `variants::VARIANTS`.
//!
//! `SELUNE_VARIANTS=interp,llvm` runs those only; `oracle` is a further variant that checks the expected texts with PUC
//! Lua. By default the `llvm` variants run when the program was built with LLVM support and finds LLVM.

use libtest_mimic::{Arguments, Failed, Trial};
use selune_proof::{behaviour, places, process, variants};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn has_llvm(selune: &Path) -> bool {
    let args = ["--backend", "llvm", "--jit-sync", "-e", ""].map(String::from);
    process::run(selune, &args, Path::new("."), b"", Duration::from_secs(20))
        .is_ok_and(|o| o.ending == process::Ending::Code(0))
}

fn wanted_variants(selune: Option<&Path>) -> Vec<String> {
    if let Ok(list) = std::env::var("SELUNE_VARIANTS") {
        return list.split(',').map(|v| v.trim().to_string()).collect();
    }
    let llvm = selune.is_none_or(has_llvm);
    let all = variants::VARIANTS.iter().map(|v| v.name.to_string());
    all.filter(|name| llvm || !name.starts_with("llvm")).collect()
}

fn main() {
    let mut args = Arguments::from_args();
    if args.test_threads.is_none() {
        args.test_threads = Some(2);
    }
    let selune = places::selune();
    if let (Err(problem), false) = (&selune, args.list) {
        eprintln!("{problem}");
    }
    let tests = behaviour::discover(&places::checkout().join("tests/lua")).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2);
    });
    let selune = Arc::new(selune);
    let wanted = wanted_variants((*selune).as_ref().ok().map(|p| p.as_path()));
    let mut trials = Vec::new();
    for test in tests {
        for name in &wanted {
            let test = test.clone();
            let title = format!("{}::{name}", test.name.replace('/', "::"));
            if name == "oracle" {
                if test.runs_in_oracle() {
                    trials.push(Trial::test(title, move || {
                        test.run_oracle(&places::oracle_lua()?).map_err(Failed::from)
                    }));
                }
                continue;
            }
            let Some(variant) = variants::by_name(name) else {
                eprintln!("there is no variant `{name}`");
                std::process::exit(2);
            };
            if test.runs_in(variant) {
                let selune = Arc::clone(&selune);
                trials.push(Trial::test(title, move || {
                    let bin = (*selune).as_ref().map_err(|e| Failed::from(e.clone()))?;
                    test.run_variant(bin, variant).map_err(Failed::from)
                }));
            }
        }
    }
    libtest_mimic::run(&args, trials).exit();
}
