"""Keycloak, which enterprises run, as a judge of RFC 7523: the assertion grant of confidential clients.

    python keycloak_server.py '{"home": "keycloak-26", "kid": "k", "clients": [{"id": "https://a.example", "key": "app.crt", "auth": "private_key_jwt", "user": "ann"}]}'

A client's "id" is a URL, as Keycloak wants an issuer to be; its "auth" is "client_secret" (with "secret") or "private_key_jwt". Each client has an identity provider of its own,
which trusts the client's certificate, so that the issuer of an assertion is the client. The first line on standard output
is {"token_url": ...}. Ends when standard input closes. Its realm has a name of its own, since the folder is shared: a copy
would be compiled anew at each start, which takes a minute.
"""
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import RSAKey

REALM = "judge-" + secrets.token_hex(8)
GRANT = "oauth2.jwt.authorization.grant"
LISTENS = re.compile(r"Listening on: (http://127\.0\.0\.1:\d+)")
START_SECONDS = 400


def public_pem(path):
    with open(path, "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def provider(client, kid, alias):
    return {
        "alias": alias,
        "providerId": "jwt-authorization-grant",
        "enabled": True,
        "config": {
            "issuer": client["id"],
            "jwtAuthorizationGrantEnabled": "true",
            "useJwksUrl": "false",
            "publicKeySignatureVerifier": public_pem(client["key"]),
            "publicKeySignatureVerifierKeyId": kid,
            "jwtAuthorizationGrantAssertionSignatureAlg": "RS256",
            "jwtAuthorizationGrantAssertionReuseAllowed": "false",
            "jwtAuthorizationGrantMaxAllowedAssertionExpiration": "3600",
            "jwtAuthorizationGrantAllowedClockSkew": "0",
        },
    }


def registered(client, kid, alias):
    attributes = {f"{GRANT}.enabled": "true", f"{GRANT}.idp": alias}
    if client["auth"] == "private_key_jwt":
        key = RSAKey.import_key(public_pem(client["key"])).as_dict(private=False)
        jwks = {"keys": [{**key, "use": "sig", "alg": "RS256", "kid": kid}]}
        attributes |= {"use.jwks.string": "true", "jwks.string": json.dumps(jwks), "token.endpoint.auth.signing.alg": "RS256"}
        proof = {"clientAuthenticatorType": "client-jwt"}
    else:
        proof = {"clientAuthenticatorType": "client-secret", "secret": client["secret"]}
    return {
        "clientId": client["id"],
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "attributes": attributes,
        **proof,
    }


def user(client, alias):
    return {
        "username": f"user-of-{alias}",
        "enabled": True,
        "email": f"{alias}@example.test",
        "emailVerified": True,
        "firstName": "A",
        "lastName": "User",
        "federatedIdentities": [{"identityProvider": alias, "userId": client["user"], "userName": client["user"]}],
    }


def realm(said):
    kid = said["kid"]
    clients = [(client, f"idp-{number}") for number, client in enumerate(said["clients"])]
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "accessTokenLifespan": 300,
        "identityProviders": [provider(client, kid, alias) for client, alias in clients],
        "users": [user(client, alias) for client, alias in clients],
        "clients": [registered(client, kid, alias) for client, alias in clients],
    }


def main():
    said = json.loads(sys.argv[1])
    imports = os.path.join(said["home"], "data/import")
    os.makedirs(imports, exist_ok=True)
    written = os.path.join(imports, f"{REALM}-realm.json")
    # Whole or not at all: another server may be importing.
    with open(written + ".part", "w") as file:
        json.dump(realm(said), file)
    os.rename(file.name, written)
    start = ["start-dev", "--http-host=127.0.0.1", "--http-port=0", "--db=dev-mem", "--import-realm"]
    server = subprocess.Popen(
        ["sh", os.path.join(said["home"], "bin/kc.sh"), *start, "--features=jwt-authorization-grant"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        # What costs the least in a process that lives for seconds.
        env={**os.environ, "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC"},
    )
    try:
        serve(server, written)
    finally:
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        server.wait()
        if os.path.exists(written):
            os.remove(written)


def serve(server, written):
    late = threading.Timer(START_SECONDS, os.killpg, (server.pid, signal.SIGKILL))
    late.start()
    told = []
    for line in server.stdout:
        told.append(line)
        if listens := LISTENS.search(line):
            break
    else:
        sys.exit("Keycloak did not start:\n" + "".join(told[-30:]))
    late.cancel()
    os.remove(written)
    # Its log must flow, or it stands still when the pipe is full.
    threading.Thread(target=lambda: [None for _ in server.stdout], daemon=True).start()
    print(json.dumps({"token_url": f"{listens[1]}/realms/{REALM}/protocol/openid-connect/token"}), flush=True)
    sys.stdin.read()


main()
