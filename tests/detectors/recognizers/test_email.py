"""E-mail addresses of people are found, those of machines and mail roles are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Find = Callable[[str], list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("From: t.brandt@web02.internal", "t.brandt@web02.internal"),
        ("cron for mkessler@build7.local failed", "mkessler@build7.local"),
        ("Author: 4969+mkessler@users.noreply.github.com", "4969+mkessler@users.noreply.github.com"),
        ("write to hr-noreply@example.com", "hr-noreply@example.com"),
        ("请发到rootley@example.com", "rootley@example.com"),
        ("UID:mkessler@example.com", "mkessler@example.com"),
        ("deadbeef@example.com is her nick", "deadbeef@example.com"),
        ('{"reply_to": "grace@example.org"}', "grace@example.org"),
        ("people://all?mail=grace@example.org", "grace@example.org"),
        ("https://crm.example.com#to=grace@example.org", "grace@example.org"),
    ],
)
def test_a_person(find: Find, text: str, value: str) -> None:
    assert find(text) == [("EMAIL_ADDRESS", value)]


@pytest.mark.parametrize(
    "text",
    [
        "From: root@web02.internal (Cron Daemon)",
        "Commit: GitHub <noreply@github.com>",
        "no-reply@example.com, donotreply@example.com, mailer-daemon@example.org",
        "Reply-To: postmaster@example.org",
        "git clone git@git.example.com:acme/repo.git",
        "49699333+dependabot[bot]@users.noreply.github.com",
        "bounces+spring@example.com",
        "Message-ID: <20260515063141.4F1B@mail.example.com>",
        '"message_id": "<CAGx7@mail.example.com>"',
        "References: <a1b2@example.com> <zz.9@example.org>",
        "BEGIN:VEVENT\nUID:05da1fbd-37a3-4a89-b5e6-347ff8e389fb@calendar.example.com",
        "Reported-by: fuzzer+1c4ff366a94da67bfc37@example.com",
        "退信来自 mailer-daemon@example.com",
        "logo@2x.png",
    ],
)
def test_a_machine(find: Find, text: str) -> None:
    assert find(text) == []
