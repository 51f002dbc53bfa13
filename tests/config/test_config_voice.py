"""`channels.voice`: whose line calls are, what they are told, and what is refused before anything
starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ringfence.config.documents import read_path
from ringfence.config.looking import look_up
from ringfence.config.mask import MASK
from ringfence.config.schema.voice import EARS, MOUTHS
from ringfence.config.source import Source
from ringfence.model.call import CallMode
from ringfence.model.line import AccessPolicy, Line
from ringfence.model.voice import (
    MessageSettings,
    Route,
    Sentences,
    StreamSettings,
    TurnDetector,
    TurnTaking,
    VoiceSettings,
)
from ringfence.speech import ears, mouths

NUMBER, OTHER = "+15555550100", "+15555550150"
URL = "https://gateway.example.com/voice/webhook"
TELNYX_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
VOICE: dict[str, Any] = {"publicUrl": URL}
STREAMS: dict[str, Any] = {
    "streaming": {"enabled": True},
    "stt": {"provider": "deepgram", "apiKey": "ear-key"},
    "tts": {"provider": "elevenlabs", "apiKey": "mouth-key", "voice": "v1"},
}


def calls(**keys: Any) -> dict[str, Any]:
    return {"channels": {"voice": {**VOICE, **keys}}}


def calls_alone(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": None, "voice": {**VOICE, **keys}}}


def line_of(load_good: Any, patch: dict[str, Any], environ: Any = None) -> Line:
    (line,) = load_good(patch, environ).lines
    assert isinstance(line, Line)
    return line


def voice_of(load_good: Any, patch: dict[str, Any], environ: Any = None) -> VoiceSettings:
    voice = line_of(load_good, patch, environ).voice
    assert isinstance(voice, VoiceSettings)
    return voice


# -- no configuration, no calls ----------------------------------------------------------------------


def test_without_the_section_a_line_has_no_calls(load_good: Any) -> None:
    line = line_of(load_good, {})
    assert (line.voice, line.voice_url) == (None, None)
    assert not line.takes_calls_to(NUMBER)


def test_the_least_that_makes_calls_lets_nobody_in_and_calls_nobody(load_good: Any) -> None:
    line = line_of(load_good, calls())
    assert (line.voice_url, line.blocked_reason) == (URL, None)
    assert line.voice == VoiceSettings(
        webhook_path="/voice/webhook",
        route=Route(
            agent_id="default",
            greeting="Hello. How can I help you?",
            disclosure="You are talking to an automated assistant.",
        ),
    )
    assert line.voice.access is AccessPolicy.DISABLED
    assert line.voice.allow_to == frozenset()


@pytest.mark.parametrize(
    "patch",
    [calls(enabled=False), {"channels": {"sms": {"enabled": False}, "voice": VOICE}}],
    ids=["calls off", "line off"],
)
def test_what_is_switched_off_has_no_calls(load_good: Any, patch: dict[str, Any]) -> None:
    line = line_of(load_good, patch)
    assert (line.voice, line.voice_url) == (None, None)


def test_a_secret_of_calls_that_are_off_is_not_looked_up(load_good: Any) -> None:
    off = calls(enabled=False, pin="${NO_SUCH_PIN}", twilio={"authToken": "${NO_SUCH_TOKEN}"})
    assert load_good(off).warnings == ()


# -- whose line --------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["+1 (555) 555-0100", "tel:+15555550100", 15555550100])
def test_calls_of_a_number_that_has_texts_are_that_lines(load_good: Any, written: Any) -> None:
    line = line_of(load_good, calls(fromNumber=written))
    assert line.number is not None
    assert (line.id, line.number.e164) == ("default", NUMBER)
    assert line.voice is not None


def test_calls_have_lists_of_their_own(load_good: Any) -> None:
    """Whom texts may go to is no leave to ring them; owners are the line's."""
    people = {
        "allowFrom": ["+15555550111"],
        "allowTo": ["+15555550112"],
        "defaultTo": "+15555550113",
        "owners": ["+15555550114"],
    }
    line = line_of(load_good, {"channels": {"sms": people, "voice": VOICE}})
    assert line.voice is not None
    assert (line.voice.allow_from, line.voice.allow_to) == (frozenset(), frozenset())
    assert line.voice.default_to == line.default_to
    assert [one.e164 for one in line.owners] == ["+15555550114"]
    own = {
        "allowFrom": ["+1 (555) 555-0120"],
        "allowTo": ["+15555550121"],
        "toNumber": "+15555550122",
    }
    line = line_of(load_good, {"channels": {"sms": people, "voice": {**VOICE, **own}}})
    assert line.voice is not None
    assert line.voice.default_to is not None
    assert line.voice.allow_from == {"+15555550120"}
    assert line.voice.allow_to == {"+15555550121"}
    assert line.voice.default_to.e164 == "+15555550122"
    assert (line.allow_from, line.allow_to) == ({"+15555550111"}, {"+15555550112"})


def test_another_number_is_a_line_that_takes_calls_only(load_good: Any) -> None:
    settings = load_good(
        {
            "channels": {
                "sms": {"owners": ["+15555550114"], "allowTo": ["+15555550112"]},
                "voice": {**VOICE, "fromNumber": OTHER, "name": "Front desk"},
            }
        }
    )
    texts, line = settings.lines
    assert texts.voice is None
    assert (line.id, line.name, line.number.e164) == ("voice", "Front desk", OTHER)
    assert line.credentials == texts.credentials
    assert line.owners == texts.owners
    assert (line.voice_url, line.blocked_reason) == (URL, None)
    # No text gets in or out by itself.
    assert (line.access, line.allow_to, line.public_url) == (
        AccessPolicy.DISABLED,
        frozenset(),
        None,
    )
    assert line.voice.allow_to == frozenset()
    assert settings.default_line_id == "default"


def test_named_accounts_are_the_lines_of_their_names(load_good: Any) -> None:
    shop = {"fromNumber": OTHER, "webhookPath": "/webhooks/shop"}
    accounts = {"shop": {"webhookPath": "/voice/shop", "publicUrl": URL + "/shop"}}
    settings = load_good(
        {
            "channels": {
                "sms": {"accounts": {"shop": shop}},
                "voice": {
                    "fromNumber": NUMBER,
                    "language": "de-DE",
                    "numbers": {NUMBER: {"language": "fr-FR"}},
                    "accounts": accounts,
                    **VOICE,
                },
            }
        }
    )
    default, shop_line = settings.lines
    assert (default.id, default.voice_url) == ("default", URL)
    assert (shop_line.id, shop_line.voice_url) == ("shop", URL + "/shop")
    assert shop_line.voice.route.language == "de-DE"
    assert (len(default.voice.routes), shop_line.voice.routes) == (1, ())


def test_two_accounts_cannot_have_the_calls_of_one_line(problems_of: Any) -> None:
    second = {"fromNumber": NUMBER, "webhookPath": "/voice/second"}
    found = problems_of(calls(fromNumber=NUMBER, accounts={"second": second}))
    assert found == (
        "channels.voice.accounts.second.fromNumber: names line default, whose calls are in "
        "channels.voice already: give it a number of its own",
    )


def test_what_would_do_nothing_above_the_accounts_is_refused(problems_of: Any) -> None:
    found = problems_of(calls(accounts={"default2": {"fromNumber": OTHER}}))
    assert found == (
        "channels.voice.publicUrl: is inherited by none of the accounts: move it into one",
    )


def test_a_line_says_once_what_is_the_lines(problems_of: Any) -> None:
    assert problems_of(calls(owners=["+15555550114"])) == (
        "channels.voice.owners: is the line's, which has texts too: set channels.sms.owners",
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"provider": "plivo"},
            'channels.voice.provider: expected "twilio", since channels.sms has',
        ),
        (
            {"twilio": {"accountSid": "AC" + "1" * 32}},
            "channels.voice.twilio.accountSid: is not what channels.sms.accountSid says",
        ),
        (
            {"twilio": {"authToken": "another"}},
            "channels.voice.twilio.authToken: is not what channels.sms.authToken says",
        ),
    ],
)
def test_a_line_has_one_provider_account(
    problems_of: Any, keys: dict[str, Any], words: str
) -> None:
    (found,) = problems_of(calls(**keys))
    assert found.startswith(words)
    assert "another" not in found


def test_the_same_said_twice_is_one_thing(load_good: Any) -> None:
    same = {"accountSid": "AC" + "0" * 32, "authToken": "${TOKEN}"}
    line = line_of(load_good, calls(twilio=same), {"TOKEN": "token-of-the-test"})
    assert line.blocked_reason is None
    assert [one.reveal() for one in line.credentials.auth_tokens] == ["token-of-the-test"]


def test_a_rotation_on_the_line_holds_for_its_calls(load_good: Any) -> None:
    rotated = {"authToken": None, "authTokens": ["new", "token-of-the-test"]}
    voice = {**VOICE, "twilio": {"authToken": "token-of-the-test"}}
    line = line_of(load_good, {"channels": {"sms": rotated, "voice": voice}})
    assert len(line.credentials.auth_tokens) == 2


# -- a line per provider -----------------------------------------------------------------------------

CREDENTIALS: dict[str, dict[str, Any]] = {
    "twilio": {"accountSid": "AC" + "0" * 32, "authToken": "t"},
    "telnyx": {
        "apiKey": "KEY-test",
        "connectionId": "1494404757140276705",
        "publicKey": TELNYX_KEY,
    },
    "plivo": {"authId": "MA" + "0" * 18, "authToken": "t"},
}


@pytest.mark.parametrize("provider", sorted(CREDENTIALS))
def test_a_line_for_calls_alone_on_each_provider(load_good: Any, provider: str) -> None:
    """Credentials of all stand side by side: the provider changes by one word."""
    line = line_of(load_good, calls_alone(provider=provider, fromNumber=OTHER, **CREDENTIALS))
    assert (line.id, line.provider, line.blocked_reason) == ("default", provider, None)
    assert line.voice_url == URL
    assert line.voice is not None
    assert line.voice.blocked_reason is None
    assert (line.voice.connection_id != "") == (provider == "telnyx")
    assert [one.reveal() for one in line.credentials.auth_tokens] == [
        "KEY-test" if provider == "telnyx" else "t"
    ]


ENVIRONMENT = {
    "twilio": {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_FROM_NUMBER": OTHER,
    },
    "telnyx": {
        "TELNYX_API_KEY": "t",
        "TELNYX_CONNECTION_ID": "1494404757140276705",
        "TELNYX_PUBLIC_KEY": TELNYX_KEY,
    },
    "plivo": {"PLIVO_AUTH_ID": "MA" + "0" * 18, "PLIVO_AUTH_TOKEN": "t"},
}


@pytest.mark.parametrize("provider", sorted(ENVIRONMENT))
def test_credentials_of_each_provider_from_the_environment(load_good: Any, provider: str) -> None:
    every = {name: text for one in ENVIRONMENT.values() for name, text in one.items()}
    number = {} if provider == "twilio" else {"fromNumber": OTHER}
    line = line_of(load_good, calls_alone(provider=provider, **number), every)
    assert (line.provider, line.blocked_reason) == (provider, None)
    assert line.number is not None
    assert line.number.e164 == OTHER
    assert [one.reveal() for one in line.credentials.auth_tokens] == ["t"]
    assert line.voice is not None
    assert line.voice.blocked_reason is None


def test_the_file_wins_over_the_environment_without_a_word(load_good: Any) -> None:
    line = line_of(load_good, calls(), ENVIRONMENT["twilio"] | {"TWILIO_FROM_NUMBER": " "})
    assert [one.reveal() for one in line.credentials.auth_tokens] == ["token-of-the-test"]


def test_named_accounts_never_see_the_environment(load_good: Any) -> None:
    accounts = {"desk": {"provider": "plivo", "fromNumber": OTHER, "publicUrl": URL}}
    patch = {"channels": {"sms": None, "voice": {"accounts": accounts}}}
    line = line_of(load_good, patch, ENVIRONMENT["plivo"])
    assert line.id == "desk"
    assert "no account: set plivo.authId" in (line.blocked_reason or "")


def test_a_bad_variable_is_named(load_good: Any) -> None:
    environ = ENVIRONMENT["telnyx"] | {"TELNYX_CONNECTION_ID": "not an id"}
    with pytest.raises(Exception, match=r"TELNYX_CONNECTION_ID: expected text like"):
        load_good(calls_alone(provider="telnyx", fromNumber=OTHER), environ)


def test_telnyx_needs_a_connection_to_call_by(load_good: Any) -> None:
    keys = {key: text for key, text in CREDENTIALS["telnyx"].items() if key != "connectionId"}
    line = line_of(load_good, calls_alone(provider="telnyx", fromNumber=OTHER, telnyx=keys))
    assert line.voice is not None
    assert line.voice_url is None
    assert line.voice.blocked_reason == "no connection to call by: set telnyx.connectionId"


@pytest.mark.proves("B106")
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "no account: set twilio.accountSid; no token: set twilio.authToken"),
        (
            {"provider": "telnyx"},
            "no API key: set telnyx.apiKey; no public key: set telnyx.publicKey",
        ),
        ({"provider": "plivo"}, "no account: set plivo.authId; no token: set plivo.authToken"),
        ({"fromNumber": None, **CREDENTIALS}, "no sender: set fromNumber"),
    ],
)
def test_what_a_line_for_calls_alone_lacks_is_told_by_its_own_keys(
    load_good: Any, keys: dict[str, Any], words: str
) -> None:
    line = line_of(load_good, calls_alone(**{"fromNumber": OTHER, **keys}))
    assert (line.blocked_reason or "").startswith(words)


def test_a_line_for_calls_alone_is_not_warned_of_texts(load_good: Any) -> None:
    settings = load_good(calls_alone(fromNumber=OTHER, purpose="intake", **CREDENTIALS))
    assert settings.warnings == ()


def test_calls_alone_switched_off_are_a_line_that_is_off(load_good: Any) -> None:
    line = line_of(load_good, calls_alone(enabled=False, fromNumber=OTHER, **CREDENTIALS))
    assert (line.enabled, line.voice, line.blocked_reason) == (False, None, None)


# -- addresses ---------------------------------------------------------------------------------------

UNREACHABLE = [
    "https://localhost/voice/webhook",
    "https://127.0.0.1/voice/webhook",
    "https://127.1/voice/webhook",
    "https://10.1.2.3/voice/webhook",
    "https://192.168.0.5/voice/webhook",
    "https://169.254.1.1/voice/webhook",
    "https://100.64.0.9/voice/webhook",
    "https://[fd00::1]/voice/webhook",
    "https://[::ffff:10.0.0.1]/voice/webhook",
    "https://gateway.internal/voice/webhook",
]


@pytest.mark.proves("B119")
@pytest.mark.parametrize("provider", sorted(CREDENTIALS))
@pytest.mark.parametrize("url", UNREACHABLE)
def test_an_address_no_carrier_can_reach_keeps_the_gateway_from_starting(
    problems_of: Any, url: str, provider: str
) -> None:
    patch = calls_alone(provider=provider, fromNumber=OTHER, **CREDENTIALS)
    patch["channels"]["voice"]["publicUrl"] = url
    (found,) = problems_of(patch)
    assert found.startswith("channels.voice.publicUrl: expected an address the provider can reach")


@pytest.mark.proves("B119")
@pytest.mark.parametrize("url", UNREACHABLE)
def test_the_simulator_reaches_any_address(load_good: Any, url: str) -> None:
    patch = {
        "channels": {
            "sms": {"apiBaseUrl": "http://127.0.0.1:9000", "publicWebhookUrl": URL},
            "voice": {**VOICE, **STREAMS, "publicUrl": url},
        }
    }
    line = line_of(load_good, patch)
    assert line.voice_url == url
    assert line.voice is not None
    assert line.voice.blocked_reason is None


@pytest.mark.proves("B113")
@pytest.mark.parametrize(
    "url",
    [
        "https://gateway.example.com@evil.example.com/voice/webhook",
        "https://gate way.example.com/voice/webhook",
        "https://gateway.example.com\\@evil.example.com/voice/webhook",
        "https://gateway.example.com:port/voice/webhook",
        "https://gäteway.example.com/voice/webhook",
        "ftp://gateway.example.com/voice/webhook",
        "https:///voice/webhook",
    ],
)
def test_an_odd_host_is_refused(problems_of: Any, url: str) -> None:
    (found,) = problems_of(calls(publicUrl=url))
    assert found.startswith("channels.voice.publicUrl: expected an")


def test_without_an_address_texts_go_on_and_calls_say_why_not(load_good: Any) -> None:
    settings = load_good({"channels": {"voice": {}}})
    (line,) = settings.lines
    assert (line.blocked_reason, line.voice_url) == (None, None)
    assert line.voice.blocked_reason.startswith("no public address: set publicUrl")
    assert any(one.startswith("line default has no calls: no public") for one in settings.warnings)


def test_the_gateways_own_address_serves_calls_too(load_good: Any) -> None:
    base = {"gateway": {"publicBaseUrl": "https://base.example.com/rf/"}}
    patch = {"channels": {"voice": {"webhookPath": "/calls//in/", **STREAMS}}, **base}
    line = line_of(load_good, patch)
    assert line.voice_url == "https://base.example.com/rf/calls/in"
    assert line.voice is not None
    assert line.voice.stream is not None
    assert line.voice.webhook_path == "/calls/in"
    assert line.voice.stream.url == "wss://base.example.com/rf/voice/stream"


@pytest.mark.parametrize("path", ["", "/", "/a?b", "/a/../b", "/a b", "/ä"])
def test_a_path_is_a_plain_one(problems_of: Any, path: str) -> None:
    (found,) = problems_of(calls(webhookPath=path))
    assert found.startswith("channels.voice.webhookPath: expected a path such as /voice/webhook")


@pytest.mark.proves("B104")
def test_every_webhook_has_a_path_of_its_own(problems_of: Any) -> None:
    assert problems_of(calls(webhookPath="/webhooks//sms")) == (
        "channels.voice.webhookPath: expected a path of its own (texts and calls of default share "
        'it), got "/webhooks/sms"',
    )
    second = {"desk": {"fromNumber": OTHER, "publicUrl": URL}}
    (found,) = problems_of(calls(fromNumber=NUMBER, accounts=second))
    assert "a path of its own (default and calls of desk share it)" in found


@pytest.mark.parametrize("path", ["/voice", "/voice/webhook"])
def test_no_webhook_lies_where_sockets_are_opened(problems_of: Any, path: str) -> None:
    (found,) = problems_of(calls(**STREAMS | {"streaming": {"enabled": True, "streamPath": path}}))
    assert found.endswith("is where the webhook /voice/webhook is: give media sockets another path")


def test_plain_http_is_told(load_good: Any) -> None:
    url = URL.replace("https:", "http:")
    assert "is plain http: what is said on calls" in str(load_good(calls(publicUrl=url)).warnings)


# -- who may call, and be called ---------------------------------------------------------------------


@pytest.mark.parametrize("policy", sorted(one.value for one in AccessPolicy))
def test_who_may_call_in(load_good: Any, policy: str) -> None:
    voice = voice_of(load_good, calls(inboundPolicy=policy, allowFrom=["+15555550111"]))
    assert voice.access.value == policy
    assert voice.allow_anyone == (policy == "open")


@pytest.mark.proves("B121")
@pytest.mark.parametrize(
    "entry", ["", "  ", "anonymous", "*", "+", "0100", "5550100", "+1555", "tel:", "+1555555010x"]
)
def test_what_is_no_whole_number_is_on_no_list(problems_of: Any, entry: str) -> None:
    for key in ("allowFrom", "allowTo"):
        (found,) = problems_of(calls(inboundPolicy="allowlist", **{key: ["+15555550111", entry]}))
        assert found.startswith(f"channels.voice.{key}[1]: expected a phone number")


def test_a_hotline_open_to_all_is_told_unless_it_asks_for_a_pin(load_good: Any) -> None:
    assert "whoever calls talks to the agent" in str(
        load_good(calls(inboundPolicy="open")).warnings
    )
    assert load_good(calls(inboundPolicy="open", pin="1234")).warnings == ()


def test_an_allow_list_of_nobody_is_told(load_good: Any) -> None:
    assert "nobody may call" in str(load_good(calls(inboundPolicy="allowlist")).warnings)


@pytest.mark.proves("P9")
@pytest.mark.parametrize("pin", ["123", "12345678901234", "12a4", "１２３４"])
def test_a_pin_is_digits_and_is_not_shown(problems_of: Any, pin: str) -> None:
    assert problems_of(calls(pin=pin)) == (
        "channels.voice.pin: expected 4 to 12 digits, got something else",
    )


def test_a_pin_that_cannot_be_had_lets_nobody_in(load_good: Any) -> None:
    patch = calls(pin="${NO_SUCH_PIN}", inboundPolicy="open")
    line = line_of(load_good, patch)
    assert line.voice is not None
    assert (line.voice_url, line.voice.access) == (None, AccessPolicy.DISABLED)
    assert (line.voice.blocked_reason or "").startswith("channels.voice.pin: ")
    there = voice_of(load_good, patch, {"NO_SUCH_PIN": "2468"})
    assert there.pin is not None
    assert there.pin.reveal() == "2468"
    assert "2468" not in repr(there)


# -- what is said, and how long ----------------------------------------------------------------------


def test_openclaws_keys_and_their_units(load_good: Any) -> None:
    voice = voice_of(
        load_good,
        calls(
            outbound={"defaultMode": "conversation", "notifyHangupDelaySec": 0},
            maxDurationSeconds=600,
            maxConcurrentCalls=3,
            ringTimeoutMs=20_001,
            staleCallReaperSeconds=0,
            silenceTimeoutMs=650,
            transcriptTimeoutMs=90_000,
            responseTimeoutMs=12_500,
            voicemail="Please call back.",
            detectMachines=False,
            skipSignatureVerification=True,
        ),
    )
    assert (voice.mode, voice.notify_hangup_s) == (CallMode.CONVERSATION, 0)
    assert (voice.limit_s, voice.at_once, voice.ring_s, voice.reap_s) == (600, 3, 21, 0)
    assert (voice.silence_ms, voice.reply_wait_s, voice.turns.agent_s) == (650, 90, 13)
    assert (voice.voicemail, voice.detects_machines) == ("Please call back.", False)
    assert not voice.validate_signature


def test_what_owners_are_told_and_what_callers_leave(load_good: Any) -> None:
    plain = voice_of(load_good, calls())
    assert (plain.summary, plain.messages) == (True, None)
    assert voice_of(load_good, calls(messages={"enabled": False, "holdS": 5})).messages is None
    assert voice_of(load_good, calls(messages={"enabled": True})).messages == MessageSettings()
    given = {"enabled": True, "prompt": "Speak now; we record.", "secondsMax": 30, "silenceS": 3}
    voice = voice_of(load_good, calls(summary="off", messages={**given, "holdS": 0}))
    assert not voice.summary
    assert voice.messages == MessageSettings("Speak now; we record.", 30, 3, 0)


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("summary", "everybody"),
        ("messages.prompt", ""),
        ("messages.secondsMax", 301),
        ("messages.silenceS", 0),
        ("messages.holdS", 3_601),
        ("maxDurationSeconds", 0),
        ("maxDurationSeconds", 14_401),
        ("maxDurationSeconds", "300"),
        ("maxConcurrentCalls", 0),
        ("ringTimeoutMs", 4_999),
        ("ringTimeoutMs", 600_001),
        ("ringTimeoutMs", True),
        ("staleCallReaperSeconds", -1),
        ("silenceTimeoutMs", 0),
        ("silenceTimeoutMs", 10_001),
        ("transcriptTimeoutMs", 1.5),
        ("inboundPolicy", "everyone"),
        ("outbound.defaultMode", "broadcast"),
        ("outbound.notifyHangupDelaySec", 61),
        ("language", "english please"),
        ("pinTries", 0),
        ("voicemail", "x" * 1_001),
        ("sentences.goodbye", "x" * 481),
        ("turns.detector", "vibes"),
        ("streaming.leadMs", 5),
        ("streaming.publicUrl", "https://gateway.example.com/voice/stream"),
        ("stt.provider", "parrot"),
        ("numbers", []),
        ("twilio.accountSid", "AC/../x"),
    ],
)
def test_values_out_of_bounds_are_refused_by_path(problems_of: Any, key: str, bad: Any) -> None:
    outer, _, inner = key.partition(".")
    (found,) = problems_of(calls(**{outer: {inner: bad} if inner else bad}))
    assert found.startswith(f"channels.voice.{key}: expected ")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"inboundPolcy": "open"},
            'inboundPolcy: expected a known key, got an unknown one; did you mean "inboundPolicy"?',
        ),
        ({"outbound": {"mode": "notify"}}, "outbound.mode: expected a known key"),
        ({"numbers": {OTHER: {"greeting": "x"}}}, 'did you mean "inboundGreeting"?'),
        (
            {"accounts": {"a": {"acounts": {}}}},
            "channels.voice.accounts.a.acounts: expected a known",
        ),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(
    problems_of: Any, keys: dict[str, Any], words: str
) -> None:
    assert words in "\n".join(problems_of(calls(**keys)))


@pytest.mark.parametrize("key", ["recording"])
def test_what_is_not_there_yet_cannot_be_switched_on(
    problems_of: Any, load_good: Any, key: str
) -> None:
    (found,) = problems_of(calls(**{key: {"enabled": True}}))
    assert found.startswith(f"channels.voice.{key}.enabled: expected false: ")
    assert found.endswith("not there yet, got true")
    assert load_good(calls(**{key: {"enabled": False}})).warnings == ()


@pytest.mark.proves("P10")
def test_a_call_is_no_longer_than_the_policy_says(problems_of: Any, load_good: Any) -> None:
    short = {"policy": {"callLimits": {"minutes": 2}}}
    assert problems_of(calls(maxDurationSeconds=121) | short) == (
        "channels.voice.maxDurationSeconds: expected at most 120 (policy.callLimits.minutes is 2), "
        "got 121",
    )
    assert voice_of(load_good, calls() | short).limit_s == 120
    assert voice_of(load_good, calls(maxDurationSeconds=90) | short).limit_s == 90


def test_a_reaper_quicker_than_the_ringing_is_told(load_good: Any) -> None:
    patch = calls(staleCallReaperSeconds=20)
    assert "calls are hung up while they ring" in str(load_good(patch).warnings)


def test_unsigned_calls_are_told(load_good: Any) -> None:
    warnings = load_good(calls(skipSignatureVerification=True)).warnings
    assert "line default takes unsigned calls" in str(warnings)


@pytest.mark.parametrize(
    ("purpose", "name", "words"),
    [
        ("hotline", None, "You are talking to an automated assistant."),
        ("hotline", "Ash Farm", "This is Ash Farm. You are talking to an automated assistant."),
        ("intake", "Ash Farm", "This is Ash Farm. You are talking to an automated assistant."),
        ("notify", "Ash Farm", "This is Ash Farm. This is an automated call."),
    ],
)
def test_everybody_is_told_who_speaks(
    load_good: Any, purpose: str, name: str | None, words: str
) -> None:
    """What is written about texts, with its keywords, is not read out on calls."""
    sms = {"purpose": purpose, "name": name, "disclosure": "Texts only. STOP and HELP."}
    patch = {"channels": {"sms": sms, "voice": VOICE}}
    assert voice_of(load_good, patch).route.disclosure == words
    patch["channels"]["voice"] = {**VOICE, "disclosure": " "}
    assert voice_of(load_good, patch).route.disclosure == ""


def test_our_own_sentences_and_turns(load_good: Any) -> None:
    sentences = {"filler": "", "timeUp": "Time is up."}
    turns = {"detector": "service", "interruptMs": 0, "nobodyTimes": 0}
    voice = voice_of(load_good, calls(sentences=sentences, turns=turns))
    assert voice.sentences == dataclasses.replace(Sentences(), filler="", time_up="Time is up.")
    assert voice.turns == dataclasses.replace(
        TurnTaking(), detector=TurnDetector.SERVICE, interrupt_ms=None, nobody_times=0
    )


# -- routes ------------------------------------------------------------------------------------------

AGENTS = {
    "agent": None,
    "agents": {"default": {"kind": "echo"}, "desk": {"kind": "echo"}},
}


@pytest.mark.proves("B124")
@pytest.mark.parametrize(
    "called",
    ["+15555550150", "15555550150", "+1 (555) 555-0150", "tel:+1-555-555-0150", "+1.555.555.0150"],
)
def test_a_route_is_found_in_any_formatting_and_stays_what_it_was(
    load_good: Any, called: str
) -> None:
    numbers = {
        "+1 555 555 0150": {
            "inboundGreeting": "Desk.",
            "agentId": "desk",
            "voice": "alice",
            "responseTimeoutMs": 5_000,
        }
    }
    line = line_of(load_good, calls(numbers=numbers, language="de-DE", agentId="default") | AGENTS)
    assert line.voice is not None
    route = line.voice.route_to(called)
    assert route == Route(
        agent_id="desk",
        greeting="Desk.",
        disclosure="You are talking to an automated assistant.",
        language="de-DE",
        voice="alice",
        agent_s=5,
    )
    assert line.takes_calls_to(called)
    assert line.takes_calls_to(NUMBER)
    with pytest.raises(dataclasses.FrozenInstanceError):
        route.greeting = "Another."  # type: ignore[misc]


@pytest.mark.proves("B121", "B124")
@pytest.mark.parametrize(
    "called", ["", "anonymous", "0150", "+25555550150", "5555550150", "+155555501500"]
)
def test_a_number_that_only_resembles_has_no_route(load_good: Any, called: str) -> None:
    line = line_of(load_good, calls(numbers={OTHER: {"inboundGreeting": "Desk."}}))
    assert line.voice is not None
    assert line.voice.route_to(called) is line.voice.route
    assert not line.takes_calls_to(called)


def test_one_number_has_one_route(problems_of: Any) -> None:
    numbers: dict[str, Any] = {"+1 555 555 0150": {}, OTHER: {}}
    (found,) = problems_of(calls(numbers=numbers))
    assert found == f"channels.voice.numbers.{OTHER}: is a number that has a route already"


def test_a_route_names_an_agent_that_is_there(problems_of: Any) -> None:
    found = problems_of(calls(agentId="nobody", numbers={OTHER: {"agentId": "ghost"}}))
    assert found == (
        'channels.voice.agentId: expected the name of an agent (default), got "nobody"',
        f"channels.voice.numbers.{OTHER}.agentId: expected the name of an agent (default), got "
        '"ghost"',
    )


def test_calls_to_a_number_are_one_lines(problems_of: Any) -> None:
    desk = {"desk": {"fromNumber": OTHER, "publicUrl": URL, "webhookPath": "/voice/desk"}}
    found = problems_of(calls(fromNumber=NUMBER, numbers={OTHER: {}}, accounts=desk))
    assert found == (
        f"channels.voice.numbers.{OTHER}: is for calls of line desk: write it with those",
    )


# -- live sound --------------------------------------------------------------------------------------


def test_live_sound(load_good: Any) -> None:
    limits = {
        "enabled": True,
        "preStartTimeoutMs": 2_500,
        "maxPendingConnections": 9,
        "maxPendingConnectionsPerIp": 2,
        "maxConnections": 20,
        "leadMs": 160,
    }
    voice = voice_of(load_good, calls(**STREAMS | {"streaming": limits}, language="en-GB"))
    assert voice.stream == StreamSettings(
        "/voice/stream",
        "wss://gateway.example.com/voice/stream",
        start_s=3,
        pending_max=9,
        pending_per_address_max=2,
        sockets_max=20,
        lead_ms=160,
    )
    ears, mouth = voice.route.ears, voice.route.mouth
    assert ears is not None
    assert ears.api_key is not None
    assert (ears.service, ears.language, ears.api_key.reveal()) == ("deepgram", "en-GB", "ear-key")
    assert mouth is not None
    assert (mouth.service, mouth.voice) == ("elevenlabs", "v1")


def test_the_socket_has_the_address_that_is_written(load_good: Any) -> None:
    address = "wss://media.example.com/x"
    voice = voice_of(
        load_good, calls(**STREAMS | {"streaming": {"enabled": True, "publicUrl": address}})
    )
    assert voice.stream is not None
    assert voice.stream.url == address


def test_sound_never_goes_in_clear(problems_of: Any) -> None:
    url = URL.replace("https:", "http:")
    (found,) = problems_of(calls(**STREAMS, publicUrl=url))
    assert found.startswith("channels.voice.streaming.publicUrl: expected wss")


@pytest.mark.parametrize("key", ["stt", "tts"])
def test_live_sound_needs_an_ear_and_a_mouth(problems_of: Any, key: str) -> None:
    found = problems_of(calls(**{name: one for name, one in STREAMS.items() if name != key}))
    (found,) = found
    assert found.startswith(f"channels.voice.{key}.provider: is needed with streaming")


def test_a_service_without_a_key_blocks_calls_not_texts(load_good: Any) -> None:
    keyless = STREAMS | {"stt": {"provider": "deepgram"}}
    line = line_of(load_good, calls(**keyless))
    assert line.voice is not None
    assert (line.blocked_reason, line.voice_url) == (None, None)
    assert line.voice.blocked_reason == (
        "no key: set channels.voice.stt.apiKey or DEEPGRAM_API_KEY"
    )
    there = voice_of(load_good, calls(**keyless), {"DEEPGRAM_API_KEY": "k"})
    assert there.blocked_reason is None


@pytest.mark.parametrize(
    "choice",
    [{"provider": "local"}, {"provider": "openai", "baseUrl": "http://127.0.0.1:8000/v1"}],
)
def test_local_speech_needs_no_key(load_good: Any, choice: dict[str, Any]) -> None:
    voice = voice_of(load_good, calls(**STREAMS | {"stt": choice, "tts": choice}))
    assert voice.blocked_reason is None


@pytest.mark.parametrize(
    ("key", "choice", "words"),
    [
        (
            "stt",
            {"provider": "openai", "baseUrl": "http://speech.example.com/v1"},
            "channels.voice.stt.baseUrl: plain http is for this machine",
        ),
        ("tts", {"provider": "elevenlabs", "apiKey": "k"}, "channels.voice.tts.voice: expected"),
    ],
)
def test_what_a_service_cannot_take_is_refused(
    problems_of: Any, key: str, choice: dict[str, Any], words: str
) -> None:
    (found,) = problems_of(calls(**STREAMS | {key: choice}))
    assert found.startswith(words)


def test_every_service_that_is_there_can_be_named() -> None:
    assert sorted(EARS) == sorted(ears())
    assert sorted(MOUTHS) == sorted(mouths())


def test_a_route_takes_over_keys_of_the_same_service_only(load_good: Any) -> None:
    numbers = {
        OTHER: {"tts": {"voice": "v2"}},
        "+15555550151": {"tts": {"provider": "local"}},
    }
    voice = voice_of(load_good, calls(**STREAMS, numbers=numbers))
    same, other = voice.route_to(OTHER).mouth, voice.route_to("+15555550151").mouth
    assert same is not None
    assert same.api_key is not None
    assert (same.service, same.voice, same.api_key.reveal()) == ("elevenlabs", "v2", "mouth-key")
    assert other is not None
    assert (other.service, other.voice, other.api_key) == ("local", "", None)


# -- elsewhere ---------------------------------------------------------------------------------------


def test_staging_needs_credentials_of_its_own_for_calls(problems_of: Any) -> None:
    production = {**VOICE, "fromNumber": OTHER, "provider": "plivo", "plivo": CREDENTIALS["plivo"]}
    staging = {"fromNumber": "+15555550151"}
    overlay = {
        "channels": {
            "sms": {
                "authToken": "its own",
                "fromNumber": "+15555550152",
                "accountSid": "AC" + "2" * 32,
            },
            "voice": staging,
        },
        "store": {"url": "sqlite:///s.db"},
    }
    patch = {"channels": {"voice": production}, "profiles": {"staging": overlay}}
    found = problems_of(patch, {"RINGFENCE_PROFILE": "staging"})
    assert found == (
        "channels.voice.plivo.authToken: is a credential of production: a staging profile needs its "
        "own; set profiles.staging.channels.voice.plivo.authToken",
    )


@pytest.mark.proves("P9")
def test_settings_print_no_secret_and_no_list(load_good: Any) -> None:
    patch = calls(
        **STREAMS,
        pin="97531",
        allowFrom=["+15555550111"],
        numbers={OTHER: {}},
        inboundPolicy="open",
    )
    shown = repr(line_of(load_good, patch))
    for secret in ("97531", "ear-key", "mouth-key", "0111", OTHER, "gateway.example.com"):
        assert secret not in shown


RINGING = {
    "responders": {"ann": {"number": "+15555550141"}},
    "escalationPolicies": {
        "ops": {
            "steps": [{"notify": ["person:ann"], "by": ["sms", {"channel": "call", "after": "1m"}]}]
        }
    },
    "flows": {"down": {"types": ["*"], "alert": {"escalation": "ops"}}},
}


def test_people_are_not_rung_by_a_line_without_calls(load_good: Any) -> None:
    told = (
        "escalationPolicies.ops rings people, and line default has no calls: those ways fail at once; "
        "configure channels.voice"
    )
    assert told in load_good(RINGING).warnings
    assert told in load_good(RINGING | {"channels": {"voice": {}}}).warnings
    assert told not in load_good(RINGING | calls()).warnings


def test_a_value_is_found_with_the_variable_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.json5"
    path.write_text("{channels: {voice: {provider: 'telnyx', pin: '97531'}}}", encoding="utf-8")
    source = Source(path, named=True)

    def found(key: str) -> tuple[Any, str] | None:
        one = look_up(source, ENVIRONMENT["telnyx"] | ENVIRONMENT["twilio"], read_path(key))
        return None if one is None else (one.value, one.origin)

    assert found("channels.voice.telnyx.connectionId") == (
        "1494404757140276705",
        "TELNYX_CONNECTION_ID",
    )
    assert found("channels.voice.telnyx.apiKey") == (MASK, "TELNYX_API_KEY")
    assert found("channels.voice.pin") == (MASK, f"{path}:1")
    # Of another provider's variables nothing is read.
    assert found("channels.voice.fromNumber") is None
    assert found("channels.voice.twilio.authToken") is None
