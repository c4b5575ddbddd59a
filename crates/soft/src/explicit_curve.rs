//! Elliptic curves that a key spells out in numbers (SEC 1 appendix C.2, `SpecifiedECDomain`) instead of naming them.

use der::{
    Decode, SliceReader,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef},
};
use keybearer_core::EcCurve;

/// A prime field (SEC 1 appendix C.1).
const PRIME_FIELD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.1.1");

/// The numbers of a curve (SEC 2 section 2), in hexadecimal without leading zeros. The coefficient a is the prime less 3.
struct Numbers {
    curve: EcCurve,
    prime: &'static str,
    b: &'static str,
    base: [&'static str; 2],
    order: &'static str,
}

/// The curve that these parameters are, number by number: a curve that has the name's prime and another base point gives
/// every public key a private one that its forger knows.
pub(crate) fn named(parameters: AnyRef<'_>) -> Option<EcCurve> {
    let read = || -> der::Result<Option<EcCurve>> {
        let mut fields = sequence(parameters)?;
        let _version = u8::decode(&mut fields)?;
        let mut field = sequence(AnyRef::decode(&mut fields)?)?;
        let kind = ObjectIdentifier::decode(&mut field)?;
        if kind != PRIME_FIELD {
            return Ok(None);
        }
        let prime = UintRef::decode(&mut field)?;
        let mut coefficients = sequence(AnyRef::decode(&mut fields)?)?;
        let a = <&OctetStringRef>::decode(&mut coefficients)?.as_bytes();
        let b = <&OctetStringRef>::decode(&mut coefficients)?.as_bytes();
        let base = <&OctetStringRef>::decode(&mut fields)?.as_bytes();
        let order = UintRef::decode(&mut fields)?;
        let is_known = |known: &&Numbers| {
            is(known.prime, prime.as_bytes())
                && is_less_by_3(a, prime.as_bytes())
                && is(known.b, b)
                && known.has_base(base)
                && is(known.order, order.as_bytes())
        };
        Ok(CURVES.iter().find(is_known).map(|known| known.curve))
    };
    read().ok().flatten()
}

impl Numbers {
    /// Whether this is the base point, compressed or not (SEC 1 section 2.3.3).
    fn has_base(&self, point: &[u8]) -> bool {
        let Some((form, coordinates)) = point.split_first() else {
            return false;
        };
        let [x, y] = self.base;
        let length = self.curve.field_len();
        match form {
            2 | 3 => is(x, coordinates) && is_odd(y) == (*form == 3),
            4 => coordinates
                .split_at_checked(length)
                .is_some_and(|(first, second)| is(x, first) && is(y, second)),
            _ => false,
        }
    }
}

fn sequence(any: AnyRef<'_>) -> der::Result<SliceReader<'_>> {
    der::Tagged::tag(&any).assert_eq(der::Tag::Sequence)?;
    SliceReader::new(any.value())
}

/// Whether the bytes are this number, whatever zeros lead it.
fn is(hexadecimal: &str, bytes: &[u8]) -> bool {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.trim_start_matches('0') == hexadecimal
}

fn is_odd(hexadecimal: &str) -> bool {
    let last = hexadecimal
        .chars()
        .last()
        .and_then(|digit| digit.to_digit(16));
    last.is_some_and(|digit| digit % 2 == 1)
}

/// Whether a is 3 less than a prime, of which none here ends in less.
fn is_less_by_3(a: &[u8], prime: &[u8]) -> bool {
    let (a, prime) = (strip(a), strip(prime));
    match (a.split_last(), prime.split_last()) {
        (Some((a_last, a)), Some((last, prime))) => {
            a == prime && a_last.checked_add(3) == Some(*last)
        }
        _ => false,
    }
}

fn strip(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

const CURVES: [Numbers; 3] = [
    Numbers {
        curve: EcCurve::P256,
        prime: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        b: "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        base: [
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ],
        order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    },
    Numbers {
        curve: EcCurve::P384,
        prime: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000\
              ffffffff",
        b: "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8ed\
              d3ec2aef",
        base: [
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e38\
              72760ab7",
            "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c\
              90ea0e5f",
        ],
        order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196a\
              ccc52973",
    },
    Numbers {
        curve: EcCurve::P521,
        prime: "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
              fffffffffffffffffffffffffffffffffffffffffff",
        b: "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0\
              bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        base: [
            "c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc1\
              27a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
            "11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b\
              9013fad0761353c7086a272c24088be94769fd16650",
        ],
        order: "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0\
              148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    },
];
