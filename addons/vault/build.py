"""The vault that the settings describe. Imports the settings and this room."""

from __future__ import annotations

import datetime as dt

from addons.settings import Settings
from addons.vault.keyring import KeyRing
from addons.vault.masters import KeyCommand, KeyFile, Masters, from_environment
from addons.vault.service import Vault


def masters_of(settings: Settings, *, make: bool = False) -> Masters:
    """Where the master key is. ``make``: a key file that is not there is made. Raises VaultError ``no_key``."""
    vault = settings.vault
    if vault.kms_command:
        return KeyCommand(vault.kms_command, vault.kms_timeout_s)
    if vault.key_env:
        return from_environment(vault.key_env)
    file = KeyFile(settings.vault_key_path)
    if make:
        file.ensure()
    return file


def time_to_live(settings: Settings) -> dt.timedelta:
    """How long an object is kept."""
    return dt.timedelta(days=settings.vault.ttl_days)


def vault_of(settings: Settings) -> Vault | None:
    """The vault, not started; None where it is turned off. Raises VaultError ``no_key``."""
    if not settings.vault.enabled:
        return None
    ring = KeyRing(masters_of(settings, make=True))
    return Vault(settings.database_url, ring, settings.tenant, time_to_live=time_to_live(settings))
