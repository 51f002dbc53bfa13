"""Which profile a store belongs to: the one that opened it first. So that staging cannot come to
work on production's people and messages, nor production on staging's, whatever an address says."""

from __future__ import annotations

from ringfence.model.errors import ConfigInvalid
from ringfence.store.connection import Connection


def claim_profile(db: Connection, profile: str) -> None:
    """Mark a store nobody has opened yet. Raises ConfigInvalid when it is another profile's."""
    db.begin()
    try:
        owner = db.value("SELECT name FROM store_profile")
        if owner is None:
            db.run("INSERT INTO store_profile (name) VALUES (?)", (profile,))
        elif owner != profile:
            raise ConfigInvalid(
                (
                    f"store.url: expected a store of the profile {profile}, got one that belongs "
                    f"to the profile {owner}; give each profile a store of its own",
                )
            )
        db.commit()
    except BaseException:
        db.rollback()
        raise
