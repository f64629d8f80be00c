//! The baseline tier: the same typed SSA as for LLVM, lowered to Cranelift's IR. Compiles about ten times as fast as LLVM;
//! what stays hot asks for better code (`vm_bridge::tier`).
use crate::job::JobInput;
use crate::lower::{EXIT, LowerError, LowerOptions, Surroundings, lower_clif, lower_signature};
use crate::ssa::ir::Func;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::StackSlot;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CompiledCode, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::sync::Arc;
use vm_bridge::arch::TailThunk;
use vm_bridge::code_memory::CodeMemory;
use vm_bridge::frame_state::CodeInfo;
use vm_bridge::perf_map::PerfMap;
use vm_bridge::stackmap::{ExitRecord, SafepointRecord, StackMap};
use vm_bridge::tier::{Tier, TierCell};
use vm_bridge::{JitError, NewCode, Place, Workshop};

/// See the head of this file. Belongs to one thread.
pub(crate) struct Baseline {
    isa: OwnedTargetIsa,
    memory: Arc<CodeMemory>,
    perf_map: Option<Arc<PerfMap>>,
    side_exit_stub: u64,
    /// How many passes until better code is asked for; none: there is none.
    tier_up: Option<i32>,
    contexts: (Context, FunctionBuilderContext),
}

impl Baseline {
    /// For this machine.
    pub fn new(workshop: &Workshop) -> Result<Baseline, JitError> {
        let failed = |e: String| JitError::Generator(format!("baseline: {e}"));
        let mut flags = settings::builder();
        let options = [
            ("opt_level", "speed"),
            ("preserve_frame_pointers", "true"),
            ("enable_verifier", if workshop.config.verify { "true" } else { "false" }),
            ("unwind_info", "false"),
            ("enable_probestack", "false"),
            ("enable_alias_analysis", "true"),
        ];
        for (name, value) in options {
            flags.set(name, value).map_err(|e| failed(e.to_string()))?;
        }
        let isa = cranelift_native::builder().map_err(|e| failed(e.into()))?;
        let isa = isa.finish(settings::Flags::new(flags)).map_err(|e| failed(e.to_string()))?;
        Ok(Baseline {
            isa,
            memory: workshop.memory.clone(),
            perf_map: workshop.perf_map.clone(),
            side_exit_stub: workshop.side_exit_stub,
            tier_up: workshop.config.tier_up(),
            contexts: (Context::new(), FunctionBuilderContext::new()),
        })
    }

    /// From SSA to code that is ready to run.
    pub fn compile(&mut self, func: &Func, job: &JobInput, place: Place, symbol: String, options: LowerOptions) -> Result<NewCode, JitError> {
        let (context, builder) = &mut self.contexts;
        context.clear();
        context.func.signature = lower_signature(func.osr);
        let cell = self.tier_up.map(|n| TierCell::new(place, n));
        let around = Surroundings {
            side_exit_stub: self.side_exit_stub,
            proto: place.proto,
            counter: cell.as_ref().map(|c| c.address()),
            osr: func.osr,
        };
        let listing = options.listing;
        let lowered = lower_clif((FunctionBuilder::new(&mut context.func, builder), self.isa.frontend_config()), func, job, around, options);
        context.set_disasm(listing);
        let (mut info, exit_slot, tail_calls) = lowered.map_err(|e| {
            // The builder is left in the middle of a function.
            *builder = FunctionBuilderContext::new();
            match e {
                LowerError::NotInBaseline(what) => JitError::NotInBaseline(what),
                e => JitError::Generator(e.to_string()),
            }
        })?;
        let code = context.compile(&*self.isa, &mut ControlPlane::default()).map_err(|e| JitError::Generator(format!("baseline: {}", e.inner)))?;
        if !code.buffer.relocs().is_empty() {
            return Err(JitError::Generator("baseline: code that refers to something else".into()));
        }
        if let Some(text) = &code.vcode {
            crate::worker::print("machine code", &symbol, text);
        }
        let (mut safepoints, exits) = records(code, &info, exit_slot)?;
        let mut bytes = code.code_buffer().to_vec();
        let mut entry_offset = 0;
        if tail_calls {
            entry_offset = bytes.len().next_multiple_of(16);
            bytes.resize(entry_offset, 0xcc);
            let thunk = TailThunk::new(entry_offset as u32);
            // It is no function of the program's: the site is none.
            safepoints.push(SafepointRecord { offset: entry_offset as u32 + thunk.return_offset, id: u64::MAX >> 2, slots: Vec::new() });
            bytes.extend(thunk.code);
        }
        let stack_map = StackMap::from_records(safepoints, exits);
        let block = self.memory.install(&bytes)?;
        let start = block.code().start as u64;
        let range = start..start + bytes.len() as u64;
        if let Some(map) = &self.perf_map {
            map.add(range.start as usize..range.end as usize, &symbol);
        }
        info.name = symbol;
        info.osr_pc = place.loop_pc;
        info.objects = crate::worker::named_objects(func);
        let size = block.len();
        Ok(NewCode { tier: Tier::Baseline, range, entry: start + entry_offset as u64, stack_map, info, size, cell, owner: Box::new(block) })
    }
}

/// Where values are at calls and exits.
fn records(code: &CompiledCode, info: &CodeInfo, exit_slot: StackSlot) -> Result<(Vec<SafepointRecord>, Vec<ExitRecord>), JitError> {
    let missing = |what: &str| JitError::Generator(format!("baseline: {what}"));
    let frame = code.buffer.frame_layout().ok_or_else(|| missing("no frame layout"))?;
    let exit_offset = frame.stackslots[exit_slot].offset as i32;
    let mut maps = code.buffer.user_stack_maps().iter().peekable();
    let locations = code.buffer.get_srclocs_sorted();
    let (mut safepoints, mut exits) = (Vec::new(), Vec::new());
    for call in code.buffer.call_sites() {
        let at = call.ret_addr;
        while maps.peek().is_some_and(|m| m.0 < at) {
            maps.next();
        }
        let slots: Vec<i32> = match maps.peek() {
            Some((offset, _, map)) if *offset == at => map.entries().map(|e| e.1 as i32).collect(),
            _ => Vec::new(),
        };
        let after = locations.partition_point(|l| l.start < at);
        let location = locations[..after].last().filter(|l| at <= l.end).map_or(0, |l| l.loc.bits());
        match location {
            0 | u32::MAX => {}
            exit if exit & EXIT != 0 => {
                let id = (exit & !EXIT) - 1;
                let exit = info.exits.get(id as usize).ok_or_else(|| missing("an unknown exit"))?;
                let n = info.live_values(exit).len() + usize::from(info.has_varargs);
                exits.push(ExitRecord { offset: at, id: id.into(), slots: (0..n as i32).map(|i| exit_offset + 8 * i).collect() });
            }
            site => safepoints.push(SafepointRecord { offset: at, id: u64::from(site) - 1, slots }),
        }
    }
    Ok((safepoints, exits))
}
