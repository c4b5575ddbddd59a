//! What Salesforce would refuse: <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm>.

use keybearer_core::Certificate;

/// In bytes, of the file that is uploaded to an app.
const LARGEST: usize = 4096;

/// Warnings about a key of this type and size, as far as they are known, and about its own certificate.
pub(crate) fn refusals(
    key_type: Option<&str>,
    bits: Option<usize>,
    leaf: Option<&Certificate>,
) -> Vec<String> {
    let mut refusals = Vec::new();
    match (key_type, bits) {
        (Some("RSA"), Some(bits)) if bits < 2048 => refusals.push(format!(
            "Salesforce refuses this key: it has {bits} bits, and 2048 are the least"
        )),
        (Some("RSA") | None, _) => {}
        (Some(other), _) => refusals.push(format!(
            "Salesforce refuses this key: it is {other}, and only RSA keys are taken there"
        )),
    }
    if let Some(leaf) = leaf {
        let (der, pem) = (leaf.as_der().len(), leaf.to_pem().len());
        if der > LARGEST {
            refusals.push(format!(
                "Salesforce refuses this certificate: it has {der} bytes, and {LARGEST} are the most"
            ));
        } else if pem > LARGEST {
            refusals.push(format!(
                "Salesforce refuses this certificate in PEM: it has {pem} bytes, and {LARGEST} are the most; upload it in DER (keybearer cert export --der), {der} bytes"
            ));
        }
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_by_type_and_size() {
        let count = |key_type, bits| refusals(key_type, bits, None).len();
        assert_eq!(count(Some("RSA"), Some(2048)), 0);
        assert_eq!(count(Some("RSA"), Some(2047)), 1);
        assert_eq!(count(Some("RSA"), None), 0);
        assert_eq!(count(Some("EC"), Some(256)), 1);
        assert_eq!(count(Some("DSA"), Some(1024)), 1);
        assert_eq!(count(None, None), 0);
    }
}
