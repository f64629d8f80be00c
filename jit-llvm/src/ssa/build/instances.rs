//! Which copies of bytecode blocks a function is built from.
//!
//! Normally one each. A loop to be peeled has two: its first iteration (copy 0) and the others (copy 1). An OSR entry in
//! the middle of nested loops would give the outer loops a second entry; instead the rest of the innermost loop is built
//! on its own (onion layer 0), then the rest of the loop around it (layer 1, with a proper copy of the inner one), and so on.
use super::bytecode::Code;
use super::graph::{Analysis, Graph};
use std::collections::{HashMap, HashSet};

/// A copy of a bytecode block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instance {
    /// The block.
    pub block: usize,
    /// Onion layer.
    pub layer: u16,
    /// 0: not peeled, or the first iteration; 1: the other iterations.
    pub copy: u8,
}

/// The graph of instances; node 0 is the entry.
#[derive(Debug)]
pub struct Instances {
    /// Nodes.
    pub nodes: Vec<Instance>,
    /// Its loops and orders.
    pub flow: Analysis,
    index: HashMap<Instance, usize>,
    layers: Vec<Vec<bool>>,
    peel: HashSet<usize>,
}

/// Most bytecode instructions that layers may add.
const LAYER_LIMIT: usize = 1500;

impl Instances {
    /// From the function's start, or from block `osr`; `peel` holds headers (blocks) of innermost loops.
    pub fn new(code: &Code, osr: Option<usize>, peel: &HashSet<usize>) -> Instances {
        let mut layers = Vec::new();
        if let Some(b) = osr {
            let mut around: Vec<_> = code.flow.loops.iter().filter(|l| l.natural && l.member[b]).collect();
            around.sort_by_key(|l| core::cmp::Reverse(l.depth));
            let mut total = 0;
            for l in around {
                total += (0..code.blocks.len()).filter(|i| l.member[*i]).map(|i| code.blocks[i].end - code.blocks[i].start).sum::<usize>();
                if total > LAYER_LIMIT && !layers.is_empty() {
                    break;
                }
                layers.push(l.member.clone());
            }
        }
        let entry = Instance { block: osr.unwrap_or(0), layer: 0, copy: 0 };
        let mut out = Instances {
            nodes: vec![entry],
            flow: Graph::default().analyse(),
            index: HashMap::from([(entry, 0)]),
            layers,
            peel: peel.clone(),
        };
        let mut graph = Graph { succs: vec![vec![]] };
        let mut next = 0;
        while next < out.nodes.len() {
            let from = out.nodes[next];
            for to in &code.graph.succs[from.block] {
                let to = out.successor(code, from, *to);
                let id = match out.index.get(&to) {
                    Some(id) => *id,
                    None => {
                        out.nodes.push(to);
                        graph.succs.push(vec![]);
                        out.index.insert(to, out.nodes.len() - 1);
                        out.nodes.len() - 1
                    }
                };
                graph.succs[next].push(id);
            }
            next += 1;
        }
        out.flow = graph.analyse();
        out
    }

    fn successor(&self, code: &Code, from: Instance, to: usize) -> Instance {
        let mut layer = from.layer as usize;
        while layer < self.layers.len() && !self.layers[layer][to] {
            layer += 1;
        }
        let same_layer = layer == from.layer as usize;
        let copy = match code.flow.innermost_at(to).map(|l| &code.flow.loops[l]) {
            Some(l) if self.peel.contains(&l.header) => {
                if !same_layer || !l.member[from.block] {
                    0
                } else if to == l.header {
                    1
                } else {
                    from.copy
                }
            }
            _ => 0,
        };
        Instance { block: to, layer: layer as u16, copy }
    }

    /// The instance that control reaches when it goes from node `from` to block `to`.
    pub fn target(&self, code: &Code, from: usize, to: usize) -> usize {
        self.index[&self.successor(code, self.nodes[from], to)]
    }
}
