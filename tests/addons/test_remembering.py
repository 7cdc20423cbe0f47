"""Stored state through the pipeline: known to its caller, refused to others, kept before a reply leaves, or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from addons.exchange import Exchange, Forward
from addons.keeping import CODE, StreamGate
from addons.keys import derive
from addons.masking.restorer import Original
from addons.metrics import Metrics
from addons.pipeline import Pipeline
from addons.recording import Inbound
from addons.refusal import Refusal
from addons.vault.errors import VaultError
from addons.vault.names import Forget, Keep, Owner
from addons.wire.types import StoredObject
from tests.addons.pipeline_doubles import EMAIL, NAME, PHONE, SECRET, TEXT, Bench, inbound

Values = Mapping[str, Original]


class VaultDouble:
    """A dictionary, or a failure."""

    def __init__(self) -> None:
        self.fault: VaultError | None = None
        self.held: dict[tuple[Owner, StoredObject], dict[str, Original]] = {}
        self.writes = 0

    def owner(self, principal: str) -> Owner:
        return Owner("default", principal)

    async def find(self, principal: str, names: Sequence[StoredObject]) -> list[Values | None]:
        if self.fault is not None:
            raise self.fault
        return [self.held.get((self.owner(principal), name)) for name in names]

    async def write(self, *jobs: Keep | Forget) -> None:
        if self.fault is not None:
            raise self.fault
        self.writes += 1
        for job in jobs:
            if isinstance(job, Forget):
                self.held.pop((job.owner, job.target), None)
                continue
            mine = self.held.setdefault((job.owner, job.holder), {})
            mine.update(job.originals)
            for other in job.others:
                self.held.setdefault((job.owner, other), mine)


class Remembering(Bench):
    """The bench with a vault."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        super().__init__(changes)
        self.vault = VaultDouble()
        self.pipeline = Pipeline(
            self.settings,
            derive(SECRET),
            self.detector,
            self.recorder,
            self.policy,
            Metrics(),
            self.health,
            vault=self.vault,
        )

    def names(self) -> set[str]:
        return {name.id for _, name in self.vault.held}


def request(body: Any, **more: Any) -> Inbound:
    return inbound(json.dumps(body).encode(), target="/v1/responses", **more)


def read_back(path: str, method: str = "GET", **more: Any) -> Inbound:
    return inbound(b"", target=path, method=method, **more)


def reply(text: str, key: str = "resp_1") -> bytes:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": f"msg_{key}", "role": "assistant", "status": "completed", "content": [part]}
    return json.dumps({"id": key, "object": "response", "status": "completed", "output": [item]}).encode()


def told(exchange: Exchange, body: bytes) -> str:
    """The restored text of a whole reply."""
    exchange.sent = 1.0
    out = exchange.restore_body(body, "application/json", "", 200)
    return str(json.loads(body if out is None else out)["output"][0]["content"][0]["text"])


async def first(bench: Remembering) -> tuple[str, Forward]:
    """A stored response to TEXT: what of it went out, and its exchange, kept."""
    forward = await bench.forwarded(request({"input": TEXT}))
    sent = str(json.loads(forward.body or b"")["input"])
    assert told(forward.exchange, reply(sent)) == TEXT
    await bench.pipeline.keep(forward.exchange)
    return sent, forward


async def test_what_a_reply_names_is_restored_in_what_follows() -> None:
    bench = Remembering()
    sent, _ = await first(bench)
    assert bench.names() == {"resp_1", "msg_resp_1"}
    follow = await bench.forwarded(request({"input": "And?", "previous_response_id": "resp_1"}))
    assert (follow.body, follow.identity_reply) == (None, True)
    assert told(follow.exchange, reply(f"Said: {sent}", "resp_2")) == f"Said: {TEXT}"
    await bench.pipeline.keep(follow.exchange)
    again = await bench.forwarded(request({"input": f"Mail {EMAIL} again", "previous_response_id": "resp_2"}))
    mail = str(json.loads(again.body or b"")["input"])
    assert mail.split()[1] in sent
    assert bench.recorder.decisions[-1].placeholders == 1
    assert told(again.exchange, reply(sent)) == TEXT


async def test_what_was_masked_nowhere_is_known_too() -> None:
    bench = Remembering()
    plain = await bench.forwarded(request({"input": "Why is the sky blue?"}))
    assert told(plain.exchange, reply("Because.")) == "Because."
    await bench.pipeline.keep(plain.exchange)
    follow = await bench.forwarded(request({"input": "Why?", "previous_response_id": "resp_1"}))
    assert (follow.body, follow.identity_reply, follow.exchange.restoration) == (None, False, None)


async def test_what_the_provider_does_not_store_is_not_kept() -> None:
    bench = Remembering()
    forward = await bench.forwarded(request({"input": TEXT, "store": False}))
    told(forward.exchange, reply("x"))
    await bench.pipeline.keep(forward.exchange)
    assert bench.vault.writes == 0


@pytest.mark.parametrize("more", [{"previous_response_id": "resp_1"}, {"conversation": "c"}, {"input": [{"id": "i"}]}])
async def test_another_caller_and_a_made_up_name_get_the_same_answer(more: Any) -> None:
    bench = Remembering()
    await first(bench)
    mine = (await bench.refused(request({"input": "x", **more} | {"previous_response_id": "resp_9"}))).reply
    if "previous_response_id" in more:
        theirs = (await bench.refused(request({"input": "x", **more}, key="sk-other"))).reply
        assert (mine.status, mine.headers, mine.body) == (theirs.status, theirs.headers, theirs.body)
    assert mine.status == 400
    assert json.loads(mine.body)["error"]["code"] == "stored_state"
    assert NAME not in mine.body.decode()


async def test_a_placeholder_of_the_stored_conversation_cannot_be_planted() -> None:
    bench = Remembering()
    sent, _ = await first(bench)
    token = next(word for word in sent.split() if word.startswith("PERSON_"))
    text = f"Who is {token.lower()}?"
    follow = await bench.forwarded(request({"input": text, "previous_response_id": "resp_1"}))
    out = str(json.loads(follow.body or b"")["input"])
    assert token.lower() not in out
    assert told(follow.exchange, reply(out)) == text


async def test_a_conversation_has_new_values_before_they_go() -> None:
    bench = Remembering()
    created = await bench.forwarded(inbound(b'{"items": []}', target="/v1/conversations"))
    created.exchange.sent = 1.0
    created.exchange.restore_body(b'{"object": "conversation", "id": "conv_1"}', "application/json", "", 200)
    await bench.pipeline.keep(created.exchange)
    await bench.forwarded(request({"input": TEXT, "conversation": "conv_1"}))
    (held,) = bench.vault.held.values()
    assert {original.value for original in held.values()} == {NAME, EMAIL, PHONE}
    bench.vault.fault = VaultError("unavailable", "away")
    refused = await bench.refused(request({"input": TEXT, "conversation": "conv_1"}))
    assert (refused.reply.status, json.loads(refused.reply.body)["error"]["code"]) == (503, CODE)


async def test_deleting_forgets_also_what_was_gone_already() -> None:
    for status in (200, 404):
        bench = Remembering()
        await first(bench)
        forward = await bench.forwarded(read_back("/v1/responses/resp_1", "DELETE"))
        await bench.pipeline.keep(forward.exchange, 500)
        assert "resp_1" in bench.names()
        await bench.pipeline.keep(forward.exchange, status)
        assert "resp_1" not in bench.names()
    assert (await bench.refused(read_back("/v1/responses/resp_1"))).reply.status == 404


async def test_a_vault_that_fails_keeps_the_reply_back() -> None:
    bench = Remembering()
    forward = await bench.forwarded(request({"input": TEXT}))
    told(forward.exchange, reply("x"))
    bench.vault.fault = VaultError("timeout", f"about {NAME}")
    with pytest.raises(Refusal) as caught:
        await bench.pipeline.keep(forward.exchange)
    assert (caught.value.status, caught.value.code) == (503, CODE)
    assert NAME not in caught.value.message
    refused = await bench.refused(request({"input": "x", "previous_response_id": "resp_1"}))
    assert (refused.reply.status, NAME in refused.reply.body.decode()) == (503, False)


async def test_observe_mode_lets_everything_out_and_keeps_what_it_can() -> None:
    bench = Remembering({"policy": {"mode": "observe"}})
    forward = await bench.forwarded(request({"input": TEXT}))
    assert told(forward.exchange, reply(TEXT)) == TEXT
    await bench.pipeline.keep(forward.exchange)
    follow = await bench.forwarded(request({"input": TEXT, "previous_response_id": "resp_1"}))
    assert (follow.body, follow.identity_reply, follow.exchange.restoration) == (None, False, None)
    unknown = await bench.forwarded(request({"input": TEXT, "previous_response_id": "resp_9"}))
    assert bench.recorder.decisions[-1].would_action == "block"
    assert unknown.body is None
    bench.vault.fault = VaultError("timeout", "away")
    told(follow.exchange, reply("x", "resp_2"))
    await bench.pipeline.keep(follow.exchange)
    assert await bench.forwarded(request({"input": TEXT, "previous_response_id": "resp_1"}))


CREATED = b'data: {"type": "response.created", "response": {"object": "response", "id": "resp_1"}}\n\n'


@pytest.mark.parametrize("text", [TEXT, "Why is the sky blue?"])
async def test_a_stream_waits_at_its_gate_and_ends_where_it_is_not_opened(text: str) -> None:
    bench = Remembering()
    for fault in (None, VaultError("timeout", "away")):
        forward = await bench.forwarded(request({"input": text, "stream": True}))
        forward.exchange.sent = 1.0
        stream = forward.exchange.open_stream("")
        gate = StreamGate(forward.exchange, stream)
        early = stream(CREATED[:40])
        assert not gate.waits()
        out = stream(CREATED[40:])
        assert gate.waits()
        bench.vault.fault = fault
        if fault is None:
            await bench.pipeline.keep(forward.exchange)
            assert not gate.waits()
            assert gate.opened(out) == out
            assert b"".join(one for one in (early, out) if isinstance(one, bytes)) == CREATED
            continue
        with pytest.raises(Refusal):
            await bench.pipeline.keep(forward.exchange)
        last = gate.opened(out)
        assert isinstance(last, bytes)
        assert b'"type": "error"' in last and b"resp_1" not in last
        assert (stream(CREATED), stream(b""), stream.tail("x", "y")) == ([], [], b"")
        assert forward.exchange.error == CODE
