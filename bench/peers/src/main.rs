//! Copies the peers that the build script made to the folder that is given: `lua54` and `luajit`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_string());
    std::fs::create_dir_all(&folder)?;
    for name in ["lua54", "luajit"] {
        let target = Path::new(&folder).join(name);
        std::fs::copy(Path::new(env!("OUT_DIR")).join(name), &target)?;
        println!("{}", target.display());
    }
    Ok(())
}
