//! Keys that openssl made, in all forms; signatures that openssl verifies.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::process::ExitCode;

use keybearer_conformance::{Failed, Trial, program, require, run, verify};
use keybearer_core::{Algorithm, EcCurve, KeyType, PublicKey, Signer as _};
use keybearer_soft::{PrivateKey, SoftSigner};
use support::Form;

/// What `genpkey` is told, in which forms openssl writes it, and what it is here.
struct Made {
    name: &'static str,
    genpkey: &'static str,
    forms: &'static [Form],
    key_type: KeyType,
    algorithms: &'static [Algorithm],
    /// Whether it needs the feature `aws-lc`.
    beyond_ring: bool,
}

const RSA_FORMS: &[Form] = &[Form::Pkcs8, Form::Pkcs1];
const EC_FORMS: &[Form] = &[Form::Pkcs8, Form::Sec1];
/// Openssl takes a minute to make one: this one is kept.
const RSA_8192: &str = "";
const PSS: &[Algorithm] = &[Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];

fn main() -> ExitCode {
    let openssl = require("openssl", || program("openssl", &["version"]));
    run(openssl.trials("keys of openssl's", |_| {
        keys().into_iter().map(Made::trial).collect()
    }))
}

fn keys() -> Vec<Made> {
    let rsa = |name, genpkey, bits, beyond_ring| Made {
        name,
        genpkey,
        forms: RSA_FORMS,
        key_type: KeyType::Rsa { bits },
        algorithms: Algorithm::of(KeyType::Rsa { bits }),
        beyond_ring,
    };
    let ec = |name, genpkey, curve| Made {
        name,
        genpkey,
        forms: EC_FORMS,
        key_type: KeyType::Ec(curve),
        algorithms: Algorithm::of(KeyType::Ec(curve)),
        beyond_ring: curve == EcCurve::P521,
    };
    let pss = |name, genpkey, algorithms| Made {
        name,
        genpkey,
        forms: &[Form::Pkcs8],
        key_type: KeyType::Rsa { bits: 2048 },
        algorithms,
        beyond_ring: false,
    };
    let mut keys = vec![
        rsa("RSA-2048", "-algorithm RSA", 2048, false),
        rsa(
            "RSA-3072",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
            3072,
            false,
        ),
        rsa(
            "RSA-4096",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
            4096,
            false,
        ),
        rsa(
            "RSA with the exponent 3",
            "-algorithm RSA -pkeyopt rsa_keygen_pubexp:3",
            2048,
            true,
        ),
        rsa(
            "RSA-2056",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2056",
            2056,
            true,
        ),
        rsa("RSA-8192", RSA_8192, 8192, true),
        ec(
            "P-256",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            EcCurve::P256,
        ),
        ec(
            "P-384",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            EcCurve::P384,
        ),
        ec(
            "P-521",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
            EcCurve::P521,
        ),
        pss("RSASSA-PSS alone", "-algorithm RSA-PSS", PSS),
        pss(
            "RSASSA-PSS with SHA-384 alone",
            "-algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 -pkeyopt rsa_pss_keygen_saltlen:48",
            &[Algorithm::Ps384],
        ),
    ];
    keys.push(Made {
        name: "Ed25519",
        genpkey: "-algorithm ED25519",
        forms: &[Form::Pkcs8],
        key_type: KeyType::Ed25519,
        algorithms: &[Algorithm::Ed25519],
        beyond_ring: false,
    });
    keys
}

impl Made {
    fn trial(self) -> Trial {
        Trial::test(self.name, move || {
            let pkcs8 = if self.genpkey == RSA_8192 {
                include_bytes!("keys/rsa-8192.der").to_vec()
            } else {
                support::key(self.genpkey, Form::Pkcs8)
            };
            let public = PublicKey::from_spki_der(&support::public(&pkcs8))?;
            for form in self.forms {
                let der = support::converted(&pkcs8, *form);
                self.check(*form, &der, &public)?;
            }
            Ok(())
        })
    }

    fn check(&self, form: Form, der: &[u8], public: &PublicKey) -> Result<(), Failed> {
        let read = match form {
            Form::Pkcs8 => PrivateKey::from_pkcs8_der(der),
            Form::Pkcs1 => PrivateKey::from_pkcs1_der(der),
            Form::Sec1 => PrivateKey::from_sec1_der(der, None),
        };
        if self.beyond_ring && cfg!(not(feature = "aws-lc")) {
            let error = read.err().ok_or("it was read without aws-lc")?;
            let hint = error.hint().unwrap_or_default();
            if error.kind() != keybearer_core::ErrorKind::Unsupported || !hint.contains("aws-lc") {
                return Err(format!("{error:?}").into());
            }
            return Ok(());
        }
        let key = read?;
        if key.public_key() != public
            || public.key_type() != self.key_type
            || key.algorithms() != self.algorithms
        {
            return Err(format!("{form:?}: {key:?} does {:?}", key.algorithms()).into());
        }
        // What other programs are given of the key is the key.
        if support::public(key.to_pkcs8_der().expose()) != public.spki_der() {
            return Err(format!("{form:?}: openssl reads another key").into());
        }
        let signer = SoftSigner::new(&"pem:/k".parse()?, &key, &[])?;
        for algorithm in self.algorithms {
            for message in [&b"a"[..], b"header.claims", &[0x5a; 100_000]] {
                let signed = runtime().block_on(signer.sign(*algorithm, message))?;
                verify::openssl(public, *algorithm, message, &signed)
                    .map_err(|failure| format!("{form:?}: {failure}"))?;
            }
        }
        Ok(())
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}
