//! Making key pairs in a token.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use cryptoki::{
    error::Error as Cryptoki,
    mechanism::Mechanism,
    object::{Attribute, CertificateType, ObjectClass, ObjectHandle},
    session::Session,
};
use keybearer_core::{
    Certificate, Certify, Error, ErrorKind, KeyMaker, KeySpec, KeyType, KeyUri, OpenContext,
    Provider, Result, Signer, async_trait,
};

use crate::{
    access::Access,
    failure::Failure,
    locator::Locator,
    objects::{self, KeyName},
    pool::{Connection, Pool},
    provider::{Pkcs11, relocated},
    token::Pin,
};

/// A `CKA_ID` that nobody has chosen has so many bytes.
const ID_LENGTH: u32 = 16;

#[async_trait]
impl KeyMaker for Pkcs11 {
    /// Makes the pair inside the token, where its private half stays: sensitive and not extractable. The certificate is
    /// put beside it with the same label and identifier. What is there already is never replaced.
    async fn make(
        &self,
        uri: &KeyUri,
        spec: &KeySpec,
        certify: &dyn Certify,
        cx: &OpenContext,
    ) -> Result<Arc<dyn Signer>> {
        let made = async {
            let locator = Locator::read(uri)?;
            if locator.object.is_none() {
                return Err(uri
                    .invalid("the new key has no label")
                    .with_hint("add object=LABEL"));
            }
            if spec.overwrite {
                return Err(
                    Error::new(ErrorKind::Unsupported, "keys in tokens are not replaced")
                        .with_hint("delete the old one yourself: pkcs11-tool --delete-object"),
                );
            }
            let recipe = Recipe::new(spec.key_type)?;
            let access = Access::gain(uri, &locator, cx).await?;
            if access.is_anonymous {
                return Err(Error::new(
                    ErrorKind::BadSecret,
                    "no PIN is given, and only who is logged in makes keys",
                )
                .with_hint("give pin-source=env:NAME, file:PATH, fd:N or prompt:"));
            }
            let made = Made::new(&access, &locator, recipe, cx).await?;
            let found = relocated(uri, &made.locator(locator));
            // By its name and not by its handle: that it is found is part of what is made.
            let signer = self.open(&found, cx).await?;
            made.keep(certify.certify(signer).await?, cx).await?;
            self.open(&found, cx).await
        };
        made.await.map_err(|error: Error| error.with_key(uri))
    }
}

/// A new key pair, which goes again unless it is kept.
struct Made {
    pool: Arc<Pool>,
    pin: Pin,
    name: KeyName,
    objects: Mutex<Vec<ObjectHandle>>,
}

impl Made {
    async fn new(
        access: &Access,
        locator: &Locator,
        recipe: Recipe,
        cx: &OpenContext,
    ) -> Result<Self> {
        let (pin, name) = (access.pin.clone(), KeyName::of(locator, false));
        let make = move |connection: &mut Connection| generate(connection, &pin, &name, &recipe);
        let (name, objects) = access.pool.run(cx.timeout, make).await?;
        Ok(Self {
            pool: access.pool.clone(),
            pin: access.pin.clone(),
            name,
            objects: Mutex::new(objects),
        })
    }

    fn locator(&self, asked: Locator) -> Locator {
        Locator {
            id: self.name.id.clone(),
            ..asked
        }
    }

    /// Puts the certificates beside the key.
    async fn keep(self, chain: Vec<Certificate>, cx: &OpenContext) -> Result<()> {
        let (pin, name) = (self.pin.clone(), self.name.clone());
        let store = move |connection: &mut Connection| {
            writing(connection, &pin, |session| {
                let mut stored = Vec::new();
                for certificate in &chain {
                    match session.create_object(&certificate_template(&name, certificate)) {
                        Ok(object) => stored.push(object),
                        Err(fault) => {
                            // Of what cannot be undone either, the first failure says enough.
                            stored
                                .iter()
                                .for_each(|object| drop(session.destroy_object(*object)));
                            return Err(fault);
                        }
                    }
                }
                Ok(())
            })
        };
        self.pool.run(cx.timeout, store).await?;
        self.objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let objects = self
            .objects
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let objects = mem::take(objects);
        if objects.is_empty() {
            return;
        }
        let pin = self.pin.clone();
        let undone = self.pool.leave(move |connection| {
            writing(connection, &pin, |session| {
                objects
                    .iter()
                    .try_for_each(|object| session.destroy_object(*object))
            })
        });
        if let Err(error) = undone {
            tracing::warn!(key = %self.name.to_path(), %error, "the key that was not finished stays in the token");
        }
    }
}

/// How a pair of a type is made.
#[derive(Clone)]
struct Recipe {
    is_rsa: bool,
    public: Vec<Attribute>,
}

impl Recipe {
    fn new(key_type: KeyType) -> Result<Self> {
        let (is_rsa, public) = match key_type {
            KeyType::Rsa { bits } if (2048..=8192).contains(&bits) => {
                let bits = Attribute::ModulusBits((bits as std::ffi::c_ulong).into());
                (true, vec![bits, Attribute::PublicExponent(vec![1, 0, 1])])
            }
            KeyType::Ec(curve) => {
                let parameters = objects::curve_parameters(curve).into();
                (false, vec![Attribute::EcParams(parameters)])
            }
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{other} keys are not made in tokens"),
                )
                .with_hint("RSA (2048 to 8192 bits), P-256, P-384 and P-521 keys are"));
            }
        };
        Ok(Self { is_rsa, public })
    }

    fn mechanism(&self) -> Mechanism<'static> {
        if self.is_rsa {
            Mechanism::RsaPkcsKeyPairGen
        } else {
            Mechanism::EccKeyPairGen
        }
    }
}

/// The new pair's name and its two objects.
fn generate(
    connection: &mut Connection,
    pin: &Pin,
    name: &KeyName,
    recipe: &Recipe,
) -> Result<(KeyName, Vec<ObjectHandle>), Failure> {
    let module = connection.token().module().clone();
    let open = connection.session(pin)?;
    // The identifier alone ties certificates and public keys to their key: it may not be another's either.
    let by_id = name.id.is_some().then(|| KeyName {
        label: None,
        ..name.clone()
    });
    for taken in [Some(name.clone()), by_id].into_iter().flatten() {
        if !objects::private_keys(&module, &open.session, &taken)?.is_empty() {
            let taken = Error::new(
                ErrorKind::Unsupported,
                format!("the token has a private key {} already", taken.to_path()),
            );
            return Err(taken.with_hint("choose another label or id").into());
        }
    }
    let mut name = name.clone();
    writing(connection, pin, |session| {
        let id = match name.id.take() {
            Some(id) => id,
            None => session.generate_random_vec(ID_LENGTH)?,
        };
        name.id = Some(id);
        let named = [Attribute::Token(true)]
            .into_iter()
            .chain(name.attributes());
        let public: Vec<_> = named
            .clone()
            .chain([Attribute::Private(false), Attribute::Verify(true)])
            .chain(recipe.public.clone())
            .collect();
        let private: Vec<_> = named
            .chain([
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
            ])
            .collect();
        let (public, private) =
            session.generate_key_pair(&recipe.mechanism(), &public, &private)?;
        Ok(vec![private, public])
    })
    .map(|objects| (name, objects))
}

/// Works in a session that may write, under the login that the token's other sessions have.
fn writing<T>(
    connection: &mut Connection,
    pin: &Pin,
    work: impl FnOnce(&Session) -> Result<T, Cryptoki>,
) -> Result<T, Failure> {
    let module = connection.token().module().clone();
    let slot = connection.session(pin)?.slot;
    let done = module
        .context()
        .open_rw_session(slot)
        .and_then(|session| work(&session));
    done.map_err(|fault| Failure::of(&module, "writing to the token", &fault))
}

fn certificate_template(name: &KeyName, certificate: &Certificate) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Value(certificate.as_der().to_vec()),
    ];
    template.extend(name.attributes());
    template.extend(
        certificate
            .subject_der()
            .ok()
            .map(|subject| Attribute::Subject(subject.to_vec())),
    );
    template.extend(
        certificate
            .issuer_der()
            .ok()
            .map(|issuer| Attribute::Issuer(issuer.to_vec())),
    );
    template
}
