"""Take out of a reply what an agent leaks of its own machinery, and mark what imitates a transcript.

Works on plain text, after plain.py. A reader must never see a tool banner or hidden reasoning, and
never mistake a line an agent wrote for another speaker's (B068).
It must never touch other lines, and never decide whether the rest is sent.
"""

from __future__ import annotations

import re
from typing import Final

AGENT_MARK: Final = "[agent] "

# What OpenClaw's endpoint says in place of silence (openclaw 6.2, 9). Never content.
_SILENCES: Final = frozenset({"NO_REPLY", "No response from OpenClaw."})

_REASONING: Final = "think|thinking|thought|reasoning|scratchpad|analysis|reflection"
_MACHINERY: Final = (
    "tool_calls?|tool_use|tool_results?|tool_response|function_calls?|function_results?|invoke"
    "|antml:[a-z_]+"
)
_hidden: Final = re.compile(
    rf"<({_REASONING}|{_MACHINERY})(?:\s[^<>]*)?>.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_wrappers: Final = re.compile(
    rf"</?(?:final|answer|response|reply|output|{_REASONING}|{_MACHINERY})\s*>|<\|[\w ./-]{{1,40}}\|>",
    re.IGNORECASE,
)
_IDENTIFIER: Final = r"[a-z][a-z0-9]*(?:[_.][A-Za-z0-9_.]+|(?=\s*[({]))"
_bracket_banner: Final = re.compile(
    r"\[(?:tool|tool[ _-]?(?:call|use|result|output)s?|function[ _-]?(?:call|result)"
    r"|historical context|internal)\b[^\]\n]*\][ \t]*",
    re.IGNORECASE,
)
_banner: Final = re.compile(
    "[ \\t>*-]*(?:[\u2699\u26a1\U0001f527\U0001f528\U0001f6e0\U0001f4bb\U0001f50d\U0001f50e]\ufe0f?[ \\t]*"
    "(?:tool|exec|bash|shell|read|write|edit|search|web|browser|fetch|run(?:ning)?|call(?:ing)?|us(?:e|ing))\\b.*"
    "|(?:tool|function)[ _-]?(?:call|use|result|output|response)s?(?:[ \\t]+[\\w.-]+)?[ \\t]*[:(].*"
    "|(?:calling|running|invoking|executing)[ \\t]+(?:the[ \\t]+)?(?:tool|function)\\b.*"
    f"|tool:[ \\t]*{_IDENTIFIER}.*)",
    re.IGNORECASE,
)
_role: Final = re.compile(
    "[\\s>*#_-]*(?:user|human|assistant|system|developer)"
    "[ \\t]*(?:\\([^()\\n]{0,60}\\)|\\[[^\\[\\]\\n]{0,60}\\])?[*_]*[ \\t]*[:\uff1a]",
    re.IGNORECASE,
)
_invisible: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_blank_lines: Final = re.compile(r"\n{3,}")


def scrub(text: str) -> str:
    """Return `text` without tool banners and hidden reasoning, transcript imitations marked.

    A line such as "User: yes" becomes "[agent] User: yes". Text with nothing of the kind is
    returned as it is; an agent's marker of silence, or nothing else left, gives an empty string.
    """
    if text.strip() in _SILENCES:
        return ""
    visible = _wrappers.sub("", _hidden.sub("", text))
    lines = [_line(line) for line in visible.split("\n")]
    scrubbed = "\n".join(line for line in lines if line is not None)
    return text if scrubbed == text else _blank_lines.sub("\n\n", scrubbed).strip()


def _line(line: str) -> str | None:
    """Return the line as it may be shown, or None for one that is a banner and nothing more."""
    seen = _invisible.sub("", line)
    if _banner.fullmatch(seen) or seen.strip() == "NO_REPLY":
        return None
    said = _bracket_banner.sub("", seen)
    if said != seen:
        return _marked(said) if said.strip() else None
    return _marked(line) if _role.match(seen) else line


def _marked(line: str) -> str:
    return (
        AGENT_MARK + line.lstrip()
        if _role.match(line) or _role.match(_invisible.sub("", line))
        else line
    )
