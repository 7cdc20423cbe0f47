"""``coatcheck.yaml``, typed: the one way in which the gateway learns what its site wants.

``load_settings()`` reads the file, lays ``COATCHECK__SECTION__KEY`` variables and the command line over it, and
returns frozen ``Settings`` or raises ``SettingsError`` with everything that is wrong, each with its line. Imports the
other rooms' settings models, nothing that acts. Reads the file and the environment; writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings import SettingsError as EnvironmentError_

from addons.config_errors import KeyPath, Place, Problem, SettingsError, did_you_mean, explain
from addons.policy.rules import PolicySettings
from addons.settings_checkpoints import Checkpoints
from addons.settings_checks import LEANS_ON, problems_between, warnings_of
from addons.settings_journal import JournalSettings
from addons.settings_prices import Prices
from addons.settings_retention import Retention
from addons.settings_schema import keys_at, schema_of
from addons.settings_sections import (
    BUILT_IN_UPSTREAMS,
    Access,
    Address,
    DatabaseUrl,
    FilePath,
    Limits,
    ListenAddress,
    Name,
    OnPrem,
    Placeholders,
    Upstream,
    VaultSettings,
    built_in_upstreams,
    parse_address,
)
from addons.settings_yaml import Document, read_document
from audit import location
from detectors.config import DetectorConfig
from detectors.section import Section

__all__ = ["CONFIG_VARIABLE", "Settings", "SettingsError", "json_schema", "load_settings"]

CONFIG_VARIABLE = "COATCHECK_CONFIG"
"""Names the file where the command line names none."""
DEFAULT_FILE = "coatcheck.yaml"
ENVIRONMENT_PREFIX = "COATCHECK__"


class Settings(Section):
    """Everything that a site can set. Build it with ``load_settings``, which also checks what keys must agree on."""

    listen: ListenAddress = "127.0.0.1:8080"
    """HOST:PORT of the proxy. Beyond loopback it needs ``access``."""
    admin_listen: ListenAddress = "127.0.0.1:9080"
    """HOST:PORT of ``/healthz`` and ``/metrics``."""
    state_dir: FilePath | None = None
    """Where key, certificate authority and database lie. Default: ``$XDG_STATE_HOME/coatcheck``."""
    database: DatabaseUrl | None = Field(default=None, repr=False)
    """SQLAlchemy URL of the audit database. Default: ``audit.db`` in ``state_dir``."""
    tenant: Name = "default"
    """Whose traffic this gateway serves; part of every record and key."""
    access: Access = Access()
    limits: Limits = Limits()
    upstreams: dict[Name, Upstream] = Field(default_factory=built_in_upstreams)
    """Commercial LLM APIs, by name. Laid over the built-in ones."""
    onprem: dict[Name, OnPrem] = Field(default_factory=dict)
    """LLM servers on the premises, by name."""
    detector: DetectorConfig = DetectorConfig()
    placeholders: Placeholders = Placeholders()
    checkpoints: Checkpoints = Checkpoints()
    journal: JournalSettings = JournalSettings()
    retention: Retention = Retention()
    policy: PolicySettings = PolicySettings()
    prices: Prices = Prices()
    vault: VaultSettings = VaultSettings()

    _source: Path | None = PrivateAttr(default=None)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def source(self) -> Path | None:
        """The file that was read, if any."""
        return self._source

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is probably not meant, with its place: one line each."""
        return self._warnings

    @property
    def policy_hash(self) -> str:
        """SHA-256 of the policy section, for the audit record."""
        return self.policy.hash()

    @property
    def listen_address(self) -> Address:
        """``listen``, taken apart."""
        return parse_address(self.listen)

    @property
    def admin_address(self) -> Address:
        """``admin_listen``, taken apart."""
        return parse_address(self.admin_listen)

    @property
    def state_path(self) -> Path:
        """The state directory in force. It need not exist yet."""
        return self.state_dir or location.state_dir()

    @property
    def database_url(self) -> str:
        """The audit database in force."""
        return self.database or f"sqlite:///{self.state_path / 'audit.db'}"

    @property
    def key_path(self) -> Path:
        """The gateway's secret. It need not exist yet."""
        return self.placeholders.key_file or self.state_path / "key"

    @property
    def vault_key_path(self) -> Path:
        """The vault's master keys, where they are in a file. It need not exist yet."""
        return self.vault.key_file or self.state_path / "vault.key"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What is intercepted, sorted; ``*.example.com`` stands for all below example.com."""
        return tuple(sorted(host for one in self.upstreams.values() if one.enabled for host in one.hosts))

    @property
    def masked_targets(self) -> frozenset[str]:
        """On-prem upstreams that get placeholders too."""
        return frozenset(name for name, target in self.onprem.items() if target.mask)

    def upstream_of(self, host: str) -> tuple[str, Upstream] | None:
        """Name and settings of the upstream that ``host`` (no port) belongs to; exact names go before wildcards."""
        host = host.lower().rstrip(".")
        serving = [(name, one) for name, one in self.upstreams.items() if one.enabled and one.serves(host)]
        return min(serving, key=lambda pair: host not in pair[1].hosts, default=None)


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of ``coatcheck.yaml``, for editors."""
    return schema_of(Settings)


def load_settings(path: Path | None = None, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings in force.

    ``path`` None: the file that ``COATCHECK_CONFIG`` names, else ``coatcheck.yaml`` in the working directory, else
    the defaults. ``overrides`` (the command line's) go before the environment's ``COATCHECK__…``, these before the
    file. Raises SettingsError.
    """
    named = path or (Path(value) if (value := os.environ.get(CONFIG_VARIABLE)) else None)
    file = named or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None)
    document = Document("defaults", {}) if file is None else _read(file, by_variable=path is None and named is not None)
    settings = _settings(document, _environment(), overrides or {}, Path.cwd() if file is None else file.parent)
    settings._source = file
    return settings


def _read(file: Path, *, by_variable: bool) -> Document:
    try:
        return read_document(file.read_text(encoding="utf-8-sig"), str(file))
    except OSError as error:
        hint = f"; {CONFIG_VARIABLE} names it" if by_variable else ""
        reason = (error.strerror or "input/output error").lower()
        raise SettingsError([Problem(Place(str(file)), (), f"cannot be read: {reason}{hint}")]) from None
    except UnicodeDecodeError:
        raise SettingsError([Problem(Place(str(file)), (), "is not UTF-8 text")]) from None


def _environment() -> dict[str, Any]:
    """What ``COATCHECK__…`` variables say, as nested values."""
    unknown = [
        Problem(Place(f"environment variable {name}"), (), "unknown key" + did_you_mean(key, Settings.model_fields))
        for name in sorted(os.environ)
        if name.upper().startswith(ENVIRONMENT_PREFIX)
        and (key := name[len(ENVIRONMENT_PREFIX) :].split("__")[0].lower()) not in Settings.model_fields
    ]
    if unknown:
        raise SettingsError(unknown)
    fields: dict[str, Any] = {name: (field.annotation, None) for name, field in Settings.model_fields.items()}
    model = create_model("Environment", __base__=BaseSettings, **fields)
    try:
        said = EnvSettingsSource(
            model, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", env_parse_none_str="null"
        )()
    except EnvironmentError_ as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
        place = Place(f"environment variable {ENVIRONMENT_PREFIX}{field.upper()}")
        raise SettingsError([Problem(place, (), "should be a JSON value, or be set key by key")]) from None
    # Names of variables come in lower case; entity names are written in capitals.
    for section in (said.get("policy"), said.get("detector")):
        if isinstance(section, dict) and isinstance(section.get("entities"), dict):
            section["entities"] = {str(name).upper(): value for name, value in section["entities"].items()}
    return said


def _settings(document: Document, environment: Mapping[str, Any], overrides: Mapping[str, Any], base: Path) -> Settings:
    def place(path: KeyPath, key: bool = False) -> Place:
        if path and _holds(overrides, path):
            return Place("command line")
        if path and _holds(environment, path):
            return Place("environment variable " + ENVIRONMENT_PREFIX + "__".join(str(step) for step in path).upper())
        return document.place(path, key)

    data = _laid_over(_laid_over(document.data, environment), overrides)
    upstreams = data.get("upstreams")
    if upstreams is None or isinstance(upstreams, dict):
        data["upstreams"] = _laid_over(BUILT_IN_UPSTREAMS, upstreams or {})
    # A section that is there and empty means its defaults.
    data = {key: value for key, value in data.items() if value is not None or key not in _SECTIONS}
    try:
        settings = Settings.model_validate(data, context={"base": base})
    except ValidationError as error:
        schema = json_schema()
        found = explain(error, place, lambda path: _written(data, path), lambda path: keys_at(schema, path))
        raise SettingsError([*found, *_beside(found, data, base, place)]) from None
    problems = [Problem(place(path, _is_name(path)), path, message) for path, message in problems_between(settings)]
    if problems:
        raise SettingsError(problems)
    settings._warnings = tuple(str(Problem(place(path, True), path, said)) for path, said in warnings_of(settings))
    return settings


def _is_name(path: KeyPath) -> bool:
    """True if the last step is a name that the site chose: what is said of it is best shown at the name."""
    return path[:-1] in _NAMED


def _beside(
    found: Sequence[Problem], data: Mapping[str, Any], base: Path, place: Callable[[KeyPath, bool], Place]
) -> list[Problem]:
    """What else is wrong, in sections that are sound themselves and lean on no section that is not."""
    unsound = {problem.path[0] for problem in found if problem.path}
    try:
        sound = Settings.model_validate(
            {key: value for key, value in data.items() if key not in unsound}, context={"base": base}
        )
    except ValidationError:
        return []
    return [
        Problem(place(path, _is_name(path)), path, message)
        for path, message in problems_between(sound)
        if path[0] not in unsound and not unsound & LEANS_ON.get(str(path[0]), frozenset())
    ]


_NAMED: frozenset[KeyPath] = frozenset(
    {
        ("policy", "entities"),
        ("policy", "response", "entities"),
        ("policy", "restore", "upstreams"),
        ("onprem",),
        ("upstreams",),
    }
)
_SECTIONS = frozenset(
    {"access", "limits", "onprem", "detector", "placeholders", "checkpoints", "policy", "prices", "vault"}
)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings in one; where both have a mapping, these in one; else the upper one's value."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = _laid_over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return both


def _written(data: Mapping[str, Any], path: KeyPath) -> KeyPath:
    """The part of ``path`` that ``data`` has: of ``unreadable.image.action``, no more than the short form's key."""
    here: Any = data
    for depth, step in enumerate(path):
        if isinstance(here, Mapping | list | tuple):
            try:
                here = here[step]  # type: ignore[index]
            except (LookupError, TypeError):
                return path
        else:
            return path[:depth]
    return path


def _holds(data: Mapping[str, Any], path: KeyPath) -> bool:
    """True if ``data`` says something at ``path``."""
    here: Any = data
    for step in path:
        indexed = isinstance(here, list | tuple) and isinstance(step, int) and step < len(here)
        if indexed or (isinstance(here, Mapping) and step in here):
            here = here[step]
        else:
            # Below a plain value, such as `mask` for `{action: mask}`, that value is meant.
            return here is not data and not isinstance(here, Mapping | list | tuple)
    return True
