//! As much arithmetic on large numbers as the check of an RSA key needs.

use zeroize::Zeroizing;

/// Whether `a * b` leaves the remainder 1 when divided by `modulus - 1`: the relation of an RSA key's exponents to one
/// of its primes. All are unsigned and big-endian; `modulus` is odd and over 2.
///
/// The time it takes depends on the lengths alone, since all of these but `b` are secret.
pub(crate) fn is_inverse_below(a: &[u8], b: &[u8], modulus: &[u8]) -> bool {
    let mut divisor = limbs(modulus);
    // The modulus is odd: taking one away borrows nothing.
    match divisor.first_mut() {
        Some(lowest) => *lowest &= !1,
        None => return false,
    }
    let product = multiply(&limbs(a), &limbs(b));
    let rest = remainder(&product, &divisor);
    let differing = rest
        .iter()
        .enumerate()
        .fold(0, |all, (index, limb)| all | (limb ^ u64::from(index == 0)));
    differing == 0
}

/// Limbs from the lowest to the highest.
type Limbs = Zeroizing<Vec<u64>>;

fn limbs(big_endian: &[u8]) -> Limbs {
    let limb = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0u64, |limb, byte| (limb << 8) | u64::from(*byte))
    };
    Zeroizing::new(big_endian.rchunks(8).map(limb).collect())
}

fn multiply(a: &[u64], b: &[u64]) -> Limbs {
    let mut product = Zeroizing::new(vec![0; a.len() + b.len()]);
    for (low, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (index, y) in b.iter().enumerate() {
            let place = &mut product[low + index];
            let sum = u128::from(*x) * u128::from(*y) + u128::from(*place) + carry;
            *place = sum as u64;
            carry = sum >> 64;
        }
        product[low + b.len()] = carry as u64;
    }
    product
}

/// Long division, bit by bit. The subtraction is always made and then kept or not, without a branch.
fn remainder(dividend: &[u64], divisor: &[u64]) -> Limbs {
    let mut rest = Zeroizing::new(vec![0u64; divisor.len()]);
    let mut difference = rest.clone();
    for limb in dividend.iter().rev() {
        for bit in (0..64).rev() {
            let mut carry = (limb >> bit) & 1;
            for place in rest.iter_mut() {
                let shifted = (*place << 1) | carry;
                carry = *place >> 63;
                *place = shifted;
            }
            let mut borrow = 0;
            for ((place, a), b) in difference.iter_mut().zip(rest.iter()).zip(divisor) {
                let (once, first) = a.overflowing_sub(*b);
                let (twice, second) = once.overflowing_sub(borrow);
                *place = twice;
                borrow = u64::from(first | second);
            }
            // Kept where nothing was borrowed, or where the shift had already carried out of the top.
            let keep = 0u64.wrapping_sub(carry | (borrow ^ 1));
            for (place, less) in rest.iter_mut().zip(difference.iter()) {
                *place = (*place & !keep) | (less & keep);
            }
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_processor_on_small_numbers() {
        for (a, b, modulus) in [
            (3u64, 5u64, 15u64),
            (7, 7, 49),
            (u64::MAX, 3, 0xffff_ffff_ffff_ffff),
            (2_753, 17, 3_121),
            (0, 5, 9),
        ] {
            let expected = u128::from(a) * u128::from(b) % u128::from(modulus - 1) == 1;
            assert_eq!(
                is_inverse_below(&a.to_be_bytes(), &b.to_be_bytes(), &modulus.to_be_bytes()),
                expected,
                "{a} {b} {modulus}"
            );
        }
        // RSA's textbook key: p = 61, q = 53, e = 17, d = 2753.
        assert!(is_inverse_below(&2753u16.to_be_bytes(), &[17], &[61]));
        assert!(is_inverse_below(&2753u16.to_be_bytes(), &[17], &[53]));
        assert!(!is_inverse_below(&2754u16.to_be_bytes(), &[17], &[61]));
    }

    #[test]
    fn remainders_over_several_limbs() {
        // (2^128 + 5) mod (2^65 + 3) by hand: 2^128 = 2^63 * 2^65 = -3 * 2^63, so 2^65 + 3 - 3 * 2^63 + 5 = 2^63 + 8.
        let rest = remainder(&[5, 0, 1], &[3, 2]);
        assert_eq!(rest.as_slice(), [(1 << 63) + 8, 0]);
        // A divisor whose top bit is set: the shift carries out of the top.
        let rest = remainder(&[0, 0, 1], &[u64::MAX, u64::MAX]);
        assert_eq!(rest.as_slice(), [1, 0]);
        assert!(!is_inverse_below(&[1], &[1], &[]));
    }
}
