//! Text in properties: Latin-1, UTF-8, and the Compound Text of the X Consortium.

/// What `bytes` of a property of type `STRING` say.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What `bytes` of a property of type `COMPOUND_TEXT` say (ISO 2022 with the escape sequences of the Compound Text Encoding, section 4).
/// Latin-1, ASCII and UTF-8 are decoded; each character of another set becomes U+FFFD.
pub(super) fn compound(mut bytes: &[u8]) -> String {
    let (mut left, mut right) = (Set::Ascii, Set::Latin1);
    let mut text = String::new();
    while let Some((&first, rest)) = bytes.split_first() {
        if first == ESCAPE {
            let Some((sequence, after)) = escape(rest) else { break };
            bytes = after;
            match sequence {
                Sequence::Left(set) => left = set,
                Sequence::Right(set) => right = set,
                Sequence::Utf8 => {
                    let len = find(bytes, UTF8_END).unwrap_or(bytes.len());
                    text.push_str(&String::from_utf8_lossy(&bytes[..len]));
                    bytes = bytes.get(len + UTF8_END.len()..).unwrap_or_default();
                }
                Sequence::Other => text.push(char::REPLACEMENT_CHARACTER),
            }
            continue;
        }
        let set = if first < 0x80 { left } else { right };
        // Control characters are in no set.
        let width = if first & 0x7f < 0x20 { 1 } else { set.width() };
        text.push(match set {
            Set::Ascii | Set::Latin1 => char::from(first),
            Set::Unknown { .. } if first & 0x7f < 0x20 => char::from(first),
            Set::Unknown { .. } => char::REPLACEMENT_CHARACTER,
        });
        bytes = bytes.get(width..).unwrap_or_default();
    }
    text
}

const ESCAPE: u8 = 0x1b;

/// Ends UTF-8, which `ESC % G` begins.
const UTF8_END: &[u8] = b"\x1b%@";

/// What the codes of one half mean.
#[derive(Clone, Copy)]
enum Set {
    Ascii,
    Latin1,
    /// A set that is not decoded, with so many bytes for each character.
    Unknown {
        width: usize,
    },
}

impl Set {
    fn width(self) -> usize {
        match self {
            Set::Ascii | Set::Latin1 => 1,
            Set::Unknown { width } => width,
        }
    }
}

/// What an escape sequence begins.
enum Sequence {
    /// A set for codes below 128.
    Left(Set),
    /// A set for the other codes.
    Right(Set),
    Utf8,
    /// Text in another encoding, which was skipped, or the direction of the text.
    Other,
}

/// The escape sequence that `bytes` begin with, and what follows it.
fn escape(bytes: &[u8]) -> Option<(Sequence, &[u8])> {
    let one = |last: u8, known: u8, set: Set| if last == known { set } else { Set::Unknown { width: 1 } };
    let many = Set::Unknown { width: 2 };
    Some(match bytes {
        [b'(', last, rest @ ..] => (Sequence::Left(one(*last, b'B', Set::Ascii)), rest),
        [b')' | b'-', last, rest @ ..] => (Sequence::Right(one(*last, b'A', Set::Latin1)), rest),
        [b'$', b'(', _, rest @ ..] => (Sequence::Left(many), rest),
        [b'$', b')', _, rest @ ..] => (Sequence::Right(many), rest),
        [b'%', b'G', rest @ ..] => (Sequence::Utf8, rest),
        // An extended segment, with its length in two digits of base 128.
        [b'%', b'/', _, high, low, rest @ ..] => {
            let len = usize::from(high & 0x7f) * 128 + usize::from(low & 0x7f);
            (Sequence::Other, rest.get(len..).unwrap_or_default())
        }
        _ => return None,
    })
}

/// Where `wanted` begins in `bytes`.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_text_of_known_sets_is_decoded() {
        for (bytes, wanted) in [
            (&b"plain"[..], "plain"),
            (b"caf\xe9", "café"),
            (b"\x1b(B\x1b-A\xfcber", "über"),
            (b"a\x1b%G\xe2\x82\xac\xe6\xbc\xa2\x1b%@b\xe9", "a€漢bé"),
            (b"a\x1b%G\xe2\x82\xac", "a€"),
            (b"", ""),
        ] {
            assert_eq!(compound(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn characters_of_other_sets_are_replaced_one_by_one() {
        for (bytes, wanted) in [
            // Two kanji of JIS X 0208 in the left half, then ASCII again.
            (&b"x\x1b$(B\x34\x41\x3b\x7a\x1b(Bz"[..], "x\u{fffd}\u{fffd}z"),
            // Latin-2 in the right half.
            (b"\x1b-B\xb1a\xb1", "\u{fffd}a\u{fffd}"),
            // An extended segment of six bytes.
            (b"<\x1b%/1\x80\x86big5\x02\xa4>", "<\u{fffd}>"),
        ] {
            assert_eq!(compound(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_that_is_cut_anywhere_is_no_panic() {
        let whole = b"a\x1b$(B\x34\x41\x1b%/1\x80\x86big5\x02\xa4\x1b%G\xe2\x82\xac\x1b%@\x1b-A\xe9";
        for end in 0..=whole.len() {
            compound(&whole[..end]);
        }
    }
}
