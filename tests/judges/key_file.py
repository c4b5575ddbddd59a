"""Reads a key file with pyjks or Python cryptography and prints what is in it as JSON.

usage: key_file.py jks|pkcs12|pem FILE PASSWORD
"""

import base64
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12


def spki(key):
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def certificate(der):
    return base64.b64encode(der).decode()


def of_jks(path, password):
    import jks

    store = jks.KeyStore.load(path, password)
    keys = {}
    for alias, entry in store.private_keys.items():
        key = serialization.load_der_private_key(entry.pkey_pkcs8, None)
        chain = [certificate(der) for _, der in entry.cert_chain]
        keys[alias] = {"spki": spki(key), "chain": chain}
    return keys


def of_pkcs12(path, password):
    with open(path, "rb") as file:
        store = pkcs12.load_pkcs12(file.read(), password.encode())
    found = [store.cert] + store.additional_certs
    der = [
        one.certificate.public_bytes(serialization.Encoding.DER) for one in found if one
    ]
    name = store.cert.friendly_name.decode() if store.cert else ""
    return {name: {"spki": spki(store.key), "chain": [certificate(one) for one in der]}}


def of_pem(path, password):
    from cryptography import x509

    with open(path, "rb") as file:
        text = file.read()
    key = serialization.load_pem_private_key(
        text, password.encode() if b"ENCRYPTED" in text else None
    )
    found = x509.load_pem_x509_certificates(text)
    der = [one.public_bytes(serialization.Encoding.DER) for one in found]
    return {"": {"spki": spki(key), "chain": [certificate(one) for one in der]}}


def main():
    kind, path, password = sys.argv[1:]
    read = {"jks": of_jks, "pkcs12": of_pkcs12, "pem": of_pem}[kind]
    json.dump(read(path, password), sys.stdout)


main()
