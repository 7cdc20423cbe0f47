"""The page of endpoints says what the registry and the codecs do."""

from __future__ import annotations

import pytest

from addons.wire.realtime_registry import SOCKETS
from addons.wire.registry import ENDPOINTS, Endpoint
from tests.addons.wire.endpoint_table import PAGE, endpoints, example, form, leaning, page, refused, stateful

ROWS = [pytest.param(one, id=f"{one.provider}-{one.method}-{form(one.path)}") for one in ENDPOINTS]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.addons.wire.endpoint_table"


@pytest.mark.parametrize("row", ROWS)
def test_a_written_path_is_one_that_the_row_takes(row: Endpoint) -> None:
    path = example(row.path)
    assert path is None or row.path.fullmatch(path)
    assert (path is None) is (row.path.pattern.endswith(".+") or "/guardrail/" in row.path.pattern)
    assert not set(form(row.path)) & set("?+\\^")


def test_websockets_are_on_the_page_in_paths_for_people() -> None:
    for one in SOCKETS:
        assert not set(form(one.path)) & set("?+\\^")
        assert f"| `{one.name}` | {one.provider} | " in page()
    assert form(SOCKETS[0].path) == "…/realtime[/translations]"


def test_what_leans_on_stored_state_is_on_the_page() -> None:
    by_name = {(row.name, row.method): row for row in ENDPOINTS}
    responses = by_name["openai.responses", "POST"]
    assert {what for what, _ in leaning(responses)} >= {"`previous_response_id`", "`conversation`", "`item_reference`"}
    assert stateful(responses) == "stores"
    assert dict(leaning(by_name["gemini.generate_content", "POST"])) == {
        "`cachedContent`": "unless the vault knows them"
    }
    assert refused(by_name["mistral.conversations", "GET"]) == "all (`stored_state`)"
    assert (stateful(by_name["anthropic.messages", "POST"]), refused(by_name["anthropic.messages", "POST"])) == (
        "no",
        "",
    )
    assert endpoints()[-1][0].name == "bedrock.other"
