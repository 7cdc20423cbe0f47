"""What all sections of ``coatcheck.yaml`` have in common. Imports nothing of ours."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

EntityName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
EntityPattern = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_*?]+$")]
"""An entity name, or several by ``*`` and ``?``: ``CN_*``."""
Pattern = Annotated[str, StringConstraints(min_length=1)]
Score = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of the file: unknown keys are refused, values never change, errors never show the input."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class ShortForm(Section):
    """A section that may be written as one plain word: ``mask`` for ``{action: mask}``."""

    short_key: ClassVar[str]
    short_type: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1}
    """The plain word's JSON schema."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return {cls.short_key: value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [dict(cls.short_type), handler(core_schema)]}
