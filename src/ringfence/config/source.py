"""Finding and reading the configuration file. Turns bytes into raw values and nothing more; an
error gives line and column, never text of the file, which holds secrets."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.config.spans import ScanFailed, repeated_keys, scan
from ringfence.model.errors import ConfigInvalid

FILE_BYTES_MAX = 1 << 20
DEFAULT_PATH = Path("~/.ringfence/ringfence.json5")
CONFIG_VARIABLE = "RINGFENCE_CONFIG"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration is. `named` when the operator said so: then it must exist."""

    path: Path
    named: bool


def locate(path: Path | None, environ: Mapping[str, str]) -> Source:
    """`--config`, else RINGFENCE_CONFIG, else the default under the home directory."""
    if path is not None:
        return Source(_absolute(path, environ), named=True)
    if environ.get(CONFIG_VARIABLE, "").strip():
        return Source(_absolute(Path(environ[CONFIG_VARIABLE].strip()), environ), named=True)
    return Source(_absolute(DEFAULT_PATH, environ), named=False)


def _absolute(path: Path, environ: Mapping[str, str]) -> Path:
    """`~` by the given environment's HOME, so that tests and services can say whose home."""
    home = environ.get("HOME")
    if home and path.parts[:1] == ("~",):
        path = Path(home, *path.parts[1:])
    return path.expanduser().absolute()


def read_text(source: Source) -> str | None:
    """The file's text; None when a default file is absent. Raises ConfigInvalid."""
    try:
        content = source.path.read_bytes()
    except FileNotFoundError:
        if not source.named:
            return None
        raise ConfigInvalid((f"{source.path}: expected a file, got nothing there",)) from None
    except OSError as error:
        raise ConfigInvalid((f"{source.path}: cannot be read ({error.strerror})",)) from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigInvalid((f"{source.path}: expected at most {FILE_BYTES_MAX} bytes",))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigInvalid((f"{source.path}: line {line}: expected UTF-8 text",)) from None


def parse(text: str, name: str = "configuration") -> dict[str, Any]:
    """JSON5 to raw values; the root must be an object. Raises ConfigInvalid with line and column."""
    import pyjson5

    try:
        value = pyjson5.decode(text)
    except pyjson5.Json5NestingTooDeep:
        raise ConfigInvalid((f"{name}: expected fewer nested levels",)) from None
    except pyjson5.Json5DecoderException as error:
        place = _place(text, str(error.args[0]) if error.args else "")
        raise ConfigInvalid((f"{name}: {place}: expected JSON5",)) from None
    if not isinstance(value, dict):
        raise ConfigInvalid((f"{name}: expected an object in braces, got {kind_of(value)}",))
    if repeated := tuple(_repeated(text)):
        raise ConfigInvalid(repeated)
    return value


def _repeated(text: str) -> Iterator[str]:
    """Keys written twice: readers would keep the last and say nothing."""
    try:
        root, _ = scan(text)
    except ScanFailed:
        return
    for path, offset in repeated_keys(root):
        line = text.count("\n", 0, offset) + 1
        yield f"{path}: expected this key once, got it again in line {line}"


def _place(text: str, message: str) -> str:
    """Line and column from the parser's own offset. The rest of its message can quote the file."""
    found = re.search(r"near (\d+)", message)
    offset = min(int(found[1]) - 1, len(text)) if found else len(text)
    offset = max(offset, 0)
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def kind_of(value: Any) -> str:
    """The kind of a raw value, in an operator's words."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")


def open_to_all(path: Path) -> bool:
    """Everyone on this machine may read the file."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
