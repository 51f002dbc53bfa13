"""tickets/builtin.py: there is nobody to ask."""

from __future__ import annotations

import pytest
from tickets_rig import errand, play

from ringfence.model.ticket import TicketAction
from ringfence.tickets import settings_of, systems
from ringfence.tickets.base import done


@pytest.mark.parametrize("action", list(TicketAction))
def test_everything_is_done_at_once(action: TicketAction) -> None:
    assert play("builtin", settings_of("builtin", {}), errand(action), []) == ([], done())


def test_it_alone_is_local() -> None:
    assert [name for name, system in sorted(systems().items()) if system.local] == ["builtin"]
