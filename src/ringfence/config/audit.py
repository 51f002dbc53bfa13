"""The `audit` section: which key signs checkpoints, and whose signatures count. Makes no key file by
itself, and never puts a fresh key in the place of a configured one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ringfence.config.secrets import SecretResolver
from ringfence.config.settings import AuditSettings, StoreSettings
from ringfence.model.errors import SecretUnavailable
from ringfence.ports import Signer
from ringfence.store.keys import FixedKey, KeyFile, private_key

_KEY_SUFFIX = ".audit-key"


def audit_settings(
    section: Mapping[str, Any], store: StoreSettings, config: Path, resolver: SecretResolver
) -> AuditSettings:
    """A key that cannot be had blocks checkpoints, nothing else."""
    beside = store.path or config
    key, blocked = None, None
    if "signingKey" in section:
        try:
            key = resolver.resolve(section["signingKey"])
            private_key(key.reveal())
        except SecretUnavailable as error:
            key, blocked = None, error.detail
    counts = {name: section[written] for name, written in _COUNTS.items() if written in section}
    return AuditSettings(
        key_path=beside.with_name(beside.name + _KEY_SUFFIX),
        signing_key=key,
        blocked_reason=blocked,
        trusted_keys=tuple(section.get("trustedKeys", ())),
        **counts,
    )


_COUNTS = {"checkpoint_entries": "checkpointEntries", "checkpoint_hours": "checkpointHours"}


def signer(settings: AuditSettings) -> Signer | None:
    """What signs checkpoints; None where the configured key cannot be had."""
    if settings.blocked_reason:
        return None
    if settings.signing_key is not None:
        return FixedKey(private_key(settings.signing_key.reveal()))
    return KeyFile(settings.key_path)


def trusted_keys(settings: AuditSettings) -> frozenset[str]:
    """The public keys whose checkpoints count here. Raises SecretUnavailable where the key file
    cannot be read."""
    own = signer(settings)
    public = own.public_key_if_made() if isinstance(own, KeyFile) else own and own.public_key
    return frozenset(settings.trusted_keys) | ({public} if public else set())
