//! What tells a monitor from every other one: the beginning of its EDID (VESA E-EDID, section 3).

const HEADER: [u8; 8] = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];

/// Where the four descriptors begin, and what the first bytes of one with a serial number are.
const DESCRIPTORS: [usize; 4] = [54, 72, 90, 108];
const DESCRIPTOR_LENGTH: usize = 18;
const SERIAL: [u8; 5] = [0, 0, 0, 0xff, 0];

/// A name for the monitor with this EDID: maker, product and serial number, `DEL-A0B1-7MT0167B2YNL`. Many monitors have no serial number;
/// their name ends with the `connector` they are plugged into, `DEL-A0B1@DP-1`, because others of the model may be beside them.
///
/// `None` if it is no EDID.
pub(super) fn identity(edid: &[u8], connector: &str) -> Option<String> {
    let block = edid.get(..128).filter(|block| block.starts_with(&HEADER))?;
    let packed = u16::from_be_bytes([block[8], block[9]]);
    // Three letters of five bits each, 1 is A.
    let letter = |shift: u16| char::from(b'@' + (packed >> shift & 0x1f) as u8);
    let maker: String = [letter(10), letter(5), letter(0)].iter().collect();
    let product = u16::from_le_bytes([block[10], block[11]]);
    let monitor = format!("{maker}-{product:04X}");
    Some(match serial(block) {
        Some(serial) => format!("{monitor}-{serial}"),
        None => format!("{monitor}@{connector}"),
    })
}

/// The serial number as text, where there is a descriptor with it, or else as a number.
fn serial(block: &[u8]) -> Option<String> {
    let descriptors = DESCRIPTORS.iter().map(|&start| &block[start..start + DESCRIPTOR_LENGTH]);
    let text = descriptors.filter_map(|descriptor| descriptor.strip_prefix(&SERIAL)).find_map(|text| {
        let text: String = text.iter().map(|&byte| char::from(byte)).take_while(|&c| c != '\n').collect();
        let text: String = text.trim().chars().filter(char::is_ascii_graphic).collect();
        (!text.is_empty()).then_some(text)
    });
    // These two numbers are what makers write who have none.
    let number = u32::from_le_bytes([block[12], block[13], block[14], block[15]]);
    text.or_else(|| (!matches!(number, 0 | 0x0101_0101)).then(|| number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The EDID of a monitor of the maker DEL with this product, serial number, and text in a descriptor.
    fn edid(product: u16, number: u32, text: &str) -> Vec<u8> {
        let mut block = vec![0; 128];
        block[..8].copy_from_slice(&HEADER);
        block[8..10].copy_from_slice(&[0x10, 0xac]);
        block[10..12].copy_from_slice(&product.to_le_bytes());
        block[12..16].copy_from_slice(&number.to_le_bytes());
        if !text.is_empty() {
            block[90..95].copy_from_slice(&SERIAL);
            block[95..108].fill(b' ');
            block[95..95 + text.len()].copy_from_slice(text.as_bytes());
        }
        block
    }

    #[test]
    fn a_monitor_is_named_by_maker_product_and_serial_number() {
        for (number, text, wanted) in [
            (7, "7MT0167B2YNL\n", "DEL-A0B1-7MT0167B2YNL"),
            (7, "AB 12\n", "DEL-A0B1-AB12"),
            (123_456_789, "", "DEL-A0B1-123456789"),
            (123_456_789, "\n", "DEL-A0B1-123456789"),
            (0, "", "DEL-A0B1@DP-1"),
            (0x0101_0101, "", "DEL-A0B1@DP-1"),
        ] {
            assert_eq!(identity(&edid(0xa0b1, number, text), "DP-1").as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_edid_names_no_monitor() {
        let mut wrong = edid(1, 1, "");
        wrong[0] = 1;
        for bytes in [&[][..], &[0; 128], &wrong, &edid(1, 1, "")[..127]] {
            assert_eq!(identity(bytes, "DP-1"), None);
        }
    }
}
