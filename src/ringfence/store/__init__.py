"""The only SQL. One set of table groups over SQLite and PostgreSQL; write transactions are serial
across all processes. Nothing here decides anything, and nothing outside here sees a statement."""

from ringfence.store.backup import backup
from ringfence.store.checking import Findings, check
from ringfence.store.instance import InstanceClaim, claim_instance
from ringfence.store.opening import open_store

__all__ = ["Findings", "InstanceClaim", "backup", "check", "claim_instance", "open_store"]
