//! The keys of shapes, shared along lines of the tree, and the children of a shape by key.
use super::{NO_SLOT, Shape};
use crate::value::Value;

/// Up to this many keys are searched one by one.
const LINEAR: u32 = 8;
const FIB: u64 = 0x9E37_79B9_7F4A_7C15;

/// Keys by slot; each shape that uses the list uses a prefix of it.
pub(super) struct KeyList {
    /// Number of shapes that use it.
    pub(super) users: usize,
    keys: Vec<Value>,
    /// Open addressing: slot + 1, or 0. Empty while there are few keys.
    index: Vec<u16>,
    /// How far the keys were visited by the collection with number `epoch`.
    visited: (u32, u32),
    /// Scratch of a sweep: the longest prefix in use.
    pub(super) used: u32,
}

impl KeyList {
    pub(super) fn empty() -> *mut KeyList {
        Box::into_raw(Box::new(KeyList { users: 0, keys: Vec::new(), index: Vec::new(), visited: (0, 0), used: 0 }))
    }
    /// The first `n` keys of `list` and then `key`: the same list when nothing follows yet, else a new one.
    pub(super) unsafe fn extended(list: *mut KeyList, n: u32, key: Value) -> *mut KeyList {
        // SAFETY: the caller passes the list of a live shape.
        unsafe {
            if (*list).keys.len() == n as usize {
                (*list).push(key);
                return list;
            }
            let mut new = KeyList { users: 0, keys: Vec::new(), index: Vec::new(), visited: (0, 0), used: 0 };
            new.keys.reserve(n as usize + 1);
            (&(*list).keys)[..n as usize].iter().for_each(|&k| new.push(k));
            new.push(key);
            Box::into_raw(Box::new(new))
        }
    }
    fn push(&mut self, key: Value) {
        self.keys.push(key);
        let n = self.keys.len();
        if n > LINEAR as usize {
            if n * 2 > self.index.len() {
                self.rebuild_index();
            } else {
                self.index_key(n - 1);
            }
        }
    }
    fn rebuild_index(&mut self) {
        let n = self.keys.len();
        self.index = if n > LINEAR as usize { vec![0; (n * 4).next_power_of_two()] } else { Vec::new() };
        if !self.index.is_empty() {
            (0..n).for_each(|i| self.index_key(i));
        }
    }
    fn index_key(&mut self, slot: usize) {
        let mask = self.index.len() - 1;
        let mut i = self.start(self.keys[slot]);
        while self.index[i] != 0 {
            i = (i + 1) & mask;
        }
        self.index[i] = slot as u16 + 1;
    }
    #[inline(always)]
    fn start(&self, key: Value) -> usize {
        (key.0.wrapping_mul(FIB) >> 32) as usize & (self.index.len() - 1)
    }
    /// The slot of `key` among the first `n`, or `NO_SLOT`.
    #[inline]
    pub(super) fn find(&self, key: Value, n: u32) -> u32 {
        if n <= LINEAR {
            let prefix = &self.keys[..n as usize];
            return prefix.iter().position(|k| *k == key).map_or(NO_SLOT, |i| i as u32);
        }
        let mask = self.index.len() - 1;
        let mut i = self.start(key);
        loop {
            match self.index[i] {
                0 => return NO_SLOT,
                s if self.keys[s as usize - 1] == key => return if s as u32 <= n { s as u32 - 1 } else { NO_SLOT },
                _ => i = (i + 1) & mask,
            }
        }
    }
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Value {
        self.keys[slot as usize]
    }
    /// Calls `f` with those of the first `n` keys that it was not called with in this epoch.
    pub(super) fn visit(&mut self, n: u32, epoch: u32, f: &mut dyn FnMut(Value)) {
        if self.visited.0 != epoch {
            self.visited = (epoch, 0);
        }
        for slot in self.visited.1..n {
            f(self.keys[slot as usize]);
        }
        self.visited.1 = self.visited.1.max(n);
    }
    /// Forgets the keys beyond the longest prefix in use.
    pub(super) fn truncate(&mut self) {
        if self.keys.len() > self.used as usize {
            self.keys.truncate(self.used as usize);
            self.rebuild_index();
        }
    }
}

/// Children of a shape by key.
pub(super) struct Children {
    list: Vec<(Value, *mut Shape)>,
    /// Open addressing into `list`: index + 1, or 0. Empty while there are few children.
    index: Vec<u32>,
}

impl Children {
    pub(super) fn new() -> Children {
        Children { list: Vec::new(), index: Vec::new() }
    }
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
    pub(super) fn find(&self, key: Value) -> *mut Shape {
        if self.index.is_empty() {
            return self.list.iter().find(|c| c.0 == key).map_or(core::ptr::null_mut(), |c| c.1);
        }
        let mask = self.index.len() - 1;
        let mut i = self.start(key);
        loop {
            match self.index[i] {
                0 => return core::ptr::null_mut(),
                n if self.list[n as usize - 1].0 == key => return self.list[n as usize - 1].1,
                _ => i = (i + 1) & mask,
            }
        }
    }
    pub(super) fn insert(&mut self, key: Value, child: *mut Shape) {
        self.list.push((key, child));
        let n = self.list.len();
        if n > LINEAR as usize {
            if n * 2 > self.index.len() { self.rebuild_index() } else { self.index_child(n - 1) }
        }
    }
    pub(super) fn retain(&mut self, mut keep: impl FnMut(*mut Shape) -> bool) {
        let n = self.list.len();
        self.list.retain(|c| keep(c.1));
        if self.list.len() < n {
            self.list.shrink_to_fit();
            self.rebuild_index();
        }
    }
    fn rebuild_index(&mut self) {
        let n = self.list.len();
        self.index = if n > LINEAR as usize { vec![0; (n * 4).next_power_of_two()] } else { Vec::new() };
        if !self.index.is_empty() {
            (0..n).for_each(|i| self.index_child(i));
        }
    }
    fn index_child(&mut self, at: usize) {
        let mask = self.index.len() - 1;
        let mut i = self.start(self.list[at].0);
        while self.index[i] != 0 {
            i = (i + 1) & mask;
        }
        self.index[i] = at as u32 + 1;
    }
    fn start(&self, key: Value) -> usize {
        (key.0.wrapping_mul(FIB) >> 32) as usize & (self.index.len() - 1)
    }
}
