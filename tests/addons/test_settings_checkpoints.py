"""What the section ``checkpoints`` says reaches the plan that signs and stamps."""

from __future__ import annotations

from pathlib import Path

from addons.settings_checkpoints import Checkpoints

STATE = Path("state")


def test_nothing_is_stamped_unless_asked_for() -> None:
    assert Checkpoints().plan(STATE).stamper is None


def test_the_authority_and_its_certificates_are_told() -> None:
    section = Checkpoints(timestamp_url="https://tsa.example.com/stamp", timestamp_ca_file=Path("ca.pem"))
    stamper = section.plan(STATE).stamper
    assert stamper is not None
    assert stamper.url == "https://tsa.example.com/stamp"
    assert stamper.ca_file == Path("ca.pem")
    assert stamper.file == STATE / "ledger.timestamps"
