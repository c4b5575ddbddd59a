//! Outlines as writers make them, and as nobody should.

use super::*;

/// SEQUENCE { OCTET STRING "ab" "c", INTEGER 1 }, both without lengths.
const INDEFINITE: &[u8] = b"\x30\x80\x24\x80\x04\x02ab\x04\x01c\0\0\x02\x01\x01\0\0";

#[test]
fn indefinite_lengths_and_pieces_are_read() {
    let sequence = Element::read(INDEFINITE).unwrap();
    let mut fields = sequence.open(tag::SEQUENCE).unwrap();
    let octets = fields.next().unwrap().octets(tag::OCTET_STRING).unwrap();
    assert_eq!(octets.as_ref(), b"abc");
    assert_eq!(fields.next().unwrap().primitive(tag::INTEGER).unwrap(), [1]);
    fields.finish().unwrap();
    assert_eq!(
        sequence.to_der().unwrap().as_slice(),
        b"\x30\x08\x04\x03abc\x02\x01\x01"
    );
}

#[test]
fn one_piece_is_not_copied() {
    let bytes = b"\xa0\x80\x04\x02ab\0\0";
    let octets = Element::read(bytes).unwrap().octets(0x80).unwrap();
    assert!(matches!(octets, Cow::Borrowed(b"ab")));
}

#[test]
fn der_stays_as_it_is() {
    let long = encode(tag::SEQUENCE, &encode(tag::OCTET_STRING, &[7; 300])).to_vec();
    assert_eq!(
        Element::read(&long).unwrap().to_der().unwrap().as_slice(),
        long
    );
    assert_eq!(Element::read(&long).unwrap().encoding, long);
}

#[test]
fn what_is_cut_off_or_too_long_is_damage() {
    for end in 0..INDEFINITE.len() {
        assert!(Element::read(&INDEFINITE[..end]).is_err(), "{end}");
    }
    for bytes in [
        &b"\x30\x84\x80\0\0\0"[..],
        b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x04\x80\0\0",
        b"\x1f\x81\x01\0",
        b"\x04\0\0",
    ] {
        assert!(Element::read(bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn depth_is_bounded() {
    let indefinite = b"\x30\x80".repeat(1_000_000);
    assert_eq!(Element::read(&indefinite).err(), Some(TOO_DEEP));
    let mut nested = Vec::new();
    for _ in 0..=MAX_DEPTH {
        nested = encode(CONSTRUCTED_OCTETS, &nested).to_vec();
    }
    let outer = Element::read(&nested).unwrap();
    assert_eq!(outer.octets(tag::OCTET_STRING), Err(TOO_DEEP));
    assert_eq!(outer.to_der().err(), Some(TOO_DEEP));
}
