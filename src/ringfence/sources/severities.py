"""Other systems' words for how bad it is, in our four. Must never turn a word it does not know into
something mild: an alert nobody can place is an error."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence.model.event import Severity

_WORDS: Mapping[Severity, str] = {
    Severity.CRITICAL: (
        "critical crit fatal emergency emerg alert page disaster urgent blocker "
        "p0 p1 sev0 sev1 s1 sev-0 sev-1"
    ),
    Severity.ERROR: "error err high major severe p2 sev2 s2 sev-2",
    Severity.WARNING: "warning warn medium moderate minor average p3 sev3 s3 sev-3",
    Severity.INFO: (
        "info information informational notice low debug trace none ok sample "
        "p4 p5 sev4 sev5 s4 s5 sev-4 sev-5"
    ),
}
_BY_WORD = {word: severity for severity, words in _WORDS.items() for word in words.split()}


def severity_of(word: str, otherwise: Severity = Severity.ERROR) -> Severity:
    """What a word in anybody's spelling means; `otherwise` for none and for unknown ones."""
    return _BY_WORD.get(word.strip().lower(), otherwise)


def severity_of_number(number: int) -> Severity:
    """OpenTelemetry's SeverityNumber (logs data model): 1 trace, 5 debug, 9 info, 13 warn, 17 error,
    21 fatal, each four steps wide."""
    if number >= 21:
        return Severity.CRITICAL
    if number >= 17:
        return Severity.ERROR
    return Severity.WARNING if number >= 13 else Severity.INFO
