//! The encryption that PEM had before PKCS#8: headers `Proc-Type: 4,ENCRYPTED` and `DEK-Info` (RFC 1421 section 4.6.1,
//! with OpenSSL's ciphers and its `EVP_BytesToKey`).

use keybearer_core::{Error, ErrorKind, Result, Secret};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::{REWRITE_KEY, cipher::Cipher, malformed, scheme::plausible};

const CIPHERS: [(&str, Cipher); 9] = [
    ("AES-128-CBC", Cipher::Aes128),
    ("AES-192-CBC", Cipher::Aes192),
    ("AES-256-CBC", Cipher::Aes256),
    ("DES-EDE3-CBC", Cipher::Des3),
    ("DES-EDE-CBC", Cipher::Des2),
    ("DES-CBC", Cipher::Des),
    ("RC2-CBC", Cipher::Rc2 { bits: 128 }),
    ("RC2-64-CBC", Cipher::Rc2 { bits: 64 }),
    ("RC2-40-CBC", Cipher::Rc2 { bits: 40 }),
];

/// Decrypts the content of a PEM block by its `DEK-Info` header: a cipher's name, a comma, and the initialization vector
/// in hexadecimal. The key comes from one round of MD5 over password and vector: it slows down nobody who guesses.
///
/// # Errors
/// [`ErrorKind::BadSecret`] where the outcome is not an ASN.1 SEQUENCE: the format has no other sign of a wrong password.
/// [`ErrorKind::Unsupported`] for a cipher that is not read here, by its name; [`ErrorKind::Malformed`] for a header that
/// is none.
pub fn decrypt_dek(dek_info: &str, ciphertext: &[u8], password: &Secret) -> Result<Secret> {
    let (name, iv) = dek_info
        .split_once(',')
        .ok_or_else(|| malformed("a DEK-Info without an initialization vector"))?;
    let name = name.trim();
    let known = CIPHERS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((_, cipher)) = known else {
        return Err(unsupported(name));
    };
    let iv = hexadecimal(iv.trim())
        .filter(|iv| iv.len() == cipher.iv_len())
        .ok_or_else(|| malformed("the initialization vector of DEK-Info is none"))?;
    let key = derive(password.expose(), &iv, cipher.key_len());
    plausible(cipher.decrypt(&key, &iv, ciphertext)?)
}

/// `EVP_BytesToKey` with MD5, one round, and the first eight bytes of the vector as salt.
fn derive(password: &[u8], iv: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let salt = iv.get(..8).unwrap_or(iv);
    let mut key = Zeroizing::new(Vec::with_capacity(len + 16));
    let mut last = Zeroizing::new([0; 16]);
    while key.len() < len {
        let mut hash = Md5::new();
        if !key.is_empty() {
            hash.update(last.as_slice());
        }
        hash.update(password);
        hash.update(salt);
        *last = hash.finalize().into();
        key.extend_from_slice(last.as_slice());
    }
    key.truncate(len);
    key
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn unsupported(cipher: &str) -> Error {
    // The name is the file's: a hostile one has no say in how long our error is.
    let cipher: String = cipher.chars().take(40).collect();
    Error::new(
        ErrorKind::Unsupported,
        format!("the key is encrypted with a cipher that is not read here: {cipher:?}"),
    )
    .with_hint(REWRITE_KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_none_are_told() {
        let password = Secret::new("secret");
        for (header, kind) in [
            ("", ErrorKind::Malformed),
            ("AES-256-CBC", ErrorKind::Malformed),
            ("AES-256-CBC,00", ErrorKind::Malformed),
            ("AES-256-CBC,0g", ErrorKind::Malformed),
            ("DES-EDE3-CBC,0123456789abcde", ErrorKind::Malformed),
            ("SEED-CBC,0123456789abcdef", ErrorKind::Unsupported),
            ("DES-CBC,0123456789abcdef", ErrorKind::BadSecret),
            ("DES-EDE3-CBC,0123456789abcdef", ErrorKind::BadSecret),
        ] {
            let error = decrypt_dek(header, &[7; 16], &password).unwrap_err();
            assert_eq!(error.kind(), kind, "{header}");
        }
    }
}
