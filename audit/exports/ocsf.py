"""OCSF 1.8.0, class API Activity (6003), with the profiles ``ai_operation`` and ``security_control``. Pure.

What the class has no attribute for stands under ``unmapped``, by its name in the record. Findings are enrichments:
entity, count and keyed fingerprints, never values. Names and numbers: schema.ocsf.io, class ``api_activity``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.exports.entries import Entry
from audit.exports.manifest import product_version
from audit.exports.severity import severity_of
from audit.filters import State

VERSION = "1.8.0"
CATEGORY_UID, CLASS_UID = 6, 6003
_ACTIVITY_CREATE, _ACTIVITY_OTHER = 1, 99
_SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High"}
_STATUS = {State.COMPLETE: (1, "Success"), State.FAILED: (2, "Failure"), State.REFUSED: (2, "Failure")}
_DISPOSITIONS = {
    "allow": (1, "Allowed", 1, "Allowed"),
    "mask": (1, "Allowed", 7, "Custom Action"),
    "reroute": (1, "Allowed", 7, "Custom Action"),
    "block": (2, "Denied", 2, "Blocked"),
}
"""Action and disposition, numbers and captions; what the custom action was is ``unmapped.action``."""
_MAPPED = frozenset((
    "id", "time", "findings", "tenant", "principal", "client_address", "proxy_user", "server_address",
    "http_method", "model", "provider", "operation", "endpoint", "rule", "policy_hash", "user_agent_family",
    "destination_country",
))  # fmt: skip
_MAPPED_OUTCOME = frozenset((
    "decision_id", "decision_seq", "seq", "time", "status", "error", "response_bytes", "input_tokens",
    "output_tokens",
))  # fmt: skip


def ocsf_event(entry: Entry) -> dict[str, Any]:
    """The event of an entry, for JSON."""
    severity = severity_of(entry)
    known = entry.decision is not None
    activity = _ACTIVITY_CREATE if known else _ACTIVITY_OTHER
    event: dict[str, Any] = {
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": activity,
        "activity_name": "Create" if known else "Policy in force",
        "type_uid": CLASS_UID * 100 + activity,
        "type_name": f"API Activity: {'Create' if known else 'Other'}",
        "severity_id": severity,
        "severity": _SEVERITIES[severity],
        "time": _milliseconds(entry),
        "metadata": _metadata(entry),
    }
    if entry.decision is None:
        event |= _policy(entry, entry.policy or {})
    else:
        event |= _request(entry, entry.decision, entry.outcome or {})
    told: dict[str, Any] = _compact(event)
    return told


def _request(entry: Entry, decision: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, Any]:
    host, _, port = (decision["server_address"] or "").rpartition(":")
    action_id, action, disposition_id, disposition = _DISPOSITIONS[decision["action"]]
    status_id, status = (0, "Unknown") if entry.state is None else _STATUS.get(entry.state, (0, "Unknown"))
    tokens = [outcome.get("input_tokens"), outcome.get("output_tokens")]
    country = decision["destination_country"]
    return {
        "message": f"{decision['action']} by rule {decision['rule']}",
        "status_id": status_id,
        "status": status,
        "status_code": None if outcome.get("status") is None else str(outcome["status"]),
        "status_detail": outcome.get("error") or decision["reason"],
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "actor": {"user": {"uid": decision["principal"], "name": decision["proxy_user"]}},
        "api": {
            "operation": decision["operation"] or decision["endpoint"],
            "service": {"name": decision["endpoint"]},
            "request": {"uid": entry.id},
            "response": {"code": outcome.get("status"), "error": outcome.get("error")} if outcome else None,
        },
        "src_endpoint": {"ip": decision["client_address"]} if decision["client_address"] else {"name": "unknown"},
        "dst_endpoint": {
            "hostname": host or None,
            "port": int(port) if port.isdigit() else None,
            "svc_name": decision["route"] or decision["upstream"],
            "location": {"country": country} if country else None,
        },
        "http_request": {"http_method": decision["http_method"], "user_agent": decision["user_agent_family"]},
        "http_response": (
            {"code": outcome["status"], "length": outcome["response_bytes"]}
            if outcome.get("status") is not None
            else None
        ),
        "policy": {"uid": decision["policy_hash"]} if decision["policy_hash"] else None,
        "firewall_rule": {"name": decision["rule"], "uid": decision["rule"]},
        "ai_model": (
            {"name": decision["model"], "ai_provider": decision["provider"] or decision["upstream"]}
            if decision["model"]
            else None
        ),
        "message_context": (
            {
                "service": {"name": decision["upstream"]},
                "prompt_tokens": tokens[0],
                "completion_tokens": tokens[1],
                "total_tokens": None if None in tokens else sum(one or 0 for one in tokens),
            }
            if any(one is not None for one in tokens)
            else None
        ),
        "enrichments": [_enrichment(finding) for finding in decision["findings"]],
        "unmapped": {
            "kind": entry.kind,
            "leaf": entry.leaf,
            "outcome_leaf": entry.outcome_leaf,
            "state": None if entry.state is None else str(entry.state),
            **{name: value for name, value in decision.items() if name not in _MAPPED},
            **{name: value for name, value in outcome.items() if name not in _MAPPED_OUTCOME},
        },
    }


def _policy(entry: Entry, policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message": "A policy came into force",
        "status_id": 1,
        "status": "Success",
        "actor": {"app_name": "coatcheck"},
        "api": {"operation": "policy"},
        "src_endpoint": {"name": "coatcheck"},
        "policy": {"uid": policy.get("hash")},
        "unmapped": {"kind": entry.kind, "leaf": entry.leaf, "policy": policy.get("policy")},
    }


def _metadata(entry: Entry) -> dict[str, Any]:
    return {
        "version": VERSION,
        "profiles": ["ai_operation", "security_control"],
        "product": {"name": "Coatcheck", "vendor_name": "Coatcheck", "version": product_version()},
        "uid": f"{entry.kind}:{entry.leaf}",
        "correlation_uid": entry.id,
        "sequence": entry.leaf,
        "log_name": "ledger",
        "event_code": entry.kind,
        "tenant_uid": (entry.decision or entry.policy or {}).get("tenant"),
    }


def _enrichment(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": finding["path"],
        "value": finding["entity"],
        "type": "personal data",
        "provider": finding["recognizer"],
        "data": {name: finding[name] for name in ("count", "max_score", "role", "action", "fingerprints")},
    }


def _milliseconds(entry: Entry) -> int:
    return int(entry.time.timestamp() * 1000)


def _compact(value: Any) -> Any:
    """Without what is not known: OCSF leaves such attributes out."""
    if isinstance(value, dict):
        inner = {key: _compact(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in inner.items() if one != {} and one != []}
    return [_compact(one) for one in value] if isinstance(value, list) else value
