//! What is known about one piece of compiled code besides the machine code: frame states of its side exits, and the call
//! sites that safepoints name. In compact form: one machine word per live register, lists shared.
//!
//! A side exit passes a list of live values. Each has a number (private to the compiler); a frame state says for each
//! register which of them it takes, or which constant. Next: `deopt`, which reads this.
use selune_core::value::Value;
use std::collections::HashMap;

/// Index of a frame state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct StateId(pub u32);

/// What a live value is; the machine only knows 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum LiveKind {
    /// A Lua value.
    Value,
    /// A 64-bit integer.
    Int,
    /// A double.
    Float,
    /// A boolean in the lowest bit.
    Bool,
}

/// Where a register's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Source {
    /// A value that needs no memory, or an old object.
    Constant(u64),
    /// An integer that may need a box.
    Int(i64),
    /// The live value with this number.
    Live(u32, LiveKind),
    /// The table with this number in `CodeInfo::tables`, which the exit makes: once, whatever refers to it.
    Table(u32),
}

/// A table that the code does without; an exit whose frames refer to it makes it.
#[derive(Clone, Copy, Debug)]
pub struct VirtualTable {
    /// Its shape (live as long as the code), metatable included.
    pub shape: u32,
    /// Inline slots.
    pub inline: u8,
    /// Capacity of the array part.
    pub array: u8,
    contents: (u32, u32),
}

/// How an inlined function returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReturnTo {
    /// Register of the caller where the called value stands and results go.
    pub func: u8,
    /// Results wanted (-1: all).
    pub nresults: i16,
    /// It is a metamethod: its result goes into the instruction before the caller's pc, and it stands above the caller's frame.
    pub meta: bool,
}

/// One interpreter frame to be written.
#[derive(Clone, Debug)]
pub struct FrameState {
    /// The caller's frame; none for the outermost.
    pub parent: Option<StateId>,
    /// Index into `CodeInfo::protos`.
    pub proto: u16,
    /// The instruction that the frame goes on with.
    pub pc: u32,
    /// The closure.
    pub closure: Source,
    /// How it returns; none for the outermost.
    pub ret: Option<ReturnTo>,
    /// It took its caller's place by a tail call.
    pub tail: bool,
    registers: (u32, u32),
    varargs: (u32, u32),
}

/// A side exit.
#[derive(Clone, Copy, Debug)]
pub struct ExitInfo {
    /// What to write.
    pub state: StateId,
    /// Why it is taken: index of the statistics.
    pub reason: u8,
    /// Whether taking it often means that a bet was wrong.
    pub counts: bool,
    /// The instruction whose bet failed.
    pub blame: (u16, u32),
    live: (u32, u32),
}

/// A place where something can call or throw: function and instruction, and the inlined call that leads there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallSite {
    /// The enclosing site.
    pub parent: Option<u32>,
    /// Index into `CodeInfo::protos`.
    pub proto: u16,
    /// The instruction.
    pub pc: u32,
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct CodeInfo {
    /// Name in listings.
    pub name: String,
    /// Addresses of the protos: the compiled one first, then those inlined.
    pub protos: Vec<usize>,
    /// The loop header where it is entered, for OSR code.
    pub osr_pc: Option<u32>,
    /// Live values of exits end with the handle of the varargs.
    pub has_varargs: bool,
    /// Old objects whose addresses are in the code.
    pub objects: Vec<u64>,
    /// Side exits by the number in their stack-map record.
    pub exits: Vec<ExitInfo>,
    /// Call sites by the number in the safepoint's record.
    pub sites: Vec<CallSite>,
    states: Vec<FrameState>,
    tables: Vec<VirtualTable>,
    registers: Vec<u32>,
    live: Vec<u32>,
    constants: Vec<u64>,
}

// A register's word: register 8 bits, kind 3 bits, then an index: of a constant, or the number of a live value.
const KIND_SHIFT: u32 = 8;
const INDEX_SHIFT: u32 = 11;
const MAX_INDEX: u32 = u32::MAX >> INDEX_SHIFT;
const KIND_CONSTANT: u32 = 4;
const KIND_INT: u32 = 5;
const KIND_TABLE: u32 = 6;

impl CodeInfo {
    /// A frame state.
    pub fn state(&self, id: StateId) -> &FrameState {
        &self.states[id.0 as usize]
    }

    /// How many frame states there are.
    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    /// The live registers of a frame state; all others are nil.
    pub fn registers(&self, state: &FrameState) -> impl Iterator<Item = (u8, Source)> + '_ {
        let (start, n) = state.registers;
        self.registers[start as usize..][..n as usize].iter().map(|&w| (w as u8, self.decode(w)))
    }

    /// The varargs of an inlined vararg function.
    pub fn varargs(&self, state: &FrameState) -> impl ExactSizeIterator<Item = Source> + '_ {
        let (start, n) = state.varargs;
        self.registers[start as usize..][..n as usize].iter().map(|&w| self.decode(w))
    }

    /// A table that exits make.
    pub fn table(&self, number: u32) -> &VirtualTable {
        &self.tables[number as usize]
    }

    /// What a table holds: its inline slots, then the elements.
    pub fn contents(&self, table: &VirtualTable) -> impl ExactSizeIterator<Item = Source> + '_ {
        let (start, n) = table.contents;
        self.registers[start as usize..][..n as usize].iter().map(|&w| self.decode(w))
    }

    /// The numbers of an exit's live values, ascending, in the order in which they are passed.
    pub fn live_values(&self, exit: &ExitInfo) -> &[u32] {
        &self.live[exit.live.0 as usize..][..exit.live.1 as usize]
    }

    fn decode(&self, word: u32) -> Source {
        let index = word >> INDEX_SHIFT;
        match word >> KIND_SHIFT & 7 {
            0 => Source::Live(index, LiveKind::Value),
            1 => Source::Live(index, LiveKind::Int),
            2 => Source::Live(index, LiveKind::Float),
            3 => Source::Live(index, LiveKind::Bool),
            KIND_INT => Source::Int(self.constants[index as usize] as i64),
            KIND_TABLE => Source::Table(index),
            _ => Source::Constant(self.constants[index as usize]),
        }
    }

    /// The frames that an exit writes, outermost first.
    pub fn frames(&self, exit: &ExitInfo) -> Vec<&FrameState> {
        let mut frames = Vec::new();
        let mut next = Some(exit.state);
        while let Some(id) = next {
            let state = self.state(id);
            frames.push(state);
            next = state.parent;
        }
        frames.reverse();
        frames
    }

    /// The functions that run at a call site, innermost first: index of the proto and instruction. None when the site is not
    /// in the list: the function has no room to run.
    pub fn call_chain(&self, site: u64) -> Vec<(u16, u32)> {
        let mut chain = Vec::new();
        let mut next = u32::try_from(site).ok();
        while let Some(site) = next.and_then(|i| self.sites.get(i as usize)) {
            chain.push((site.proto, site.pc));
            next = site.parent;
        }
        chain
    }

    /// Bytes of memory that it takes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.protos)
            + size_of_val(&*self.objects)
            + size_of_val(&*self.exits)
            + size_of_val(&*self.sites)
            + size_of_val(&*self.states)
            + size_of_val(&*self.tables)
            + size_of_val(&*self.registers)
            + size_of_val(&*self.live)
            + size_of_val(&*self.constants)
    }
}

/// Why a description was refused.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frame state with too many values")]
pub struct TooLarge;

/// Fills a `CodeInfo`.
#[derive(Default)]
pub struct CodeInfoBuilder {
    info: CodeInfo,
    constants: HashMap<u64, u32>,
    lives: HashMap<Vec<u32>, (u32, u32)>,
}

impl CodeInfoBuilder {
    /// For code with these protos.
    pub fn new(info: CodeInfo) -> CodeInfoBuilder {
        CodeInfoBuilder { info, ..CodeInfoBuilder::default() }
    }

    /// Adds a frame state; states are numbered from 0 in the order in which they are added.
    #[allow(clippy::too_many_arguments)]
    pub fn add_state(
        &mut self,
        parent: Option<StateId>,
        proto: u16,
        pc: u32,
        closure: Source,
        ret: Option<ReturnTo>,
        tail: bool,
        registers: impl IntoIterator<Item = (u8, Source)>,
        varargs: impl IntoIterator<Item = Source>,
    ) -> Result<StateId, TooLarge> {
        let start = self.info.registers.len();
        for (register, source) in registers {
            let word = self.encode(source)?;
            self.info.registers.push(word | u32::from(register));
        }
        let registers = (start as u32, (self.info.registers.len() - start) as u32);
        let start = self.info.registers.len();
        for source in varargs {
            let word = self.encode(source)?;
            self.info.registers.push(word);
        }
        let varargs = (start as u32, (self.info.registers.len() - start) as u32);
        self.info.states.push(FrameState { parent, proto, pc, closure, ret, tail, registers, varargs });
        Ok(StateId(self.info.states.len() as u32 - 1))
    }

    /// Adds a table that exits make, with the values of its inline slots, then of its elements.
    pub fn add_table(&mut self, shape: u32, inline: u8, array: u8, contents: impl IntoIterator<Item = Source>) -> Result<Source, TooLarge> {
        let start = self.info.registers.len();
        for source in contents {
            let word = self.encode(source)?;
            self.info.registers.push(word);
        }
        let contents = (start as u32, (self.info.registers.len() - start) as u32);
        self.info.tables.push(VirtualTable { shape, inline, array, contents });
        Ok(Source::Table(self.info.tables.len() as u32 - 1))
    }

    /// Adds an exit; exits are numbered in the order in which they are added. `live` is ascending.
    pub fn add_exit(&mut self, state: StateId, reason: u8, counts: bool, blame: (u16, u32), live: &[u32]) {
        debug_assert!(live.is_sorted());
        let live = match self.lives.get(live) {
            Some(&range) => range,
            None => {
                let range = (self.info.live.len() as u32, live.len() as u32);
                self.info.live.extend_from_slice(live);
                self.lives.insert(live.to_vec(), range);
                range
            }
        };
        self.info.exits.push(ExitInfo { state, reason, counts, blame, live });
    }

    /// The finished description.
    pub fn finish(self) -> CodeInfo {
        self.info
    }

    fn encode(&mut self, source: Source) -> Result<u32, TooLarge> {
        let (kind, index) = match source {
            Source::Live(number, kind) => (kind as u32, number),
            Source::Constant(bits) => (KIND_CONSTANT, self.constant(bits)),
            Source::Int(i) if Value::fits_small(i) => (KIND_CONSTANT, self.constant(Value::small_int(i).0)),
            Source::Int(i) => (KIND_INT, self.constant(i as u64)),
            Source::Table(number) => (KIND_TABLE, number),
        };
        if index > MAX_INDEX { Err(TooLarge) } else { Ok(kind << KIND_SHIFT | index << INDEX_SHIFT) }
    }

    fn constant(&mut self, bits: u64) -> u32 {
        let constants = &mut self.info.constants;
        *self.constants.entry(bits).or_insert_with(|| {
            constants.push(bits);
            constants.len() as u32 - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_round_trip() {
        let mut b = CodeInfoBuilder::new(CodeInfo { protos: vec![1, 2], ..CodeInfo::default() });
        let regs = [
            (0, Source::Live(5, LiveKind::Value)),
            (3, Source::Live(9, LiveKind::Float)),
            (4, Source::Int(i64::MIN)),
            (200, Source::Constant(Value::TRUE.0)),
        ];
        let outer = b.add_state(None, 0, 7, Source::Live(1, LiveKind::Value), None, false, regs, []).unwrap();
        let contents = [Source::Live(9, LiveKind::Float), Source::Constant(Value::NIL.0)];
        let table = b.add_table(77, 1, 2, contents).unwrap();
        let ret = Some(ReturnTo { func: 2, nresults: 1, meta: false });
        let inner = b
            .add_state(Some(outer), 1, 0, Source::Constant(42), ret, true, [(0, Source::Int(3)), (1, table)], [Source::Int(8), Source::Live(5, LiveKind::Value)])
            .unwrap();
        b.add_exit(inner, 4, true, (1, 0), &[1, 5, 9]);
        b.add_exit(outer, 5, false, (0, 7), &[1, 5, 9]);
        let mut info = b.finish();
        info.sites = vec![
            CallSite { parent: None, proto: 0, pc: 6 },
            CallSite { parent: Some(0), proto: 1, pc: 3 },
        ];
        let frames = info.frames(&info.exits[0]);
        assert_eq!(frames.iter().map(|f| (f.proto, f.pc, f.tail)).collect::<Vec<_>>(), [(0, 7, false), (1, 0, true)]);
        assert_eq!(info.registers(frames[0]).collect::<Vec<_>>(), regs);
        assert_eq!(info.registers(frames[1]).collect::<Vec<_>>(), [(0, Source::Constant(Value::small_int(3).0)), (1, table)]);
        assert_eq!((info.table(0).shape, info.table(0).inline, info.table(0).array), (77, 1, 2));
        assert_eq!(info.contents(info.table(0)).collect::<Vec<_>>(), contents);
        assert_eq!(info.varargs(frames[1]).collect::<Vec<_>>(), [Source::Constant(Value::small_int(8).0), Source::Live(5, LiveKind::Value)]);
        assert_eq!(info.varargs(frames[0]).len(), 0);
        assert_eq!(info.live_values(&info.exits[0]).as_ptr(), info.live_values(&info.exits[1]).as_ptr());
        assert_eq!(info.call_chain(1), [(1, 3), (0, 6)]);
        assert!(info.call_chain(99).is_empty());
    }

    #[test]
    fn too_many_values_are_refused() {
        let mut b = CodeInfoBuilder::default();
        let big = Source::Live(MAX_INDEX + 1, LiveKind::Value);
        assert_eq!(b.add_state(None, 0, 0, Source::Constant(0), None, false, [(0, big)], []), Err(TooLarge));
    }
}
