"""What may be recorded of a path: the APIs' own words, nothing of the caller's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.templates import model_name, path_template


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("$.messages[3].content[0].text", "$.messages[*].content[*].text"),
        (
            "$.messages[1].tool_calls[0].function.arguments.$.email",
            "$.messages[*].tool_calls[*].function.arguments.$.*",
        ),
        ("$.input.maria@example.com", "$.input.*"),
        ("$.metadata.Maria Gonzalez", "$.metadata.*"),
        ("$.system", "$.system"),
        (
            "$.contents[0].parts[1].functionResponse.response.$.mail",
            "$.contents[*].parts[*].functionResponse.response.$.*",
        ),
        ("$.output[2].action.queries[0]", "$.output[*].action.queries[*]"),
        ("$.input[1].operation.diff", "$.input[*].operation.diff"),
        ("$.instances[0].snippet", "$.instances[*].snippet"),
        ("file[12].body.messages[0].content", "file[*].body.messages[*].content"),
        ("file[3].custom_id", "file[*].custom_id"),
        ("file.filename", "file.filename"),
        ("file[1].preferred_output[0].content", "file[*].preferred_output[*].content"),
        ("file.people[2].Maria", "file.*[*].*"),
        ("~3.filename", "*.filename"),
        ("$.requests[7].params.system", "$.requests[*].params.system"),
        ("$.messages[0].content[1].source.file_id", "$.messages[*].content[*].source.file_id"),
        ("header:x-user-email", "header:*"),
        ("query:q", "query:*"),
    ],
)
def test_templates(path, template):
    assert path_template(path) == template


@given(st.text(max_size=10), st.text(max_size=10))
def test_no_key_of_the_callers_survives(before, after):
    assert "Gonzalez" not in path_template(f"$.metadata.{before}Gonzalez{after}")


def test_model_names():
    assert model_name("gpt-4o-2026") == "gpt-4o-2026"
    assert model_name("ft:gpt:org::id/x@y") == "ft:gpt:org::id/x@y"
    assert model_name("Maria Gonzalez") is None
    assert model_name(None) is None
    assert model_name("x" * 200) is None
