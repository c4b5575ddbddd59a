//! Java's modified UTF-8 (`DataInput.readUTF`): NUL takes two bytes, and a character beyond the BMP is two surrogates of
//! three bytes each. Others than Java (pyjks) write UTF-8 proper into their stores.

/// The text, where the bytes are whole characters in Java's form or in UTF-8 proper.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    modified(bytes).or_else(|| std::str::from_utf8(bytes).ok().map(str::to_owned))
}

fn modified(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().map(|byte| u16::from(*byte));
    while let Some(first) = rest.next() {
        let mut more = || {
            rest.next()
                .filter(|byte| byte & 0xc0 == 0x80)
                .map(|byte| byte & 0x3f)
        };
        units.push(match first {
            0x00..0x80 => first,
            0xc0..0xe0 => (first & 0x1f) << 6 | more()?,
            0xe0..0xf0 => (first & 0x0f) << 12 | more()? << 6 | more()?,
            _ => return None,
        });
    }
    String::from_utf16(&units).ok()
}

/// The bytes of a text, without their length.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let low = |shift: u16| (unit >> shift & 0x3f) as u8 | 0x80;
        match unit {
            1..0x80 => bytes.push(unit as u8),
            0..0x800 => bytes.extend([(unit >> 6) as u8 | 0xc0, low(0)]),
            _ => bytes.extend([(unit >> 12) as u8 | 0xe0, low(6), low(0)]),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back() {
        for (text, length) in [
            ("", 0),
            ("job", 3),
            ("a\0b", 4),
            ("ü", 2),
            ("鍵", 3),
            ("🔑", 6),
        ] {
            let bytes = encode(text);
            assert_eq!(bytes.len(), length, "{text}");
            assert_eq!(decode(&bytes).as_deref(), Some(text));
        }
        // U+1F511 as DataOutputStream.writeUTF has it.
        assert_eq!(encode("🔑"), [0xed, 0xa0, 0xbd, 0xed, 0xb4, 0x91]);
        assert_eq!(encode("\0"), [0xc0, 0x80]);
    }

    #[test]
    fn what_pyjks_writes_is_read() {
        assert_eq!(decode("jöb\u{1f511}".as_bytes()).as_deref(), Some("jöb🔑"));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [
            &[0x80][..],
            &[0xc3],
            &[0xc3, 0x28],
            &[0xe2, 0x82],
            // Half a pair of surrogates, and half of U+1F511 in UTF-8.
            &[0xf0, 0x9f],
            &[0xed, 0xa0, 0xbd],
        ] {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
    }
}
