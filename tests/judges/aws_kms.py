"""AWS KMS by ministack, which checks signatures (SigV4), IAM policies and the state of keys.

    python aws_kms.py

The first line on standard output is {"endpoint", "region", "keys": {SPEC: {"arn", "spki"}}, "alias", "disabled", "deleted",
"encrypts", "users": {NAME: [access key, secret]}}: one key of each kind that signs (its public key as DER in base64), an
alias for the RSA key, keys that do not sign, and users who may sign and read, who may sign alone, and who may do nothing.
Ends when standard input closes.
"""
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
from botocore.config import Config

REGION = "eu-central-1"
ROOT = "AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)


def start(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "AWS_ACCESS_KEY_ID": ROOT[0],
        "AWS_SECRET_ACCESS_KEY": ROOT[1],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "SERVICES": "kms,iam,sts",
        # These would listen on all addresses.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    program = os.path.join(os.path.dirname(sys.executable), "ministack")
    server = subprocess.Popen(
        [program], env=os.environ | settings, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(endpoint + "/_ministack/health", timeout=2)
            return server, endpoint
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("ministack did not start")
            time.sleep(0.05)


def set_up(endpoint):
    def client(service):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ROOT[0],
            aws_secret_access_key=ROOT[1],
            config=Config(retries={"max_attempts": 0}),
        )

    kms, iam = client("kms"), client("iam")

    def key(spec, usage="SIGN_VERIFY"):
        return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]

    def user(name, *actions):
        iam.create_user(UserName=name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=name, PolicyName="keys", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return [made["AccessKeyId"], made["SecretAccessKey"]]

    def told(spec):
        made = key(spec)
        spki = kms.get_public_key(KeyId=made["KeyId"])["PublicKey"]
        return {"arn": made["Arn"], "spki": base64.b64encode(spki).decode()}

    specs = ["RSA_2048", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_NIST_EDWARDS25519"]
    keys = {spec: told(spec) for spec in specs}
    kms.create_alias(AliasName="alias/Team/jwt", TargetKeyId=keys["RSA_2048"]["arn"])
    disabled, deleted = key("RSA_2048"), key("RSA_2048")
    kms.disable_key(KeyId=disabled["KeyId"])
    kms.schedule_key_deletion(KeyId=deleted["KeyId"], PendingWindowInDays=7)
    return {
        "endpoint": endpoint,
        "region": REGION,
        "keys": keys,
        "alias": "alias/Team/jwt",
        "disabled": disabled["Arn"],
        "deleted": deleted["Arn"],
        "encrypts": key("RSA_2048", "ENCRYPT_DECRYPT")["Arn"],
        "users": {
            "signer": user("signer", "kms:Sign", "kms:GetPublicKey"),
            "blind": user("blind", "kms:Sign"),
            "nobody": user("nobody"),
        },
    }


with tempfile.TemporaryDirectory() as folder:
    server, endpoint = start(folder)
    try:
        print(json.dumps(set_up(endpoint)), flush=True)
        sys.stdin.read()
    finally:
        server.terminate()
        server.wait(10)
