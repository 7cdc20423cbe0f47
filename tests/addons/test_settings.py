"""``coatcheck.yaml`` read: defaults, layers, lookups."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addons.policy.types import Action
from addons.settings import CONFIG_VARIABLE, Settings, SettingsError, json_schema, load_settings
from addons.settings_aws import BEDROCK_REGIONS
from addons.settings_schema import rendered
from addons.settings_sections import BUILT_IN_UPSTREAMS, Upstream

ROOT = Path(__file__).parents[2]
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration but the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.delenv("COATCHECK_STATE_DIR", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "site" / "gateway.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_built_in_hosts_are_names_and_regions_are_regions() -> None:
    """A malformed name opens nothing, so its traffic passed unread; and some clients reject a CA that names it."""
    label = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    hosts = [host for one in BUILT_IN_UPSTREAMS.values() for host in one["hosts"]]
    assert [host for host in hosts if not re.fullmatch(rf"(?:\*\.)?{label}(?:\.{label})+", host)] == []
    assert [region for region in BEDROCK_REGIONS if not re.fullmatch(r"[a-z]{2}(?:-gov)?-[a-z]+-[0-9]", region)] == []


class TestWhichFile:
    def test_none_means_defaults(self) -> None:
        settings = load_settings()
        assert settings.model_dump() == Settings().model_dump()
        assert settings.source is None and settings.warnings == ()
        assert settings.policy.default is Action.MASK

    def test_the_working_directory(self, tmp_path: Path) -> None:
        (tmp_path / "coatcheck.yaml").write_text("tenant: here\n")
        assert load_settings().tenant == "here"

    def test_the_variable_goes_before_the_working_directory(
        self, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "coatcheck.yaml").write_text("tenant: here\n")
        monkeypatch.setenv(CONFIG_VARIABLE, str(write("tenant: there\n")))
        assert load_settings().tenant == "there"
        assert load_settings(tmp_path / "coatcheck.yaml").tenant == "here"

    def test_a_named_file_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingsError, match=r"nowhere\.yaml: cannot be read: no such file"):
            load_settings(Path("nowhere.yaml"))
        monkeypatch.setenv(CONFIG_VARIABLE, "gone.yaml")
        with pytest.raises(SettingsError, match=r"gone\.yaml: cannot be read: .*; COATCHECK_CONFIG names it"):
            load_settings()

    def test_a_directory_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(tmp_path)

    @pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeff", "policy:\nlimits:\nupstreams:\nonprem:\n"])
    def test_an_empty_file_or_section_means_defaults(self, write: Write, text: str) -> None:
        assert load_settings(write(text)).model_dump() == Settings().model_dump()


class TestLayers:
    def test_environment_over_file_and_command_line_over_both(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(
            "listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:2\ntenant: file\nlimits: {detect_ms: 5, json_depth: 9}\n"
        )
        monkeypatch.setenv("COATCHECK__ADMIN_LISTEN", "127.0.0.1:20")
        monkeypatch.setenv("COATCHECK__TENANT", "environment")
        monkeypatch.setenv("COATCHECK__LIMITS__DETECT_MS", "50")
        settings = load_settings(path, overrides={"tenant": "command-line"})
        assert (settings.listen, settings.admin_listen) == ("127.0.0.1:1", "127.0.0.1:20")
        assert settings.tenant == "command-line"
        assert (settings.limits.detect_ms, settings.limits.json_depth) == (50, 9)

    def test_mappings_and_null_in_variables(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COATCHECK__DATABASE", "null")
        monkeypatch.setenv("COATCHECK__ONPREM", '{"local": {"url": "http://127.0.0.1:8082"}}')
        monkeypatch.setenv("COATCHECK__POLICY__ENTITIES__PERSON", "block")
        monkeypatch.setenv("COATCHECK__DETECTOR__ENTITIES__PERSON", "0.7")
        settings = load_settings(write("database: sqlite:///x.db\npolicy: {entities: {ORGANIZATION: mask}}\n"))
        assert settings.database is None
        assert settings.detector.entities == {"PERSON": 0.7}
        assert settings.onprem["local"].url == "http://127.0.0.1:8082"
        assert {name: rule.action for name, rule in settings.policy.entities.items()} == {
            "ORGANIZATION": Action.MASK,
            "PERSON": Action.BLOCK,
        }

    def test_other_variables_of_ours_are_none_of_this(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COATCHECK_STATE_DIR", "/var/lib/example")
        assert load_settings().state_path == Path("/var/lib/example")

    def test_built_in_upstreams_stay_beneath(self, write: Write) -> None:
        path = write(
            "upstreams:\n  openai: {jurisdiction: EU}\n  mine: {provider: generic, hosts: [llm.example.com]}\n"
        )
        upstreams = load_settings(path).upstreams
        assert set(upstreams) == {*BUILT_IN_UPSTREAMS, "mine"}
        assert upstreams["openai"] == Upstream(provider="openai", hosts=("api.openai.com",), jurisdiction="EU")


class TestDerived:
    def test_paths(self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        settings = load_settings(write("state_dir: state\nplaceholders: {key_file: ~/key}\n"))
        assert settings.state_path == tmp_path / "site" / "state"
        assert settings.database_url == f"sqlite:///{tmp_path / 'site' / 'state' / 'audit.db'}"
        assert settings.key_path == tmp_path / "home" / "key"
        assert load_settings(write("state_dir: /s\n")).key_path == Path("/s/key")
        assert load_settings(write("database: postgresql+psycopg://db.example.com/a\n")).database_url.endswith("/a")

    def test_addresses(self, write: Write) -> None:
        settings = load_settings(write("listen: '[::1]:0'\nadmin_listen: localhost:9\n"))
        assert settings.listen_address == ("::1", 0) and settings.listen_address.loopback
        assert settings.admin_address == ("localhost", 9) and settings.admin_address.loopback

    def test_hosts(self, write: Write) -> None:
        settings = load_settings(
            write(
                "upstreams:\n"
                "  wide: {provider: generic, hosts: ['*.example.com']}\n"
                "  exact: {provider: openai, hosts: [llm.example.com]}\n"
                "  deepseek: {enabled: false}\n"
            )
        )

        def name(host: str) -> str | None:
            found = settings.upstream_of(host)
            return found and found[0]

        assert [name(host) for host in ("a.example.com", "a.b.example.com", "LLM.example.com.")] == [
            "wide",
            "wide",
            "exact",
        ]
        assert [name(host) for host in ("example.com", "evilexample.com", "api.deepseek.com", "")] == [None] * 4
        assert name("api.openai.com") == "openai"
        assert "api.deepseek.com" not in settings.hosts and "*.example.com" in settings.hosts

    def test_masked_targets(self, write: Write) -> None:
        text = "onprem:\n  a: {url: 'http://127.0.0.1:1', mask: true}\n  b: {url: 'http://127.0.0.1:2'}\n"
        assert load_settings(write(text)).masked_targets == {"a"}

    def test_settings_never_change_nor_tell_the_database(self, write: Write) -> None:
        settings = load_settings(write("database: postgresql://u:hunter2@db.example.com/a\n"))
        assert "hunter2" not in repr(settings)
        with pytest.raises(Exception, match="frozen"):
            settings.tenant = "x"  # type: ignore[misc]

    def test_the_policy_hash_is_the_policys(self, write: Write) -> None:
        assert load_settings(write("tenant: x\n")).policy_hash == Settings().policy_hash
        assert load_settings(write("policy: {mode: observe}\n")).policy_hash != Settings().policy_hash


class TestSchema:
    def test_the_published_copy_is_fresh(self) -> None:
        published = (ROOT / "docs" / "coatcheck.schema.json").read_text(encoding="utf-8")
        command = "python -m addons.settings_schema > docs/coatcheck.schema.json"
        assert published == rendered(json_schema()), f"stale: {command}"

    def test_it_knows_every_top_level_key_and_describes_short_forms(self) -> None:
        schema = json_schema()
        assert set(schema["properties"]) == set(Settings.model_fields)
        assert schema["additionalProperties"] is False
        short, long = schema["$defs"]["EntityRule"]["anyOf"]
        assert short["enum"] == ["allow", "mask", "reroute", "block"] and "min_score" in long["properties"]
        assert json.loads(rendered(schema)) == schema

    def test_built_in_upstreams_need_no_hosts(self) -> None:
        schema: dict[str, Any] = json_schema()
        assert "required" not in schema["$defs"]["BuiltInUpstream"]
        assert schema["$defs"]["Upstream"]["required"] == ["provider", "hosts"]
        (others,) = schema["properties"]["upstreams"]["patternProperties"]
        assert [bool(re.search(others, name)) for name in ("openai", "openai2", "mine", "Mine")] == [
            False,
            True,
            True,
            False,
        ]
