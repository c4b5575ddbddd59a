//! The text of a key file, in whatever encoding an editor saved it.

use zeroize::Zeroizing;

/// Whether the bytes are UTF-16: by a byte order mark or, where there is none, by a `-----BEGIN` or a brace that is
/// spelled in it.
pub fn is_utf16(bytes: &[u8]) -> bool {
    order(bytes).is_some()
}

/// UTF-8 and UTF-16 of either byte order as a string, without the byte order mark; what is neither becomes `?`.
pub fn decode(bytes: &[u8]) -> Zeroizing<String> {
    let Some(order) = order(bytes) else {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // Never longer than the bytes are: a string that grows leaves a copy of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push('?');
            }
        }
        return text;
    };
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| match order {
        Order::Little => u16::from_le_bytes(*pair),
        Order::Big => u16::from_be_bytes(*pair),
    });
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or('?'));
    for letter in letters.skip_while(|letter| *letter == '\u{feff}') {
        text.push(letter);
    }
    text
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

fn order(bytes: &[u8]) -> Option<Order> {
    match bytes {
        [0xff, 0xfe, ..] | [b'{' | b'-' | b'<', 0, _, 0, ..] => Some(Order::Little),
        [0xfe, 0xff, ..] | [0, b'{' | b'-' | b'<', 0, _, ..] => Some(Order::Big),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_the_same_text() {
        let text = "-----BEGIN A-----\r\n\u{e9}\u{1f511}";
        let utf16 = |bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
            let marked = format!("{mark}{text}");
            marked.encode_utf16().flat_map(bytes).collect()
        };
        for bytes in [
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
            utf16(u16::to_le_bytes, "\u{feff}"),
            utf16(u16::to_be_bytes, "\u{feff}"),
            utf16(u16::to_le_bytes, ""),
            utf16(u16::to_be_bytes, ""),
        ] {
            assert_eq!(*decode(&bytes), text);
        }
        assert_eq!(*decode(b"a\xff\xfeb"), "a??b");
        assert_eq!(*decode(b"\xff\xfe\x00"), "");
    }
}
