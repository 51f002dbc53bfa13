"""Render a template: its text in one language, the fields replaced by checked values.

A placeholder is `{name}` and nothing more; values are put in once and never read again. Whatever
does not fit is refused by its field's name.
It must never let a value bring in what its field's kind does not allow: a line, a link, a word that
stops or starts messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ringfence.model.errors import InvalidField
from ringfence.model.template import Field, FieldKind, Template
from ringfence.text.fields import links, value_text
from ringfence.text.plain import tidy
from ringfence.text.reply_words import reply_words
from ringfence.text.segments import count

FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_placeholder: Final = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}", re.ASCII)
_before_sign: Final = re.compile(r" +(?=[.,;:!?)\n]|$)")
_line_start: Final = re.compile(r"^ +", re.MULTILINE)
_many: Final = re.compile(r" {2,}")
# Kinds whose values are of such plain characters that they may be a part of an operator's link.
_LINKABLE: Final = frozenset({FieldKind.CODE, FieldKind.INTEGER, FieldKind.URL})


def render(template: Template, language: str, values: Mapping[str, object]) -> str:
    """The text a person gets. `language` may be one the template does not have. Raises InvalidField
    for a field that is unknown, missing, of another kind, too long or out of its range."""
    chosen = choose_language(template, language)
    _known_only(template, values)
    written = {
        name: _written(template, name, field, values, chosen)
        for name, field in template.fields.items()
    }
    text = template.texts[chosen]
    rendered = fill_in(text, written)
    _judge(template, text, written, rendered)
    return rendered


def choose_language(template: Template, wanted: str) -> str:
    """The very language, else the language without its region (`de` for `de-AT`), else the
    template's own. Tags are compared without regard to case."""
    by_tag = {tag.casefold(): tag for tag in template.texts}
    tag = wanted.replace("_", "-").casefold()
    return by_tag.get(tag) or by_tag.get(tag.partition("-")[0]) or template.language


def placeholders(text: str) -> list[str]:
    """The names of the placeholders in `text`, in order, repetitions included."""
    return _placeholder.findall(text)


def stray_braces(text: str) -> str:
    """The first thing with a brace in `text` that is no placeholder; empty when there is none."""
    found = re.search(r"\{[^{}\s]{0,40}\}?|\}", _placeholder.sub("", text))
    return found[0] if found else ""


def fill_in(text: str, written: Mapping[str, str]) -> str:
    """One pass over the template's own text; a value is never looked into. Where an optional value
    is empty, the gap it leaves in that text is closed."""
    if not all(written[name] for name in placeholders(text)):
        left = _placeholder.sub(lambda found: found[0] if written[found[1]] else "", text)
        text = tidy(_line_start.sub("", _before_sign.sub("", _many.sub(" ", left))))
    return _placeholder.sub(lambda found: written[found[1]], text)


def _known_only(template: Template, values: Mapping[str, object]) -> None:
    unknown = sorted(str(name) for name in values if name not in template.fields)
    if unknown:
        known = ", ".join(template.fields) or "none"
        shown = ", ".join(f"`{name[:40]}`" for name in unknown[:5])
        raise InvalidField(f"{shown} is no field of {template.label}. Its fields: {known}.")


def _written(
    template: Template, name: str, field: Field, values: Mapping[str, object], language: str
) -> str:
    value = values.get(name)
    if value is None or (field.optional and value == ""):
        if not field.optional:
            raise InvalidField(f"`{name}` is missing; {template.label} needs it.")
        return field.default
    return value_text(name, field, value, language, template.hosts)


def _judge(template: Template, text: str, written: Mapping[str, str], rendered: str) -> None:
    """What only the whole shows: values and text that make a link, a reply word or a long text
    together."""
    if added := added_links(template, text, written, rendered):
        raise InvalidField(f"`{_culprit(written, added[0])}` makes a link of the text around it.")
    for found in reply_words(rendered):
        if found.is_error and found.word not in {word.word for word in reply_words(text)}:
            name = _culprit(written, found.said)
            raise InvalidField(f"`{name}` asks for {found.said} as an answer: {found.why}.")
    segments = count(rendered).segments
    if segments > template.segments_max:
        name = max(written, key=lambda one: len(written[one]), default="text")
        raise InvalidField(
            f"`{name}` makes the text {segments} segments long; {template.label} takes at most "
            f"{template.segments_max}."
        )


def added_links(
    template: Template, text: str, written: Mapping[str, str], rendered: str
) -> list[str]:
    """Links of the rendered text that neither the template's own text nor a URL field has."""
    plain = {
        name: value if template.fields[name].kind in _LINKABLE else " "
        for name, value in written.items()
    }
    allowed = set(map(bare, links(fill_in(text, plain))))
    return [one for one in links(rendered) if bare(one) not in allowed]


def bare(link: str) -> str:
    """A link without the punctuation of the sentence it stands in."""
    return link.strip(".,;:!?()\"'\u3002")


def _culprit(written: Mapping[str, str], piece: str) -> str:
    """The field whose value has most to do with `piece`: most of it is its value's."""
    low = piece.casefold()
    share = {
        name: len(value) for name, value in written.items() if value and value.casefold() in low
    }
    if share:
        return max(share, key=lambda name: share[name])
    return next((name for name, value in written.items() if low in value.casefold()), "text")
