"""The carrier's records in Twilio's words: REST documents and webhook forms.

Every document has exactly the properties of Twilio's OpenAPI description; counts are strings, dates
are RFC 2822 in the 2010 API and ISO 8601 in the v1 APIs. Pure: values in, values out."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Final

from ringfence.simulator.records import (
    Account,
    Alert,
    Line,
    MediaItem,
    Message,
    Service,
)
from ringfence.simulator.refusals import LATER
from ringfence.simulator.sids import country, geography

API_VERSION: Final = "2010-04-01"
_CHARGED: Final = frozenset(("sent", "delivered", "undelivered", "read", "received"))


def rfc2822(at: datetime | None) -> str | None:
    return format_datetime(at) if at is not None else None


def iso8601(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def account_path(account_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}"


def message_document(message: Message) -> dict[str, object]:
    """The Message resource. A service's message has no sender and 0 segments until it is queued."""
    base = f"{account_path(message.account_sid)}/Messages/{message.sid}"
    waiting = message.status in ("accepted", "scheduled")
    updated = rfc2822(message.updated_at)
    return {
        "body": message.body,
        "num_segments": "0" if waiting else str(message.segments),
        "direction": message.direction.value,
        "from": message.sender,
        "to": message.recipient,
        "date_updated": updated,
        "price": message.price,
        "error_message": message.error_message,
        "uri": f"{base}.json",
        "account_sid": message.account_sid,
        "num_media": str(message.num_media),
        "status": message.status,
        "messaging_service_sid": message.service_sid,
        "sid": message.sid,
        "date_sent": rfc2822(message.sent_at),
        "date_created": updated
        if message.created_at == message.updated_at
        else rfc2822(message.created_at),
        "error_code": message.error_code,
        "price_unit": "USD" if message.price is not None else None,
        "api_version": API_VERSION,
        "subresource_uris": {"media": f"{base}/Media.json"},
    }


def media_document(item: MediaItem) -> dict[str, object]:
    base = f"{account_path(item.account_sid)}/Messages/{item.message_sid}/Media/{item.sid}"
    return {
        "account_sid": item.account_sid,
        "content_type": item.content_type,
        "date_created": rfc2822(item.created_at),
        "date_updated": rfc2822(item.created_at),
        "parent_sid": item.message_sid,
        "sid": item.sid,
        "uri": f"{base}.json",
    }


def account_document(account: Account) -> dict[str, object]:
    base = account_path(account.sid)
    return {
        "auth_token": account.auth_token,
        "date_created": rfc2822(account.created_at),
        "date_updated": rfc2822(account.created_at),
        "friendly_name": account.friendly_name,
        "owner_account_sid": account.sid,
        "sid": account.sid,
        "status": "active",
        "subresource_uris": {
            "incoming_phone_numbers": f"{base}/IncomingPhoneNumbers.json",
            "messages": f"{base}/Messages.json",
        },
        "type": "Trial" if account.trial else "Full",
        "uri": f"{base}.json",
    }


# Form name -> document name of the settings a number keeps without acting on them.
LINE_SETTINGS: Final = {
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
}


def line_document(line: Line) -> dict[str, object]:
    """The IncomingPhoneNumber resource."""
    kept = line.settings
    return {
        "account_sid": line.account_sid,
        "address_sid": None,
        "address_requirements": "none",
        "api_version": API_VERSION,
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "date_created": rfc2822(line.created_at),
        "date_updated": rfc2822(line.updated_at),
        "friendly_name": line.friendly_name,
        "identity_sid": None,
        "phone_number": line.number,
        "origin": "twilio",
        "sid": line.sid,
        "sms_application_sid": None,
        "sms_fallback_method": line.sms.fallback_method,
        "sms_fallback_url": line.sms.fallback_url,
        "sms_method": line.sms.method,
        "sms_url": line.sms.url,
        "status_callback": kept.get("status_callback", ""),
        "status_callback_method": kept.get("status_callback_method", "POST"),
        "trunk_sid": None,
        "uri": f"{account_path(line.account_sid)}/IncomingPhoneNumbers/{line.sid}.json",
        "voice_receive_mode": "voice",
        "voice_application_sid": None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": kept.get("voice_fallback_method", "POST"),
        "voice_fallback_url": kept.get("voice_fallback_url", ""),
        "voice_method": kept.get("voice_method", "POST"),
        "voice_url": kept.get("voice_url", ""),
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "bundle_sid": None,
        "status": "in-use",
    }


def service_document(service: Service, base_url: str) -> dict[str, object]:
    """The Messaging Service resource (v1: absolute addresses, ISO dates)."""
    url = f"{base_url}/v1/Services/{service.sid}"
    kept = service.settings
    return {
        "sid": service.sid,
        "account_sid": service.account_sid,
        "friendly_name": service.friendly_name,
        "date_created": iso8601(service.created_at),
        "date_updated": iso8601(service.updated_at),
        "inbound_request_url": service.inbound.url or None,
        "inbound_method": service.inbound.method,
        "fallback_url": service.inbound.fallback_url or None,
        "fallback_method": service.inbound.fallback_method,
        "status_callback": service.status_callback or None,
        "sticky_sender": kept.get("sticky_sender", True),
        "mms_converter": kept.get("mms_converter", True),
        "smart_encoding": kept.get("smart_encoding", False),
        "scan_message_content": "inherit",
        "fallback_to_long_code": False,
        "area_code_geomatch": False,
        "synchronous_validation": False,
        "validity_period": kept.get("validity_period", 36_000),
        "url": url,
        "links": {"phone_numbers": f"{url}/PhoneNumbers"},
        "usecase": "undeclared",
        "us_app_to_person_registered": False,
        "use_inbound_webhook_on_number": service.use_inbound_webhook_on_number,
    }


def pool_document(service: Service, line: Line, base_url: str) -> dict[str, object]:
    """One number in a service's sender pool."""
    return {
        "sid": line.sid,
        "account_sid": line.account_sid,
        "service_sid": service.sid,
        "date_created": iso8601(line.created_at),
        "date_updated": iso8601(line.updated_at),
        "phone_number": line.number,
        "country_code": country(line.number),
        "capabilities": ["MMS", "SMS", "Voice"],
        "url": f"{base_url}/v1/Services/{service.sid}/PhoneNumbers/{line.sid}",
    }


def alert_document(alert: Alert, base_url: str) -> dict[str, object]:
    """One entry of Monitor's alert list."""
    return {
        "sid": alert.sid,
        "account_sid": alert.account_sid,
        "alert_text": alert.text,
        "api_version": API_VERSION,
        "date_created": iso8601(alert.raised_at),
        "date_generated": iso8601(alert.raised_at),
        "date_updated": iso8601(alert.raised_at),
        "error_code": str(alert.error_code),
        "log_level": "error",
        "more_info": f"https://www.twilio.com/docs/errors/{alert.error_code}",
        "request_method": alert.request_method,
        "request_url": alert.request_url,
        "resource_sid": alert.resource_sid,
        "service_sid": None,
        "url": f"{base_url}/v1/Alerts/{alert.sid}",
    }


def inbound_fields(message: Message, base_url: str) -> list[tuple[str, str]]:
    """The form of an inbound message webhook (messaging-providers.md 2.3)."""
    assert message.sender is not None, "an inbound message has a sender"
    here, there = geography(message.sender), geography(message.recipient)
    fields = [
        ("ToCountry", there.country),
        ("ToState", there.state),
        ("SmsMessageSid", message.sid),
        ("NumMedia", str(message.num_media)),
        ("ToCity", there.city),
        ("FromZip", here.zip),
        ("SmsSid", message.sid),
        ("FromState", here.state),
        ("SmsStatus", "received"),
        ("FromCity", here.city),
        ("Body", message.body),
        ("FromCountry", here.country),
        ("To", message.recipient),
    ]
    if message.service_sid is not None:
        fields.append(("MessagingServiceSid", message.service_sid))
    if message.opt_out_type is not None:
        fields.append(("OptOutType", message.opt_out_type))
    fields += [
        ("ToZip", there.zip),
        ("NumSegments", str(message.segments)),
        ("MessageSid", message.sid),
        ("AccountSid", message.account_sid),
        ("From", message.sender),
        ("ApiVersion", API_VERSION),
    ]
    for index, item in enumerate(message.media):
        document = str(media_document(item)["uri"]).removesuffix(".json")
        fields.append((f"MediaContentType{index}", item.content_type))
        fields.append((f"MediaUrl{index}", base_url + document))
    return fields


def callback_fields(message: Message, now: datetime) -> list[tuple[str, str]]:
    """The form of a status callback (messaging-providers.md 2.2)."""
    fields = [
        ("SmsSid", message.sid),
        ("SmsStatus", message.status),
        ("MessageStatus", message.status),
        ("To", message.recipient),
        ("MessageSid", message.sid),
        ("AccountSid", message.account_sid),
        ("From", message.sender or ""),
        ("ApiVersion", API_VERSION),
    ]
    if message.service_sid is not None:
        fields.append(("MessagingServiceSid", message.service_sid))
    if message.status in ("delivered", "undelivered"):
        fields.append(("RawDlrDoneDate", now.strftime("%y%m%d%H%M")))
    if message.status in ("failed", "undelivered") and message.error_code is not None:
        fields.append(("ErrorCode", str(message.error_code)))
        fields.append(("ErrorMessage", LATER.get(message.error_code, "Unknown error")))
    return fields


def price_of(message: Message) -> str | None:
    """Charged once it has left; per segment for texts, per message for MMS."""
    if message.status not in _CHARGED:
        return None
    cost = 0.02 if message.num_media else 0.0079 * max(1, message.segments)
    return f"-{cost:.5f}"
