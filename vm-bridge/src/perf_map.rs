//! Names for profilers: `/tmp/perf-<pid>.map`, where `perf report` looks for the names of generated code.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An open map file. Freed code keeps its line: the file has no way to take one back, and samples of it may exist.
#[derive(Debug)]
pub struct PerfMap {
    file: Mutex<File>,
}

impl PerfMap {
    /// Opens the map of this process.
    pub fn open() -> io::Result<PerfMap> {
        PerfMap::at(PathBuf::from(format!(
            "/tmp/perf-{}.map",
            std::process::id()
        )))
    }

    fn at(path: PathBuf) -> io::Result<PerfMap> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(PerfMap {
            file: Mutex::new(file),
        })
    }

    /// Names a range of code. A failure is of no consequence for the program and is not reported.
    pub fn add(&self, range: Range<usize>, name: &str) {
        let name: String = name
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        let line = format!("{:x} {:x} {name}\n", range.start, range.len());
        let _ = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_one_line_for_each_range() {
        let path = std::env::temp_dir().join(format!("selune-perf-map-{}", std::process::id()));
        let map = PerfMap::at(path.clone()).unwrap();
        map.add(0x1000..0x1010, "fib");
        map.add(0x2000..0x3000, "a\nb c");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text, "1000 10 fib\n2000 1000 a?b c\n");
    }
}
