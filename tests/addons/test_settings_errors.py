"""What is wrong with a file: where, what, what instead; all at once; never a value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.config_errors import key_path
from addons.settings import CONFIG_VARIABLE, SettingsError, load_settings
from addons.settings_yaml import read_document

Complain = Callable[[str], list[str]]
ONPREM = "onprem: {local: {url: 'http://127.0.0.1:8082'}}\n"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)


@pytest.fixture
def complain(tmp_path: Path) -> Complain:
    """The lines of the error, without the file's name."""

    def complaints(text: str) -> list[str]:
        (tmp_path / "coatcheck.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError) as caught:
            load_settings()
        return [line.removeprefix("coatcheck.yaml:") for line in caught.value.render().splitlines()]

    return complaints


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lisen: 127.0.0.1:1", "1:1: lisen: unknown key; did you mean `listen`?"),
        ("limits:\n  body_byte: 1", "2:3: limits.body_byte: unknown key; did you mean `body_bytes`?"),
        ("limits: {detect_ms: fast}", "1:21: limits.detect_ms: should be a whole number"),
        ("limits: {detect_ms: 0}", "1:21: limits.detect_ms: should be more than 0"),
        ("limits: {json_depth: 501}", "1:22: limits.json_depth: should be at most 500"),
        ("limits: {upstream_timeout_s: .inf}", "1:30: limits.upstream_timeout_s: should be a finite number"),
        ("limits: [1]", "1:9: limits: should be a mapping of keys to values"),
        ("access: {allow_open: maybe}", "1:22: access.allow_open: should be true or false"),
        ("access: {allowed_hosts: x}", "1:25: access.allowed_hosts: should be a list"),
        ("policy: {mode: enfroce}", "1:16: policy.mode: should be `enforce` or `observe`; did you mean `enforce`?"),
        (
            "policy: {entities: {PERSON: maks}}",
            "1:29: policy.entities.PERSON: should be `allow`, `mask`, `reroute` or `block`; did you mean `mask`?",
        ),
        (
            "policy: {entities: {person: mask}}",
            "1:21: policy.entities.person: should be an entity name in capitals, such as `PERSON` or `CN_*`",
        ),
        (
            "policy: {entities: {PERSON: {action: mask, min_scor: 1}}}",
            "1:44: policy.entities.PERSON.min_scor: unknown key; did you mean `min_score`?",
        ),
        ("policy: {rules: [{action: block}]}", "1:18: policy.rules[0].name: is missing; add `name:`"),
        ("policy: {rules: [block]}", "1:18: policy.rules[0]: should be a mapping of keys to values"),
        (
            "policy:\n  rules:\n    - name: x\n      action: block\n      when: {upstream: [openai]}",
            "5:14: policy.rules[0].when.upstream: unknown key; did you mean `upstreams`?",
        ),
        (
            "policy: {unreadable: mask}",
            "1:22: policy.unreadable: should be `allow`, `reroute` or `block`; what cannot be read cannot be masked",
        ),
        (
            "policy:\n  allow_list:\n    - Example\n    - pattern: 'a('",
            "4:16: policy.allow_list[1].pattern: is no regular expression: missing ) at position 2",
        ),
        (
            "detector:\n  deny_list:\n    - Example\n    - {literal: a, file: b}",
            "4:7: detector.deny_list[1]: needs either `literal`, `pattern` or `file`",
        ),
        (
            "detector:\n  deny_list:\n    - {literal: a, entity: project}",
            "3:28: detector.deny_list[0].entity: should be an entity name in capitals, such as `PERSON`",
        ),
        (
            "detector:\n  allow_list:\n    - file: no-such.txt",
            "3:13: detector.allow_list[0].file: there is no such file (relative paths start at the configuration "
            "file's directory)",
        ),
        (
            "detector:\n  recognizers:\n    - name: badge\n      entity: BADGE\n      regex: ['B\\d+', '(']",
            "5:14: detector.recognizers[0].regex: expression 2 is no regular expression: missing ) at position 1",
        ),
        (
            "detector:\n  recognizers:\n    - {name: badge, entity: BADGE, regex: B, chek: luhn}",
            "3:46: detector.recognizers[0].chek: unknown key; did you mean `checksum`?",
        ),
        (
            "detector:\n  recognizers:\n    - {name: badge, entity: BADGE, regex: B, checksum: lunh}",
            "3:56: detector.recognizers[0].checksum: should be one of luhn, verhoeff, damm, mod11, mod97, "
            "iso7064_mod_11_2, iso7064_mod_11_10, iso7064_mod_37_2, iso7064_mod_37_36, iso7064_mod_97_10, or a module "
            "such as `stdnum.de.idnr`",
        ),
        (
            "detector:\n  recognizers:\n    - {name: badge, entity: BADGE, regex: B\\d, examples: {match: [B1, C1]}}",
            "3:7: detector.recognizers[0]: recognizer `badge`: example 2 of `match` is not found",
        ),
        (
            "detector: {plugins: ['a b']}",
            "1:22: detector.plugins[0]: should be `package.module:attribute`, or the name of an entry point",
        ),
        (
            "detector: {entities: {person: 1}}",
            "1:23: detector.entities.person: should be an entity name in capitals, such as `PERSON`",
        ),
        (
            "policy: {rules: [{name: x, when: {entities: []}, action: block}]}",
            "1:45: policy.rules[0].when.entities: should not be empty; leave it out if it is not meant",
        ),
        ("upstreams: {mine: {hosts: [a.example.com]}}", "1:13: upstreams.mine.provider: is missing; add `provider:`"),
        (
            "upstreams: {openai: {jurisdicton: EU}}",
            "1:22: upstreams.openai.jurisdicton: unknown key; did you mean `jurisdiction`?",
        ),
        ("upstreams: {A: {}}", "1:13: upstreams.A: should be a name of small letters, digits, `_` and `-`"),
        (
            "upstreams: {openai: {hosts: ['https://api.example.com/']}}",
            "1:30: upstreams.openai.hosts[0]: should be a host name alone, without scheme and path",
        ),
        ("listen: 8080", "1:9: listen: should be text"),
        (
            "listen: 127.0.0.1:99999",
            "1:9: listen: should be HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080",
        ),
        ("listen: 300.0.0.1:80", "1:9: listen: has no valid IPv4 address before the port"),
        ("listen: '::1:80'", "1:9: listen: should be HOST:PORT; an IPv6 address needs brackets, and `*` is written 0.0.0.0"),  # noqa: E501
        ("listen: '[::g]:80'", "1:9: listen: has no valid IPv6 address between the brackets"),
        ("- listen", "1:1: should be a mapping: lines of `key: value`"),
        ("listen: !!python/object:x y", "1:9: listen: has a tag that is not allowed here; write the plain value"),
        ("a: [1, 2\nb: 3", "2:2: not valid YAML: expected ',' or ']', but got ':'"),
    ],
)  # fmt: skip
def test_one_thing_wrong(complain: Complain, text: str, complaint: str) -> None:
    assert complaint in complain(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "listen: 0.0.0.0:8080",
            "1:9: listen: listens beyond loopback without authentication; set `access.proxy_auth` (an htpasswd file) or "  # noqa: E501
            "`access.client_ca`, or listen on 127.0.0.1; `access.allow_open: true` if it is really meant",
        ),
        (
            "admin_listen: 0.0.0.0:9080",
            "1:15: admin_listen: should be a loopback address such as 127.0.0.1:9080; it has no authentication",
        ),
        ("admin_listen: 127.0.0.1:8080", "1:15: admin_listen: is the same address as `listen`; choose another port"),
        (
            ONPREM + "policy: {rules: [{name: x, action: reroute, to: locl}]}",
            "2:49: policy.rules[0].to: no entry under `onprem` has this name; did you mean `local`?",
        ),
        (
            "policy: {rules: [{name: x, action: reroute}]}",
            "1:18: policy.rules[0]: reroutes, but where to? add `to:` or `policy.reroute_to:`, an on-prem upstream's name "  # noqa: E501
            "(none is configured yet)",
        ),
        (
            ONPREM + "policy: {entities: {PERSON: reroute}}",
            "2:21: policy.entities.PERSON: reroutes, but where to? add `to:` or `policy.reroute_to:`, an on-prem "
            "upstream's name (`local`)",
        ),
        (
            ONPREM + "policy: {reroute_to: far, default: reroute}",
            "2:22: policy.reroute_to: no entry under `onprem` has this name (`local`)",
        ),
        (
            "policy: {rules: [{name: x, action: block}, {name: x, action: block}]}",
            "1:51: policy.rules[1].name: rule 1 has the same name; choose another",
        ),
        (
            "policy: {entities: {CREDIT_CRAD: mask}}",
            "1:21: policy.entities.CREDIT_CRAD: unknown entity; did you mean `CREDIT_CARD`? (one of your own: name it under "  # noqa: E501
            "`detector.entities` too)",
        ),
        (
            "policy: {rules: [{name: x, action: block, when: {entities: [PERSN]}}]}",
            "1:61: policy.rules[0].when.entities[0]: unknown entity; did you mean `PERSON`? (one of your own: name it under "  # noqa: E501
            "`detector.entities` too)",
        ),
        (
            "policy: {response: {entities: {CREDIT_CRAD: block}}}",
            "1:32: policy.response.entities.CREDIT_CRAD: unknown entity; did you mean `CREDIT_CARD`? (one of your own: name it under "  # noqa: E501
            "`detector.entities` too)",
        ),
        (
            "policy: {restore: {upstreams: {opnai: never}}}",
            "1:32: policy.restore.upstreams.opnai: no upstream has this name; did you mean `openai`?",
        ),
        (
            "policy: {entities: {PLACEHOLDER: mask}}",
            "1:21: policy.entities.PLACEHOLDER: placeholders are escaped by Coatcheck itself; policy has no say about them",  # noqa: E501
        ),
        (
            "upstreams: {mine: {provider: openai, hosts: [api.openai.com]}}",
            "1:46: upstreams.mine.hosts[0]: is a host of upstream `openai` too; a host belongs to one upstream",
        ),
        (
            "onprem: {far: {url: 'https://api.openai.com'}}",
            "1:21: onprem.far.url: leads to a host of the commercial upstream `openai`; reroute leads to the premises only",  # noqa: E501
        ),
        ("onprem: {openai: {url: 'http://127.0.0.1:1'}}", "1:10: onprem.openai: an upstream has the same name; choose another"),  # noqa: E501
        (
            "onprem: {local: {url: 'http://127.0.0.1:1', api_key_env: COATCHECK_TEST_UNSET}}",
            "1:58: onprem.local.api_key_env: this environment variable is not set",
        ),
        (
            "access: {proxy_auth: htpasswd}",
            "1:22: access.proxy_auth: there is no such file (relative paths start at the configuration file's directory)",  # noqa: E501
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(complain: Complain, text: str, complaint: str) -> None:
    assert complaint in complain(text)


def test_everything_at_once_in_the_order_of_the_file(complain: Complain) -> None:
    text = "listen: 0.0.0.0:80\nlimits:\n  body_byte: 1\n  detect_ms: x\ndatabase: mysql://x\npolicy:\n  mode: off\nzebra: 1\n"  # noqa: E501
    assert [line.split(": ")[0] for line in complain(text)] == ["1:9", "3:3", "4:14", "5:11", "7:9", "8:1"]


def test_what_leans_on_a_broken_section_is_not_judged(complain: Complain) -> None:
    text = "onprem: {local: {ur: x}}\npolicy: {rules: [{name: x, action: reroute, to: local}]}\n"
    assert complain(text) == [
        "1:10: onprem.local.url: is missing; add `url:`",
        "1:18: onprem.local.ur: unknown key; did you mean `url`?",
    ]


def test_every_repeated_key(complain: Complain) -> None:
    assert complain("listen: a\npolicy:\n  mode: observe\n  mode: enforce\nlisten: b\nlisten: c\n") == [
        "4:3: policy.mode: is given twice (first in line 3); remove one",
        "5:1: listen: is given twice (first in line 1); remove one",
        "6:1: listen: is given twice (first in line 1); remove one",
    ]


CANARY = "hunter2canary"


@pytest.mark.parametrize(
    "text",
    [
        f"database: mysql://root:{CANARY}@db.example.com/x",
        f"onprem: {{local: {{url: 'http://u:{CANARY}@127.0.0.1'}}}}",
        f"onprem: {{local: {{url: '{CANARY}'}}}}",
        f"limits: {{detect_ms: {CANARY}}}",
        f"listen: {CANARY}",
        f"tenant: {CANARY.upper()}",
        f"policy: {{mode: {CANARY}, entities: {{PERSON: {CANARY}}}, rules: {CANARY}}}",
        f"policy: {{allow_list: [{{pattern: '({CANARY}'}}]}}",
        f"access: {{proxy_auth: {CANARY}, allowed_origins: [{CANARY}]}}",
        f"tenant: a\ntenant: {CANARY}",
        f"database: *{CANARY}",
        f"database: !{CANARY} x",
        f"database: '{CANARY}\nlisten: x",
        f'database: "\\q{CANARY}"',
        f"database: @{CANARY}",
        f"database: !!int {CANARY}",
        f"detector: {{languages: [{CANARY}]}}",
        f"detector: {{allow_list: [{{pattern: '({CANARY}'}}], deny_list: [{{literal: {CANARY}, entity: {CANARY}}}]}}",
        f"detector: {{recognizers: [{{name: x, entity: X, regex: '({CANARY}', context: {CANARY}}}]}}",
        f"detector: {{recognizers: [{{name: x, entity: X, regex: z, examples: {{match: [{CANARY}]}}}}]}}",
        f"detector: {{recognizers: [{{name: x, entity: X, regex: a, checksum: {CANARY}}}], plugins: ['{CANARY} ']}}",
    ],
)
def test_no_value_is_told(complain: Complain, text: str) -> None:
    assert CANARY not in "\n".join(complain(text)).lower()


class TestSources:
    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COATCHECK__LIMITS__DETECT_MS", CANARY)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert caught.value.render() == (
            "environment variable COATCHECK__LIMITS__DETECT_MS: limits.detect_ms: should be a whole number"
        )

    @pytest.mark.parametrize(
        ("name", "complaint"),
        [
            ("COATCHECK__LISTN", "COATCHECK__LISTN: unknown key; did you mean `listen`?"),
            (
                "COATCHECK__LIMITS__DETECT",
                "COATCHECK__LIMITS__DETECT: limits.detect: unknown key; did you mean `detect_ms`?",
            ),
            ("COATCHECK__ONPREM", "COATCHECK__ONPREM: should be a JSON value, or be set key by key"),
        ],
    )
    def test_variables_that_fit_nothing(self, monkeypatch: pytest.MonkeyPatch, name: str, complaint: str) -> None:
        monkeypatch.setenv(name, CANARY)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert caught.value.render() == f"environment variable {complaint}"

    def test_the_command_line(self) -> None:
        with pytest.raises(SettingsError, match="command line: listen: should be HOST:PORT"):
            load_settings(overrides={"listen": "x"})
        with pytest.raises(SettingsError, match="command line: listen: listens beyond loopback"):
            load_settings(overrides={"listen": "0.0.0.0:1"})


class TestWarnings:
    def warnings(self, tmp_path: Path, text: str) -> tuple[str, ...]:
        (tmp_path / "coatcheck.yaml").write_text(text)
        return load_settings().warnings

    def test_what_works_and_is_probably_not_meant(self, tmp_path: Path) -> None:
        text = (
            "listen: 0.0.0.0:8080\naccess: {allow_open: true}\npolicy:\n  mode: observe\n  entities: {BADGE_COLOUR: mask}\n"  # noqa: E501
            "  rules:\n    - {name: x, action: block, to: y, when: {upstreams: [opnai, 'open*']}}\n"
        )
        assert self.warnings(tmp_path, text) == (
            "coatcheck.yaml:5:14: policy.entities.BADGE_COLOUR: no built-in recognizer finds this entity; it needs one of "  # noqa: E501
            "your own",
            "coatcheck.yaml:7:32: policy.rules[0].to: has no effect without `action: reroute`",
            "coatcheck.yaml:7:58: policy.rules[0].when.upstreams[0]: no upstream has this name; did you mean `openai`?",
            "coatcheck.yaml:2:10: access.allow_open: anyone who reaches the port can use the gateway",
            "coatcheck.yaml:4:3: policy.mode: observe: nothing is masked or stopped",
        )

    def test_a_disabled_entity_that_nothing_finds(self, tmp_path: Path) -> None:
        assert self.warnings(tmp_path, "detector: {disabled: [PERSN, PERSON, MINE]}") == (
            "coatcheck.yaml:1:23: detector.disabled[0]: no built-in recognizer finds this entity; did you mean "
            "`PERSON`?",
        )

    def test_an_entity_of_the_sites_own_lists_and_recognizers(self, tmp_path: Path) -> None:
        text = (
            "detector:\n  deny_list: [{literal: a, entity: PERSN}]\n"
            "  recognizers: [{name: x, entity: EMAIL_ADRESS, regex: y}]\n"
            "policy: {entities: {PERSN: mask, EMAIL_ADRESS: block}}\n"
        )
        assert self.warnings(tmp_path, text) == ()

    def test_an_entity_of_the_sites_own(self, tmp_path: Path) -> None:
        text = "detector: {entities: {PERSN: 0.5}}\npolicy: {entities: {PERSN: mask, CN_*: block}}\n"
        assert self.warnings(tmp_path, text) == ()


def _read_or_refused(text: str) -> bool:
    """True if ``text`` gave a mapping or a refusal that names a problem; anything else that is raised goes on."""
    try:
        return isinstance(read_document(text, "f").data, dict)
    except SettingsError as error:
        return bool(error.problems)


class TestYaml:
    def test_places_of_keys_and_values(self) -> None:
        document = read_document("a:\n  - b: 1\n    姓名: [x, 2]\n", "f")
        assert document.data == {"a": [{"b": 1, "姓名": ["x", 2]}]}
        assert str(document.place(("a", 0, "姓名", 1))) == "f:3:13"
        assert str(document.place(("a", 0, "姓名"), key=True)) == "f:3:5"
        assert str(document.place(("a", 0, "missing"))) == "f:2:5"
        assert str(document.place(("missing",))) == "f:1:1"

    def test_aliases_and_merges(self) -> None:
        document = read_document("base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nsame: *b\n", "f")
        assert document.data == {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}

    def test_plain_words_stay_words(self) -> None:
        text = "a: [no, off, 2026-01-01, 1_000, 0x10, ~, 1.5, true]"
        assert read_document(text, "f").data == {"a": ["no", "off", "2026-01-01", 1000, 16, None, 1.5, True]}

    @pytest.mark.parametrize(
        "text",
        [
            "a: &a [*a]",
            "a: " + "[" * 60 + "]" * 60,
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)),
        ],
    )
    def test_bombs(self, text: str) -> None:
        with pytest.raises(SettingsError, match="nested too deeply"):
            read_document(text, "f")

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        assert _read_or_refused(text)

    @given(st.text(alphabet="a: -[]{},'\"\n&*!#|>?\t0", max_size=60))
    def test_any_punctuation_is_read_or_refused(self, text: str) -> None:
        assert _read_or_refused(text)


def test_key_paths() -> None:
    assert key_path(("policy", "rules", 0, "when", "entities", 2)) == "policy.rules[0].when.entities[2]"
