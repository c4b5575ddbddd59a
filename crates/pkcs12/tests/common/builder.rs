//! PKCS#12 files that no program writes.

/// A PFX of these safes, with this `MacData`.
pub(crate) fn pfx(safes: &[u8], mac: &[u8]) -> Vec<u8> {
    let content = content_info(&tlv(0x04, &tlv(0x30, safes)));
    tlv(0x30, &[b"\x02\x01\x03", content.as_slice(), mac].concat())
}

pub(crate) fn data_safe(safe_contents: &[u8]) -> Vec<u8> {
    content_info(&tlv(0x04, safe_contents))
}

pub(crate) fn content_info(content: &[u8]) -> Vec<u8> {
    let data = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    tlv(0x30, &[data.as_slice(), &tlv(0xa0, content)].concat())
}

pub(crate) fn bag(kind: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &bag_fields(kind, value))
}

pub(crate) fn bag_fields(kind: u8, value: &[u8]) -> Vec<u8> {
    let oid = [
        b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01".as_slice(),
        &[kind],
    ]
    .concat();
    [oid, tlv(0xa0, value)].concat()
}

pub(crate) fn mac(rounds: &[u8]) -> Vec<u8> {
    let sha256 = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
    let info = tlv(0x30, &[sha256.as_slice(), &tlv(0x04, &[0; 32])].concat());
    tlv(0x30, &[info, tlv(0x04, &[0; 8]), rounds.to_vec()].concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits = (content.len() as u32).to_be_bytes();
    let length = match content.len() {
        0..0x80 => vec![digits[3]],
        0x80..0x100 => vec![0x81, digits[3]],
        0x100..0x1_0000 => [&[0x82], &digits[2..]].concat(),
        0x1_0000..0x100_0000 => [&[0x83], &digits[1..]].concat(),
        _ => [&[0x84][..], &digits].concat(),
    };
    [&[tag][..], &length, content].concat()
}

/// A certificate of 100 KiB, issued by the next one.
pub(crate) fn large_certificate(number: u8) -> Vec<u8> {
    let name = |number: u8| tlv(0x30, &tlv(0x04, &[number]));
    let fields = [
        vec![0x02, 0x01, number],
        tlv(0x30, &[]),
        name(number + 1),
        tlv(0x30, &[]),
        name(number),
        tlv(0x30, &[0; 100 << 10]),
    ];
    let rest = [tlv(0x30, &fields.concat()), tlv(0x30, &[]), tlv(0x03, &[0])];
    tlv(0x30, &rest.concat())
}

pub(crate) fn certificate_bag(der: &[u8]) -> Vec<u8> {
    let x509 = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
    tlv(
        0x30,
        &[x509.as_slice(), &tlv(0xa0, &tlv(0x04, der))].concat(),
    )
}
