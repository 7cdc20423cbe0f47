"""The fail-closed sweep: a real gateway in which one stage after the other raises, hangs or dies.

Expected of each: an error in the provider's shape (or no answer at all), a record, and never a planted value in what
the provider received or in what the gateway printed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl

import pytest

from tests.doubles.provider import Provider
from tests.e2e.faults import Faults
from tests.e2e.harness import GatewayProcess, clean_environment, cli
from tests.e2e.leaks import leaked
from tests.e2e.raw import Answer, chat, read, request, through_proxy, tunnel

NAME, EMAIL = "Maria Gonzalez", "maria.gonzalez@example.com"
TEXT = f"Please write to {NAME} at {EMAIL}."
HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}

BEFORE_A_RECORD = [
    "addons.gateway:Gateway.requestheaders",
    "addons.gateway:Gateway._watched",
    "addons.gateway:Gateway.request",
    "addons.admission:Admission.request",
    "addons.pipeline:Pipeline.judge",
    "addons.reading:read_request",
    "addons.wire.encodings:decode",
    "addons.wire.content:read_body",
    "addons.wire.metadata:read_metadata",
    "addons.reading:Reading.spread",
    "detectors.service:DetectorService.detect",
    "detectors.detector:Detector.detect",
    "addons.policy.engine:Policy.decide",
    "addons.masking.session:MaskingSession.mask",
    "addons.masking.session:MaskingSession.restoration",
    "addons.reading:Reading.encode",
]
"""A refusal is recorded."""
AFTER_A_RECORD = ["addons.translation:apply"]
"""The decision stands, and its outcome says that it came to nothing."""
WITHOUT_A_RECORD = [
    "addons.gateway:Gateway.http_connect",
    "addons.admission:Admission.destination",
    "addons.translation:inbound_of",
    "addons.wire.registry:match",
    "addons.keys:GatewayKeys.principal",
    "addons.pipeline:Pipeline._open",
    "addons.pipeline:Pipeline._record",
    "addons.recording:decision_of",
    "audit.recorder:Recorder.record_decision",
    "audit.writer:Writer.write",
]
"""What fails is what a record needs."""
CONNECTING = ["addons.admission:Admission.connection"]
ON_THE_WAY_BACK = [
    "addons.gateway:Gateway.responseheaders",
    "addons.gateway:Gateway.response",
    "addons.exchange:Exchange.is_stream",
    "addons.exchange:Exchange.restore_body",
    "addons.wire.openai_chat:OpenAIChat.restore_reply",
    "addons.wire.anthropic_messages:AnthropicMessages.restore_reply",
]
IN_A_STREAM = [
    "addons.gateway:Gateway.responseheaders",
    "addons.exchange:Exchange.open_stream",
    "addons.wire.encodings:Inflater.feed",
    "addons.wire.streaming:EventStream.feed",
    "addons.wire.streaming:EventStream.close",
    "addons.wire.streaming:EventStream.whole",
    "addons.wire.streaming:Runs.feed",
    "addons.masking.restorer:FlowRestoration.text",
]
HARMLESS = ["addons.pipeline:Pipeline.finish", "audit.recorder:Recorder.submit_outcome"]
HANGING = ["detectors.detector:Detector.detect", "audit.writer:Writer.write"]
ON_ERROR = ["addons.gateway:Gateway.error", "addons.gateway:_Abort._response", "addons.exchange:StreamBody.tail"]

STAGES = sorted(
    {*BEFORE_A_RECORD, *AFTER_A_RECORD, *WITHOUT_A_RECORD, *CONNECTING, *ON_THE_WAY_BACK, *IN_A_STREAM, *HARMLESS}
    | {*HANGING, *ON_ERROR}
)


@pytest.fixture(scope="module")
def double():
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return Faults(tmp_path_factory.mktemp("board") / "site", STAGES)


@pytest.fixture(scope="module")
def process(double, board, tmp_path_factory):
    changes = {"limits": {"detect_ms": 700}, "journal": {"max_bytes": 0}}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in board.environment.items():
            patch.setenv(name, value)
        gateway = GatewayProcess(tmp_path_factory.mktemp("faulty"), double, changes).__enter__()
    try:
        yield gateway
    finally:
        gateway.__exit__(None, None, None)


@pytest.fixture
def faulty(process, double):
    """The gateway and the double; afterwards the gateway must work as if nothing had been, and have said nothing."""
    double.clear()
    yield process
    double.clear()
    assert send(process, "openai").status == 200
    assert leaked(double.requests, [NAME, EMAIL]) == []
    assert process.health().json()["ready"]
    assert NAME not in process.output and EMAIL not in process.output
    assert "Traceback" not in process.output


def send(gateway: GatewayProcess, provider: str, *, text: str = TEXT, **more: object) -> Answer | None:
    """A raw request; None if the connection ended without an answer."""
    host = HOSTS[provider]
    path = "/v1/chat/completions" if provider == "openai" else "/v1/messages"
    extra = {"max_tokens": 99} if provider == "anthropic" else {}
    data = request(chat(text, **extra, **more), path=path, host=host, anthropic_version="2023-06-01" if extra else "")
    try:
        return through_proxy(gateway.proxy, gateway.trust, data, host=host)
    except TimeoutError:  # no answer and no end either
        raise
    except OSError:
        return None


def check_shape(answer: Answer, provider: str) -> None:
    document = answer.json()
    assert document["error"]["message"]
    assert document["error"]["type"]
    assert provider == "openai" or document["type"] == "error"


def check_refused(answer: Answer | None, provider: str, double: Provider) -> None:
    if answer is not None:
        assert answer.status >= 400
        check_shape(answer, provider)
        assert NAME.encode() not in answer.body and EMAIL.encode() not in answer.body
    assert double.requests == []


@pytest.mark.parametrize("provider", HOSTS)
@pytest.mark.parametrize("stage", BEFORE_A_RECORD)
def test_a_stage_that_raises_is_a_recorded_refusal(stage, provider, faulty, board, double):
    before = len(faulty.decisions())
    with board.inject(stage):
        answer = send(faulty, provider, text=f"{TEXT} {stage}")
        assert answer is not None
        check_refused(answer, provider, double)
        assert board.hits
    decisions = faulty.decisions()[before:]
    assert [decision["action"] for decision in decisions] == ["block"]


@pytest.mark.parametrize("stage", AFTER_A_RECORD)
def test_a_request_that_cannot_be_changed_does_not_go(stage, faulty, board, double):
    with board.inject(stage):
        check_refused(send(faulty, "openai"), "openai", double)
        assert board.hits
    record = faulty.audit("--limit", "1")[0]
    assert record["outcome"]["status"] == 500
    assert record["outcome"]["error"] == "gateway_error"


@pytest.mark.parametrize("stage", WITHOUT_A_RECORD)
def test_what_cannot_be_recorded_does_not_go(stage, faulty, board, double):
    with board.inject(stage):
        check_refused(send(faulty, "openai"), "openai", double)
        assert board.hits


@pytest.mark.parametrize("stage", CONNECTING)
def test_a_connection_that_cannot_be_checked_is_not_opened(stage, faulty, board, double):
    with board.inject(stage):
        check_refused(send(faulty, "openai"), "openai", double)
        assert board.hits
    assert double.connections == 0


@pytest.mark.parametrize("provider", HOSTS)
@pytest.mark.parametrize("stage", ON_THE_WAY_BACK)
def test_a_reply_that_cannot_be_restored_is_an_error(stage, provider, faulty, board, double):
    with board.inject(stage):
        answer = send(faulty, provider)
        if "restore_reply" in stage and not board.hits:
            assert answer is not None and answer.status == 200  # the other provider's codec
            return
        assert board.hits
    assert answer is not None
    assert answer.status >= 500
    check_shape(answer, provider)
    assert leaked(double.requests, [NAME, EMAIL]) == []
    assert faulty.audit("--limit", "1")[0]["outcome"]["error"] == "gateway_error"


@pytest.mark.parametrize("provider", HOSTS)
@pytest.mark.parametrize("stage", IN_A_STREAM)
def test_a_stream_that_cannot_be_restored_ends_in_an_error(stage, provider, faulty, board, double):
    with board.inject(stage):
        answer = send(faulty, provider, stream=True)
        hits = board.hits
    assert leaked(double.requests, [NAME, EMAIL]) == []
    assert answer is not None
    if not hits:
        assert stage.endswith("whole")  # not every event of every stream passes there
        return
    if answer.status != 200:
        check_shape(answer, provider)
        return
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    assert "error" in events[-1]
    if not stage.endswith("close"):  # the end was told already when the closing failed
        assert b"[DONE]" not in answer.body and b"message_stop" not in answer.body
    assert faulty.audit("--limit", "1")[0]["outcome"]["error"] == "restorer_failed"


@pytest.mark.parametrize("stage", HARMLESS)
def test_an_outcome_that_cannot_be_recorded_does_not_harm_the_reply(stage, faulty, board, double):
    with board.inject(stage):
        answer = send(faulty, "openai")
        assert board.hits
    assert answer is not None
    assert leaked(double.requests, [NAME, EMAIL]) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stage", ON_ERROR)
def test_a_fault_while_a_fault_is_told(stage, stream, faulty, board, double):
    double.next(hang_up_after=3)
    with board.inject(stage):
        answer = send_cut(faulty, stream)
    assert leaked(double.requests, [NAME, EMAIL]) == []
    assert answer is None or answer.status >= 400 or b"[DONE]" not in answer.body


def send_cut(gateway: GatewayProcess, stream: bool) -> Answer | None:
    """As ``send``, for replies that may end in the middle."""
    import http.client

    try:
        return send(gateway, "openai", stream=stream)
    except http.client.HTTPException:
        return None


@pytest.mark.parametrize("stage", HANGING)
def test_a_stage_that_hangs_is_a_refusal(stage, faulty, board, double):
    with board.inject(stage, "hang"):
        answer = send(faulty, "openai", text=f"{TEXT} {stage}")
        assert board.hits
        assert answer is not None
        assert answer.status == 503
        check_refused(answer, "openai", double)


def test_no_request_is_left_counted_as_under_way(process):
    assert "coatcheck_in_flight_requests 0.0" in process.metrics()


@pytest.mark.sqlite_only("its files are removed")
def test_a_database_deleted_while_running_means_refusals_without_a_journal(home, provider):
    with GatewayProcess(home, provider, {"journal": {"max_bytes": 0}}) as gateway:
        assert send(gateway, "openai").status == 200
        provider.clear()
        for file in gateway.state.glob("audit.db*"):
            file.unlink()
        answer = send(gateway, "openai")
        assert answer is not None
        assert answer.status == 503
        assert answer.json()["error"]["code"] == "audit_unavailable"
        assert provider.requests == []
        health = gateway.health()
        assert health.status_code == 503
        assert health.json()["database"] is False


@pytest.mark.sqlite_only("its files are removed")
def test_a_database_deleted_while_running_leaves_the_journal(home, provider):
    with GatewayProcess(home, provider) as gateway:
        assert send(gateway, "openai").status == 200
        provider.clear()
        for file in gateway.state.glob("audit.db*"):
            file.unlink()
        assert send(gateway, "openai").status == 200
        assert len(provider.requests) == 1
        assert leaked(provider.requests, [NAME, EMAIL]) == []
        audit = gateway.health().json()["audit"]
        assert audit["state"] == "journal"
        assert audit["journal_records"] >= 1


FULL = """
import sqlite3
connect = sqlite3.connect
LIMIT = None
def limited(*args, **kwargs):
    connection = connect(*args, **kwargs)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if pages > 5:
        connection.execute(f"PRAGMA max_page_count={pages}")
    return connection
sqlite3.connect = sqlite3.dbapi2.connect = limited
"""


@pytest.mark.sqlite_only("the limit of its file stands for a full disk")
def test_a_full_disk_means_refusals(home, provider, tmp_path, monkeypatch):
    changes = {"journal": {"max_bytes": 0}}
    with GatewayProcess(home, provider, changes) as gateway:  # makes the database
        assert send(gateway, "openai").status == 200
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(FULL, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(site))
    with GatewayProcess(home, provider, changes) as gateway:
        answers = []
        for turn in range(400):
            provider.clear()
            answer = send(gateway, "openai", text=f"{TEXT} {turn} " + " ".join(f"u{i}@example.com" for i in range(60)))
            assert answer is not None
            answers.append(answer)
            if answer.status != 200:
                break
        assert answers[-1].status == 503
        assert answers[-1].json()["error"]["code"] == "audit_unavailable"
        assert provider.requests == []
        assert gateway.health().status_code == 503
        assert EMAIL not in gateway.output


@pytest.mark.parametrize("what", ["missing", "altered"])
def test_a_model_that_is_not_the_released_one_stops_the_start(what, tmp_path):
    from models.registry import find

    folder = tmp_path / "model"
    shutil.copytree(find().folder, folder)
    weights = next(folder.glob("*.onnx"))
    if what == "missing":
        weights.unlink()
    else:
        with weights.open("r+b") as file:
            file.seek(100)
            file.write(b"\x00\x01\x02\x03")
    config = tmp_path / "coatcheck.yaml"
    settings = {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "state_dir": str(tmp_path / "state")}
    config.write_text(json.dumps(settings), encoding="utf-8")
    assert clean_environment()
    done = cli("up", "--config", str(config), COATCHECK_NER_MODEL=str(folder))
    assert done.returncode == 1
    assert str(weights) in done.stderr
    assert "install the model again" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr + done.stdout
    assert "ready" not in done.stdout


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
def test_a_request_that_begins_slowly_is_not_relayed_as_raw_bytes(gateway, provider, cut):
    data = request(chat(TEXT))
    with (
        tunnel(gateway.proxy, HOSTS["openai"]) as outer,
        gateway.trust.wrap_socket(outer, server_hostname=HOSTS["openai"]) as inner,
    ):
        inner.sendall(data[:cut])
        send(gateway, "openai")  # when this is answered, the proxy has long read those bytes
        inner.sendall(data[cut:])
        answer = read(inner)
    assert answer.status == 200
    assert EMAIL.encode() in answer.body
    assert leaked(provider.requests, [NAME, EMAIL]) == []
    assert len(provider.requests) == 2


@pytest.fixture(scope="module")
def closed_door(tmp_path_factory):
    """A gateway whose provider is a bare listener, and that listener: whoever gets there has passed unread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        changes = {"upstreams": {"openai": {"resolve_to": f"127.0.0.1:{listener.getsockname()[1]}"}}}
        with GatewayProcess(tmp_path_factory.mktemp("door"), None, changes) as gateway:
            yield gateway, listener


def check_nobody(listener):
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("text", [EMAIL, f"HELO {EMAIL}", f"\x00\x01\x02{EMAIL}"])
def test_what_is_no_http_does_not_reach_an_inspected_host(closed_door, text):
    gateway, listener = closed_door
    with tunnel(gateway.proxy, HOSTS["openai"]) as connection:
        connection.sendall(text.encode() + b"\r\n\r\n")
        connection.settimeout(10)
        assert connection.recv(4096)[:12] in (b"", b"HTTP/1.1 400")
    check_nobody(listener)


@pytest.mark.parametrize("name", [None, "example.com"])
def test_tls_without_the_hosts_name_is_no_way_past(closed_door, name):
    gateway, listener = closed_door
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with tunnel(gateway.proxy, HOSTS["openai"]) as outer:
        outer.settimeout(10)
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),
            trust.wrap_socket(outer, server_hostname=name) as inner,
        ):
            inner.sendall(request(b"{" + TEXT.encode()))
            assert read(inner).status in (400, 421)
    check_nobody(listener)
