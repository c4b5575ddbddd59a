//! PEM files without a private key that is read here: what they are, and what to do.

use keybearer_core::{Error, ErrorKind};

/// The error of a file that has none but these blocks.
pub(crate) fn no_key(labels: &[&str]) -> Error {
    let known = CURES
        .iter()
        .find(|(label, _, _)| labels.contains(label))
        .map(|(_, what, cure)| (*what, *cure));
    let (what, cure) = known.unwrap_or(("", "name the file that has a PRIVATE KEY block"));
    let message = if what.is_empty() {
        format!("the file has no private key, only {}", list(labels))
    } else {
        format!("the file has no private key that is read here: it is {what}")
    };
    Error::new(ErrorKind::NotFound, message).with_hint(cure)
}

/// The label of a block, what it is, and what turns it into something usable.
const CURES: &[(&str, &str, &str)] = &[
    (
        "OPENSSH PRIVATE KEY",
        "a private key of OpenSSH",
        "convert a copy of it: install -m 600 FILE NEW.pem && ssh-keygen -p -m PKCS8 -f NEW.pem (RSA and ECDSA; for Ed25519 make a new key: keybearer key new pem:NEW.pem --subject CN=NAME)",
    ),
    (
        "PGP PRIVATE KEY BLOCK",
        "a private key of PGP",
        "make a key for signing tokens instead: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "PGP PUBLIC KEY BLOCK",
        "a public key of PGP",
        "make a key for signing tokens instead: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "PGP MESSAGE",
        "a message that PGP encrypted",
        "decrypt it: gpg --output NEW.pem --decrypt FILE",
    ),
    (
        "DSA PRIVATE KEY",
        "a DSA key, and no JWS algorithm signs with those",
        "make a new key: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "PUBLIC KEY",
        "a public key",
        "this is the public half: name the file of the private key; where that is lost, make a new one: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "RSA PUBLIC KEY",
        "a public key",
        "this is the public half: name the file of the private key; where that is lost, make a new one: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "CERTIFICATE REQUEST",
        "a certificate request",
        "it has no private key: name the file of the key that it was made with (openssl req writes it to -keyout); where that is lost, make a new one: keybearer key new pem:NEW.pem --subject CN=NAME",
    ),
    (
        "NEW CERTIFICATE REQUEST",
        "a certificate request",
        "it has no private key: name the key store that it was made from (keytool -certreq leaves the key there)",
    ),
    (
        "PKCS7",
        "a PKCS#7 file of certificates",
        "name the file of the key, and as certificate= what this writes: openssl pkcs7 -in FILE -print_certs -out NEW.pem",
    ),
    (
        "CMS",
        "a PKCS#7 file of certificates",
        "name the file of the key, and as certificate= what this writes: openssl pkcs7 -in FILE -print_certs -out NEW.pem",
    ),
    (
        "TRUSTED CERTIFICATE",
        "a certificate with openssl's trust settings",
        "name the file of the key, and as certificate= what this writes: openssl x509 -in FILE -out NEW.pem",
    ),
    (
        "EC PARAMETERS",
        "a curve without a key",
        "make the key too: openssl ecparam -in FILE -genkey -out NEW.pem",
    ),
];

/// Names of the file's own, so not long ones.
fn list(labels: &[&str]) -> String {
    if labels.is_empty() {
        "text".into()
    } else {
        labels.join(", ").to_lowercase()
    }
}
