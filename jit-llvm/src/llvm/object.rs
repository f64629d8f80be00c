//! Machine code in an object file, and what the linker wants to know before it starts: how much memory it takes at most,
//! and the functions it defines. So code memory that is full is an error here and not a fatal one inside LLVM.
//!
//! The reader knows just enough of ELF (64 bits, little endian) for objects that LLVM has written, and checks every
//! access. It refuses writable data, because all of an object's data becomes read-only, and unwinding tables: RuntimeDyld
//! would make them known to the system's unwinder, which then walks into them after the code is gone.

use super::error::LlvmError;
use inkwell::memory_buffer::MemoryBuffer;

/// A relocatable object file.
#[derive(Debug)]
pub struct Object {
    buffer: MemoryBuffer<'static>,
    layout: Layout,
}

// SAFETY: a memory buffer is a piece of memory that is only read; LLVM ties it to no thread or context.
unsafe impl Send for Object {}

/// What an object needs and has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes of code, at most, with what the linker adds.
    pub(super) code: usize,
    /// Bytes of data, at most, with what the linker adds. The stack map is not counted.
    pub(super) data: usize,
    /// The functions that other code can call.
    pub(super) functions: Vec<String>,
}

impl Object {
    pub(super) fn new(buffer: MemoryBuffer<'static>) -> Result<Object, LlvmError> {
        // LLVM puts a zero byte behind the contents of some buffers and counts it; it does no harm.
        let layout = Elf::new(buffer.as_slice())
            .and_then(|elf| elf.layout())
            .map_err(LlvmError::Object)?;
        Ok(Object { buffer, layout })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// The functions that it defines.
    pub fn functions(&self) -> &[String] {
        &self.layout.functions
    }

    /// How many bytes of code memory it takes, at most.
    pub fn memory_needed(&self) -> usize {
        self.layout.code + self.layout.data
    }

    pub(super) fn into_parts(self) -> (MemoryBuffer<'static>, Layout) {
        (self.buffer, self.layout)
    }
}

/// The name of the section with the stack map.
pub(super) const STACK_MAP_SECTION: &str = ".llvm_stackmaps";

/// What the linker may add for each relocation of a section: a stub in code, an entry in the table of addresses.
const STUB: usize = 16;
const TABLE_ENTRY: usize = 8;
/// The least alignment that the memory manager gives a section.
pub(super) const SECTION_ALIGNMENT: usize = 16;

const SHT_SYMTAB: u32 = 2;
const SHT_RELA: u32 = 4;
const SHF_WRITE: u64 = 1;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;

struct Elf<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
}

struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    offset: usize,
    size: usize,
    link: u32,
    info: u32,
    align: usize,
    entry_size: usize,
}

impl Elf<'_> {
    fn new(bytes: &[u8]) -> Result<Elf<'_>, &'static str> {
        if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
            return Err("not a 64-bit ELF file");
        }
        let mut elf = Elf {
            bytes,
            sections: Vec::new(),
        };
        let table = elf.word(0x28)? as usize;
        let (entry_size, count) = (elf.half(0x3a)? as usize, elf.half(0x3c)? as usize);
        for i in 0..count {
            let at = table
                .checked_add(i * entry_size)
                .ok_or("bad section table")?;
            elf.sections.push(Section {
                name: elf.int(at)?,
                kind: elf.int(at + 4)?,
                flags: elf.word(at + 8)?,
                offset: elf.word(at + 0x18)? as usize,
                size: elf.word(at + 0x20)? as usize,
                link: elf.int(at + 0x28)?,
                info: elf.int(at + 0x2c)?,
                align: elf.word(at + 0x30)? as usize,
                entry_size: elf.word(at + 0x38)? as usize,
            });
        }
        Ok(elf)
    }

    fn layout(&self) -> Result<Layout, &'static str> {
        let mut layout = Layout::default();
        let names = self.half(0x3e)?;
        let mut relocations = 0usize;
        for (i, section) in self.sections.iter().enumerate() {
            if section.kind == SHT_SYMTAB {
                self.functions(section, &mut layout.functions)?;
            }
            if section.flags & SHF_ALLOC == 0 {
                continue;
            }
            let name = self.string(names.into(), section.name)?;
            let of_section = |r: &&Section| r.kind == SHT_RELA && r.info as usize == i;
            let count: usize = self
                .sections
                .iter()
                .filter(of_section)
                .map(Section::entries)
                .sum();
            let room = section
                .size
                .saturating_add(section.align.max(SECTION_ALIGNMENT))
                .saturating_add(count * STUB);
            if name == STACK_MAP_SECTION {
                continue;
            }
            if name == ".eh_frame" && section.size > 0 {
                return Err("unwinding tables (a function is not nounwind)");
            }
            relocations += count;
            if section.flags & SHF_EXECINSTR != 0 {
                layout.code = layout.code.saturating_add(room);
            } else if section.flags & SHF_WRITE != 0
                && section.size > 0
                && !name.starts_with(".data.rel.ro")
            {
                return Err("writable data");
            } else {
                layout.data = layout.data.saturating_add(room);
            }
        }
        if layout.code == 0 {
            return Err("no code");
        }
        if relocations > 0 {
            layout.data = layout
                .data
                .saturating_add(relocations * TABLE_ENTRY + SECTION_ALIGNMENT);
        }
        Ok(layout)
    }

    /// Adds the global functions that a symbol table defines.
    fn functions(&self, table: &Section, functions: &mut Vec<String>) -> Result<(), &'static str> {
        const GLOBAL_FUNCTION: u8 = 0x12;
        for i in 0..table.entries() {
            let at = table
                .offset
                .checked_add(i * table.entry_size)
                .ok_or("bad symbol table")?;
            let [info, _other, section @ ..] = self.array::<4>(at + 4)?;
            if info == GLOBAL_FUNCTION && u16::from_le_bytes(section) != 0 {
                functions.push(self.string(table.link, self.int(at)?)?.to_owned());
            }
        }
        Ok(())
    }

    fn string(&self, table: u32, offset: u32) -> Result<&str, &'static str> {
        let table = self.sections.get(table as usize).ok_or("no string table")?;
        let at = table
            .offset
            .checked_add(offset as usize)
            .ok_or("bad string")?;
        let bytes = self.bytes.get(at..).ok_or("bad string")?;
        let end = bytes.iter().position(|b| *b == 0).ok_or("bad string")?;
        std::str::from_utf8(&bytes[..end]).map_err(|_| "a name that is not UTF-8")
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], &'static str> {
        let end = at.checked_add(N).ok_or("cut short")?;
        self.bytes
            .get(at..end)
            .and_then(|b| b.try_into().ok())
            .ok_or("cut short")
    }

    fn half(&self, at: usize) -> Result<u16, &'static str> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn int(&self, at: usize) -> Result<u32, &'static str> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn word(&self, at: usize) -> Result<u64, &'static str> {
        self.array(at).map(u64::from_le_bytes)
    }
}

impl Section {
    fn entries(&self) -> usize {
        self.size.checked_div(self.entry_size).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(Elf::new(b"").is_err());
        assert!(Elf::new(&[0; 100]).is_err());
        let mut header = b"\x7fELF\x02\x01".to_vec();
        assert!(Elf::new(&header).is_err());
        header.resize(64, 0xff);
        assert!(Elf::new(&header).is_err());
    }
}
