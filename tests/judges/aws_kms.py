"""AWS KMS by ministack, which checks signatures (SigV4), IAM policies and the state of keys.

    python aws_kms.py

The first line on standard output is {"endpoint", "region", "keys": {SPEC: {"arn", "spki"}}, "alias", "multi_region",
"disabled", "deleted", "encrypts", "users": {NAME: [access key, secret]}, "role", "web_role"}: one key of each kind that signs (its
public key as DER in base64), an alias for the RSA key, a multi-Region key, keys that do not sign, users who may sign and read, who
may read alone, who may sign alone, who may do nothing, who may assume a role, that role, and one for the identity provider
token.example. The lines "stop" and "start" on standard input stop ministack and start it again, with its keys, at the same port;
each is answered by a line. Ends when standard input closes.
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
ACCOUNT = "000000000000"
ROOT = "AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(folder, port):
    settings = {
        "AWS_ACCESS_KEY_ID": ROOT[0],
        "AWS_SECRET_ACCESS_KEY": ROOT[1],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "SERVICES": "kms,iam,sts",
        "PERSIST_STATE": "1",
        "STATE_DIR": os.path.join(folder, "state"),
        # These would listen on all addresses.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    program = os.path.join(os.path.dirname(sys.executable), "ministack")
    server = subprocess.Popen(
        [program], env=os.environ | settings, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2)
            return server
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("ministack did not start")
            time.sleep(0.05)


def stop(server):
    server.terminate()
    server.wait(20)


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

    def key(spec, usage="SIGN_VERIFY", **more):
        return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]

    def policy(**statement):
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})

    def user(name, *actions):
        iam.create_user(UserName=name)
        if actions:
            allowed = policy(Action=list(actions), Resource="*")
            iam.put_user_policy(UserName=name, PolicyName="keys", PolicyDocument=allowed)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return [made["AccessKeyId"], made["SecretAccessKey"]]

    def role(name, action, principal):
        trust = policy(Action=action, Principal=principal)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        allowed = policy(Action=["kms:Sign", "kms:GetPublicKey"], Resource="*")
        iam.put_role_policy(RoleName=name, PolicyName="keys", PolicyDocument=allowed)
        return arn

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
        "multi_region": key("ECC_NIST_P256", MultiRegion=True)["Arn"],
        "disabled": disabled["Arn"],
        "deleted": deleted["Arn"],
        "encrypts": key("RSA_2048", "ENCRYPT_DECRYPT")["Arn"],
        "users": {
            "signer": user("signer", "kms:Sign", "kms:GetPublicKey"),
            "reader": user("reader", "kms:GetPublicKey"),
            "blind": user("blind", "kms:Sign"),
            "nobody": user("nobody"),
            "assumer": user("assumer", "sts:AssumeRole"),
        },
        "role": role("signs", "sts:AssumeRole", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        "web_role": role(
            "signs-by-web",
            "sts:AssumeRoleWithWebIdentity",
            {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example"},
        ),
    }


with tempfile.TemporaryDirectory() as folder:
    port = free_port()
    server = start(folder, port)
    try:
        print(json.dumps(set_up(f"http://127.0.0.1:{port}")), flush=True)
        for line in sys.stdin:
            if line.strip() == "stop":
                stop(server)
            else:
                server = start(folder, port)
            print(json.dumps(line.strip()), flush=True)
    finally:
        stop(server)
