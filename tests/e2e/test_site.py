"""What one message gives away is masked in the next ones, and what the site's own lists and recognizers say holds."""

from __future__ import annotations

import json

import openai
import pytest

from tests.doubles.provider import Provider
from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked

NAME, PHONE, ID = "Annika Sørbråten", "+1 415 555 0132", "C-48213577"
CHINESE = "王小明"
HISTORY = [
    {"role": "user", "content": f"Customer {NAME} (customer no. {ID}, phone {PHONE}) complains. 经理是{CHINESE}。"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {
                    "name": "find_customer",
                    "arguments": json.dumps(
                        {"surname": "sørbråten", "caller": "4155550132", "path": f"/c/{ID.lower()}"}
                    ),
                },
            }
        ],
    },
    {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": json.dumps(
            {"rows": [{"c": "48213577", "n": "SØRBRÅTEN, Annika", "m": "王总"}], "C48213577": "(415) 555-0132"}
        ),
    },
    {"role": "user", "content": "Write to Ms. Sørbråten; cc 小明. Mention Project Bluebird, 蓝鸟计划, BDG-1234-5674."},
]  # fmt: skip
LINKED = [
    "Sørbråten",
    "sørbråten",
    "SØRBRÅTEN",
    "Annika",
    "4155550132",
    "555-0132",
    ID,
    ID.lower(),
    "C48213577",
    "小明",
]
OWN = ["Project Bluebird", "蓝鸟计划", "1234-5674"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    (directory / "denied.txt").write_text("# projects\nproject bluebird\n蓝鸟计划\n", encoding="utf-8")
    detector = {
        "allow_list": [{"literal": "support@example.com", "entities": ["EMAIL_ADDRESS"]}],
        "deny_list": [{"file": "denied.txt", "entity": "PROJECT", "ignore_case": True}],
        "recognizers": [
            {
                "name": "badge",
                "entity": "BADGE_ID",
                "regex": r"\bBDG-(?P<value>\d{4}-\d{4})\b",
                "checksum": "luhn",
                "examples": {"match": ["BDG-1234-5674"], "no_match": ["BDG-1234-5678"]},
            }
        ],
        "entities": {"BADGE_ID": 0.4},
    }
    with Provider() as provider, GatewayProcess(directory, provider, {"detector": detector}) as gateway:
        yield gateway, provider


@pytest.fixture
def client(site):
    gateway, provider = site
    provider.clear()
    http = openai.DefaultHttpxClient(proxy=gateway.proxy, verify=gateway.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


def messages_of(request):
    return json.loads(request.body)["messages"]


def test_a_conversation_with_tools(client, site):
    _, provider = site
    answer = client.chat.completions.create(model="gpt-4o", messages=HISTORY)
    assert leaked(provider.requests, [NAME, PHONE, CHINESE, *LINKED, *OWN]) == []
    assert answer.choices[0].message.content == f"You wrote: {HISTORY[-1]['content']}", "restored"
    sent = messages_of(provider.requests[0])
    assert "Mention PROJECT_" in sent[-1]["content"] and "Ms. PERSON_" in sent[-1]["content"]
    arguments = json.loads(sent[1]["tool_calls"][0]["function"]["arguments"])
    assert arguments["surname"].startswith("PERSON_")


def test_the_masked_beginning_does_not_change_when_the_conversation_grows(client, site):
    _, provider = site
    opening = [{"role": "user", "content": "Do you know Sørbråten or 小明 or 48213577?"}]
    grown = [*opening, {"role": "assistant", "content": "No."}, *HISTORY]
    for length in range(1, len(grown) + 1):
        if grown[length - 1]["role"] != "assistant":
            client.chat.completions.create(model="gpt-4o", messages=grown[:length])
    whole = messages_of(provider.requests[-1])
    assert len(provider.requests) == 4
    for request in provider.requests:
        assert messages_of(request) == whole[: len(messages_of(request))]


def test_the_allow_list_and_the_record(client, site):
    gateway, provider = site
    said = (
        "Ask support@example.com or sales@example.com about Project Bluebird, badge BDG-1234-5674, not BDG-1234-5678."
    )
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": said}])
    sent = messages_of(provider.requests[0])[0]["content"]
    assert "support@example.com" in sent and "sales@" not in sent
    assert "PROJECT_" in sent and "BADGE_ID_" in sent
    found = {finding["entity"]: finding["count"] for finding in gateway.audit()[0]["findings"]}
    assert found["PROJECT"] == found["EMAIL_ADDRESS"] == 1 and found["BADGE_ID"] >= 1
