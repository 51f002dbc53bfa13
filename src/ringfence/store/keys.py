"""The key that signs checkpoints: a file of its own beside the store, or a configured secret; and
the check of a signature. Never prints a private key, and never makes a new one where one is."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.model.audit import Checkpoint
from ringfence.model.errors import SecretUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_KEY = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FixedKey:
    """Fulfils ports.Signer with a key that was given: 32 bytes."""

    def __init__(self, private: bytes) -> None:
        self._private = private

    @property
    def public_key(self) -> str:
        return self._key().public_key().public_bytes_raw().hex()

    def sign(self, statement: bytes) -> str:
        return self._key().sign(statement).hex()

    def _key(self) -> Ed25519PrivateKey:
        # Loaded when the first checkpoint is made: nothing else needs it.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._private)


class KeyFile:
    """Fulfils ports.Signer with the key of a file, which is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: FixedKey | None = None

    @property
    def public_key(self) -> str:
        """Raises SecretUnavailable."""
        return self._key().public_key

    def sign(self, statement: bytes) -> str:
        """Raises SecretUnavailable."""
        return self._key().sign(statement)

    def public_key_if_made(self) -> str | None:
        """None where there is no file yet; makes none. Raises SecretUnavailable."""
        return self.public_key if self.path.exists() else None

    def _key(self) -> FixedKey:
        if self._held is None:
            try:
                if not self.path.exists():
                    _make(self.path)
                self._held = FixedKey(_read(self.path))
            except OSError as error:
                raise SecretUnavailable(
                    f"The audit log's signing key {self.path}: {error.strerror}."
                ) from None
        return self._held


def private_key(text: str) -> bytes:
    """A key as written: 64 hexadecimal digits. Raises SecretUnavailable, without the text."""
    if not _KEY.match(text.strip().lower()):
        raise SecretUnavailable(
            "A signing key is 64 hexadecimal digits; make one with: openssl rand -hex 32"
        )
    return bytes.fromhex(text.strip())


def is_signed(checkpoint: Checkpoint) -> bool:
    """Does the signature hold under the key the checkpoint names? Whose key that is, is another
    question."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint.public_key))
        key.verify(bytes.fromhex(checkpoint.signature), checkpoint.statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Whole or not at all, and never over another: two processes may want one at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_mode & _OTHERS:
            raise SecretUnavailable(
                f"{path} signs the audit log and must be its owner's alone: chmod 600 {path}"
            )
        text = file.read(1024)
    try:
        return private_key(text.decode("ascii", "replace"))
    except SecretUnavailable:
        raise SecretUnavailable(
            f"{path} does not hold a signing key (64 hexadecimal digits). Put it back from a "
            "copy; checkpoints signed with it cannot be made again."
        ) from None
