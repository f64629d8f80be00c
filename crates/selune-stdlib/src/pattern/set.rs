//! Sets of bytes: character classes of the C locale and bracket sets.

/// A set of bytes, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub const EMPTY: ByteSet = ByteSet([0; 4]);
    /// Every byte.
    pub const ALL: ByteSet = ByteSet([!0; 4]);

    /// Is `c` in it?
    #[inline(always)]
    pub fn has(&self, c: u8) -> bool {
        self.0[usize::from(c >> 6)] >> (c & 63) & 1 != 0
    }
    /// Adds a byte.
    pub const fn add(&mut self, c: u8) {
        self.0[(c >> 6) as usize] |= 1 << (c & 63);
    }
    /// Adds all of another set.
    pub fn union(&mut self, other: &ByteSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
    }
    /// All bytes that are not in it.
    pub const fn complement(self) -> ByteSet {
        ByteSet([!self.0[0], !self.0[1], !self.0[2], !self.0[3]])
    }
    /// The only byte in it, if it has just one.
    pub fn single(&self) -> Option<u8> {
        let count: u32 = self.0.iter().map(|w| w.count_ones()).sum();
        if count != 1 {
            return None;
        }
        let word = self.0.iter().position(|w| *w != 0)?;
        Some((word * 64) as u8 + self.0[word].trailing_zeros() as u8)
    }
}

const fn class_set(class: u8) -> ByteSet {
    let mut set = ByteSet::EMPTY;
    let mut c = 0u8;
    loop {
        let yes = match class {
            b'a' => c.is_ascii_alphabetic(),
            b'c' => c.is_ascii_control(),
            b'd' => c.is_ascii_digit(),
            b'g' => c.is_ascii_graphic(),
            b'l' => c.is_ascii_lowercase(),
            b'p' => c.is_ascii_punctuation(),
            b's' => matches!(c, b' ' | 9..=13),
            b'u' => c.is_ascii_uppercase(),
            b'w' => c.is_ascii_alphanumeric(),
            b'x' => c.is_ascii_hexdigit(),
            _ => c == 0,
        };
        if yes {
            set.add(c);
        }
        if c == 255 {
            return set;
        }
        c += 1;
    }
}

static CLASSES: [ByteSet; 11] = {
    let mut sets = [ByteSet::EMPTY; 11];
    let letters = *b"acdglpsuwxz";
    let mut i = 0;
    while i < 11 {
        sets[i] = class_set(letters[i]);
        i += 1;
    }
    sets
};

/// The set that `%c` stands for: a class, its complement, or the character itself.
pub fn escaped(c: u8) -> ByteSet {
    match b"acdglpsuwxz".iter().position(|l| *l == c.to_ascii_lowercase()) {
        Some(i) if c.is_ascii_lowercase() => CLASSES[i],
        Some(i) => CLASSES[i].complement(),
        None => {
            let mut set = ByteSet::EMPTY;
            set.add(c);
            set
        }
    }
}

/// The set of a bracket expression; `body` is what stands between the brackets.
pub fn bracket(body: &[u8]) -> ByteSet {
    let (negated, body) = match body {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, body),
    };
    let mut set = ByteSet::EMPTY;
    let mut rest = body;
    loop {
        rest = match rest {
            [] => break,
            [b'%', c, tail @ ..] => {
                set.union(&escaped(*c));
                tail
            }
            // The end of a range was the '%' of an escape: what is left of it escapes the closing bracket.
            [b'%'] => {
                set.add(b']');
                &[]
            }
            [low, b'-', high, tail @ ..] => {
                for c in *low..=*high {
                    set.add(c);
                }
                tail
            }
            [c, tail @ ..] => {
                set.add(*c);
                tail
            }
        };
    }
    if negated { set.complement() } else { set }
}
