"""Editing JSON5 text by merge patch: the result is the intended one and comments stay."""

from __future__ import annotations

import json
from typing import Any

import pyjson5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.config.edit import edit, merge_patch, same
from ringfence.config.spans import Value, repeated_keys, scan
from ringfence.model.errors import ConfigError, ConfigInvalid

FILE = """\
// Ringfence of the night shift
{
  channels: {
    sms: {
      accountSid: "AC1", // the small account
      /* who may write */
      allowFrom: ["+15555550101"],
      textChunkLimit: 1500 // last
    },
  },
  'logging': { level: "info" },
}
// end
"""


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            {"channels": {"sms": {"accountSid": "AC2"}}},
            FILE.replace('"AC1"', '"AC2"'),
            id="replace one value",
        ),
        pytest.param(
            {"channels": {"sms": {"accountSid": None}}},
            FILE.replace('accountSid: "AC1", //', "//"),
            id="remove a key, keep the remark beside it",
        ),
        pytest.param(
            {"channels": {"sms": {"allowFrom": None}}},
            FILE.replace('      allowFrom: ["+15555550101"],\n', ""),
            id="remove a whole line",
        ),
        pytest.param(
            {"channels": {"sms": {"silent": True}}},
            FILE.replace("1500 // last\n", "1500, // last\n      silent: true\n"),
            id="add behind a last key without comma",
        ),
        pytest.param(
            {"logging": {"format": "text"}},
            FILE.replace('level: "info" }', 'level: "info", format: "text" }'),
            id="add inside one line",
        ),
        pytest.param(
            {"agent": {"kind": "echo"}},
            FILE.replace('"info" },\n', '"info" },\n  agent: {\n    kind: "echo",\n  },\n'),
            id="add an object at the root",
        ),
        pytest.param({"logging": {"level": "info"}}, FILE, id="nothing changes"),
        pytest.param({"logging": {"nothing": None}}, FILE, id="remove what is not there"),
    ],
)
def test_edit_touches_only_what_changes(patch: dict[str, Any], expected: str) -> None:
    assert edit(FILE, patch) == expected


@pytest.mark.parametrize(
    ("text", "patch", "expected"),
    [
        ("{}", {"a": 1}, "{\n  a: 1,\n}"),
        ("{ /* why */ }", {"a": 1}, "{ /* why */\n  a: 1,\n}"),
        ("{\n  // why\n}\n", {"a": 1}, "{\n  // why\n  a: 1,\n}\n"),
        ("{a:1}", {"a": None, "b": 2}, "{\n  b: 2,\n}"),
        ("{\n\ta: 1,\n}", {"a": None, "b": 2}, "{\n\tb: 2,\n}"),
        (
            "{\r\n    a: 1,\r\n}\r\n",
            {"b": {"c": 2}},
            "{\r\n    a: 1,\r\n    b: {\r\n        c: 2,\r\n    },\r\n}\r\n",
        ),
        ("{a: 1 // why\r}", {"b": 2}, "{a: 1, // why\n  b: 2\r}"),
        ("{a: 1 /* x */ , b: 2}", {"a": None}, "{ /* x */  b: 2}"),
        ('{"a-b": 1}', {"a-b": 2, "c d": 3}, '{"a-b": 2, "c d": 3}'),
        ("{\\u0061: 1}", {"a": 2}, "{\\u0061: 2}"),
        ("{a: {b: 1}}", {"a": 2}, "{a: 2}"),
        ("{a: 1}", {"a": {"b": None, "c": 3}}, "{a: {\n  c: 3,\n}}"),
        ("{a: 'x',}", {"b": "\u2028"}, "{a: 'x', b: \"\\u2028\"}"),
    ],
)
def test_edit_of_odd_texts(text: str, patch: dict[str, Any], expected: str) -> None:
    assert edit(text, patch) == expected


def test_a_key_written_twice_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match=r"channels\.x: expected this key once"):
        edit("{channels: {x: 1, 'x': 2}}", {"a": 1})


def test_a_result_that_is_not_the_intended_one_is_never_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ringfence.config.edit._text", lambda value: '"something else"')
    with pytest.raises(ConfigError, match="would not have given the intended result"):
        edit('{a: "x"}', {"a": "y"})


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # The examples of RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_is_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


def test_true_is_not_one() -> None:
    assert not same({"a": True}, {"a": 1})
    assert same({"a": [float("nan")]}, {"a": [float("nan")]})


# -- texts with comments everywhere ---------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c", "$d", "_e", "f g", "ünï", "1", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ROOTS = st.dictionaries(KEYS, VALUES, max_size=5)


@st.composite
def gaps(draw: st.DrawFn) -> str:
    """White space and comments, each comment with a number of its own once written out."""
    return draw(
        st.sampled_from(
            [
                "",
                " ",
                "\n",
                "\n    ",
                "\t",
                "\r\n",
                " /*#*/ ",
                '/*#, { "*/',
                " //#\n",
                "\n// #, }\n  ",
            ]
        )
    )


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A JSON5 object with gaps between all tokens, single and double quotes, trailing commas."""

    def written(value: Any) -> str:
        gap = lambda: draw(gaps())  # noqa: E731 - a name for what stands everywhere below
        if isinstance(value, dict):
            members = [
                f"{gap()}{key(name)}{gap()}:{gap()}{written(item)}{gap()}"
                for name, item in value.items()
            ]
            return "{" + ",".join(members) + trailing(members) + gap() + "}"
        if isinstance(value, list):
            items = [f"{gap()}{written(item)}{gap()}" for item in value]
            return "[" + ",".join(items) + trailing(items) + gap() + "]"
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    def key(name: str) -> str:
        if name.isidentifier() and draw(st.booleans()):
            return name
        return json.dumps(name) if draw(st.booleans()) else "'" + name + "'"

    def trailing(entries: list[str]) -> str:
        return "," if entries and draw(st.booleans()) else ""

    text = draw(gaps()) + written(draw(ROOTS)) + draw(gaps())
    parts = text.split("#")
    return "".join(f"{part}#{number}." for number, part in enumerate(parts[:-1])) + parts[-1]


def comments_that_must_stay(text: str, patch: dict[str, Any]) -> list[str]:
    """Every comment that is in no value the patch replaces and in no key it removes."""
    root, comments = scan(text)
    spans: list[tuple[int, int]] = []

    def mark(value: Value, before: Any, change: dict[str, Any]) -> None:
        for name, new in change.items():
            member = value.member(name)
            if member is None:
                continue
            if new is None:
                spans.append((member.start, member.value.end))
            elif isinstance(new, dict) and isinstance(before[name], dict):
                mark(member.value, before[name], new)
            elif not same(before[name], merge_patch(None, new)):
                spans.append((member.value.start, member.value.end))

    mark(root, pyjson5.decode(text), patch)
    inside = [any(a <= start and end <= b for a, b in spans) for start, end in comments]
    return [text[a:b] for (a, b), gone in zip(comments, inside, strict=True) if not gone]


@settings(max_examples=400, deadline=None)
@given(text=texts(), patch=ROOTS)
def test_edit_gives_the_merge_and_keeps_comments(text: str, patch: dict[str, Any]) -> None:
    after = edit(text, patch)
    assert same(pyjson5.decode(after), merge_patch(pyjson5.decode(text), patch))
    _, comments = scan(after)
    still_there = [after[start:end] for start, end in comments]
    assert still_there == comments_that_must_stay(text, patch)


@settings(max_examples=200, deadline=None)
@given(text=texts())
def test_the_scanner_sees_what_the_reader_reads(text: str) -> None:
    def read(value: Value) -> Any:
        if value.members is not None:
            return {member.name: read(member.value) for member in value.members}
        if value.items is not None:
            return [read(item) for item in value.items]
        return pyjson5.decode(text[value.start : value.end])

    root, _ = scan(text)
    assert not list(repeated_keys(root))
    assert same(read(root), pyjson5.decode(text))
