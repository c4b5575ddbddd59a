//! Objects in a token: private keys by label and identifier, their public halves, certificates.

use cryptoki::{
    object::{
        Attribute, AttributeType, CertificateType, KeyType as CkKeyType, ObjectClass, ObjectHandle,
    },
    session::Session,
};
use keybearer_core::{Certificate, EcCurve, Error, ErrorKind, KeyType, PublicKey};

use crate::{
    failure::Failure,
    locator::{Locator, encode, encode_bytes},
    module::Module,
    pool::Open,
};

/// More objects of one kind than this are not looked at.
const MOST_OBJECTS: usize = 10_000;
/// More bytes than this has no certificate.
const MOST_BYTES: usize = 1 << 20;

/// What a private key is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyName {
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) label: Option<Vec<u8>>,
    /// Only keys that need no login.
    pub(crate) for_everybody: bool,
}

/// The kinds of keys that can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    /// With its curve, where the key tells it.
    Ec(Option<EcCurve>),
    Ed25519,
}

impl Family {
    pub(crate) fn fits(self, key_type: KeyType) -> bool {
        match (self, key_type) {
            (Self::Rsa, KeyType::Rsa { .. }) | (Self::Ed25519, KeyType::Ed25519) => true,
            (Self::Ec(curve), KeyType::Ec(found)) => curve.is_none_or(|curve| curve == found),
            _ => false,
        }
    }
}

impl KeyName {
    pub(crate) fn of(locator: &Locator, for_everybody: bool) -> Self {
        Self {
            id: locator.id.clone(),
            label: locator.object.clone().map(String::into_bytes),
            for_everybody,
        }
    }

    /// How a URI says it.
    pub(crate) fn to_path(&self) -> String {
        let label = self
            .label
            .as_deref()
            .map(|label| match std::str::from_utf8(label) {
                Ok(text) => format!("object={}", encode(text)),
                Err(_) => format!("object={}", encode_bytes(label)),
            });
        let id = self
            .id
            .as_deref()
            .map(|id| format!("id={}", encode_bytes(id)));
        let parts: Vec<_> = label.into_iter().chain(id).collect();
        if parts.is_empty() {
            "(no label and no id)".into()
        } else {
            parts.join(";")
        }
    }

    /// The label and the identifier, as objects have them.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute> + Clone + use<> {
        let id = self.id.clone().map(Attribute::Id);
        id.into_iter()
            .chain(self.label.clone().map(Attribute::Label))
    }

    pub(crate) fn template(&self, class: ObjectClass) -> Vec<Attribute> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(self.attributes());
        if self.for_everybody {
            template.push(Attribute::Private(false));
        }
        template
    }
}

/// Objects that match, in the token's order.
pub(crate) fn find(
    module: &Module,
    session: &Session,
    template: &[Attribute],
) -> Result<Vec<ObjectHandle>, Failure> {
    let objects = session
        .iter_objects(template)
        .and_then(|found| found.take(MOST_OBJECTS).collect());
    objects.map_err(|fault| Failure::of(module, "looking for objects", &fault))
}

/// All private keys that match.
pub(crate) fn private_keys(
    module: &Module,
    session: &Session,
    name: &KeyName,
) -> Result<Vec<ObjectHandle>, Failure> {
    find(module, session, &name.template(ObjectClass::PRIVATE_KEY))
}

/// One attribute; `None` where the object does not have it or does not tell it.
pub(crate) fn attribute(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<Attribute>, Failure> {
    match session.get_attributes(object, &[wanted]) {
        Ok(found) => Ok(found.into_iter().next()),
        // A value that is not of the attribute's form is no value.
        Err(fault) if crate::fault::code(&fault).is_none() => Ok(None),
        Err(fault) => Err(Failure::of(module, "reading an object", &fault)),
    }
}

/// An attribute that is bytes; an empty one is none.
pub(crate) fn bytes(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<Vec<u8>>, Failure> {
    use Attribute as A;
    let found = match attribute(module, session, object, wanted)? {
        Some(
            A::Id(value)
            | A::Label(value)
            | A::Modulus(value)
            | A::PublicExponent(value)
            | A::EcParams(value)
            | A::EcPoint(value)
            | A::Value(value),
        ) => Some(value),
        _ => None,
    };
    Ok(found.filter(|value| !value.is_empty() && value.len() <= MOST_BYTES))
}

/// An attribute that is yes or no.
pub(crate) fn flag(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<bool>, Failure> {
    use Attribute as A;
    Ok(match attribute(module, session, object, wanted)? {
        Some(A::Sign(value) | A::AlwaysAuthenticate(value) | A::Private(value)) => Some(value),
        _ => None,
    })
}

/// The name under which this very object is found.
pub(crate) fn name_of(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    for_everybody: bool,
) -> Result<KeyName, Failure> {
    Ok(KeyName {
        id: bytes(module, session, object, AttributeType::Id)?,
        label: bytes(module, session, object, AttributeType::Label)?,
        for_everybody,
    })
}

/// The kind of a private key; `None` for those that sign no tokens.
pub(crate) fn family(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
) -> Result<Option<Family>, Failure> {
    let kind = attribute(module, session, object, AttributeType::KeyType)?;
    let Some(Attribute::KeyType(kind)) = kind else {
        return Ok(None);
    };
    Ok(match kind {
        CkKeyType::RSA => Some(Family::Rsa),
        CkKeyType::EC => {
            let parameters = bytes(module, session, object, AttributeType::EcParams)?;
            match parameters.as_deref().map(curve) {
                Some(None) => None,
                told => Some(Family::Ec(told.flatten())),
            }
        }
        CkKeyType::EC_EDWARDS => {
            let parameters = bytes(module, session, object, AttributeType::EcParams)?;
            let is_ed25519 = parameters.is_none_or(|told| ED25519.contains(&&*told));
            is_ed25519.then_some(Family::Ed25519)
        }
        _ => None,
    })
}

/// The handle of the one key of this name in this session.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`].
pub(crate) fn key(
    module: &Module,
    open: &mut Open,
    name: &KeyName,
) -> Result<ObjectHandle, Failure> {
    if let Some(handle) = open.keys.get(name) {
        return Ok(*handle);
    }
    let handle = match private_keys(module, &open.session, name)?.as_slice() {
        [only] => *only,
        found => {
            let (kind, what) = if found.is_empty() {
                (ErrorKind::NotFound, "is not in the token any more")
            } else {
                (ErrorKind::Ambiguous, "has a twin in the token now")
            };
            return Err(Error::new(kind, format!("the key {} {what}", name.to_path())).into());
        }
    };
    open.keys.insert(name.clone(), handle);
    Ok(handle)
}

/// The public half of a private key: what the key itself tells, else the public key or the certificate beside it.
pub(crate) fn public_key(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    family: Family,
    id: Option<&[u8]>,
) -> Result<Option<PublicKey>, Failure> {
    if let Some(own) = told_by(module, session, object, family)? {
        return Ok(Some(own));
    }
    let Some(id) = id else { return Ok(None) };
    let modulus = bytes(module, session, object, AttributeType::Modulus)?;
    let beside = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Id(id.to_vec()),
    ];
    for candidate in find(module, session, &beside)? {
        // Two keys may have one identifier: the modulus tells them apart.
        let other = bytes(module, session, candidate, AttributeType::Modulus)?;
        if modulus.is_some() && modulus != other {
            continue;
        }
        if let Some(public) = told_by(module, session, candidate, family)? {
            return Ok(Some(public));
        }
    }
    let certificates = certificates(module, session, Some(id))?;
    let mut keys = certificates.iter().filter_map(|one| one.public_key().ok());
    Ok(keys.find(|key| family.fits(key.key_type())))
}

/// The certificates in the token, or those with this identifier. What is no X.509 certificate is passed over.
pub(crate) fn certificates(
    module: &Module,
    session: &Session,
    id: Option<&[u8]>,
) -> Result<Vec<Certificate>, Failure> {
    let mut template = vec![
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
    ];
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let mut found = Vec::new();
    for object in find(module, session, &template)? {
        let value = bytes(module, session, object, AttributeType::Value)?;
        found.extend(value.and_then(|value| Certificate::from_der(value).ok()));
    }
    Ok(found)
}

/// The public key that an object's own attributes make, be it the private or the public half.
fn told_by(
    module: &Module,
    session: &Session,
    object: ObjectHandle,
    family: Family,
) -> Result<Option<PublicKey>, Failure> {
    let read = |wanted| bytes(module, session, object, wanted);
    let key = match family {
        Family::Rsa => {
            let (modulus, exponent) = (
                read(AttributeType::Modulus)?,
                read(AttributeType::PublicExponent)?,
            );
            modulus
                .zip(exponent)
                .map(|(modulus, exponent)| PublicKey::from_rsa_components(&modulus, &exponent))
        }
        Family::Ec(known) => {
            let told = read(AttributeType::EcParams)?.as_deref().and_then(curve);
            let point = read(AttributeType::EcPoint)?;
            told.or(known).zip(point).map(|(curve, point)| {
                PublicKey::from_ec_point(curve, unwrap(&point, 1 + 2 * curve.field_len()))
            })
        }
        Family::Ed25519 => {
            read(AttributeType::EcPoint)?.map(|point| PublicKey::from_ed25519(unwrap(&point, 32)))
        }
    };
    Ok(key.and_then(|key| key.ok()))
}

/// The content of a point, which the standard wraps in an OCTET STRING and some tokens do not.
fn unwrap(point: &[u8], length: usize) -> &[u8] {
    use der::{Decode, asn1::OctetStringRef};
    if point.len() == length {
        return point;
    }
    <&OctetStringRef>::from_der(point).map_or(point, |inner| inner.as_bytes())
}

/// What `CKA_EC_PARAMS` holds for each curve: its object identifier in DER.
const CURVES: [(&[u8], EcCurve); 3] = [
    (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", EcCurve::P256),
    (b"\x06\x05\x2b\x81\x04\x00\x22", EcCurve::P384),
    (b"\x06\x05\x2b\x81\x04\x00\x23", EcCurve::P521),
];

/// What `CKA_EC_PARAMS` holds for Ed25519: the identifier of RFC 8410, the curve's name (PKCS#11 3.0), or the identifier
/// that was used before there was another.
const ED25519: [&[u8]; 3] = [
    b"\x06\x03\x2b\x65\x70",
    b"\x13\x0cedwards25519",
    b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
];

pub(crate) fn curve_parameters(curve: EcCurve) -> &'static [u8] {
    let known = CURVES.iter().find(|(_, known)| *known == curve);
    known.map_or(&[], |(parameters, _)| parameters)
}

fn curve(parameters: &[u8]) -> Option<EcCurve> {
    let known = CURVES.iter().find(|(der, _)| *der == parameters);
    known.map(|(_, curve)| *curve)
}
