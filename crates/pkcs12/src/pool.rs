//! The certificates of a store, and the chains among them.
//!
//! A hostile store has thousands of keys and certificates that point at each other: what is looked up for each key is
//! found by an index.

use std::collections::HashMap;

use keybearer_core::{Certificate, PublicKey};

/// Real chains have a few.
const LONGEST_CHAIN: usize = 32;

/// All certificates of a store, in its order.
#[derive(Default)]
pub(crate) struct Pool {
    certificates: Vec<Certificate>,
    /// The first place of each certificate: writers often put the leaf in twice.
    first: Vec<usize>,
    /// By the subject's name, first places only.
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Pool {
    pub(crate) fn new(certificates: Vec<Certificate>) -> Self {
        let mut seen = HashMap::with_capacity(certificates.len());
        let first: Vec<_> = certificates
            .iter()
            .enumerate()
            .map(|(place, certificate)| *seen.entry(certificate).or_insert(place))
            .collect();
        let mut by_subject = HashMap::<Vec<u8>, Vec<usize>>::new();
        for (place, certificate) in certificates.iter().enumerate() {
            let is_first = first.get(place) == Some(&place);
            if let Ok(subject) = certificate.subject_der()
                && is_first
            {
                by_subject.entry(subject.to_vec()).or_default().push(place);
            }
        }
        Self {
            certificates,
            first,
            by_subject,
        }
    }

    pub(crate) fn all(&self) -> &[Certificate] {
        &self.certificates
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Certificate> {
        self.certificates.get(place)
    }

    /// The first place of a certificate for this key: of those that `preferred` picks, or else of any.
    pub(crate) fn leaf(&self, key: &PublicKey, preferred: impl Fn(usize) -> bool) -> Option<usize> {
        let is_for = |place: &usize| {
            let certificate = self.get(*place);
            certificate.is_some_and(|found| found.public_key().is_ok_and(|found| found == *key))
        };
        let mut places = 0..self.certificates.len();
        let tied = places
            .clone()
            .find(|place| preferred(*place) && is_for(place));
        tied.or_else(|| places.find(is_for))
    }

    /// The certificate at this place, followed by its issuers as far as they are there. Each is named by its first place.
    pub(crate) fn chain(&self, leaf: usize) -> Vec<usize> {
        let mut chain: Vec<_> = self.first.get(leaf).copied().into_iter().collect();
        while chain.len() < LONGEST_CHAIN {
            let issuers = chain
                .last()
                .and_then(|last| self.get(*last)?.issuer_der().ok())
                .and_then(|issuer| self.by_subject.get(issuer));
            let next = issuers.and_then(|issuers| {
                issuers
                    .iter()
                    .copied()
                    .find(|issuer| !chain.contains(issuer))
            });
            match next {
                Some(next) => chain.push(next),
                None => break,
            }
        }
        chain
    }

    /// The certificates at these places.
    pub(crate) fn take(&self, places: &[usize]) -> Vec<Certificate> {
        places
            .iter()
            .filter_map(|place| self.get(*place).cloned())
            .collect()
    }

    /// The first place of what is at this one.
    pub(crate) fn first(&self, place: usize) -> usize {
        self.first.get(place).copied().unwrap_or(place)
    }
}
