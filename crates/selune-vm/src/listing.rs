//! Bytecode listings of functions (`--dump=bytecode`).
use crate::Vm;
use selune_core::disasm::disasm;
use selune_core::value::Value;

impl Vm {
    /// A listing of a Lua function and all nested ones, or of those only that are named: by path (`main.0.1`) or by the
    /// line where they are defined.
    pub fn listing(&self, f: Value, only: Option<&str>) -> String {
        assert!(f.is_lua_closure());
        // SAFETY: checked to be a closure; its proto is alive.
        let all = disasm(unsafe { &*(*f.as_closure()).proto });
        let Some(only) = only else { return all };
        let named = |head: &str| {
            let (path, rest) = head.split_once(' ').unwrap_or((head, ""));
            path == only || rest.strip_prefix('<').and_then(|r| r.split(',').next()) == Some(only)
        };
        all.split("\n\n").filter(|b| named(b.lines().next().unwrap_or(""))).map(|b| format!("{}\n", b.trim_end())).collect()
    }
}
