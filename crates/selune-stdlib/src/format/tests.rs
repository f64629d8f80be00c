//! Conversions against texts that the C library's `printf` writes.
use super::*;

fn float(spec: &str, f: f64) -> String {
    let raw = RawSpec::read(spec.as_bytes()).unwrap();
    let parsed = raw.parse(b"-+#0 ", true).unwrap();
    let mut out = Vec::new();
    write_float(&mut out, &parsed, f, raw.conversion);
    String::from_utf8(out).unwrap()
}

fn int(spec: &str, i: i64) -> String {
    let raw = RawSpec::read(spec.as_bytes()).unwrap();
    let parsed = raw.parse(b"-+#0 ", true).unwrap();
    let mut out = Vec::new();
    match raw.conversion {
        b'd' => write_int(&mut out, &parsed, i),
        c => write_unsigned(&mut out, &parsed, i, c),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn integers() {
    for (spec, i, text) in [
        ("d", -42, "-42"),
        ("5d", 42, "   42"),
        ("-5d", 42, "42   "),
        ("05d", -42, "-0042"),
        ("+d", 5, "+5"),
        (" d", 5, " 5"),
        (".3d", 7, "007"),
        ("5.3d", 7, "  007"),
        ("05.3d", 7, "  007"),
        (".0d", 0, ""),
        ("x", -1, "ffffffffffffffff"),
        ("#x", 255, "0xff"),
        ("#X", 255, "0XFF"),
        ("#x", 0, "0"),
        ("#o", 8, "010"),
        ("#.0o", 0, "0"),
        ("#010x", 255, "0x000000ff"),
        ("u", -1, "18446744073709551615"),
    ] {
        assert_eq!(int(spec, i), text, "{spec}");
    }
}

#[test]
fn floats() {
    for (spec, f, text) in [
        ("a", 1.0, "0x1p+0"),
        ("A", 0.5, "0X1P-1"),
        (".3a", 3.125, "0x1.900p+1"),
        ("20a", 1.0 / 3.0, "0x1.5555555555555p-2"),
        ("+a", 1.5, "+0x1.8p+0"),
        ("#a", 1.0, "0x1.p+0"),
        (".0a", 1.99999, "0x2p+0"),
        ("a", 5e-324, "0x0.0000000000001p-1022"),
        ("a", 0.0, "0x0p+0"),
        ("a", -0.0, "-0x0p+0"),
        ("010a", 1.0, "0x00001p+0"),
        (".20a", 1.5, "0x1.80000000000000000000p+0"),
        ("#.0f", 3.0, "3."),
        ("#g", 1.5, "1.50000"),
        ("g", 1e20, "1e+20"),
        ("G", 1e-20, "1E-20"),
        ("g", 0.0, "0"),
        ("g", 100000.0, "100000"),
        ("g", 1000000.0, "1e+06"),
        ("g", 0.0001, "0.0001"),
        ("g", 0.00001, "1e-05"),
        ("#.3e", 12345.678, "1.235e+04"),
        (".0e", 12345.678, "1e+04"),
        ("#.0e", 12345.678, "1.e+04"),
        ("e", 0.0, "0.000000e+00"),
        (".20g", 0.1, "0.10000000000000000555"),
        ("010f", 3.25, "003.250000"),
        ("-10f", 3.25, "3.250000  "),
        ("+010.2f", 3.25, "+000003.25"),
        (" 010.2f", 3.25, " 000003.25"),
        ("010f", f64::NEG_INFINITY, "      -inf"),
        ("G", f64::INFINITY, "INF"),
        (".2f", 0.005, "0.01"),
        (".2f", 0.125, "0.12"),
        (".2f", 0.375, "0.38"),
        (".3f", 2.0, "2.000"),
        (".0f", 0.5, "0"),
        (".0f", 1.5, "2"),
        (".14f", 123456.789, "123456.78900000000431"),
        (".3f", 1e15, "1000000000000000.000"),
        (".17g", 0.1, "0.10000000000000001"),
        (".99f", 0.0, &format!("0.{}", "0".repeat(99))),
    ] {
        assert_eq!(float(spec, f), text, "{spec} {f}");
    }
}

#[test]
fn quoting() {
    let mut out = Vec::new();
    write_quoted_bytes(&mut out, b"a\0b\r\n\"\\\x012\x7f");
    assert_eq!(out, b"\"a\\0b\\13\\\n\\\"\\\\\\0012\\127\"");
}

#[test]
fn bad_specifications() {
    let check = |s: &str, flags: &[u8], precision| {
        let raw = RawSpec::read(s.as_bytes()).map_err(|e| String::from_utf8(e.message()).unwrap())?;
        raw.parse(flags, precision).map(|_| ()).map_err(|e| String::from_utf8(e.message()).unwrap())
    };
    assert_eq!(check("0123d", b"-+0 ", true).unwrap_err(), "invalid conversion specification: '%0123d'");
    assert_eq!(check(".123d", b"-+0 ", true).unwrap_err(), "invalid conversion specification: '%.123d'");
    assert_eq!(check("#d", b"-+0 ", true).unwrap_err(), "invalid conversion specification: '%#d'");
    assert_eq!(check(".3c", b"-", false).unwrap_err(), "invalid conversion specification: '%.3c'");
    assert_eq!(check("0000000000000000000000d", b"0", true).unwrap_err(), "invalid format (too long)");
    assert_eq!(RawSpec::read(b"y").unwrap().unknown().message(), b"invalid conversion '%y' to 'format'");
    assert_eq!(RawSpec::read(b"").unwrap().unknown().message(), b"invalid conversion '%' to 'format'");
}
