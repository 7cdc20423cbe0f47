"""``coatcheck detect`` as a command: formats, options, files and folders, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from addons import detect_command
from coatcheck import app
from detectors.config import DetectorConfig, NerConfig
from detectors.detector import Detector
from detectors.errors import DetectorError
from detectors.explaining import ExplainingDetector

ROOT = Path(__file__).parents[2]
MAIL = "write to anna@example.com today\n"

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def detectors() -> dict[bool, Detector]:
    config = DetectorConfig(ner=NerConfig(enabled=False))
    return {False: Detector(config), True: ExplainingDetector(config)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, detectors: dict[bool, Detector], tmp_path: Path) -> list[DetectorConfig]:
    """The configurations of which a detector was asked for; it is a shared one without the model."""
    configs: list[DetectorConfig] = []

    def build(config: DetectorConfig, *, explain: bool = False) -> Detector:
        configs.append(config)
        return detectors[explain]

    monkeypatch.setattr(detect_command, "build_detector", build)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COATCHECK_CONFIG", raising=False)
    return configs


@pytest.fixture
def run(asked: list[DetectorConfig]) -> Run:
    def call(*arguments: str, stdin: str | bytes = "") -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["detect", *arguments], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return call


LINE = json.dumps({"id": 1, "text": "mail anna@example.com, server 10.0.0.12"}) + "\n"


def test_jsonl_has_all_spans_with_their_actions(run: Run) -> None:
    code, out, err = run("-", "--jsonl", stdin=LINE)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "id": 1,
        "spans": [
            {
                "start": 5,
                "end": 21,
                "entity": "EMAIL_ADDRESS",
                "score": 1.0,
                "recognizer": "EmailRecognizer",
                "action": "mask",
            }
        ],
    }


def test_jsonl_masked_follows_the_configuration(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("--jsonl", "--masked", stdin=LINE)[1])["text"] == "mail <EMAIL_ADDRESS>, server 10.0.0.12"
    site = tmp_path / "site.yaml"
    site.write_text("policy: {entities: {EMAIL_ADDRESS: allow}}\n")
    arguments = ("--jsonl", "--config", str(site))
    (span,) = json.loads(run(*arguments, stdin=LINE)[1])["spans"]
    assert span["action"] == "allow"
    assert json.loads(run(*arguments, "--masked", stdin=LINE)[1]) == {
        "id": 1,
        "spans": [],
        "text": "mail anna@example.com, server 10.0.0.12",
    }


def test_a_bad_line_is_2_and_what_precedes_it_is_done(run: Run) -> None:
    code, out, err = run("--jsonl", stdin=LINE + "anna@example.com\n")
    assert code == 2
    assert len(out.splitlines()) == 1
    assert "line 2 is not JSON" in err and "anna" not in err


def test_text_for_people(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text(f"Hello\n{MAIL}")
    code, out, _ = run(str(file))
    assert code == 0
    assert "2 | write to [EMAIL_ADDRESS: anna@example.com] today" in out
    assert out.endswith("\n1 finding: 1 masked\n")
    assert run(stdin="hello")[1].endswith("nothing found\n")


def test_masked_text_goes_out_byte_for_byte(run: Run) -> None:
    code, out, _ = run("--masked", stdin=b"a\xff\r\n\x1b[1m anna@example.com\x00\n")
    assert code == 0
    assert (
        out.encode("utf-8", "surrogateescape") == b"a\xff\r\n\x1b[1m <EMAIL_ADDRESS>\x00\n" or "<EMAIL_ADDRESS>" in out
    )


def test_explain(run: Run) -> None:
    out = run("--explain", stdin="my passport number is X1234567")[1]
    assert "found by" in out and "raised by" in out and "policy.default" in out
    document = json.loads(run("--explain", "--json", stdin="my passport number is X1234567")[1])
    (found,) = document["files"][0]["findings"]
    assert found["explanation"]["score_before"] < found["score"]
    assert found["why"].startswith("policy.default")


def test_entities_and_scores_filter(run: Run, asked: list[DetectorConfig]) -> None:
    text = f"{MAIL} my passport number is X1234567"

    def found(*arguments: str) -> set[str]:
        document = json.loads(run("--json", *arguments, stdin=text)[1])
        return {one["entity"] for one in document["files"][0]["findings"]}

    assert found() == {"EMAIL_ADDRESS", "IN_PASSPORT"}
    assert found("--entities", "email_address") == {"EMAIL_ADDRESS"}
    assert found("--entities", "*_PASSPORT, PERSON") == {"IN_PASSPORT"}
    assert found("--min-score", "0.9") == {"EMAIL_ADDRESS"}
    assert asked[-1].min_score == 0.4
    found("--min-score", "0.1")
    assert asked[-1].min_score == 0.1
    assert "PERSN" in run("--entities", "PERSN", stdin="x")[2]
    assert run("--min-score", "2", stdin="x")[0] == 2


def test_fail_is_for_what_is_masked(run: Run, tmp_path: Path) -> None:
    assert run("--fail", stdin=MAIL)[0] == 1
    assert run("--fail", "--jsonl", stdin=LINE)[0] == 1
    assert run("--fail", stdin="nothing")[0] == 0
    assert run("--fail", "--entities", "PERSON", stdin=MAIL)[0] == 0
    (tmp_path / "site.yaml").write_text("policy: {default: allow}\n")
    assert run("--fail", "--config", "site.yaml", stdin=MAIL)[0] == 0


def test_folders_and_what_is_no_text(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text(MAIL)
    (folder / "deep" / "b.txt").write_text("nothing\n" * 3 + MAIL)
    (folder / "deep" / "c.png").write_bytes(b"\x89PNG\0\0")
    code, out, err = run("docs")
    assert code == 0
    assert "docs/deep/c.png" in err and "binary" in err
    assert "docs/deep/b.txt\n4 | write to [EMAIL_ADDRESS: anna@example.com] today\n" in out
    assert "nothing" not in out
    assert out.endswith("2 files, 2 findings: 2 masked, 1 file not read\n")
    document = json.loads(run("docs", "--json")[1])
    assert [file["file"] for file in document["files"]] == ["docs/a.txt", "docs/deep/b.txt"]
    assert document["not_read"][0]["file"] == "docs/deep/c.png"


def test_what_cannot_be_read_is_2_and_the_rest_is_done(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(MAIL)
    (tmp_path / "b.bin").write_bytes(b"\0")
    code, out, err = run("a.txt", "no-such-file.txt")
    assert code == 2
    assert "no-such-file.txt: no such file" in err
    assert "anna@example.com" in out
    assert run("b.bin")[0] == 2
    assert run("b.bin", "--binary")[0] == 0
    assert run("no-such-file.txt", "--jsonl")[0] == 2


def test_encodings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gb.txt").write_bytes("邮箱 anna@example.com".encode("gb18030"))
    code, _, err = run("gb.txt")
    assert code == 0
    assert "--encoding gb18030" in err
    code, out, err = run("gb.txt", "--encoding", "gb18030")
    assert (code, err) == (0, "")
    assert "邮箱 [EMAIL_ADDRESS: anna@example.com]" in out
    assert run("gb.txt", "--encoding", "klingon")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--jsonl", "--json"),
        ("--jsonl", "--explain"),
        ("--masked", "--explain"),
        ("a", "b", "--masked"),
        (".", "--jsonl"),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_detector_is_built(
    run: Run, asked: list[DetectorConfig], arguments: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments, stdin="x")
    assert (code, out, asked) == (2, "", [])
    assert err.startswith("coatcheck: --")


def test_a_wrong_configuration_is_2_and_names_the_key(run: Run, tmp_path: Path) -> None:
    (tmp_path / "coatcheck.yaml").write_text("policy: {defualt: mask}\n")
    code, _, err = run(stdin="x")
    assert code == 2
    assert "defualt" in err


def test_the_detectors_options_reach_it(run: Run, asked: list[DetectorConfig], tmp_path: Path) -> None:
    (tmp_path / "coatcheck.yaml").write_text("detector: {countries: [us], ner: {threads: 2}}\n")
    run("--patterns-only", "--model", "some", stdin="x")
    assert asked[-1].countries == ("us",)
    assert (asked[-1].ner.enabled, asked[-1].ner.model, asked[-1].ner.threads) == (False, "some", 2)
    assert asked[-1].ner.cascade
    run("--no-cascade", stdin="x")
    assert (asked[-1].ner.enabled, asked[-1].ner.model, asked[-1].ner.cascade) == (True, None, False)


def test_a_detector_that_cannot_answer_is_3(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Refusing(Detector):
        def __init__(self) -> None:
            self.version = "none"

        def detect(self, texts: object) -> list[list[object]]:  # type: ignore[override]
            raise DetectorError("recognizer X ran into the regex time-out")

    monkeypatch.setattr(detect_command, "build_detector", lambda config, explain=False: Refusing())
    (tmp_path / "a.txt").write_text(MAIL)
    for arguments, where in ((("a.txt",), "a.txt: "), (("--jsonl",), "line 1: ")):
        code, out, err = run(*arguments, stdin=LINE)
        assert code == 3
        assert f"{where}recognizer X ran into the regex time-out" in err
        assert "anna" not in out + err


def test_a_missing_model_is_3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["detect", "--model", "no/such/model"], input="x")
    assert result.exit_code == 3
    assert "detector.ner.model" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_does_not_load_the_detector() -> None:
    program = (
        "import sys, coatcheck\n"
        "try: coatcheck.app(['detect', '--help'])\n"
        "except SystemExit: print(sorted({'mitmproxy', 'presidio_analyzer', 'spacy', 'sqlalchemy', 'onnxruntime'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": i, "text": "x" * 100}) + "\n" for i in range(5000))
    (tmp_path / "in.jsonl").write_text(lines)
    command = [sys.executable, "-m", "coatcheck", "detect", str(tmp_path / "in.jsonl"), "--jsonl", "--patterns-only"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait() == 141
    assert errors == b""
