//! The binary form of functions (`string.dump`).
//!
//! A chunk starts with PUC's header, which programs look at. Then come the length of the rest, its checksum and the
//! functions, outermost first; numbers are LEB128 unless their size is fixed. Feedback is not written.
//! As in PUC, a chunk that was made to do harm can do harm: the reader checks that the chunk is whole and unchanged, and
//! that operands are in range, not that the code keeps the emitter's promises about cells.
mod read;
mod write;

pub use read::undump;
pub use write::dump;

/// Signature, version 5.4, format 0, check bytes, sizes of instructions, integers and floats, an integer and a float.
/// The size of instructions is PUC's.
fn header() -> Vec<u8> {
    let mut h = b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08".to_vec();
    h.extend_from_slice(&0x5678i64.to_le_bytes());
    h.extend_from_slice(&370.5f64.to_le_bytes());
    h
}

/// Follows the header: says that what comes now is ours, and in which version of our format.
const MAGIC: &[u8] = b"Selune\x01";

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ b as u64).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Tags of values.
mod tag {
    pub const NIL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const STRING: u8 = 5;
}

/// Bits of the flag byte of a function.
mod flag {
    pub const VARARG: u8 = 1;
    pub const STRIPPED: u8 = 2;
}

#[cfg(test)]
mod tests;
