//! Key URIs, as people write them and as they are told.

use keybearer_core::KeyUri;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(uri) = text.parse::<KeyUri>() else {
        return;
    };
    let _ = (uri.decoded_locator(), uri.path(), format!("{uri:?}"));
    let mut silent = uri.clone();
    for name in uri.attribute_names() {
        if name.ends_with("-value") {
            silent = silent.without_attribute(name);
        }
    }
    // Told and read again it is the same key.
    let told = silent.to_string();
    match told.parse::<KeyUri>() {
        Ok(again) => assert_eq!(again.to_string(), told),
        Err(error) => panic!("{told:?} is not read again: {error}"),
    }
}
