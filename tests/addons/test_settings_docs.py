"""What the documents say of the configuration is so: every example loads, every list is complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from addons.policy.entities import BUILT_IN_ACTIONS
from addons.policy.rules import PolicySettings
from addons.reroute.fields import TABLE
from addons.settings import CONFIG_VARIABLE, Settings, SettingsError, load_settings
from addons.settings_sections import BUILT_IN_UPSTREAMS, Access, Limits, OnPrem

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
POLICY = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
FILES = ("htpasswd", "company-ca.pem", "vllm.key", "clients.pem", "projects.txt", "public-names.txt")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


YAML = [*blocks(CONFIGURATION, "yaml"), *blocks(POLICY, "yaml")]


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    for name in FILES:
        (tmp_path / name).touch()


def test_there_are_examples() -> None:
    assert len(YAML) >= 14


@pytest.mark.parametrize("text", YAML)
def test_every_yaml_block_loads_without_a_warning(tmp_path: Path, text: str) -> None:
    (tmp_path / "coatcheck.yaml").write_text(text, encoding="utf-8")
    settings = load_settings()
    assert [line for line in settings.warnings if "policy.mode" not in line] == []


def test_the_example_file_loads_and_names_its_schema(tmp_path: Path) -> None:
    example = ROOT / "coatcheck.example.yaml"
    settings = load_settings(example)
    assert settings.warnings == ()
    first = example.read_text(encoding="utf-8").splitlines()[0]
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert schema and (ROOT / schema[1]).is_file()
    defaults = Settings()
    assert (settings.listen, settings.limits, settings.upstreams) == (
        defaults.listen,
        defaults.limits,
        defaults.upstreams,
    )


def test_the_written_out_default_policy_is_the_default() -> None:
    text = next(block for block in blocks(POLICY, "yaml") if "NRP: allow" in block)
    named = dict(re.findall(r"^    ([A-Z_]+): (\w+)$", text, re.MULTILINE))
    assert named == {entity: action.value for entity, action in BUILT_IN_ACTIONS.items()}
    assert PolicySettings().default.value == "mask" and PolicySettings().mode == "enforce"


def test_the_errors_shown_are_those_given(tmp_path: Path) -> None:
    (tmp_path / "coatcheck.yaml").write_text(
        "listen: 0.0.0.0:8080\nlimits:\n  body_byte: 1\npolicy:\n  entities:\n    PERSON: maks\n", encoding="utf-8"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.render() + "\n" == blocks(CONFIGURATION, "text")[0]


def test_the_variables_shown_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in shlex.split(blocks(CONFIGURATION, "sh")[0]):
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.listen, settings.limits.body_bytes, settings.policy.mode) == ("127.0.0.1:9000", 1048576, "observe")
    assert settings.policy.entities["ORGANIZATION"].action.value == "mask"


def test_every_built_in_upstream_is_listed() -> None:
    for name, entry in BUILT_IN_UPSTREAMS.items():
        hosts = ", ".join(f"`{host}`" for host in entry["hosts"])  # type: ignore[attr-defined]
        assert f"| `{name}` | `{entry['provider']}` | {hosts} | {entry.get('jurisdiction', '')}" in CONFIGURATION


@pytest.mark.parametrize(
    "key", [*Access.model_fields, *Limits.model_fields, *OnPrem.model_fields, *Settings.model_fields]
)
def test_every_key_is_explained(key: str) -> None:
    assert re.search(rf"[`.]{key}`|^ *{key}:", CONFIGURATION, re.MULTILINE)


@pytest.mark.parametrize("endpoint", sorted(TABLE))
def test_every_dropped_field_is_listed(endpoint: str) -> None:
    row = next(line for line in POLICY.splitlines() if line.startswith(f"| `{endpoint}` |"))
    listed = row.split("|")[2].partition(";")[0]
    assert set(re.findall(r"`([a-z_]+)`", listed)) == TABLE[endpoint].dropped
