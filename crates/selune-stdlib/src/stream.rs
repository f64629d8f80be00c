//! Buffered files with the behaviour of C's `FILE`: reading and writing through one position, three kinds of buffering,
//! pipes to processes, and the standard streams.
//!
//! Every open stream of a thread is on a list, so that `flush_all` can do what C does at `exit`. `print` and `io.write`
//! share one stream for the standard output.
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::{Rc, Weak};

/// Bytes of a buffer.
const BUFFER: usize = 1 << 15;
/// Longest numeral that `read_number` accepts.
const MAX_NUMERAL: usize = 200;
/// "Bad file descriptor" and "Invalid argument".
const EBADF: i32 = 9;
const EINVAL: i32 = 22;

/// When written bytes go to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    /// At once.
    No,
    /// At the end of a line.
    Line,
    /// When the buffer is full.
    Full,
}

/// An open stream.
pub struct Stream {
    /// None when the standard stream is not open in this process.
    file: Option<File>,
    child: Option<Child>,
    readable: bool,
    writable: bool,
    is_stdin: bool,
    input: Vec<u8>,
    /// What was read from `input`.
    taken: usize,
    output: Vec<u8>,
    buffering: Buffering,
    capacity: usize,
}

/// A shared stream.
pub type Handle = Rc<RefCell<Stream>>;

thread_local! {
    static OPEN: RefCell<Vec<Weak<RefCell<Stream>>>> = const { RefCell::new(Vec::new()) };
    static STANDARD: [Handle; 3] = standard_streams();
}

fn standard_streams() -> [Handle; 3] {
    let duplicate = |fd: io::Result<OwnedFd>| fd.ok().map(File::from);
    let mut stdin = Stream::new(duplicate(io::stdin().as_fd().try_clone_to_owned()), true, false);
    stdin.is_stdin = true;
    let mut stdout = Stream::new(duplicate(io::stdout().as_fd().try_clone_to_owned()), false, true);
    if io::stdout().is_terminal() {
        stdout.buffering = Buffering::Line;
    }
    let mut stderr = Stream::new(duplicate(io::stderr().as_fd().try_clone_to_owned()), false, true);
    stderr.buffering = Buffering::No;
    [stdin, stdout, stderr].map(share)
}

fn share(stream: Stream) -> Handle {
    let handle = Rc::new(RefCell::new(stream));
    OPEN.with_borrow_mut(|open| {
        if open.len() == open.capacity() {
            open.retain(|weak| weak.strong_count() > 0);
        }
        open.push(Rc::downgrade(&handle));
    });
    handle
}

/// The standard input.
pub fn stdin() -> Handle {
    STANDARD.with(|s| Rc::clone(&s[0]))
}

/// The standard output.
pub fn stdout() -> Handle {
    STANDARD.with(|s| Rc::clone(&s[1]))
}

/// The standard error output.
pub fn stderr() -> Handle {
    STANDARD.with(|s| Rc::clone(&s[2]))
}

/// Writes to the standard output; errors are dropped, as by `print`.
pub fn write_stdout(bytes: &[u8]) {
    STANDARD.with(|s| {
        let _ = s[1].borrow_mut().write(bytes);
    });
}

/// Flushes the standard output.
pub fn flush_stdout() {
    STANDARD.with(|s| {
        if let Ok(mut stdout) = s[1].try_borrow_mut() {
            let _ = stdout.flush();
        }
    });
}

/// Flushes every open stream of this thread. To be called before the process ends and before others are started.
pub fn flush_all() {
    flush_stdout();
    OPEN.with_borrow(|open| {
        for handle in open.iter().filter_map(Weak::upgrade) {
            if let Ok(mut stream) = handle.try_borrow_mut() {
                let _ = stream.flush();
            }
        }
    });
}

/// Opens a file with a mode of C's `fopen` (which must be valid, see `is_mode`).
pub fn open(path: &Path, mode: &[u8]) -> io::Result<Handle> {
    let plus = mode.contains(&b'+');
    let mut options = OpenOptions::new();
    match mode.first() {
        Some(b'w') => options.write(true).create(true).truncate(true).read(plus),
        Some(b'a') => options.append(true).create(true).read(plus),
        _ => options.read(true).write(plus),
    };
    let mut file = options.open(path)?;
    let reads = mode.first() == Some(&b'r');
    if mode.first() == Some(&b'a') && !plus {
        // Not every file can seek.
        let _ = file.seek(SeekFrom::End(0));
    }
    Ok(share(Stream::new(Some(file), reads || plus, !reads || plus)))
}

/// Has it the form `[rwa]+?b*`?
pub fn is_mode(mode: &[u8]) -> bool {
    let rest = match mode {
        [b'r' | b'w' | b'a', b'+', rest @ ..] | [b'r' | b'w' | b'a', rest @ ..] => rest,
        _ => return false,
    };
    rest.iter().all(|c| *c == b'b')
}

/// A stream over an open file.
pub fn from_file(file: File) -> Handle {
    share(Stream::new(Some(file), true, true))
}

/// Starts a shell command with a pipe from its output (`write` false) or to its input.
pub fn popen(command: &Path, write: bool) -> io::Result<Handle> {
    flush_all();
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command);
    if write {
        shell.stdin(Stdio::piped());
    } else {
        shell.stdout(Stdio::piped());
    }
    let mut child = shell.spawn()?;
    let pipe: Option<OwnedFd> = if write { child.stdin.take().map(Into::into) } else { child.stdout.take().map(Into::into) };
    let mut stream = Stream::new(pipe.map(File::from), !write, write);
    stream.child = Some(child);
    Ok(share(stream))
}

impl Stream {
    fn new(file: Option<File>, readable: bool, writable: bool) -> Stream {
        Stream {
            file,
            child: None,
            readable,
            writable,
            is_stdin: false,
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            buffering: Buffering::Full,
            capacity: BUFFER,
        }
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::Error::from_raw_os_error(EBADF))
    }

    /// Bytes that were read ahead.
    #[inline]
    fn ahead(&self) -> &[u8] {
        &self.input[self.taken..]
    }

    /// Reads more when nothing is left; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.taken < self.input.len() {
            return Ok(true);
        }
        if !self.readable {
            return Err(io::Error::from_raw_os_error(EBADF));
        }
        self.flush()?;
        if self.is_stdin {
            flush_stdout();
        }
        let mut buffer = std::mem::take(&mut self.input);
        self.taken = 0;
        buffer.resize(BUFFER, 0);
        let n = loop {
            match self.file().and_then(|mut f| f.read(&mut buffer)) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        buffer.truncate(*n.as_ref().unwrap_or(&0));
        self.input = buffer;
        Ok(n? > 0)
    }

    /// The next byte, not yet taken.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(if self.fill()? { Some(self.input[self.taken]) } else { None })
    }

    /// Is there nothing more to read?
    pub fn at_end(&mut self) -> io::Result<bool> {
        Ok(!self.fill()?)
    }

    /// The next line when all of it was read ahead already, so that nobody has to copy it.
    #[inline]
    pub fn buffered_line(&mut self, keep: bool) -> Option<&[u8]> {
        let from = self.taken;
        let end = from + memchr::memchr(b'\n', self.ahead())?;
        self.taken = end + 1;
        Some(&self.input[from..end + usize::from(keep)])
    }

    /// Reads a line, with its newline if `keep`; false when there is none.
    pub fn read_line(&mut self, out: &mut Vec<u8>, keep: bool) -> io::Result<bool> {
        while self.fill()? {
            if let Some(at) = memchr::memchr(b'\n', self.ahead()) {
                let end = at + usize::from(keep);
                out.extend_from_slice(&self.ahead()[..end]);
                self.taken += at + 1;
                return Ok(true);
            }
            out.extend_from_slice(self.ahead());
            self.taken = self.input.len();
        }
        Ok(!out.is_empty())
    }

    /// Reads everything that is left.
    pub fn read_all(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while self.fill()? {
            out.extend_from_slice(self.ahead());
            self.taken = self.input.len();
        }
        Ok(())
    }

    /// Reads up to `n` bytes; false when there are none.
    pub fn read_bytes(&mut self, out: &mut Vec<u8>, n: usize) -> io::Result<bool> {
        while out.len() < n && self.fill()? {
            let part = self.ahead().len().min(n - out.len());
            out.extend_from_slice(&self.ahead()[..part]);
            self.taken += part;
        }
        Ok(!out.is_empty())
    }

    /// Reads the longest prefix that looks like a numeral (empty when it became too long).
    pub fn read_numeral(&mut self) -> io::Result<Vec<u8>> {
        while self.peek()?.is_some_and(selune_core::number::is_space) {
            self.taken += 1;
        }
        let mut text = Vec::new();
        self.accept(&mut text, b"-+")?;
        let mut hex = false;
        let mut digits = 0;
        if self.accept(&mut text, b"0")? {
            hex = self.accept(&mut text, b"xX")?;
            digits = usize::from(!hex);
        }
        digits += self.digits(&mut text, hex)?;
        if self.accept(&mut text, b".")? {
            digits += self.digits(&mut text, hex)?;
        }
        if digits > 0 && self.accept(&mut text, if hex { b"pP" } else { b"eE" })? {
            self.accept(&mut text, b"-+")?;
            self.digits(&mut text, false)?;
        }
        if text.len() > MAX_NUMERAL {
            text.clear();
        }
        Ok(text)
    }

    /// Takes the next byte if it is one of these.
    fn accept(&mut self, text: &mut Vec<u8>, set: &[u8]) -> io::Result<bool> {
        match self.peek()? {
            // One byte more than allowed marks the text as too long; what follows is left.
            Some(c) if set.contains(&c) && text.len() <= MAX_NUMERAL => {
                if text.len() < MAX_NUMERAL {
                    self.taken += 1;
                }
                text.push(c);
                Ok(text.len() <= MAX_NUMERAL)
            }
            _ => Ok(false),
        }
    }

    fn digits(&mut self, text: &mut Vec<u8>, hex: bool) -> io::Result<usize> {
        let set: &[u8] = if hex { b"0123456789abcdefABCDEF" } else { b"0123456789" };
        let mut n = 0;
        while self.accept(text, set)? {
            n += 1;
        }
        Ok(n)
    }

    /// Writes, through the buffer.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::from_raw_os_error(EBADF));
        }
        if self.taken < self.input.len() {
            self.drop_ahead()?;
        }
        if self.buffering == Buffering::Full && self.output.len() + bytes.len() <= self.capacity {
            self.output.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_out(bytes)
    }

    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffering == Buffering::Line && self.output.len() + bytes.len() <= self.capacity {
            self.output.extend_from_slice(bytes);
            return if bytes.contains(&b'\n') { self.flush() } else { Ok(()) };
        }
        self.flush()?;
        if self.buffering == Buffering::Full && bytes.len() < self.capacity {
            self.output.extend_from_slice(bytes);
            return Ok(());
        }
        self.file()?.write_all(bytes)
    }

    /// Writes what is in the buffer to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        let result = self.file().and_then(|mut f| f.write_all(&output));
        // Keep the memory.
        self.output = output;
        self.output.clear();
        result
    }

    /// Forgets what was read ahead and moves the system's position back to ours.
    fn drop_ahead(&mut self) -> io::Result<()> {
        let ahead = self.ahead().len() as i64;
        self.input.clear();
        self.taken = 0;
        self.file()?.seek(SeekFrom::Current(-ahead)).map(drop)
    }

    /// Moves the position; gives the new one, counted from the start.
    pub fn seek(&mut self, whence: &str, offset: i64) -> io::Result<u64> {
        self.flush()?;
        let ahead = self.ahead().len() as i64;
        let to = match whence {
            "set" => SeekFrom::Start(u64::try_from(offset).map_err(|_| io::Error::from_raw_os_error(EINVAL))?),
            "cur" => SeekFrom::Current(offset.checked_sub(ahead).ok_or_else(|| io::Error::from_raw_os_error(EINVAL))?),
            _ => SeekFrom::End(offset),
        };
        let at = self.file()?.seek(to)?;
        self.input.clear();
        self.taken = 0;
        Ok(at)
    }

    /// Changes the buffering.
    pub fn set_buffering(&mut self, buffering: Buffering, size: usize) -> io::Result<()> {
        self.flush()?;
        self.buffering = buffering;
        self.capacity = size.clamp(1, 1 << 24);
        Ok(())
    }

    /// Flushes and closes; for a process, waits for it and gives how it ended.
    pub fn close(&mut self) -> io::Result<Option<ExitStatus>> {
        let flushed = self.flush();
        self.output = Vec::new();
        self.input = Vec::new();
        self.taken = 0;
        self.file = None;
        (self.readable, self.writable) = (false, false);
        match self.child.take() {
            Some(mut child) => child.wait().map(Some),
            None => flushed.map(|()| None),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(content: &[u8]) -> Handle {
        let (name, file) = crate::os::new_temporary().unwrap();
        std::fs::remove_file(name).unwrap();
        let handle = from_file(file);
        handle.borrow_mut().write(content).unwrap();
        handle.borrow_mut().seek("set", 0).unwrap();
        handle
    }

    #[test]
    fn modes() {
        for mode in ["r", "w", "a", "r+", "rb", "w+b", "a+bb"] {
            assert!(is_mode(mode.as_bytes()), "{mode}");
        }
        for mode in ["", "x", "rw", "r++", "+r", "rb+", "rt"] {
            assert!(!is_mode(mode.as_bytes()), "{mode}");
        }
    }

    #[test]
    fn lines_and_numbers() {
        let handle = temporary(b"abc\n12 0x1F -3.5e2 nan\n\nend");
        let mut s = handle.borrow_mut();
        let mut line = Vec::new();
        assert!(s.read_line(&mut line, true).unwrap());
        assert_eq!(line, b"abc\n");
        for expected in ["12", "0x1F", "-3.5e2", ""] {
            assert_eq!(s.read_numeral().unwrap(), expected.as_bytes());
        }
        let mut rest = Vec::new();
        s.read_all(&mut rest).unwrap();
        assert_eq!(rest, b"nan\n\nend");
        assert!(s.at_end().unwrap());
    }

    #[test]
    fn reading_and_writing_share_a_position() {
        let handle = temporary(b"0123456789");
        let mut s = handle.borrow_mut();
        let mut out = Vec::new();
        assert!(s.read_bytes(&mut out, 3).unwrap());
        assert_eq!(s.seek("cur", 0).unwrap(), 3);
        s.write(b"xy").unwrap();
        assert_eq!(s.seek("cur", 0).unwrap(), 5);
        s.seek("set", 0).unwrap();
        out.clear();
        s.read_all(&mut out).unwrap();
        assert_eq!(out, b"012xy56789");
        assert_eq!(s.seek("set", -1).unwrap_err().raw_os_error(), Some(EINVAL));
    }

    #[test]
    fn long_numerals_are_refused() {
        let handle = temporary(&[b'1'; 300]);
        assert!(handle.borrow_mut().read_numeral().unwrap().is_empty());
    }

    #[test]
    fn pipes() {
        let handle = popen(Path::new("echo hi; exit 3"), false).unwrap();
        let mut out = Vec::new();
        handle.borrow_mut().read_all(&mut out).unwrap();
        assert_eq!(out, b"hi\n");
        assert_eq!(handle.borrow_mut().close().unwrap().unwrap().code(), Some(3));
    }
}
