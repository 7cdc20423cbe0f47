"""The policy section of ``coatcheck.yaml``, typed: entities, rules, allow-list, unreadable parts.

Rules for this file: what may be written, and what each key means (the docstrings under the fields are the published
schema's descriptions). How it is applied is in ``engine.py``. No I/O.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from addons.masking.outlets import AddressRule, Outlets, ToolTrust
from addons.policy.types import Action
from detectors.list_entries import AllowEntry
from detectors.section import EntityPattern, Pattern, Score, Section, ShortForm

RESERVED_RULE_NAMES = frozenset({"entities", "default", "unreadable", "clean"})
"""What a verdict's ``rule`` says where no rule of the file decided."""


def _not_mask(action: Action) -> Action:
    if action is Action.MASK:
        raise ValueError("should be `allow`, `reroute` or `block`; what cannot be read cannot be masked")
    return action


UnreadableAction = Annotated[
    Action,
    AfterValidator(_not_mask),
    WithJsonSchema({"enum": ["allow", "reroute", "block"], "type": "string"}),
]


class EntityRule(ShortForm):
    """What to do with one entity: an action, or ``{action, style, min_score, to}``."""

    short_key: ClassVar[str] = "action"
    short_type: ClassVar[dict[str, Any]] = {"enum": ["allow", "mask", "reroute", "block"], "type": "string"}

    action: Action
    """``allow``, ``mask``, ``reroute`` or ``block``."""
    style: Literal["token", "surrogate"] = "token"
    """What stands for a masked value: a ``token`` (``PERSON_7KQ2M4XB``), or a ``surrogate`` that still validates as
    what it stands for: a name, an e-mail address at example.com, a test card number. What has none gets a token."""
    min_score: Score = 0.0
    """Findings below this score (0 to 1) are allowed, and recorded."""
    to: str | None = None
    """With ``action: reroute``: the on-prem upstream. Default: ``policy.reroute_to``."""


class UnreadableRule(ShortForm):
    """What to do with one kind of unreadable part: an action, or ``{action, to}``."""

    short_key: ClassVar[str] = "action"
    short_type: ClassVar[dict[str, Any]] = {"enum": ["allow", "reroute", "block"], "type": "string"}

    action: UnreadableAction
    """``allow``, ``reroute`` or ``block``. Nothing unreadable can be masked."""
    to: str | None = None
    """With ``action: reroute``: the on-prem upstream. Default: ``policy.reroute_to``."""


class UnreadableRules(Section):
    """What to do with parts that cannot be inspected, per kind. One action for all kinds is ``unreadable: ACTION``."""

    image: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    audio: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    file: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    binary: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    tokens: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    """Token ids in place of text."""
    content_type: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    """A body of a type that no codec reads."""
    remote: UnreadableRule = UnreadableRule(action=Action.BLOCK)
    """A reference to something that the provider would fetch: a file id, a URL."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return dict.fromkeys(cls.model_fields, value) if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [dict(UnreadableRule.short_type), handler(core_schema)]}

    def of(self, kind: str) -> UnreadableRule:
        """The rule for ``kind``; a kind that is not known is blocked."""
        found = getattr(self, kind, None) if kind in type(self).model_fields else None
        return found if isinstance(found, UnreadableRule) else UnreadableRule(action=Action.BLOCK)


class When(Section):
    """Conditions of a rule: all that are given must hold. A list holds if one member fits; ``*`` and ``?`` are wild."""

    entities: tuple[EntityPattern, ...] = Field(default=(), min_length=1)
    """Findings of these entities. The rule speaks of these findings and of no others."""
    unreadable: tuple[Literal["image", "audio", "file", "binary", "tokens", "content_type", "remote", "*"], ...] = (
        Field(default=(), min_length=1)
    )
    """Unreadable parts of these kinds. The rule speaks of these parts and of no others."""
    roles: tuple[Literal["system", "user", "assistant", "tool", "schema", "metadata"], ...] = Field(
        default=(), min_length=1
    )
    """With ``entities``: only findings in segments of these roles."""
    min_count: int = Field(default=1, ge=1)
    """With ``entities``: at least so many distinct values. A value that is repeated counts once."""
    upstreams: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Names of upstreams: ``openai``."""
    endpoints: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Endpoints: ``openai.*``, ``anthropic.messages``."""
    models: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Model names as the client writes them: ``gpt-4*``."""
    principals: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Callers, as the audit records them."""
    tenants: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Tenants."""
    jurisdictions: tuple[Pattern, ...] = Field(default=(), min_length=1)
    """Where the upstream is, as ``upstreams.*.jurisdiction`` says: ``US``. ``unknown`` where it says nothing."""
    min_bytes: int = Field(default=0, ge=0)
    """Requests of at least so many bytes."""

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if self.entities and self.unreadable:
            raise ValueError("names both `entities` and `unreadable`; write two rules")
        if not self.entities and (self.roles or self.min_count > 1):
            raise ValueError('`roles` and `min_count` count findings: add `entities` (["*"] for all)')
        return self


class Rule(Section):
    """One rule. Rules are tried in order."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
    """Unique; what the audit record shows."""
    when: When = When()
    """Conditions. Without any, the rule holds for every request."""
    action: Action
    """``allow``, ``mask``, ``reroute`` or ``block``."""
    to: str | None = None
    """With ``action: reroute``: the on-prem upstream. Default: ``policy.reroute_to``."""

    @model_validator(mode="after")
    def _names_what_it_opens(self) -> Self:
        if self.action is Action.MASK and not self.when.entities:
            raise ValueError('`action: mask` needs `when.entities`: say what is masked (["*"] for all findings)')
        if self.action is Action.ALLOW and not (self.when.entities or self.when.unreadable):
            raise ValueError(
                "`action: allow` needs `when.entities` or `when.unreadable`: a rule opens only what it names "
                '(["*"] for all findings)'
            )
        return self

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED_RULE_NAMES:
            raise ValueError(f"`{name}` is a name that Coatcheck uses itself; choose another")
        return name


class RestoreRules(Section):
    """Where originals may be put back in replies."""

    urls: AddressRule = AddressRule.CALLER_ONLY
    """Into URLs and the targets of links and images: ``caller_only`` (those that the caller wrote in this request),
    ``always`` or ``never``."""
    upstreams: dict[str, AddressRule] = Field(default_factory=dict)
    """The same for single upstreams, by name."""


class ToolRules(Section):
    """Into which tools' arguments originals may be put back. Names; ``*`` and ``?`` are wildcards."""

    trusted: tuple[Pattern, ...] = ()
    """Tools that the provider runs and that may have values: ``web_search``, ``mcp:crm/*``."""
    untrusted: tuple[Pattern, ...] = ()
    """Tools that may not, the caller's own functions among them: ``fetch_url``. Goes before ``trusted``."""


ResponseAction = Literal["allow", "mask", "block"]


class ResponseEntity(ShortForm):
    """What to do with one entity that the model adds: an action, or ``{action, min_score}``."""

    short_key: ClassVar[str] = "action"
    short_type: ClassVar[dict[str, Any]] = {"enum": ["allow", "mask", "block"], "type": "string"}

    action: ResponseAction
    """``allow``; ``mask``: a label goes in its place, which nobody restores; ``block``: the reply ends in an error."""
    min_score: Score = 0.0
    """Findings below this score (0 to 1) are allowed."""


class ResponseRules(Section):
    """What the model adds by itself: values that were not in the request. ``allow`` alone costs nothing."""

    default: ResponseAction = "allow"
    """For entities that ``entities`` does not name."""
    entities: dict[EntityPattern, ResponseEntity] = Field(default_factory=dict)
    """Per entity; an exact name goes before wildcards."""

    @property
    def judges(self) -> bool:
        """True if anything is not allowed."""
        return self.default != "allow" or any(rule.action != "allow" for rule in self.entities.values())


class PolicySettings(Section):
    """What to do with findings."""

    mode: Literal["enforce", "observe"] = "enforce"
    """``observe`` changes nothing and records what ``enforce`` would have done."""
    default: Action = Action.MASK
    """For detected entities that neither a rule nor ``entities`` names."""
    reroute_to: str | None = None
    """The on-prem upstream for every ``reroute`` that does not say ``to``."""
    unreadable: UnreadableRules = UnreadableRules()
    """Images, audio, token ids and other parts that cannot be inspected."""
    entities: dict[EntityPattern, EntityRule] = Field(default_factory=dict)
    """Per entity; an exact name goes before wildcards. Laid over the built-in table."""
    rules: tuple[Rule, ...] = ()
    """Tried in order, before ``entities``."""
    allow_list: tuple[AllowEntry, ...] = ()
    """Values that are not findings: product names, test data, the company's own address."""
    restore: RestoreRules = RestoreRules()
    """Where originals may be put back."""
    response: ResponseRules = ResponseRules()
    """What the model adds by itself."""
    tools: ToolRules = ToolRules()
    """Into which tools' arguments originals may be put back."""

    def outlets(self, upstream: str) -> Outlets:
        """Where the reply of an upstream may have originals."""
        urls = self.restore.upstreams.get(upstream, self.restore.urls)
        return Outlets(urls, ToolTrust(self.tools.trusted, self.tools.untrusted))

    def hash(self) -> str:
        """SHA-256 (hex) over this section as canonical JSON: what the audit record calls ``policy_hash``."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def recorded(self) -> str:
        """This section as canonical JSON for the audit record; allow-list entries, which may be data, are counted.

        Without such entries the text has the hash that `hash` gives.
        """
        values = self.model_dump(mode="json")
        if self.allow_list:
            values["allow_list"] = {"entries": len(self.allow_list)}
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def routes(self) -> Iterator[tuple[tuple[str | int, ...], str | None]]:
        """Every place that reroutes: (key path, target; None where neither it nor ``reroute_to`` names one)."""
        if self.default is Action.REROUTE:
            yield ("default",), self.reroute_to
        for name, entity in self.entities.items():
            if entity.action is Action.REROUTE:
                yield ("entities", name), entity.to or self.reroute_to
        for kind in type(self.unreadable).model_fields:
            unreadable = self.unreadable.of(kind)
            if unreadable.action is Action.REROUTE:
                yield ("unreadable", kind), unreadable.to or self.reroute_to
        for index, rule in enumerate(self.rules):
            if rule.action is Action.REROUTE:
                yield ("rules", index), rule.to or self.reroute_to
