"""What people are told first, as the configuration says it or by the purpose."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.config.disclosures import default_words, left_out
from ringfence.model.line import Purpose
from ringfence.text.content import scan
from ringfence.text.segments import count
from ringfence.text.topics import find_topics


def sms(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": keys}}


@pytest.mark.parametrize("purpose", [Purpose.INTAKE, Purpose.NOTIFY])
def test_the_default_words_say_all_that_must_be_said(purpose: Purpose) -> None:
    words = default_words(purpose, "Harbour Shop")
    assert words.startswith("Harbour Shop: ")
    assert "automatically" in words
    assert left_out(words) == []
    counted = count(words)
    assert (counted.encoding.value, counted.segments <= 2) == ("GSM-7", True)
    assert (scan(words).hosts, find_topics(words)) == ((), ())


def test_a_hotline_owes_none(load_good: Any) -> None:
    (line,) = load_good().lines
    assert line.disclosure == ""
    assert load_good().loosened == ()


@pytest.mark.parametrize("purpose", ["intake", "notify"])
def test_the_purpose_brings_words_that_name_the_line(purpose: str, load_good: Any) -> None:
    settings = load_good(sms(purpose=purpose, name="Harbour Shop"))
    assert settings.lines[0].disclosure.startswith("Harbour Shop: ")
    assert not any("name is not set" in warning for warning in settings.warnings)
    nameless = load_good(sms(purpose=purpose))
    assert any("sms.name is not set" in warning for warning in nameless.warnings)


def test_help_must_name_somebody(load_good: Any) -> None:
    def warned(**keys: Any) -> bool:
        warnings = load_good(sms(purpose="intake", name="Shop", **keys)).warnings
        return any("helpText is not set" in warning for warning in warnings)

    assert warned(optOutReplies="ringfence")
    assert not warned()  # the provider's own answer says it
    assert not warned(optOutReplies="ringfence", helpText="Call Ann.")


def test_written_words_are_taken_and_what_they_leave_out_is_told(load_good: Any) -> None:
    settings = load_good(sms(disclosure=" Shop: automated. Reply STOP to end. "))
    assert settings.lines[0].disclosure == "Shop: automated. Reply STOP to end."
    assert "channels.sms.disclosure does not name HELP" in settings.warnings
    whole = load_good(sms(disclosure="Shop: automated. HELP for Ann, STOP to end."))
    assert not any("disclosure" in warning for warning in whole.warnings)


@pytest.mark.parametrize("written", ["", "  "])
def test_none_where_the_purpose_owes_one_is_a_loosening(written: str, load_good: Any) -> None:
    settings = load_good(sms(purpose="notify", disclosure=written))
    assert settings.lines[0].disclosure == ""
    assert settings.loosened == ("default: disclosure",)
    assert load_good(sms(disclosure=written)).loosened == ()
