"""The options that choose records, in one place: ``@choosing`` gives a command all of them and hands it a `Query`.

A command's first parameter is then ``query``; typer sees the options of `OPTIONS` in its place.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from audit.command_line import errors_shown
from audit.errors import AuditError
from audit.filters import KNOWN_VALUES, parse_where
from audit.query import Query, State, parse_status
from audit.times import parse_since, parse_until

_WHEN, _WHO, _WHAT, _WHERE, _END = "When", "Who", "What was found and done", "Where it went", "How it ended"


def _texts(help: str, panel: str, *names: str) -> Any:  # noqa: A002
    return Annotated[list[str] | None, typer.Option(*names, help=help, rich_help_panel=panel, metavar="TEXT")]


OPTIONS: dict[str, Any] = {
    "since": Annotated[str | None, typer.Option(metavar="TIME", rich_help_panel=_WHEN,
                       help="From then on: 7d, 2h, 2026-11-24 (UTC).")],
    "until": Annotated[str | None, typer.Option(metavar="TIME", rich_help_panel=_WHEN,
                       help="Before then; a date includes its day.")],
    "caller": _texts("Key fingerprint, proxy user or client address.", _WHO),
    "principal": _texts("Key fingerprint alone.", _WHO),
    "tenant": _texts("Tenant.", _WHO),
    "user_agent_family": _texts("SDK that called.", _WHO, "--user-agent"),
    "process": _texts("Gateway process: host/pid.", _WHO),
    "entity": _texts("Entity found, such as PERSON.", _WHAT),
    "recognizer": _texts("Recognizer that found it.", _WHAT),
    "role": _texts("Whose text: user, system, tool, ...", _WHAT),
    "path": _texts("Where: $.messages[*].content.", _WHAT),
    "fingerprint": _texts("Fingerprint of a value found.", _WHAT),
    "action": _texts("allow, mask, reroute or block.", _WHAT),
    "would_action": _texts("What enforcing would have done.", _WHAT, "--would-action"),
    "mode": _texts("enforce or observe.", _WHAT),
    "rule": _texts("Name of the rule that decided.", _WHAT),
    "reason": _texts("Such as entity:CREDIT_CARD.", _WHAT),
    "policy_hash": _texts("Hash of the policy in force.", _WHAT, "--policy"),
    "detector_version": _texts("Version of the detector.", _WHAT, "--detector"),
    "model_version": _texts("The NER model.", _WHAT, "--ner-model"),
    "upstream": _texts("Upstream asked for or routed to.", _WHERE),
    "route": _texts("Upstream routed to.", _WHERE),
    "provider": _texts("Such as openai or gcp.gemini.", _WHERE),
    "endpoint": _texts("Such as openai.chat.", _WHERE),
    "operation": _texts("Such as chat or embeddings.", _WHERE),
    "model": _texts("Model asked for.", _WHERE),
    "destination_country": _texts("Country that it went to, such as US.", _WHERE, "--country"),
    "server_address": _texts("host:port that the client asked for.", _WHERE, "--server"),
    "http_method": _texts("Such as POST.", _WHERE, "--method"),
    "status": _texts("404, 4xx, 400-499; or complete, failed, refused, pending, unresolved.", _END),
    "error": _texts("Error code, such as upstream_disconnected.", _END),
    "finish_reason": _texts("Why the model stopped.", _END, "--finish-reason"),
    "withheld": Annotated[bool, typer.Option("--withheld", rich_help_panel=_END,
                          help="Placeholders were kept from being restored.")],
    "unknown": Annotated[bool, typer.Option("--unknown", rich_help_panel=_END,
                         help="The reply had placeholders of nobody.")],
    "stream": Annotated[bool | None, typer.Option("--stream/--no-stream", rich_help_panel=_END,
                        help="Streamed replies, or the others.")],
    "where": Annotated[list[str] | None, typer.Option(metavar="FIELD>=N", rich_help_panel=_END,
                       help="Any field: total_ms>=250, cost>0.1, process!=host/1. Repeatable; all must hold.")],
}  # fmt: skip
"""By the field of `Query`; the one for ``status`` takes states, too."""


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose first parameter is ``query`` all filters as options."""
    signature = inspect.signature(command, eval_str=True)
    given = [one for name, one in signature.parameters.items() if name != "query"]
    arguments = [one for one in given if one.default is inspect.Parameter.empty]
    rest = [one for one in given if one.default is not inspect.Parameter.empty]
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    defaults = {"withheld": False, "unknown": False}
    filters = [
        inspect.Parameter(name, keyword, default=defaults.get(name), annotation=annotation)
        for name, annotation in OPTIONS.items()
    ]

    @functools.wraps(command)
    def asked(**values: Any) -> None:
        with errors_shown():
            query = query_of({name: values.pop(name) for name in OPTIONS}, dt.datetime.now(dt.UTC))
        command(query, **values)

    asked.__signature__ = signature.replace(parameters=[*arguments, *rest, *filters])  # type: ignore[attr-defined]
    asked.__annotations__ = {one.name: one.annotation for one in (*arguments, *rest, *filters)}
    return asked


def query_of(values: dict[str, Any], now: dt.datetime) -> Query:
    """The query that options mean. Raises AuditError."""
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, list):
            fields[name] = tuple(value)
        else:
            fields[name] = value
    for name, parse in (("since", parse_since), ("until", parse_until)):
        if name in fields:
            try:
                fields[name] = parse(fields[name], now)
            except AuditError as error:
                raise AuditError("query", f"--{name}: {error.message}") from None
    if "since" in fields and "until" in fields and fields["since"] >= fields["until"]:
        raise AuditError("query", "--since is not before --until: nothing lies between.")
    for name, known in KNOWN_VALUES.items():
        if set(fields.get(name, ())) - set(known):
            raise AuditError("query", f"--{name.replace('_', '-')} is one of: {', '.join(known)}.")
    fields["where"] = tuple(parse_where(text) for text in fields.get("where", ()))
    words = fields.pop("status", ())
    fields["state"] = tuple(State(word) for word in words if word in tuple(State))
    numbers = [parse_status(word) for word in words if word not in tuple(State)]
    if len(numbers) > 1 or (numbers and fields["state"]):
        raise AuditError("query", "--status takes one number, class or range, or any of the words, not both.")
    fields["status"] = numbers[0] if numbers else None
    return Query(**fields)
