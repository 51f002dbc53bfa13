"""A certificate for 127.0.0.1 of our own making, for stand-ins that are to be reached over TLS as the
real services are. Trusted by the context that comes with it and by nothing else."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LASTS = timedelta(days=1)


def loopback_tls(folder: Path, now: datetime) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's context and that of clients who trust it, good for a day from `now`. Leaves its key
    in `folder`, which whoever asks should throw away."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed(key, now)
    path = folder / "loopback.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate + private)
    path.chmod(0o600)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=certificate.decode())


def _signed(key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - LASTS, now + LASTS)
    builder = builder.add_extension(names, critical=False)
    own = x509.BasicConstraints(ca=True, path_length=None)
    signed = builder.add_extension(own, critical=True).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)
