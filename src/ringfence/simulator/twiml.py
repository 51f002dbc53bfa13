"""Reads what a webhook answers. Only the messaging verbs exist here; any other element is refused,
as the carrier's schema check would (twiml-verbs.json). Pure; no entity or DTD is ever expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

# Verb -> what may stand inside it, and its attributes.
CHILDREN: Final = {
    "": frozenset(("Response",)),
    "Response": frozenset(("Message", "Redirect")),
    "Message": frozenset(("Body", "Media")),
    "Body": frozenset[str](),
    "Media": frozenset[str](),
    "Redirect": frozenset[str](),
}
ATTRIBUTES: Final = {
    "Message": frozenset(("action", "from", "method", "statusCallback", "to")),
    "Redirect": frozenset(("method",)),
}
_XML_TYPES: Final = ("text/xml", "application/xml", "text/html")


@dataclass(slots=True)
class Reply:
    """One <Message>: what to send back, and where to report on it."""

    body: str = ""
    media_urls: list[str] = field(default_factory=list)
    to: str = ""
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the carrier is to do; `error_code` when the document is no good (then nothing is)."""

    replies: tuple[Reply, ...] = ()
    redirect: str = ""
    error_code: int | None = None
    error: str = ""


def read(status: int, content_type: str, content: bytes) -> Answer:
    """The meaning of a 2xx answer to a message webhook."""
    kind = content_type.partition(";")[0].strip().lower()
    if not content.strip():
        # An empty 200 without a content type is logged as a 502; 204 is the way to say nothing
        # (messaging-providers.md 2.3).
        if status == 204 or kind in _XML_TYPES:
            return Answer()
        return Answer(error_code=11200, error="empty answer without a document (502)")
    if kind == "text/plain":
        return Answer(replies=(Reply(body=content.decode("utf-8", "replace")),))
    if kind not in _XML_TYPES:
        return Answer(error_code=12300, error=f"content type {kind or 'missing'}")
    return _Reader().read(content)


class _Refused(Exception):
    """The document is not messaging TwiML."""


class _Reader:
    def __init__(self) -> None:
        self._path: list[str] = [""]
        self._text = ""
        self._replies: list[Reply] = []
        self._redirect = ""

    def read(self, content: bytes) -> Answer:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            return Answer(error_code=12100, error=str(error))
        except _Refused as refused:
            return Answer(error_code=12200, error=str(refused))
        return Answer(replies=tuple(self._replies), redirect=self._redirect)

    def _doctype(self, *_: object) -> None:
        raise _Refused("a document type is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._path[-1]
        if name not in CHILDREN[parent]:
            raise _Refused(f"<{name}> is not allowed in <{parent or 'document'}>")
        if unknown := attributes.keys() - ATTRIBUTES.get(name, frozenset()):
            raise _Refused(f"<{name}> has no attribute {', '.join(sorted(unknown))}")
        if name == "Message":
            self._replies.append(
                Reply(
                    to=attributes.get("to", ""),
                    status_callback=attributes.get("statusCallback", ""),
                )
            )
        self._path.append(name)
        self._text = ""

    def _characters(self, text: str) -> None:
        self._text += text

    def _end(self, name: str) -> None:
        self._path.pop()
        text = self._text.strip()
        match name:
            case "Message" if text and not self._replies[-1].body:
                self._replies[-1].body = text
            case "Body":
                self._replies[-1].body = text
            case "Media":
                self._replies[-1].media_urls.append(text)
            case "Redirect":
                self._redirect = text
            case _:
                pass
        self._text = ""
