//! Where the checkout, the programs under test and the oracle are.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).expect("crates/selune-proof is two folders deep").to_path_buf()
}

/// The folder that cargo builds into, found from where this very program is.
fn profile_folder() -> Option<PathBuf> {
    let me = std::env::current_exe().ok()?;
    let dir = me.parent()?;
    Some(if dir.ends_with("deps") { dir.parent()?.to_path_buf() } else { dir.to_path_buf() })
}

/// The `selune` program: `SELUNE_BIN`, or the one built beside this program.
pub fn selune() -> Result<PathBuf, String> {
    if let Some(bin) = std::env::var_os("SELUNE_BIN") {
        let bin = PathBuf::from(bin);
        return std::path::absolute(&bin).map_err(|e| format!("SELUNE_BIN {}: {e}", bin.display()));
    }
    let dir = profile_folder().ok_or("cannot tell where this program is")?;
    let bin = dir.join("selune");
    if bin.is_file() {
        return Ok(bin);
    }
    Err(format!("{} is not there: run `cargo build -p selune` first, or set SELUNE_BIN", bin.display()))
}

/// The folder of the oracle, with `lua` and `testes/`: `SELUNE_ORACLE`, or what `ci/oracle` provides.
pub fn oracle_folder() -> Result<PathBuf, String> {
    if let Some(dir) = std::env::var_os("SELUNE_ORACLE") {
        return Ok(PathBuf::from(dir));
    }
    let script = checkout().join("ci/oracle");
    let out = std::process::Command::new(&script)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("{}: {e}", script.display()))?;
    if !out.status.success() {
        return Err("ci/oracle failed".to_string());
    }
    let lua = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    lua.parent().map(Path::to_path_buf).ok_or_else(|| "ci/oracle printed no path".to_string())
}

/// The `lua` program of the oracle.
pub fn oracle_lua() -> Result<PathBuf, String> {
    Ok(oracle_folder()?.join("lua"))
}
