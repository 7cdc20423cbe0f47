"""Builds an audit database of millions of records, in bulk, for `benchmarks/audit_queries.py`: no ledger, no fsyncs.

What goes together in real traffic goes together here: a caller has few models, a rule follows from what was found, and
most callers send little. One record in about 0.8 s of a quarter year, so ten million in ninety days.
"""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audit.database import open_database
from audit.schema import Base

START = dt.datetime(2026, 8, 1)
APART_S = 0.7776
CALLERS = 2000
_BATCH = 20_000

_TABLES = ("decisions", "findings", "fingerprints", "outcomes")
_WHAT = (  # share, action, rule, reason, entities
    (46, "allow", "nothing-found", "default", ()),
    (16, "mask", "personal-data", "entity:EMAIL_ADDRESS", ("EMAIL_ADDRESS", "PERSON")),
    (10, "mask", "personal-data", "entity:PERSON", ("PERSON",)),
    (8, "mask", "personal-data", "entity:PHONE_NUMBER", ("PHONE_NUMBER", "PERSON", "LOCATION")),
    (5, "mask", "personal-data", "entity:CN_PHONE_NUMBER", ("CN_PHONE_NUMBER", "PERSON")),
    (4, "mask", "secrets", "entity:API_KEY", ("API_KEY",)),
    (4, "reroute", "stays-home", "entity:CN_RESIDENT_ID", ("CN_RESIDENT_ID", "PERSON")),
    (3, "reroute", "health", "entity:MEDICAL_RECORD", ("MEDICAL_RECORD", "PERSON", "DATE_TIME")),
    (2, "block", "no-cards", "entity:CREDIT_CARD", ("CREDIT_CARD",)),
    (1, "block", "unreadable", "unreadable:image", ()),
    (0.95, "allow", "trusted-team", "principal", ("PERSON", "EMAIL_ADDRESS")),
    (0.05, "mask", "personal-data", "entity:IBAN_CODE", ("IBAN_CODE",)),
)
_WHERE = (  # share, upstream, endpoint, provider, country, models
    (50, "openai", "openai.chat", "openai", "US", ("gpt-example", "gpt-example-mini", "gpt-example-old")),
    (10, "openai", "openai.responses", "openai", "US", ("gpt-example", "gpt-example-mini")),
    (25, "anthropic", "anthropic.messages", "anthropic", "US", ("claude-example", "claude-example-small")),
    (10, "bedrock", "bedrock.converse", "aws.bedrock", "IE", ("example.claude-v1", "example.nova-v1")),
    (4, "gemini", "gemini.generate", "gcp.gemini", "BE", ("gemini-example",)),
    (1, "openai", "openai.embeddings", "openai", "US", ("embedding-example",)),
)


def build(path: Path, records: int) -> None:
    """Make a new database of so many decisions at ``path``."""
    open_database(str(path))
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-400000", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    kept = connection.execute(
        f"SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL "
        f"AND tbl_name IN {_TABLES} ORDER BY type"
    ).fetchall()
    for kind, name, _ in kept:
        connection.execute(f"DROP {kind} {name}")
    inserts = {}
    for name in _TABLES:
        columns = [column.name for column in Base.metadata.tables[name].c]
        inserts[name] = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(f':{c}' for c in columns)})"
    made = records_of(records)
    while batch := list(itertools.islice(made, _BATCH)):
        connection.execute("BEGIN")
        for place, name in enumerate(_TABLES):
            rows = [row for one in batch for row in one[place]]
            connection.executemany(inserts[name], rows)
        connection.execute("COMMIT")
    for _, _, sql in kept:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def records_of(count: int) -> Iterator[tuple[list[dict[str, Any]], ...]]:
    """Rows of decisions, findings, fingerprints and outcomes, one record after the other."""
    dice = random.Random(5)
    pick_what, pick_where = _picker([one[0] for one in _WHAT]), _picker([one[0] for one in _WHERE])
    pick_caller = _picker([1 / (n + 1) for n in range(CALLERS)])
    blank = {c.name: None for c in Base.metadata.tables["decisions"].c} | {
        "tenant": "default", "mode": "enforce", "would_action": None, "http_method": "POST", "policy_hash": "0" * 64,
        "detector_version": "0.1.0", "model_version": "ner 1", "time_source": "ntp", "operation": "chat",
        "process": "gateway-1/4711", "user_agent_family": "openai-python",
        "shape": '[["$.messages[*].content","user",4,900]]',
    }  # fmt: skip
    ended = {c.name: 0 for c in Base.metadata.tables["outcomes"].c} | {
        "error": None, "complete": 1, "response_findings": "[]", "currency": "USD", "response_model": None,
        "finish_reason": "stop",
    }  # fmt: skip
    for seq in range(1, count + 1):
        die = dice.random()
        _, action, rule, reason, entities = _WHAT[pick_what(die)]
        _, upstream, endpoint, provider, country, models = _WHERE[pick_where(dice.random())]
        caller = pick_caller(dice.random())
        moment = START + dt.timedelta(seconds=seq * APART_S, microseconds=1)
        gone, home = action != "block", action == "reroute"
        decision = {
            **blank, "seq": seq, "id": f"{0x019F << 32 | seq:012x}7000{0x8000 << 48 | seq:016x}"[-32:],
            "time": moment.isoformat(" ", "microseconds"),
            "principal": f"k:{caller:08x}", "upstream": upstream, "endpoint": endpoint, "action": action, "rule": rule,
            "reason": reason, "route": "local" if home else upstream if gone else None, "provider": provider,
            "destination_country": "CN" if home else country if gone else None, "model": models[caller % len(models)],
            "client_address": f"192.0.2.{caller % 250}", "proxy_user": None if caller % 20 else f"user{caller}",
            "server_address": f"{upstream}.example.com:443", "stream": caller % 2,
            "request_bytes": int(dice.paretovariate(1.2) * 900), "segments": 4, "placeholders": len(entities),
            "detect_ms": dice.lognormvariate(1.5, 1), "total_ms": dice.lognormvariate(1.8, 1),
        }  # fmt: skip
        findings = [
            {"decision_seq": seq, "position": n, "entity": entity, "recognizer": f"{entity.title()}Recognizer",
             "count": 1 + seq % 3, "max_score": 0.85, "role": "user" if n == 0 else "tool",
             "path": "$.messages[*].content", "action": action}
            for n, entity in enumerate(entities)
        ]  # fmt: skip
        prints = [{"decision_seq": seq, "position": 0, "ordinal": 0, "fingerprint": f"{dice.getrandbits(21):032x}"}]
        outcomes = []
        die = dice.random()
        if die > 0.0005 and gone:
            status = 200 if die > 0.03 else 429 if die > 0.01 else 500 if die > 0.003 else None
            reply = dice.lognormvariate(6.5, 0.8)
            outcomes.append({
                **ended, "seq": None, "decision_seq": seq, "status": status,
                "time": (moment + dt.timedelta(milliseconds=reply)).isoformat(" ", "microseconds"),
                "complete": int(status is not None), "cost": 0.001 * (seq % 7),
                "error": None if status == 200 else "upstream_error" if status else "upstream_disconnected",
                "input_tokens": 900, "output_tokens": 200 + seq % 300, "placeholders_seen": len(entities),
                "placeholders_restored": len(entities), "placeholders_unknown": int(die > 0.9999),
                "placeholders_withheld": int(die > 0.99995), "response_bytes": 2000 + seq % 5000, "upstream_ms": reply,
                "first_byte_ms": reply / 3, "gateway_ms": 4.0, "restore_ms": 0.3,
            })  # fmt: skip
        yield [decision], findings, prints if findings else [], outcomes


def _picker(weights: list[float]) -> Any:
    sums = list(itertools.accumulate(weights))
    return lambda die: bisect.bisect(sums, die * sums[-1])
