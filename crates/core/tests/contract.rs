//! The registry and the common attributes, with providers as a stranger would write them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{collections::HashMap, io, path::Path, sync::Arc};

use keybearer_core::{
    Algorithm, Attribute, Bound, Entries, Entry, EntryKind, Env, Error, ErrorKind, KeyId,
    KeySource, KeyUri, OpenContext, Provider, PublicKey, Registry, Result, Secret, Signature,
    Signer, async_trait,
};

/// An environment of a few variables and files.
#[derive(Debug, Default)]
struct Given {
    vars: HashMap<&'static str, &'static str>,
    files: HashMap<&'static str, Vec<u8>>,
}

#[async_trait]
impl Env for Given {
    fn var(&self, name: &str) -> Option<Secret> {
        self.vars.get(name).map(|&value| value.into())
    }

    async fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        let found = path.to_str().and_then(|path| self.files.get(path));
        found.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn prompt(&self, _question: &str) -> io::Result<Secret> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Signs with as many bytes as it is told; tells its public key only where it has one.
#[derive(Debug)]
struct Toy {
    id: KeyId,
    public_key: Option<PublicKey>,
    answers_with: Algorithm,
}

#[async_trait]
impl Signer for Toy {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn algorithms(&self) -> &[Algorithm] {
        &[Algorithm::Rs256, Algorithm::Ps256]
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Signature> {
        self.check(algorithm, message)?;
        Signature::from_jws(self.answers_with, vec![1; 256])
    }

    fn max_message(&self, algorithm: Algorithm) -> usize {
        if algorithm.is_pss() { 16 } else { usize::MAX }
    }

    async fn public_key(&self) -> Result<PublicKey> {
        self.public_key
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::PermissionDenied, "may sign, may not read"))
    }
}

#[derive(Debug)]
struct Toys {
    scheme: &'static str,
    public_key: Option<PublicKey>,
}

#[async_trait]
impl Provider for Toys {
    fn scheme(&self) -> &'static str {
        self.scheme
    }

    fn attributes(&self) -> &[Attribute] {
        const {
            &[
                Attribute::new("pin-source", "where the PIN is"),
                Attribute::new("pin-value", "the PIN"),
            ]
        }
    }

    async fn open(&self, uri: &KeyUri, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
        let pin = uri.secret("pin", "PIN", cx.env.as_ref()).await?;
        if pin.is_some_and(|pin| pin.expose() != b"1234") {
            return Err(Error::new(ErrorKind::BadSecret, "the PIN is wrong"));
        }
        let (id, public_key) = (KeyId::new(uri), self.public_key.clone());
        Ok(Arc::new(Toy {
            id,
            public_key,
            answers_with: Algorithm::Rs256,
        }))
    }
}

fn context(files: &[(&'static str, Vec<u8>)]) -> OpenContext {
    let vars = HashMap::from([("PIN", "1234"), ("WRONG", "9999")]);
    OpenContext::new(Arc::new(Given {
        vars,
        files: files.iter().cloned().collect(),
    }))
}

fn rsa(byte: u8) -> PublicKey {
    PublicKey::from_rsa_components(&[byte | 0x80; 256], &[1, 0, 1]).unwrap()
}

async fn open(registry: &Registry, uri: &str, cx: &OpenContext) -> Result<Arc<dyn Signer>> {
    registry.open(&uri.parse()?, cx).await
}

#[tokio::test]
async fn schemes_are_found_left_out_or_unknown() {
    let registry = Registry::new()
        .with(Toys {
            scheme: "toy",
            public_key: None,
        })
        .without("awskms", "awskms");
    let cx = context(&[]);
    assert_eq!(
        open(&registry, "TOY:a", &cx)
            .await
            .unwrap()
            .id()
            .to_string(),
        "toy:a"
    );
    let error = open(&registry, "awskms:alias/a?pin-value=1234", &cx)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::NotCompiled, Some("awskms:alias/a"))
    );
    assert!(error.hint().unwrap().contains("\"awskms\""));
    let error = open(&registry, "gcp:a", &cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownScheme);
    assert!(error.hint().unwrap().contains("awskms:, toy:"), "{error:?}");
}

#[tokio::test]
async fn the_last_provider_of_a_scheme_wins() {
    let registry = Registry::new()
        .without("toy", "toy")
        .with(Toys {
            scheme: "toy",
            public_key: None,
        })
        .with(Toys {
            scheme: "toy",
            public_key: Some(rsa(1)),
        });
    assert_eq!(registry.schemes().count(), 1);
    assert_eq!(
        open(&registry, "toy:a", &context(&[]))
            .await
            .unwrap()
            .public_key()
            .await
            .unwrap(),
        rsa(1)
    );
}

#[tokio::test]
async fn unknown_attributes_never_reach_a_provider() {
    let registry = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let error = open(&registry, "toy:a?pin-valeu=hunter2", &context(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri);
    assert_eq!(
        error.hint(),
        Some("the attributes of toy: are pin-source, pin-value, alg, certificate, public-key")
    );
}

#[tokio::test]
async fn secrets_come_from_their_sources_and_stay_there() {
    let registry = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let cx = context(&[("/pin", b"1234\n".to_vec())]);
    for uri in [
        "toy:a?pin-source=env:PIN",
        "toy:a?pin-source=file:/pin",
        "toy:a?pin-value=1234",
    ] {
        assert_eq!(
            open(&registry, uri, &cx).await.unwrap().id().to_string(),
            "toy:a"
        );
    }
    for uri in [
        "env:WRONG",
        "env:MISSING",
        "file:/missing",
        "fd:9",
        "prompt:",
    ] {
        let error = open(&registry, &format!("toy:a?pin-source={uri}"), &cx)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadSecret, "{uri}");
        assert!(!format!("{error:?}").contains("9999"));
    }
    let error = open(&registry, "toy:a?pin-source=hunter2", &cx)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUri);
    let both = open(&registry, "toy:a?pin-source=env:PIN&pin-value=1234", &cx)
        .await
        .unwrap_err();
    assert_eq!(both.kind(), ErrorKind::InvalidUri);
}

#[tokio::test]
async fn alg_narrows_and_orders() {
    let registry = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let cx = context(&[]);
    let signer = open(&registry, "toy:a?alg=ps256,RS256,PS256", &cx)
        .await
        .unwrap();
    assert_eq!(signer.algorithms(), [Algorithm::Ps256, Algorithm::Rs256]);
    assert_eq!(signer.max_message(Algorithm::Ps256), 16);
    let narrowed = open(&registry, "toy:a?alg=PS256", &cx).await.unwrap();
    assert_eq!(
        narrowed
            .sign(Algorithm::Rs256, b"")
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::UnsupportedAlgorithm
    );
    assert_eq!(narrowed.id().to_string(), "toy:a?alg=PS256");
    let error = open(&registry, "toy:a?alg=ES256", &cx).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.hint()),
        (
            ErrorKind::UnsupportedAlgorithm,
            Some("it does RS256, PS256")
        )
    );
    assert_eq!(
        open(&registry, "toy:a?alg=HS256", &cx)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidUri
    );
}

#[tokio::test]
async fn public_key_serves_where_the_source_does_not_tell() {
    let cx = context(&[("/key.pem", rsa(1).to_pem().into_bytes())]);
    let silent = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let signer = open(&silent, "toy:a?public-key=/key.pem", &cx)
        .await
        .unwrap();
    assert_eq!(signer.public_key().await.unwrap(), rsa(1));
    let other = Registry::new().with(Toys {
        scheme: "toy",
        public_key: Some(rsa(2)),
    });
    let error = open(&other, "toy:a?public-key=/key.pem", &cx)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyMismatch);
    let error = open(&silent, "toy:a?public-key=/missing.pem", &cx)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::NotFound, Some("toy:a?public-key=/missing.pem"))
    );
}

#[tokio::test]
async fn a_message_too_long_is_refused_before_it_is_sent() {
    let registry = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let signer = open(&registry, "toy:a", &context(&[])).await.unwrap();
    let error = signer.sign(Algorithm::Ps256, &[0; 17]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("17 bytes") && error.to_string().contains("at most 16"));
}

#[tokio::test]
async fn bound_keeps_header_and_signature_together() {
    let id = KeyId::new(&"toy:a".parse().unwrap());
    let toy = |answers_with| {
        Arc::new(Toy {
            id: id.clone(),
            public_key: None,
            answers_with,
        })
    };
    let error = Bound::new(toy(Algorithm::Rs256), Algorithm::Es256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    let bound = Bound::new(toy(Algorithm::Rs256), Algorithm::Rs256).unwrap();
    assert_eq!(
        bound
            .current()
            .await
            .unwrap()
            .sign(b"")
            .await
            .unwrap()
            .algorithm(),
        Algorithm::Rs256
    );
    let liar = Bound::new(toy(Algorithm::Rs384), Algorithm::Rs256).unwrap();
    assert_eq!(liar.sign(b"").await.unwrap_err().kind(), ErrorKind::Backend);
}

#[tokio::test]
async fn pointers_to_signers_are_signers() {
    fn signer<S: Signer>(signer: S) -> Arc<dyn Signer> {
        Arc::new(signer)
    }
    fn send<F: Future + Send>(future: F) -> F {
        future
    }
    let toy = Toy {
        id: KeyId::new(&"toy:a".parse().unwrap()),
        public_key: Some(rsa(1)),
        answers_with: Algorithm::Rs256,
    };
    let shared: Arc<dyn Signer> = Arc::new(toy);
    let twice = signer(Arc::new(Box::new(shared) as Box<dyn Signer>));
    assert_eq!(twice.public_key().await.unwrap(), rsa(1));
    assert_eq!(twice.max_message(Algorithm::Ps256), 16);
    send(twice.sign(Algorithm::Rs256, b"message"))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_cannot_list_says_so() {
    let registry = Registry::new().with(Toys {
        scheme: "toy",
        public_key: None,
    });
    let error = registry
        .entries(&"toy:a".parse().unwrap(), &context(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let entries = Entries::new(
        "TOY",
        vec![Entry::new(None, EntryKind::Key).with_key_type(rsa(1).key_type())],
    );
    assert_eq!(
        (
            entries.entries[0].key_type.as_deref(),
            entries.entries[0].bits
        ),
        (Some("RSA"), Some(2048))
    );
}
