"""A test CA, and certificates of it for the doubles' servers."""

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 30


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both as PEM."""

    certificate: str
    key: str = field(repr=False)

    def server_context(self) -> ssl.SSLContext:
        """Return what a TLS server with this certificate uses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files only
            path = Path(folder) / "server.pem"
            path.touch(mode=0o600)
            path.write_text(self.key + self.certificate, encoding="utf-8")
            context.load_cert_chain(path)
        return context


class Authority:
    """A certificate authority that only tests trust."""

    def __init__(self, name: str = "deployhost tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
        certificate = (
            _builder(self._name, self._name, self._key.public_key(), usage)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, *names: str) -> KeyPair:
        """Return a certificate for host names (wildcards too) and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._name, key.public_key(), {"digital_signature": True})
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return what a TLS server of these names and addresses uses."""
        return self.issue(*names).server_context()

    def client_context(self) -> ssl.SSLContext:
        """Return what a client that trusts only this authority uses."""
        return ssl.create_default_context(cadata=self.pem)

    def write(self, path: Path) -> Path:
        """Write the authority's certificate as a file for SSL_CERT_FILE, and return its path."""
        path.write_text(self.pem, encoding="utf-8")
        return path

    def write_bundle(self, path: Path) -> Path:
        """Write the certificate together with those that this machine trusts, and return the file's path."""
        trusted = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
        others = Path(trusted).read_text(encoding="utf-8") if trusted else ""
        path.write_text(f"{self.pem}\n{others}", encoding="utf-8")
        return path


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, usage: dict[str, bool]
) -> x509.CertificateBuilder:
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    usages = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=DAYS))
        .add_extension(x509.KeyUsage(**(usages | usage)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
