"""What is taken out of a body for a local server, and what never is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.reroute.errors import RerouteError
from addons.reroute.fields import TABLE, fit_body


def fit(endpoint: str, document: object, keep: tuple[str, ...] = ()) -> Any:
    return json.loads(fit_body(endpoint, json.dumps(document).encode(), keep))


FUNCTION = {"type": "function", "function": {"name": "lookup", "parameters": {}}}
CUSTOM = {"name": "lookup", "input_schema": {"type": "object"}}


def test_the_providers_own_fields_go() -> None:
    assert fit("openai.chat", {"model": "m", "store": True, "service_tier": "auto", "user": "u", "seed": 1}) == {
        "model": "m",
        "seed": 1,
    }
    beta = ("access_programs", "background_options", "betas", "image", "moderation", "multi_agent")
    assert fit("openai.responses", {"model": "m", "input": "x", **dict.fromkeys(beta, True)}) == {
        "model": "m",
        "input": "x",
    }
    document = {"model": "m", "max_tokens": 9, "thinking": {"type": "enabled"}, "mcp_servers": [], "container": "c_1"}
    assert fit("anthropic.messages", document) == {"model": "m", "max_tokens": 9}
    assert fit("anthropic.count_tokens", document) == {"model": "m", "max_tokens": 9}


def test_a_site_can_keep_fields() -> None:
    document = {"thinking": {"type": "enabled"}, "service_tier": "auto"}
    assert fit("anthropic.messages", document, keep=("thinking",)) == {"thinking": {"type": "enabled"}}


def test_hosted_tools_go_and_own_tools_stay() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    custom_typed = {**CUSTOM, "type": "custom"}
    fitted = fit("anthropic.messages", {"tools": [search, CUSTOM, custom_typed], "tool_choice": {"type": "auto"}})
    assert fitted == {"tools": [CUSTOM, custom_typed], "tool_choice": {"type": "auto"}}
    fitted = fit("openai.chat", {"tools": [FUNCTION, {"type": "custom", "custom": {"name": "x"}}]})
    assert fitted == {"tools": [FUNCTION]}


def test_a_choice_of_a_dropped_tool_goes_with_it() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    wanted = {"type": "tool", "name": "web_search"}
    assert fit("anthropic.messages", {"tools": [search, CUSTOM], "tool_choice": wanted}) == {"tools": [CUSTOM]}
    only = {"tools": [search], "tool_choice": {"type": "any"}, "messages": []}
    assert fit("anthropic.messages", only) == {"messages": []}
    chosen = {"type": "function", "function": {"name": "lookup"}}
    mixed = {"tools": [FUNCTION, {"type": "web_search"}], "tool_choice": chosen}
    assert fit("openai.chat", mixed) == {"tools": [FUNCTION], "tool_choice": chosen}


def test_the_clouds_reasoning_is_no_history_for_a_local_model() -> None:
    said = {"type": "text", "text": "Hallo"}
    document = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "…", "signature": "s"}, said]},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]},
        ]
    }
    assert fit("anthropic.messages", document) == {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [said]}]
    }
    message = {"type": "message", "role": "user", "content": "你好"}
    items = {"input": [{"type": "reasoning", "encrypted_content": "x"}, message]}
    assert fit("openai.responses", items) == {"input": [message]}


@pytest.mark.parametrize(
    "document",
    [
        {"previous_response_id": "resp_1", "input": "x"},
        {"conversation": {"id": "conv_1"}, "input": "x"},
        {"prompt": {"id": "pmpt_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ],
)
def test_state_at_the_provider_cannot_be_rerouted(document: dict[str, Any]) -> None:
    with pytest.raises(RerouteError, match="Send the whole conversation") as caught:
        fit("openai.responses", document)
    assert caught.value.code == "reroute_stored_state"
    assert "_1" not in caught.value.message


def test_stored_fields_that_are_null_are_no_state() -> None:
    assert fit("openai.responses", {"previous_response_id": None, "input": "x"}) == {"input": "x"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff", b"[" * 100_000])
def test_no_json_object(body: bytes) -> None:
    with pytest.raises(RerouteError) as caught:
        fit_body("openai.chat", body)
    assert caught.value.code == "malformed_json"


def test_an_endpoint_without_a_row() -> None:
    with pytest.raises(RerouteError, match="generic"):
        fit_body("generic", b"{}")


def test_half_a_surrogate_pair_survives() -> None:
    assert fit_body("openai.chat", b'{"user":"u","stop":"\\ud83d"}') == b'{"stop":"\\ud83d"}'


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
keys = st.sampled_from(
    ["model", "messages", "tools", "tool_choice", "user", "thinking", "input", "store", "stop", "system"]
)


@given(st.sampled_from(sorted(TABLE)), st.dictionaries(keys, values))
def test_it_is_idempotent_and_invents_nothing(endpoint: str, document: dict[str, Any]) -> None:
    once = fit_body(endpoint, json.dumps(document).encode())
    assert fit_body(endpoint, once) is once
    left = json.loads(once)
    assert set(left) <= set(document)
    for key in set(left) - {"messages", "input", "tools", "tool_choice"}:
        assert left[key] == document[key]
