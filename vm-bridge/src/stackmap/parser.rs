//! The reader of `.llvm_stackmaps`, version 3 (little endian). The format is described in LLVM's "Stack maps and patch
//! points"; the layout of a statepoint's locations in "Garbage Collection Safepoints in LLVM".

use super::*;
use std::collections::HashMap;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StackMapError> {
        let end = self.at.saturating_add(N);
        let bytes = self.bytes.get(self.at..end).and_then(|b| b.try_into().ok());
        self.at = end;
        bytes.ok_or(StackMapError::Truncated(self.bytes.len()))
    }

    fn u8(&mut self) -> Result<u8, StackMapError> {
        self.take().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, StackMapError> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, StackMapError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, StackMapError> {
        self.take().map(u64::from_le_bytes)
    }

    fn align8(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Room for `count` elements of at least `size` bytes each: what an untrusted count may reserve.
    fn capacity(&self, count: u32, size: usize) -> usize {
        (count as usize).min(self.bytes.len() / size)
    }
}

/// Lists that records share when they are equal.
struct Lists<T> {
    items: Vec<T>,
    known: HashMap<Vec<T>, (u32, u32)>,
}

impl<T: Copy + Eq + std::hash::Hash> Lists<T> {
    fn new() -> Lists<T> {
        Lists {
            items: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn add(&mut self, list: Vec<T>) -> (u32, u32) {
        if list.is_empty() {
            return (0, 0);
        }
        if let Some(&range) = self.known.get(&list) {
            return range;
        }
        let range = (self.items.len() as u32, list.len() as u32);
        self.items.extend_from_slice(&list);
        self.known.insert(list, range);
        range
    }
}

/// A location as it is in the section.
#[derive(Clone, Copy)]
struct RawLocation {
    location: Location,
    size: u16,
}

pub(super) fn parse(
    section: &[u8],
    code_start: u64,
    code_size: u64,
) -> Result<StackMap, StackMapError> {
    let mut r = Reader {
        bytes: section,
        at: 0,
    };
    let version = r.u8()?;
    if version != 3 {
        return Err(StackMapError::Version(version));
    }
    r.take::<3>()?;
    let (function_count, constant_count, record_count) = (r.u32()?, r.u32()?, r.u32()?);
    if u32::try_from(code_size).is_err() {
        return Err(StackMapError::Malformed("more than 4 GiB of code"));
    }
    let offset_of = |address: u64, limit: u64| match address.checked_sub(code_start) {
        Some(offset) if offset < limit => Ok(offset as u32),
        _ => Err(StackMapError::OutsideCode(address)),
    };
    let mut map = StackMap::default();
    let mut counts = Vec::with_capacity(r.capacity(function_count, 24));
    map.functions.reserve(r.capacity(function_count, 24));
    for _ in 0..function_count {
        let (address, frame_size, records) = (r.u64()?, r.u64()?, r.u64()?);
        let frame_size = match frame_size {
            u64::MAX => None,
            n => Some(
                u32::try_from(n)
                    .map_err(|_| StackMapError::Malformed("a frame of more than 4 GiB"))?,
            ),
        };
        map.functions.push(FunctionFrame {
            offset: offset_of(address, code_size)?,
            frame_size,
            landing: None,
        });
        counts.push(records);
    }
    let mut constants = Vec::with_capacity(r.capacity(constant_count, 8));
    for _ in 0..constant_count {
        constants.push(r.u64()? as i64);
    }
    let mut total = 0u64;
    let (mut pairs, mut locations) = (Lists::new(), Lists::new());
    for (function, &count) in counts.iter().enumerate() {
        for _ in 0..count {
            total += 1;
            let id = r.u64()?;
            let instruction = r.u32()?;
            r.u16()?;
            let raw = read_locations(&mut r, id, &constants)?;
            let address =
                code_start + u64::from(map.functions[function].offset) + u64::from(instruction);
            let function = function as u32;
            if id & EXIT_ID != 0 {
                // The offset of a patchpoint is its first byte; exits are known by the address after it.
                let offset = offset_of(address + EXIT_BYTES as u64, code_size + 1)?;
                let live = raw
                    .iter()
                    .map(|l| live_value(id, *l))
                    .collect::<Result<Vec<_>, _>>()?;
                let is_landing = id & LANDING_ID != 0;
                let id = id & !(EXIT_ID | LANDING_ID);
                map.exits.push(Exit {
                    offset,
                    function,
                    id,
                    is_landing,
                    live: locations.add(live),
                });
                if is_landing {
                    // The code after the exit is there, or the address would not be a landing.
                    offset_of(address + EXIT_BYTES as u64, code_size)?;
                    map.functions[function as usize].landing = Some(offset);
                }
            } else {
                let offset = offset_of(address, code_size + 1)?;
                let (deopt, gc) = statepoint(id, &raw)?;
                let (deopt, gc) = (locations.add(deopt), pairs.add(gc));
                map.safepoints.push(Safepoint {
                    offset,
                    function,
                    id,
                    gc,
                    deopt,
                });
            }
        }
    }
    if total != u64::from(record_count) {
        return Err(StackMapError::Malformed(
            "the functions' records are not all records",
        ));
    }
    map.pairs = pairs.items;
    map.locations = locations.items;
    map.safepoints.sort_by_key(|s| s.offset);
    map.exits.sort_by_key(|e| e.offset);
    if map
        .safepoints
        .windows(2)
        .any(|w| w[0].offset == w[1].offset)
        || map.exits.windows(2).any(|w| w[0].offset == w[1].offset)
    {
        return Err(StackMapError::Malformed("two records for one address"));
    }
    map.shrink();
    Ok(map)
}

impl StackMap {
    fn shrink(&mut self) {
        self.functions.shrink_to_fit();
        self.safepoints.shrink_to_fit();
        self.exits.shrink_to_fit();
        self.pairs.shrink_to_fit();
        self.locations.shrink_to_fit();
    }
}

fn read_locations(
    r: &mut Reader,
    id: u64,
    constants: &[i64],
) -> Result<Vec<RawLocation>, StackMapError> {
    let count = r.u16()?;
    let mut locations = Vec::with_capacity(count.into());
    for _ in 0..count {
        let kind = r.u8()?;
        r.u8()?;
        let size = r.u16()?;
        let register = r.u16()?;
        r.u16()?;
        let value = r.u32()?;
        let unexpected = |what| StackMapError::Unexpected { id, what };
        let offset = value as i32;
        let location = match kind {
            1 => Location::Register(register),
            2 => Location::Direct { register, offset },
            3 => Location::Indirect {
                register,
                offset,
                size: size.try_into().unwrap_or(u8::MAX),
            },
            4 => Location::Constant(offset.into()),
            5 => Location::Constant(
                *constants
                    .get(value as usize)
                    .ok_or(unexpected("no such constant"))?,
            ),
            _ => return Err(unexpected("location of an unknown kind")),
        };
        locations.push(RawLocation { location, size });
    }
    r.align8();
    r.u16()?;
    let live_outs = r.u16()?;
    for _ in 0..live_outs {
        r.u32()?;
    }
    r.align8();
    Ok(locations)
}

/// A statepoint's locations: calling convention, flags, number of deopt values (all constants), the deopt values, then
/// pairs of base and derived value.
fn statepoint(id: u64, raw: &[RawLocation]) -> Result<(Vec<Location>, Vec<GcPair>), StackMapError> {
    let unexpected = |what| StackMapError::Unexpected { id, what };
    let &[convention, flags, count, ref rest @ ..] = raw else {
        return Err(unexpected("a statepoint without a header"));
    };
    let (Location::Constant(_), Location::Constant(_), Location::Constant(count)) =
        (convention.location, flags.location, count.location)
    else {
        return Err(unexpected("a statepoint's header is not constant"));
    };
    let count =
        usize::try_from(count).map_err(|_| unexpected("a negative number of deopt values"))?;
    let (deopt, gc) = rest
        .split_at_checked(count)
        .ok_or(unexpected("fewer locations than deopt values"))?;
    let deopt = deopt
        .iter()
        .map(|l| deopt_value(id, *l))
        .collect::<Result<_, _>>()?;
    let (pairs, odd) = gc.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(unexpected("an odd number of gc locations"));
    }
    let mut found = Vec::with_capacity(pairs.len());
    for &[base, derived] in pairs {
        let pair = match (slot(id, base)?, slot(id, derived)?) {
            (Some(base), Some(derived)) => GcPair { base, derived },
            // Nothing was derived that stays: the base alone is to be updated.
            (Some(base), None) => GcPair {
                base,
                derived: base,
            },
            // Derived from a constant (null): not from an object, so nothing moves it.
            (None, _) => continue,
        };
        if !found.contains(&pair) {
            found.push(pair);
        }
    }
    Ok((deopt, found))
}

/// A collected value: in a slot, or (none) a constant.
fn slot(id: u64, l: RawLocation) -> Result<Option<Slot>, StackMapError> {
    let unexpected = |what| StackMapError::Unexpected { id, what };
    if l.size != 8 {
        return Err(unexpected("a collected value whose size is not 8"));
    }
    match l.location {
        Location::Indirect {
            register: SP,
            offset,
            ..
        } => Ok(Some(Slot::Sp(offset))),
        Location::Indirect {
            register: FP,
            offset,
            ..
        } => Ok(Some(Slot::Fp(offset))),
        Location::Constant(_) => Ok(None),
        Location::Indirect { .. } => {
            Err(unexpected("a collected value in memory outside the frame"))
        }
        Location::Register(_) => Err(unexpected("a collected value in a register")),
        Location::Direct { .. } => Err(unexpected("a collected value that is a stack address")),
    }
}

fn deopt_value(id: u64, l: RawLocation) -> Result<Location, StackMapError> {
    let unexpected = |what| StackMapError::Unexpected { id, what };
    match l.location {
        Location::Register(_) => Err(unexpected("a deopt value in a register")),
        Location::Direct { register, .. } if !matches!(register, SP | FP) => Err(unexpected(
            "a deopt value that is an address outside the frame",
        )),
        Location::Indirect { register, size, .. } => match (register, size) {
            (SP | FP, 1 | 2 | 4 | 8) => Ok(l.location),
            (SP | FP, _) => Err(unexpected("a deopt value of an unknown size")),
            _ => Err(unexpected("a deopt value in memory outside the frame")),
        },
        other => Ok(other),
    }
}

fn live_value(id: u64, l: RawLocation) -> Result<Location, StackMapError> {
    let unexpected = |what| StackMapError::Unexpected { id, what };
    match l.location {
        Location::Register(0..=15 | 17..=32) if l.size <= 16 => Ok(l.location),
        Location::Register(_) => Err(unexpected(
            "a live value in a register that exits do not save",
        )),
        Location::Direct {
            register: 0..=15, ..
        }
        | Location::Constant(_) => Ok(l.location),
        Location::Direct { .. } => Err(unexpected("a live value relative to a vector register")),
        Location::Indirect {
            register: SP | FP,
            size: 1 | 2 | 4 | 8,
            ..
        } => Ok(l.location),
        Location::Indirect { .. } => Err(unexpected(
            "a live value in memory outside the frame, or of an unknown size",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 0x7000_0000_1000;
    const SIZE: u64 = 0x1000;

    fn location(kind: u8, size: u16, register: u16, value: u32) -> Vec<u8> {
        let mut b = vec![kind, 0];
        b.extend(size.to_le_bytes());
        b.extend(register.to_le_bytes());
        b.extend([0, 0]);
        b.extend(value.to_le_bytes());
        b
    }

    fn record(id: u64, offset: u32, locations: &[Vec<u8>]) -> Vec<u8> {
        let mut b = id.to_le_bytes().to_vec();
        b.extend(offset.to_le_bytes());
        b.extend([0, 0]);
        b.extend((locations.len() as u16).to_le_bytes());
        b.extend(locations.concat());
        b.resize(b.len().next_multiple_of(8), 0);
        b.extend([0; 4]);
        b.resize(b.len().next_multiple_of(8), 0);
        b
    }

    fn section(functions: &[(u64, u64, &[Vec<u8>])], constants: &[u64]) -> Vec<u8> {
        let mut b = vec![3, 0, 0, 0];
        b.extend((functions.len() as u32).to_le_bytes());
        b.extend((constants.len() as u32).to_le_bytes());
        b.extend((functions.iter().map(|f| f.2.len()).sum::<usize>() as u32).to_le_bytes());
        for (address, frame, records) in functions {
            b.extend(address.to_le_bytes());
            b.extend(frame.to_le_bytes());
            b.extend((records.len() as u64).to_le_bytes());
        }
        for c in constants {
            b.extend(c.to_le_bytes());
        }
        for (_, _, records) in functions {
            b.extend(records.concat());
        }
        b
    }

    /// Two functions: a safepoint with deopt values and pairs, one without anything; two exits with the same values.
    fn example() -> Vec<u8> {
        let constant = |v| location(4, 8, 0, v);
        let gc = [
            location(3, 8, SP, 8),
            location(3, 8, SP, 16),
            constant(0),
            location(3, 8, SP, 24),
        ]
        .concat();
        let with_values = [
            constant(0),
            constant(0),
            constant(2),
            location(5, 8, 0, 0),
            location(3, 4, FP, -12i32 as u32),
            gc,
        ];
        let live = [
            location(1, 8, 3, 0),
            location(1, 16, 17, 0),
            location(3, 8, SP, 40),
            location(2, 8, SP, 48),
        ];
        let mut full = record(0xABCD, 0x20, &[]);
        // The four gc locations were concatenated: write the true count of locations.
        full.clear();
        full.extend(record(
            0xABCD,
            0x20,
            &with_values
                .concat()
                .chunks(12)
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>(),
        ));
        let first = [full, record(EXIT_ID | LANDING_ID | 7, 0x80, &live)];
        let second = [
            record(EXIT_ID | 8, 0x10, &live),
            record(0xABCE, 0x8, &[constant(0), constant(0), constant(0)]),
        ];
        section(
            &[(START, 0x38, &first), (START + 0x200, u64::MAX, &second)],
            &[0x1234_5678_9ABC],
        )
    }

    #[test]
    fn reads_all_kinds_of_records() {
        let map = StackMap::parse(&example(), START, SIZE).unwrap();
        let functions: Vec<_> = map
            .functions()
            .iter()
            .map(|f| (f.offset, f.frame_size, f.landing))
            .collect();
        assert_eq!(
            functions,
            [(0, Some(0x38), Some(0x85)), (0x200, None, None)]
        );
        let s = map.safepoint_at(0x20).unwrap();
        assert_eq!((s.id, s.function), (0xABCD, 0));
        let deopt = [
            Location::Constant(0x1234_5678_9ABC),
            Location::Indirect {
                register: FP,
                offset: -12,
                size: 4,
            },
        ];
        assert_eq!(map.deopt_values(s), deopt);
        assert_eq!(
            map.gc_pairs(s),
            [GcPair {
                base: Slot::Sp(8),
                derived: Slot::Sp(16)
            }]
        );
        let empty = map.safepoint_at(0x208).unwrap();
        assert!(map.gc_pairs(empty).is_empty() && map.deopt_values(empty).is_empty());
        assert!(map.safepoint_at(0x21).is_none());
        let (a, b) = (map.exit_at(0x85).unwrap(), map.exit_at(0x215).unwrap());
        assert_eq!((a.id, a.is_landing, a.patch_offset()), (7, true, 0x80));
        assert_eq!((b.id, b.is_landing, b.function), (8, false, 1));
        assert_eq!(map.live_values(a).len(), 4);
        assert_eq!(
            map.live_values(a).as_ptr(),
            map.live_values(b).as_ptr(),
            "equal lists are shared"
        );
    }

    #[test]
    fn every_cut_is_an_error_and_no_byte_makes_it_panic() {
        let good = example();
        for n in 0..good.len() - 4 {
            assert!(StackMap::parse(&good[..n], START, SIZE).is_err(), "{n}");
        }
        for i in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[i] ^= 1 << bit;
                if let Ok(map) = StackMap::parse(&bad, START, SIZE) {
                    for s in map.safepoints() {
                        let _ = (map.gc_pairs(s), map.deopt_values(s));
                    }
                    for e in map.exits() {
                        let _ = (map.live_values(e), e.patch_offset());
                    }
                }
            }
        }
    }

    #[test]
    fn refuses_what_it_does_not_expect() {
        let c = |v| location(4, 8, 0, v);
        let header = || vec![c(0), c(0), c(0)];
        let error = |id: u64, locations: Vec<Vec<u8>>| {
            let records = [record(id, 4, &locations)];
            StackMap::parse(&section(&[(START, 8, &records)], &[]), START, SIZE)
                .unwrap_err()
                .to_string()
        };
        let pair = |l: Vec<u8>| [header(), vec![l.clone(), l]].concat();
        let exit = EXIT_ID | 1;
        for (expected, found) in [
            (
                "a collected value whose size is not 8",
                error(1, pair(location(3, 16, SP, 0))),
            ),
            (
                "a collected value in a register",
                error(1, pair(location(1, 8, 3, 0))),
            ),
            (
                "a collected value that is a stack address",
                error(1, pair(location(2, 8, SP, 0))),
            ),
            (
                "a collected value in memory outside the frame",
                error(1, pair(location(3, 8, 0, 0))),
            ),
            (
                "an odd number of gc locations",
                error(1, [header(), vec![c(0)]].concat()),
            ),
            (
                "fewer locations than deopt values",
                error(1, vec![c(0), c(0), c(1)]),
            ),
            ("a statepoint without a header", error(1, vec![])),
            (
                "location of an unknown kind",
                error(1, vec![location(6, 8, 0, 0)]),
            ),
            ("no such constant", error(1, vec![location(5, 8, 0, 0)])),
            (
                "a live value in a register that exits do not save",
                error(exit, vec![location(1, 8, 67, 0)]),
            ),
            (
                "a live value in memory outside the frame, or of an unknown size",
                error(exit, vec![location(3, 16, SP, 0)]),
            ),
        ] {
            assert!(found.ends_with(expected), "{found}");
        }
        let outside = section(&[(START + SIZE, 8, &[])], &[]);
        assert_eq!(
            StackMap::parse(&outside, START, SIZE).unwrap_err(),
            StackMapError::OutsideCode(START + SIZE)
        );
        let records = [record(exit, SIZE as u32 - 4, &[])];
        assert!(StackMap::parse(&section(&[(START, 8, &records)], &[]), START, SIZE).is_err());
        let twice = [record(1, 4, &header()), record(2, 4, &header())];
        assert!(StackMap::parse(&section(&[(START, 8, &twice)], &[]), START, SIZE).is_err());
        assert_eq!(
            StackMap::parse(&[2; 64], 0, 1).unwrap_err(),
            StackMapError::Version(2)
        );
    }
}
