"""What Twilio's errors about a sender's registration mean, who can mend them and how, as one table
for people: `ringfence doctor --code`. Says nothing about retries; `twilio_errors` does. Names and
causes as the vendor's error pages have them (facts 2.6; twilio.com/docs/api/errors, read 2026-11),
but 30033, 30035 and 30037, whose pages were not to be had: their words are secondhand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfence.providers.explaining import Explainer, Explanation
from ringfence.providers.twilio_errors import MEANINGS, meaning

ERRORS_PAGE = "https://www.twilio.com/docs/api/errors"


# Segments a day to T-Mobile's subscribers, by the tier of the brand (Usa2p's rate_limits.tmobile
# .brand_tier; sole proprietors and low volume: facts 2.6; the tiers between: clickatell.com, 10DLC
# throughput). The cap is the brand's, over all its campaigns and vendors, and ends at midnight
# Pacific time (docs.bird.com, 10DLC daily caps).
TIERS: Mapping[str, int] = {
    "LOW": 2_000,
    "LOWER_MID": 10_000,
    "UPPER_MID": 40_000,
    "TOP": 200_000,
}
SOLE_PROPRIETOR_SEGMENTS = 1_000

_YOU = "you, in the provider's console"
_PROVIDER = "the provider and the carriers; you wait"
_WORDS: Mapping[int, tuple[str, str, str]] = {
    21608: (
        "The account is a trial: it writes to numbers you have verified, and to nobody else.",
        _YOU,
        "Upgrade the account, or verify the recipient's number there. Verified recipients are few.",
    ),
    30007: (
        "A carrier, or the provider, filtered the text as unwanted. Texts from a sender without "
        "registration, with shortened links, or unlike the registered samples are filtered first.",
        "you: what is sent and how the sender is registered",
        "Look whether the campaign is verified and the text is like its samples; use links of your "
        "own domain; stop until you know. With three message SIDs the provider's support can look.",
    ),
    30022: (
        "Texts left faster than the carriers take them from this 10DLC campaign.",
        "nobody: Ringfence tries again later",
        "When it is frequent, lower policy.lineVolume.minute, or ask for a higher trust score.",
    ),
    30023: (
        "The day's 10DLC segments are used up.",
        "nobody today: Ringfence tries again later",
        "Set a2p.dailySegments, so that doctor warns before; for more, have the brand vetted.",
    ),
    30024: (
        "A carrier does not know the sender yet, or no more: right after a registration, after a "
        "port of the recipient's number, or when it took the sender off.",
        _PROVIDER,
        "Wait a day after a registration. When it goes on, give the provider's support three "
        "message SIDs that ended with this code.",
    ),
    30026: (
        "70 % of the brand's T-Mobile segments of the day are used: a warning, nothing failed.",
        "nobody yet",
        "Spread what can wait over the next days; for more, have the brand vetted.",
    ),
    30027: (
        "The brand's T-Mobile segments of the day are used up. Other carriers' people are reached.",
        "nobody today: T-Mobile counts anew after midnight Pacific time",
        "Set a2p.dailySegments, so that doctor warns before; for more, have the brand vetted.",
    ),
    30032: (
        "The toll-free number is not verified, or its verification is pending or was rejected: "
        "what it sends to the United States and Canada is blocked.",
        _YOU,
        "Submit a toll-free verification for the number, or mend a rejected one within its seven "
        "days. Send nothing from it until it is approved.",
    ),
    30033: (
        "The 10DLC campaign is suspended.",
        "you, with the provider's support",
        "Read what the provider wrote about it; nothing but that lifts it. Stop the line meanwhile.",
    ),
    30034: (
        "The text left from a US 10-digit number that is in no approved 10DLC campaign: "
        "carriers in the United States take nothing from it.",
        _YOU,
        "Register a brand and a campaign, put the number into the campaign's Messaging Service, and "
        "wait until the campaign is verified. Until then use a verified toll-free number.",
    ),
    30035: (
        "The number is in an approved 10DLC campaign, but is still being set up at the carriers.",
        _PROVIDER,
        "Wait a day after the number was added. Do not take it out and put it in again: that starts "
        "anew. When it goes on, ask the provider's support.",
    ),
    30037: (
        "Sending messages is switched off for this account.",
        "you, with the provider's support",
        "Read what the provider wrote to you, and ask its support what it needs.",
    ),
}


class _Twilio:
    name = "twilio"

    def explain(self, code: int) -> Explanation:
        """What there is to say; for a code outside the table what `twilio_errors` has."""
        page = f"{ERRORS_PAGE}/{code}"
        if code in _WORDS:
            means, who, do = _WORDS[code]
            return Explanation(code, means, who, do, page, registration=True)
        if code not in MEANINGS:
            return Explanation(
                code, "Ringfence does not know this code.", "", "Read its page.", page
            )
        known = meaning(code)
        return Explanation(code, known.means, "", known.do, page)

    def codes(self) -> Sequence[int]:
        return sorted(_WORDS)


EXPLAINER: Explainer = _Twilio()
