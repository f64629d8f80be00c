//! Orders, dominators and natural loops of small graphs whose entry is node 0.

/// A graph by successor lists.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Successors by node.
    pub succs: Vec<Vec<usize>>,
}

/// A loop: nodes of all cycles through one header.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The header.
    pub header: usize,
    /// Its nodes, by node number.
    pub member: Vec<bool>,
    /// The header dominates all of it (a false one has further entries).
    pub natural: bool,
    /// No other loop inside.
    pub innermost: bool,
    /// Number of loops around it, itself included.
    pub depth: u32,
}

/// What is computed of a graph.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Nodes that can be reached, in reverse postorder.
    pub rpo: Vec<usize>,
    /// Position in `rpo`, `usize::MAX` when a node cannot be reached.
    pub pos: Vec<usize>,
    /// Loops, outer ones before inner ones of the same nest.
    pub loops: Vec<Loop>,
    /// The loop of which a node is the header.
    pub loop_at: Vec<Option<usize>>,
}

impl Analysis {
    /// Is the edge one that goes back (to a loop header)?
    pub fn is_back_edge(&self, from: usize, to: usize) -> bool {
        self.pos[to] <= self.pos[from]
    }
    /// The innermost loop around a node.
    pub fn innermost_at(&self, node: usize) -> Option<usize> {
        (0..self.loops.len()).filter(|l| self.loops[*l].member[node]).max_by_key(|l| self.loops[*l].depth)
    }
}

impl Graph {
    /// Analyses the part that can be reached from node 0.
    pub fn analyse(&self) -> Analysis {
        let n = self.succs.len();
        let rpo = self.reverse_postorder();
        let mut pos = vec![usize::MAX; n];
        for (i, b) in rpo.iter().enumerate() {
            pos[*b] = i;
        }
        let mut preds = vec![Vec::new(); n];
        for &b in &rpo {
            for &s in &self.succs[b] {
                preds[s].push(b);
            }
        }
        let idom = immediate_dominators(&rpo, &pos, &preds);
        let mut loops = Vec::new();
        for &h in &rpo {
            let latches: Vec<usize> = preds[h].iter().copied().filter(|p| pos[*p] >= pos[h]).collect();
            if latches.is_empty() {
                continue;
            }
            let natural = latches.iter().all(|l| dominates(&idom, pos[h], pos[*l]));
            let mut member = vec![false; n];
            member[h] = true;
            let mut work = latches;
            while let Some(b) = work.pop() {
                if !member[b] {
                    member[b] = true;
                    work.extend(preds[b].iter().copied());
                }
            }
            loops.push(Loop { header: h, member, natural, innermost: true, depth: 1 });
        }
        let mut loop_at = vec![None; n];
        for i in 0..loops.len() {
            loop_at[loops[i].header] = Some(i);
            for k in 0..loops.len() {
                if k != i && loops[k].member[loops[i].header] && !(loops[i].member[loops[k].header] && k > i) {
                    loops[i].depth += 1;
                    loops[k].innermost = false;
                }
            }
        }
        Analysis { rpo, pos, loops, loop_at }
    }

    fn reverse_postorder(&self) -> Vec<usize> {
        let mut seen = vec![false; self.succs.len()];
        let mut out = Vec::new();
        if self.succs.is_empty() {
            return out;
        }
        let mut stack = vec![(0, 0)];
        seen[0] = true;
        while let Some((b, i)) = stack.pop() {
            match self.succs[b].len().checked_sub(1 + i).map(|k| self.succs[b][k]) {
                Some(s) => {
                    stack.push((b, i + 1));
                    if !seen[s] {
                        seen[s] = true;
                        stack.push((s, 0));
                    }
                }
                None => out.push(b),
            }
        }
        out.reverse();
        out
    }
}

/// By position in reverse postorder.
fn immediate_dominators(rpo: &[usize], pos: &[usize], preds: &[Vec<usize>]) -> Vec<usize> {
    let mut idom = vec![usize::MAX; rpo.len()];
    if rpo.is_empty() {
        return idom;
    }
    idom[0] = 0;
    let mut changed = true;
    while changed {
        changed = false;
        for (i, b) in rpo.iter().enumerate().skip(1) {
            let mut new = usize::MAX;
            for p in &preds[*b] {
                let p = pos[*p];
                if idom[p] == usize::MAX {
                    continue;
                }
                new = if new == usize::MAX { p } else { common(&idom, new, p) };
            }
            if idom[i] != new {
                idom[i] = new;
                changed = true;
            }
        }
    }
    idom
}

fn common(idom: &[usize], mut a: usize, mut b: usize) -> usize {
    while a != b {
        if a > b {
            a = idom[a];
        } else {
            b = idom[b];
        }
    }
    a
}

fn dominates(idom: &[usize], a: usize, mut b: usize) -> bool {
    while b > a {
        b = idom[b];
    }
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn nested_loops() {
        // 0 -> 1 -> 2 -> 3 -> 2, 3 -> 1, 1 -> 4
        let g = Graph { succs: vec![vec![1], vec![2, 4], vec![3], vec![2, 1], vec![]] };
        let a = g.analyse();
        assert_eq!(a.rpo[0], 0);
        assert_eq!(a.loops.len(), 2);
        let (outer, inner) = (&a.loops[0], &a.loops[1]);
        assert_eq!((outer.header, outer.depth, outer.innermost, outer.natural), (1, 1, false, true));
        assert_eq!((inner.header, inner.depth, inner.innermost), (2, 2, true));
        assert!(outer.member[3] && !outer.member[4] && !inner.member[1]);
        assert!(a.is_back_edge(3, 1) && !a.is_back_edge(1, 4));
        assert_eq!(a.innermost_at(3), Some(1));
    }
    #[test]
    fn a_second_entry_makes_a_loop_unnatural() {
        // 0 -> 1, 0 -> 2, 1 -> 2, 2 -> 1
        let a = Graph { succs: vec![vec![1, 2], vec![2], vec![1]] }.analyse();
        assert!(a.loops.iter().any(|l| !l.natural));
    }
}
