"""What strangers can make happen is logged seldom: the first of its kind in a minute, and with the
next line that is logged, how many were passed over. Reads no clock and keeps little."""

from __future__ import annotations

import logging

# Of different kinds (a stranger may have many addresses), so that the log is bounded at all.
LINES_PER_MINUTE = 100


class Seldom:
    def __init__(self) -> None:
        self._minute = -1
        self._kinds: set[str] = set()
        self._passed_over = 0

    def due(self, kind: str, unix_s: float) -> int | None:
        """None: pass this one over. Otherwise how many were passed over since the last one."""
        minute = int(unix_s) // 60
        if minute != self._minute:
            self._minute = minute
            self._kinds.clear()
        if kind in self._kinds or len(self._kinds) >= LINES_PER_MINUTE:
            self._passed_over += 1
            return None
        self._kinds.add(kind)
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over


class SeldomFilter(logging.Filter):
    """The same for a logger whose calls are not ours: one record a minute of each wording."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom()

    def filter(self, record: logging.LogRecord) -> bool:
        raised = record.exc_info[0] if record.exc_info else None
        kind = f"{record.msg} {raised.__name__ if raised else ''}"
        passed_over = self._seldom.due(kind, record.created)
        if passed_over:
            record.not_logged = passed_over
        return passed_over is not None
