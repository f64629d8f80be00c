//! Binary chunks.
use super::*;
use crate::compile;
use selune_core::disasm::disasm;
use selune_core::heap::{Heap, HeapConfig};
use selune_core::proto::Proto;

const SOURCE: &[u8] = b"local a, b <const>, c = 1, 2.5, 'x\\0y'\nlocal function f(x, ...)\n  a = a + x\n  \
    for i = 1, 10 do c = function() return i, x, 0x7fffffffffffffff end end\n  return a, ...\nend\n\
    for k, v in pairs({f(b), n = nil, [1.5] = true}) do if k == nil then break end print(k, v) end\n\
    local t <close> = nil while not a do local z = c repeat until z end return f(1, -1e300)";

/// A source function in a heap of its own, and its listing.
fn with_proto(f: impl FnOnce(&mut Heap, &Proto)) {
    let mut heap = Heap::new(HeapConfig::default());
    let p = compile(&mut heap, SOURCE, b"@file.lua").unwrap_or_else(|e| panic!("{e}"));
    let mut main = Proto::new();
    main.protos = vec![p];
    let p = main.children().next().expect("one child");
    f(&mut heap, p);
}

fn list(p: crate::ProtoRef) -> String {
    let mut main = Proto::new();
    main.protos = vec![p];
    disasm(main.children().next().expect("one child"))
}

#[test]
fn what_is_dumped_is_read_back() {
    with_proto(|heap, p| {
        let bytes = dump(p, false);
        let q = undump(heap, &bytes, b"=q").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(list(q), disasm(p));
        let mut both = Proto::new();
        both.protos = vec![q];
        for (a, b) in both.children().flat_map(|q| q.code.iter().zip(&p.code)) {
            assert_eq!(a, b, "operands in S are kept, feedback slots given out again");
        }
    });
}

#[test]
fn stripping_removes_debug_information() {
    with_proto(|heap, p| {
        let bytes = dump(p, true);
        assert!(bytes.len() < dump(p, false).len());
        let q = list(undump(heap, &bytes, b"=q").unwrap_or_else(|e| panic!("{e}")));
        assert!(q.contains("\t[0]\t") && !q.contains("local "), "{q}");
    });
}

#[test]
fn damaged_chunks_are_refused() {
    with_proto(|heap, p| {
        let bytes = dump(p, false);
        for n in 1..bytes.len() {
            let e = undump(heap, &bytes[..n], b"\x1bLua").unwrap_err();
            assert_eq!(e.to_string(), "binary string: bad binary format (truncated chunk)");
        }
        for n in (0..bytes.len()).step_by(3) {
            let mut wrong = bytes.clone();
            wrong[n] ^= 0x10;
            assert!(undump(heap, &wrong, b"@x").is_err(), "byte {n}");
        }
        let message = |b: &[u8], heap: &mut Heap| undump(heap, b, b"@x").unwrap_err().to_string();
        assert_eq!(message(b"\x1bLub", heap), "x: bad binary format (not a binary chunk)");
        assert_eq!(message(b"\x1bLua\x53", heap), "x: bad binary format (version mismatch)");
        assert_eq!(message(&[&header()[..], b"\x01function"].concat(), heap), "x: bad binary format (not a chunk of Selune)");
    });
}

#[test]
fn operands_out_of_range_are_refused() {
    with_proto(|heap, p| {
        let bytes = dump(p, false);
        let start = header().len() + MAGIC.len() + 16;
        let (mut refused, mut tried) = (0, 0);
        for at in start..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0xFF;
            let sum = checksum(&wrong[start..]);
            wrong[start - 8..start].copy_from_slice(&sum.to_le_bytes());
            tried += 1;
            refused += undump(heap, &wrong, b"@x").is_err() as usize;
        }
        assert!(refused * 3 > tried, "{refused} of {tried}");
    });
}
