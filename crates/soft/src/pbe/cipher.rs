//! The ciphers of key files: block ciphers in CBC mode with the padding of PKCS#7, and RC4.

use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit,
    KeyInit, block_padding::Pkcs7,
};
use keybearer_core::{Result, Secret};

use super::{malformed, rc4, wrong_password};

/// A cipher with the size of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
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
            Self::Aes128 | Self::Des2 => 16,
            Self::Aes192 | Self::Des3 => 24,
            Self::Aes256 => 32,
            Self::Rc2 { bits } | Self::Rc4 { bits } => bits / 8,
        }
    }

    /// The length of the initialization vector, in bytes.
    pub(super) fn iv_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::Des | Self::Des3 | Self::Des2 | Self::Rc2 { .. } => 8,
            Self::Rc4 { .. } => 0,
        }
    }

    pub(super) fn decrypt(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Secret> {
        match self {
            Self::Aes128 => decrypt(keyed::<aes::Aes128>(key)?, iv, ciphertext),
            Self::Aes192 => decrypt(keyed::<aes::Aes192>(key)?, iv, ciphertext),
            Self::Aes256 => decrypt(keyed::<aes::Aes256>(key)?, iv, ciphertext),
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
