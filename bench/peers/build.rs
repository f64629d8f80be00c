//! Builds the static libraries of the peers and links each with `src/runner.c` into a program in OUT_DIR.

use std::path::Path;

fn link(runner: &str, include: &Path, lib_dir: &Path, lib: &str, program: &Path) {
    let mut command = cc::Build::new().opt_level(2).get_compiler().to_command();
    command.arg(runner).arg("-I").arg(include).arg("-o").arg(program);
    command.arg("-L").arg(lib_dir).arg(format!("-l{lib}")).args(["-Wl,-E", "-lm", "-ldl"]);
    let status = command.status().expect("the C compiler runs");
    assert!(status.success(), "linking {} failed", program.display());
}

fn main() {
    println!("cargo::rerun-if-changed=src/runner.c");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);

    let lua = lua_src::Build::new().out_dir(out.join("puc")).opt_level("2").debug(false).build(lua_src::Lua54);
    let lib = lua.libs().first().expect("one library").to_string();
    link("src/runner.c", lua.include_dir(), lua.lib_dir(), &lib, &out.join("lua54"));

    let jit = luajit_src::Build::new().out_dir(out.join("jit")).debug(false).build();
    let lib = jit.libs().first().expect("one library").to_string();
    link("src/runner.c", jit.include_dir(), jit.lib_dir(), &lib, &out.join("luajit"));
}
