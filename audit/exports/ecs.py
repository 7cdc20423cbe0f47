"""Elastic Common Schema 9, with its ``gen_ai`` fields (OpenTelemetry's names). Pure.

What ECS has no field for stands under ``coatcheck``. Source: elastic.co/docs/reference/ecs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.exports.entries import Entry
from audit.exports.manifest import product_version
from audit.exports.severity import severity_of
from audit.filters import State
from audit.times import iso

VERSION = "9.0.0"
_TYPES = {"block": "denied"}
_OUTCOMES = {State.COMPLETE: "success", State.FAILED: "failure", State.REFUSED: "failure"}
_MAPPED = frozenset((
    "id", "time", "findings", "tenant", "principal", "client_address", "proxy_user", "server_address",
    "http_method", "model", "provider", "operation", "request_bytes", "policy_hash", "user_agent_family",
    "destination_country",
))  # fmt: skip
_MAPPED_OUTCOME = frozenset((
    "decision_id", "decision_seq", "seq", "time", "status", "error", "response_bytes", "input_tokens",
    "output_tokens", "response_model", "finish_reason",
))  # fmt: skip


def ecs_event(entry: Entry) -> dict[str, Any]:
    """The event of an entry, for JSON."""
    event: dict[str, Any] = {
        "@timestamp": iso(entry.time),
        "ecs": {"version": VERSION},
        "event": {
            "id": f"{entry.kind}:{entry.leaf}",
            "kind": "event",
            "module": "coatcheck",
            "dataset": "coatcheck.ledger",
            "sequence": entry.leaf,
            "severity": severity_of(entry),
            "category": ["api"],
            "action": entry.kind,
        },
        "observer": {"vendor": "Coatcheck", "product": "Coatcheck", "type": "proxy", "version": product_version()},
        "organization": {"id": (entry.decision or entry.policy or {}).get("tenant")},
    }
    if entry.decision is None:
        policy = entry.policy or {}
        event["event"] |= {"category": ["configuration"], "type": ["info"], "outcome": "success"}
        event["rule"] = {"ruleset": policy.get("hash")}
        event["coatcheck"] = {"id": entry.id, "leaf": entry.leaf, "policy": policy.get("policy")}
    else:
        event |= _request(event, entry, entry.decision, entry.outcome or {})
    told: dict[str, Any] = _known(event)
    return told


def _request(
    event: dict[str, Any], entry: Entry, decision: Mapping[str, Any], outcome: Mapping[str, Any]
) -> dict[str, Any]:
    host, _, port = (decision["server_address"] or "").rpartition(":")
    event["event"] |= {
        "type": ["access", _TYPES.get(decision["action"], "allowed")],
        "outcome": "unknown" if entry.state is None else _OUTCOMES.get(entry.state, "unknown"),
        "reason": outcome.get("error") or decision["reason"],
    }
    return event | {
        "trace": {"id": entry.id},
        "source": {"ip": decision["client_address"]},
        "user": {"id": decision["principal"], "name": decision["proxy_user"]},
        "destination": {
            "address": host or None,
            "domain": host or None,
            "port": int(port) if port.isdigit() else None,
            "geo": {"country_iso_code": decision["destination_country"]},
        },
        "http": {
            "request": {"method": decision["http_method"], "bytes": decision["request_bytes"]},
            "response": {"status_code": outcome.get("status"), "bytes": outcome.get("response_bytes")},
        },
        "user_agent": {"name": decision["user_agent_family"]},
        "rule": {"name": decision["rule"], "ruleset": decision["policy_hash"] or None},
        "error": {"code": outcome.get("error")},
        "gen_ai": {
            "provider": {"name": decision["provider"]},
            "operation": {"name": decision["operation"]},
            "request": {"model": decision["model"]},
            "response": {
                "model": outcome.get("response_model"),
                "finish_reasons": [outcome["finish_reason"]] if outcome.get("finish_reason") else None,
            },
            "usage": {"input_tokens": outcome.get("input_tokens"), "output_tokens": outcome.get("output_tokens")},
        },
        "coatcheck": {
            "id": entry.id,
            "leaf": entry.leaf,
            "state": None if entry.state is None else str(entry.state),
            "findings": decision["findings"],
            **{name: value for name, value in decision.items() if name not in _MAPPED},
            **{name: value for name, value in outcome.items() if name not in _MAPPED_OUTCOME},
        },
    }


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {key: _known(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in inner.items() if one != {}}
    return value
