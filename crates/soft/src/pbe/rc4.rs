//! RC4, for stores of the nineties (RFC 7292 appendix C). Read only: nothing is protected by it any more.

use zeroize::Zeroizing;

/// Decrypts with a key of 1 to 256 bytes; encryption is the same.
pub(super) fn apply(key: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut state: Zeroizing<[u8; 256]> = Zeroizing::new(std::array::from_fn(|place| place as u8));
    let mut other = 0_u8;
    for (place, key) in (0..=255_u8).zip(key.iter().cycle()) {
        other = other
            .wrapping_add(state[usize::from(place)])
            .wrapping_add(*key);
        state.swap(usize::from(place), usize::from(other));
    }
    let (mut place, mut other) = (0_u8, 0_u8);
    let stream = text.iter().map(|byte| {
        place = place.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(place)]);
        state.swap(usize::from(place), usize::from(other));
        let sum = state[usize::from(place)].wrapping_add(state[usize::from(other)]);
        byte ^ state[usize::from(sum)]
    });
    let mut result = Zeroizing::new(Vec::with_capacity(text.len()));
    result.extend(stream);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6229: the first bytes of two streams, and those after 4080 of one.
    #[test]
    fn published_streams() {
        let stream = apply(&[1, 2, 3, 4, 5], &[0; 4096]);
        assert_eq!(
            stream[..8],
            [0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27]
        );
        assert_eq!(
            stream[4080..4088],
            [0x06, 0x83, 0x26, 0xa2, 0x11, 0x84, 0x16, 0xd2]
        );
        let key: Vec<_> = (1..=16).collect();
        let stream = apply(&key, &[0; 16]);
        assert_eq!(
            stream[..8],
            [0x9a, 0xc7, 0xcc, 0x9a, 0x60, 0x9d, 0x1e, 0xf7]
        );
    }
}
