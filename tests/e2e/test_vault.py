"""The stock ``openai`` package's stored state through two gateways that share one database and one set of keys."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.doubles.openai_stateful import Stateful
from tests.e2e.harness import GatewayProcess, cli
from tests.e2e.leaks import leaked

NAME, EMAIL, PHONE = "Maria Gonzalez", "maria.gonzalez@example.com", "+1 415-555-0132"
FIRST = f"Please write to {NAME} ({EMAIL})."
SECOND = f"Call {NAME} at {PHONE}."
THIRD = "请给张伟打电话，手机 13912345678。"
PLANTED = [NAME, EMAIL, PHONE, "张伟", "13912345678"]
MODEL = "gpt-5.1"


@pytest.fixture(scope="module")
def memory() -> Iterator[Stateful]:
    with Stateful() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateways(memory, tmp_path_factory):
    """Two of them, as on two machines: one database, one key for placeholders, one for the vault."""
    home = tmp_path_factory.mktemp("vault")
    shared = {
        "database": GatewayProcess.new_database() if GatewayProcess.new_database else f"sqlite:///{home / 'shared.db'}",
        "placeholders": {"key_file": str(home / "key")},
        "vault": {"key_file": str(home / "vault.key")},
    }
    with (
        GatewayProcess(home / "one", memory, shared) as one,
        GatewayProcess(home / "two", memory, shared) as two,
    ):
        yield one, two


@pytest.fixture
def provider(memory):
    memory.clear()
    return memory


def client(gateway: GatewayProcess, key: str = "sk-test-1") -> openai.OpenAI:
    http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    return openai.OpenAI(api_key=key, max_retries=0, http_client=http)


@pytest.fixture
def clients(gateways, provider):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(client(gateway)) for gateway in gateways]


@pytest.fixture
def stranger(gateways, provider):
    with client(gateways[0], "sk-test-2") as other:
        yield other


def ask(oai: openai.OpenAI, text: Any, *, stream: bool = False, **more: Any) -> Any:
    """The response object, however it comes; what is streamed says the same as the whole."""
    if not stream:
        return oai.responses.create(model=MODEL, input=text, **more)
    said, done = "", None
    for event in oai.responses.create(model=MODEL, input=text, stream=True, **more):
        said += event.delta if event.type == "response.output_text.delta" else ""
        done = event.response if event.type == "response.completed" else done
    assert done is not None
    assert said == done.output_text
    return done


@pytest.mark.parametrize("stream", [False, True])
def test_a_chain_through_both_gateways(clients, provider, stream):
    one, two = clients
    first = ask(one, FIRST, stream=stream)
    second = ask(two, SECOND, stream=stream, previous_response_id=first.id)
    third = ask(one, THIRD, stream=stream, previous_response_id=second.id)
    last = ask(two, "And?", stream=stream, previous_response_id=third.id)
    assert first.output_text == FIRST
    assert second.output_text == f"{FIRST}\n{SECOND}"
    assert third.output_text == f"{FIRST}\n{SECOND}\n{THIRD}"
    assert last.output_text == f"{FIRST}\n{SECOND}\n{THIRD}\nAnd?"
    assert leaked(provider.requests, PLANTED) == []
    sent = [json.loads(request.body)["input"] for request in provider.requests]
    assert sent[3] == "And?"
    tokens = [[word.strip("().,") for word in text.split() if word.startswith("PERSON_")] for text in sent[:2]]
    assert tokens[0] == tokens[1] != []


def test_a_stream_in_small_pieces_is_usable_at_its_first_event(clients, provider):
    one, two = clients
    provider.next(piece=1, chunk=7, gap_ms=5)
    for event in one.responses.create(model=MODEL, input=FIRST, stream=True):
        if event.type == "response.created":
            again = two.responses.retrieve(event.response.id)
            assert again.output_text == FIRST
            break


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation(clients, provider, stream):
    one, two = clients
    conversation = one.conversations.create(items=[{"role": "user", "content": FIRST}], metadata={"customer": EMAIL})
    assert conversation.metadata == {"customer": EMAIL}
    second = ask(two, SECOND, stream=stream, conversation=conversation.id)
    assert second.output_text == f"{FIRST}\n{SECOND}"
    third = ask(one, THIRD, stream=stream, conversation={"id": conversation.id})
    assert third.output_text == f"{FIRST}\n{SECOND}\n{THIRD}"
    items = list(two.conversations.items.list(conversation.id))
    texts = [item.content[0].text for item in items]
    assert texts[:2] == [FIRST, SECOND]
    assert texts[-1] == third.output_text
    added = one.conversations.items.create(conversation.id, items=[{"role": "user", "content": "Ask Tom Becker too."}])
    assert added.data[0].content[0].text == "Ask Tom Becker too."
    found = two.conversations.items.retrieve(added.data[0].id, conversation_id=conversation.id)
    assert found.content[0].text == "Ask Tom Becker too."
    assert two.conversations.retrieve(conversation.id).metadata == {"customer": EMAIL}
    assert one.conversations.update(conversation.id, metadata={"customer": NAME}).metadata == {"customer": NAME}
    assert two.conversations.retrieve(conversation.id).metadata == {"customer": NAME}
    one.conversations.items.delete(added.data[0].id, conversation_id=conversation.id)
    assert leaked(provider.requests, [*PLANTED, "Tom Becker"]) == []
    two.conversations.delete(conversation.id)
    with pytest.raises(openai.NotFoundError) as caught:
        one.conversations.retrieve(conversation.id)
    assert caught.value.code == "stored_state"


def test_items_are_referred_to(clients, provider):
    one, two = clients
    first = ask(one, FIRST)
    item = provider.inputs[first.id][0]["id"]
    assert [listed.id for listed in two.responses.input_items.list(first.id)] == [item]
    for reference in ({"type": "item_reference", "id": item}, {"id": item}):
        assert ask(two, [reference, {"role": "user", "content": SECOND}]).output_text == f"{FIRST}\n{SECOND}"
    output = first.output[0].id
    assert ask(two, [{"type": "item_reference", "id": output}, {"role": "user", "content": "x"}]).output_text == "x"
    assert leaked(provider.requests, PLANTED) == []


def test_what_is_stored_is_read_back(clients, provider):
    one, two = clients
    stored = ask(one, FIRST)
    assert two.responses.retrieve(stored.id).output_text == FIRST
    events = list(two.responses.retrieve(stored.id, stream=True))
    assert events[-1].response.output_text == FIRST
    assert [item.content[0].text for item in two.responses.input_items.list(stored.id)] == [FIRST]
    assert two.responses.cancel(stored.id).output_text == FIRST
    plain = ask(one, "Why is the sky blue?")
    assert two.responses.retrieve(plain.id).output_text == "Why is the sky blue?"
    two.responses.delete(stored.id)
    provider.requests.clear()
    for again in (lambda: one.responses.retrieve(stored.id), lambda: ask(one, "x", previous_response_id=stored.id)):
        with pytest.raises(openai.APIStatusError) as caught:
            again()
        assert caught.value.code == "stored_state"
    assert provider.requests == []


def test_a_response_in_the_background_is_polled(clients, provider):
    one, two = clients
    begun = one.responses.create(model=MODEL, input=FIRST, background=True)
    assert begun.status == "queued"
    done = two.responses.retrieve(begun.id)
    assert (done.status, done.output_text) == ("completed", FIRST)
    item = done.output[0].id
    assert ask(one, [{"type": "item_reference", "id": item}, {"role": "user", "content": "x"}]).output_text == "x"


def test_compactions_come_back(clients, provider):
    one, two = clients
    compacted = one.responses.compact(model=MODEL, input=[{"role": "user", "content": FIRST}])
    history = [item.model_dump(exclude_none=True) for item in compacted.output if item.type == "compaction"]
    answer = ask(two, [*history, {"role": "user", "content": SECOND}], store=False)
    assert answer.output_text == f"{FIRST}\n{SECOND}"
    managed = ask(one, FIRST, store=False, context_management=[{"type": "compaction", "compact_threshold": 1000}])
    history = [item.model_dump(exclude_none=True) for item in managed.output if item.type == "compaction"]
    history[0].pop("id")
    assert ask(two, [*history, {"role": "user", "content": "x"}]).output_text == f"{FIRST}\nx"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(one, [{"type": "compaction", "encrypted_content": "b3BhcXVl"}, {"role": "user", "content": "x"}])
    assert caught.value.code == "stored_state"


def test_stored_chat_completions(clients, provider):
    one, two = clients
    messages = [{"role": "user", "content": FIRST}]
    made = one.chat.completions.create(model=MODEL, messages=messages, store=True)
    assert two.chat.completions.retrieve(made.id).choices[0].message.content == made.choices[0].message.content
    assert [message.content for message in two.chat.completions.messages.list(made.id)] == [FIRST]
    assert two.chat.completions.update(made.id, metadata={"who": EMAIL}).metadata == {"who": EMAIL}
    assert one.chat.completions.delete(made.id).deleted
    unstored = one.chat.completions.create(model=MODEL, messages=messages)
    for ask_back in (
        lambda: two.chat.completions.retrieve(unstored.id),
        lambda: two.chat.completions.retrieve(made.id),
        lambda: list(two.chat.completions.list()),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask_back()
        assert caught.value.code == "stored_state"
    assert leaked(provider.requests, PLANTED) == []


def test_nothing_of_it_is_there_for_another_key(clients, stranger, provider):
    one, _ = clients
    stored = ask(one, FIRST)
    conversation = one.conversations.create(items=[{"role": "user", "content": FIRST}])
    provider.requests.clear()
    asks = {
        "retrieve": lambda key: stranger.responses.retrieve(key),
        "previous": lambda key: ask(stranger, "Who?", previous_response_id=key),
        "item": lambda key: ask(stranger, [{"type": "item_reference", "id": key}, {"role": "user", "content": "x"}]),
        "conversation": lambda key: ask(stranger, "Who?", conversation=key),
        "items": lambda key: list(stranger.conversations.items.list(key)),
    }
    real = {"item": stored.output[0].id, "conversation": conversation.id, "items": conversation.id}
    for what, again in asks.items():
        answers = []
        for key in (real.get(what, stored.id), "resp_nobody_has_this"):
            with pytest.raises(openai.APIStatusError) as caught:
                again(key)
            answers.append((caught.value.status_code, caught.value.body, set(caught.value.response.headers)))
        assert answers[0] == answers[1]
    assert provider.requests == []
    assert ask(stranger, f"Is it {provider.inputs[stored.id][0]['content'][0]['text']}").output_text.count("PERSON_")


def test_two_keys_with_the_same_values_have_placeholders_of_their_own(clients, stranger, provider):
    one, two = clients
    mine, theirs = ask(one, FIRST), ask(stranger, FIRST)
    assert ask(two, "x", previous_response_id=mine.id).output_text == f"{FIRST}\nx"
    assert ask(stranger, "x", previous_response_id=theirs.id).output_text == f"{FIRST}\nx"
    sent = [json.loads(request.body)["input"] for request in provider.requests[:2]]
    assert sent[0] != sent[1]


def test_no_original_can_be_read_on_disk(clients, gateways, provider):
    one, _ = clients
    first = ask(one, FIRST)
    ask(one, SECOND, previous_response_id=first.id, stream=True)
    files = [path for path in gateways[0].directory.parent.rglob("*") if path.is_file() and "ca" not in path.parts]
    assert any(path.name == "shared.db" for path in files)
    for path in files:
        if path.name == "coatcheck.yaml":
            continue
        data = path.read_bytes()
        for value in PLANTED:
            raw = value.encode()
            shifted = [base64.b64encode(b"x" * n + raw)[4 if n else 0 : -4] for n in range(3)]
            assert not [form for form in (raw, raw.hex().encode(), *shifted) if form in data], path.name
    assert not [value for gateway in gateways for value in PLANTED if value in gateway.output]


# -- keys, forgetting, failure -----------------------------------------------------------------------------------------

REAL_IDS = (
    "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "conv_689667905b048191b4740501625afd940c7533ace33a2dab",
    "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
)


@pytest.mark.parametrize("key", REAL_IDS)
def test_ids_as_providers_make_them_pass_through_the_path(clients, provider, gateways, key):
    rooms = {"resp": clients[0].responses, "conv": clients[0].conversations, "chat": clients[0].chat.completions}
    with pytest.raises(openai.NotFoundError):
        rooms[key[:4]].delete(key)
    assert key in provider.requests[-1].target


def vault(gateway: GatewayProcess, *arguments: str) -> str:
    done = cli("vault", *arguments, "--config", str(gateway.config))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_keys_are_rotated_and_objects_forgotten_while_gateways_run(clients, gateways, provider):
    one, two = clients
    kept, gone = ask(one, FIRST), ask(one, SECOND)
    before = json.loads(vault(gateways[0], "status", "--json"))
    assert before["objects"]["response"] >= 2
    said = vault(gateways[0], "rotate")
    assert "removed the old master key" in said and "sealed" in said
    for oai in clients:
        assert oai.responses.retrieve(kept.id).output_text == FIRST
        assert ask(oai, "x", previous_response_id=kept.id).output_text == f"{FIRST}\nx"
    after = json.loads(vault(gateways[1], "status", "--json"))
    assert after["data_keys"]["default"] == before["data_keys"]["default"] + 1
    assert after["rotation"] == "none under way"
    assert vault(gateways[0], "forget", "--object", gone.id) == "forgot 1 object(s)\n"
    with pytest.raises(openai.NotFoundError):
        two.responses.retrieve(gone.id)
    assert two.responses.retrieve(kept.id).output_text == FIRST
    shared = gateways[0].url
    listed = cli("audit", "list", "--json", "--database", shared, "--endpoint", "openai.responses", "--limit", "1")
    principal = json.loads(listed.stdout.splitlines()[0])["principal"]
    assert vault(gateways[0], "forget", "--principal", principal).startswith("forgot ")
    with pytest.raises(openai.NotFoundError):
        two.responses.retrieve(kept.id)
    recorded = cli("audit", "list", "--json", "--database", shared, "--upstream", "vault")
    rows = [json.loads(line) for line in recorded.stdout.splitlines()]
    assert [row["reason"] for row in rows] == ["forget:principal", "forget:object", "rotate:master+data"]
    assert rows[0]["principal"] == principal
    again = cli("vault", "forget", "--config", str(gateways[0].config))
    assert (again.returncode, "say what to forget" in again.stderr) == (2, True)


@pytest.mark.sqlite_only("its file is moved away")
@pytest.mark.parametrize("stream", [False, True])
def test_a_vault_that_goes_away_keeps_the_reply_back(provider, tmp_path, stream):
    with GatewayProcess(tmp_path, provider) as gateway, client(gateway) as oai:
        first = ask(oai, FIRST)
        provider.next(delay_ms=1500, piece=3)
        away = threading.Timer(0.7, lambda: gateway.database.rename(tmp_path / "away.db"))
        away.start()
        with pytest.raises(openai.APIError) as caught:
            ask(oai, SECOND, stream=stream, previous_response_id=first.id)
        away.join()
        assert len(provider.requests) == 2
        assert not [value for value in PLANTED if value in str(caught.value) + gateway.output]
        if not stream:
            assert caught.value.code == "vault_unavailable"
        assert "resp_" not in str(caught.value)
        assert not gateway.health().json()["vault"]
        (tmp_path / "away.db").rename(gateway.database)


def test_a_key_file_that_is_lost_is_said_at_start(provider, tmp_path):
    with GatewayProcess(tmp_path, provider) as gateway, client(gateway) as oai:
        ask(oai, FIRST)
    (gateway.state / "vault.key").unlink()
    with pytest.raises(AssertionError, match="lacks the vault's master key"), GatewayProcess(tmp_path, provider):
        pass
    assert vault(gateway, "forget", "--everything").startswith("forgot 1 ")
    with GatewayProcess(tmp_path, provider) as again, client(again) as oai:
        assert ask(oai, FIRST).output_text == FIRST
