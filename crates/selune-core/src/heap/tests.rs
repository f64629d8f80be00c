//! Collections against a model, and each guarantee by itself. Every collection is followed by `verify`.
use super::testing::Rng;
use super::*;
use crate::proto::Proto;
use crate::shape::{HAS_META, Metamethod};
use crate::table;
use crate::thread::{Status, Thread};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

mod graph;

struct World {
    heap: Box<Heap>,
    roots: Vec<Value>,
}

impl World {
    fn new() -> World {
        World::with(HeapConfig { nursery: 1 << 16, ..HeapConfig::default() })
    }
    fn with(config: HeapConfig) -> World {
        World { heap: Heap::new(config), roots: Vec::new() }
    }
    fn verify(&mut self) -> usize {
        let roots = &mut self.roots;
        self.heap.verify(&mut |f| roots.iter_mut().for_each(|r| f(r)))
    }
    fn minor(&mut self) {
        self.verify();
        let roots = &mut self.roots;
        self.heap.collect_minor(&mut |f| roots.iter_mut().for_each(|r| f(r)));
        self.verify();
    }
    fn major(&mut self) -> usize {
        self.verify();
        let roots = &mut self.roots;
        self.heap.collect_major(&mut |f| roots.iter_mut().for_each(|r| f(r)));
        self.verify()
    }
    fn root(&mut self, v: Value) -> usize {
        self.roots.push(v);
        self.roots.len() - 1
    }
    fn table(&mut self) -> Value {
        self.heap.new_table(0, 0)
    }
    fn metatable(&mut self, fields: &[(Metamethod, &str)]) -> Value {
        let mt = self.heap.new_table(0, 0);
        for (m, text) in fields {
            let v = self.heap.new_string(text.as_bytes());
            let name = self.heap.event_names[*m as usize];
            table::set_str(&mut self.heap, mt, name, v);
        }
        mt
    }
    fn weak(&mut self, mode: &str) -> usize {
        let mt = self.metatable(&[(Metamethod::Mode, mode)]);
        let t = self.table();
        table::set_metatable(&mut self.heap, t, mt);
        self.root(t)
    }
    fn set(&mut self, t: usize, k: Value, v: Value) {
        table::set(&mut self.heap, self.roots[t], k, v).unwrap();
    }
    fn get(&mut self, t: usize, k: Value) -> Value {
        table::get(&self.heap, self.roots[t], k)
    }
    fn len(&self, t: usize) -> usize {
        let (mut at, mut n) = (0, 0);
        while let Some((next, ..)) = table::next_from(&self.heap, self.roots[t], at) {
            (at, n) = (next, n + 1);
        }
        n
    }
}

fn string_bytes(v: Value) -> Vec<u8> {
    assert!(v.is_string());
    crate::string::bytes(v).to_vec()
}

#[test]
fn garbage_is_freed_and_memory_comes_back() {
    let mut w = World::new();
    let r = w.root(Value::NIL);
    w.major();
    let before = w.heap.bytes_in_use();
    for round in 0..3 {
        w.roots[r] = w.heap.new_table(0, 0);
        for i in 1..=if cfg!(miri) { 200 } else { 20_000 } {
            let v = w.heap.new_table(1, 2);
            let x = w.heap.intern(b"x");
            let s = w.heap.new_string(format!("round {round} number {i}").as_bytes());
            table::set_str(&mut w.heap, v, x, s);
            table::set_int(&mut w.heap, w.roots[r], i, v);
            if i % 5000 == 0 {
                w.minor();
            }
        }
        w.major();
        assert!(w.heap.bytes_in_use() > before + if cfg!(miri) { 10_000 } else { 1_000_000 });
        w.roots[r] = Value::NIL;
        w.major();
        assert!(w.heap.bytes_in_use() <= before + 4096, "{} {before}", w.heap.bytes_in_use());
    }
}

#[test]
fn large_arrays_use_cards() {
    let n = if cfg!(miri) { 3000 } else { 100_000 };
    let mut w = World::new();
    let t = w.heap.new_table(n as usize, 0);
    let t = w.root(t);
    for i in 1..=n {
        table::set_int(&mut w.heap, w.roots[t], i, Value::small_int(i));
    }
    w.minor();
    w.minor();
    let mut rng = Rng::new(7);
    let mut model = HashMap::new();
    for round in 0..if cfg!(miri) { 2 } else { 30 } {
        for _ in 0..20 {
            let i = 1 + rng.below(n as usize) as i64;
            let s = w.heap.new_string(format!("{round} {i}").as_bytes());
            table::set_int(&mut w.heap, w.roots[t], i, s);
            model.insert(i, format!("{round} {i}"));
        }
        assert!(w.heap.remembered.is_empty(), "stores to large parts go to cards");
        if round == 1 {
            // Grow while cards are marked.
            (n + 1..=n + n / 2).for_each(|i| table::set_int(&mut w.heap, w.roots[t], i, Value::TRUE));
        }
        w.minor();
        for (i, s) in &model {
            assert_eq!(string_bytes(table::get_int(w.roots[t], *i)), s.as_bytes());
        }
    }
    w.major();
}

#[test]
fn large_hash_parts_use_cards() {
    let mut w = World::new();
    let t = w.table();
    let t = w.root(t);
    let n = if cfg!(miri) { 600 } else { 20_000 };
    for i in 0..n {
        w.set(t, Value::float(i as f64 + 0.5), Value::small_int(i));
    }
    w.minor();
    for i in (0..n).step_by(7) {
        let v = w.heap.new_table(0, 0);
        w.set(t, Value::float(i as f64 + 0.5), v);
        let k = w.heap.new_table(0, 0);
        w.set(t, k, Value::TRUE);
    }
    w.minor();
    w.major();
    assert_eq!(w.len(t), n as usize + (n as usize).div_ceil(7));
}

#[test]
fn large_strings_and_arrays_die_young() {
    let mut w = World::new();
    let big = vec![b'x'; 100_000];
    let keep = w.heap.new_string(&big);
    let keep = w.root(keep);
    for _ in 0..50 {
        w.heap.new_string(&big);
        w.heap.new_table(5000, 0);
    }
    assert!(w.heap.bytes_in_use() > 6_000_000 && w.heap.gc_request & POLL_MINOR != 0);
    w.minor();
    assert!(w.heap.bytes_in_use() < 300_000 && w.heap.gc_request & POLL_MINOR == 0);
    assert_eq!(string_bytes(w.roots[keep]), big);
    w.roots[keep] = Value::NIL;
    w.major();
    assert!(w.heap.bytes_in_use() < 100_000);
}

#[test]
fn identities_are_unique_and_survive() {
    let mut w = World::new();
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let mut all_ids = HashSet::new();
    for round in 0..20 {
        for _ in 0..50 {
            let v = match round % 3 {
                0 => w.heap.new_table(0, 3),
                1 => w.heap.new_cell(Value::NIL),
                _ => w.heap.new_closure(core::ptr::null_mut(), 1),
            };
            if v.is_function() {
                continue;
            }
            let id = w.heap.identity(v);
            assert!(all_ids.insert(id), "an identity was given twice");
            let r = w.root(v);
            seen.insert(id, r);
        }
        w.minor();
        for (id, r) in &seen {
            assert_eq!(w.heap.identity(w.roots[*r]), *id);
        }
    }
    // Objects that were never asked while young have their address, which is none of the above.
    for _ in 0..100 {
        let v = w.heap.new_table(0, 0);
        w.root(v);
    }
    w.minor();
    let n = w.roots.len();
    let ids: HashSet<_> = (n - 100..n).map(|r| w.heap.identity(w.roots[r])).collect();
    assert!(ids.len() == 100 && ids.is_disjoint(&all_ids));
}

#[test]
fn tables_as_keys_are_found_after_moving() {
    let mut w = World::new();
    let t = w.table();
    let t = w.root(t);
    let keys: Vec<_> = (0..300)
        .map(|i| {
            let k = w.heap.new_table(0, i % 5);
            w.set(t, k, Value::small_int(i as i64));
            w.root(k)
        })
        .collect();
    for _ in 0..3 {
        for (i, k) in keys.iter().enumerate() {
            assert_eq!(w.get(t, w.roots[*k]), Value::small_int(i as i64));
        }
        w.minor();
        w.major();
    }
    let mut order = Vec::new();
    let mut at = 0;
    while let Some((next, k, _)) = table::next_from(&w.heap, w.roots[t], at) {
        order.push(k);
        at = next;
        if order.len() == 100 {
            w.major();
        }
    }
    assert_eq!(order.len(), 300);
}

#[test]
fn weak_values_go_and_strings_stay() {
    for minor in [true, false] {
        let mut w = World::new();
        let t = w.weak("v");
        let kept = w.table();
        let kept = w.root(kept);
        w.set(t, Value::small_int(1), w.roots[kept]);
        let (dead, s) = (w.table(), w.heap.new_string(b"a string"));
        w.set(t, Value::small_int(2), dead);
        w.set(t, Value::small_int(3), s);
        let (name, dead) = (w.heap.intern(b"name"), w.table());
        w.set(t, name, dead);
        let dead = w.table();
        w.set(t, Value::float(0.5), dead);
        let k = w.table();
        w.set(t, k, w.roots[kept]);
        if minor {
            w.minor();
        } else {
            w.major();
        }
        assert!(w.get(t, Value::small_int(1)) == w.roots[kept] && w.get(t, Value::small_int(2)).is_nil());
        assert!(w.get(t, Value::small_int(3)).is_string() && w.get(t, Value::float(0.5)).is_nil() && w.get(t, name).is_nil());
        assert_eq!(w.len(t), 3);
        // Old tables forget too.
        w.minor();
        w.roots[kept] = Value::NIL;
        w.major();
        assert_eq!(w.len(t), 1);
    }
}

#[test]
fn ephemerons_converge_along_chains() {
    for minor in [true, false] {
        for forwards in [true, false] {
            let mut w = World::new();
            let t = w.weak("k");
            let n = if cfg!(miri) { 60 } else { 200 };
            let all: Vec<_> = (0..n).map(|_| w.table()).collect();
            for i in 0..n - 1 {
                let i = if forwards { i } else { n - 2 - i };
                w.set(t, all[i], all[i + 1]);
            }
            let other = w.table();
            w.set(t, other, other);
            let start = w.root(all[50]);
            if minor {
                w.minor();
            } else {
                w.major();
            }
            assert_eq!(w.len(t), n - 51);
            let (mut k, mut steps) = (w.roots[start], 0);
            while !w.get(t, k).is_nil() {
                (k, steps) = (w.get(t, k), steps + 1);
            }
            assert_eq!(steps, n - 51);
            w.roots[start] = Value::NIL;
            w.major();
            assert_eq!(w.len(t), 0);
        }
    }
}

#[test]
fn weak_keys_and_values_keep_nothing() {
    let mut w = World::new();
    let t = w.weak("kv");
    let (a, b) = (w.table(), w.table());
    let (a, b) = (w.root(a), w.root(b));
    w.set(t, w.roots[a], w.roots[b]);
    let dead = w.table();
    w.set(t, w.roots[b], dead);
    let dead = w.table();
    w.set(t, dead, w.roots[a]);
    w.minor();
    assert_eq!(w.len(t), 1);
    assert_eq!(w.get(t, w.roots[a]), w.roots[b]);
    // In the old table, by remembered entries.
    let dead = w.table();
    w.set(t, w.roots[b], dead);
    w.minor();
    assert_eq!(w.len(t), 1);
    w.roots[a] = Value::NIL;
    w.major();
    assert_eq!(w.len(t), 0);
}

#[test]
fn string_keys_go_with_weak_entries() {
    let mut w = World::new();
    let t = w.weak("kv");
    w.major();
    let before = w.heap.bytes_in_use();
    for (name, dead) in [("a", false), ("b", true)] {
        let k = w.heap.new_string(name.repeat(100_000).as_bytes());
        let v = if dead { w.table() } else { Value::TRUE };
        w.set(t, k, v);
    }
    assert!(w.heap.bytes_in_use() > before + 200_000);
    w.major();
    let now = w.heap.bytes_in_use();
    assert!(now > before + 100_000 && now < before + 200_000 && w.len(t) == 1);
    for name in ["a", "b"] {
        let k = w.heap.new_string(name.repeat(100_000).as_bytes());
        assert_eq!(w.get(t, k).is_nil(), name == "b");
        w.set(t, k, Value::FALSE);
    }
    w.major();
    assert_eq!(w.len(t), 2);
}

#[test]
fn large_old_weak_tables_lose_young_entries() {
    let mut w = World::new();
    let t = w.weak("k");
    let v = w.weak("v");
    for i in 0..if cfg!(miri) { 300 } else { 3000 } {
        let k = w.table();
        let k = w.root(k);
        w.set(t, w.roots[k], Value::TRUE);
        w.set(v, Value::small_int(i + 1), w.roots[k]);
    }
    w.minor();
    w.major();
    let n = w.len(t);
    for i in 1..=100 {
        let dead = w.table();
        w.set(t, dead, Value::TRUE);
        w.set(v, Value::small_int(i), dead);
    }
    assert_eq!(w.len(t), n + 100);
    w.minor();
    assert_eq!(w.len(t), n);
    assert_eq!(w.len(v), n - 100);
}

#[test]
fn a_mode_that_changes_is_heeded() {
    let mut w = World::new();
    let mt = w.metatable(&[]);
    let mt = w.root(mt);
    let t = w.table();
    table::set_metatable(&mut w.heap, t, w.roots[mt]);
    let t = w.root(t);
    w.minor();
    let mode = w.heap.event_names[Metamethod::Mode as usize];
    let text = w.heap.new_string(b"k");
    w.set(mt, mode, text);
    let k = w.table();
    w.set(t, k, Value::TRUE);
    w.major();
    assert_eq!(w.len(t), 0);
    let k = w.table();
    w.set(t, k, Value::TRUE);
    w.set(mt, mode, Value::NIL);
    w.minor();
    assert_eq!(w.len(t), 1);
    w.major();
    assert_eq!(w.len(t), 1);
    table::set_metatable(&mut w.heap, w.roots[t], Value::NIL);
    let k = w.table();
    w.set(t, k, Value::TRUE);
    w.minor();
    w.major();
    assert_eq!(w.len(t), 2);
}

#[test]
fn unused_entries_do_not_keep_their_keys() {
    let mut w = World::new();
    let (t, weak) = (w.table(), w.weak("k"));
    let t = w.root(t);
    for _ in 0..10 {
        let k = w.table();
        w.set(t, k, Value::TRUE);
        w.set(weak, k, Value::TRUE);
        w.set(t, k, Value::NIL);
    }
    w.major();
    assert_eq!(w.len(weak), 0);
    for i in 0..100 {
        let k = w.heap.new_string(format!("word {i}").as_bytes());
        w.set(t, k, Value::TRUE);
        w.set(t, k, Value::NIL);
    }
    let interned = w.heap.interned.live;
    for _ in 0..6 {
        w.major();
    }
    assert!(w.heap.interned.live < interned - 50);
    let k = w.heap.new_string(b"word 3");
    w.set(t, k, Value::TRUE);
    assert_eq!(w.get(t, k), Value::TRUE);
}

#[test]
fn finalizers_come_last_registered_first_and_resurrect() {
    let mut w = World::new();
    let (weak_k, weak_v) = (w.weak("k"), w.weak("v"));
    let id = w.heap.intern(b"id");
    for old in [false, true] {
        for i in 0..5 {
            let t = w.table();
            table::set_str(&mut w.heap, t, id, Value::small_int(i));
            w.heap.register_finalizer(t);
            w.heap.register_finalizer(t);
            w.set(weak_k, t, Value::small_int(i));
            w.set(weak_v, Value::small_int(i + 1), t);
            if old {
                w.root(t);
            }
        }
        if old {
            w.minor();
            w.roots.truncate(2);
            assert!(w.heap.take_finalizable().is_none());
            w.major();
        } else {
            w.minor();
        }
        assert!(w.heap.gc_request & POLL_FINALIZERS != 0);
        // Gone from weak values before the finalizer runs, still there as weak keys.
        assert!(w.len(weak_v) == 0 && w.len(weak_k) == 5);
        w.minor();
        for i in (0..5).rev() {
            let v = w.heap.take_finalizable().unwrap();
            assert_eq!(table::get_str(&w.heap, v, id), Value::small_int(i));
            assert_eq!(w.get(weak_k, v), Value::small_int(i));
            if i == 2 {
                w.root(v);
            }
        }
        assert!(w.heap.take_finalizable().is_none() && w.heap.gc_request & POLL_FINALIZERS == 0);
        w.major();
        assert_eq!(w.len(weak_k), 1);
        // Resurrected, and not finalized again unless registered again.
        w.roots.truncate(2);
        w.major();
        assert!(w.len(weak_k) == 0 && w.heap.take_finalizable().is_none());
    }
    for i in 0..3 {
        let t = w.table();
        table::set_str(&mut w.heap, t, id, Value::small_int(i));
        w.heap.register_finalizer(t);
        w.root(t);
    }
    w.minor();
    w.heap.finalize_all();
    for i in (0..3).rev() {
        let v = w.heap.take_finalizable().unwrap();
        assert_eq!(table::get_str(&w.heap, v, id), Value::small_int(i));
    }
}

struct Drops(Rc<Cell<u32>>);
impl Drop for Drops {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn host_data_is_dropped_with_its_userdata() {
    let drops = Rc::new(Cell::new(0));
    let mut w = World::new();
    let u = w.heap.new_userdata(Box::new(Drops(drops.clone())), 3);
    let r = w.root(u);
    let v = w.heap.new_userdata(Box::new(Drops(drops.clone())), 2000);
    let t = w.table();
    // SAFETY: a live userdata and its slots.
    unsafe {
        w.heap.store(v.as_header(), crate::object::Userdata::user_value(v.as_userdata(), 1999), t);
        w.heap.store(v.as_header(), &raw mut (*v.as_userdata()).metatable, t);
    }
    let r2 = w.root(v);
    w.minor();
    w.major();
    assert_eq!(drops.get(), 0);
    let v = w.roots[r2];
    // SAFETY: as above.
    unsafe {
        assert!((*v.as_userdata()).metatable.is_table());
        let t = w.heap.new_table(0, 0);
        w.heap.store(v.as_header(), crate::object::Userdata::user_value(v.as_userdata(), 0), t);
    }
    w.minor();
    w.roots[r] = Value::NIL;
    w.major();
    assert_eq!(drops.get(), 1);
    drop(w);
    assert_eq!(drops.get(), 2);
}

#[test]
fn threads_and_protos_are_traced_and_freed() {
    let mut w = World::new();
    let mut proto = Proto::new();
    let big = w.heap.new_int(i64::MAX);
    let name = w.heap.intern(b"constant");
    let mut inner = Proto::new();
    inner.constants.push(big);
    let inner = w.heap.new_proto(inner);
    proto.constants = vec![name, big];
    proto.protos.push(inner);
    proto.finish();
    proto.tier.code = 77;
    let proto = w.heap.new_proto(proto);
    let closure = w.heap.new_closure(proto, 1);
    let cell = w.heap.new_cell(Value::TRUE);
    // SAFETY: a fresh closure.
    unsafe { *crate::object::Closure::upvalue(closure.as_closure(), 0) = cell };
    let mut thread = Thread::new(64);
    thread.stack_slice()[0] = closure;
    thread.top = 2;
    let t = w.heap.new_table(0, 0);
    thread.stack_slice()[1] = t;
    thread.stack_slice()[5] = t;
    let co = w.heap.new_thread(thread);
    let r = w.root(co);
    w.minor();
    // SAFETY: live objects.
    unsafe {
        let thread = (*w.roots[r].as_thread_object()).thread;
        assert!(!(*thread).remembered && (*thread).this == co && (*thread).stack_slice()[5].is_nil());
        let closure = (*thread).stack_slice()[0];
        assert_eq!((&(*(*closure.as_closure()).proto).constants)[1].as_int(), Some(i64::MAX));
        assert_eq!((&(*inner).constants)[0].as_int(), Some(i64::MAX));
        // A running thread stays remembered.
        (*thread).status = Status::Running;
        w.heap.remember_thread(thread);
        for _ in 0..3 {
            let t = w.heap.new_table(0, 0);
            (*thread).stack_slice()[1] = t;
            w.minor();
            assert!((*thread).stack_slice()[1].is_table());
        }
    }
    w.major();
    assert!(w.heap.freed_code.is_empty() && w.heap.protos.len() == 2);
    w.roots[r] = Value::NIL;
    w.major();
    w.minor();
    assert!(w.heap.freed_code == [77] && w.heap.protos.is_empty() && w.heap.threads.is_empty());
}

#[test]
fn shapes_of_dead_tables_die_with_their_metatable_or_after_a_while() {
    let mut w = World::new();
    let count = w.heap.stats.shapes;
    let r = w.root(Value::NIL);
    for i in 0..50 {
        let t = w.table();
        let mt = w.table();
        table::set_metatable(&mut w.heap, t, mt);
        for j in 0..10 {
            let k = w.heap.intern(format!("key {i} {j}").as_bytes());
            table::set_str(&mut w.heap, t, k, Value::TRUE);
        }
        if i == 25 {
            w.roots[r] = t;
        }
    }
    assert!(w.heap.stats.shapes >= count + 500);
    let kept = w.heap.shape_of(w.roots[r]).id;
    w.major();
    // The metatables of all others are dead, and with them their shapes.
    assert!(w.heap.stats.shapes <= count + 12, "{}", w.heap.stats.shapes);
    assert!(w.heap.shape_by_id(kept).is_some() && w.heap.shape_of(w.roots[r]).flags & HAS_META != 0);
    w.roots[r] = Value::NIL;
    w.major();
    assert_eq!(w.heap.stats.shapes, count);
    // Without metatable they stay for some collections, and for good when constants of the program lead to them.
    let (t, u, k, l) = (w.table(), w.table(), w.heap.intern(b"lonely"), w.heap.intern(b"constant"));
    table::set(&mut w.heap, t, k, Value::TRUE).unwrap();
    table::set_str(&mut w.heap, u, l, Value::TRUE);
    let (dynamic, constant) = (w.heap.shape_of(t).id, w.heap.shape_of(u).id);
    w.major();
    assert!(w.heap.shape_by_id(dynamic).is_some());
    for _ in 0..4 {
        w.major();
    }
    assert!(w.heap.shape_by_id(dynamic).is_none() && w.heap.shape_by_id(constant).is_some());
    assert_eq!(w.heap.stats.shapes, count + 1);
    let t = w.table();
    let k = w.heap.intern(b"lonely");
    table::set_str(&mut w.heap, t, k, Value::TRUE);
    assert!(w.heap.shape_of(t).id > dynamic);
}

#[test]
fn allocation_beyond_the_nursery_asks_and_goes_on() {
    let mut w = World::new();
    let mut last = Value::NIL;
    let n = if cfg!(miri) { 20_000 } else { 900_000 };
    for i in 0..n {
        let t = w.heap.new_table(0, 2);
        let k = w.heap.intern(b"x");
        table::set_str(&mut w.heap, t, k, last);
        last = if i % 50 == 0 { Value::NIL } else { t };
    }
    let r = w.root(last);
    assert!(w.heap.gc_request & POLL_MINOR != 0);
    w.minor();
    let mut depth = 0;
    let mut t = w.roots[r];
    while t.is_table() {
        let k = w.heap.intern(b"x");
        (t, depth) = (table::get_str(&w.heap, t, k), depth + 1);
    }
    assert_eq!(depth, (n - 1) % 50);
}

#[test]
fn the_memory_limit_is_told() {
    let mut w = World::with(HeapConfig { memory_limit: 8 << 20, ..HeapConfig::default() });
    assert!(w.heap.reserve(1 << 20).is_ok() && w.heap.reserve(9 << 20).is_err() && w.heap.reserve(usize::MAX).is_err());
    let t = w.table();
    let t = w.root(t);
    let mut i = 0;
    while !w.heap.out_of_memory {
        i += 1;
        let s = w.heap.new_string(format!("some longer string to fill the memory, number {i}").as_bytes());
        table::set_int(&mut w.heap, w.roots[t], i, s);
        assert!(i < 1_000_000);
        if w.heap.gc_request & (POLL_MINOR | POLL_MAJOR) != 0 && !w.heap.out_of_memory {
            let roots = &mut w.roots;
            w.heap.collect_minor(&mut |f| roots.iter_mut().for_each(|r| f(r)));
        }
    }
    w.major();
    assert!(w.heap.take_out_of_memory(), "all of it is live");
    w.roots[t] = Value::NIL;
    w.heap.note_out_of_memory();
    w.major();
    assert!(!w.heap.take_out_of_memory());
}

#[test]
fn major_collections_are_asked_for_by_growth_and_by_waiting_finalizers() {
    let mut w = World::new();
    let t = w.table();
    w.heap.register_finalizer(t);
    let r = w.root(t);
    w.minor();
    w.roots[r] = Value::NIL;
    let mut minors = 0;
    while w.heap.gc_request & POLL_MAJOR == 0 {
        while w.heap.gc_request & POLL_MINOR == 0 {
            w.table();
        }
        w.minor();
        minors += 1;
        assert!(minors < 100);
    }
    w.major();
    assert!(w.heap.take_finalizable().is_some());
    w.roots[r] = w.heap.new_table(0, 0);
    let mut i = 0;
    while w.heap.gc_request & POLL_MAJOR == 0 {
        i += 1;
        let v = w.heap.new_table(0, 4);
        table::set_int(&mut w.heap, w.roots[r], i, v);
        if w.heap.gc_request & POLL_MINOR != 0 {
            let roots = &mut w.roots;
            w.heap.collect_minor(&mut |f| roots.iter_mut().for_each(|r| f(r)));
        }
        assert!(i < 1_000_000);
    }
}
