//! What `selune --jit-stats=json` says, and the expectations that a test header states about it.
//!
//! The statistics are one JSON object on the last line of stderr. An expectation is `<counter><comparison><number>`, as in
//! `compiled>=1 exits<=3 exits.shape>=1`; the counters' short names are in `SHORT_NAMES`.

use serde_json::Value;

/// Short name in headers, key in the JSON object.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("compiled", "functions_compiled"),
    ("compile_ms", "compile_ms"),
    ("code", "code_bytes"),
    ("exits", "side_exits_total"),
    ("deopts", "deopts"),
    ("osr", "osr_entries"),
    ("coroutines", "coroutine_entries"),
    ("minor", "gc_minor"),
    ("major", "gc_major"),
    ("pause_us", "gc_pause_max_us"),
    ("errors", "compile_errors"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    AtLeast,
    AtMost,
    Equal,
}

/// One `<counter><comparison><number>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    text: String,
    counter: String,
    comparison: Comparison,
    number: f64,
}

impl Expectation {
    /// Reads one expectation.
    pub fn parse(text: &str) -> Result<Expectation, String> {
        let bad = || format!("`{text}` is no expectation: say <counter>>=<n>, <counter><=<n> or <counter>=<n>");
        let at = text.find(['<', '>', '=']).ok_or_else(bad)?;
        let (counter, rest) = text.split_at(at);
        let (comparison, number) = if let Some(n) = rest.strip_prefix(">=") {
            (Comparison::AtLeast, n)
        } else if let Some(n) = rest.strip_prefix("<=") {
            (Comparison::AtMost, n)
        } else if let Some(n) = rest.strip_prefix('=') {
            (Comparison::Equal, n)
        } else {
            return Err(bad());
        };
        let known = counter.starts_with("exits.") || SHORT_NAMES.iter().any(|(short, _)| *short == counter);
        if !known {
            return Err(format!("`{counter}` is no counter"));
        }
        let number = number.parse().map_err(|_| bad())?;
        Ok(Expectation { text: text.to_string(), counter: counter.to_string(), comparison, number })
    }

    /// Says what is wrong when the statistics do not meet this.
    pub fn check(&self, stats: &Value) -> Result<(), String> {
        let found = if let Some(reason) = self.counter.strip_prefix("exits.") {
            stats["side_exits"].get(reason).and_then(Value::as_f64).unwrap_or(0.0)
        } else {
            let (_, key) = SHORT_NAMES.iter().find(|(short, _)| *short == self.counter).expect("checked by parse");
            stats[*key].as_f64().ok_or_else(|| format!("the statistics have no number `{key}`"))?
        };
        let met = match self.comparison {
            Comparison::AtLeast => found >= self.number,
            Comparison::AtMost => found <= self.number,
            Comparison::Equal => found == self.number,
        };
        if met { Ok(()) } else { Err(format!("expected {}, found {found}", self.text)) }
    }
}

/// Splits the statistics off the end of stderr.
pub fn split(stderr: &str) -> Option<(&str, Value)> {
    let body = stderr.trim_end_matches('\n');
    let at = body.rfind('\n').map_or(0, |i| i + 1);
    let value: Value = serde_json::from_str(&body[at..]).ok()?;
    value.get("functions_compiled")?;
    Some((&stderr[..at], value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_checked() {
        let stats = serde_json::json!({"functions_compiled": 2, "side_exits_total": 4, "side_exits": {"shape": 4}});
        assert!(Expectation::parse("compiled>=1").unwrap().check(&stats).is_ok());
        assert!(Expectation::parse("exits<=3").unwrap().check(&stats).is_err());
        assert!(Expectation::parse("exits.shape=4").unwrap().check(&stats).is_ok());
        assert!(Expectation::parse("exits.type=0").unwrap().check(&stats).is_ok());
        assert!(Expectation::parse("nonsense>=1").is_err());
        assert!(Expectation::parse("compiled>1").is_err());
    }

    #[test]
    fn statistics_are_the_last_line() {
        let (rest, value) = split("lua: x\n{\"functions_compiled\": 3}\n").unwrap();
        assert_eq!(rest, "lua: x\n");
        assert_eq!(value["functions_compiled"], 3);
        assert!(split("lua: x\n").is_none());
    }
}
