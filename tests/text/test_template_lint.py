"""The linter finds what would mislead a person, cost more than meant, or leave a hole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField
from ringfence.model.template import Field, FieldKind, Severity, Template, template_digest
from ringfence.text import keyword_tables as tables
from ringfence.text.reply_words import REPLY_VERBS
from ringfence.text.template_lint import has_errors, lint, sample_values
from ringfence.text.templates import render

TEXT = Field(FieldKind.TEXT)


def template(text: str = "Hello {name}.", **changes: Any) -> Template:
    values: dict[str, Any] = {
        "name": "visit",
        "version": 3,
        "category": Category.TRANSACTIONAL,
        "texts": {"en": text},
        "language": "en",
        "fields": {"name": TEXT},
        **changes,
    }
    return Template(**values)


def plain(text: str, **changes: Any) -> Template:
    return template(text, **{"fields": {}, **changes})


def found(made: Template, known_digest: str = "") -> set[tuple[str, str]]:
    return {(one.severity.name, one.where) for one in lint(made, known_digest=known_digest)}


GOOD = [
    template(),
    plain("Your visit is tomorrow. Reply R to move it. Reply STOP to opt out."),
    template(texts={"en": "Hi {name}", "de": "Hallo {name}"}),
    plain("Example Clinic: flu shots. Reply STOP to opt out.", category=Category.MARKETING,
          programme="news", sender="Example Clinic"),
    plain("Ваш визит завтра."),
    plain("See https://example.com/a.", hosts=("example.com",)),
    template(fields={"name": Field(FieldKind.TEXT, pattern=r"[A-Z][a-z+*]+( [A-Z]\\+)?(?:-[0-9]{2,4})?", example="Anna-12")}),
    template("See {name}.", fields={"name": Field(FieldKind.URL)}, hosts=("example.com",)),
]  # fmt: skip


@pytest.mark.parametrize("made", GOOD, ids=lambda made: next(iter(made.texts.values())))
def test_good_templates_have_no_findings(made: Template) -> None:
    assert lint(made) == ()


ERRORS: list[tuple[Template, str]] = [
    (template(texts={}), "texts"),
    (template(language="de"), "language"),
    (plain(" "), "texts.en"),
    (plain("\u200b"), "texts.en"),
    (plain(" Hi"), "texts.en"),
    (plain("a\n\n\n\nb"), "texts.en"),
    (plain("Hi \u202eyou"), "texts.en"),
    (plain("Hi\x07"), "texts.en"),
    (plain("a" * 1601), "texts.en"),
    (template(texts={"english": "Hi {name}"}, language="english"), "texts.english"),
    # Fields.
    (plain("Hi {name}"), "texts.en"),
    (template("Hi"), "fields.name"),
    (template("Hi { name }, {name}"), "texts.en"),
    (template("Hi {name!r}, {name}"), "texts.en"),
    (template("Hi {name.x}, {name}"), "texts.en"),
    (template("Hi {{name}}, {name}"), "texts.en"),
    (template("Hi {name}}"), "texts.en"),
    (template("Hi {Name}, {name}"), "texts.en"),
    (template(texts={"en": "Hi {name}", "de": "Hallo"}), "texts.de"),
    (template(fields={"name": Field(FieldKind.CHOICE)}), "fields.name.choices"),
    (template(fields={"name": Field(FieldKind.CHOICE, choices=("a\nb",))}), "fields.name.choices"),
    (
        template(fields={"name": Field(FieldKind.CHOICE, choices=("a",), labels={"de": {"a": "b"}})}),
        "fields.name.labels.de",
    ),
    (
        template(fields={"name": Field(FieldKind.CHOICE, choices=("a",), labels={"en": {"c": "b"}})}),
        "fields.name.labels.en",
    ),
    (template(fields={"name": Field(FieldKind.URL)}), "hosts"),
    (template(fields={"name": Field(FieldKind.TEXT, max_length=0)}), "fields.name"),
    (template(fields={"name": Field(FieldKind.INTEGER, minimum=Decimal(2), maximum=Decimal(1))}), "fields.name"),
    (template(fields={"name": Field(FieldKind.TEXT, default="x")}), "fields.name.default"),
    (template(fields={"name": Field(FieldKind.TEXT, optional=True, default="a\nb")}), "fields.name.default"),
    (template(fields={"name": Field(FieldKind.TEXT, pattern="(")}), "fields.name.pattern"),
    *(
        (template(fields={"name": Field(FieldKind.TEXT, pattern=slow)}), "fields.name.pattern")
        for slow in ("(a+)+", "(?:a|a)*b", "(a*){3}", ".*.*.*.*x", "a{0,9}" * 5, "a?" * 9 + "a" * 9)
    ),
    (template(fields={"name": Field(FieldKind.DATE, example="soon")}), "fields.name.example"),
    # Links.
    (plain("See https://example.com/a"), "texts.en"),
    (plain("See example.com"), "texts.en"),
    (plain("See www.example.com", hosts=("other.example",)), "texts.en"),
    (plain("Write to a@example.com"), "texts.en"),
    (plain("Call tel:5555550123"), "texts.en"),
    (plain("See https://example.com.evil.example/", hosts=("example.com",)), "texts.en"),
    (template("See {name}.com"), "texts.en"),
    (template("Hi {name}.Your visit"), "texts.en"),
    (template("https://example.com/{name}", hosts=("example.com",)), "texts.en"),
    (
        template("https://{name}.example/", fields={"name": Field(FieldKind.CODE)}, hosts=("example.com",)),
        "texts.en",
    ),
    (plain("See https://bit.ly/3x"), "texts.en"),
    (plain("Hi", hosts=("bit.ly",)), "hosts"),
    (plain("Card 4111 1111 1111 1111 was declined"), "texts.en"),
    # Answers.
    (plain("Reply YES to confirm"), "texts.en"),
    (plain("Reply STOP to cancel the visit"), "texts.en"),
    (
        template("Reply {name} to confirm", fields={"name": Field(FieldKind.CHOICE, choices=("1", "yes"))}),
        "texts.en",
    ),
    (
        template("Reply {name} to confirm", fields={"name": Field(
            FieldKind.CHOICE, choices=("1",), labels={"en": {"1": "Cancel"}})}),
        "texts.en",
    ),
    # Disclosure.
    (plain("Sale! Reply STOP to opt out.", category=Category.MARKETING, programme="p"), "sender"),
    (plain("Sale! Reply STOP to opt out.", category=Category.MARKETING, programme="p", sender="Shop"), "texts.en"),
    (plain("Shop: sale!", category=Category.MARKETING, programme="p", sender="Shop"), "texts.en"),
    (plain("Shop: sale! Reply STOP to opt out.", category=Category.MARKETING, sender="Shop"), "programme"),
    (plain("Shop here.", first=True, sender="Shop"), "texts.en"),
    (plain("Hello. Reply STOP to opt out.", first=True), "sender"),
    # Cost.
    (plain("a" * 161, segments_max=1), "texts.en"),
    (plain("ж" * 71, segments_max=1), "texts.en"),
    (template("{name}" + "a" * 121, segments_max=1), "texts.en"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "where"), ERRORS, ids=[f"{n}-{where}" for n, (_, where) in enumerate(ERRORS)]
)
def test_errors_are_found_where_they_are(made: Template, where: str) -> None:
    findings = lint(made)
    assert {one.where for one in findings if one.severity is Severity.ERROR} == {where}
    assert has_errors(findings)


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (plain("It\u2019s tomorrow, see you then."), "texts.en"),
        (template("Hi {name} " + "a" * 100, segments_max=1), "texts.en"),
        (template("Reply {name} to confirm"), "texts.en"),
        (plain("See http://example.com/a", hosts=("example.com",)), "texts.en"),
        (plain("Your visit is tomorrow.", sender="Example Clinic"), "texts.en"),
        (plain("CANCEL to cancel"), "texts.en"),
        (plain("Happy hour: whiskey for two"), "texts.en"),
        (template(fields={"name": Field(FieldKind.TEXT, pattern="[0-9]")}), "fields.name.example"),
        (template(fields={"name": Field(FieldKind.TEXT, max_length=200)}, segments_max=9), "fields.name"),
        (
            template(fields={"name": Field(FieldKind.CHOICE, choices=("a", "b"), labels={"en": {"a": "x"}})}),
            "fields.name.labels.en",
        ),
    ],
)  # fmt: skip
def test_warnings_leave_it_usable(made: Template, where: str) -> None:
    assert found(made) == {("WARNING", where)}
    assert not has_errors(lint(made))


def test_a_surprise_names_the_sign_and_the_way_out() -> None:
    [warning] = lint(plain("It\u2019s tomorrow, see you then."))
    assert "\u2019" in warning.text
    assert "Plain quotes" in warning.text


@pytest.mark.proves("C12")
@pytest.mark.parametrize("tongue", sorted(REPLY_VERBS))
def test_reserved_words_are_no_answers_in_any_language_pack(tongue: str) -> None:
    """The words of every pack, asked for in this pack's words."""
    reserved = [
        word
        for table in (tables.OPT_OUT, tables.OPT_IN, tables.OPT_IN_YES, tables.HELP)
        for words in table.values()
        for word in words
    ]
    for verb in REPLY_VERBS[tongue]:
        for word in reserved:
            text = f"Ok {{name}}: {verb} {word.upper()}"
            assert found(template(texts={tongue: text}, language=tongue)) == {
                ("ERROR", f"texts.{tongue}")
            }, text


def test_another_text_under_the_same_version_is_an_error() -> None:
    before = template_digest(template())
    assert found(template(), before) == set()
    assert found(template("Hi {name}."), before) == {("ERROR", "version")}


@pytest.mark.parametrize("kind", FieldKind)
def test_samples_can_be_rendered(kind: FieldKind) -> None:
    made = template(
        texts={"en": "It is {name}", "de": "Es ist {name}"},
        fields={"name": Field(kind, choices=("a", "bb") if kind is FieldKind.CHOICE else ())},
        hosts=("example.com",),
    )
    assert lint(made) == ()
    sample = sample_values(made)
    assert render(made, "en", sample) == f"It is {sample['name']}"
    assert render(made, "de", sample).startswith("Es ist ")
    with pytest.raises(InvalidField):
        render(made, "en", {})
