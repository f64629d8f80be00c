//! Pseudo-random numbers: xoshiro256**, seeded and projected as PUC does, so that a seed gives the same stream.

/// The generator's state.
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator with this seed.
    pub fn new(seed: (u64, u64)) -> Random {
        let mut random = Random { state: [0; 4] };
        random.seed(seed);
        random
    }

    /// A seed that differs between runs.
    pub fn fresh_seed(salt: usize) -> (u64, u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        (now.as_secs(), (salt as u64) ^ u64::from(now.subsec_nanos()) << 32)
    }

    /// Starts the stream of a seed.
    pub fn seed(&mut self, (a, b): (u64, u64)) {
        self.state = [a, 0xff, b, 0];
        for _ in 0..16 {
            self.next();
        }
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ (s1 << 17), s3.rotate_left(45)];
        s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9)
    }

    /// Random bits as a float in [0, 1).
    #[inline]
    pub fn float(bits: u64) -> f64 {
        (bits >> 11) as f64 * (0.5 / (1u64 << 52) as f64)
    }

    /// Projects random bits into [0, n] without bias; None when these bits do not do.
    #[inline]
    pub fn project(bits: u64, n: u64) -> Option<u64> {
        if n & n.wrapping_add(1) == 0 {
            return Some(bits & n);
        }
        Some(bits & u64::MAX >> n.leading_zeros()).filter(|bits| *bits <= n)
    }

    /// Draws until a number in [0, n] comes.
    pub fn draw(&mut self, n: u64) -> u64 {
        loop {
            let bits = self.next();
            if let Some(offset) = Random::project(bits, n) {
                return offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_of_a_known_seed() {
        // math.randomseed(1007); math.random(0) in PUC Lua 5.4.
        let mut random = Random::new((1007, 0));
        assert_eq!(random.next(), 0x7a7040a5_a323c9d6);
        assert_eq!(Random::float(1 << 63), 0.5);
        assert!(Random::float(u64::MAX) < 1.0);
        assert!((0..100).all(|_| random.draw(5) <= 5));
    }
}
