//! What functions are called: by the code that called them, or as a field of a loaded module.
use super::levels::Level;
use super::symbolic::{self, Name};
use crate::Vm;
use selune_core::thread::frame_flags;
use selune_core::value::Value;

/// What a level was called as, `caller` being the level below it.
pub(super) fn name_of_level(level: &Level, caller: Option<&Level>) -> Option<Name> {
    if level.is_tail(caller) {
        None
    } else if level.flags & frame_flags::HOOK != 0 {
        Some(Name::new("hook", b"?"))
    } else if level.flags & frame_flags::FINALIZER != 0 {
        Some(Name::new("metamethod", b"__gc"))
    } else {
        let (p, pc) = caller?.code()?;
        symbolic::callee_name(p, pc)
    }
}

impl Vm {
    /// For messages about arguments: the name of the running native, by its call or else by the module that has it ("?" when
    /// there is none), and whether it was called as a method.
    pub fn callee_name(&self) -> (Vec<u8>, bool) {
        let mut levels = self.levels();
        let Some(level) = levels.next() else { return (b"?".to_vec(), false) };
        match name_of_level(&level, levels.next().as_ref()) {
            Some(n) => (n.name, n.kind == "method"),
            None => (self.module_name_of(&level).unwrap_or(b"?".to_vec()), false),
        }
    }
    /// The name under which the function of a level is found in `package.loaded`: "print", "string.rep".
    pub(super) fn module_name_of(&self, level: &Level) -> Option<Vec<u8>> {
        if level.compiled {
            // SAFETY: checked to be a closure, whose proto is alive.
            return self.find_loaded(&|v| v.is_lua_closure() && unsafe { (*v.as_closure()).proto } == level.proto());
        }
        self.find_loaded(&|v| v == level.func)
    }
    fn find_loaded(&self, wanted: &dyn Fn(Value) -> bool) -> Option<Vec<u8>> {
        self.find_field(self.loaded, &|module, v| {
            if wanted(v) {
                return Some(module.to_vec());
            }
            if !v.is_table() {
                return None;
            }
            self.find_field(v, &|field, v| wanted(v).then(|| field.to_vec())).map(|field| {
                if module == b"_G" {
                    return field;
                }
                [module, b".", &field].concat()
            })
        })
    }
    /// The first success of `f` on the string keys and values of a table.
    fn find_field(&self, t: Value, f: &dyn Fn(&[u8], Value) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut key = Value::NIL;
        while let Ok(Some((k, v))) = self.heap.next(t, key) {
            if k.is_string()
                && let Some(found) = f(self.bytes(k), v)
            {
                return Some(found);
            }
            key = k;
        }
        None
    }
}
