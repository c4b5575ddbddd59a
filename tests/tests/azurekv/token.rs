//! The whole path: a certificate over the key, an org that knows it, a token, and what `check` says.

use keybearer_tests::{WholePath, assert_step_failed, keybearer, ran};

use crate::cloud::{Cloud, SECRET};

pub(crate) fn token() {
    let cloud = Cloud::new();
    let key = cloud.key();
    let path = WholePath::walk(&key, SECRET, cloud.by("signer"));
    let whole = format!("{key}&certificate={}", path.certificate);
    let report = |client: &str| path.check(&whole, &[SECRET], cloud.by(client));
    assert_eq!(report("signer")["ok"], true);
    let reader = report("reader");
    assert_step_failed(
        &reader,
        "exchange",
        "no sign permission",
        "sign key permission",
    );
    let nobody = report("nobody");
    assert_step_failed(&nobody, "key", "no get permission", "get key permission");
    let roles = &cloud.server.service.is_by_roles;
    roles.store(true, std::sync::atomic::Ordering::SeqCst);
    let reader = report("reader");
    assert_step_failed(
        &reader,
        "exchange",
        "no sign permission",
        "Key Vault Crypto User",
    );
}

pub(crate) fn blind_role() {
    let cloud = Cloud::new();
    let key = cloud.key();
    let path = WholePath::walk(&key, SECRET, cloud.by("signer"));
    let told = format!("{key}&alg=RS256&certificate={}", path.certificate);
    let report = path.check(&told, &[SECRET], cloud.by("blind"));
    assert_eq!(report["ok"], true, "{report}");
    // What the key does must be said.
    let mut command = keybearer(&["key", "show", "--json", &key]);
    cloud.by("blind")(&mut command);
    let error = ran(&mut command).error(1);
    assert_eq!(error["kind"], "permission_denied");
    assert!(error["hint"].as_str().unwrap().contains("alg=RS256"));
}
