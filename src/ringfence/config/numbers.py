"""Numbers an operator wrote into the configuration. With a region set, a national number is read
by that country's plan (libphonenumber's metadata); without one it is refused, never guessed (B061)."""

from __future__ import annotations

from ringfence.model import phone
from ringfence.model.errors import InvalidNumber
from ringfence.model.phone import PhoneNumber


def read_number(value: str | int, region: str | None) -> PhoneNumber:
    """E.164 from `value`. Only operators' own text comes here, never a sender's. Raises
    InvalidNumber, whose detail is safe to show."""
    try:
        return phone.from_operator(value)
    except InvalidNumber:
        if region is None or isinstance(value, int) or "+" in value or ":" in value:
            raise
    return _national(value, region)


def _national(text: str, region: str) -> PhoneNumber:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidNumber(f"This is no number by the plan of {region}.") from None
    # Possible as a whole: a number that can only be dialled inside one area would be a guess.
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or parsed.extension:
        raise InvalidNumber(f"This is no complete number by the plan of {region}.")
    return PhoneNumber(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
