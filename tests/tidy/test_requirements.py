"""Promises and behaviours are cited by tests, and tests cite nothing that is not in the manifest."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MANIFEST = tomllib.loads((TESTS / "requirements.toml").read_text(encoding="utf-8"))


def _citations() -> Iterator[tuple[str, str]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr != "proves":
                continue
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path}: proves() takes plain strings"
                yield str(argument.value), f"{path.relative_to(TESTS)}:{node.lineno}"


def test_every_cited_id_is_in_the_manifest() -> None:
    unknown = [f"{where} cites {cited}" for cited, where in _citations() if cited not in MANIFEST]
    assert not unknown, "not in tests/requirements.toml:\n" + "\n".join(unknown)


def test_every_requirement_is_cited_or_says_when_it_comes() -> None:
    cited = {cited for cited, _ in _citations()}
    missing = [key for key, entry in MANIFEST.items() if key not in cited and "later" not in entry]
    assert not missing, f"no test proves {', '.join(missing)}; cite them or say `later`"


def test_nothing_that_comes_later_is_already_proved() -> None:
    cited = {cited for cited, _ in _citations()}
    early = [key for key, entry in MANIFEST.items() if "later" in entry and key in cited]
    assert not early, f"{', '.join(early)} are proved: take `later` out of the manifest"
