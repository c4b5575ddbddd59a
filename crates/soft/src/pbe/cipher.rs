//! The ciphers of key files: block ciphers in CBC mode with the padding of PKCS#7, AES in Galois/Counter Mode, and RC4.

use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit,
    KeyInit, block_padding::Pkcs7,
};
use keybearer_core::{Result, Secret};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{malformed, rc4, wrong_password};

/// A cipher with the size of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    /// AES-128 in Galois/Counter Mode, which BouncyCastle writes where it is asked to.
    Aes128Gcm,
    /// AES-256 in the same mode.
    Aes256Gcm,
    /// DES, whose key has 56 bits: anybody breaks it, and old files have it.
    Des,
    /// Triple DES with three keys.
    Des3,
    /// Triple DES with two keys.
    Des2,
    /// RC2 with a key of so many bits, all of them effective.
    Rc2 {
        bits: usize,
    },
    /// RC4 with a key of so many bits.
    Rc4 {
        bits: usize,
    },
}

impl Cipher {
    /// The length of the key, in bytes.
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Des => 8,
            Self::Aes128 | Self::Aes128Gcm | Self::Des2 => 16,
            Self::Aes192 | Self::Des3 => 24,
            Self::Aes256 | Self::Aes256Gcm => 32,
            Self::Rc2 { bits } | Self::Rc4 { bits } => bits / 8,
        }
    }

    /// The length of the initialization vector, in bytes.
    pub(super) fn iv_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::Aes128Gcm | Self::Aes256Gcm => aead::NONCE_LEN,
            Self::Des | Self::Des3 | Self::Des2 | Self::Rc2 { .. } => 8,
            Self::Rc4 { .. } => 0,
        }
    }

    pub(super) fn decrypt(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Secret> {
        match self {
            Self::Aes128 => decrypt(keyed::<aes::Aes128>(key)?, iv, ciphertext),
            Self::Aes192 => decrypt(keyed::<aes::Aes192>(key)?, iv, ciphertext),
            Self::Aes256 => decrypt(keyed::<aes::Aes256>(key)?, iv, ciphertext),
            Self::Aes128Gcm => open(&aead::AES_128_GCM, key, iv, ciphertext),
            Self::Aes256Gcm => open(&aead::AES_256_GCM, key, iv, ciphertext),
            Self::Des => decrypt(keyed::<des::Des>(key)?, iv, ciphertext),
            Self::Des3 => decrypt(keyed::<des::TdesEde3>(key)?, iv, ciphertext),
            Self::Des2 => decrypt(keyed::<des::TdesEde2>(key)?, iv, ciphertext),
            Self::Rc2 { bits } => {
                decrypt(rc2::Rc2::new_with_eff_key_len(key, bits), iv, ciphertext)
            }
            Self::Rc4 { .. } => Ok(Secret::new(rc4::apply(key, ciphertext).as_slice())),
        }
    }

    pub(super) fn encrypt(self, key: &[u8], iv: &[u8], plaintext: &Secret) -> Result<Vec<u8>> {
        match self {
            Self::Aes128 => encrypt(keyed::<aes::Aes128>(key)?, iv, plaintext),
            Self::Aes192 => encrypt(keyed::<aes::Aes192>(key)?, iv, plaintext),
            Self::Aes256 => encrypt(keyed::<aes::Aes256>(key)?, iv, plaintext),
            Self::Aes128Gcm => seal(&aead::AES_128_GCM, key, iv, plaintext),
            Self::Aes256Gcm => seal(&aead::AES_256_GCM, key, iv, plaintext),
            Self::Des => encrypt(keyed::<des::Des>(key)?, iv, plaintext),
            Self::Des3 => encrypt(keyed::<des::TdesEde3>(key)?, iv, plaintext),
            Self::Des2 => encrypt(keyed::<des::TdesEde2>(key)?, iv, plaintext),
            Self::Rc2 { bits } => encrypt(rc2::Rc2::new_with_eff_key_len(key, bits), iv, plaintext),
            Self::Rc4 { .. } => Ok(rc4::apply(key, plaintext.expose()).to_vec()),
        }
    }
}

fn keyed<C: KeyInit>(key: &[u8]) -> Result<C> {
    C::new_from_slice(key).map_err(|error| malformed(error.to_string()))
}

fn decrypt<C: BlockCipherDecrypt>(cipher: C, iv: &[u8], ciphertext: &[u8]) -> Result<Secret> {
    let mode = cbc::Decryptor::inner_iv_slice_init(cipher, iv)
        .map_err(|error| malformed(error.to_string()))?;
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(C::block_size()) {
        return Err(malformed(format!(
            "{} encrypted bytes are no whole blocks",
            ciphertext.len()
        )));
    }
    mode.decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map(Secret::new)
        .map_err(|_| wrong_password())
}

fn encrypt<C: BlockCipherEncrypt>(cipher: C, iv: &[u8], plaintext: &Secret) -> Result<Vec<u8>> {
    let mode = cbc::Encryptor::inner_iv_slice_init(cipher, iv)
        .map_err(|error| malformed(error.to_string()))?;
    Ok(mode.encrypt_padded_vec::<Pkcs7>(plaintext.expose()))
}

/// The ciphertext ends with its tag, of 16 bytes.
fn open(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Secret> {
    let (key, nonce) = gcm(algorithm, key, iv)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let plaintext = key
        .open_in_place(nonce, Aad::empty(), &mut buffer)
        .map_err(|_| wrong_password())?;
    Ok(Secret::new(&*plaintext))
}

fn seal(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    iv: &[u8],
    plaintext: &Secret,
) -> Result<Vec<u8>> {
    let (key, nonce) = gcm(algorithm, key, iv)?;
    let mut buffer = Zeroizing::new(plaintext.expose().to_vec());
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer)
        .map_err(|error| malformed(error.to_string()))?;
    Ok([buffer.as_slice(), tag.as_ref()].concat())
}

fn gcm(algorithm: &'static aead::Algorithm, key: &[u8], iv: &[u8]) -> Result<(LessSafeKey, Nonce)> {
    let unusable = |_| malformed("AES-GCM with a key or a nonce of another length");
    let key = UnboundKey::new(algorithm, key).map_err(unusable)?;
    let nonce = Nonce::try_assume_unique_for_key(iv).map_err(unusable)?;
    Ok((LessSafeKey::new(key), nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_decrypts_what_it_encrypts() {
        let plaintext = Secret::new("twenty-three bytes long");
        for cipher in [
            Cipher::Aes128,
            Cipher::Aes192,
            Cipher::Aes256,
            Cipher::Aes128Gcm,
            Cipher::Aes256Gcm,
            Cipher::Des,
            Cipher::Des2,
            Cipher::Des3,
            Cipher::Rc2 { bits: 40 },
            Cipher::Rc2 { bits: 64 },
            Cipher::Rc2 { bits: 128 },
            Cipher::Rc4 { bits: 128 },
        ] {
            let key: Vec<u8> = (1..=cipher.key_len() as u8).collect();
            let iv = vec![7; cipher.iv_len()];
            let ciphertext = cipher.encrypt(&key, &iv, &plaintext).unwrap();
            assert_ne!(ciphertext, plaintext.expose(), "{cipher:?}");
            let opened = cipher.decrypt(&key, &iv, &ciphertext).unwrap();
            assert_eq!(opened, plaintext, "{cipher:?}");
        }
    }
}
