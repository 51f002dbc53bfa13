"""Lint a template: everything about it that would mislead a person, cost more than its author
thinks, or leave a hole for whoever fills it.

Pure: a template in, findings out. An ERROR means that the template is not used at all.
It must never judge by values somebody sent; render does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.template import (
    Field,
    FieldKind,
    Finding,
    Severity,
    Template,
    template_digest,
)
from ringfence.text.content import scan
from ringfence.text.fields import line_fault, links, on_host, value_text
from ringfence.text.plain import is_blank, tidy
from ringfence.text.reply_words import reply_words, says_how_to_stop
from ringfence.text.segments import Encoding, count, smart_encode
from ringfence.text.templates import (
    FIELD_NAME,
    added_links,
    bare,
    fill_in,
    placeholders,
    stray_braces,
)

TEXT_LENGTH_MAX: Final = 1_600
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?", re.ASCII)
_DISCLOSING: Final = frozenset({Category.MARKETING})
# A text with more odd letters than this share is in a script of its own; UCS-2 is no surprise there.
_SURPRISE_SHARE: Final = 0.1

_WAYS_MAX: Final = 1_000_000
_MAYBES_MAX: Final = 8
_atoms: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:[:=!]|<[=!])", re.DOTALL)
_repeats: Final = re.compile(r"[*+]|\{\d*,\d*\}")
_repeated_group: Final = re.compile(r"\)(?:[*+]|\{)")


def lint(template: Template, *, known_digest: str = "") -> tuple[Finding, ...]:
    """Everything worth telling, errors first. `known_digest` is what `template_digest` gave when
    this name and version were first used, where that is known."""
    found = [
        *_whole(template, known_digest),
        *(one for name, field in template.fields.items() for one in _field(template, name, field)),
        *(one for language in template.texts for one in _text(template, language)),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: -finding.severity))


def has_errors(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def sample_values(template: Template) -> dict[str, str]:
    """What a preview puts into fields nobody filled: the field's example, or one of its kind."""
    return {name: _sample(template, one) for name, one in template.fields.items()}


def longest_values(template: Template, language: str, letter: str = "W") -> dict[str, str]:
    """The longest each field may become in the text; texts are made of `letter`."""
    return {name: _longest(one, language, letter) for name, one in template.fields.items()}


# -- the template as a whole ----------------------------------------------------------------------


def _whole(template: Template, known_digest: str) -> Iterator[Finding]:
    if not template.texts:
        yield _error("texts", "there is no text; write one for at least one language")
    elif template.language not in template.texts:
        known = ", ".join(template.texts)
        yield _error("language", f"there is no text in {template.language} (there are: {known})")
    if known_digest and known_digest != template_digest(template):
        yield _error(
            "version",
            f"version {template.version} was used with another text or other fields; raise the "
            "version, so that a record names one text only",
        )
    for host in template.hosts:
        if _is_shortener(host):
            yield _error("hosts", f"{host} is a shortener; carriers filter such links")
    if template.category is Category.MARKETING and not template.programme:
        yield _error("programme", "marketing needs the programme people consented to")
    if _must_disclose(template) and not template.sender:
        yield _error("sender", f"{_why_disclose(template)} must say who writes; name the sender")
    used = {name for text in template.texts.values() for name in placeholders(text)}
    for name in template.fields:
        if name not in used and template.texts:
            yield _error(f"fields.{name}", f"no text has {{{name}}}; remove the field or use it")


def _must_disclose(template: Template) -> bool:
    return template.first or template.category in _DISCLOSING


def _why_disclose(template: Template) -> str:
    return "marketing" if template.category in _DISCLOSING else "a first message"


# -- one field ------------------------------------------------------------------------------------


def _field(template: Template, name: str, field: Field) -> Iterator[Finding]:
    where = f"fields.{name}"
    if not FIELD_NAME.fullmatch(name):
        yield _error(where, "a name of small letters, digits and underscores, at most 40")
    if field.max_length < 1 or field.minimum > field.maximum:
        yield _error(where, "no value fits its limits")
    if field.kind is FieldKind.URL and not template.hosts:
        yield _error("hosts", f"{{{name}}} takes addresses; name the hosts they may lead to")
    if field.kind is FieldKind.TEXT and not field.pattern and field.max_length > 160:
        yield _warning(where, "a text of more than a segment is as good as free text")
    yield from _choices(template, field, where)
    if field.default and not field.optional:
        yield _error(f"{where}.default", "only an optional field can be left out")
    if field.default and (fault := line_fault(field.default)):
        yield _error(f"{where}.default", f"it has {fault}")
    yield from _own_example(template, name, field)


def _choices(template: Template, field: Field, where: str) -> Iterator[Finding]:
    if field.kind is not FieldKind.CHOICE:
        return
    if not field.choices:
        yield _error(f"{where}.choices", "there is nothing to choose")
    said = [*field.choices, *(text for texts in field.labels.values() for text in texts.values())]
    for text in said:
        if is_blank(text) or "\n" in text or not text.isprintable():
            yield _error(f"{where}.choices", "a choice is one line of visible text")
    for language, labels in field.labels.items():
        if language not in template.texts:
            yield _error(f"{where}.labels.{language}", "there is no text in that language")
        for choice in sorted(set(labels) - set(field.choices)):
            yield _error(f"{where}.labels.{language}", f"{choice!r} is none of the choices")
        for choice in field.choices:
            if choice not in labels:
                yield _warning(f"{where}.labels.{language}", f"{choice!r} is not said in it")


def _own_example(template: Template, name: str, field: Field) -> Iterator[Finding]:
    if field.pattern:
        try:
            re.compile(field.pattern)
        except re.error as error:
            yield _error(f"fields.{name}.pattern", f"it is no regular expression: {error}")
            return
        if _is_slow(field):
            yield _error(
                f"fields.{name}.pattern", "a value could keep it busy for long; repeat less in it"
            )
    try:
        value_text(name, field, _sample(template, field), template.language, template.hosts)
    except InvalidField as error:
        if field.example:
            yield _error(f"fields.{name}.example", f"it would be refused: {error.detail}")
        elif field.pattern:
            yield _warning(f"fields.{name}.example", "give one, so that it can be previewed")


def _is_slow(field: Field) -> bool:
    """Whether a hostile value may keep a backtracking matcher busy: a repeated group, or so many
    repetitions that the ways to share a value out among them are countless."""
    bare_pattern = _atoms.sub("x", field.pattern)
    if _repeated_group.search(bare_pattern):
        return True
    repeats = len(_repeats.findall(bare_pattern))
    return bare_pattern.count("?") > _MAYBES_MAX or field.max_length**repeats > _WAYS_MAX


# -- one language ---------------------------------------------------------------------------------


def _text(template: Template, language: str) -> Iterator[Finding]:
    text, where = template.texts[language], f"texts.{language}"
    if not LANGUAGE.fullmatch(language):
        yield _error(where, "a language is written like en, de or es-MX")
    if is_blank(text):
        yield _error(where, "it is empty")
        return
    faults = [*_spelling(text, where), *_placeholders(template, language, where)]
    yield from faults
    if any(finding.severity is Severity.ERROR for finding in faults):
        return  # what follows puts values in
    yield from _links(template, language, where)
    yield from _answers(template, language, where)
    yield from _at_the_gate(template, language, where)
    yield from _disclosure(template, text, where)
    yield from _cost(template, language, where)


def _spelling(text: str, where: str) -> Iterator[Finding]:
    if len(text) > TEXT_LENGTH_MAX:
        yield _error(where, f"it has {len(text)} characters; at most {TEXT_LENGTH_MAX}")
    if tidy(text) != text:
        yield _error(where, "blank space at its ends, or more than one blank line in a row")
    if brace := stray_braces(text):
        yield _error(where, f"{brace} is no placeholder; write {{name}} and nothing else in braces")
    for line in text.split("\n"):
        fault = line_fault(line.strip() or "-")
        if fault.startswith(("an invisible", "a line break")):
            yield _error(where, f"it has {fault}")


def _placeholders(template: Template, language: str, where: str) -> Iterator[Finding]:
    here = set(placeholders(template.texts[language]))
    for name in sorted(here - template.fields.keys()):
        yield _error(where, f"{{{name}}} is no field; declare it under fields")
    everywhere = {name for text in template.texts.values() for name in placeholders(text)}
    for name in sorted((everywhere - here) & template.fields.keys()):
        others = [tag for tag, text in template.texts.items() if name in placeholders(text)]
        yield _error(where, f"{{{name}}} is missing here and stands in {', '.join(others)}")


def _links(template: Template, language: str, where: str) -> Iterator[Finding]:
    text = template.texts[language]
    # No example may hide what another value would do.
    values = _samples(template, language) | _plain_words(template)
    rendered = fill_in(text, values)
    for link in added_links(template, text, values, rendered):
        yield _error(where, f"a value would become a link there ({link}); put a space around it")
    own = {name: value for name, value in values.items() if not _is_url(template, name)}
    for link in links(fill_in(text, own | {name: " " for name in values if name not in own})):
        host = _host(bare(link))
        if _is_shortener(host):
            yield _error(where, f"{bare(link)} is a shortener's; carriers filter such links")
        elif not on_host(host, template.hosts):
            yield _error(where, f"{bare(link)} is on none of the template's hosts; name it there")
        elif bare(link).lower().startswith("http:"):
            yield _warning(where, f"{bare(link)} is plain http; phones warn of such links")


def _plain_words(template: Template) -> dict[str, str]:
    return {name: "Wally" for name, one in template.fields.items() if one.kind is FieldKind.TEXT}


def _host(link: str) -> str:
    """The host a link leads to, as far as it can be read; empty when it is of another kind."""
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _is_shortener(host: str) -> bool:
    return bool(scan(f"https://{host}/").shorteners)


def _is_url(template: Template, name: str) -> bool:
    return template.fields[name].kind is FieldKind.URL


def _answers(template: Template, language: str, where: str) -> Iterator[Finding]:
    """Reserved words as answers (C12): in the text, in each choice, and where a text field stands."""
    text, sample = template.texts[language], _samples(template, language)
    for said in _variants(template, language):
        for found in reply_words(fill_in(text, sample | said)):
            told = f"it asks for {found.said} as an answer: {found.why}"
            looks = f"{found.said} looks like an answer here: {found.why}"
            yield _error(where, told) if found.is_error else _warning(where, looks)
    said_anyway = len(reply_words(fill_in(text, sample)))
    for name, one in template.fields.items():
        asked = reply_words(fill_in(text, sample | {name: "stop"}))
        if one.kind is FieldKind.TEXT and len(asked) > said_anyway:
            yield _warning(
                where, f"{{{name}}} stands where an answer is named; use a code or a choice"
            )


def _variants(template: Template, language: str) -> Iterator[dict[str, str]]:
    """Every choice of every field, one field at a time."""
    yield {}
    for name, one in template.fields.items():
        for choice in one.choices:
            yield {name: value_text(name, one, choice, language)}


def _at_the_gate(template: Template, language: str, where: str) -> Iterator[Finding]:
    """What the content rule would say of the text alone, whatever the values."""
    blank = dict.fromkeys(template.fields, "")
    text = fill_in(template.texts[language], blank)
    content = scan(text)
    if content.secrets:
        kinds = ", ".join(content.secrets)
        yield _error(where, f"it seems to hold a secret ({kinds}), so the gate refuses it")
    if content.shaft:
        kinds = ", ".join(content.shaft)
        yield _warning(where, f"carriers filter such texts ({kinds}), so the gate may hold it")
    if content.reserved and not reply_words(text):
        words = ", ".join(content.reserved)
        yield _warning(where, f"the gate holds it for {words}; say it as: Reply STOP to opt out.")


def _disclosure(template: Template, text: str, where: str) -> Iterator[Finding]:
    names_sender = template.sender and template.sender.casefold() in text.casefold()
    if _must_disclose(template):
        if template.sender and not names_sender:
            yield _error(where, f"{_why_disclose(template)} must say who writes: {template.sender}")
        if not says_how_to_stop(text):
            yield _error(
                where,
                f"{_why_disclose(template)} must say how to stop, such as: Reply STOP to opt out.",
            )
    elif template.sender and not names_sender:
        yield _warning(where, f"it does not name {template.sender}")


def _cost(template: Template, language: str, where: str) -> Iterator[Finding]:
    text, most = template.texts[language], template.segments_max
    longest = count(fill_in(text, longest_values(template, language)))
    if longest.segments > most:
        yield _error(
            where,
            f"with the longest values it takes {longest.segments} segments; at most {most} "
            "(segmentsMax)",
        )
        return
    if longest.encoding is Encoding.UCS_2:
        yield from _surprise(text, where)
        return
    odd = count(fill_in(text, longest_values(template, language, "\U0001f600")))
    if odd.segments > most:
        yield _warning(
            where,
            f"long values with letters outside GSM-7 take up to {odd.segments} segments; those over "
            f"{most} are refused",
        )


def _surprise(text: str, where: str) -> Iterator[Finding]:
    """UCS-2 leaves 70 characters a segment: worth knowing when a quote or two are the reason."""
    odd = list(dict.fromkeys(s for s in text if count(s).encoding is Encoding.UCS_2))
    share = sum(sign in odd for sign in text) / len(text)
    if not odd or share > _SURPRISE_SHARE:
        return
    shown = " ".join(odd[:8])
    plain = smart_encode(text)
    hint = " Plain quotes, dashes and dots would do." if plain != text else ""
    yield _warning(where, f"{shown} make it UCS-2, 70 characters a segment instead of 160.{hint}")


# -- values ---------------------------------------------------------------------------------------


def _samples(template: Template, language: str) -> dict[str, str]:
    """The samples as they stand in a text."""
    written = {}
    for name, raw in sample_values(template).items():
        try:
            field = template.fields[name]
            written[name] = value_text(name, field, raw, language, template.hosts)
        except (InvalidField, re.error):
            written[name] = raw  # reported where examples are looked at
    return written


def _sample(template: Template, field: Field) -> str:
    if field.example:
        return field.example
    match field.kind:
        case FieldKind.CHOICE:
            return max(field.choices, key=len, default="")
        case FieldKind.PHONE:
            return "+15555550123"
        case FieldKind.URL:
            return f"https://{next(iter(template.hosts), 'example.com')}/a"[: field.max_length]
        case FieldKind.DATE:
            return "2026-12-24"
        case FieldKind.TIME:
            return "14:30"
        case FieldKind.INTEGER | FieldKind.AMOUNT:
            return _longest(field, "en", "W")
        case FieldKind.CODE:
            return "K7204"[: field.max_length]
        case FieldKind.TEXT:
            return "Sam Example"[: field.max_length].strip()


def _longest(field: Field, language: str, letter: str) -> str:
    match field.kind:
        case FieldKind.TEXT:
            return max(letter * field.max_length, field.default, key=len)
        case FieldKind.CODE:
            return "W" * field.max_length
        case FieldKind.URL:
            return "https://".ljust(field.max_length, "w")
        case FieldKind.PHONE:
            return "+155555501234567"
        case FieldKind.INTEGER:
            return max(str(int(field.minimum)), str(int(field.maximum)), key=len)
        case FieldKind.AMOUNT:
            ends = (f"{end:.{field.decimals}f}" for end in (field.minimum, field.maximum))
            return max(ends, key=len)
        case FieldKind.DATE:
            return "2026-12-24"
        case FieldKind.TIME:
            return "14:30"
        case FieldKind.CHOICE:
            said = (value_text("choice", field, one, language) for one in field.choices)
            return max(said, key=len, default="")


def _error(where: str, text: str) -> Finding:
    return Finding(Severity.ERROR, where, text)


def _warning(where: str, text: str) -> Finding:
    return Finding(Severity.WARNING, where, text)
