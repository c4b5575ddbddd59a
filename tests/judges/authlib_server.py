"""An authorization server whose verdict is Authlib's (RFC 7523): the assertion grant and client authentication.

    python authlib_server.py '{"clients": [{"id": "app", "key": "app.crt", "auth": "none", "users": ["ann@example.org"]}]}'

A client's "auth" is "none", "client_secret_basic" or "client_secret_post" (with "secret"), or "private_key_jwt"; its "key" is
a PEM file with a certificate or a public key. The audience is the token endpoint. The first line on standard output is
{"token_url": ...}. GET /requests tells what was answered: status and error of each. Ends when standard input closes.
"""
import json
import logging
import secrets
import sys
import threading

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey, OKPKey, RSAKey
from werkzeug.serving import make_server

PRIVATE_KEY_JWT = JWTBearerClientAssertion.CLIENT_AUTH_METHOD


def public_key(path):
    with open(path, "rb") as file:
        pem = file.read()
    if b"BEGIN CERTIFICATE" in pem:
        key = x509.load_pem_x509_certificate(pem).public_key()
    else:
        key = load_pem_public_key(pem)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kinds = {rsa.RSAPublicKey: RSAKey, ec.EllipticCurvePublicKey: ECKey, ed25519.Ed25519PublicKey: OKPKey}
    kind = next(kind for base, kind in kinds.items() if isinstance(key, base))
    return kind.import_key(pem)


class Client(ClientMixin):
    def __init__(self, said):
        self.said = said
        self.key = public_key(said["key"])

    def get_client_id(self):
        return self.said["id"]

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_client_secret(self, secret):
        return secrets.compare_digest(secret, self.said.get("secret") or secrets.token_hex())

    def check_endpoint_auth_method(self, method, endpoint):
        return method == {"private_key_jwt": PRIVATE_KEY_JWT}.get(self.said["auth"], self.said["auth"])

    def check_grant_type(self, grant_type):
        return grant_type == JWTBearerGrant.GRANT_TYPE


class User:
    def __init__(self, name):
        self.name = name

    def get_user_id(self):
        return self.name


class Once:
    """Each jti of each issuer is good once."""

    def __init__(self):
        self.seen, self.lock = set(), threading.Lock()

    def __call__(self, claims):
        name = (claims["iss"], claims["jti"])
        with self.lock:
            fresh = name not in self.seen
            self.seen.add(name)
        return fresh


def main():
    clients = {said["id"]: Client(said) for said in json.loads(sys.argv[1])["clients"]}
    answered = []
    app = Flask("authlib-judge")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    http = make_server("127.0.0.1", 0, app, threaded=True)
    token_url = f"http://127.0.0.1:{http.server_port}/token"

    class Grant(JWTBearerGrant):
        LEEWAY = 0
        TOKEN_ENDPOINT_AUTH_METHODS = [PRIVATE_KEY_JWT, "client_secret_basic", "client_secret_post", "none"]
        once = Once()

        def validate_token_request(self):
            super().validate_token_request()
            issuer = self.request.client
            if issuer.said["auth"] != "none":
                if self.authenticate_token_endpoint_client() is not issuer:
                    raise InvalidGrantError(description="The assertion is another client's.")
                self.request.client = issuer

        def process_assertion_claims(self, assertion):
            claims = super().process_assertion_claims(assertion)
            if "jti" in claims and not self.once(claims):
                raise InvalidGrantError(description="The jti was used before.")
            return claims

        def get_audiences(self):
            return [token_url]

        def resolve_issuer_client(self, issuer):
            return clients.get(issuer)

        def resolve_client_public_key(self, client):
            return client.key

        def authenticate_user(self, subject):
            known = {user for client in clients.values() for user in client.said["users"]}
            return User(subject) if subject in known else None

        def has_granted_permission(self, client, user):
            return user.name in client.said["users"]

        def save_token(self, token):
            pass

    class ClientAssertion(JWTBearerClientAssertion):
        once = Once()

        def get_audiences(self):
            return [token_url]

        def validate_jti(self, claims, jti):
            return self.once(claims)

        def resolve_client_public_key(self, client):
            return client.key

    def make_token(grant_type, client, user=None, scope=None, expires_in=None, include_refresh_token=False):
        token = {"access_token": secrets.token_urlsafe(32), "token_type": "Bearer", "expires_in": 600}
        return {**token, "scope": scope} if scope else token

    server = AuthorizationServer(query_client=clients.get, save_token=lambda token, request: None)
    server.init_app(app)
    server.register_token_generator("default", make_token)
    server.register_grant(Grant)
    server.register_client_auth_method(PRIVATE_KEY_JWT, ClientAssertion(leeway=0))

    @app.post("/token")
    def token():
        answer = server.create_token_response()
        told = answer.get_json(silent=True) or {}
        answered.append({"status": answer.status_code, "error": told.get("error"), "fields": sorted(request.form)})
        return answer

    @app.get("/requests")
    def requests():
        return jsonify(answered)

    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(json.dumps({"token_url": token_url}), flush=True)
    sys.stdin.read()


main()
