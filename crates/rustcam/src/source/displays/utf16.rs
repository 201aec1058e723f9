//! Names as the system writes them.

/// The text in a field of fixed size, which ends with a zero or with the field.
pub(in crate::source) fn text(utf16: &[u16]) -> String {
    let end = utf16.iter().position(|&c| c == 0).unwrap_or(utf16.len());
    String::from_utf16_lossy(&utf16[..end])
}
