"""Judges a double of Azure Key Vault, of Microsoft Entra and of a machine's identity by Microsoft's own clients, azure-keyvault-keys
and azure-identity; `cryptography` verifies.

    python azure_kv.py READY [CERTIFICATE_AND_KEY.pem]

READY is what `keybearer-fake azure` or `azure-hsm` says when it is ready. The real names of the vault and of the login are led to the double's port, and
everything else is as it is for everybody: the authority, the check of the challenge, TLS. Standard output is {"checks": NUMBER}, and the
status 1 where one of them failed, which standard error names.
"""
import hashlib
import json
import logging
import os
import socket
import sys
import tempfile

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys._generated.models import KeySignParameters
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

READY = json.loads(sys.argv[1])
VAULT = "https://" + READY["names"][0]
HARDWARE = "-HSM" if ".managedhsm." in VAULT else ""
TENANT = READY["tenant"]
MESSAGE = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0"
CURVES = {"P256": ("P-256", ec.SECP256R1()), "P384": ("P-384", ec.SECP384R1()), "P521": ("P-521", ec.SECP521R1())}
CURVE_HASH = {"P256": "256", "P384": "384", "P521": "512"}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
NO_RETRY = {"retry_total": 0}

done, failed = 0, []


def check(what, holds):
    global done
    done += 1
    if not holds:
        failed.append(what)


def refused(what, kind, code, call):
    """Microsoft's clients map the status to a class, and keep Key Vault's codes."""
    try:
        answer = call()
        check(f"{what}: not refused, but {answer}", False)
    except Exception as error:
        check(f"{what}: {type(error).__name__} and not {kind.__name__}: {error}", type(error) is kind)
        check(f"{what}: {code} in {error}", code in str(error))


def lead_to_the_double():
    """Its real names, at port 443, are at the double's own."""
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *arguments, **named):
        if host in READY["names"]:
            host, port = "127.0.0.1", READY["port"]
        elif host not in ("localhost", "127.0.0.1"):
            raise OSError(f"nothing of a judge's goes to {host}")
        return real(host, port, *arguments, **named)

    socket.getaddrinfo = getaddrinfo


def by_secret(client):
    return ClientSecretCredential(TENANT, client, READY["secret"], **NO_RETRY)


def keys(who, **named):
    return KeyClient(VAULT, who, **NO_RETRY, **named)


def signed(who, kid, algorithm, digest):
    return CryptographyClient(kid, who, **NO_RETRY).sign(algorithm, digest)


def signed_beneath(who, kid, algorithm, digest):
    """By the client beneath that one, which knows nothing of what a key does and when."""
    name, version = kid.split("/")[-2:]
    return keys(who)._client.sign(name, version, KeySignParameters(algorithm=algorithm, value=digest))


def public_key(kind, jwk):
    number = lambda name: int.from_bytes(getattr(jwk, name), "big")
    if kind in CURVES:
        name, curve = CURVES[kind]
        check(f"{kind}: the curve {jwk.crv}", jwk.kty == "EC" + HARDWARE and jwk.crv == name)
        return ec.EllipticCurvePublicNumbers(number("x"), number("y"), curve).public_key()
    check(f"{kind}: the type {jwk.kty}", jwk.kty == "RSA" + HARDWARE)
    return rsa.RSAPublicNumbers(number("e"), number("n")).public_key()


def verifies(what, public, name, digest, signature):
    algorithm = HASHES[name[2:]]
    prehashed = utils.Prehashed(algorithm)
    try:
        if name.startswith("ES"):
            size = (public.key_size + 7) // 8
            check(f"{what}: r and s have {size} bytes each", len(signature) == 2 * size)
            halves = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
            public.verify(utils.encode_dss_signature(*halves), digest, ec.ECDSA(prehashed))
        else:
            salt = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            public.verify(signature, digest, padding.PKCS1v15() if name.startswith("RS") else salt, prehashed)
        check(what, True)
    except InvalidSignature:
        check(f"{what}: the signature is wrong", False)


def every_key():
    who = by_secret("signer")
    for kind, kid in READY["keys"].items():
        shown = keys(who).get_key(kind)
        version = kid.rsplit("/", 1)[1]
        check(f"{kind}: its id {shown.id}", shown.id == kid and shown.properties.version == version)
        check(f"{kind}: it is enabled and signs", shown.properties.enabled and "sign" in shown.key_operations)
        public = public_key(kind, shown.key)
        sizes = CURVE_HASH[kind] if kind in CURVE_HASH else ["256", "384", "512"]
        names = ["ES" + sizes] if kind in CURVE_HASH else [family + size for family in ("RS", "PS") for size in sizes]
        for name in names:
            digest = hashlib.new("sha" + name[2:], MESSAGE).digest()
            answer = signed(who, kid, SignatureAlgorithm(name), digest)
            check(f"{kind} {name}: signed by {answer.key_id}", answer.key_id == kid and answer.algorithm == name)
            verifies(f"{kind} {name}", public, name, digest, answer.signature)
            short = lambda: signed(who, kid, SignatureAlgorithm(name), digest[:20])
            refused(f"{kind} {name}: a digest of 20 bytes", HttpResponseError, "BadParameter", short)
            check(f"{kind} {name}, beneath", signed_beneath(who, kid, name, digest).kid == kid)
        other = "RS256" if kind in CURVES else "ES256"
        digest = hashlib.sha256(MESSAGE).digest()
        refused(f"{kind} {other}", HttpResponseError, "BadParameter", lambda: signed_beneath(who, kid, other, digest))
    for version in ["7.4", "7.5", "7.6", "2025-07-01"]:
        check(f"version {version} of the API", keys(who, api_version=version).get_key("P256").name == "P256")


def states():
    who, digest = by_secret("signer"), hashlib.sha256(MESSAGE).digest()
    for code, kid in READY["unfit"].items():
        name = kid.split("/")[-2]
        properties = keys(who).get_key(name).properties
        check(f"{name}: enabled", properties.enabled == (code != "KeyDisabled"))
        check(f"{name}: nbf", (properties.not_before is not None) == (code == "KeyNotYetValid"))
        check(f"{name}: exp", (properties.expires_on is not None) == (code == "KeyExpired"))
        refused(f"{name} signs", HttpResponseError, code, lambda: signed_beneath(who, kid, "ES256", digest))
    refused("a missing key", ResourceNotFoundError, "KeyNotFound", lambda: keys(who).get_key("missing"))
    refused("a missing version", ResourceNotFoundError, "KeyNotFound", lambda: keys(who).get_key("P256", "0" * 32))


def permissions():
    kid, digest = READY["keys"]["P256"], hashlib.sha256(MESSAGE).digest()
    es256 = SignatureAlgorithm.es256
    check("a reader reads", keys(by_secret("reader")).get_key("P256").id == kid)
    refused("a reader signs", HttpResponseError, "ForbiddenByPolicy", lambda: signed(by_secret("reader"), kid, es256, digest))
    check("one who signs alone signs", signed(by_secret("blind"), kid, es256, digest).key_id == kid)
    refused("one who signs alone reads", HttpResponseError, "ForbiddenByPolicy", lambda: keys(by_secret("blind")).get_key("P256"))
    refused("one without permissions reads", HttpResponseError, "ForbiddenByPolicy", lambda: keys(by_secret("nobody")).get_key("P256"))


class Token:
    """A token from elsewhere."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *_scopes, **_named):
        from azure.core.credentials import AccessToken

        return AccessToken(self.token, 4_102_444_800)


def callers(certificate):
    reads = lambda what, who: check(f"{what} reads", keys(who).get_key("P256").name == "P256")
    refused("garbage for a token", ClientAuthenticationError, "AKV10032", lambda: keys(Token("garbage")).get_key("P256"))
    # A token, but for another service.
    graph = by_secret("signer").get_token("https://graph.microsoft.com/.default").token
    refused("a token for another service", ClientAuthenticationError, "AKV10022", lambda: keys(Token(graph)).get_key("P256"))
    wrong = ClientSecretCredential(TENANT, "signer", "wrong", **NO_RETRY)
    refused("a wrong secret", ClientAuthenticationError, "AADSTS7000215", lambda: keys(wrong).get_key("P256"))
    refused("an unknown application", ClientAuthenticationError, "AADSTS700016", lambda: keys(by_secret("unknown")).get_key("P256"))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "token")
        named = {"tenant_id": TENANT, "client_id": "pod", "token_file_path": file, **NO_RETRY}
        for text, is_good in [(READY["federated"], True), ("eyJ.another.token", False)]:
            with open(file, "w") as out:
                out.write(text)
            who = WorkloadIdentityCredential(**named)
            if is_good:
                reads("a pod", who)
            else:
                refused("a pod of others", ClientAuthenticationError, "AADSTS", lambda: keys(who).get_key("P256"))
    if certificate:
        reads("a certificate", CertificateCredential(TENANT, "certified", certificate, **NO_RETRY))
        refuses = lambda what, client: refused(what, ClientAuthenticationError, "AADSTS700027", lambda: keys(client).get_key("P256"))
        reads("a chain", CertificateCredential(TENANT, "named", certificate, send_certificate_chain=True, **NO_RETRY))
        refuses("a thumbprint where a chain is wanted", CertificateCredential(TENANT, "named", certificate, **NO_RETRY))
        other = CertificateCredential(TENANT, "signer", certificate, **NO_RETRY)
        refuses("a certificate of another application", other)
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = READY["url"]
    reads("a machine", ManagedIdentityCredential(**NO_RETRY))
    reads("a machine by its client id", ManagedIdentityCredential(client_id="machine", **NO_RETRY))
    unknown = ManagedIdentityCredential(client_id="unknown", **NO_RETRY)
    refused("an unknown identity", CredentialUnavailableError, "Identity not found", lambda: keys(unknown).get_key("P256"))
    os.environ["IDENTITY_ENDPOINT"] = READY["url"] + "/msi/token"
    os.environ["IDENTITY_HEADER"] = READY["identity_header"]
    reads("the App Service", ManagedIdentityCredential(**NO_RETRY))
    os.environ["IDENTITY_HEADER"] = "another"
    refused("another App Service", CredentialUnavailableError, "401", lambda: keys(ManagedIdentityCredential(**NO_RETRY)).get_key("P256"))


def main():
    logging.disable(logging.CRITICAL)
    lead_to_the_double()
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authority:
        authority.write(READY["ca_pem"])
        authority.flush()
        os.environ["REQUESTS_CA_BUNDLE"] = authority.name
        every_key()
        states()
        permissions()
        callers(sys.argv[2] if len(sys.argv) > 2 else None)
    print(json.dumps({"checks": done}))
    for what in failed:
        print(what, file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
