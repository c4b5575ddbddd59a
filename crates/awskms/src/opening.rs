//! From a URI to a signer: what KMS says of the key.

use aws_sdk_kms::{operation::get_public_key::GetPublicKeyOutput, types::KeyUsageType};
use keybearer_core::{Algorithm, Error, ErrorKind, KeyId, KeyUri, PublicKey, Result};

use crate::{
    client::Caller,
    failure::Call,
    locator::Locator,
    quiet::quiet,
    signer::{KmsSigner, Pin},
    spec,
};

pub(crate) async fn open(caller: Caller, uri: &KeyUri, locator: &Locator) -> Result<KmsSigner> {
    let request = caller.client.get_public_key().key_id(&locator.key);
    let answer = match quiet(request.send()).await {
        Ok(answer) => answer,
        Err(error) => {
            let call = Call {
                permission: "kms:GetPublicKey",
                key: &locator.key,
                sources: &caller.sources,
            };
            let error = call.failed(&error);
            return match (error.kind(), uri.algorithms()?) {
                (ErrorKind::PermissionDenied, Some(told)) => unseen(caller, uri, locator, told),
                (ErrorKind::PermissionDenied, None) => Err(error.with_hint(
                    "allow kms:GetPublicKey on it, or say what it cannot: alg=RS256, and public-key=FILE or certificate=FILE",
                )),
                _ => Err(error),
            };
        }
    };
    let known = Known::of(&answer, &locator.key)?;
    Ok(KmsSigner {
        caller,
        id: KeyId::new(&pinned(uri, &known.arn)),
        pin: Pin::At(known.arn),
        algorithms: known.algorithms,
        public: Some(known.public),
    })
}

/// A key of which the role may not read the public half: what the URI says of it is believed.
fn unseen(
    caller: Caller,
    uri: &KeyUri,
    locator: &Locator,
    told: Vec<Algorithm>,
) -> Result<KmsSigner> {
    let has_spec = |it: &Algorithm| spec::spec(*it).is_some();
    let algorithms: Vec<_> = told.into_iter().filter(has_spec).collect();
    if algorithms.is_empty() {
        return Err(Error::new(
            ErrorKind::UnsupportedAlgorithm,
            "AWS KMS has none of the algorithms of alg=",
        ));
    }
    let is_pinned = locator.key.contains(":key/");
    let pin = match is_pinned {
        true => Pin::At(locator.key.clone()),
        false => Pin::first_answer(&locator.key),
    };
    Ok(KmsSigner {
        caller,
        id: KeyId::new(uri),
        pin,
        algorithms,
        public: None,
    })
}

/// The URI at the key's ARN: an alias may be moved to another key, and a key id says neither account nor region.
fn pinned(uri: &KeyUri, arn: &str) -> KeyUri {
    uri.clone().without_attribute("region").with_literal(arn)
}

#[derive(Debug)]
struct Known {
    arn: String,
    algorithms: Vec<Algorithm>,
    public: PublicKey,
}

impl Known {
    fn of(answer: &GetPublicKeyOutput, key: &str) -> Result<Self> {
        let odd = |what: &str| {
            Error::new(
                ErrorKind::Backend,
                format!("AWS KMS's answer on the key {key} has no {what}"),
            )
        };
        let unfit = |what: String| {
            Error::new(ErrorKind::UnsupportedAlgorithm, what)
                .with_hint("see KeyUsage and KeySpec of aws kms describe-key; a key for assertions is SIGN_VERIFY and RSA_2048")
        };
        let arn = answer.key_id().ok_or_else(|| odd("KeyId"))?;
        let usage = answer.key_usage().ok_or_else(|| odd("KeyUsage"))?;
        if *usage != KeyUsageType::SignVerify {
            return Err(unfit(format!(
                "the key {key} is not for signing: its KeyUsage is {usage}"
            )));
        }
        let der = answer.public_key().ok_or_else(|| odd("PublicKey"))?;
        let kind = answer.key_spec().map_or("unknown", |spec| spec.as_str());
        let public = PublicKey::from_spki_der(der.as_ref());
        let public = public.map_err(|_| {
            unfit(format!(
                "no algorithm here fits the key {key}: its KeySpec is {kind}"
            ))
        })?;
        let offered = answer.signing_algorithms();
        let algorithms: Vec<_> = Algorithm::of(public.key_type())
            .iter()
            .copied()
            .filter(|&algorithm| spec::spec(algorithm).is_some_and(|spec| offered.contains(&spec)))
            .collect();
        if algorithms.is_empty() {
            return Err(unfit(format!(
                "no algorithm here fits the key {key}: its KeySpec is {kind}"
            )));
        }
        Ok(Self {
            arn: arn.into(),
            algorithms,
            public,
        })
    }
}
