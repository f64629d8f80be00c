//! What both sides of the native boundary agree on: layout, runtime functions, trampolines, code memory, stack maps, deoptimisation.
