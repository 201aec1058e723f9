//! The words of statements: numbers, codes, times and names.

use std::time::Duration;

/// The value that a name stands for.
pub(crate) fn choose<T: Copy>(word: &str, names: &[(&str, T)]) -> Result<T, String> {
    names.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let listed: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        format!("{word:?} is not allowed here; one of {}", listed.join(", "))
    })
}

/// A number in a range.
pub(crate) fn number(word: &str, low: u32, high: u32) -> Result<u32, String> {
    word.parse()
        .ok()
        .filter(|n| (low..=high).contains(n))
        .ok_or_else(|| format!("{word:?} is not allowed here; a number from {low} to {high}"))
}

/// A hexadecimal code.
pub(crate) fn hex(word: &str) -> Result<u32, String> {
    word.strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(|| format!("{word:?} is not allowed here; a hexadecimal code like 0x8007000E"))
}

/// A time with its unit.
pub(crate) fn moment(word: &str) -> Result<Duration, String> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let unit = units.iter().find_map(|(name, unit)| word.strip_suffix(name).map(|digits| (digits, *unit)));
    let (digits, unit) = unit.unwrap_or((word, 0.0));
    digits
        .parse::<f64>()
        .ok()
        .filter(|n| unit > 0.0 && (0.0..=36e9).contains(n))
        .map(|n| Duration::from_secs_f64(n * unit))
        .ok_or_else(|| format!("{word:?} is not allowed here; a time like 100ms or 1.5s"))
}
