"""The pages without a browser: words, forms, guards, who may see what, hostile text, links that can be shared."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import audit.web
from audit.export import verify_export
from audit.filters import Query
from audit.statistics import LATENCIES, Bucket, Dimension
from audit.web import charts
from audit.web.app import create_app
from audit.web.desk import Desk
from audit.web.problems import TITLES
from audit.web.reads import read_page
from audit.web.signing_in import local
from audit.web.words import LANGUAGES, Words, all_words, preferred
from tests.audit.web.conftest import form_token
from tests.audit.web.filled import HOSTILE, POLICY_HASH

type SignIn = Callable[[str], TestClient]
HERE = Path(audit.web.__file__).parent
TEMPLATES = sorted((HERE / "templates").glob("*.html"))


def test_both_languages_say_everything() -> None:
    for key, words in all_words().items():
        assert tuple(words) == LANGUAGES and all(words.values()), key
        fields = [sorted({name for _, name, _, _ in string.Formatter().parse(words[one]) if name}) for one in LANGUAGES]
        assert fields[0] == fields[1], key


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words_and_no_inline_code(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    bare = re.sub(r"(?s)\{%.*?%\}|\{\{.*?\}\}|<code>coatcheck.*?</code>|<(?:meta|link|path|svg)[^>]*>", "", text)
    named = re.findall(r'(?:placeholder|title|alt|aria-label)="([^"]*[^\W\d_]{3,}[^"]*)"', bare)
    assert named == []
    assert re.findall(r"[^\W\d_]{2,}", re.sub(r"(?s)<[^>]*>", "", bare)) == []
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! src)|\|\s*safe|https?:", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_word_that_a_template_asks_for_is_there(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    asked = re.findall(r"""\bt\(\s*["']([a-z_.0-9]+)["']\s*[,)]""", text) + re.findall(r'row\("([a-z._]+)"', text)
    assert set(asked) <= set(all_words())


def test_words_that_are_put_together_are_there() -> None:
    words = all_words()
    for by in ("entity", "provider", "destination_country", "rule", "principal", "model", "action"):
        assert f"by.{Dimension(by)}" in words
    assert {f"latency.{name}" for name in LATENCIES} <= set(words)
    assert {f"error.{word}{more}" for word in TITLES for more in ("", ".help")} <= set(words)
    from audit.web.parameters import FIELDS

    assert {f"field.{name}" for name in FIELDS} <= set(words)


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de, en;q=0.5, zh;q=0.4", "en"), ("zh;q=0, en;q=0.1", "en"),
     ("zh;q=x", "en"), ("fr", "en")],
)  # fmt: skip
def test_the_browser_s_language_is_spoken(header: str, language: str, client: TestClient) -> None:
    assert preferred(header) == language
    page = client.get("/sign-in", headers={"accept-language": header})
    assert f'lang="{Words(language).tag}"' in page.text and Words(language)("sign_in.title") in page.text


def test_a_wrong_token_is_told_and_slowed_down(client: TestClient, desk: Desk) -> None:
    token = form_token(client.get("/sign-in").text)
    answers = [client.post("/sign-in", data={"token": "cct_wrong", "form_token": token}) for _ in range(12)]
    assert [one.status_code for one in answers[:10]] == [401] * 10 and answers[-1].status_code == 429
    assert "cct_wrong" not in answers[0].text and Words("en")("sign_in.wrong") in answers[0].text
    desk.signing_in._buckets.clear()


PAGES = (
    "/",
    "/records",
    "/records/1",
    "/fingerprints",
    "/fingerprints?fingerprint=x",
    f"/policies/{POLICY_HASH}",
    "/ledger",
)


@pytest.mark.parametrize("path", [*PAGES, "/reads", "/records/1/proof", "/records/1/json", "/ledger/checkpoint"])
def test_nobody_sees_anything_without_signing_in(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401 and 'name="token"' in answer.text and "PERSON" not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_shown_recorded_and_well_protected(signed_in: SignIn, desk: Desk, path: str) -> None:
    answer = signed_in("auditor").get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    (read,) = read_page(desk.database, limit=1)
    assert (read.reader, read.via) == ("auditor-li", "page") and read.route.split("/")[1] == path[1:].split("/")[
        0
    ].split("?")[0]


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: TestClient, tokens: dict[str, str]) -> None:
    token = form_token(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"token": tokens["auditor"], "form_token": token, "next": "//evil.example/x"})
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert (
        "httponly" in cookie and "samesite=strict" in cookie and tokens["auditor"] not in answer.headers["set-cookie"]
    )


def test_with_tls_cookies_are_bound_to_the_host(
    desk: Desk, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "tls", True)
    with TestClient(create_app(desk), base_url="https://localhost:9090", follow_redirects=False) as client:  # type: ignore[arg-type]
        token = form_token(client.get("/sign-in").text)
        answer = client.post("/sign-in", data={"token": tokens["auditor"], "form_token": token})
        assert answer.headers["set-cookie"].startswith("__Host-coatcheck_session=")
        assert "; Secure" in answer.headers["set-cookie"] and "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/records").status_code == 200


@pytest.mark.parametrize("target", ["//x.example", "https://x.example", "/\\x.example", "x", "", "/a\nb", "\\\\x"])
def test_signing_in_leads_nowhere_else(target: str) -> None:
    assert local(target) == "/"


def test_only_an_admin_sees_who_read(signed_in: SignIn) -> None:
    client = signed_in("auditor")
    assert client.get("/reads").status_code == 403 and 'href="/reads"' not in client.get("/records").text
    client.cookies.clear()
    page = signed_in("admin").get("/reads")
    assert page.status_code == 200 and "auditor-li" in page.text


@pytest.mark.parametrize("path", ["/sign-out", "/preferences", "/ledger/check"])
def test_forms_of_others_do_nothing(signed_in: SignIn, path: str) -> None:
    client = signed_in("auditor")
    good = form_token(client.get("/records").text)
    assert client.post(path, data={"form_token": "0" * 64}).status_code == 403
    assert client.post(path, data={}).status_code == 403
    assert client.post(path, json={"form_token": good}).status_code == 403
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"},
                    {"origin": "null"}):  # fmt: skip
        assert client.post(path, data={"form_token": good}, headers=headers).status_code == 403
    assert client.get("/records").status_code == 200
    own = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:9090"}
    assert client.post(path, data={"form_token": good}, headers=own).status_code in (200, 303)


def test_signing_out_ends_the_session_even_with_the_old_cookie(signed_in: SignIn) -> None:
    client = signed_in("auditor")
    old = dict(client.cookies)
    client.post("/sign-out", data={"form_token": form_token(client.get("/records").text)})
    client.cookies.update(old)
    assert client.get("/records").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.0.2.1:9090", "[::2]:9090"])
def test_other_host_names_are_not_ours(client: TestClient, host: str) -> None:
    assert client.get("/sign-in", headers={"host": host}).status_code == 421
    assert client.get("/sign-in", headers={"host": "localhost:1234"}).status_code == 200


def test_other_sites_may_link_and_nothing_else(signed_in: SignIn) -> None:
    client = signed_in("auditor")
    cross = {"sec-fetch-site": "cross-site"}
    link = {**cross, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/records", headers=cross).status_code == 403
    assert client.get("/records", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    assert client.get("/api/v1/records", headers=link).status_code == 403
    assert client.get("/records", headers=link).status_code == 200


def test_long_bodies_and_addresses_are_refused(client: TestClient) -> None:
    assert client.post("/sign-in", content=b"x" * 70_000).status_code == 413
    assert client.post("/sign-in", content=iter([b"x" * 40_000] * 2)).status_code >= 400
    assert client.get("/records?tenant=" + "x" * 20_000).status_code == 414


def test_what_a_form_left_empty_is_dropped_from_the_address(signed_in: SignIn) -> None:
    client = signed_in("auditor")
    answer = client.get("/records?since=&action=mask&entity=++&action=block")
    assert (answer.status_code, answer.headers["location"]) == (303, "/records?action=mask&action=block")
    page = client.get("/records?action=mask&action=block&limit=5").text
    assert page.count("<li><span>") == 2 and 'href="/records?action=block"' in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older and "before=" in older[1] and client.get(older[1].replace("&amp;", "&")).status_code == 200


def test_the_form_has_a_field_for_every_filter_of_the_query(signed_in: SignIn) -> None:
    names = set(re.findall(r'<(?:input|select)[^>]* name="([a-z_]+)"', signed_in("auditor").get("/records").text))
    asked = {"id" if field.name == "id_prefix" else field.name for field in dataclasses.fields(Query)}
    assert asked - {"before", "limit"} <= names


def test_wrong_filters_are_named(signed_in: SignIn) -> None:
    page = signed_in("auditor").get("/records?since=zhang@example.com&status=9")
    assert page.status_code == 422 and "<code>since</code>" in page.text and "<code>status</code>" in page.text
    assert "zhang@example.com</code>" not in page.text


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    "path", ["/records", "/records/241", "/", "/fingerprints?fingerprint=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E"]
)
def test_hostile_text_makes_no_element_and_no_attribute(signed_in: SignIn, path: str) -> None:
    page = signed_in("auditor").get(path)
    tags = _Tags()
    tags.feed(page.text)
    assert page.status_code == 200 and "window.pwned=1" in page.text
    assert [attributes for tag, attributes in tags.found if tag == "script"] == [
        {"src": "/static/audit.js", "defer": None}
    ]
    assert not [tag for tag, _ in tags.found if tag in ("img", "iframe", "object", "base")]
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert all((a.get("href") or "/").startswith(("/", "#")) for _, a in tags.found)
    assert not set(page.text) & {"\u202e", "\u202c", "\x1b", "\x07"}
    assert HOSTILE[3] not in page.text


def test_the_downloads_are_what_they_say(signed_in: SignIn, desk: Desk) -> None:
    client = signed_in("auditor")
    proof = client.get("/records/2/proof")
    assert proof.headers["content-disposition"].startswith('attachment; filename="proof-')
    assert desk.ledger.key is not None
    assert verify_export(proof.text.splitlines(), [desk.ledger.key]).verdict == 0
    assert json.loads(client.get("/records/241/json").text)["seq"] == 241
    assert client.get("/ledger/checkpoint").text.startswith(desk.ledger.key.name)


def test_a_check_of_the_ledger_goes_on_and_finds_what_was_changed(signed_in: SignIn, desk: Desk, state: Path) -> None:
    client = signed_in("auditor")
    token = form_token(client.get("/ledger").text)
    t = Words("en")
    assert t("ledger.check.whole") in client.post("/ledger/check", data={"form_token": token}).text
    import sqlite3

    with sqlite3.connect(state / "audit.db") as connection:
        trigger = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'decisions_no_update'").fetchone()[0]
        connection.execute("DROP TRIGGER decisions_no_update")
        before = connection.execute("SELECT rule FROM decisions WHERE seq = 9").fetchone()
        connection.execute("UPDATE decisions SET rule = 'other' WHERE seq = 9")
        connection.commit()
        page = client.post("/ledger/check", data={"form_token": token}).text
        assert t("ledger.check.broken") in page
        refused = client.get("/records/9/proof")
        connection.execute("UPDATE decisions SET rule = ? WHERE seq = 9", before)
        connection.execute(trigger)
        connection.commit()
    connection.close()
    assert refused.status_code == 503
    assert t("ledger.check.whole") in client.post("/ledger/check", data={"form_token": token}).text


def test_preferences_are_kept(signed_in: SignIn) -> None:
    client = signed_in("auditor")
    token = form_token(client.get("/records").text)
    for name, value in (("theme", "dark"), ("language", "zh"), ("theme", "<b>")):
        client.post("/preferences", data={"form_token": token, name: value, "next": "/ledger"})
    page = client.get("/ledger").text
    assert 'data-theme="dark"' in page and 'lang="zh-Hans"' in page


def test_a_chart_s_bars_add_up() -> None:
    import datetime as dt

    start = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    buckets = [Bucket(start + dt.timedelta(hours=n), {"mask": n, "block": 1}) for n in range(13)]
    drawn = charts.volume(buckets)
    assert drawn.top == 20 and drawn.ticks[0] == start and len(drawn.bars) == 25
    assert sum(bar.height for bar in drawn.bars) == pytest.approx(100 * (78 + 13) / 20)
    assert [charts.rounded_up(n) for n in (0, 5, 9, 13, 41, 81)] == [4, 8, 12, 20, 80, 120]
    assert sum(bar.width for bar in charts.split([("a", 1.0), ("b", None), ("c", 3.0)])) == 1000
