//! Keys that are refused, in words of ours.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::process::ExitCode;

use keybearer_conformance::{Failed, Trial, program, require, run};
use keybearer_core::ErrorKind;
use keybearer_soft::{PrivateKey, describe};
use support::{Form, key};

fn main() -> ExitCode {
    let mut trials = vec![Trial::test("an RSA key of 16,384 bits", too_large)];
    let openssl = require("openssl", || program("openssl", &["version"]));
    trials.extend(openssl.trials("keys that are refused", |_| {
        let mut trials: Vec<_> = REFUSED.iter().map(Refused::trial).collect();
        trials.push(Trial::test("DSA", dsa));
        trials.push(Trial::test("a curve in numbers", explicit));
        trials.push(Trial::test("halves of two keys", halves));
        trials
    }));
    run(trials)
}

struct Refused {
    name: &'static str,
    genpkey: &'static str,
    /// What the error says, and what its hint does.
    said: &'static str,
    cure: &'static str,
    /// How a list describes it.
    described: (&'static str, Option<usize>),
}

const REFUSED: &[Refused] = &[
    Refused {
        name: "RSA-1024",
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        said: "1024 bits",
        cure: "2048",
        described: ("RSA", Some(1024)),
    },
    Refused {
        name: "RSA of three primes",
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_primes:3",
        said: "three primes",
        cure: "two primes",
        described: ("RSA", Some(2048)),
    },
    Refused {
        name: "secp256k1",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        said: "secp256k1 is not one of JOSE's",
        cure: "P-256",
        described: ("EC", Some(256)),
    },
    Refused {
        name: "P-224",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-224",
        said: "P-224 is not one of JOSE's",
        cure: "P-256",
        described: ("EC", Some(224)),
    },
    Refused {
        name: "brainpoolP256r1",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        said: "brainpoolP256r1 is not one of JOSE's",
        cure: "P-256",
        described: ("EC", Some(256)),
    },
    Refused {
        name: "X25519",
        genpkey: "-algorithm X25519",
        said: "X25519 keys cannot sign tokens",
        cure: "RSA, EC",
        described: ("OKP", Some(256)),
    },
    Refused {
        name: "Ed448",
        genpkey: "-algorithm ED448",
        said: "Ed448 keys cannot sign tokens",
        cure: "Ed25519",
        described: ("OKP", Some(456)),
    },
    Refused {
        name: "RSASSA-PSS with SHA-1",
        genpkey: "-algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha1",
        said: "restricted to a form of RSASSA-PSS",
        cure: "PS256",
        described: ("RSA", Some(2048)),
    },
];

impl Refused {
    fn trial(&'static self) -> Trial {
        Trial::test(self.name, || {
            let pkcs8 = key(self.genpkey, Form::Pkcs8);
            refused(&pkcs8, ErrorKind::Unsupported, self.said, self.cure)?;
            let told = describe(&pkcs8);
            let unusable = told.unusable.unwrap_or_default();
            if (told.key_type.as_str(), told.bits) != self.described
                || !unusable.contains(self.said)
            {
                return Err(format!("{}, {:?}, {unusable}", told.key_type, told.bits).into());
            }
            if self.genpkey.contains("EC") {
                let sec1 = support::converted(&pkcs8, Form::Sec1);
                let error = PrivateKey::from_sec1_der(&sec1, None).unwrap_err();
                if !error.to_string().contains(self.said) {
                    return Err(format!("{error:?}").into());
                }
            }
            Ok(())
        })
    }
}

fn refused(pkcs8: &[u8], kind: ErrorKind, said: &str, cure: &str) -> Result<(), Failed> {
    let error = PrivateKey::from_pkcs8_der(pkcs8)
        .err()
        .ok_or("it was read")?;
    // What the libraries say of such keys blames the wrong thing.
    let foreign = [
        "InvalidEncoding",
        "TooSmall",
        "TooLarge",
        "InvalidComponent",
        "KeyRejected",
    ];
    let shown = format!("{error:?}");
    let hint = error.hint().unwrap_or_default();
    if error.kind() != kind
        || !error.to_string().contains(said)
        || !hint.contains(cure)
        || foreign.iter().any(|word| shown.contains(word))
    {
        return Err(shown.into());
    }
    Ok(())
}

fn dsa() -> Result<(), Failed> {
    let made = support::openssl("dsaparam -genkey -noout 1024", b"");
    let pkcs8 = support::openssl("pkcs8 -topk8 -nocrypt -outform DER", &made);
    refused(
        &pkcs8,
        ErrorKind::Unsupported,
        "DSA keys cannot sign tokens",
        "RSA, EC",
    )?;
    let told = describe(&pkcs8);
    if (told.key_type.as_str(), told.bits) != ("DSA", Some(1024)) {
        return Err(format!("{told:?}").into());
    }
    Ok(())
}

/// A curve in numbers is read where each of them is that of a curve with a name. With another base point a forger knows the
/// private key to any public one (CVE-2020-0601).
fn explicit() -> Result<(), Failed> {
    let spelled = |curve: &str| {
        let curve = format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}");
        key(
            &format!("{curve} -pkeyopt ec_param_enc:explicit"),
            Form::Pkcs8,
        )
    };
    let refused = |key: &[u8]| {
        let told = "spells its curve out";
        refused(key, ErrorKind::Unsupported, told, "ec_paramgen_curve:P-256")
    };
    refused(&spelled("secp256k1"))?;
    let pkcs8 = spelled("P-256");
    PrivateKey::from_pkcs8_der(&pkcs8)?;
    // The prime, a, b, the base point and the order of P-256.
    for numbers in [
        &b"\xff\xff\xff\xff\0\0\0\x01"[..],
        b"\xff\xff\xff\xfc",
        b"\x5a\xc6\x35\xd8",
        b"\x04\x6b\x17\xd1\xf2",
        b"\x37\xbf\x51\xf5",
        b"\xbc\xe6\xfa\xad",
    ] {
        let at = pkcs8
            .windows(numbers.len())
            .position(|here| here == numbers);
        let at = at.ok_or("the number is not in the key")?;
        for at in at..at + numbers.len() {
            let mut forged = pkcs8.clone();
            forged[at] ^= 1;
            refused(&forged)?;
        }
    }
    Ok(())
}

/// A key whose public half is another's: put together wrongly, or a bait.
fn halves() -> Result<(), Failed> {
    let [one, two] = [(); 2].map(|()| {
        key(
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            Form::Pkcs8,
        )
    });
    // The public point is what both end with.
    let split = one.len() - 65;
    let mixed = [&one[..split], &two[split..]].concat();
    refused(
        &mixed,
        ErrorKind::KeyMismatch,
        "belongs to another key",
        "export the key anew",
    )?;
    // Of two RSA keys as long, the modulus of one and the rest of the other.
    let [one, two] = [(); 2].map(|()| key("-algorithm RSA", Form::Pkcs1));
    let modulus = 12..12 + 256;
    let mut mixed = one.clone();
    mixed[modulus.clone()].copy_from_slice(&two[modulus]);
    let error = PrivateKey::from_pkcs1_der(&mixed)
        .err()
        .ok_or("it was read")?;
    if error.kind() == ErrorKind::Malformed && error.to_string() == "the private key is damaged" {
        Ok(())
    } else {
        Err(format!("{error:?}").into())
    }
}

/// Made by hand: openssl takes minutes for one.
fn too_large() -> Result<(), Failed> {
    let tlv = |tag: u8, value: &[u8]| {
        let length = (value.len() as u32).to_be_bytes();
        [&[tag, 0x82, length[2], length[3]][..], value].concat()
    };
    let small = |number: u8| vec![2, 1, number];
    let number = |bytes: usize| tlv(2, &vec![0x7f; bytes]);
    let mut modulus = vec![0xff; 2049];
    modulus[0] = 0;
    let parts = [
        small(0),
        tlv(2, &modulus),
        vec![2, 3, 1, 0, 1],
        number(2048),
        number(1024),
        number(1024),
        number(1024),
        number(1024),
        number(1024),
    ];
    let pkcs1 = tlv(0x30, &parts.concat());
    let error = PrivateKey::from_pkcs1_der(&pkcs1)
        .err()
        .ok_or("it was read")?;
    if error.kind() != ErrorKind::Unsupported || !error.to_string().contains("16384 bits") {
        return Err(format!("{error:?}").into());
    }
    Ok(())
}
