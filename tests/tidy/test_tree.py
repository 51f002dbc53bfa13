"""Style is executable: what a reader may rely on anywhere in the tree (docs: CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from ringfence.agents import KINDS
from ringfence.policy.policy import discover
from ringfence.providers import providers
from ringfence.sources import sources
from ringfence.tickets import systems

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "ringfence"
MODULES = sorted(SOURCE.rglob("*.py"))
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700
SQL = re.compile(
    r"\b(?:SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b",
    re.DOTALL,
)


def _tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _strings(tree: ast.AST) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_says_what_it_is_and_keeps_its_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if text.strip():
        assert ast.get_docstring(tree), (
            "open with two to five lines: what it is, what it must not do"
        )
    assert text.count("\n") <= FILE_LINES_MAX, f"split a file past {FILE_LINES_MAX} lines"
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long, f"split functions past {FUNCTION_LINES_MAX} lines: {long}"


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "store" not in path.relative_to(SOURCE).parts],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_sql_lives_in_store_only(path: Path) -> None:
    found = [text for text in _strings(ast.parse(path.read_text())) if SQL.search(text)]
    assert not found, f"move the statement into store/: {found[0][:80]}"


def test_tests_do_not_sleep() -> None:
    slept = re.compile(r"\b(?:time|asyncio)\.sleep\((?!0\))")
    guilty = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if slept.search(path.read_text(encoding="utf-8"))
    ]
    assert not guilty, f"move the clock instead of sleeping: {guilty}"


def test_nothing_unfinished_is_left_in_the_source() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|raise NotImplemented" + "Error")
    guilty = [str(p.relative_to(ROOT)) for p in MODULES if marks.search(p.read_text())]
    assert not guilty, f"finish it, or raise a clear error of our tree: {guilty}"


def test_no_committed_file_names_a_registry_or_a_machine() -> None:
    registry = re.compile(r"https?://[^\s\"']*(?:/simple/?[\s\"']|\.whl|\.tgz|files\.python)")
    machine = re.compile(r"/(?:wor" + r"k|roo" + r"t|hom" + r"e/\w+)/[\w.]+/")
    guilty = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if registry.search(text) or machine.search(text):
            guilty.append(str(path.relative_to(ROOT)))
    assert not guilty, f"registry addresses or machine paths in {guilty}"


@pytest.mark.parametrize(
    ("names", "tests"),
    [
        ({rule.name for rule in discover()}, "policy"),
        (set(providers()), "providers"),
        (set(KINDS), "agents"),
        (set(sources()), "sources"),
        (set(systems()), "tickets"),
    ],
    ids=["rules", "providers", "agents", "sources", "tickets"],
)
def test_every_rule_provider_and_agent_has_a_test_file(names: set[str], tests: str) -> None:
    tested = {
        path.stem.removeprefix("test_") for path in (ROOT / "tests" / tests).rglob("test_*.py")
    }
    missing = sorted(name for name in names if not any(t.startswith(name) for t in tested))
    assert not missing, f"no tests/{tests}/test_X.py for {missing}"


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports a test file by its bare name: two of one name break the whole run."""
    seen: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name in ("__init__.py", "conftest.py") or "__pycache__" in path.parts:
            continue
        other = seen.setdefault(path.name, path)
        assert other is path, f"rename {path} or {other}"
