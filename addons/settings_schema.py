"""The JSON schema of ``coatcheck.yaml``: published for editors, and asked which keys may stand where.

``python -m addons.settings_schema > docs/coatcheck.schema.json`` publishes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from addons.settings_sections import BUILT_IN_UPSTREAMS

SCHEMA_ID = "coatcheck.schema.json"

Schema = dict[str, Any]


def schema_of(settings: type[BaseModel]) -> Schema:
    """The schema (JSON Schema 2020-12) of the file that ``settings`` reads."""
    schema = settings.model_json_schema(mode="validation")
    # A built-in upstream's entry need not repeat what is built in.
    definitions = schema["$defs"]
    partial = {key: value for key, value in definitions["Upstream"].items() if key != "required"}
    definitions["BuiltInUpstream"] = {**partial, "title": "BuiltInUpstream"}
    upstreams = schema["properties"]["upstreams"]
    upstreams["properties"] = {name: {"$ref": "#/$defs/BuiltInUpstream"} for name in BUILT_IN_UPSTREAMS}
    others = f"^(?!({'|'.join(BUILT_IN_UPSTREAMS)})$)"
    upstreams["patternProperties"] = {
        others + pattern.removeprefix("^"): entry for pattern, entry in upstreams["patternProperties"].items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
        "title": "coatcheck.yaml",
        "description": "Configuration of the Coatcheck privacy gateway.",
    }


def rendered(schema: Schema) -> str:
    """A schema as it is published."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def keys_at(schema: Schema, path: Iterable[str | int]) -> set[str]:
    """The fixed keys that the mapping at ``path`` may have."""
    definitions = schema["$defs"]
    here = _unfolded([schema], definitions)
    for step in path:
        here = _unfolded((below for one in here for below in _below(one, step)), definitions)
    return {key for one in here for key in one.get("properties", {})}


def _below(schema: Schema, step: str | int) -> list[Schema]:
    if isinstance(step, int):
        found = [schema.get("items")]
    elif step in schema.get("properties", {}):
        found = [schema["properties"][step]]
    else:
        found = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    return [one for one in found if isinstance(one, dict)]


def _unfolded(schemas: Iterable[Schema], definitions: Mapping[str, Schema]) -> list[Schema]:
    """Schemas with references followed and alternatives side by side."""
    flat: list[Schema] = []
    for schema in schemas:
        if "$ref" in schema:
            flat += _unfolded([definitions[schema["$ref"].rpartition("/")[2]]], definitions)
        else:
            flat += [schema, *_unfolded(schema.get("anyOf", []), definitions)]
    return flat


if __name__ == "__main__":
    from addons.settings import json_schema

    sys.stdout.write(rendered(json_schema()))
