"""What of an answer is said aloud."""

from __future__ import annotations

import json

import pytest

from ringfence.text.spoken import SpokenAnswer, spoken


@pytest.mark.proves("B140")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("At nine.", "At nine."),
        ("**At** _nine_.", "At nine."),
        ('{"spoken": "At nine."}', "At nine."),
        ('```json\n{"say": "At nine."}\n```', "At nine."),
        ('"At nine."', "At nine."),
        ("<think>They ask when.</think>At nine.", "At nine."),
        ("<thinking>never closed, never said", ""),
        ("Plan: look up the hours\nand answer\n\nAt nine.", "At nine."),
        ('{"spoken": ""}', ""),
        ('{"tool": "look_up"}', ""),
        ("", ""),
        ("{not json", "{not json"),
        ("At\nnine.", "At nine."),
    ],
)
def test_only_the_words_are_said(answer: str, said: str) -> None:
    assert spoken(answer) == SpokenAnswer(said)


def test_what_is_to_be_done_comes_beside_the_words() -> None:
    assert spoken('{"spoken": "Bye.", "hangUp": true}') == SpokenAnswer("Bye.", hang_up=True)
    assert spoken('{"say": "One moment.", "transferTo": "owner"}') == SpokenAnswer(
        "One moment.", transfer="owner"
    )


@pytest.mark.parametrize("whom", ["+15555550199", "a b", "", "x" * 65, 7])
def test_a_transfer_names_somebody_and_is_no_number(whom: object) -> None:
    assert spoken(json.dumps({"say": "Hm.", "transferTo": whom})).transfer == ""
    assert spoken(json.dumps({"say": "Hm.", "hangUp": whom})).hang_up is False
