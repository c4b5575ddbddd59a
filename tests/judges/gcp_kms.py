"""Judges a Google Cloud by Google's own clients: google-cloud-kms over REST, google-auth for who we are; `cryptography` verifies.

    python gcp_kms.py < READY

READY is what `keybearer-fake gcp` says on its first line. Standard output is {"checks": NUMBER}, and the status 1 where one of
them failed, which standard error names.
"""
import hashlib
import json
import os
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

READY = json.load(sys.stdin)
URL = READY["url"]
SCHEME, HOST = URL.split("://")
# Before google.auth reads it.
os.environ["GCE_METADATA_HOST"] = HOST
os.environ["GCE_METADATA_IP"] = HOST

import google.auth
import google.auth.compute_engine
import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.api_core import exceptions
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials as Token

SCOPE = "https://www.googleapis.com/auth/cloudkms"
MESSAGE = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0"
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}

done, failed = 0, []


def check(what, holds):
    global done
    done += 1
    if not holds:
        failed.append(what)


def refused(what, status, name, call, *arguments, reason=None, **named):
    """The status, its name in google.rpc.Code, and the reason of ErrorInfo."""
    try:
        answer = call(*arguments, retry=None, **named)
        check(f"{what}: not refused, but {type(answer).__name__}", False)
    except exceptions.GoogleAPICallError as error:
        told = error.response.json()["error"]
        check(f"{what}: HTTP {error.code} and not {status}", error.code == status)
        check(f"{what}: {told['status']} and not {name}", told["status"] == name)
        check(f"{what}: code {told['code']}", told["code"] == status)
        check(f"{what}: reason {error.reason} and not {reason}", error.reason == reason)
        return error


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def client(credentials):
    transport = KeyManagementServiceRestTransport(host=HOST, url_scheme=SCHEME, credentials=credentials)
    return kms_v1.KeyManagementServiceClient(transport=transport)


def account(name):
    return client(service_account.Credentials.from_service_account_info(
        READY["accounts"][name], scopes=[SCOPE], always_use_jwt_access=True))


def hash_of(algorithm):
    name = algorithm.rsplit("_", 1)[1]
    return name if name in HASHES else None


def digest(name, message=MESSAGE):
    return {name.lower(): hashlib.new(name, message).digest()}


def holds(key, algorithm, signature, message=MESSAGE):
    """Whether the signature is of this algorithm; a PSS salt is as long as the digest."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(HASHES[hash_of(algorithm)]))
        else:
            by = HASHES[hash_of(algorithm)]
            pss = padding.PSS(mgf=padding.MGF1(by), salt_length=by.digest_size)
            key.verify(signature, message, pss if "_PSS_" in algorithm else padding.PKCS1v15(), by)
        return True
    except InvalidSignature:
        return False


def public_key(kms, version, algorithm):
    told = kms.get_public_key(request={"name": version})
    check(f"{algorithm}: the name of the public key", told.name == version)
    check(f"{algorithm}: the algorithm of the public key", told.algorithm.name == algorithm)
    check(f"{algorithm}: the checksum of the public key", told.pem_crc32c == crc32c(told.pem.encode()))
    check(f"{algorithm}: the protection level", told.protection_level.name == "SOFTWARE")
    return serialization.load_pem_public_key(told.pem.encode())


def answered(kms, version, algorithm, key, **what):
    told = kms.asymmetric_sign(request={"name": version, **what})
    check(f"{algorithm}: the name of the signature", told.name == version)
    check(f"{algorithm}: the signature", holds(key, algorithm, told.signature))
    check(f"{algorithm}: the checksum of the signature", told.signature_crc32c == crc32c(told.signature))
    return told


def signatures(kms, version, algorithm):
    key = public_key(kms, version, algorithm)
    name = hash_of(algorithm)
    sign = lambda what, **request: refused(
        f"{algorithm}: {what}", 400, "INVALID_ARGUMENT", kms.asymmetric_sign, request={"name": version, **request})
    told = answered(kms, version, algorithm, key, data=MESSAGE, data_crc32c=crc32c(MESSAGE))
    check(f"{algorithm}: the data was compared", told.verified_data_crc32c)
    sign("data with a wrong checksum", data=MESSAGE, data_crc32c=crc32c(MESSAGE) ^ 1)
    sign("too much data", data=bytes((64 << 10) + 1))
    sign("neither digest nor data")
    if name is None:
        sign("a digest", digest=digest("sha256"))
        return
    right = digest(name)
    (value,) = right.values()
    told = answered(kms, version, algorithm, key, digest=right, digest_crc32c=crc32c(value))
    check(f"{algorithm}: the digest was compared", told.verified_digest_crc32c)
    told = answered(kms, version, algorithm, key, digest=right)
    check(f"{algorithm}: nothing was to compare", not told.verified_digest_crc32c)
    sign("a digest with a wrong checksum", digest=right, digest_crc32c=crc32c(value) ^ 1)
    sign("a short digest", digest={name.lower(): value[:-1]})
    for other in HASHES:
        if other != name:
            sign(f"a digest of {other}", digest=digest(other))


def versions(kms):
    name = READY["keys"]["EC_SIGN_P256_SHA256"]
    told = kms.get_crypto_key_version(request={"name": name})
    check("a version's name, state and algorithm",
          (told.name, told.state.name, told.algorithm.name) == (name, "ENABLED", "EC_SIGN_P256_SHA256"))
    parent = name.rsplit("/cryptoKeyVersions/", 1)[0]
    listed = list(kms.list_crypto_key_versions(request={"parent": parent}))
    check("the versions of a key", [it.name for it in listed] == [name])
    several = READY["several"]
    parent = several[0].rsplit("/cryptoKeyVersions/", 1)[0]
    pages = list(kms.list_crypto_key_versions(request={"parent": parent, "page_size": 2}).pages)
    check("pages of a list", [[it.name for it in page.crypto_key_versions] for page in pages] == [several[:2], several[2:]])
    check("the size of a list", {page.total_size for page in pages} == {3})
    refused("a page that is none", 400, "INVALID_ARGUMENT", kms.list_crypto_key_versions,
            request={"parent": parent, "page_token": "x"})
    disabled = READY["disabled"]
    parent = disabled.rsplit("/cryptoKeyVersions/", 1)[0]
    listed = list(kms.list_crypto_key_versions(request={"parent": parent, "filter": "state=ENABLED"}))
    check("the enabled versions of a key without any", listed == [])
    listed = list(kms.list_crypto_key_versions(request={"parent": parent}))
    check("a disabled version's state", [it.state.name for it in listed] == ["DISABLED"])
    for what, name in [("disabled", disabled), ("of another purpose", READY["encrypts"])]:
        refused(f"{what}: sign", 400, "FAILED_PRECONDITION", kms.asymmetric_sign,
                request={"name": name, "digest": digest("sha256")})
        refused(f"{what}: the public key", 400, "FAILED_PRECONDITION", kms.get_public_key, request={"name": name})
    missing = name + "9"
    refused("missing: sign", 404, "NOT_FOUND", kms.asymmetric_sign, request={"name": missing, "digest": digest("sha256")})
    refused("missing: the public key", 404, "NOT_FOUND", kms.get_public_key, request={"name": missing})


def permissions():
    version = READY["keys"]["EC_SIGN_P256_SHA256"]
    sign = {"name": version, "digest": digest("sha256")}
    account("blind").asymmetric_sign(request=sign)
    account("reader").get_public_key(request={"name": version})
    key = version.rsplit("/cryptoKeyVersions/", 1)[0]
    for name, method, request, permission in [
        ("reader", "asymmetric_sign", sign, "useToSign"),
        ("nobody", "asymmetric_sign", sign, "useToSign"),
        ("blind", "get_public_key", {"name": version}, "viewPublicKey"),
        ("blind", "get_crypto_key_version", {"name": version}, "get"),
        ("blind", "list_crypto_key_versions", {"parent": key}, "list"),
    ]:
        error = refused(f"{name}: {method}", 403, "PERMISSION_DENIED", getattr(account(name), method),
                        request=request, reason="IAM_PERMISSION_DENIED")
        told = error and error.metadata.get("permission")
        check(f"{name}: {told} is missing", told == f"cloudkms.cryptoKeyVersions.{permission}")


def callers():
    """Each kind of credentials that google-auth has for a Google Cloud like this one."""
    version = READY["keys"]["EC_SIGN_P256_SHA256"]
    def can_sign(what, credentials):
        told = client(credentials).asymmetric_sign(request={"name": version, "digest": digest("sha256")})
        check(f"{what} signs", told.name == version)

    def of(name):
        # As gcloud's file has it; google-auth's own reader of the file takes the account from it and Google's address.
        file = READY["accounts"][name]
        source, _ = google.auth.load_credentials_from_dict(file["source_credentials"], scopes=[SCOPE])
        url = file["service_account_impersonation_url"]
        target = url.rsplit("/", 1)[1].removesuffix(":generateAccessToken")
        return impersonated_credentials.Credentials(source, target, [SCOPE], iam_endpoint_override=url)

    request = google.auth.transport.requests.Request()
    signer = READY["accounts"]["signer"]
    # By the token endpoint.
    exchanged = service_account.Credentials.from_service_account_info(signer, scopes=[SCOPE])
    exchanged.refresh(request)
    check("a token of the endpoint is no assertion", exchanged.token.startswith("ya29."))
    can_sign("a service account by the token endpoint", exchanged)
    # By a JWT with an audience in place of a scope.
    own = service_account.Credentials.from_service_account_info(signer, always_use_jwt_access=True)
    own._create_self_signed_jwt("https://cloudkms.googleapis.com/")
    can_sign("a service account by an audience", own)
    # google-auth sends a user's refresh token to Google whatever the file says, unless it is told otherwise.
    user = dict(READY["accounts"]["user"])
    names = ["refresh_token", "client_id", "client_secret", "token_uri"]
    can_sign("a user", Token(None, **{name: user[name] for name in names}))
    can_sign("an impersonated account", of("impersonated"))
    can_sign("a machine", google.auth.compute_engine.Credentials(scopes=[SCOPE]))
    found, _ = google.auth.default(scopes=[SCOPE])
    check("the machine is found", isinstance(found, google.auth.compute_engine.Credentials))

    def no_token(what, credentials):
        try:
            credentials.refresh(request)
            check(f"{what}: has a token", False)
        except google.auth.exceptions.RefreshError:
            check(what, True)

    no_token("who may not act for others", of("usurped"))
    no_token("a refresh token that is none", Token(None, **{**{name: user[name] for name in names}, "refresh_token": "1//x"}))
    no_token("a client secret that is none", Token(None, **{**{name: user[name] for name in names}, "client_secret": "x"}))
    other = {**signer, "client_email": READY["accounts"]["reader"]["client_email"]}
    no_token("another account's key", service_account.Credentials.from_service_account_info(other, scopes=[SCOPE]))

    sign = {"name": version, "digest": digest("sha256")}
    # Of these google-auth would ask for a new token, which they do not have.
    for what, headers, reason in [
        ("no token", {}, "CREDENTIALS_MISSING"),
        ("a token that is none", {"authorization": "Bearer ya29.none"}, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ]:
        told = requests.get(f"{URL}/v1/{version}/publicKey", headers=headers)
        error = told.json()["error"]
        check(f"{what}: {told.status_code}, {error['status']}", (told.status_code, error["status"]) == (401, "UNAUTHENTICATED"))
        check(f"{what}: {error['details']}", [it["reason"] for it in error["details"]] == [reason])
        check(f"{what}: WWW-Authenticate", told.headers["WWW-Authenticate"].startswith("Bearer "))
    stranger = service_account.Credentials.from_service_account_info(other, scopes=[SCOPE], always_use_jwt_access=True)
    refused("another account's key signs for itself", 401, "UNAUTHENTICATED", client(stranger).asymmetric_sign,
            request=sign, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED")
    narrow = service_account.Credentials.from_service_account_info(
        signer, scopes=["https://www.googleapis.com/auth/devstorage.read_only"], always_use_jwt_access=True)
    refused("a scope of another service", 403, "PERMISSION_DENIED", client(narrow).asymmetric_sign,
            request=sign, reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT")


signer = account("signer")
for algorithm, version in READY["keys"].items():
    signatures(signer, version, algorithm)
versions(signer)
permissions()
callers()
print(json.dumps({"checks": done}))
for what in failed:
    print("failed:", what, file=sys.stderr)
sys.exit(bool(failed))
