"""What the keys of ``coatcheck.yaml`` must agree on, and what is probably not meant.

Rules for this file: each check yields (key path, message). It looks at files' existence and readability, nothing else
outside the settings. A message quotes names (of upstreams, rules, entities, keys), no other values.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from addons.config_errors import KeyPath, did_you_mean, nearest
from addons.masking.surrogates import has_surrogates
from addons.policy.entities import KNOWN_ENTITIES, PLACEHOLDER
from addons.policy.types import Action

if TYPE_CHECKING:
    from addons.settings import Settings

Complaint = tuple[KeyPath, str]
LEANS_ON: Mapping[str, frozenset[str]] = {
    "listen": frozenset({"access"}),
    "admin_listen": frozenset({"access", "listen"}),
    "onprem": frozenset({"upstreams"}),
    "policy": frozenset({"onprem", "detector", "upstreams"}),
}
"""Which other sections a section's checks look at."""
REVERSE = "reverse"
"""What the upstream of a base-URL listener is called whose host is none of the configured ones."""
NEAR_MISS = 0.84
"""How alike an unknown entity name must be to a known one to count as a typing error (difflib's ratio)."""


def problems_between(settings: Settings) -> Iterator[Complaint]:
    """What makes the settings unusable."""
    yield from _listeners(settings)
    yield from _hosts(settings)
    yield from _routes(settings)
    yield from _rule_names(settings)
    yield from _restore_names(settings)
    yield from _keys_of_targets(settings)
    yield from _files(settings)
    yield from _vault_keys(settings)
    own = {*settings.detector.entities, *settings.detector.own_entities}
    for path, name in _entity_names(settings):
        meant = None if name in KNOWN_ENTITIES else nearest(name, KNOWN_ENTITIES, NEAR_MISS)
        if name == PLACEHOLDER:
            yield path, "placeholders are escaped by Coatcheck itself; policy has no say about them"
        elif meant and name not in own:
            yield (
                path,
                f"unknown entity; did you mean `{meant}`? (one of your own: name it under `detector.entities` too)",
            )


def warnings_of(settings: Settings) -> Iterator[Complaint]:
    """What works and is probably not meant."""
    own = {*settings.detector.entities, *settings.detector.own_entities}
    for path, name in _entity_names(settings):
        if name not in KNOWN_ENTITIES and name not in own and name != PLACEHOLDER and not settings.detector.plugins:
            yield path, "no built-in recognizer finds this entity; it needs one of your own"
    yield from _detector_entities(settings)
    for name, entity in settings.policy.entities.items():
        if entity.style == "surrogate" and not any(mark in name for mark in "*?") and not has_surrogates(name):
            yield ("policy", "entities", name, "style"), "this entity has no surrogates; its values get tokens"
    for index, rule in enumerate(settings.policy.rules):
        if rule.to is not None and rule.action is not Action.REROUTE:
            yield ("policy", "rules", index, "to"), "has no effect without `action: reroute`"
        for position, pattern in enumerate(rule.when.upstreams):
            if not any(mark in pattern for mark in "*?[") and pattern not in settings.upstreams:
                where: KeyPath = ("policy", "rules", index, "when", "upstreams", position)
                yield where, "no upstream has this name" + did_you_mean(pattern, settings.upstreams)
    access = settings.access
    if access.allow_open and not settings.listen_address.loopback and not (access.proxy_auth or access.client_ca):
        yield ("access", "allow_open"), "anyone who reaches the port can use the gateway"
    if settings.policy.mode == "observe":
        yield ("policy", "mode"), "observe: nothing is masked or stopped"


def _listeners(settings: Settings) -> Iterator[Complaint]:
    access = settings.access
    guarded = access.proxy_auth or access.client_ca
    if not settings.listen_address.loopback and not guarded and not access.allow_open:
        yield (
            ("listen",),
            "listens beyond loopback without authentication; set `access.proxy_auth` (an htpasswd file) or "
            "`access.client_ca`, or listen on 127.0.0.1; `access.allow_open: true` if it is really meant",
        )
    if not settings.admin_address.loopback and not access.allow_open:
        yield ("admin_listen",), "should be a loopback address such as 127.0.0.1:9080; it has no authentication"
    same_port = settings.listen_address.port == settings.admin_address.port != 0
    if same_port and settings.listen_address.host in {settings.admin_address.host, "0.0.0.0", "::"}:  # noqa: S104
        yield ("admin_listen",), "is the same address as `listen`; choose another port"


def _vault_keys(settings: Settings) -> Iterator[Complaint]:
    vault = settings.vault
    named = [name for name in ("key_file", "key_env", "kms_command") if getattr(vault, name)]
    if len(named) > 1:
        yield ("vault", named[1]), f"the master key comes from one place; `{named[0]}` is set too"
    elif vault.enabled and vault.key_env and not os.environ.get(vault.key_env):
        yield ("vault", "key_env"), "this environment variable is not set"


def _hosts(settings: Settings) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for name, upstream in settings.upstreams.items():
        for index, host in enumerate(upstream.hosts):
            path: KeyPath = ("upstreams", name, "hosts", index)
            if host in seen:
                where = "twice in this list" if seen[host] == name else f"a host of upstream `{seen[host]}` too"
                yield path, f"is {where}; a host belongs to one upstream"
            seen.setdefault(host, name)
    for name, target in settings.onprem.items():
        found = settings.upstream_of(urlsplit(target.url).hostname or "")
        if found is not None:
            yield (
                ("onprem", name, "url"),
                f"leads to a host of the commercial upstream `{found[0]}`; reroute leads to the premises only",
            )
        if name in settings.upstreams:
            yield ("onprem", name), "an upstream has the same name; choose another"


def _routes(settings: Settings) -> Iterator[Complaint]:
    policy = settings.policy
    known = ", ".join(f"`{name}`" for name in settings.onprem) or "none is configured yet"
    if policy.reroute_to is not None and policy.reroute_to not in settings.onprem:
        meant = did_you_mean(policy.reroute_to, settings.onprem)
        yield ("policy", "reroute_to"), f"no entry under `onprem` has this name{meant or f' ({known})'}"
    for path, target in policy.routes():
        if target is None:
            yield (
                ("policy", *path),
                f"reroutes, but where to? add `to:` or `policy.reroute_to:`, an on-prem upstream's name ({known})",
            )
        elif target not in settings.onprem and target != policy.reroute_to:
            meant = did_you_mean(target, settings.onprem)
            yield ("policy", *path, "to"), f"no entry under `onprem` has this name{meant or f' ({known})'}"


def _restore_names(settings: Settings) -> Iterator[Complaint]:
    known = {*settings.upstreams, *settings.onprem, REVERSE}
    for name in settings.policy.restore.upstreams:
        if name not in known:
            yield ("policy", "restore", "upstreams", name), "no upstream has this name" + did_you_mean(name, known)


def _rule_names(settings: Settings) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for index, rule in enumerate(settings.policy.rules):
        if rule.name in seen:
            yield ("policy", "rules", index, "name"), f"rule {seen[rule.name] + 1} has the same name; choose another"
        seen.setdefault(rule.name, index)


def _keys_of_targets(settings: Settings) -> Iterator[Complaint]:
    for name, target in settings.onprem.items():
        if target.api_key_env and target.api_key_file:
            yield ("onprem", name, "api_key_env"), "is given beside `api_key_file`; remove one"
        if target.api_key_env and not os.environ.get(target.api_key_env):
            yield ("onprem", name, "api_key_env"), "this environment variable is not set"


def _files(settings: Settings) -> Iterator[Complaint]:
    """Files that must be there before the start. (The key file is made at first start.)"""
    named: list[tuple[KeyPath, Path | None]] = [
        (("access", "proxy_auth"), settings.access.proxy_auth),
        (("access", "client_ca"), settings.access.client_ca),
    ]
    named += [(("upstreams", name, "ca_file"), one.ca_file) for name, one in settings.upstreams.items()]
    named += [(("onprem", name, "ca_file"), one.ca_file) for name, one in settings.onprem.items()]
    named += [(("onprem", name, "api_key_file"), one.api_key_file) for name, one in settings.onprem.items()]
    detector = settings.detector
    named += [
        (("detector", "allow_list", index, "file"), entry.file) for index, entry in enumerate(detector.allow_list)
    ]
    named += [(("detector", "deny_list", index, "file"), entry.file) for index, entry in enumerate(detector.deny_list)]
    for path, file in named:
        if file is None:
            continue
        if not file.is_file():
            yield path, "there is no such file (relative paths start at the configuration file's directory)"
        elif not os.access(file, os.R_OK):
            yield path, "this user may not read the file"


def _detector_entities(settings: Settings) -> Iterator[Complaint]:
    """Names under ``detector.disabled`` that are nearly those of built-in entities: they have no effect."""
    own = {*settings.detector.entities, *settings.detector.own_entities}
    for index, name in enumerate(settings.detector.disabled):
        meant = None if name in KNOWN_ENTITIES or name in own else nearest(name, KNOWN_ENTITIES, NEAR_MISS)
        if meant:
            yield ("detector", "disabled", index), f"no built-in recognizer finds this entity; did you mean `{meant}`?"


def _entity_names(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """Every plain (not wildcard) entity name that the policy uses, with its place."""
    policy = settings.policy
    names: list[tuple[KeyPath, str]] = [(("policy", "entities", name), name) for name in policy.entities]
    names += [(("policy", "response", "entities", name), name) for name in policy.response.entities]
    for index, rule in enumerate(policy.rules):
        where: KeyPath = ("policy", "rules", index, "when", "entities")
        names += [((*where, position), name) for position, name in enumerate(rule.when.entities)]
    for index, entry in enumerate(policy.allow_list):
        listed: KeyPath = ("policy", "allow_list", index, "entities")
        names += [((*listed, position), name) for position, name in enumerate(entry.entities)]
    yield from ((path, name) for path, name in names if "*" not in name and "?" not in name)
