//! Private keys in JSON: JWK and JWK sets (RFC 7517, RFC 7518 section 6, RFC 8037).

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use keybearer_core::{Algorithm, Certificate, EcCurve, Error, ErrorKind, Result, Secret};
use keybearer_soft::{PrivateKey, RsaNumbers};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A private key in JSON, its numbers decoded.
pub(crate) struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    numbers: [Option<Secret>; 10],
    more_primes: bool,
}

/// The private keys of a JWK or a JWK set, and the certificates in them. Public keys are passed over, and so are keys for
/// encryption.
pub(crate) fn read(json: &str) -> Result<(Vec<Jwk>, Vec<Certificate>)> {
    let set: Set<'_> = serde_json::from_str(json).map_err(|error| damaged(&error))?;
    let written = match set.keys {
        Some(keys) => keys,
        None => vec![serde_json::from_str(json).map_err(|error| damaged(&error))?],
    };
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for jwk in written {
        if jwk.kty == "oct" || jwk.d.is_none() || jwk.purpose == Some("enc") {
            continue;
        }
        for der in &jwk.x5c {
            let der = decode(&CERTIFICATE, der, "x5c")?;
            certificates.push(Certificate::from_der(der.expose())?);
        }
        keys.push(Jwk::new(jwk)?);
    }
    if keys.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            "the JWK has no private key to sign with: it is public, or for encryption, or a shared secret",
        )
        .with_hint("name the file of the private half; it has \"d\""));
    }
    Ok((keys, certificates))
}

impl Jwk {
    fn new(written: Written<'_>) -> Result<Self> {
        let number = |name: &str, text: Option<&str>| {
            text.map(|text| decode(&NUMBER, text, name)).transpose()
        };
        Ok(Self {
            kty: written.kty.to_owned(),
            crv: written.crv.map(str::to_owned),
            alg: written.alg.map(str::to_owned),
            numbers: [
                number("n", written.n)?,
                number("e", written.e)?,
                number("d", written.d)?,
                number("p", written.p)?,
                number("q", written.q)?,
                number("dp", written.dp)?,
                number("dq", written.dq)?,
                number("qi", written.qi)?,
                number("x", written.x)?,
                number("y", written.y)?,
            ],
            more_primes: written.oth.is_some(),
        })
    }

    /// `RSA`, `EC` or `OKP`, as written.
    pub(crate) fn key_type(&self) -> &str {
        &self.kty
    }

    pub(crate) fn open(&self) -> Result<PrivateKey> {
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => self.rsa()?,
            ("EC", Some("P-256")) => self.ec(EcCurve::P256)?,
            ("EC", Some("P-384")) => self.ec(EcCurve::P384)?,
            ("EC", Some("P-521")) => self.ec(EcCurve::P521)?,
            ("OKP", Some("Ed25519")) => {
                PrivateKey::from_ed25519_seed(self.number(D)?, self.number(X)?)?
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the JWK is of a type or a curve that cannot sign tokens here",
                )
                .with_hint("the types are RSA, EC (P-256, P-384, P-521) and OKP (Ed25519)"));
            }
        };
        let Some(alg) = &self.alg else {
            return Ok(key);
        };
        let algorithm = alg.parse::<Algorithm>().map_err(|_| {
            Error::new(
                ErrorKind::Unsupported,
                "\"alg\" of the JWK is no algorithm that signs here",
            )
            .with_hint("remove \"alg\" where the key is for signatures all the same")
        })?;
        key.only_for(algorithm)
    }

    fn rsa(&self) -> Result<PrivateKey> {
        if self.more_primes {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "RSA keys of three primes and more are not supported",
            )
            .with_hint("make a new key with two primes"));
        }
        // RFC 7518 section 6.3.2 lets all of them be left out.
        if [P, Q, DP, DQ, QI]
            .iter()
            .all(|(at, _)| self.numbers.get(*at).is_none_or(Option::is_none))
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the RSA key of the JWK comes without its primes",
            )
            .with_hint("have the program that made it write p, q, dp, dq and qi too, or export the key as PEM"));
        }
        PrivateKey::from_rsa_numbers(&RsaNumbers {
            modulus: self.number(N)?,
            public_exponent: self.number(E)?,
            private_exponent: self.number(D)?,
            primes: [self.number(P)?, self.number(Q)?],
            exponents: [self.number(DP)?, self.number(DQ)?],
            coefficient: self.number(QI)?,
        })
    }

    fn ec(&self, curve: EcCurve) -> Result<PrivateKey> {
        let point = [&[4], self.number(X)?, self.number(Y)?].concat();
        PrivateKey::from_ec_numbers(curve, self.number(D)?, &point)
    }

    fn number(&self, (at, name): (usize, &str)) -> Result<&[u8]> {
        let number = self.numbers.get(at).and_then(Option::as_ref);
        number.map(Secret::expose).ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!("the private JWK has no \"{name}\""),
            )
            .with_hint("RSA keys need n, e, d, p, q, dp, dq and qi; EC keys crv, x, y and d; Ed25519 keys crv, x and d")
        })
    }
}

const N: (usize, &str) = (0, "n");
const E: (usize, &str) = (1, "e");
const D: (usize, &str) = (2, "d");
const P: (usize, &str) = (3, "p");
const Q: (usize, &str) = (4, "q");
const DP: (usize, &str) = (5, "dp");
const DQ: (usize, &str) = (6, "dq");
const QI: (usize, &str) = (7, "qi");
const X: (usize, &str) = (8, "x");
const Y: (usize, &str) = (9, "y");

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Option<Vec<Written<'a>>>,
}

/// Borrowed from the text, which is wiped.
#[derive(Deserialize)]
struct Written<'a> {
    kty: &'a str,
    crv: Option<&'a str>,
    alg: Option<&'a str>,
    #[serde(rename = "use")]
    purpose: Option<&'a str>,
    #[serde(default)]
    x5c: Vec<String>,
    oth: Option<serde::de::IgnoredAny>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    d: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
    x: Option<&'a str>,
    y: Option<&'a str>,
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const NUMBER: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
const CERTIFICATE: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

fn decode(engine: &GeneralPurpose, text: &str, name: &str) -> Result<Secret> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
    let len = engine.decode_slice(text, &mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Malformed,
            format!("\"{name}\" of the JWK is no base64"),
        )
        .with_hint("take the file from its source again")
    })?;
    Ok(Secret::new(bytes.get(..len).unwrap_or_default()))
}

/// The parser's own words may hold a number of the key.
fn damaged(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Malformed, "the file is no JWK and no JWK set")
        .with_source(format!("line {}, column {}", error.line(), error.column()))
        .with_hint("a JWK is a JSON object with \"kty\" and, where it is private, \"d\"")
}
