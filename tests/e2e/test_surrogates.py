"""Surrogate style with the stock ``openai`` package: what leaves still validates, what comes back is the caller's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel, Field
from stdnum import iban, luhn

from tests.e2e.harness import GatewayProcess
from tests.e2e.leaks import leaked

NAME, EMAIL, CARD = "Maria Gonzalez", "maria.gonzalez@corp.example.org", "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"
TEXT = f"Please write to {NAME} <{EMAIL}>; she paid with card {CARD}, IBAN {IBAN}."
PLANTED = [NAME, "Gonzalez", EMAIL, CARD, IBAN]
EMAIL_PATTERN = r"^[a-z0-9._-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$"
CARD_PATTERN = r"[0-9]{4}( [0-9]{4}){3}"
POLICY = {"policy": {"entities": {"*": {"action": "mask", "style": "surrogate"}}}}


@pytest.fixture(scope="module")
def styled(running_provider, tmp_path_factory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("surrogates"), running_provider, POLICY) as process:
        yield process


@pytest.fixture
def styled_oai(styled, provider) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(proxy=styled.proxy, verify=styled.trust)
    with openai.OpenAI(api_key="sk-test-1", max_retries=0, http_client=http) as client:
        yield client


def ask(text):
    return [{"role": "user", "content": text}]


def sent(provider):
    """The prompt as the provider got it last."""
    return json.loads(provider.requests[-1].body)["messages"][-1]["content"]


def name_in(text):
    return re.search(r"write to (\w+ \w+) <", text)[1]


def test_what_leaves_validates_and_what_comes_back_is_the_callers(styled_oai, provider):
    answer = styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT))
    assert answer.choices[0].message.content == f"You wrote: {TEXT}"
    assert leaked(provider.requests, PLANTED) == []
    text = sent(provider)
    assert not re.search(r"[A-Z]_[0-9A-Z]{8}", text), "every one of these has a surrogate"
    email = re.search(r"<(.+?)>", text)[1]
    assert re.fullmatch(EMAIL_PATTERN, email) and re.search(r"example\.(com|net|org)$", email)
    card = re.search(CARD_PATTERN, text)[0]
    assert luhn.is_valid(card.replace(" ", ""))
    assert iban.is_valid(re.search(r"IBAN (.+)\.", text)[1])


@pytest.mark.parametrize("manner", [{"piece": 1}, {"piece": 7}, {"wire": 3}, {"ascii": True, "chunk": 11}])
def test_a_stream_however_it_is_cut(styled_oai, provider, manner):
    provider.next(**manner)
    said = ""
    for chunk in styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT), stream=True):
        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert said == f"You wrote: {TEXT}"
    assert leaked(provider.requests, PLANTED) == []


def test_names_come_back_in_parts(styled_oai, provider):
    styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT))
    name = name_in(sent(provider))
    given, family = name.split()
    provider.next(say=f"Dear Ms. {family}, {given}'s file ({name.upper()}) is {given.lower()}_{family.lower()}.pdf.")
    answer = styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT))
    said = answer.choices[0].message.content
    assert said == "Dear Ms. Gonzalez, Maria's file (MARIA GONZALEZ) is maria_gonzalez.pdf."


def test_a_conversation_keeps_who_is_who(styled_oai, provider):
    turns = [*ask(TEXT), {"role": "assistant", "content": "Done."}, *ask("Did Ms. Gonzalez answer? Ask Maria.")]
    styled_oai.chat.completions.create(model="gpt-4o", messages=turns)
    messages = json.loads(provider.requests[-1].body)["messages"]
    given, family = name_in(messages[0]["content"]).split()
    assert messages[2]["content"] == f"Did Ms. {family} answer? Ask {given}."
    styled_oai.chat.completions.create(model="gpt-4o", messages=turns[:1])
    assert sent(provider) == messages[0]["content"], "the masked beginning is the same"


def test_chinese_names_come_back_in_parts(styled_oai, provider):
    text = "请给王小明打电话，手机 13912345678。"
    styled_oai.chat.completions.create(model="gpt-4o", messages=ask(text))
    masked = sent(provider)
    name, phone = re.fullmatch(r"请给(.+)打电话，手机 (\d{11})。", masked).groups()
    assert re.fullmatch(r"1[3-9]\d{9}", phone) and phone != "13912345678"
    provider.next(say=f"{name[0]}先生（{name}）的号码是{phone}。")
    answer = styled_oai.chat.completions.create(model="gpt-4o", messages=ask(text))
    assert answer.choices[0].message.content == "王先生（王小明）的号码是13912345678。"


class SendMail(BaseModel):
    """Send a mail."""

    email: str = Field(pattern=EMAIL_PATTERN)
    text: str


def test_a_tools_schema_and_its_arguments_validate(styled_oai, provider):
    tool = {
        "type": "function",
        "function": {
            "name": "send_mail",
            "description": f"Send a mail, by default to {EMAIL}.",
            "parameters": {
                "type": "object",
                "properties": {
                    "email": {"type": "string", "format": "email", "pattern": EMAIL_PATTERN, "default": EMAIL},
                    "text": {"type": "string"},
                },
            },
        },
    }
    answer = styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT), tools=[tool])
    arguments = answer.choices[0].message.tool_calls[0].function.arguments
    assert SendMail.model_validate_json(arguments) == SendMail(email=EMAIL, text=TEXT)
    assert leaked(provider.requests, PLANTED) == []
    schema = json.loads(provider.requests[-1].body)["tools"][0]["function"]["parameters"]["properties"]["email"]
    assert schema["pattern"] == EMAIL_PATTERN and schema["format"] == "email"
    assert re.fullmatch(EMAIL_PATTERN, schema["default"])
    assert schema["default"] in sent(provider)


def test_parsed_tools_pass_their_validators(styled_oai, provider):
    tool = openai.pydantic_function_tool(SendMail)
    answer = styled_oai.chat.completions.parse(model="gpt-4o", messages=ask(TEXT), tools=[tool])
    assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == SendMail(email=EMAIL, text=TEXT)


class Words(BaseModel):
    """A structured output whose validators look at the values."""

    answer: str = Field(pattern=f"^You wrote: .*{CARD_PATTERN}")
    words: list[str]


def test_parsed_structured_outputs_pass_their_validators(styled_oai, provider):
    answer = styled_oai.chat.completions.parse(model="gpt-4o", messages=ask(TEXT), response_format=Words)
    parsed = answer.choices[0].message.parsed
    assert parsed.answer == f"You wrote: {TEXT}"
    assert {"Maria", "Gonzalez", EMAIL} <= set(parsed.words)
    upstream = Words.model_validate({"answer": f"You wrote: {sent(provider)}", "words": []})
    assert luhn.is_valid(re.search(CARD_PATTERN, upstream.answer)[0].replace(" ", ""))


def test_a_surrogate_that_the_model_changed_stays(styled_oai, provider):
    styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT))
    card = re.search(CARD_PATTERN, sent(provider))[0]
    changed = f"{card[:-1]}{(int(card[-1]) + 1) % 10}"
    provider.next(say=f"Card {changed}.")
    answer = styled_oai.chat.completions.create(model="gpt-4o", messages=ask(TEXT))
    assert answer.choices[0].message.content == f"Card {changed}."
