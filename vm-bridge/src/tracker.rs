//! What is hot: decides when a function or loop is compiled, and when again after a bet has failed.
use std::collections::HashMap;

/// A place that can be compiled: a function, or one of its loops.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Place {
    /// Address of the proto.
    pub proto: usize,
    /// The loop header, none for the function's entry.
    pub loop_pc: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heat {
    /// How often the place was found hot.
    hits: u32,
    /// How often it must be found hot before it is compiled.
    wanted: u32,
    /// Versions that were thrown away.
    versions: u32,
    /// Compilations that failed.
    failures: u32,
}

/// Never waits longer than this many hits.
const MAX_WAIT: u32 = 1 << 10;

/// See the head of this file. The interpreter counts by itself, and tells when a count has run out.
#[derive(Debug, Default)]
pub struct HotspotTracker {
    places: HashMap<Place, Heat>,
}

impl HotspotTracker {
    /// Nothing is hot.
    pub fn new() -> HotspotTracker {
        HotspotTracker::default()
    }

    /// A function's count of calls ran out.
    pub fn record_call(&mut self, proto: usize) {
        self.heat(Place { proto, loop_pc: None }).hits += 1;
    }

    /// A loop's count of passes ran out.
    pub fn record_loop(&mut self, proto: usize, pc: u32) {
        self.heat(Place { proto, loop_pc: Some(pc) }).hits += 1;
    }

    /// Is it time to compile this place?
    pub fn should_compile(&self, place: Place) -> bool {
        self.places.get(&place).is_some_and(|h| h.hits > h.wanted)
    }

    /// A compilation failed: wait twice as long as the last time.
    pub fn record_failure(&mut self, place: Place) {
        let heat = self.heat(place);
        heat.failures += 1;
        heat.wanted = wait(heat.failures + 2);
        heat.hits = 0;
    }

    /// A version was thrown away because a bet failed. Gives how many were.
    pub fn record_invalidation(&mut self, place: Place) -> u32 {
        let heat = self.heat(place);
        heat.versions += 1;
        // The first ones learn something new; from then on back off.
        heat.wanted = if heat.versions < 4 { 0 } else { wait(heat.versions - 3) };
        heat.hits = 0;
        heat.versions
    }

    /// Versions of a place that were thrown away.
    pub fn versions(&self, place: Place) -> u32 {
        self.places.get(&place).map_or(0, |h| h.versions)
    }

    /// The function is gone.
    pub fn forget(&mut self, proto: usize) {
        self.places.retain(|p, _| p.proto != proto);
    }

    fn heat(&mut self, place: Place) -> &mut Heat {
        self.places.entry(place).or_default()
    }
}

fn wait(times: u32) -> u32 {
    1u32.checked_shl(times).unwrap_or(MAX_WAIT).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_never_end() {
        let mut t = HotspotTracker::new();
        let place = Place { proto: 1, loop_pc: Some(7) };
        assert!(!t.should_compile(place));
        t.record_loop(1, 7);
        assert!(t.should_compile(place));
        let mut last = 0;
        for _ in 0..40 {
            t.record_failure(place);
            let mut n = 0;
            while !t.should_compile(place) {
                t.record_loop(1, 7);
                n += 1;
            }
            assert!(n >= last && n <= MAX_WAIT + 1);
            last = n;
        }
        assert_eq!(last, MAX_WAIT + 1);
        t.forget(1);
        t.record_loop(1, 7);
        assert!(t.should_compile(place));
    }

    #[test]
    fn the_first_new_versions_come_at_once() {
        let mut t = HotspotTracker::new();
        let place = Place { proto: 1, loop_pc: None };
        for n in 1..4 {
            t.record_call(1);
            assert!(t.should_compile(place));
            assert_eq!(t.record_invalidation(place), n);
        }
        t.record_invalidation(place);
        t.record_call(1);
        assert!(!t.should_compile(place));
    }
}
