//! Jobs without accidents: copies of jobs in which whatever differs from run to run has a fixed number.
//!
//! By JOB-1 a job only embeds or compares addresses, and never looks behind them. So a copy whose protos, strings,
//! metatables, natives and shape ids are numbered in the order in which the job names them compiles to the same code,
//! with other constants. `Names` tells what each number stands for. Structs are rebuilt field by field here, so that a new
//! field of a job does not compile until somebody has said whether it has to be numbered.
use jit_llvm::job::{JobChild, JobConst, JobInput, JobProto, ShapeInfo, StringMethods};
use selune_core::feedback::{CallSlot, FeedbackKind, FeedbackVector, FieldSlot, IndexSlot, LoopSlot, MetaSlot};
use selune_core::string;
use selune_core::value::{TAG_SHIFT, TAG_STRING, TAG_TABLE, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the numbers of a canonical job stand for.
#[derive(Default)]
pub struct Names {
    /// Objects by address: the address is the first of `OBJECT_BYTES`.
    pub objects: BTreeMap<u64, String>,
    /// Shapes by id: name and description.
    pub shapes: BTreeMap<u32, (String, String)>,
}

/// Canonical objects are so far apart that constants near one (a folded field address) still tell which it is.
pub const OBJECT_BYTES: u64 = 1 << 16;
/// The first object's address; as long as real ones are.
const FIRST_OBJECT: u64 = 0x5E10_0000_0000;
/// The first shape's id; longer than other 32-bit constants are.
const FIRST_SHAPE: u32 = 505_000_000;

/// The canonical copy of a job.
pub fn canonical(job: &JobInput) -> (JobInput, Names) {
    let mut c = Canon { job, names: Names::default(), objects: HashMap::new(), shapes: HashMap::new() };
    for p in &job.protos {
        c.object(p.ptr as u64, || p.name.clone());
    }
    let protos = job.protos.iter().map(|p| c.proto(p)).collect();
    let root_shapes: Vec<u32> = job.root_shapes.iter().map(|id| c.shape(*id)).collect();
    let index_name = c.string(job.index_name);
    let strings = job.strings.map(|s| StringMethods {
        metatable: TAG_TABLE << TAG_SHIFT | c.object(Value(s.metatable).payload(), || "metatable of strings".into()),
        shape: c.shape(s.shape),
        slot: s.slot,
        holder: c.shape(s.holder),
    });
    let shapes = c.all_shapes();
    let events = job.events.iter().map(|bits| c.string(*bits)).collect();
    let mut natives = HashMap::new();
    for (&address, &builtin) in &job.natives {
        // Those that no feedback names are never compared with anything.
        if let Some(&to) = c.objects.get(&(address as u64)) {
            natives.insert(to as usize, builtin);
        }
    }
    let Canon { names, .. } = c;
    let copy = JobInput {
        protos,
        entry: job.entry,
        shapes,
        root_shapes,
        index_name,
        events,
        strings,
        natives,
        young_metatables: job.young_metatables,
        options: job.options,
    };
    (copy, names)
}

struct Canon<'j> {
    job: &'j JobInput,
    names: Names,
    objects: HashMap<u64, u64>,
    shapes: HashMap<u32, u32>,
}

impl Canon<'_> {
    /// The number of an address; 0 stays 0.
    fn object(&mut self, address: u64, name: impl FnOnce() -> String) -> u64 {
        if address == 0 {
            return 0;
        }
        let next = FIRST_OBJECT + OBJECT_BYTES * self.objects.len() as u64;
        let to = *self.objects.entry(address).or_insert(next);
        self.names.objects.entry(to).or_insert_with(name);
        to
    }

    fn string(&mut self, bits: u64) -> u64 {
        let v = Value(bits);
        let text = || format!("\"{}\"", String::from_utf8_lossy(string::bytes(v)).escape_debug());
        TAG_STRING << TAG_SHIFT | self.object(v.payload(), text)
    }

    fn shape(&mut self, id: u32) -> u32 {
        if id == 0 {
            return 0;
        }
        let n = self.shapes.len() as u32;
        *self.shapes.entry(id).or_insert(FIRST_SHAPE + n)
    }

    fn proto(&mut self, p: &JobProto) -> JobProto {
        let constants = p.constants.iter().map(|k| match k {
            JobConst::Str { bits, text } => JobConst::Str { bits: self.string(*bits), text: text.clone() },
            k => k.clone(),
        });
        let constants = constants.collect();
        let children = p.children.iter().enumerate().map(|(i, child)| {
            let ptr = self.object(child.ptr as u64, || format!("{}.{i}", p.name)) as usize;
            JobChild { ptr, id: 0, upvals: child.upvals.clone() }
        });
        let children = children.collect();
        JobProto {
            ptr: self.object(p.ptr as u64, || p.name.clone()) as usize,
            id: 0,
            name: p.name.clone(),
            code: p.code.clone(),
            constants,
            feedback: self.feedback(p),
            meta: p.meta.iter().map(|m| MetaSlot {
                shapes: m.shapes.map(|id| self.shape(id)),
                callee: self.object(m.callee as u64, || "function".into()) as usize,
                ..*m
            })
            .collect(),
            lines: p.lines.clone(),
            num_params: p.num_params,
            is_vararg: p.is_vararg,
            max_stack: p.max_stack,
            upvals: p.upvals.clone(),
            children,
        }
    }

    fn feedback(&mut self, p: &JobProto) -> FeedbackVector {
        let mut out = p.feedback.snapshot();
        let mut done = HashSet::new();
        for ins in &p.code {
            let (kind, s) = (ins.op().feedback(), ins.s());
            if kind.units() == 0 || !done.insert(s) {
                continue;
            }
            if usize::from(s) < FeedbackVector::FIRST {
                // The shared slot, which nobody trusts.
                continue;
            }
            match kind {
                FeedbackKind::Field => {
                    let mut slot: FieldSlot = out.field(s);
                    for e in &mut slot.entries {
                        for id in [&mut e.shape, &mut e.mshape, &mut e.hshape] {
                            *id = self.shape(*id);
                        }
                    }
                    put(&mut out, s, slot);
                }
                FeedbackKind::Index => {
                    let slot: IndexSlot = out.index(s);
                    put(&mut out, s, IndexSlot { shape: self.shape(slot.shape), ..slot });
                }
                FeedbackKind::Call => {
                    let slot: CallSlot = out.call(s);
                    let callee = match slot.kind {
                        1 => self.object(slot.callee as u64, || "function".into()),
                        _ => self.native(slot.callee),
                    };
                    put(&mut out, s, CallSlot { callee: callee as usize, closure: 0, ..slot });
                }
                FeedbackKind::Loop => {
                    let slot: LoopSlot = out.loop_slot(s);
                    put(&mut out, s, LoopSlot { osr_code: 0, ..slot });
                }
                FeedbackKind::Alloc | FeedbackKind::Types | FeedbackKind::None => {}
            }
        }
        out
    }

    fn native(&mut self, address: usize) -> u64 {
        let known = self.job.natives.get(&address);
        self.object(address as u64, || known.map_or("native".into(), |b| format!("{b:?}")))
    }

    /// The shapes in the order of their numbers; what they name gets numbers on the way.
    fn all_shapes(&mut self) -> HashMap<u32, ShapeInfo> {
        let mut out = HashMap::new();
        let mut done = 0;
        while done < self.shapes.len() as u32 {
            let mut new: Vec<(u32, u32)> = self.shapes.iter().map(|(id, n)| (*n, *id)).filter(|(n, _)| *n >= FIRST_SHAPE + done).collect();
            new.sort_unstable();
            done = self.shapes.len() as u32;
            for (n, id) in new {
                let name = format!("shape{}", n - FIRST_SHAPE);
                let what = match self.job.shapes.get(&id) {
                    Some(info) => {
                        let texts = info.keys.iter().map(|k| String::from_utf8_lossy(string::bytes(Value(*k))).into_owned()).collect();
                        let info = self.shape_info(info, &name);
                        let what = describe(&info, texts);
                        out.insert(n, info);
                        what
                    }
                    None => "died".into(),
                };
                self.names.shapes.insert(n, (name, what));
            }
        }
        out
    }

    fn shape_info(&mut self, info: &ShapeInfo, name: &str) -> ShapeInfo {
        let metatable = |c: &mut Self, bits: u64| match Value(bits).payload() {
            0 => 0,
            m => TAG_TABLE << TAG_SHIFT | c.object(m, || format!("metatable of {name}")),
        };
        ShapeInfo {
            inline_cap: info.inline_cap,
            nslots: info.nslots,
            metatable: metatable(self, info.metatable),
            meta_shape: self.shape(info.meta_shape),
            index: info.index.map(|(slot, shape)| (slot, self.shape(shape))),
            with_metatable: info.with_metatable.iter().map(|(m, id)| (metatable(self, *m), self.shape(*id))).collect(),
            own_meta: info.own_meta,
            dict: info.dict,
            absent: info.absent,
            keys: info.keys.iter().map(|k| self.string(*k)).collect(),
        }
    }
}

/// A shape for people.
fn describe(info: &ShapeInfo, keys: Vec<String>) -> String {
    let mut what = format!("{{{}}} inline {}", summary(&keys), info.inline_cap);
    for (holds, word) in [(info.metatable != 0, " metatable"), (info.own_meta, " own_meta"), (info.dict, " dict")] {
        if holds {
            what += word;
        }
    }
    what
}

/// The keys of small tables; of large ones (libraries, globals) only the first.
fn summary(keys: &[String]) -> String {
    match keys {
        [first, ..] if keys.len() > 8 => format!("{first} .."),
        _ => keys.join(" "),
    }
}

fn put<T>(to: &mut FeedbackVector, s: u16, slot: T) {
    let end = 16 * usize::from(s) + size_of::<T>();
    assert!(end <= 16 * to.len());
    // SAFETY: in bounds by the assertion, aligned as units are; `FeedbackVector` reads slots of this kind there.
    unsafe { to.as_mut_ptr().add(s.into()).cast::<T>().write(slot) };
}
