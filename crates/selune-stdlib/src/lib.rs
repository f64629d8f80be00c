//! The Lua standard library, on the native-function API of the VM.
