"""Registrations as Twilio's messaging API shows them: the A2P 10DLC campaigns of a Messaging Service
(UsAppToPerson) and the verifications of toll-free numbers. Read only over HTTP; a test files them
with `register` and `submit`. Decides nothing about messages: scripts do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.simulator.dialect import iso8601
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.paging import cut, documents_v1
from ringfence.simulator.records import Account, Line, Service
from ringfence.simulator.refusals import Refusal, refuse

Endpoint = Callable[[Request, Account], Awaitable[Response]]
Guard = Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]

CAMPAIGN_STATUSES: Final = ("PENDING", "IN_PROGRESS", "VERIFIED", "FAILED", "SUSPENDED")
VERIFICATION_STATUSES: Final = (
    "PENDING_REVIEW",
    "IN_REVIEW",
    "TWILIO_APPROVED",
    "TWILIO_REJECTED",
)
_SERVICE: Final = "/v1/Services/{sid}/Compliance/Usa2p"
_TOLL_FREE: Final = "/v1/Tollfree/Verifications"


@dataclass(slots=True)
class Campaign:
    """One campaign. `error_codes` are those of a failed one; `tier` is T-Mobile's of the brand."""

    sid: str
    service: Service
    brand_sid: str
    status: str
    use_case: str
    tier: str
    error_codes: tuple[int, ...]
    created_at: datetime


@dataclass(slots=True)
class Verification:
    """One request to verify a toll-free number."""

    sid: str
    line: Line
    status: str
    error_code: int | None
    created_at: datetime


F = TypeVar("F", Campaign, Verification)


@dataclass(slots=True)
class Compliance:
    """The register of one carrier."""

    exchange: Exchange
    campaigns: list[Campaign] = field(default_factory=list)
    verifications: list[Verification] = field(default_factory=list)

    # -- filing -------------------------------------------------------------------------------

    def register(
        self,
        service: Service,
        status: str = "VERIFIED",
        *,
        use_case: str = "LOW_VOLUME",
        tier: str = "LOW",
        error_codes: tuple[int, ...] = (),
    ) -> Campaign:
        """File a campaign for a service. Raises ValueError for a status Twilio does not have."""
        if status not in CAMPAIGN_STATUSES:
            raise ValueError(f"a campaign's status is one of {', '.join(CAMPAIGN_STATUSES)}")
        deal, now = self.exchange.carrier.sids.deal, self.exchange.clock.now()
        brand = deal("BN")
        campaign = Campaign(deal("QE"), service, brand, status, use_case, tier, error_codes, now)
        self.campaigns.append(campaign)
        return campaign

    def submit(
        self, line: Line, status: str = "TWILIO_APPROVED", *, error_code: int | None = None
    ) -> Verification:
        """Ask for a toll-free number's verification. Raises ValueError as `register` does."""
        if status not in VERIFICATION_STATUSES:
            raise ValueError(
                f"a verification's status is one of {', '.join(VERIFICATION_STATUSES)}"
            )
        sid = self.exchange.carrier.sids.deal("HH")
        verification = Verification(sid, line, status, error_code, self.exchange.clock.now())
        self.verifications.append(verification)
        return verification

    # -- answering ----------------------------------------------------------------------------

    def routes(self, guarded: Guard) -> list[Route]:
        return [
            Route(_SERVICE, guarded(self._campaigns), methods=("GET",)),
            Route(_SERVICE + "/{campaign_sid}", guarded(self._campaign), methods=("GET",)),
            Route(_TOLL_FREE, guarded(self._verifications), methods=("GET",)),
            Route(_TOLL_FREE + "/{sid}", guarded(self._verification), methods=("GET",)),
        ]

    def _of_service(self, request: Request, account: Account) -> list[Campaign] | None:
        service = self.exchange.carrier.services.get(request.path_params["sid"])
        if service is None or service.account_sid != account.sid:
            return None
        return [one for one in reversed(self.campaigns) if one.service.sid == service.sid]

    async def _campaigns(self, request: Request, account: Account) -> Response:
        found = self._of_service(request, account)
        if found is None:
            return _refused(refuse(20404, request.url.path))
        base = self.exchange.address
        return _page(request, "compliance", found, lambda one: campaign_document(one, base), base)

    async def _campaign(self, request: Request, account: Account) -> Response:
        wanted = request.path_params["campaign_sid"]
        for one in self._of_service(request, account) or ():
            if one.sid == wanted:
                return JSONResponse(campaign_document(one, self.exchange.address))
        return _refused(refuse(20404, request.url.path))

    def _of_account(self, account: Account, query: Mapping[str, str]) -> list[Verification]:
        number, status = query.get("TollfreePhoneNumberSid", ""), query.get("Status", "")
        return [
            one
            for one in reversed(self.verifications)
            if one.line.account_sid == account.sid
            and number in ("", one.line.sid)
            and status in ("", one.status)
        ]

    async def _verifications(self, request: Request, account: Account) -> Response:
        found, base = self._of_account(account, request.query_params), self.exchange.address
        documents = "verifications"
        return _page(request, documents, found, lambda one: verification_document(one, base), base)

    async def _verification(self, request: Request, account: Account) -> Response:
        for one in self._of_account(account, {}):
            if one.sid == request.path_params["sid"]:
                return JSONResponse(verification_document(one, self.exchange.address))
        return _refused(refuse(20404, request.url.path))


def _page(
    request: Request,
    key: str,
    found: list[F],
    document: Callable[[F], dict[str, object]],
    base: str,
) -> Response:
    page = cut(found, request.query_params, lambda one: one.sid)
    if isinstance(page, Refusal):
        return _refused(page)
    shown = [document(one) for one in page.items]
    return JSONResponse(documents_v1(key, shown, page, base, request.url))


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.document(), refusal.status)


def campaign_document(campaign: Campaign, base_url: str) -> dict[str, object]:
    """The UsAppToPerson resource. The registry's id and the rates are there once it is verified."""
    verified = campaign.status == "VERIFIED"
    limits = {"att": {"mps": 600, "msg_class": "A"}, "tmobile": {"brand_tier": campaign.tier}}
    service = f"{base_url}/v1/Services/{campaign.service.sid}"
    return {
        "sid": campaign.sid,
        "account_sid": campaign.service.account_sid,
        "brand_registration_sid": campaign.brand_sid,
        "messaging_service_sid": campaign.service.sid,
        "description": "Texts of a simulated line to people who agreed to them.",
        "message_samples": ["This is the first sample text.", "This is the second sample text."],
        "us_app_to_person_usecase": campaign.use_case,
        "has_embedded_links": False,
        "has_embedded_phone": False,
        "subscriber_opt_in": True,
        "age_gated": False,
        "direct_lending": False,
        "campaign_status": campaign.status,
        "campaign_id": f"C{campaign.sid[2:8].upper()}" if verified else None,
        "is_externally_registered": False,
        "rate_limits": limits if verified else None,
        "message_flow": "People agree on a form of the simulated business before the first text.",
        "opt_in_message": None,
        "opt_out_message": None,
        "help_message": None,
        "opt_in_keywords": [],
        "opt_out_keywords": [],
        "help_keywords": [],
        "date_created": iso8601(campaign.created_at),
        "date_updated": iso8601(campaign.created_at),
        "url": f"{service}/Compliance/Usa2p/{campaign.sid}",
        "mock": False,
        "errors": [
            {"error_code": code, "fields": [], "url": f"https://www.twilio.com/docs/errors/{code}"}
            for code in campaign.error_codes
        ],
    }


def verification_document(verification: Verification, base_url: str) -> dict[str, object]:
    """The Tollfree Verification resource; what a business says of itself is left empty."""
    rejected = verification.status == "TWILIO_REJECTED"
    return {
        **dict.fromkeys(_UNSAID),
        "sid": verification.sid,
        "account_sid": verification.line.account_sid,
        "date_created": iso8601(verification.created_at),
        "date_updated": iso8601(verification.created_at),
        "tollfree_phone_number_sid": verification.line.sid,
        "tollfree_phone_number": verification.line.number,
        "status": verification.status,
        "business_type": "SOLE_PROPRIETOR",
        "use_case_categories": [],
        "opt_in_image_urls": [],
        "opt_in_keywords": [],
        "opt_in_type": "VERBAL",
        "rejection_reason": "Rejected" if rejected else None,
        "error_code": verification.error_code,
        "edit_allowed": True if rejected else None,
        "rejection_reasons": [],
        "resource_links": {},
        "url": f"{base_url}{_TOLL_FREE}/{verification.sid}",
    }


_UNSAID: Final = (
    "customer_profile_sid",
    "trust_product_sid",
    "regulated_item_sid",
    "business_name",
    "business_street_address",
    "business_street_address2",
    "business_city",
    "business_state_province_region",
    "business_postal_code",
    "business_country",
    "business_website",
    "business_contact_first_name",
    "business_contact_last_name",
    "business_contact_email",
    "business_contact_phone",
    "notification_email",
    "use_case_summary",
    "production_message_sample",
    "message_volume",
    "additional_information",
    "edit_expiration",
    "external_reference_id",
    "business_registration_number",
    "business_registration_authority",
    "business_registration_country",
    "business_registration_phone_number",
    "doing_business_as",
    "opt_in_confirmation_message",
    "help_message_sample",
    "privacy_policy_url",
    "terms_and_conditions_url",
    "age_gated_content",
    "vetting_id",
    "vetting_id_expiration",
    "vetting_provider",
)
