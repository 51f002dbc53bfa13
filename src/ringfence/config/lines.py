"""One account's keys become one Line: numbers are read, secrets resolved, addresses judged. What
cannot be right is a problem; what is right but cannot run yet (no secret, no public address) blocks
this line only, with a reason (B106, B107)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ringfence.config.accounts import DEFAULT_ACCOUNT, Account
from ringfence.config.credentials import (
    API_BASE_URLS,
    SENDER_POOLS,
    CredentialMaker,
    provider_of,
)
from ringfence.config.disclosures import default_words, left_out
from ringfence.config.names import snake_keys
from ringfence.config.numbers import read_number
from ringfence.config.problems import MISSING, Problems, join_path
from ringfence.config.reach import is_loopback, unreachable
from ringfence.config.secrets import SecretResolver
from ringfence.model.errors import InvalidNumber
from ringfence.model.line import (
    AccessPolicy,
    InboundLimits,
    Line,
    MediaLimits,
    OptOutReplies,
    Purpose,
)
from ringfence.model.phone import PhoneNumber
from ringfence.text.chunks import CHUNK_LIMIT_DEFAULT, CHUNK_LIMIT_MAX, chunk_limit

WEBHOOK_PATH = "/webhooks/sms"
TELNYX_MEDIA_BYTES_MAX = 1_000_000
# Of a text with characters outside GSM-7; what a text holds is not known here.
PLIVO_CHUNK_LIMIT_MAX = 737
_OPEN_PURPOSES = (Purpose.INTAKE, Purpose.NOTIFY)


@dataclass(slots=True)
class LineMaker:
    """What making a line needs from outside, and where findings go."""

    resolver: SecretResolver
    problems: Problems
    warnings: list[str]
    public_base_url: str | None
    agent_ids: tuple[str, ...]

    def make(self, account: Account) -> Line:
        """The line; wrong values go to `problems` and are replaced by defaults meanwhile."""
        values = account.values
        blocked: list[str] = []
        path = self._webhook_path(account)
        public_url = values.get("publicWebhookUrl") or below(self.public_base_url, path)
        api_base_url = self._api_base_url(account)
        purpose = Purpose(values.get("purpose", "hotline"))
        allowed, anyone = self._allow_from(account)
        maker = CredentialMaker(self.resolver, self.problems, self._warn)
        credentials = maker.make(account, blocked)
        if account.takes_texts:
            self._judge_reach(account, public_url, api_base_url, blocked)
        number = self._number(account, "fromNumber")
        pool = SENDER_POOLS[provider_of(account)]
        if number is None and pool not in values:
            sender = f"fromNumber or {pool}" if account.takes_texts else "fromNumber"
            blocked.append(f"no sender: set {sender}")
        return Line(
            id=account.id,
            provider=provider_of(account),
            credentials=credentials,
            number=number,
            service_id=values.get(pool),
            public_url=public_url,
            webhook_path=path,
            api_base_url=api_base_url,
            purpose=purpose,
            access=self._access(account, purpose, anyone),
            allow_from=allowed,
            allow_anyone=anyone or ("dmPolicy" not in values and purpose in _OPEN_PURPOSES),
            allow_to=self._numbers(account, "allowTo"),
            test_recipients=self._numbers(account, "testRecipients"),
            owners=self._owners(account),
            text_chunk_limit=self._chunk_limit(account),
            agent_id=self._agent_id(account),
            fallback=_fallback(account),
            default_to=self._number(account, "defaultTo"),
            disclosure=self._disclosure(account, purpose),
            enabled=account.enabled,
            blocked_reason="; ".join(blocked) or None if account.enabled else None,
            media=self._media(account),
            **_plain(values),
        )

    # -- addresses --------------------------------------------------------------------------------

    def _webhook_path(self, account: Account) -> str:
        raw = account.values.get("webhookPath", WEBHOOK_PATH)
        path = normalised_path(raw)
        if path is None:
            self.problems.add(
                account.path("webhookPath"),
                "a path such as /webhooks/sms, without query or ..",
                raw,
            )
        return path or WEBHOOK_PATH

    def _api_base_url(self, account: Account) -> str:
        default = API_BASE_URLS[provider_of(account)]
        url: str = account.values.get("apiBaseUrl", default)
        if url.lower().startswith("http:") and not is_loopback(url):
            self.problems.add(
                account.path("apiBaseUrl"), "https, or http on a loopback address only", url
            )
        return url

    def _judge_reach(
        self, account: Account, public_url: str | None, api_url: str, blocked: list[str]
    ) -> None:
        """B107: signatures are computed over the public URL, so checking needs one. B119: a real
        carrier cannot call a private address; a stand-in on this machine can."""
        if public_url is None:
            if not account.values.get("dangerouslyDisableSignatureValidation", False):
                blocked.append(
                    "no public address: set publicWebhookUrl (or gateway.publicBaseUrl), which "
                    "signatures are checked against"
                )
            return
        why = unreachable(public_url)
        if why and account.enabled and not is_loopback(api_url):
            self.problems.add(
                account.path("publicWebhookUrl"),
                f"an address the provider can reach from the internet (this is {why})",
                public_url,
            )
        elif public_url.lower().startswith("http:") and not why:
            self._warn(account, "publicWebhookUrl", "is plain http: attachments cannot be sent")

    # -- people -----------------------------------------------------------------------------------

    def _allow_from(self, account: Account) -> tuple[frozenset[str], bool]:
        entries: list[str | int] = account.values.get("allowFrom", [])
        anyone = any(str(entry).strip() == "*" for entry in entries)
        numbers = []
        for index, entry in enumerate(entries):
            if str(entry).strip() != "*":
                number = self._read(account, "allowFrom", entry, index)
                numbers += [number.e164] if number else []
        return frozenset(numbers), anyone

    def _access(self, account: Account, purpose: Purpose, anyone: bool) -> AccessPolicy:
        """`*` only together with open, and open requires it (facts 1.2)."""
        written = account.values.get("dmPolicy")
        default = "open" if purpose in _OPEN_PURPOSES else "pairing"
        access = AccessPolicy(written or default)
        if not {"dmPolicy", "allowFrom", "purpose"} & account.bad:
            if anyone and access is not AccessPolicy.OPEN:
                self.problems.add(
                    account.path("allowFrom"), '"*" only together with dmPolicy "open"', got='"*"'
                )
            if written == "open" and not anyone:
                self.problems.add(
                    account.path("allowFrom"),
                    'a list with "*", since dmPolicy is "open"',
                    got="none",
                )
        if access is AccessPolicy.OPEN and purpose is Purpose.HOTLINE:
            self._warn(account, "dmPolicy", "is open on a hotline: anyone may talk to the agent")
        return access

    def _owners(self, account: Account) -> tuple[PhoneNumber, ...]:
        entries: list[str | int] = account.values.get("owners", [])
        read = [self._read(account, "owners", entry, index) for index, entry in enumerate(entries)]
        return tuple(dict.fromkeys(number for number in read if number is not None))

    def _numbers(self, account: Account, key: str) -> frozenset[str]:
        entries: list[str | int] = account.values.get(key, [])
        read = [self._read(account, key, entry, index) for index, entry in enumerate(entries)]
        return frozenset(number.e164 for number in read if number is not None)

    def _number(self, account: Account, key: str) -> PhoneNumber | None:
        value = account.values.get(key)
        return None if value is None else self._read(account, key, value)

    def _read(
        self, account: Account, key: str, value: str | int, index: int | None = None
    ) -> PhoneNumber | None:
        try:
            return read_number(value, account.values.get("defaultRegion"))
        except InvalidNumber as error:
            path = account.path(key)
            path = path if index is None else join_path(path, index)
            self.problems.add(path, f"a phone number ({error.detail.rstrip('.')})", value)
            return None

    # -- the rest ---------------------------------------------------------------------------------

    def _agent_id(self, account: Account) -> str:
        wanted: str | None = account.values.get("agent")
        if wanted is None:
            wanted = self.agent_ids[0] if len(self.agent_ids) == 1 else "default"
            if not self.agent_ids:
                return wanted
        if wanted not in self.agent_ids and "agent" not in account.bad:
            names = ", ".join(self.agent_ids) or "none is configured"
            value = account.values.get("agent", MISSING)
            self.problems.add(account.path("agent"), f"the name of an agent ({names})", value)
        return wanted

    def _chunk_limit(self, account: Account) -> int:
        """B065: above the ceiling it is capped, anything but a positive whole number falls back;
        either way the operator is told."""
        plivo = provider_of(account) == "plivo"
        ceiling = PLIVO_CHUNK_LIMIT_MAX if plivo else CHUNK_LIMIT_MAX
        value = account.values.get("textChunkLimit", min(CHUNK_LIMIT_DEFAULT, ceiling))
        limit = min(chunk_limit(value), ceiling)
        if type(value) is not int or limit != value:
            self._warn(account, "textChunkLimit", f"is not usable as written: {limit} is used")
        return limit

    def _disclosure(self, account: Account, purpose: Purpose) -> str:
        """Written or by the purpose; what it leaves out, and who is not named, is told."""
        written: str | None = account.values.get("disclosure")
        if written is not None:
            if missing := left_out(written) if written.strip() else []:
                self._warn(account, "disclosure", f"does not name {' and '.join(missing)}")
            return written.strip()
        words = default_words(purpose, account.values.get("name", account.id))
        ours = account.values.get("optOutReplies") == OptOutReplies.RINGFENCE.value
        told = words and account.enabled and account.takes_texts
        if told and ours and not account.values.get("helpText"):
            self._warn(account, "helpText", "is not set: HELP names nobody whom people can reach")
        if told and "name" not in account.values:
            self._warn(
                account, "name", "is not set: people are told of a line named by its account's id"
            )
        return words

    def _media(self, account: Account) -> MediaLimits:
        written = dict(account.values.get("media", {}))
        ttl = written.pop("hostedTtlMinutes", None)
        limits = snake_keys(written)
        defaults = MediaLimits()
        if provider_of(account) == "telnyx":
            # All files of a message together must stay under 1 MB (facts 2.9).
            limits = {"image_bytes_max": TELNYX_MEDIA_BYTES_MAX} | limits
        if "mediaMaxMb" in account.values:
            cap = int(account.values["mediaMaxMb"] * 1024 * 1024)
            capped = {
                "image_bytes_max": min(defaults.image_bytes_max, cap),
                "other_bytes_max": min(defaults.other_bytes_max, cap),
                "inbound_bytes_max": cap,
            }
            limits = capped | limits
        if ttl is not None:
            limits["hosted_ttl"] = timedelta(minutes=ttl)
        return MediaLimits(**limits)

    def _warn(self, account: Account, key: str, text: str) -> None:
        self.warnings.append(f"{account.path(key)} {text}")


def _fallback(account: Account) -> str:
    """One that is inherited is no line's own."""
    given = str(account.values.get("fallbackAccount", ""))
    own = account.path("fallbackAccount").endswith(f"{account.id}.fallbackAccount")
    inherited = given == account.id and not own and account.id != DEFAULT_ACCOUNT
    return "" if inherited else given


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that go over as they are; a key that is not set keeps the Line's own default."""
    taken: dict[str, Any] = {}
    for key, name in (
        ("name", "name"),
        ("silent", "silent"),
        ("notifyOwner", "notify_owner"),
        ("helpText", "help_text"),
        ("safeReply", "safe_reply"),
        ("programme", "programme"),
        ("zone", "zone"),
    ):
        if key in values:
            taken[name] = values[key]
    if "optOutReplies" in values:
        taken["optout_replies"] = OptOutReplies(values["optOutReplies"])
    if values.get("dangerouslyDisableSignatureValidation", False):
        taken["validate_signature"] = False
    if "dailySegments" in values.get("a2p", {}):
        taken["daily_segments"] = values["a2p"]["dailySegments"]
    if "ttlMinutes" in values.get("pairing", {}):
        taken["pairing_ttl"] = timedelta(minutes=values["pairing"]["ttlMinutes"])
    if "messageTtlMinutes" in values:
        taken["message_ttl"] = timedelta(minutes=values["messageTtlMinutes"])
    if "draftTtlMinutes" in values:
        taken["draft_ttl"] = timedelta(minutes=values["draftTtlMinutes"])
    taken["inbound"] = InboundLimits(**snake_keys(values.get("limits", {})))
    return taken


def normalised_path(raw: str) -> str | None:
    """One form per path, so that two spellings of one path are seen as one (B104): a leading
    slash, no double and no trailing ones. None for what cannot be a plain path."""
    if not raw.isascii() or any(c in raw for c in "?#%\\ \t\r\n") or not raw.isprintable():
        return None
    parts = [part for part in raw.split("/") if part]
    if not parts or {".", ".."} & set(parts):
        return None
    return "/" + "/".join(parts)


def below(base: str | None, path: str) -> str | None:
    return None if base is None else base.rstrip("/") + path
