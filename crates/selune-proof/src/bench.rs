//! Benchmarks: every program of `bench/programs` with Selune and its peers, in one interleaved run.
//!
//! A program's first lines say its group (`-- group: numeric`) and whether LuaJIT can run it (`-- no-luajit: why`).
//! Outputs must be equal. Times are wall-clock times of whole processes, compilation in the background included; the
//! figure of a program is the smallest of its runs, and the table shows the median's distance from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// A program that runs Lua scripts.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Name in the tables.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Arguments before the script.
    pub args: Vec<String>,
}

/// A benchmark program.
#[derive(Debug, Clone)]
pub struct Program {
    name: String,
    path: PathBuf,
    group: String,
    luajit: bool,
}

/// All programs whose name contains the filter.
pub fn programs(folder: &Path, filter: &[String]) -> Result<Vec<Program>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_none_or(|e| e != "lua") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !filter.is_empty() && !filter.iter().any(|f| name.contains(f.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let tag = |key: &str| text.lines().take(4).find_map(|l| l.strip_prefix(key).map(|v| v.trim().to_string()));
        let group = tag("-- group:").ok_or_else(|| format!("{}: no `-- group:` line", path.display()))?;
        found.push(Program { name, path, group, luajit: tag("-- no-luajit").is_none() });
    }
    found.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    Ok(found)
}

#[derive(Debug, Clone, Default)]
struct Samples {
    seconds: Vec<f64>,
    peak_kb: u64,
    problem: Option<String>,
}

impl Samples {
    fn best(&self) -> Option<f64> {
        if self.problem.is_some() {
            return None;
        }
        self.seconds.iter().copied().reduce(f64::min)
    }

    fn median(&self) -> Option<f64> {
        let mut all = self.seconds.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

struct Finished {
    seconds: f64,
    peak_kb: u64,
    stdout: Vec<u8>,
    failure: Option<String>,
}

/// Runs a script once under `timeout`, which ends it when it hangs; peak memory is that of the largest process.
fn run(engine: &Engine, script: &Path, limit: Duration, folder: &Path) -> Result<Finished, String> {
    let output = folder.join("stdout");
    let file = std::fs::File::create(&output).map_err(|e| e.to_string())?;
    let start = Instant::now();
    let mut child = Command::new("timeout")
        .arg(limit.as_secs().to_string())
        .arg(&engine.program)
        .args(&engine.args)
        .arg(script)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("timeout {}: {e}", engine.program.display()))?;
    let used = child.wait4().map_err(|e| e.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    let failure = match used.status.code() {
        Some(0) => None,
        Some(124) => Some("time-out".to_string()),
        Some(code) => Some(format!("exit {code}")),
        None => Some("signal".to_string()),
    };
    let stdout = std::fs::read(&output).map_err(|e| e.to_string())?;
    Ok(Finished { seconds, peak_kb: used.rusage.maxrss / 1024, stdout, failure })
}

/// What a run of the benchmarks wants.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Engines; the first is the base of the ratios.
    pub engines: Vec<Engine>,
    /// Programs.
    pub programs: Vec<Program>,
    /// Runs of each pair.
    pub runs: usize,
    /// Seconds one run may take.
    pub limit: u64,
    /// Where the chart goes.
    pub chart: Option<PathBuf>,
}

fn geomean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some((values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp())
}

fn shown(value: Option<f64>) -> String {
    value.map_or("-".to_string(), |v| format!("{v:.2}"))
}

/// The measured values of all pairs: program x engine.
struct Table {
    rows: Vec<Vec<Samples>>,
}

fn measure(plan: &Plan) -> Result<Table, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut rows = vec![vec![Samples::default(); plan.engines.len()]; plan.programs.len()];
    for (p, program) in plan.programs.iter().enumerate() {
        let mut expected: Option<Vec<u8>> = None;
        for _ in 0..plan.runs {
            for (e, engine) in plan.engines.iter().enumerate() {
                let cell = &mut rows[p][e];
                if cell.problem.is_some() || (engine.name == "luajit" && !program.luajit) {
                    continue;
                }
                let done = run(engine, &program.path, Duration::from_secs(plan.limit), folder.path())?;
                cell.seconds.push(done.seconds);
                cell.peak_kb = cell.peak_kb.max(done.peak_kb);
                cell.problem = done.failure;
                if cell.problem.is_none() {
                    match &expected {
                        None => expected = Some(done.stdout),
                        Some(want) if *want != done.stdout => cell.problem = Some("wrong output".to_string()),
                        Some(_) => {}
                    }
                }
            }
        }
        print_row(plan, program, &rows[p]);
    }
    Ok(Table { rows })
}

fn print_row(plan: &Plan, program: &Program, row: &[Samples]) {
    let base = row[0].best();
    let mut line = format!("{:<11} {:<21}", program.group, program.name);
    for (e, cell) in row.iter().enumerate() {
        let text = match (&cell.problem, cell.best()) {
            (Some(problem), _) => problem.clone(),
            (None, None) => "-".to_string(),
            (None, Some(best)) => {
                let spread = cell.median().map_or(0.0, |m| (m / best - 1.0) * 100.0);
                let ratio = base.filter(|_| e > 0).map_or(String::new(), |b| format!(" {:>6.2}x", b / best));
                format!("{best:>6.3}s +{spread:>2.0}%{ratio}")
            }
        };
        let width = if e == 0 { 13 } else { 21 };
        let _ = write!(line, " | {text:>width$}");
    }
    println!("{line}");
    use std::io::Write as _;
    let _ = std::io::stdout().flush();
    let _ = plan;
}

/// Speed-ups of an engine over another for the programs that both ran.
fn ratios(table: &Table, plan: &Plan, engine: usize, base: usize, group: Option<&str>) -> Vec<f64> {
    (0..plan.programs.len())
        .filter(|&p| group.is_none_or(|g| plan.programs[p].group == g))
        .filter_map(|p| Some(table.rows[p][base].best()? / table.rows[p][engine].best()?))
        .collect()
}

/// Measures and prints everything. True when every output was right.
pub fn bench(plan: &Plan) -> Result<bool, String> {
    println!("smallest of {} runs, +median; speed-up over {}", plan.runs, plan.engines[0].name);
    let mut head = format!("{:<11} {:<21}", "group", "program");
    for (e, engine) in plan.engines.iter().enumerate() {
        let width = if e == 0 { 13 } else { 21 };
        let _ = write!(head, " | {:>width$}", engine.name);
    }
    println!("{head}");
    let table = measure(plan)?;
    let mut groups: Vec<&str> = plan.programs.iter().map(|p| p.group.as_str()).collect();
    groups.dedup();
    let luajit = plan.engines.iter().position(|e| e.name == "luajit");
    for (base, over) in std::iter::once((0, plan.engines[0].name.as_str())).chain(luajit.map(|i| (i, "luajit"))) {
        println!("\ngeometric means over {over}");
        for group in groups.iter().map(|g| Some(*g)).chain([None]) {
            let mut line = format!("{:<11}", group.unwrap_or("all"));
            for (e, engine) in plan.engines.iter().enumerate().filter(|(e, _)| *e != base) {
                let all = ratios(&table, plan, e, base, group);
                let least = all.iter().copied().reduce(f64::min);
                let _ = write!(line, "  {} {}x (least {})", engine.name, shown(geomean(&all)), shown(least));
            }
            println!("{line}");
        }
    }
    print_memory(plan, &table);
    print_compile_times(plan);
    if let Some(chart) = &plan.chart {
        std::fs::write(chart, svg(plan, &table)).map_err(|e| format!("{}: {e}", chart.display()))?;
        println!("\nchart: {}", chart.display());
    }
    let wrong = table.rows.iter().flatten().filter(|c| c.problem.is_some()).count();
    if wrong > 0 {
        println!("{wrong} runs failed or printed something else than {}", plan.engines[0].name);
    }
    Ok(wrong == 0)
}

fn print_memory(plan: &Plan, table: &Table) {
    println!("\npeak memory of programs above 30 MB in {} (MB, ratio)", plan.engines[0].name);
    for (p, program) in plan.programs.iter().enumerate() {
        let base = table.rows[p][0].peak_kb;
        if base < 30 * 1024 {
            continue;
        }
        let mut line = format!("{:<21} {:>6}", program.name, base / 1024);
        for (e, engine) in plan.engines.iter().enumerate().skip(1) {
            let peak = table.rows[p][e].peak_kb;
            if peak > 0 {
                let _ = write!(line, "  {} {} ({:.2}x)", engine.name, peak / 1024, peak as f64 / base as f64);
            }
        }
        println!("{line}");
    }
}

/// Compile times by size of function, from the statistics of the engine `llvm`.
fn print_compile_times(plan: &Plan) {
    let Some(engine) = plan.engines.iter().find(|e| e.name == "llvm") else { return };
    let mut classes: BTreeMap<u32, (u64, f64, f64)> = BTreeMap::new();
    for program in &plan.programs {
        let mut args = engine.args.clone();
        args.push("--jit-stats=json".to_string());
        args.push(program.path.display().to_string());
        let Ok(outcome) = crate::process::run(&engine.program, &args, Path::new("/"), b"", Duration::from_secs(plan.limit))
        else {
            continue;
        };
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        let Some((_, stats)) = crate::stats::split(&stderr) else { continue };
        for pair in stats["compiles"].as_array().into_iter().flatten() {
            if let (Some(size), Some(ms)) = (pair[0].as_u64(), pair[1].as_f64()) {
                let class = classes.entry(size.max(1).ilog2()).or_default();
                *class = (class.0 + 1, class.1 + ms, class.2.max(ms));
            }
        }
    }
    if classes.is_empty() {
        return;
    }
    println!("\ncompile time by size of function");
    for (class, (count, sum, most)) in classes {
        println!("{:>6}..{:<6} instructions: {count:>5} versions, mean {:>7.2} ms, most {most:>7.2} ms", 1u64 << class, (2u64 << class) - 1, sum / count as f64);
    }
}

/// A bar chart of the speed-ups, on a logarithmic scale.
fn svg(plan: &Plan, table: &Table) -> String {
    const COLOURS: [&str; 6] = ["#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2"];
    let engines: Vec<usize> = (1..plan.engines.len()).collect();
    let bar = 9.0;
    let row = bar * engines.len() as f64 + 9.0;
    let (left, width, top) = (190.0, 620.0, 56.0);
    let height = top + row * plan.programs.len() as f64 + 30.0;
    let x = |ratio: f64| left + (ratio.clamp(0.25, 64.0).log2() + 2.0) / 8.0 * width;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        left + width + 60.0
    );
    let _ = writeln!(out, "<text x=\"10\" y=\"20\" font-size=\"14\">Speed-up over {} (logarithmic)</text>", plan.engines[0].name);
    for (k, &e) in engines.iter().enumerate() {
        let at = left + k as f64 * 110.0;
        let _ = writeln!(
            out,
            "<rect x=\"{at}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"39\">{}</text>",
            COLOURS[k % COLOURS.len()],
            at + 14.0,
            plan.engines[e].name
        );
    }
    for tick in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
        let (at, bottom) = (x(tick), height - 22.0);
        let colour = if tick == 1.0 { "#444" } else { "#ddd" };
        let _ = writeln!(out, "<line x1=\"{at}\" y1=\"{top}\" x2=\"{at}\" y2=\"{bottom}\" stroke=\"{colour}\"/><text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{tick}x</text>", bottom + 14.0);
    }
    for (p, program) in plan.programs.iter().enumerate() {
        let y = top + row * p as f64 + 4.0;
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", left - 6.0, y + row / 2.0, program.name);
        for (k, &e) in engines.iter().enumerate() {
            let (Some(base), Some(best)) = (table.rows[p][0].best(), table.rows[p][e].best()) else { continue };
            let (from, to) = (x(1.0).min(x(base / best)), x(1.0).max(x(base / best)));
            let _ = writeln!(
                out,
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"><title>{} {:.2}x</title></rect>",
                y + bar * k as f64,
                (to - from).max(1.0),
                bar - 1.0,
                COLOURS[k % COLOURS.len()],
                plan.engines[e].name,
                base / best
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_geometric() {
        assert_eq!(geomean(&[]), None);
        assert!((geomean(&[2.0, 8.0]).unwrap() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_best_run_counts_only_without_problems() {
        let mut samples = Samples { seconds: vec![2.0, 1.0, 3.0], ..Samples::default() };
        assert_eq!((samples.best(), samples.median()), (Some(1.0), Some(2.0)));
        samples.problem = Some("wrong output".into());
        assert_eq!(samples.best(), None);
    }

    #[test]
    fn every_program_has_a_group() {
        let all = programs(&crate::places::checkout().join("bench/programs"), &[]).unwrap();
        assert!(all.len() >= 30);
    }
}
