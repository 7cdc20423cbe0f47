"""The page in a real Chromium: sign in, filter, open, download the proof; both languages and themes; axe; inert text.

The server runs in a thread of this process, on a free port of loopback. Chromium is the machine's own.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, sync_playwright

from audit.export import verify_export
from audit.web.app import create_app
from audit.web.desk import Desk
from audit.web.words import Words
from tests.audit.web.filled import POLICY_HASH

PAGES = ("/", "/records?limit=3&action=mask&status=2xx", "/records/3", "/records/241", "/ledger",
         "/fingerprints?fingerprint=x", f"/policies/{POLICY_HASH}", "/reads?before=4", "/records?since=x")  # fmt: skip


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(desk), log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "There is no Chromium in the path, and the page is to be tried in one: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_context(
            accept_downloads=True, locale="en-GB", reduced_motion="reduce", viewport={"width": 1280, "height": 900}
        )
        browser.close()


@pytest.fixture(scope="module")
def cookies(context: BrowserContext, address: str, tokens: dict[str, str]) -> list[Any]:
    """Those of an admin who signed in through the form."""
    page = context.new_page()
    page.goto(f"{address}/records?limit=3")
    page.fill("#token", tokens["admin"])
    page.keyboard.press("Enter")
    page.wait_for_selector("table.records")
    assert page.url == f"{address}/records?limit=3"
    page.close()
    return context.cookies()


@pytest.fixture
def page(context: BrowserContext, desk: Desk, address: str, cookies: list[Any]) -> Iterator[Page]:
    """Signed in; nothing may be blocked, fail, be logged or be asked of others while the test goes on."""
    desk.asking._buckets.clear()
    context.clear_cookies()
    context.add_cookies(cookies)
    made = context.new_page()
    troubles: list[str] = []
    made.on("pageerror", lambda error: troubles.append(str(error)))
    made.on("dialog", lambda dialog: troubles.append(dialog.message))
    made.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    made.on("request", lambda one: None if one.url.startswith(address) else troubles.append(one.url))
    yield made
    assert troubles == []
    made.close()


def test_an_auditor_finds_a_record_and_carries_its_proof_away(
    page: Page, address: str, desk: Desk, tmp_path: Path
) -> None:
    page.goto(f"{address}/records")
    page.fill("#f-entity", "PERSON")
    page.check('input[name="action"][value="mask"]')
    page.click("form.filters button")
    page.wait_for_url("**/records?*")
    assert "entity=PERSON" in page.url and "action=mask" in page.url and "since" not in page.url
    rows = page.locator("table.records tbody tr")
    assert rows.count() > 3 and all("PERSON" in text for text in rows.all_inner_texts())
    page.locator("table.records tbody th a").first.click()
    assert "Why: personal data" in page.inner_text("main")
    with page.expect_download() as download:
        page.click("text=Download proof")
    kept = tmp_path / "proof.jsonl"
    download.value.save_as(kept)
    assert desk.ledger.key is not None
    assert verify_export(kept.read_text().splitlines(), [desk.ledger.key]).verdict == 0
    page.locator("a.print").first.click()
    assert "/fingerprints?" in page.url and page.locator("table.records tbody tr").count() >= 1
    page.click('nav a[href="/ledger"]')
    page.click("text=Run a check")
    assert Words("en")("ledger.check.whole") in page.inner_text("main")


def test_it_speaks_chinese_and_turns_dark(page: Page, address: str) -> None:
    page.goto(f"{address}/records?limit=3")
    page.click('button[lang="zh-Hans"]')
    assert page.locator("html").get_attribute("lang") == "zh-Hans" and "条记录" in page.inner_text("main")
    page.click('button[name="theme"]')
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 22, 21)"


IN_THE_DARK = """async () => {
  document.documentElement.dataset.theme = "dark";
  const found = await axe.run({resultTypes: ["violations"], runOnly: ["color-contrast"]});
  return found.violations.map(one => [one.id, one.nodes.map(node => node.target).slice(0, 3)]);
}"""


def test_axe_finds_nothing_in_either_theme(page: Page, address: str) -> None:
    page.context.add_cookies([{"name": "coatcheck_theme", "value": "light", "url": address}])
    wrong: list[Any] = []
    for number, path in enumerate((*PAGES, "/sign-in")):
        language = ("en", "zh")[number % 2]
        page.context.add_cookies([{"name": "coatcheck_language", "value": language, "url": address}])
        if path == "/sign-in":
            page.context.clear_cookies()
        page.goto(address + path)
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        wrong += [(path, one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
        # What else axe looks at does not depend on colours.
        wrong += [(path, "dark", *one) for one in page.evaluate(IN_THE_DARK)]
    assert wrong == []


def test_hostile_text_is_inert(page: Page, address: str) -> None:
    for path in ("/", "/records?limit=3", "/records/241"):
        page.goto(address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img, iframe, [onerror], [onfocus]").count() == 0
        assert page.locator("script").count() == 1
    page.goto(address + "/records/241")
    assert "<script>window.pwned=1</script>" in page.inner_text("main")
    page.locator(".verdict a").click()  # the rule, hostile from end to end, as a filter
    assert page.locator("table.records tbody tr").count() == 1 and page.evaluate("window.pwned") is None


def test_a_keyboard_is_enough(page: Page, address: str) -> None:
    page.goto(address + "/records?limit=3")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.locator("table.records tbody th a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict")


def test_nothing_spills_over_the_edge(page: Page, address: str) -> None:
    for path in PAGES:
        page.goto(address + path)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_it_works_without_scripts(context: BrowserContext, address: str, tokens: dict[str, str]) -> None:
    assert context.browser is not None
    plain = context.browser.new_context(java_script_enabled=False, color_scheme="dark")
    page = plain.new_page()
    page.goto(f"{address}/records?limit=3")
    page.fill("#token", tokens["auditor"])
    page.click("button.primary")
    page.fill("#f-rule", "no-cards")
    page.click("form.filters button")
    assert page.url == f"{address}/records?rule=no-cards"
    assert page.locator("table.records tbody tr").count() > 0
    plain.close()
