"""What one message gives away is masked in the same and later ones, and the masked beginning never changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.addons.pipeline_doubles import EMAIL, NAME, PHONE, Bench, inbound


async def test_a_name_is_found_again_by_its_parts_from_its_turn_on() -> None:
    first = {"role": "user", "content": "Does Gonzalez know?"}
    second = {"role": "user", "content": f"I mean {NAME}."}
    third = {"role": "assistant", "content": "Ms. Gonzalez, then. MARIA?"}

    async def sent(*messages: dict[str, str], **changes: Any) -> list[str]:
        body = json.dumps({"model": "m", "messages": messages, "user": "gonzalez"}).encode()
        forward = await Bench(changes).forwarded(inbound(body))
        said = json.loads(forward.body or body)
        return [message["content"] for message in said["messages"]] + [said["user"]]

    before = await sent(first)
    after = await sent(first, second, third)
    assert before == ["Does Gonzalez know?", "gonzalez"]
    assert after[0] == before[0], "an earlier turn is not rewritten"
    assert "Gonzalez" not in after[2] and "MARIA" not in after[2] and after[3].startswith("PERSON_")
    assert (await sent(first, second, third, detector={"linking": False}))[2] == third["content"]
    assert (await sent(first, second, third, policy={"allow_list": [NAME]}))[2] == third["content"]
    assert (await sent(first, second, third, detector={"allow_list": [NAME]}))[2] == third["content"]


SAID = (
    f"I mean {NAME}.", "Gonzalez?", "ask maria, or Ms. Gonzalez", f"mail {EMAIL.upper()}", f"{EMAIL} {PHONE}",
    "139-1234-5678", "no",
)  # fmt: skip
ROLES = ("user", "assistant", "system")


@examples(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from(SAID)), min_size=1, max_size=6))
def test_a_conversation_that_grows_keeps_its_masked_beginning(said: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": content} for role, content in said]

    async def sent(count: int) -> list[Any]:
        tool = {"type": "function", "function": {"name": "f", "description": "for maria"}}
        body = json.dumps({"model": "m", "messages": messages[:count], "tools": [tool]})
        forward = await Bench().forwarded(inbound(body.encode()))
        masked = json.loads(forward.body or body)
        return [masked["tools"], *masked["messages"]]

    async def check() -> None:
        whole = await sent(len(messages))
        for count in range(1, len(messages)):
            assert await sent(count) == whole[: count + 1]

    asyncio.run(check())
