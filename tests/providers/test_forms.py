"""Forms both ways, against the standard library's reading."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.providers import forms


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=40)), max_size=20))
def test_what_is_encoded_is_read_back(fields: list[tuple[str, str]]) -> None:
    encoded = forms.encode(fields)
    assert list(forms.decode(encoded.encode())) == fields
    assert list(forms.decode(encoded)) == fields
    assert parse_qsl(encoded, keep_blank_values=True, max_num_fields=None) == fields


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", ()),
        (b"&&", ()),
        (b"a", (("a", ""),)),
        (b"=", (("", ""),)),
        (b"a=1&a=2&a=1", (("a", "1"), ("a", "2"), ("a", "1"))),
        (b"a=b=c", (("a", "b=c"),)),
        (b"a+b=c+d%2B%2b", (("a b", "c d++"),)),
        (b"%41=%e2%82%AC", (("A", "€"),)),
        ("é=ü".encode(), (("é", "ü"),)),
        (b"a=1;b=2", (("a", "1;b=2"),)),
        (b"a=%00", (("a", "\0"),)),
    ],
)
def test_readings(raw: bytes, fields: tuple[tuple[str, str], ...]) -> None:
    assert forms.decode(raw) == fields


@pytest.mark.parametrize(
    "raw",
    [
        *(b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=% 1", b"a=%+1", b"a=%\xd9\xa1\xd9\xa1"),
        *(b"a=%ff", b"a=\xff", b"a=%c3", b"a=%ed%a0%80", b"a=%c0%80"),
        b"&".join([b"a=1"] * (forms.FIELDS_MAX + 1)),
        "a=%41\ud800",
    ],
)
def test_what_is_broken_is_refused(raw: bytes | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds; that it is one is the contract
        forms.decode(raw)
