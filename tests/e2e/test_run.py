"""``coatcheck run -- CMD``: the command is itself, and its LLM traffic goes through the gateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.commands import environment, installed, run_line, through
from tests.e2e.harness import ROOT, clean_environment, configuration
from tests.e2e.leaks import leaked
from tests.e2e.raw import chat
from tests.e2e.test_openai import CHINESE, ENGLISH, PLANTED

PROGRAMS = Path(__file__).parent / "programs"
SHOW_PROXY = "import os; print(os.environ['HTTPS_PROXY'])"
WAIT_FOR_SIGNALS = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGINT, signal.SIGTERM})
print("up", flush=True)
while (number := signal.sigwait({signal.SIGUSR1, signal.SIGINT, signal.SIGTERM})) != signal.SIGTERM:
    print(number.name, flush=True)
sys.exit(7)
"""


class Alone:
    """``coatcheck run`` where no gateway is up."""

    def __init__(self, directory: Path, provider) -> None:
        directory.mkdir()
        self.directory = directory
        self.config = directory / "coatcheck.yaml"
        self.config.write_text(json.dumps(configuration(directory, provider, {})), encoding="utf-8")

    def line(self, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        return [sys.executable, "-m", "coatcheck", "run", "--config", str(self.config), *options, "--", *command]

    def run(self, *command: str, given: str | None = None, options: tuple[str, ...] = (), **more: str):
        return subprocess.run(
            self.line(*command, options=options),
            cwd=ROOT,
            env=clean_environment(**more),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def alone(running_provider, tmp_path):
    return Alone(tmp_path / "alone", running_provider)


def python(program: str) -> list[str]:
    return [sys.executable, str(PROGRAMS / program)]


# Real programs


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("program", ["ask.py", "ask_requests.py", "ask_urllib.py"])
def test_python_programs(gateway, provider, program, text):
    done = through(gateway, python(program), given=text, OPENAI_API_KEY="sk-test-1", PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"You wrote: {text}\n"
    assert done.stderr == ""
    assert leaked(provider.requests, PLANTED) == [] and len(provider.requests) == 1


def test_curl(gateway, provider):
    url = "https://api.openai.com/v1/chat/completions"
    headers = ["-H", "authorization: Bearer sk-test-1", "-H", "content-type: application/json"]
    command = [installed("curl"), "-sS", *headers, "--data-binary", "@-", url]
    done = through(gateway, command, given=chat(ENGLISH).decode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == f"You wrote: {ENGLISH}"
    assert leaked(provider.requests, PLANTED) == [] and len(provider.requests) == 1


def test_the_jvm(gateway, provider):
    done = through(gateway, [installed("java"), str(PROGRAMS / "Ask.java")], given=chat(CHINESE).decode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == f"You wrote: {CHINESE}"
    assert leaked(provider.requests, PLANTED) == [] and len(provider.requests) == 1


def test_git_trusts_the_gateway(gateway, provider):
    command = [installed("git"), "ls-remote", "https://api.openai.com/team/repository.git"]
    done = through(gateway, command, GIT_TERMINAL_PROMPT="0", GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    assert "certificate" not in done.stderr.lower()
    assert provider.requests[0].header("user-agent").startswith("git/")
    assert provider.requests[0].target == "/team/repository.git/info/refs?service=git-upload-pack"


def test_a_companys_roots_and_loopback_go_their_own_way(gateway, provider):
    """A site that only the inherited variable's roots vouch for, at an address that no proxy should see."""
    before = len(gateway.decisions())
    url = f"https://localhost:{provider.port}/v1/models"
    command = [installed("curl"), "-sS", "-H", "authorization: Bearer sk-test-1", url]
    done = through(gateway, command, CURL_CA_BUNDLE=str(provider.ca))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]
    assert len(gateway.decisions()) == before
    refused = through(gateway, command)
    assert refused.returncode == 60, "without that variable the site is not trusted"


def test_no_proxy_does_not_lead_past_the_gateway(gateway, provider):
    done = through(
        gateway, python("ask.py"), given=ENGLISH, OPENAI_API_KEY="sk-test-1", NO_PROXY="intranet.example.org,openai.com"
    )
    assert done.stdout == f"You wrote: {ENGLISH}\n"
    assert "NO_PROXY holds openai.com" in done.stderr and "intranet" not in done.stderr
    assert leaked(provider.requests, PLANTED) == [] and len(provider.requests) == 1


# The command is itself


def test_bytes_arguments_and_environment_are_the_commands_own(gateway):
    program = "import os, sys; print(sys.argv[1:], os.environ['NO_PROXY'], os.environ['X'])"
    command = [sys.executable, "-c", program, "-v", "--config", "x", "--", "--help"]
    done = through(gateway, command, X="kept", NO_PROXY="intranet.example.org")
    assert done.stdout == (
        "['-v', '--config', 'x', '--', '--help'] intranet.example.org,localhost,127.0.0.1,::1 kept\n"
    )
    data = bytes(range(256)) * 64
    copied = subprocess.run(
        run_line(gateway, "cat"), cwd=ROOT, env=environment(gateway), input=data, capture_output=True, check=False
    )
    assert (copied.returncode, copied.stdout, copied.stderr) == (0, data, b"")


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", -9), ("kill -15 $$", -15)])
def test_the_exit_status(gateway, script, status):
    assert through(gateway, ["sh", "-c", script]).returncode == status


def test_what_cannot_be_run(gateway, tmp_path):
    missing = through(gateway, ["no-such-program-here"])
    assert (missing.returncode, missing.stdout) == (127, "")
    assert missing.stderr == "coatcheck: cannot run no-such-program-here: No such file or directory.\n"
    plain = tmp_path / "plain.txt"
    plain.write_text("not a program")
    assert through(gateway, [str(plain)]).returncode == 126


def test_the_command_takes_the_place_of_run(gateway):
    """So signals, job control and the process id need no passing on."""
    with subprocess.Popen(
        run_line(gateway, sys.executable, "-c", "import os; print(os.getpid())"),
        cwd=ROOT,
        env=environment(gateway),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.read() == f"{process.pid}\n"


def test_the_gateway_that_is_up_is_used(gateway):
    assert through(gateway, [sys.executable, "-c", SHOW_PROXY]).stdout == f"{gateway.proxy}\n"


# A gateway of the command's own


def test_alone_it_starts_a_gateway_and_stops_it(alone, provider):
    done = alone.run(*python("ask.py"), given=ENGLISH, options=("-v",), OPENAI_API_KEY="sk-test-1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"You wrote: {ENGLISH}\n"
    assert "mask" in done.stderr and "openai.chat" in done.stderr
    assert leaked(provider.requests, PLANTED) == [] and len(provider.requests) == 1
    assert [value for value in PLANTED if value in done.stderr] == []


def test_alone_signals_reach_the_command_and_its_status_comes_back(alone):
    with subprocess.Popen(
        alone.line(sys.executable, "-c", WAIT_FOR_SIGNALS),
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "up\n"
        for number in (signal.SIGUSR1, signal.SIGINT):
            process.send_signal(number)
            assert process.stdout.readline() == f"{number.name}\n"
        process.send_signal(signal.SIGTERM)
        assert (process.wait(60), process.stdout.read(), process.stderr.read()) == (7, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_alone_a_signal_while_the_gateway_starts_ends_it_without_the_command(alone, number):
    """The gateway's secret is the first thing that a start makes: from then on there is something to interrupt."""
    with subprocess.Popen(
        alone.line("echo", "started"),
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not (alone.directory / "state" / "key").exists():
            assert process.poll() is None
        process.send_signal(number)
        assert (process.wait(60), process.stdout.read(), process.stderr.read()) == (-number, "", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_alone_it_ends_by_the_signal_that_ended_the_command(alone, number):
    done = alone.run("sh", "-c", f"kill -{int(number)} $$")
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")


@pytest.mark.parametrize("program", ["no-such-program-here", "./no-such-program-here"])
def test_alone_a_missing_program_is_127(alone, program):
    done = alone.run(program)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == f"coatcheck: cannot run {program}: No such file or directory.\n"


def test_a_gateway_with_another_ca_is_not_used(alone, gateway):
    done = alone.run(sys.executable, "-c", SHOW_PROXY, COATCHECK__ADMIN_LISTEN=gateway.admin.removeprefix("http://"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://127.0.0.1:") and done.stdout.strip() != gateway.proxy


def test_without_a_gateway_the_command_does_not_start(alone):
    blocker = alone.directory / "file"
    blocker.write_text("")
    done = alone.run("echo", "started", COATCHECK__DATABASE=f"sqlite:///{blocker}/audit.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert "audit" in done.stderr and "Traceback" not in done.stderr
