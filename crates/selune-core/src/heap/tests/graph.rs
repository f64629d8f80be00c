//! Random graphs of tables against a model.
use super::{World, string_bytes};
use crate::heap::HeapConfig;
use crate::heap::testing::Rng;
use crate::table;
use crate::value::Value;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Debug)]
enum Val {
    Int(i64),
    Str(String),
    Node(usize),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Int(i64),
    Str(String),
    Node(usize),
}

#[derive(Default)]
struct Node {
    entries: HashMap<Key, Val>,
    meta: Option<usize>,
}

/// A graph of tables, and what it should look like.
struct Graph {
    world: World,
    nodes: Vec<Node>,
    root_ids: Vec<usize>,
    rng: Rng,
}

impl Graph {
    fn new(seed: u64, config: HeapConfig) -> Graph {
        let mut g = Graph { world: World::with(config), nodes: Vec::new(), root_ids: Vec::new(), rng: Rng::new(seed) };
        for _ in 0..8 {
            let (v, id) = g.new_node();
            g.world.roots.push(v);
            g.root_ids.push(id);
        }
        g
    }
    fn new_node(&mut self) -> (Value, usize) {
        self.nodes.push(Node::default());
        let (array, named) = (self.rng.below(3) * 4, self.rng.below(5));
        (self.world.heap.new_table(array, named), self.nodes.len() - 1)
    }
    /// A node somewhere below the roots.
    fn walk(&mut self) -> (Value, usize) {
        let r = self.rng.below(self.root_ids.len());
        let (mut v, mut id) = (self.world.roots[r], self.root_ids[r]);
        for _ in 0..self.rng.below(4) {
            let mut below = Vec::new();
            let mut at = 0;
            while let Some((next, k, child)) = table::next_from(&self.world.heap, v, at) {
                at = next;
                if child.is_table() {
                    let key = self.key_of(k, None);
                    if let Some(Val::Node(n)) = key.and_then(|k| self.nodes[id].entries.get(&k)) {
                        below.push((child, *n));
                    }
                }
            }
            if below.is_empty() {
                break;
            }
            (v, id) = below[self.rng.below(below.len())];
        }
        (v, id)
    }
    fn key_of(&self, k: Value, nodes: Option<&HashMap<u64, usize>>) -> Option<Key> {
        if let Some(i) = k.as_int() {
            return Some(Key::Int(i));
        }
        if k.is_string() {
            return Some(Key::Str(String::from_utf8(string_bytes(k)).unwrap()));
        }
        nodes.map(|n| Key::Node(n[&k.0]))
    }
    fn key(&mut self) -> (Value, Key) {
        match self.rng.below(10) {
            0..4 => {
                let i = self.rng.below(20) as i64;
                (Value::small_int(i), Key::Int(i))
            }
            4 => {
                let i = i64::MIN + self.rng.below(5) as i64;
                (self.world.heap.new_int(i), Key::Int(i))
            }
            5 => {
                let s = format!("dynamic{}", self.rng.below(200));
                (self.world.heap.new_string(s.as_bytes()), Key::Str(s))
            }
            6..9 => {
                let s = format!("k{}", self.rng.below(12));
                (self.world.heap.intern(s.as_bytes()), Key::Str(s))
            }
            _ => {
                let (v, id) = self.walk();
                (v, Key::Node(id))
            }
        }
    }
    fn mutate(&mut self) {
        let (t, id) = self.walk();
        match self.rng.below(20) {
            0..5 => {
                let (k, key) = self.key();
                let (v, node) = self.new_node();
                table::set(&mut self.world.heap, t, k, v).unwrap();
                self.nodes[id].entries.insert(key, Val::Node(node));
            }
            5..8 => {
                let (k, key) = self.key();
                let (v, node) = self.walk();
                table::set(&mut self.world.heap, t, k, v).unwrap();
                self.nodes[id].entries.insert(key, Val::Node(node));
            }
            8..11 => {
                let (k, key) = self.key();
                let s = format!("string {}", self.rng.below(1000));
                let v = self.world.heap.new_string(s.as_bytes());
                table::set(&mut self.world.heap, t, k, v).unwrap();
                self.nodes[id].entries.insert(key, Val::Str(s));
            }
            11 => {
                let (k, key) = self.key();
                let i = i64::MAX - self.rng.below(100) as i64;
                let v = self.world.heap.new_int(i);
                table::set(&mut self.world.heap, t, k, v).unwrap();
                self.nodes[id].entries.insert(key, Val::Int(i));
            }
            12..15 => {
                let (k, key) = self.key();
                table::set(&mut self.world.heap, t, k, Value::NIL).unwrap();
                self.nodes[id].entries.remove(&key);
            }
            15 => {
                let (mt, meta) = self.walk();
                table::set_metatable(&mut self.world.heap, t, mt);
                self.nodes[id].meta = Some(meta);
            }
            16 => {
                table::set_metatable(&mut self.world.heap, t, Value::NIL);
                self.nodes[id].meta = None;
            }
            17 => {
                let r = self.rng.below(self.root_ids.len());
                (self.world.roots[r], self.root_ids[r]) = self.new_node();
            }
            18 => {
                for i in 1..=self.rng.below(if cfg!(miri) { 30 } else { 3000 }) as i64 {
                    table::set_int(&mut self.world.heap, t, i, Value::small_int(i));
                    self.nodes[id].entries.insert(Key::Int(i), Val::Int(i));
                }
            }
            _ => {
                for _ in 0..100 {
                    self.world.heap.new_table(2, 3);
                }
            }
        }
    }
    fn check(&mut self) {
        let mut ids: HashMap<u64, usize> = HashMap::new();
        let mut values: HashMap<usize, u64> = HashMap::new();
        let mut todo: Vec<_> = self.world.roots.iter().copied().zip(self.root_ids.iter().copied()).collect();
        let mut found = Vec::new();
        while let Some((v, id)) = todo.pop() {
            assert_eq!(*ids.entry(v.0).or_insert(id), id);
            if values.insert(id, v.0) == Some(v.0) {
                continue;
            }
            found.push((v, id));
            let node = &self.nodes[id];
            let meta = table::metatable(&self.world.heap, v);
            match node.meta {
                Some(m) => todo.push((meta, m)),
                None => assert!(meta.is_nil()),
            }
            for (k, val) in &node.entries {
                let v = match k {
                    Key::Int(i) => table::get_int(v, *i),
                    Key::Str(s) => {
                        let k = self.world.heap.new_string(s.as_bytes());
                        table::get(&self.world.heap, v, k)
                    }
                    Key::Node(_) => continue,
                };
                match val {
                    Val::Int(i) => assert_eq!(v.as_int(), Some(*i)),
                    Val::Str(s) => assert_eq!(string_bytes(v), s.as_bytes()),
                    Val::Node(n) => {
                        assert!(v.is_table());
                        todo.push((v, *n));
                    }
                }
            }
            let mut at = 0;
            let mut count = 0;
            while let Some((next, k, v)) = table::next_from(&self.world.heap, v, at) {
                (at, count) = (next, count + 1);
                assert_eq!(table::get(&self.world.heap, values_of(id, &values), k), v);
            }
            assert_eq!(count, node.entries.len());
        }
        // Keys that are tables: each entry found must be in the model (by counting they are the same).
        for (v, id) in found {
            let mut at = 0;
            while let Some((next, k, _)) = table::next_from(&self.world.heap, v, at) {
                at = next;
                if k.is_table() && ids.contains_key(&k.0) {
                    assert!(self.nodes[id].entries.contains_key(&Key::Node(ids[&k.0])));
                }
            }
        }
    }
}

fn values_of(id: usize, values: &HashMap<usize, u64>) -> Value {
    Value(values[&id])
}

fn run_graph(seed: u64, steps: usize, config: HeapConfig) {
    let mut g = Graph::new(seed, config);
    for step in 0..steps {
        g.mutate();
        match step % 37 {
            5 | 17 => g.world.minor(),
            30 if step % 3 == 0 => {
                g.world.major();
            }
            36 => g.check(),
            _ => {}
        }
    }
    g.world.major();
    g.check();
}

#[test]
fn a_random_graph_survives_collections() {
    for seed in 0..if cfg!(miri) { 1 } else { 12 } {
        run_graph(seed, if cfg!(miri) { 75 } else { 1500 }, HeapConfig { nursery: 1 << 16, ..HeapConfig::default() });
    }
}

#[test]
fn a_random_graph_survives_collections_with_closed_nurseries() {
    for seed in 100..if cfg!(miri) { 101 } else { 106 } {
        let config = HeapConfig { nursery: 1 << 16, stress: true, ..HeapConfig::default() };
        run_graph(seed, if cfg!(miri) { 75 } else { 1000 }, config);
    }
}
