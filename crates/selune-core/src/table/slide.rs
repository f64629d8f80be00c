//! Moving stretches of array elements (`table.insert`, `table.remove` and `table.move` in the middle of a list).
use crate::heap::Heap;
use crate::object::{ArrayPart, Header};
use crate::value::Value;

impl Heap {
    /// Copies the elements with keys `from..from + n` to `to..to + n` within the array part of `t`, as if through a copy of
    /// them; false (and nothing done) when not all of these keys are in the array part.
    pub fn slide_elements(&mut self, t: Value, from: i64, to: i64, n: i64) -> bool {
        // SAFETY: OBJ-1, OBJ-3: a table has an array part; the ranges are checked to be within it, and `stored_range` is told
        // about every slot that was written.
        unsafe {
            let a = (*t.as_table()).array.as_array();
            let last = (*a).cap as i64;
            if from < 1 || to < 1 || n < 0 || n > last || from > last - n + 1 || to > last - n + 1 {
                return false;
            }
            let source = ArrayPart::element(a, from as usize - 1);
            let target = ArrayPart::element(a, to as usize - 1);
            core::ptr::copy(source, target, n as usize);
            self.stored_range(a as *mut Header, target, n as usize);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::HeapConfig;

    #[test]
    fn slides_within_the_array_only() {
        let mut heap = Heap::new(HeapConfig::default());
        let t = heap.new_table(8, 0);
        for i in 1..=8 {
            heap.set_int(t, i, Value::small_int(i));
        }
        assert!(heap.slide_elements(t, 1, 2, 7));
        let all: Vec<_> = (1..=8).map(|i| heap.get_int(t, i).as_small_int()).collect();
        assert_eq!(all, [1, 1, 2, 3, 4, 5, 6, 7]);
        assert!(heap.slide_elements(t, 3, 1, 6));
        assert_eq!(heap.get_int(t, 6), Value::small_int(7));
        assert!(!heap.slide_elements(t, 1, 3, 7));
        assert!(!heap.slide_elements(t, 0, 1, 1));
        assert!(!heap.slide_elements(t, 8, 1, 2));
        assert!(!heap.slide_elements(t, 1, 1, -1));
        assert!(!heap.slide_elements(t, i64::MAX, 1, 2));
    }
}
