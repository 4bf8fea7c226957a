"""Signing in a process of its own, with keys as GitHub makes them (PKCS #1) and as others do (PKCS #8)."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from deployhost.errors import InvalidConfig
from deployhost.github.app_token import AppToken, sign_beside
from deployhost.model import Secret
from tests.fakes.github import connection

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat) -> Secret:
    return Secret(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def verify(signature: str, message: str) -> None:
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    KEY.public_key().verify(raw, message.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("form", [serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8])
def test_signature(form: serialization.PrivateFormat) -> None:
    token = AppToken(connection(key=pem(KEY, form))).current().reveal()
    message, _, signature = token.rpartition(".")
    verify(signature, message)
    with pytest.raises(InvalidSignature):
        verify(signature, message + "x")


@pytest.mark.parametrize(
    "key", [Secret("nothing"), Secret("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
            pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.PKCS8)],
)  # fmt: skip
def test_a_key_that_is_none(key: Secret) -> None:
    with pytest.raises(InvalidConfig, match="the key of the GitHub App deployhost-1 is damaged") as damaged:
        sign_beside(connection(key=key), "message")
    assert key.reveal() not in str(damaged.value.to_json())
