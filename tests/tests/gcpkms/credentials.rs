//! Each source of credentials, where the program finds it.

use std::{fs, sync::atomic::Ordering};

use keybearer_fakes::gcp::{READ, SIGN};
use keybearer_tests::{Ran, Scratch};

use crate::cloud::{ACTOR, Cloud, SIGNER, USER};

/// By the variable, and by the attribute of the URI.
pub(crate) fn service_account(cloud: &Cloud) {
    let file = cloud.file_of(SIGNER);
    signed(cloud.sign(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)]));
    let uri = cloud.uri.clone();
    let uri = uri.with_attribute("credentials-source", "env:CREDENTIALS");
    let key = cloud.key_of(SIGNER).to_string();
    signed(cloud.sign_by(&uri, &[("CREDENTIALS", &key)]));
    // It signs for itself: no token is asked for.
    let made = &cloud.fake.service.tokens_made;
    assert_eq!(made.load(Ordering::SeqCst), 0);

    // As when the key of the account was deleted.
    cloud.fake.service.account(SIGNER, &[SIGN, READ]);
    let told = cloud.sign(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)]);
    assert_eq!(told.error(1)["kind"], "unauthenticated");
    assert!(told.stderr.contains(SIGNER), "{told:?}");
}

/// The file that gcloud writes, where gcloud writes it.
pub(crate) fn user(cloud: &Cloud) {
    let home = Scratch::new();
    let file = cloud.fake.service.user_file(USER, &cloud.fake.url());
    let folder = home.path(".config").join("gcloud");
    fs::create_dir_all(&folder).unwrap();
    let well_known = folder.join("application_default_credentials.json");
    fs::write(&well_known, file.to_string()).unwrap();
    let at = home.folder().to_str().unwrap();
    signed(cloud.sign(&[("HOME", at)]));
    signed(cloud.sign(&[("CLOUDSDK_CONFIG", folder.to_str().unwrap())]));
    let mut revoked = file.clone();
    revoked["refresh_token"] = "1//hunter2".into();
    fs::write(&well_known, revoked.to_string()).unwrap();
    let told = cloud.sign(&[("HOME", at)]);
    assert_eq!(told.error(1)["kind"], "bad_secret");
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
    fs::remove_file(well_known).unwrap();
    let told = cloud.sign(&[("HOME", at)]);
    assert_eq!(told.error(1)["kind"], "unauthenticated");
    for place in [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "application_default_credentials.json",
        "metadata server",
    ] {
        assert!(told.stderr.contains(place), "{place}: {told:?}");
    }
}

pub(crate) fn impersonated(cloud: &Cloud) {
    let service = &cloud.fake.service;
    let url = cloud.fake.url();
    let by_actor = service.impersonating_file(cloud.key_of(ACTOR), SIGNER, &url);
    let file = cloud.file("by-actor.json", &by_actor);
    signed(cloud.sign(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)]));
    let by_user = service.impersonating_file(service.user_file(USER, &url), SIGNER, &url);
    let file = cloud.file("by-user.json", &by_user);
    let told = cloud.sign(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)]);
    assert_eq!(told.error(1)["kind"], "permission_denied");
    let wanted = "iam.serviceAccounts.getAccessToken";
    assert!(told.stderr.contains(wanted), "{told:?}");
}

pub(crate) fn machine(cloud: &Cloud) {
    let host = cloud.fake.address().to_string();
    let sign = || cloud.sign(&[("GCE_METADATA_HOST", &host)]);
    let told = sign();
    assert_eq!(told.error(1)["kind"], "unauthenticated");
    assert!(
        told.stderr.contains("this machine has no service account"),
        "{told:?}"
    );
    cloud.fake.service.machine_is(SIGNER);
    signed(sign());
}

fn signed(told: Ran) {
    for secret in ["PRIVATE KEY", "ya29.", "GOCSPX", "Bearer ", "eyJ"] {
        assert!(!told.stderr.contains(secret), "{secret}: {told:?}");
    }
    // It has told something at all.
    assert!(told.stderr.contains("Cloud KMS has signed"), "{told:?}");
    assert_eq!(told.json()["alg"], "RS256");
}
