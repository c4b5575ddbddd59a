"""Judges a Vault with its Transit engine by hvac, the client that Vault's users have in Python; `cryptography` verifies.

    python vault_transit.py URL ROOT_TOKEN [namespaces] [strict]

Transit and AppRole must be mounted at `transit` and `approle`. `namespaces`: the server has them. `strict`: it also refuses what a
caller should not ask for and Transit itself does not mind, as a double should. Standard output is {"checks": NUMBER}, and the status
1 where one of them failed, which standard error names.
"""
import base64
import hashlib
import json
import secrets
import sys

import hvac
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils
from hvac.exceptions import Forbidden, InternalServerError, InvalidPath, InvalidRequest

URL, ROOT, *WORDS = sys.argv[1:]
MESSAGE = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0"
HASHES = {"sha2-256": hashes.SHA256(), "sha2-384": hashes.SHA384(), "sha2-512": hashes.SHA512()}
CURVES = {"ecdsa-p256": "sha2-256", "ecdsa-p384": "sha2-384", "ecdsa-p521": "sha2-512"}
SIZES = {"rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096, "ecdsa-p256": 256, "ecdsa-p384": 384, "ecdsa-p521": 521}
# Of this run alone, so that a server may be judged twice.
RUN = "judged-" + secrets.token_hex(4)

done, failed = 0, []


def check(what, holds):
    global done
    done += 1
    if not holds:
        failed.append(what)


def refused(what, kind, call, *arguments, **named):
    """hvac maps each status to a class of its own."""
    try:
        answer = call(*arguments, **named)
        check(f"{what}: not refused, but {answer}", False)
    except hvac.exceptions.VaultError as error:
        check(f"{what}: {type(error).__name__} and not {kind.__name__}", type(error) is kind)


def client(token=None, namespace=None):
    # None would be the token that this machine's user has.
    return hvac.Client(url=URL, token=token or "", namespace=namespace)


def token_that_may(administrator, rules):
    """A token whose policy is these pairs of a path and a capability."""
    name = f"{RUN}-{secrets.token_hex(4)}"
    policy = {"path": {path: {"capabilities": [capability]} for path, capability in rules}}
    administrator.sys.create_or_update_acl_policy(name, json.dumps(policy))
    return administrator.auth.token.create(policies=[name], ttl="1h")["auth"]["client_token"]


def digest(name, message=MESSAGE):
    return hashlib.new(name.replace("sha2-", "sha"), message).digest()


def sign(who, key, version, message, **choices):
    text = base64.b64encode(message).decode()
    answer = who.secrets.transit.sign_data(key, hash_input=text, key_version=version, **choices)
    return answer["data"]["signature"]


def bytes_of(signature, version, marshaling):
    """Of vault:vN:…, whose alphabet is the one of JWS where that was asked for."""
    prefix, number, text = signature.split(":")
    check(f"the prefix of {signature}", (prefix, number) == ("vault", f"v{version}"))
    if marshaling == "asn1":
        return base64.b64decode(text, validate=True)
    check(f"no padding in {signature}", not set(text) & set("+/="))
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verifies(what, verify):
    try:
        verify()
        check(what, True)
    except InvalidSignature:
        check(f"{what}: the signature is wrong", False)


def public_keys(who, key):
    """By version, as `read_key` tells them."""
    data = who.secrets.transit.read_key(key)["data"]
    kind = data["type"]
    keys = {}
    for version, entry in data["keys"].items():
        text = entry["public_key"]
        if kind == "ed25519":
            keys[int(version)] = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        else:
            keys[int(version)] = serialization.load_pem_public_key(text.encode())
    return data, keys


def signs_rsa(who, key, version, public):
    for name, algorithm in HASHES.items():
        prehashed = utils.Prehashed(algorithm)
        salt = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        for scheme, pad in {"pkcs1v15": padding.PKCS1v15(), "pss": salt}.items():
            for marshaling in ["asn1", "jws"]:
                choices = {"salt_length": "hash"} if scheme == "pss" else {}
                signature = sign(
                    who, key, version, digest(name), prehashed=True, hash_algorithm=name,
                    signature_algorithm=scheme, marshaling_algorithm=marshaling, **choices,
                )
                made = bytes_of(signature, version, marshaling)
                what = f"{key} {name} {scheme} {marshaling}"
                verifies(what, lambda: public.verify(made, digest(name), pad, prehashed))
    choices = {"prehashed": True, "hash_algorithm": "sha2-256", "marshaling_algorithm": "jws"}
    short = {"signature_algorithm": "pkcs1v15", **choices}
    refused(f"{key}: a digest of 20 bytes", InternalServerError, sign, who, key, version, bytes(20), **short)


def signs_ec(who, key, version, public):
    name = CURVES[public_type(public)]
    choices = {"prehashed": True, "hash_algorithm": name, "signature_algorithm": "pkcs1v15"}
    scheme = ec.ECDSA(utils.Prehashed(HASHES[name]))
    size = (public.key_size + 7) // 8
    for marshaling in ["asn1", "jws"]:
        signature = sign(who, key, version, digest(name), marshaling_algorithm=marshaling, **choices)
        made = bytes_of(signature, version, marshaling)
        if marshaling == "jws":
            check(f"{key}: r and s have {size} bytes each", len(made) == 2 * size)
            r, s = (int.from_bytes(half, "big") for half in (made[:size], made[size:]))
            made = utils.encode_dss_signature(r, s)
        verifies(f"{key} {marshaling}", lambda: public.verify(made, digest(name), scheme))
    if "strict" in WORDS:
        call = {"marshaling_algorithm": "jws", **choices}
        refused(f"{key}: a digest of 20 bytes", InternalServerError, sign, who, key, version, bytes(20), **call)


def signs_ed25519(who, key, version, public):
    for marshaling in ["asn1", "jws"]:
        signature = sign(who, key, version, MESSAGE, marshaling_algorithm=marshaling)
        made = bytes_of(signature, version, marshaling)
        verifies(f"{key} {marshaling}", lambda: public.verify(made, MESSAGE))


def public_type(public):
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519"
    prefix = "ecdsa-p" if isinstance(public, ec.EllipticCurvePublicKey) else "rsa-"
    return f"{prefix}{public.key_size}"


def signs(who, key, version, public):
    kind = public_type(public)
    how = signs_ed25519 if kind == "ed25519" else signs_ec if kind in CURVES else signs_rsa
    how(who, key, version, public)


def kinds(root):
    for kind in [*SIZES, "ed25519"]:
        key = f"{RUN}-{kind}"
        root.secrets.transit.create_key(key, key_type=kind)
        token = token_that_may(root, [(f"transit/keys/{key}", "read"), (f"transit/sign/{key}", "update")])
        who = client(token)
        data, keys = public_keys(who, key)
        check(f"{key}: what is told of it: {data}", (data["name"], data["type"], data["latest_version"]) == (key, kind, 1))
        check(f"{key}: it signs and is not derived", data["supports_signing"] and not data["derived"])
        check(f"{key}: its type is that of its public key", public_type(keys[1]) == kind)
        signs(who, key, 1, keys[1])


def versions(root):
    key = f"{RUN}-rotated"
    choices = {"prehashed": True, "hash_algorithm": "sha2-256", "signature_algorithm": "pkcs1v15", "marshaling_algorithm": "jws"}
    root.secrets.transit.create_key(key, key_type="ecdsa-p256")
    root.secrets.transit.rotate_key(key)
    data, keys = public_keys(root, key)
    check(f"{key}: two versions", data["latest_version"] == 2 and sorted(keys) == [1, 2])
    for version in [1, 2]:
        signs(root, key, version, keys[version])
    newest = sign(root, key, 0, digest("sha2-256"), **choices)
    check(f"{key}: 0 is the latest: {newest}", newest.startswith("vault:v2:"))
    refused(f"{key}: version 3", InternalServerError, sign, root, key, 3, digest("sha2-256"), **choices)
    root.secrets.transit.update_key_configuration(key, min_decryption_version=2)
    data, keys = public_keys(root, key)
    check(f"{key}: version 1 is not shown any more", sorted(keys) == [2] and data["min_decryption_version"] == 2)
    refused(f"{key}: version 1", InternalServerError, sign, root, key, 1, digest("sha2-256"), **choices)


def callers(root):
    key = f"{RUN}-guarded"
    root.secrets.transit.create_key(key, key_type="ecdsa-p256")
    read, update = (f"transit/keys/{key}", "read"), (f"transit/sign/{key}", "update")
    choices = {"prehashed": True, "hash_algorithm": "sha2-256", "signature_algorithm": "pkcs1v15", "marshaling_algorithm": "jws"}
    call = (key, 1, digest("sha2-256"))
    reader, blind = client(token_that_may(root, [read])), client(token_that_may(root, [update]))
    reader.secrets.transit.read_key(key)
    refused("a reader signs", Forbidden, sign, reader, *call, **choices)
    sign(blind, *call, **choices)
    refused("one who signs alone reads", Forbidden, blind.secrets.transit.read_key, key)
    revoked = token_that_may(root, [read])
    root.auth.token.revoke(revoked)
    for what, token in {"no token": None, "garbage": "hvs.garbage", "a revoked token": revoked}.items():
        who = client(token)
        refused(f"{what} reads", Forbidden, who.secrets.transit.read_key, key)
        refused(f"{what} signs", Forbidden, sign, who, *call, **choices)
        refused(f"{what} looks at itself", Forbidden, who.auth.token.lookup_self)
    check("a token that is one looks at itself", blind.is_authenticated())
    refused("root reads a missing key", InvalidPath, root.secrets.transit.read_key, "missing")
    refused("root signs with a missing key", InvalidRequest, sign, root, "missing", *call[1:], **choices)
    refused("root reads at an unknown mount", InvalidPath, root.secrets.transit.read_key, key, mount_point="elsewhere")
    refused("others read at an unknown mount", Forbidden, reader.secrets.transit.read_key, key, mount_point="elsewhere")
    health = root.sys.read_health_status(method="GET")
    check(f"an active node is healthy: {health}", health["initialized"] and not health["sealed"] and not health["standby"])
    if "strict" in WORDS:
        for left_out in ["signature_algorithm", "marshaling_algorithm"]:
            fewer = {name: value for name, value in choices.items() if name != left_out}
            rsa = f"{RUN}-rsa-2048"
            refused(f"{left_out} is left out", InternalServerError, sign, root, rsa, *call[1:], **fewer)
        refused("the version is left out", InternalServerError, sign, root, key, None, call[2], **choices)


def app_role(root):
    key, role = f"{RUN}-of-role", f"{RUN}-role"
    root.secrets.transit.create_key(key, key_type="ecdsa-p256")
    policy = {"path": {f"transit/keys/{key}": {"capabilities": ["read"]}}}
    root.sys.create_or_update_acl_policy(role, json.dumps(policy))
    root.auth.approle.create_or_update_approle(role, token_policies=[role], token_ttl="1h")
    role_id = root.auth.approle.read_role_id(role)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id(role)["data"]["secret_id"]
    who = client()
    auth = who.auth.approle.login(role_id=role_id, secret_id=secret_id)["auth"]
    check(f"the lease of a login: {auth['lease_duration']}", auth["lease_duration"] == 3600)
    check("a login is used", who.token == auth["client_token"] and who.is_authenticated())
    who.secrets.transit.read_key(key)
    refused("a login that may not sign", Forbidden, who.secrets.transit.rotate_key, key)
    for wrong in [(role_id, "never-was-one"), ("never-was-one", secret_id)]:
        refused(f"a login by {wrong}", InvalidRequest, client().auth.approle.login, *wrong)
    refused("a login at an unknown mount", Forbidden, client().auth.approle.login, role_id, secret_id, mount_point="elsewhere")


def namespaces(root):
    key = f"{RUN}-in-namespace"
    for name in ["a", "b"]:
        root.sys.create_namespace(f"{RUN}-{name}")
    a, b = (client(ROOT, f"{RUN}-{name}") for name in "ab")
    for there in [a, b]:
        there.sys.enable_secrets_engine("transit")
    a.secrets.transit.create_key(key, key_type="ecdsa-p256")
    token = token_that_may(a, [(f"transit/keys/{key}", "read"), (f"transit/sign/{key}", "update")])
    _, keys = public_keys(client(token, f"{RUN}-a"), key)
    signs(client(token, f"{RUN}-a"), key, 1, keys[1])
    for what, namespace in {"the root namespace": None, "another namespace": f"{RUN}-b"}.items():
        refused(f"{what} has the key", InvalidPath, client(ROOT, namespace).secrets.transit.read_key, key)
        refused(f"{what} knows the token", Forbidden, client(token, namespace).secrets.transit.read_key, key)
    refused("a namespace that is nowhere", InvalidPath, client(ROOT, f"{RUN}-nowhere").secrets.transit.read_key, key)


def main():
    root = client(ROOT)
    kinds(root)
    versions(root)
    callers(root)
    app_role(root)
    if "namespaces" in WORDS:
        namespaces(root)
    print(json.dumps({"checks": done}))
    for what in failed:
        print(what, file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
