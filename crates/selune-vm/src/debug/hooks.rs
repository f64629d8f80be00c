//! Debug hooks: where they are kept.
use crate::Vm;
use selune_core::value::Value;

/// Hook at calls.
pub const HOOK_CALL: u8 = 1;
/// Hook at returns.
pub const HOOK_RETURN: u8 = 2;
/// Hook at new lines.
pub const HOOK_LINE: u8 = 4;
/// Hook at every so many instructions.
pub const HOOK_COUNT: u8 = 8;

impl Vm {
    /// Sets the hook of a thread; a mask of 0 or nil as hook: none.
    pub fn set_hook(&mut self, thread: Value, hook: Value, mask: u8, count: u32) {
        let t = self.thread_of(thread);
        if hook.is_nil() || mask == 0 {
            (t.hook, t.hook_mask) = (Value::NIL, 0);
        } else {
            (t.hook, t.hook_mask) = (hook, mask);
        }
        t.hook_count = (count, count);
        let t: *mut _ = t;
        self.heap.remember_thread(t);
    }
    /// Hook (nil: none), mask and count of a thread.
    pub fn hook(&self, thread: Value) -> (Value, u8, u32) {
        let t = self.thread_ref(thread);
        (t.hook, t.hook_mask, t.hook_count.0)
    }
}
