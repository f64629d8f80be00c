//! Tables against a model.
use super::*;
use crate::heap::HeapConfig;
use crate::heap::testing::Rng;
use crate::shape::{DICT, Metamethod};
use std::collections::HashMap;

fn heap() -> Box<Heap> {
    Heap::new(HeapConfig::default())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Key {
    Int(i64),
    Str(u32),
    Float(u64),
    Bool(bool),
    Table(usize),
}

struct Model {
    tables: Vec<Value>,
}

impl Model {
    fn key(&self, heap: &mut Heap, k: Key) -> Value {
        match k {
            Key::Int(i) => heap.new_int(i),
            Key::Str(n) => heap.new_string(format!("key{n}").as_bytes()),
            Key::Float(bits) => Value::float(f64::from_bits(bits)),
            Key::Bool(b) => Value::bool(b),
            Key::Table(i) => self.tables[i],
        }
    }
    fn back(&self, k: Value) -> Key {
        if let Some(i) = k.as_int() {
            return Key::Int(i);
        }
        match k.tag() {
            TAG_STRING => Key::Str(std::str::from_utf8(&string::bytes(k)[3..]).unwrap().parse().unwrap()),
            TAG_TABLE => Key::Table(self.tables.iter().position(|t| *t == k).unwrap()),
            TAG_SPECIAL => Key::Bool(k == Value::TRUE),
            _ => Key::Float(k.as_float().to_bits()),
        }
    }
}

fn random_key(rng: &mut Rng) -> Key {
    match rng.below(12) {
        0..4 => Key::Int(rng.below(40) as i64 - 3),
        4 => Key::Int(rng.below(1000) as i64),
        5 => Key::Int([i64::MAX, i64::MIN, 1 << 47, -(1 << 47) - 1, 1 << 53][rng.below(5)]),
        6..9 => Key::Str(rng.below(60) as u32),
        9 => Key::Float((rng.below(30) as f64 + 0.5).to_bits()),
        10 => Key::Bool(rng.below(2) == 0),
        _ => Key::Table(rng.below(20)),
    }
}

#[test]
fn tables_agree_with_a_model() {
    for seed in 0..if cfg!(miri) { 3 } else { 300 } {
        let mut rng = Rng::new(seed);
        let heap = &mut *heap();
        let tables = (0..20).map(|_| heap.new_table(0, 0)).collect();
        let m = Model { tables };
        let t = heap.new_table(rng.below(3) * 5, rng.below(6));
        let mut expected: HashMap<Key, i64> = HashMap::new();
        for step in 0..if cfg!(miri) { 150 } else { 600 } {
            let k = random_key(&mut rng);
            let key = m.key(heap, k);
            match rng.below(5) {
                0 => {
                    set(heap, t, key, Value::NIL).unwrap();
                    expected.remove(&k);
                }
                1 if step % 50 == 0 => {
                    // Erasing during a traversal.
                    let (mut seen, mut at) = (0, Value::NIL);
                    let all = expected.len();
                    while let Some((k, v)) = next(heap, t, at).unwrap() {
                        assert_eq!(expected.get(&m.back(k)), v.as_int().as_ref());
                        if rng.below(2) == 0 {
                            set(heap, t, k, Value::NIL).unwrap();
                            expected.remove(&m.back(k));
                        }
                        (at, seen) = (k, seen + 1);
                    }
                    assert_eq!(seen, all);
                }
                _ => {
                    set(heap, t, key, Value::small_int(step)).unwrap();
                    expected.insert(k, step);
                }
            }
            let k = random_key(&mut rng);
            let key = m.key(heap, k);
            assert_eq!(get(heap, t, key).as_int(), expected.get(&k).copied(), "seed {seed} step {step} {k:?}");
            let n = length(t);
            assert!(n == 0 || expected.contains_key(&Key::Int(n)));
            assert!(n == i64::MAX || !expected.contains_key(&Key::Int(n + 1)));
        }
        let mut count = 0;
        let mut at = 0;
        while let Some((next, k, v)) = next_from(heap, t, at) {
            assert_eq!(expected.get(&m.back(k)), v.as_int().as_ref());
            (at, count) = (next, count + 1);
        }
        assert_eq!(count, expected.len());
    }
}

#[test]
fn appending_keeps_to_the_array_part_and_doubles() {
    let heap = &mut *heap();
    let t = heap.new_table(0, 0);
    let n = if cfg!(miri) { 600 } else { 5000 };
    for i in 1..=n {
        assert_eq!(length(t), i - 1);
        set_int(heap, t, i, Value::small_int(i * 3));
    }
    assert_eq!(array(t).1, (n as usize).next_power_of_two());
    assert!((1..=n).all(|i| get_int(t, i) == Value::small_int(i * 3)) && get_int(t, n + 1).is_nil() && get_int(t, 0).is_nil());
    for i in (1..=n).rev() {
        set_int(heap, t, i, Value::NIL);
        assert_eq!(length(t), i - 1);
    }
}

#[test]
fn filling_backwards_ends_in_the_array_part() {
    let heap = &mut *heap();
    let t = heap.new_table(0, 0);
    for i in (1..=1000).rev() {
        set_int(heap, t, i, Value::small_int(i));
    }
    assert!(array(t).1 >= 512 && length(t) == 1000);
}

#[test]
fn a_moving_window_does_not_grow_the_table() {
    let heap = &mut *heap();
    let t = heap.new_table(0, 0);
    for i in 1..=if cfg!(miri) { 500 } else { 100_000 } {
        set_int(heap, t, i, Value::TRUE);
        set_int(heap, t, i - 10, Value::NIL);
    }
    // SAFETY: a live table.
    let entries = unsafe { (*(*t.as_table()).hash.as_hash()).cap } as usize;
    assert!(array(t).1 + entries <= 128, "{} {entries}", array(t).1);
}

#[test]
fn floats_that_are_integers_are_integer_keys() {
    let heap = &mut *heap();
    let t = heap.new_table(0, 0);
    for f in [1.0, -0.0, 3.0, 9007199254740992.0, -9223372036854775808.0] {
        set(heap, t, Value::float(f), Value::TRUE).unwrap();
        let k = heap.new_int(f as i64);
        assert_eq!(get(heap, t, k), Value::TRUE);
        assert!(next(heap, t, Value::float(f)).is_ok());
    }
    set(heap, t, Value::float(9223372036854775808.0), Value::FALSE).unwrap();
    let max = heap.new_int(i64::MAX);
    assert!(get(heap, t, max).is_nil());
    assert_eq!(set(heap, t, Value::NIL, Value::NIL), Err(KeyError::Nil));
    assert_eq!(set(heap, t, Value::float(f64::NAN), Value::TRUE), Err(KeyError::NaN));
    assert!(get(heap, t, Value::float(f64::NAN)).is_nil());
    assert_eq!(next(heap, t, Value::float(0.25)), Err(InvalidKey));
}

#[test]
fn constructors_have_the_borders_of_puc_lua() {
    let heap = &mut *heap();
    for (list, border) in [("1", 1), ("1n1", 3), ("11n1", 4), ("nn1", 3), ("1n1n", 3), ("n", 0), ("1nnn", 1), ("n1n", 2), ("11nn", 2)] {
        let t = heap.new_table(list.len(), 0);
        let values: Vec<_> = list.chars().map(|c| if c == 'n' { Value::NIL } else { Value::TRUE }).collect();
        // SAFETY: valid values.
        unsafe { set_list(heap, t, 1, values.as_ptr(), values.len()) };
        assert_eq!(length(t), border, "{list}");
    }
}

#[test]
fn shapes_are_shared_and_tell_what_is_absent() {
    let heap = &mut *heap();
    let (x, y) = (heap.intern(b"x"), heap.intern(b"y"));
    let (a, b) = (heap.new_table(0, 2), heap.new_table(0, 2));
    for t in [a, b] {
        set_str(heap, t, x, Value::TRUE);
        set_str(heap, t, y, Value::FALSE);
    }
    // SAFETY: a live table.
    let id = |t: Value| unsafe { (*t.as_header()).aux };
    assert_eq!(id(a), id(b));
    assert_eq!(heap.shape_of(a).lookup(y), Some(1));
    let mt = heap.new_table(0, 0);
    let plain = id(a);
    set_metatable(heap, a, mt);
    assert!(id(a) != plain && metatable(heap, a) == mt && metatable(heap, b).is_nil());
    set_metatable(heap, b, mt);
    assert_eq!(id(a), id(b));
    set_metatable(heap, a, Value::NIL);
    assert_eq!(id(a), plain);
    assert!(heap.metamethod(mt, Metamethod::Index).is_nil() && heap.shape_of(mt).lacks(Metamethod::Index));
    let index = heap.event_names[Metamethod::Index as usize];
    set_str(heap, mt, index, Value::TRUE);
    assert!(heap.metamethod(mt, Metamethod::Index) == Value::TRUE && heap.shape_of(mt).lacks(Metamethod::NewIndex));
}

#[test]
fn many_dynamic_keys_make_a_dictionary_and_constants_do_not() {
    let heap = &mut *heap();
    let (t, u) = (heap.new_table(0, 4), heap.new_table(0, 4));
    for i in 0..200 {
        let k = heap.new_string(format!("name{i}").as_bytes());
        set(heap, t, k, Value::small_int(i)).unwrap();
        let k = heap.intern_value(k);
        set_str(heap, u, k, Value::small_int(i));
    }
    assert!(heap.shape_of(t).flags & DICT != 0 && heap.shape_of(u).flags & DICT == 0);
    for i in 0..200 {
        let k = heap.intern(format!("name{i}").as_bytes());
        assert!(get_str(heap, t, k) == Value::small_int(i) && get_str(heap, u, k) == Value::small_int(i));
    }
    for i in 200..1100 {
        let k = heap.intern(format!("name{i}").as_bytes());
        set_str(heap, u, k, Value::small_int(i));
    }
    assert!(heap.shape_of(u).flags & DICT != 0);
    let k = heap.intern(b"name777");
    assert_eq!(get_str(heap, u, k), Value::small_int(777));
}

#[test]
fn many_metatables_go_into_the_tables() {
    let heap = &mut *heap();
    let x = heap.intern(b"x");
    let pairs: Vec<_> = (0..300).map(|_| (heap.new_table(0, 0), heap.new_table(0, 0))).collect();
    for &(t, mt) in &pairs {
        set_metatable(heap, t, mt);
        set_str(heap, t, x, mt);
    }
    assert!(pairs.iter().all(|&(t, mt)| metatable(heap, t) == mt && get_str(heap, t, x) == mt));
    let own = pairs[299].0;
    assert!(heap.shape_of(own).has_own_meta());
    for i in 0..200 {
        let k = heap.new_string(format!("name{i}").as_bytes());
        set(heap, own, k, Value::small_int(i)).unwrap();
    }
    assert!(metatable(heap, own) == pairs[299].1 && heap.shape_of(own).is_dict());
    set_metatable(heap, own, Value::NIL);
    assert!(metatable(heap, own).is_nil());
}

#[test]
fn a_table_with_metatable_that_becomes_a_dictionary_keeps_it() {
    let heap = &mut *heap();
    let (t, mt) = (heap.new_table(0, 0), heap.new_table(0, 0));
    set_metatable(heap, t, mt);
    for i in 0..100 {
        let k = heap.new_string(format!("name{i}").as_bytes());
        set(heap, t, k, Value::small_int(i)).unwrap();
    }
    assert!(heap.shape_of(t).is_dict() && metatable(heap, t) == mt);
    set_metatable(heap, t, Value::NIL);
    assert!(heap.shape_of(t).is_dict() && metatable(heap, t).is_nil());
}
