//! Texts for people and for comparing: numbers of canonical jobs and offsets of layout fields as names.
use crate::canonical::{Names, OBJECT_BYTES};
use selune_core::value::{PAYLOAD_MASK, TAG_SHIFT, TAG_SPECIAL, Value};
use std::collections::BTreeMap;
use vm_bridge::layout::{self, RawField};

/// Replaces the numbers of shapes and objects in a text of SSA.
pub fn ssa(text: &str, names: &Names) -> String {
    // The texts call shapes "shape" already.
    map_numbers(text, |n| shape_name(n, names).or_else(|| object_name(n as u64, names))).replace("shape shape", "shape")
}

/// Describes the shapes that a text names.
pub fn legend(text: &str, names: &Names) -> String {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let named = names.shapes.values().filter(|(name, _)| words.contains(&name.as_str()));
    named.map(|(name, what)| format!("; {name} = {what}\n")).collect()
}

/// Makes the text of an LLVM module readable: without what is the same everywhere, with names for numbers.
pub fn llvm(text: &str, names: &Names) -> String {
    // What runtime functions are is in their table, in vm-bridge.
    const BORING: [&str; 6] = ["; ModuleID", "source_filename", "target ", "; Function Attrs", "declare ", "attributes "];
    let mut out = String::new();
    let mut skip = false;
    let metadata = Metadata::of(text);
    for line in text.lines() {
        let boring = BORING.iter().any(|b| line.starts_with(b))
            || metadata.knows(line);
        // The prelude has a snapshot of its own.
        skip |= line.starts_with("define internal ") && line.contains("@selune.");
        if !boring && !skip {
            out += &llvm_line(&metadata.inline(line), names);
            out.push('\n');
        }
        skip &= line != "}";
    }
    squeeze(&out)
}

/// The functions of the prelude that a module uses, by name.
pub fn prelude(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(at) = line.find("@selune.").filter(|_| line.starts_with("define internal ")) {
            let name = line[at + 1..].split('(').next().unwrap_or_default().to_string();
            // The number of the attribute group differs from module to module.
            let head = line.split(" #").next().unwrap_or(line);
            let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "}").collect();
            out.push((name, format!("{head} {{\n{}\n}}\n", body.join("\n"))));
        }
    }
    out
}

/// What notes and attributes at instructions say, by the number of their node or group.
struct Metadata {
    nodes: BTreeMap<String, String>,
}

impl Metadata {
    fn of(text: &str) -> Metadata {
        let all: BTreeMap<&str, &str> = text.lines().filter(|l| l.starts_with('!')).filter_map(|l| l.split_once(" = !{")).collect();
        let mut nodes = BTreeMap::new();
        for (id, body) in &all {
            let fields: Vec<&str> = body.trim_end_matches('}').split(", ").collect();
            let meaning = match fields[..] {
                ["!\"branch_weights\"", a, b] => Some(format!("{}:{}", a.trim_start_matches("i32 "), b.trim_start_matches("i32 "))),
                // An access through an alias class, the class, and what all classes belong to.
                [class, access, "i64 0"] if class == access => all.get(class).and_then(|c| c.split('"').nth(1)).map(str::to_string),
                [name, _, "i64 0"] if name.starts_with("!\"") => Some(String::new()),
                ["!\"selune\""] => Some(String::new()),
                _ => None,
            };
            nodes.extend(meaning.map(|m| (id.to_string(), m)));
        }
        for line in text.lines() {
            if let Some((id, body)) = line.strip_prefix("attributes ").and_then(|l| l.split_once(" = ")) {
                let site = body.split_once("\"statepoint-id\"=\"").and_then(|(_, rest)| rest.split('"').next());
                nodes.insert(id.to_string(), site.map_or(String::new(), |site| format!(" site {site}")));
            }
        }
        Metadata { nodes }
    }

    /// Is this line the definition of a node that `inline` puts where it is used?
    fn knows(&self, line: &str) -> bool {
        line.split_once(" = !{").is_some_and(|(id, _)| self.nodes.contains_key(id))
    }

    /// The line with the meaning of its notes.
    fn inline(&self, line: &str) -> String {
        let mut line = line.to_string();
        if let Some(at) = line.find(" #") {
            let end = line[at + 2..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |n| at + 2 + n);
            if let Some(meaning) = self.nodes.get(&line[at + 1..end]) {
                line.replace_range(at..end, meaning);
            }
        }
        let mut parts = line.split(", ");
        let mut out = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let known = ["!tbaa ", "!prof "].iter().find_map(|kind| Some((kind, self.nodes.get(part.strip_prefix(kind)?)?)));
            match known {
                Some((kind, meaning)) => out += &format!(", {kind}{meaning}"),
                None => out += &format!(", {part}"),
            }
        }
        out
    }
}

/// No more than one empty line at a time.
fn squeeze(text: &str) -> String {
    let mut out = String::new();
    let mut empty = true;
    for line in text.lines() {
        if !(line.is_empty() && empty) {
            out += line;
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out
}

fn llvm_line(line: &str, names: &Names) -> String {
    let address = line.contains("getelementptr");
    let of_vm = address && (line.contains("ptr %0, i64") || line.contains("ptr %vm, i64"));
    let patchpoint = line.contains("patchpoint");
    let line = constants(line, names);
    map_numbers(&line, |n| {
        let named = i64::try_from(n).ok().filter(|_| address).and_then(|n| if of_vm { vm_field(n) } else { displacement(n) });
        let named = named.or_else(|| if patchpoint { exit_name(n) } else { None });
        named.or_else(|| shape_name(n, names)).or_else(|| header_word(n, names)).or_else(|| object_name(n as u64, names))
    })
}

/// `inttoptr (i64 N to ptr addrspace(1))`, a constant Lua value, as `<value>`.
fn constants(line: &str, names: &Names) -> String {
    const HEAD: &str = "inttoptr (i64 ";
    const TAIL: &str = " to ptr addrspace(1))";
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(HEAD) {
        out += &rest[..at];
        let inside = &rest[at + HEAD.len()..];
        let value = inside.find(TAIL).and_then(|end| Some((end, inside[..end].parse::<i64>().ok()?)));
        match value {
            Some((end, bits)) => {
                out += &format!("<{}>", value_name(bits as u64, names));
                rest = &inside[end + TAIL.len()..];
            }
            None => {
                out += HEAD;
                rest = inside;
            }
        }
    }
    out + rest
}

fn value_name(bits: u64, names: &Names) -> String {
    object_name(bits, names).unwrap_or_else(|| match bits {
        selune_core::value::MULTI => "multi".into(),
        selune_core::value::RESUME => "resume".into(),
        // Limits of comparisons, not values.
        _ if bits >> TAG_SHIFT == TAG_SPECIAL && bits > selune_core::value::TRUE => format!("{bits:#x}"),
        _ => format!("{:?}", Value(bits)),
    })
}

fn shape_name(n: i128, names: &Names) -> Option<String> {
    names.shapes.get(&u32::try_from(n).ok()?).map(|s| s.0.clone())
}

/// A header with a shape id in its low half.
fn header_word(n: i128, names: &Names) -> Option<String> {
    let n = u64::try_from(n).ok()?;
    let (name, _) = names.shapes.get(&(n as u32))?;
    Some(format!("header({name}, {:#x})", n >> 32))
}

/// The id of a side exit's record.
fn exit_name(n: i128) -> Option<String> {
    let n = n - i128::from((vm_bridge::stackmap::EXIT_ID | vm_bridge::stackmap::LANDING_ID) as i64);
    (0..1 << 20).contains(&n).then(|| format!("exit{n}"))
}

/// A canonical object, with its tag or without, or an address in it.
fn object_name(bits: u64, names: &Names) -> Option<String> {
    let address = bits & PAYLOAD_MASK;
    let (start, name) = names.objects.range(..=address).next_back()?;
    let offset = address - start;
    let tag = match bits >> TAG_SHIFT {
        0 => "&",
        _ => "",
    };
    match offset {
        0 => Some(format!("{tag}{name}")),
        _ if offset < OBJECT_BYTES => Some(format!("{tag}{name}+{offset}")),
        _ => None,
    }
}

/// A field of the VM.
fn vm_field(n: i64) -> Option<String> {
    const FIELDS: [(&str, RawField); 10] = [
        ("native_limit", layout::VM_NATIVE_LIMIT),
        ("result", layout::VM_RESULT),
        ("nresults", layout::VM_NRESULTS),
        ("nursery_top", layout::VM_NURSERY_TOP),
        ("nursery_limit", layout::VM_NURSERY_LIMIT),
        ("poll", layout::VM_POLL),
        ("empty_array", layout::VM_EMPTY_ARRAY),
        ("empty_slots", layout::VM_EMPTY_SLOTS),
        ("empty_hash", layout::VM_EMPTY_HASH),
        ("thread", layout::VM_THREAD),
    ];
    let n = usize::try_from(n).ok()?;
    let field = FIELDS.iter().find(|(_, f)| f.offset == n).map(|(name, _)| format!("vm.{name}"));
    let args = layout::VM_ARGS.offset..layout::VM_ARGS.offset + 8 * selune_core::native_state::ARG_SLOTS;
    field.or_else(|| args.contains(&n).then(|| format!("vm.args[{}]", (n - args.start) / 8)))
}

/// From a tagged value to a field of its object.
fn displacement(n: i64) -> Option<String> {
    // Tags from that of boxed integers (1 below zero) to that of strings (5 below).
    const OBJECTS: [&str; 5] = ["boxed", "object", "function", "table", "string"];
    let name = OBJECTS.get(usize::try_from(n >> TAG_SHIFT).ok()?.checked_sub(1)?)?;
    let offset = n as u64 & PAYLOAD_MASK;
    (offset < OBJECT_BYTES).then(|| format!("{name}+{offset}"))
}

/// Replaces whole decimal numbers.
fn map_numbers(text: &str, name: impl Fn(i128) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let sign = usize::from(c == '-');
        let digits = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let length = sign + digits;
        let in_word = before.is_alphanumeric() || "_.%@!#$".contains(before) || rest[length..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
        if digits > 0 && !in_word {
            let token = &rest[..length];
            out += &token.parse().ok().and_then(&name).unwrap_or_else(|| token.to_string());
            (before, rest) = ('0', &rest[length..]);
        } else {
            let step = if digits > 0 { length } else { c.len_utf8() };
            out += &rest[..step];
            (before, rest) = (if digits > 0 { '0' } else { c }, &rest[step..]);
        }
    }
    out
}

#[test]
fn numbers_get_names() {
    let mut names = Names::default();
    names.shapes.insert(505_000_001, ("shape1".into(), "{x} inline 4".into()));
    names.objects.insert(0x5E10_0000_0000, "\"x\"".into());
    let string = (0xFFFBu64 << 48 | 0x5E10_0000_0000) as i64;
    assert_eq!(ssa("guard_shape [505000001] v505000001", &names), "guard_shape [shape1] v505000001");
    assert_eq!(legend("guard_shape [shape1]", &names), "; shape1 = {x} inline 4\n");
    let line = |text: &str| llvm_line(text, &names);
    assert_eq!(line(&format!("ret ptr addrspace(1) inttoptr (i64 {string} to ptr addrspace(1))")), "ret ptr addrspace(1) <\"x\">");
    assert_eq!(line(&format!("store i64 {}, ptr %1", 505_000_001u64 | 7 << 32)), "store i64 header(shape1, 0x7), ptr %1");
    let at = 4u64 << 48 | 32;
    assert_eq!(line(&format!("getelementptr i8, ptr addrspace(1) %1, i64 {at}")), "getelementptr i8, ptr addrspace(1) %1, i64 table+32");
    let poll = layout::VM_POLL.offset;
    assert_eq!(line(&format!("getelementptr i8, ptr %0, i64 {poll}")), "getelementptr i8, ptr %0, i64 vm.poll");
}
