//! Safe wrappers over the few functions of the C library that Rust's standard library lacks: processor time and
//! calendar time. The standard library of Lua is built on them without `unsafe`.
use std::ffi::CString;

/// Processor time used by this process, in seconds.
pub fn cpu_time() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a pointer to a live value of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    // In whole microseconds, as C's `clock` counts.
    (t.tv_sec * 1_000_000 + t.tv_nsec / 1000) as f64 / 1_000_000.0
}

/// Processor time used by the calling thread, in seconds.
pub fn thread_cpu_time() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a pointer to a live value of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Broken-down calendar time.
#[derive(Clone, Copy)]
pub struct Calendar(libc::tm);

/// The fields of a calendar time, as C counts them (years from 1900, months from 0, days of week and year from 0;
/// `isdst` negative: unknown).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct CalendarFields {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub min: i32,
    pub sec: i32,
    pub yday: i32,
    pub wday: i32,
    pub isdst: i32,
}

const EMPTY: libc::tm = libc::tm {
    tm_sec: 0,
    tm_min: 0,
    tm_hour: 0,
    tm_mday: 0,
    tm_mon: 0,
    tm_year: 0,
    tm_wday: 0,
    tm_yday: 0,
    tm_isdst: 0,
    tm_gmtoff: 0,
    tm_zone: std::ptr::null(),
};

impl Calendar {
    /// The local time of a timestamp; None when the year does not fit.
    pub fn local(time: i64) -> Option<Calendar> {
        let mut tm = EMPTY;
        // SAFETY: both pointers are to live values of the right types.
        let ok = unsafe { !libc::localtime_r(&time, &mut tm).is_null() };
        ok.then_some(Calendar(tm))
    }
    /// The universal time of a timestamp; None when the year does not fit.
    pub fn utc(time: i64) -> Option<Calendar> {
        let mut tm = EMPTY;
        // SAFETY: both pointers are to live values of the right types.
        let ok = unsafe { !libc::gmtime_r(&time, &mut tm).is_null() };
        ok.then_some(Calendar(tm))
    }
    /// The timestamp of a local time given by its fields (week and year day are ignored), and the fields made regular;
    /// None when it cannot be represented.
    pub fn timestamp(f: CalendarFields) -> (Option<i64>, Calendar) {
        let mut tm = EMPTY;
        (tm.tm_year, tm.tm_mon, tm.tm_mday) = (f.year, f.month, f.day);
        (tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_isdst) = (f.hour, f.min, f.sec, f.isdst);
        // SAFETY: a pointer to a live value of the right type.
        let time = unsafe { libc::mktime(&mut tm) };
        ((time != -1).then_some(time), Calendar(tm))
    }
    /// The fields.
    pub fn fields(&self) -> CalendarFields {
        let tm = &self.0;
        CalendarFields {
            year: tm.tm_year,
            month: tm.tm_mon,
            day: tm.tm_mday,
            hour: tm.tm_hour,
            min: tm.tm_min,
            sec: tm.tm_sec,
            yday: tm.tm_yday,
            wday: tm.tm_wday,
            isdst: tm.tm_isdst,
        }
    }
    /// `strftime` with one conversion.
    pub fn format(&self, conversion: &str) -> Vec<u8> {
        let Ok(format) = CString::new(conversion) else { return Vec::new() };
        let mut out = vec![0u8; 250];
        // SAFETY: the buffer has the length given, the format ends with a zero, the calendar value is complete (its zone
        // is null or points to the C library's static data).
        let n = unsafe { libc::strftime(out.as_mut_ptr().cast(), out.len(), format.as_ptr(), &self.0) };
        out.truncate(n);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        let c = Calendar::utc(86_400).unwrap();
        assert_eq!((c.fields().year, c.fields().month, c.fields().day), (70, 0, 2));
        assert_eq!(c.format("%Y"), b"1970");
        assert!(Calendar::utc(i64::MAX).is_none());
        let local = Calendar::local(1_000_000_000).unwrap().fields();
        assert_eq!(Calendar::timestamp(local).0, Some(1_000_000_000));
        assert!(cpu_time() >= 0.0);
    }
}
