//! A local org with one app and one user, and the app's key in a PEM file.

pub(crate) struct MadeOrg {
    pub(crate) org: keybearer_localorg::LocalOrg,
    key: String,
    _folder: tempfile::TempDir,
}

impl MadeOrg {
    pub(crate) async fn start() -> Self {
        use keybearer::KeyType;
        use keybearer_localorg::{App, LocalOrg, User};
        use keybearer_soft::PrivateKey;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.pem");
        let made = PrivateKey::generate(KeyType::Rsa { bits: 2048 }).unwrap();
        let block = pem::Pem::new("PRIVATE KEY", made.to_pkcs8_der().expose());
        std::fs::write(&path, pem::encode(&block)).unwrap();

        let key = path.display().to_string();
        let signer = keybearer::open(&key).await.unwrap();
        let bound = keybearer::Bound::new(signer, keybearer::Algorithm::Rs256).unwrap();
        let certificate = keybearer_x509::SelfSigned::new("CN=nightly job").unwrap();
        let certificate = certificate.issue(&bound).await.unwrap();
        let org = LocalOrg::builder()
            .app(App::new("3MVG9...", vec![certificate]).reuse_session(false))
            .user(User::new("job@example.com"))
            .start()
            .await
            .unwrap();
        Self {
            org,
            key,
            _folder: folder,
        }
    }

    /// A login by the key of the file.
    pub(crate) async fn login(&self) -> keybearer::salesforce::Login {
        let signer = keybearer::open(&self.key).await.unwrap();
        let bound = keybearer::Bound::new(signer, keybearer::Algorithm::Rs256).unwrap();
        keybearer::salesforce::Login::at(&self.org.url(), bound, "3MVG9...", "job@example.com")
            .unwrap()
    }
}
