"""Turn an agent's Markdown reply into the plain text of an SMS.

Formatting goes, content stays: words, code lines, addresses, table headers and cells, in order
(B064). Only GSM-7 signs are added, so that a list alone does not cost UCS-2.
It must never lose code, an address or a cell, and never decide what may be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

# A text without any of these means the same to a Markdown parser as to a reader.
_marked_up: Final = re.compile(
    r"[*_`~#>\[\]<&\\|]|^[ \t]*(?:[-+=]|\d+[.)])|^(?: {4}| *\t)|  $", re.MULTILINE
).search
_line_ends: Final = re.compile(r"\r\n?")
_blank_lines: Final = re.compile(r"\n{3,}")

# Signs of emphasis inside a name, a formula or a path are meant as they stand: 2*3*4, a.__init__.
_literal_signs: Final = re.compile(
    r"(?<=[A-Za-z0-9])\*+(?=[A-Za-z0-9])"
    r"|(?<=[A-Za-z0-9]\.)_\w{0,60}|_{1,2}[A-Za-z0-9]\w{0,60}_(?=\.[A-Za-z0-9])"
).match
_scheme: Final = re.compile(r"(?<![A-Za-z0-9])https?$", re.IGNORECASE)
_rest_of_url: Final = re.compile(r"://[^\s<>()\[\]`\"\\]*[^\s<>()\[\]`\"\\*_~.,;:!?']").match

# HTML an agent writes for looks. Other tags stay as they are: "List<String>" is content.
_tags: Final = re.compile(
    r"</?(abbr|address|article|aside|b|bdi|bdo|big|blockquote|body|caption|center|cite|code|col"
    r"|colgroup|del|details|dfn|em|font|footer|header|html|i|ins|kbd|label|main|mark|nav|ol|pre|q|s"
    r"|samp|section|small|span|strike|strong|sub|summary|table|tbody|td|tfoot|th|thead|time|tt|u|ul"
    r"|var|wbr)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_breaking_tags: Final = re.compile(
    r"<(?:br|hr)(?:\s[^<>]*)?/?>|</(?:p|div|li|tr|h[1-6]|dt|dd)\s*>", re.IGNORECASE
)
_opening_tags: Final = re.compile(r"<(?:p|div|tr|h[1-6]|dt|dd)(?:\s[^<>]*)?>", re.IGNORECASE)
_item_tags: Final = re.compile(r"<li(?:\s[^<>]*)?>", re.IGNORECASE)
_address_tags: Final = re.compile(
    r"<(?:a|img)\s[^<>]*?(?:href|src)\s*=\s*[\"']?([^\"'\s<>]+)[^<>]*>", re.IGNORECASE
)
_anchor_tags: Final = re.compile(r"</?a(?:\s[^<>]*)?>", re.IGNORECASE)
_raised: Final = re.compile(r"<sup>", re.IGNORECASE)
_dropped: Final = re.compile(r"<!--.{0,2000}?-->|</sup>", re.DOTALL | re.IGNORECASE)

_CELL_GAP: Final = "; "  # a bar would cost two septets
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    is_code: bool = False


_GAP: Final = _Line("")


def plain(markdown: str) -> str:
    """Return `markdown` as plain text with LF line ends, trimmed; empty when nothing is visible.

    A link becomes "label (address)", or the address alone when both are the same; a bullet "- ";
    a table row its cells with "; " between. Text without Markdown passes as it is, but for its
    line ends, its ends and more than two line breaks in a row.
    """
    text = _line_ends.sub("\n", markdown)
    if not _marked_up(text):
        return _tidy(text)
    references: dict[str, Any] = {}
    tree = SyntaxTreeNode(_parser().parse(text, references))
    lines = _blocks(tree.children, text.split("\n"))
    rendered = "\n".join(line.text for line in lines)
    return _tidy("\n".join([rendered, *_unused(references, rendered)]))


def is_blank(text: str) -> bool:
    """True when nothing of `text` would show on a phone: no message is made of it (B064)."""
    return not any(character.isprintable() and not character.isspace() for character in text)


def tidy(text: str) -> str:
    """Plain text as it will be sent: LF line ends, no more than one blank line, trimmed (B064)."""
    return _tidy(_line_ends.sub("\n", text))


def _tidy(text: str) -> str:
    return _blank_lines.sub("\n\n", text.strip())


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "bare_url", _bare_url)
    parser.inline.ruler.before("emphasis", "literal_signs", _as_it_stands)
    return parser


def _bare_url(state: StateInline, silent: bool) -> bool:
    """Take an address as it stands, asterisks and underscores included (a rule of the parser)."""
    if state.src[state.pos] != ":" or not _scheme.search(state.src[: state.pos][-6:]):
        return False
    return _taken(state, _rest_of_url(state.src, state.pos, state.posMax), silent)


def _as_it_stands(state: StateInline, silent: bool) -> bool:
    """Take signs of emphasis inside a word as text (a rule of the parser)."""
    return _taken(state, _literal_signs(state.src, state.pos, state.posMax), silent)


def _taken(state: StateInline, found: re.Match[str] | None, silent: bool) -> bool:
    if found is None:
        return False
    if not silent:
        state.pending += found[0]
    state.pos = found.end()
    return True


def _unused(references: Mapping[str, Any], rendered: str) -> Iterator[str]:
    """Yield link definitions nothing refers to: agents list their sources so."""
    for label, reference in references.get("references", {}).items():
        address = reference["href"]
        if address and address not in rendered:
            yield f"[{label}]: {address}"


def _blocks(nodes: Iterable[SyntaxTreeNode], source: list[str]) -> list[_Line]:
    """Render blocks one under the other, with a blank line where the source has one."""
    lines: list[_Line] = []
    apart = False
    for node in nodes:
        block = _block(node, source)
        if block and lines and (apart or _after_blank(node, source)):
            lines.append(_GAP)
        apart = node.type == "hr" or (apart and not block)
        lines.extend(block)
    return lines


def _after_blank(node: SyntaxTreeNode, source: list[str]) -> bool:
    first = node.map[0] if node.map else 0
    return first > 0 and not source[first - 1].strip(" \t>")


def _block(node: SyntaxTreeNode, source: list[str]) -> list[_Line]:
    match node.type:
        case "fence" | "code_block":
            return [_Line(line, is_code=True) for line in node.content.rstrip("\n").split("\n")]
        case "bullet_list":
            return _items(node, ("- " for _ in node.children), source)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            marks = (f"{first + i}{node.markup} " for i in range(len(node.children)))
            return _items(node, marks, source)
        case "table":
            rows = (row for part in node.children for row in part.children)
            return [_Line(_CELL_GAP.join(map(_inline, row.children))) for row in rows]
        case "hr":
            return []
        case "html_block":
            return _lines(_untagged(node.content))
        case "paragraph" | "heading" | "inline":
            return _lines(_inline(node))
        case _:  # a quote or any other container: what it holds
            return _blocks(node.children, source)


def _lines(text: str) -> list[_Line]:
    return [_Line(line) for line in text.strip().split("\n")]


def _items(node: SyntaxTreeNode, marks: Iterable[str], source: list[str]) -> list[_Line]:
    lines: list[_Line] = []
    for item, mark in zip(node.children, marks, strict=True):
        if lines and _after_blank(item, source):
            lines.append(_GAP)
        block = _blocks(item.children, source) or [_GAP]
        if block[0].is_code:
            block.insert(0, _GAP)
        lines.append(_Line((mark + block[0].text).rstrip()))
        lines.extend(map(_indented, block[1:]))
    return lines


def _indented(line: _Line) -> _Line:
    """Code keeps its lines as they are, so that it can be copied out of the message."""
    return line if line.is_code or not line.text else _Line(_INDENT + line.text)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text" | "text_special" | "code_inline":
            return node.content
        case "softbreak" | "hardbreak":
            return "\n"
        case "html_inline":
            return _untagged(node.content)
        case "link":
            return _linked(_children(node), str(node.attrs.get("href", "")))
        case "image":
            return _linked(_children(node), str(node.attrs.get("src", "")))
        case _:
            return _children(node)


def _children(node: SyntaxTreeNode) -> str:
    return "".join(map(_inline, node.children))


def _linked(label: str, address: str) -> str:
    shown = re.sub(r"^(?:mailto|tel):", "", address, flags=re.IGNORECASE)
    bare = re.sub(r"^https?://", "", shown).rstrip("/")
    if not shown or label == shown:
        return label
    # A parser percent-encodes an address; the reader's own spelling of it is not a second one.
    if not label.strip() or label.rstrip("/") == bare:
        return shown
    return f"{label} ({shown})"


def _untagged(html: str) -> str:
    """Take out the tags that only concern looks; keep addresses and unknown tags."""
    text = _raised.sub("^", _dropped.sub("", html))
    text = _anchor_tags.sub("", _address_tags.sub(r"(\1) ", text))
    text = _item_tags.sub("- ", _opening_tags.sub("", _breaking_tags.sub("\n", text)))
    return unescape(_tags.sub("", text))
