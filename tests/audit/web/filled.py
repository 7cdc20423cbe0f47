"""Fills a database with a fortnight of fictional traffic for the page: quiet days, failures, and hostile text.

python tests/audit/web/filled.py /tmp/state    # then COATCHECK_STATE_DIR=/tmp/state coatcheck audit serve
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

from audit.checkpoint import Checkpoint, load_or_create_key
from audit.database import open_database
from audit.ids import new_id
from audit.ledger import root_at, size_of
from audit.records import Decision, Finding, Outcome, PolicyRecord
from audit.schema import Base
from audit.writer import Writer

HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror="window.pwned=1">',
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe\u202c txt",
    "\x1b[31mred\x1b[0m\x07",
    "{{ 7*7 }}${7*7}javascript:window.pwned=1",
    "' onfocus='window.pwned=1' autofocus='",
)
EVERY = "".join(HOSTILE)
POLICY = {"default": "mask", "entities": {"PERSON": "mask", "CREDIT_CARD": "block", "CN_RESIDENT_ID": "reroute"},
          "unreadable": {"image": "block"}, "reroute_to": "local"}  # fmt: skip
POLICY_TEXT = json.dumps(POLICY, sort_keys=True, separators=(",", ":"))
POLICY_HASH = hashlib.sha256(POLICY_TEXT.encode()).hexdigest()

_PLACES = {
    "openai": ("openai.chat", "gpt-example", "api.openai.example.com:443", "openai", "US"),
    "anthropic": ("anthropic.messages", "claude-example", "api.anthropic.example.com:443", "anthropic", "US"),
    "gemini": ("gemini.generate", "gemini-example", "gemini.example.org:443", "gcp.gemini", "IE"),
    "dashscope": ("openai.chat", "qwen-示例", "dashscope.example.cn:443", "alibaba", "CN"),
}
_ENTITIES = {
    "PERSON": ("OnnxRecognizer", "mask"),
    "EMAIL_ADDRESS": ("EmailRecognizer", "mask"),
    "PHONE_NUMBER": ("PhoneRecognizer", "mask"),
    "LOCATION": ("OnnxRecognizer", "allow"),
    "CN_RESIDENT_ID": ("CnResidentIdRecognizer", "reroute"),
    "CREDIT_CARD": ("CreditCardRecognizer", "block"),
    "IBAN_CODE": ("IbanRecognizer", "mask"),
}
_RANK = {"allow": 0, "mask": 1, "reroute": 2, "block": 3}


def print_of(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def fill(url: str, state: Path, *, records: int = 240, now: dt.datetime | None = None, seed: int = 7) -> list[Decision]:
    """Write the records, the newest last, and sign all but the last few. Returns the decisions."""
    now = now or dt.datetime.now(dt.UTC)
    chance = random.Random(seed)
    writer = Writer(url, busy_timeout_s=2)
    writer.write([PolicyRecord(new_id(), now - dt.timedelta(days=20), "default", POLICY_HASH, POLICY_TEXT)])
    decisions: list[Decision] = []
    batch: list[Any] = []
    for number in range(records):
        age = dt.timedelta(days=13 * (1 - number / records), minutes=12 if number < records - 1 else 1)
        decision = _decision(chance, now - age, number)
        decisions.append(decision)
        batch.append(decision)
        if decision.route is not None and number % 61 != 7 and number != records - 1:
            batch.append(_outcome(chance, decision, number))
    decisions.append(hostile(now - dt.timedelta(minutes=30)))
    batch += [decisions[-1], Outcome(decisions[-1].id, now, 502, error=EVERY, complete=False, response_model=EVERY,
                                     finish_reason=EVERY, currency=EVERY, cost=1.0,
                                     response_findings=json.dumps([[EVERY, EVERY, EVERY, EVERY]]))]  # fmt: skip
    assert writer.write(batch) == [None] * len(batch)
    writer.close()
    sign(url, state)
    return decisions


def sign(url: str, state: Path) -> None:
    key = load_or_create_key(state / "ledger.key")
    with open_database(url).engine.begin() as connection:
        size = size_of(connection)
        note = Checkpoint(key.name, size, root_at(connection, size)).signed(key)
        row = {"size": size, "time": dt.datetime.now(dt.UTC), "note": note}
        connection.execute(Base.metadata.tables["ledger_checkpoints"].insert().values(**row))


def _decision(chance: random.Random, time: dt.datetime, number: int) -> Decision:
    upstream = chance.choices(list(_PLACES), (6, 4, 2, 2))[0]
    endpoint, model, address, provider, country = _PLACES[upstream]
    chosen = chance.sample(list(_ENTITIES), chance.choices((0, 1, 2, 3), (4, 5, 3, 1))[0])
    findings = tuple(_finding(chance, entity) for entity in chosen)
    action = max((one.action for one in findings), key=_RANK.__getitem__, default="allow")
    reason = next((f"entity:{one.entity}" for one in findings if one.action == action and action != "allow"), "nothing")
    rule = {"allow": "default", "mask": "personal-data", "reroute": "stays-in-china", "block": "no-cards"}[action]
    if number % 53 == 11:
        action, reason, rule = "block", "error:detector_timeout", "fail_closed"
    observed = number % 29 == 3 and action == "mask"
    route = {"block": None, "reroute": "local"}.get(action, upstream)
    shape = [
        ["$.messages[*].content", "system", 1, 412],
        ["$.messages[*].content", "user", 3, chance.randint(40, 4000)],
    ]
    shape += [["$.tools[*].function.description", "schema", 2, 230]] if number % 3 == 0 else []
    detect = chance.lognormvariate(1.8, 0.6)
    return Decision(
        id=new_id(), time=time, tenant="default", principal=f"k:{print_of('caller', chance.randint(1, 9))[:8]}",
        upstream=upstream, endpoint=endpoint, action="allow" if observed else action, rule=rule, reason=reason,
        route=upstream if observed else route, mode="observe" if observed else "enforce",
        would_action="mask" if observed else None, client_address=f"192.0.2.{chance.randint(1, 40)}",
        proxy_user=chance.choice((None, "ann", "王小明")), process="gateway-1/4242", server_address=address,
        http_method="POST", model=model, stream=number % 2 == 0, request_bytes=chance.randint(300, 40_000),
        segments=sum(row[2] for row in shape), placeholders=sum(one.count for one in findings if action == "mask"),
        policy_hash=POLICY_HASH, detector_version="presidio-2.2+coatcheck", detect_ms=detect,
        total_ms=detect + chance.uniform(0.4, 3), findings=findings, provider=provider, operation="chat",
        destination_country=None if action == "block" else "CN" if action == "reroute" else country,
        time_source="ntp", model_version="ner-base-int8@3f2a", shape=json.dumps(shape),
        user_agent_family=chance.choice(("openai-python", "anthropic-python", "other")),
    )  # fmt: skip


def _finding(chance: random.Random, entity: str) -> Finding:
    recognizer, action = _ENTITIES[entity]
    count = chance.choices((1, 2, 3), (6, 3, 1))[0]
    prints = tuple(print_of(entity, chance.randint(1, 14)) for _ in range(count))
    role = chance.choice(("user", "user", "system"))
    return Finding(entity, recognizer, count, round(chance.uniform(0.55, 1), 2), role, "$.messages[*].content", action,
                   tuple(dict.fromkeys(prints)))  # fmt: skip


def _outcome(chance: random.Random, decision: Decision, number: int) -> Outcome:
    failed = number % 23 == 5
    first = chance.lognormvariate(5.8, 0.5)
    last = first + chance.lognormvariate(6.5, 0.6)
    seen = decision.placeholders and chance.randint(0, 2 * decision.placeholders)
    return Outcome(
        decision.id, decision.time + dt.timedelta(milliseconds=last), 502 if failed else 200,
        error="upstream_disconnected" if failed else None, complete=not failed, response_model=decision.model,
        input_tokens=chance.randint(50, 4000), output_tokens=chance.randint(20, 900), placeholders_seen=seen,
        placeholders_restored=seen, placeholders_mangled=int(number % 37 == 2),
        placeholders_unknown=int(number % 41 == 9),
        response_bytes=chance.randint(800, 9000), upstream_ms=last, first_byte_ms=first,
        placeholders_withheld=int(number % 67 == 1), finish_reason="stop", cost=chance.uniform(0.0005, 0.03),
        currency="USD", restore_ms=chance.uniform(0.2, 4), gateway_ms=decision.total_ms + 1,
        response_findings=json.dumps([["PHONE_NUMBER", "PhoneRecognizer", "mask", 1]]) if number % 31 == 4 else "[]",
    )  # fmt: skip


def hostile(time: dt.datetime) -> Decision:
    """A decision with hostile text in every field that takes text."""
    finding = Finding(EVERY, EVERY, 1, 0.9, EVERY, EVERY, "mask", (EVERY, *HOSTILE))
    return Decision(
        id=new_id(), time=time, tenant=EVERY, principal=EVERY, upstream=EVERY, endpoint=EVERY, action="mask",
        rule=EVERY, reason=f"entity:{EVERY}", route=EVERY[1:], client_address=EVERY, proxy_user=EVERY, process=EVERY,
        server_address=EVERY, http_method=EVERY, model=EVERY, policy_hash=EVERY, detector_version=EVERY,
        findings=(finding,), destination_country=EVERY, provider=EVERY, operation=EVERY, time_source=EVERY,
        model_version=EVERY, shape=json.dumps([[EVERY, EVERY, EVERY, EVERY], [HOSTILE[0], "user", 3, 40]]),
        user_agent_family=EVERY,
    )  # fmt: skip


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    fill(f"sqlite:///{place.absolute()}/audit.db", place, records=int(sys.argv[2]) if len(sys.argv) > 2 else 900)
