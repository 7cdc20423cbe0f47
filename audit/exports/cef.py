"""CEF, ArcSight's Common Event Format, version 0: one line for an event. Pure.

In the header ``\\`` and ``|`` are escaped, in the extension ``\\`` and ``=``; line breaks become ``\\n``, ``\\r``
(ArcSight, "Implementing ArcSight Common Event Format"). Every other character that acts on a terminal is shown as an
escape first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from audit.exports.entries import Entry
from audit.exports.manifest import Manifest, product_version
from audit.exports.severity import severity_of
from audit.visible import visible, visible_json

_SEVERITY = {1: 1, 2: 3, 3: 5, 4: 7}
"""CEF counts to ten; OCSF's informational, low, medium and high in that scale."""
_NAMES = {
    "allow": "Request allowed",
    "mask": "Request masked",
    "reroute": "Request rerouted",
    "block": "Request blocked",
}


def cef_line(entry: Entry) -> str:
    """The event of an entry."""
    if entry.decision is None:
        policy = entry.policy or {}
        fields = {
            "externalId": entry.id, "rt": _milliseconds(entry), "cs3Label": "tenant", "cs3": policy.get("tenant"),
            "cs6Label": "policyHash", "cs6": policy.get("hash"), "cn1Label": "leaf", "cn1": entry.leaf,
        }  # fmt: skip
        return _line("policy", "Policy in force", 1, fields)
    decision, outcome = entry.decision, entry.outcome or {}
    kind = "outcome" if entry.kind == "outcome" else "decision"
    name = _NAMES[decision["action"]] if kind == "decision" else f"Reply {entry.state}"
    return _line(f"{kind}:{decision['action']}", name, _SEVERITY[severity_of(entry)], _fields(entry, decision, outcome))


def cef_end(manifest: Manifest) -> str:
    """The export's last event: what it is of."""
    told = manifest.mapping()
    fields = {
        "cs1Label": "query", "cs1": visible_json(told["query"]), "cs2Label": "checkpoint", "cs2": told["checkpoint"],
        "cs3Label": "range", "cs3": visible_json(told["range"]), "cn1Label": "count", "cn1": told["records"],
    }  # fmt: skip
    return _line("export:end", "Export ended", 1, fields)


def _fields(entry: Entry, decision: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, Any]:
    host, _, port = (decision["server_address"] or "").rpartition(":")
    found = sum(finding["count"] for finding in decision["findings"])
    entities = sorted({finding["entity"] for finding in decision["findings"]})
    return {
        "externalId": entry.id,
        "rt": _milliseconds(entry),
        **_source(decision["client_address"]),
        "suser": decision["proxy_user"] or decision["principal"],
        "suid": decision["principal"],
        "dhost": host,
        "dpt": port if port.isdigit() else None,
        "destinationServiceName": decision["route"] or decision["upstream"],
        "deviceExternalId": decision["process"],
        "requestMethod": decision["http_method"],
        "requestClientApplication": decision["user_agent_family"],
        "act": decision["action"],
        "outcome": None if entry.state is None else str(entry.state),
        "reason": outcome.get("error") or decision["reason"],
        "cat": decision["operation"],
        "out": decision["request_bytes"],
        "in": outcome.get("response_bytes"),
        "cs1Label": "rule", "cs1": decision["rule"],
        "cs2Label": "entities", "cs2": " ".join(entities) or None,
        "cs3Label": "tenant", "cs3": decision["tenant"],
        "cs4Label": "model", "cs4": decision["model"],
        "cs5Label": "country", "cs5": decision["destination_country"],
        "cs6Label": "policyHash", "cs6": decision["policy_hash"],
        "cn1Label": "leaf", "cn1": entry.leaf,
        "cn2Label": "values", "cn2": found,
        "cn3Label": "status", "cn3": outcome.get("status"),
    }  # fmt: skip


def _source(address: str | None) -> dict[str, Any]:
    try:
        version = ipaddress.ip_address(address or "").version
    except ValueError:
        return {"shost": address}
    return {"src": address} if version == 4 else {"c6a2Label": "Source IPv6 Address", "c6a2": address}


def _milliseconds(entry: Entry) -> int:
    return int(entry.time.timestamp() * 1000)


def _line(signature: str, name: str, severity: int, fields: Mapping[str, Any]) -> str:
    head = "|".join(_header(part) for part in ("Coatcheck", "Coatcheck", product_version(), signature, name))
    empty = {key for key, value in fields.items() if value is None or value == ""}
    told = " ".join(
        f"{key}={_extension(str(value))}"
        for key, value in fields.items()
        if key not in empty and key.removesuffix("Label") not in empty
    )
    return f"CEF:0|{head}|{severity}|{told}"


def _header(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    lines = text.replace("\r", "\n\r").split("\n")
    told = [("\\r" if line.startswith("\r") else "\\n", line.removeprefix("\r")) for line in lines]
    joined = "".join(f"{mark}{visible(line).replace('\\', '\\\\').replace('=', '\\=')}" for mark, line in told)
    return joined.removeprefix("\\n")
