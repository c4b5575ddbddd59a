//! Ids in the shape of Salesforce's.

/// The id of the org, without the check characters.
pub(crate) const ORG_ID: &str = "00DKB0000000001";

/// The id of the user that was made `at`-th, without the check characters.
pub(crate) fn user_id(at: usize) -> String {
    format!("005KB{at:010}")
}

/// An id of 18 characters: the 15 that tell upper from lower case and 3 that keep the difference where case is lost.
pub(crate) fn checked(id: &str) -> String {
    const CHECKS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let check = |group: &[u8]| {
        let bits = group.iter().enumerate();
        let index = bits.fold(0, |bits, (at, byte)| {
            bits | usize::from(byte.is_ascii_uppercase()) << at
        });
        CHECKS.get(index).map_or('A', |byte| char::from(*byte))
    };
    let checks = id.as_bytes().chunks(5).map(check);
    id.chars().chain(checks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters_are_salesforces() {
        // Ids of Salesforce's documentation.
        assert_eq!(checked("00Dx0000000BV7z"), "00Dx0000000BV7zEAG");
        assert_eq!(checked("005x00000012Q9P"), "005x00000012Q9PAAU");
    }

    #[test]
    fn ids_have_15_characters() {
        assert_eq!(ORG_ID.len(), 15);
        assert_eq!(user_id(7), "005KB0000000007");
    }
}
