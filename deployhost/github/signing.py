"""Sign one message with an RSA key in a process of its own, which ends with it.

Once an hour a server signs something for GitHub; the library that does it would keep 9 MB of the daemon for ever.
It reads {key, message} as JSON on its standard input and writes the signature (RS256: RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518,
section 3.3) in base64url. It exits with 3 if the key is none.
"""

import base64
import json
import sys

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

NO_KEY = 3


def main() -> int:
    """Answer the one request on standard input and return the exit code."""
    request = json.load(sys.stdin)
    signature = signed(request["key"], request["message"])
    if signature is None:
        return NO_KEY
    sys.stdout.write(signature)
    return 0


def signed(pem: str, message: str) -> str | None:
    """Return the signature of a message, or None if the key is none."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    signature = key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
