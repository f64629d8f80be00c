//! Moves what does not change in a loop in front of it: operations, loads, and guards with their bets.
//!
//! A guard is moved when every pass of the loop runs it and neither its operands nor the memory it looks at change in the
//! loop. It then leaves with the frame state of the loop's entry (the interpreter starts the loop itself). Loads go where
//! the guards that make them safe have gone: those are their operands (SSA-2). What could fault on values of the wrong
//! kind is only moved when its operand's kind is certain.
use super::loops::{self, Loop};
use crate::ssa::build::kinds;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use crate::ssa::verify::Dominators;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let dom = Dominators::new(f);
    let mut home: Vec<Option<BlockId>> = vec![None; f.insts.len()];
    for b in dom.order() {
        for v in &f.block(*b).insts {
            home[v.0 as usize] = Some(*b);
        }
    }
    let mut changed = false;
    for l in loops::find(f, &dom) {
        changed |= hoist(f, &l, &dom, &mut home);
    }
    changed
}

fn hoist(f: &mut Func, l: &Loop, dom: &Dominators, home: &mut [Option<BlockId>]) -> bool {
    let Some(pre) = l.preheader else { return false };
    let state = f.block(l.header).entry_state.filter(|s| state_is_available(f, *s, pre, dom, home));
    let mut moved = Vec::new();
    for b in dom.order().to_vec() {
        if !l.has(b) {
            continue;
        }
        let always = l.latches.iter().all(|x| dom.dominates(b, *x)) && !f.block(b).cold;
        let insts = f.block(b).insts.clone();
        for v in insts {
            let i = f.inst(v);
            let inside = |a: &V| home[a.0 as usize].is_some_and(|h| l.has(h));
            if i.op.is_pinned() || i.args.iter().any(inside) || !may_move(f, v, l, always, state.is_some()) {
                continue;
            }
            if let Some(e) = i.exit {
                let Some(state) = state else { continue };
                let exit = Exit { state, ..f.exits[e.0 as usize].clone() };
                f.exits.push(exit);
                f.inst_mut(v).exit = Some(ExitId(f.exits.len() as u32 - 1));
            }
            home[v.0 as usize] = Some(pre);
            f.block_mut(b).insts.retain(|x| *x != v);
            moved.push(v);
        }
    }
    let block = f.block_mut(pre);
    let at = block.insts.len() - 1;
    let any = !moved.is_empty();
    block.insts.splice(at..at, moved);
    any
}

/// Are all values of the state defined in front of the loop?
fn state_is_available(f: &Func, s: FsId, pre: BlockId, dom: &Dominators, home: &[Option<BlockId>]) -> bool {
    f.state_values(s).iter().all(|v| f.op(*v).is_const() || home[v.0 as usize].is_some_and(|h| dom.dominates(h, pre)))
}

fn may_move(f: &Func, v: V, l: &Loop, always: bool, has_state: bool) -> bool {
    let i = f.inst(v);
    let e = i.op.effects();
    if !e.writes.is_none() || e.gc != Gc::None || e.throws {
        return false;
    }
    let changes = match i.op {
        Op::LoadInline(s) => l.writes_slot((true, s)),
        Op::LoadSlot(s) => l.writes_slot((false, s)),
        _ => e.reads.meets(l.writes),
    };
    if changes || matches!(i.op, Op::CallResult(_) | Op::NextKey | Op::NextValue | Op::Poll | Op::BoxInt | Op::VarArgCount | Op::VarArg(_) | Op::VarArgAt) {
        return false;
    }
    if i.op.has_exit() {
        return always && has_state;
    }
    let arg_is = |k: Kinds| i.args.first().is_some_and(|a| kinds(f, *a).within(k));
    let arg_op = |n: usize| f.op(i.args[n]);
    match i.op {
        Op::FloorDivI | Op::FloorModI => {
            let r = f.inst(i.args[1]).range;
            r.lo > 0 || r.hi < 0
        }
        Op::UnboxInt => arg_is(Kinds::INT),
        Op::UnboxSmall => arg_is(Kinds::SMALL) || always,
        Op::UnboxFloat => arg_is(Kinds::FLOAT) || always,
        Op::UnboxNumber => arg_is(Kinds::NUMBER),
        Op::StrLen => arg_is(Kinds::STRING),
        Op::LoadByte => matches!(arg_op(1), Op::GuardIndex),
        Op::LoadTypeMeta(_) => true,
        Op::TypeName => matches!(arg_op(0), Op::GuardNative { .. }),
        Op::CmpStr(_) => i.args.iter().all(|a| kinds(f, *a).within(Kinds::STRING)) && always,
        Op::CmpNumber(_) => i.args.iter().all(|a| kinds(f, *a).within(Kinds::NUMBER)),
        Op::RawEq | Op::EqProbe | Op::NextFind => false,
        Op::LoadArray | Op::LoadSlots | Op::IsShape(_) => arg_is(Kinds::TABLE),
        // A register that holds a cell always holds a cell.
        Op::LoadCap | Op::LoadCell { .. } => arg_is(Kinds::PART) || always,
        Op::LoadNativeUpval(_) => matches!(arg_op(0), Op::GuardNative { .. }),
        Op::LoadUpval(_) => arg_is(Kinds::CLOSURE) && matches!(arg_op(0), Op::GuardProto(_) | Op::Closure | Op::NewClosure { .. }),
        Op::LoadInline(_) => matches!(arg_op(0), Op::GuardShape { .. }),
        // The slots part exists, but only a shape tells how long it is.
        Op::LoadSlot(_) => {
            matches!(arg_op(0), Op::LoadSlots) && matches!(f.op(f.inst(i.args[0]).args[0]), Op::GuardShape { .. })
        }
        Op::LoadElem => matches!(arg_op(1), Op::GuardIndex),
        Op::TableLen => arg_is(Kinds::TABLE) && always,
        Op::Rt(_) => false,
        _ => e.reads.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    /// A loop whose body gets the parameter; `body` returns the loop's condition.
    fn looping(body: impl FnOnce(&mut Maker) -> V) -> String {
        let mut m = Maker::new();
        let (pre, header, end) = (m.block(), m.block(), m.block());
        let p = m.param();
        m.end(Op::Jump(pre), &[]);
        m.at(pre);
        m.end(Op::Jump(header), &[]);
        m.f.block_mut(header).entry_state = Some(FsId(0));
        m.at(header);
        let c = body(&mut m);
        m.end(Op::Branch { then: header, els: end, likely: None }, &[c]);
        m.at(end);
        m.end(Op::Return, &[p]);
        m.check(run).to_string()
    }
    fn before_loop(t: &str) -> String {
        t.split(" loop").next().unwrap_or_default().split("b2:").next().unwrap_or_default().to_string()
    }

    #[test]
    fn guards_and_their_loads_leave_together() {
        let t = looping(|m| {
            let p = m.param();
            let t = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
            m.f.inst_mut(t).kinds = Kinds::TABLE;
            let s = m.add(Op::GuardShape { ids: [5, 0, 0, 0], n: 1 }, Ty::Any, &[t]);
            let x = m.add(Op::LoadInline(0), Ty::Any, &[s]);
            m.add(Op::IsTruthy, Ty::Bool, &[x])
        });
        let b = before_loop(&t);
        assert!(b.contains("guard_kind") && b.contains("guard_shape") && b.contains("load_inline"), "{t}");
    }
    #[test]
    fn calls_keep_what_they_can_change() {
        let t = looping(|m| {
            let p = m.param();
            let t = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
            let s = m.add(Op::GuardShape { ids: [5, 0, 0, 0], n: 1 }, Ty::Any, &[t]);
            let x = m.add(Op::LoadInline(0), Ty::Any, &[s]);
            m.add(Op::Call { callee: Callee::Any, want: Want::None }, Ty::Void, &[p]);
            m.add(Op::IsTruthy, Ty::Bool, &[x])
        });
        let b = before_loop(&t);
        assert!(b.contains("guard_kind") && !b.contains("guard_shape") && !b.contains("load_inline"), "{t}");
    }
}
