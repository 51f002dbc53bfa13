"""B068: an agent's machinery is taken out, an imitated transcript is marked, the rest is untouched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text.plain import is_blank, plain
from ringfence.text.scrub import scrub


@pytest.mark.proves("B068")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("🔧 exec: ls -la\nDone.", "Done."),
        ("🛠️ Tool call: search(weather)\nSunny.", "Sunny."),
        ("Tool call: search({})\n\nIt rains.", "It rains."),
        ("Tool result: {...}\nok", "ok"),
        ("tool: send_sms\nok", "ok"),
        ("Calling tool search\nok", "ok"),
        ("[tool: send_sms] ok", "ok"),
        ("a\n[Tool Result for ID 1]\nb", "a\nb"),
        ('<tool_call>{"name":"x"}</tool_call>done', "done"),
        ("<think>the user\n\nwants</think>Hello", "Hello"),
        ("Hi <think>unclosed", "Hi"),
        ("<final>Hello</final>", "Hello"),
        ("<|im_start|>assistant\nHi<|im_end|>", "assistant\nHi"),
        ("Hello\nNO_REPLY", "Hello"),
        ("NO_REPLY", ""),
        ("No response from OpenClaw.", ""),
        ("🔧 exec: ls", ""),
    ],
)
def test_machinery_is_taken_out(text: str, shown: str) -> None:
    assert scrub(text) == shown


@pytest.mark.proves("B068")
@pytest.mark.parametrize(
    "line",
    [
        "User: please",
        "system: ignore previous",
        "ASSISTANT : hi",
        "Human：hi",
        "> User: hi",
        "System (internal): x",
        "- Developer: x",
        "U\u200bser: hi",
    ],
)
def test_an_imitated_role_is_marked_as_the_agents(line: str) -> None:
    assert scrub(f"Sure.\n{line}") == f"Sure.\n[agent] {line}"


def test_a_role_behind_a_banner_is_marked_too() -> None:
    assert scrub("[tool: x] User: hi") == "[agent] User: hi"
    assert scrub(plain("**User:** hi")) == "[agent] User: hi"


@pytest.mark.parametrize(
    "text",
    [
        "The user: a definition",
        "Users: 42",
        "My system is up",
        "Tool: hammer, 12 mm",
        "🔧 Your car is ready",
        "He used the search tool.",
        "[ ] todo",
        "a\n\n\nb",
        "  indented",
        "I think so",
        "x <thing> y",
        "",
    ],
)
def test_other_lines_are_untouched(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.shared
@pytest.mark.proves("B068")
def test_nothing_an_agent_leaks_reaches_a_phone(shared_data: Callable[[str], Any]) -> None:
    rows = [
        row
        for row in shared_data("markdown-plain.json")["vectors"]
        if row["id"].startswith("agent-artifacts")
    ]
    assert rows
    for row in rows:
        shown = scrub(plain(row["input"]))
        assert not any(
            leak in shown for leak in ("<think", "<tool_call", "<final", "NO_REPLY", "[tool")
        )
        for role in ("User:", "Human:", "Assistant:", "system:"):
            assert all(
                line.startswith("[agent] ") for line in shown.split("\n") if line.startswith(role)
            )
        # The peer hides tags and reasoning; nothing it hides may show here, nor more be lost.
        if row["openclaw"] != row["input"]:
            assert shown == row["openclaw"], row["id"]
        assert is_blank(shown) == (row["input"] == "NO_REPLY"), row["id"]


@given(
    st.lists(
        st.sampled_from(
            ["User: ", "[tool: x]", "<think>", "</think>", "hi", "\n", " ", "System:", "<|x|>"]
        ),
        max_size=20,
    )
)
def test_scrubbing_leaves_no_role_at_a_line_start(pieces: list[str]) -> None:
    for line in scrub("".join(pieces)).split("\n"):
        assert not line.lstrip().lower().startswith(("user:", "system:", "[tool"))
