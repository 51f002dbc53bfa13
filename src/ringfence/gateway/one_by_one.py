"""One bad row must not stop a stage: what fails together is done apart, so that the others have their
turn; then the failure is raised all the same, and the row stays for the self-audit to find."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ringfence.model.errors import StoreError

K = TypeVar("K")


async def together_or_apart(
    together: Callable[[], Awaitable[object]],
    keys: Callable[[], Awaitable[Iterable[K]]],
    alone: Callable[[K], Awaitable[object]],
) -> None:
    """`together` does all in one transaction; where it fails, `alone` does each of `keys` in one of its
    own. Raises the first failure, once all had their turn; StoreError at once."""
    try:
        await together()
        return
    except StoreError:
        raise
    except Exception as error:
        all_at_once = error
    each = list(await keys())
    faults = [] if each else [all_at_once]
    for key in each:
        try:
            await alone(key)
        except StoreError:
            raise
        except Exception as error:
            faults.append(error)
    if faults:
        raise faults[0]
