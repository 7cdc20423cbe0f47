"""The filters as parameters of an address: typed for the REST API, and read for the page. Imports the query only.

One model for both, so that an address of the page and a request to the API mean the same records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from audit.errors import AuditError
from audit.filters import Query, State, parse_status, parse_where
from audit.times import parse_since, parse_until

MAX_VALUES = 50
API_LIMIT = 200
"""Records of one page at most."""

type Action = Literal["allow", "mask", "reroute", "block"]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _checked(parse: Any) -> Any:
    def check(text: str) -> str:
        try:
            parse(text)
        except AuditError as error:
            raise ValueError(error.message) from None
        except OverflowError:
            raise ValueError("This is out of range.") from None
        return text

    return AfterValidator(check)


_NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
Texts = Annotated[list[Text], BeforeValidator(_listed), Field(max_length=MAX_VALUES)]
Moment = Annotated[str, Field(min_length=1, max_length=40), _checked(lambda text: parse_since(text, _NOW))]
Status = Annotated[str, Field(pattern=r"^[1-9](?:xx|[0-9]{2}(?:-[1-9][0-9]{2})?)$"), _checked(parse_status)]
Condition = Annotated[str, Field(min_length=3, max_length=1100), _checked(parse_where)]
IdPrefix = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{1,32}$|^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{0,4}){1,3}(?:-[0-9a-fA-F]{0,12})?$")]  # fmt: skip  # noqa: E501


class Filters(BaseModel):
    """What a request asks for. All filters that are given must hold; any of one filter's values may."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    since: Moment | None = None
    """From then on: an age (`7d`, `2h`), a date, or a date and time; UTC without a zone."""
    until: Moment | None = None
    """Before then; a date includes its day."""
    action: Annotated[list[Action], BeforeValidator(_listed), Field(max_length=4)] = []
    """What was done, or would have been done in observe mode."""
    state: Annotated[list[State], BeforeValidator(_listed), Field(max_length=5)] = []
    """What became of it."""
    entity: Texts = []
    recognizer: Texts = []
    role: Texts = []
    """Role of the segment of a finding."""
    path: Texts = []
    """Path template of a finding, such as `$.messages[*].content`."""
    fingerprint: Texts = []
    tenant: Texts = []
    principal: Texts = []
    caller: Texts = []
    """Principal, proxy user or client address."""
    upstream: Texts = []
    """Asked for or routed to."""
    route: Texts = []
    """Routed to."""
    provider: Texts = []
    endpoint: Texts = []
    operation: Texts = []
    model: Texts = []
    destination_country: Texts = []
    rule: Texts = []
    reason: Texts = []
    mode: Annotated[list[Literal["enforce", "observe"]], BeforeValidator(_listed), Field(max_length=2)] = []
    would_action: Annotated[list[Action], BeforeValidator(_listed), Field(max_length=4)] = []
    policy_hash: Texts = []
    detector_version: Texts = []
    model_version: Texts = []
    process: Texts = []
    server_address: Texts = []
    http_method: Texts = []
    user_agent_family: Texts = []
    status: Status | None = None
    """HTTP status: `404`, `4xx`, `400-499`."""
    error: Texts = []
    finish_reason: Texts = []
    stream: bool | None = None
    withheld: bool = False
    """Only replies in which placeholders were not restored on purpose."""
    unknown: bool = False
    """Only replies with what looks like placeholders and is not of that request."""
    where: Annotated[list[Condition], BeforeValidator(_listed), Field(max_length=10)] = []
    """Comparisons with any field: `total_ms>=250`."""
    id: IdPrefix | None = None
    """Ids that begin so."""

    def query(self, now: dt.datetime, *, before: int | None = None, limit: int = 50) -> Query:
        """The query that these parameters mean."""
        values: dict[str, Any] = {
            name: tuple(value) for name in FIELDS if isinstance(value := getattr(self, name), list) and name != "where"
        }
        return Query(
            **values,
            since=None if self.since is None else parse_since(self.since, now),
            until=None if self.until is None else parse_until(self.until, now),
            status=None if self.status is None else parse_status(self.status),
            stream=self.stream,
            withheld=self.withheld,
            unknown=self.unknown,
            where=tuple(parse_where(one) for one in self.where),
            id_prefix=self.id,
            before=before,
            limit=limit,
        )

    def given(self) -> dict[str, list[str]]:
        """Names and values of what was given, for links and for the record of reads."""
        given: dict[str, list[str]] = {}
        for name in FIELDS:
            value = getattr(self, name)
            if value is None or value is False or value == []:
                if name == "stream" and value is False:
                    given[name] = ["false"]
                continue
            many = value if isinstance(value, list) else [value]
            given[name] = ["true" if one is True else str(one) for one in many]
        return given


FIELDS = tuple(Filters.model_fields)


class PageFilters(Filters):
    """And which page."""

    before: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    """Only records with a smaller number: `next` of the page before."""
    limit: Annotated[int, Field(ge=1, le=API_LIMIT)] = 50
    """Records of a page."""


def from_address(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Parameters of an address as the models take them: repeated ones are lists, empty ones are left out."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        value = value.strip()
        if not value:
            continue
        if name in found:
            found[name] = [*found[name], value] if isinstance(found[name], list) else [found[name], value]
        else:
            found[name] = value
    return found


def pairs_of(given: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """For `urllib.parse.urlencode`."""
    return [(name, value) for name, values in given.items() for value in values]
