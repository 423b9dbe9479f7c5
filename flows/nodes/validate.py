"""Check a value against a schema."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from flows.engine.errors import Fault, NodeFailed
from flows.engine.node import Json, NodeContext, NodeResult
from flows.engine.shapes import Shape, closed
from flows.schemas.compiled import SchemaError, compile_once

BRANCH, FAIL = "branch", "fail"


class Validate:
    """Says whether a value fits a JSON Schema, and what is wrong with it."""

    type: ClassVar[str] = "validate"
    title: ClassVar[str] = "Validate"
    description: ClassVar[str] = "Checks a value against a JSON Schema and goes on at 'valid' or at 'invalid'."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "check"
    help: ClassVar[str] = (
        "The schema is read as draft 2020-12, with formats checked; references stay inside it. A value that does not "
        "fit goes on at 'invalid' with its faults, at most 20, each with its path. Or let the flow fail: then the "
        "message lists the faults, and the only way out is 'valid'."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "value": "{{ fetch.body }}",
        "schema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "value": {"title": "Value", "description": "The value to check: {{ fetch.body }}."},
            "schema": {
                "type": "object",
                "title": "Schema",
                "description": "A JSON Schema, draft 2020-12. Nothing is filled in here.",
                "x-literal": True,
            },
            "onInvalid": {
                "type": "string",
                "title": "When it does not fit",
                "description": "branch: go on at 'invalid'. fail: stop the flow with the faults as the message.",
                "enum": [BRANCH, FAIL],
                "default": BRANCH,
                "x-literal": True,
            },
        },
        "required": ["value", "schema"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ("valid", "invalid")
    has_effects: ClassVar[bool] = False

    def handles_of(self, parameters: Mapping[str, Json]) -> tuple[str, ...]:
        """Without `invalid` when the flow is to fail there."""
        return ("valid",) if parameters.get("onInvalid") == FAIL else self.handles

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """What is wrong with the schema."""
        try:
            compile_once(parameters["schema"])
        except SchemaError as error:
            return [Fault(f"schema.{fault.path}".rstrip("."), fault.message) for fault in error.faults]
        return []

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Check; raises NodeFailed with the faults when the flow is to fail."""
        value = parameters["value"]
        faults = await compile_once(parameters["schema"]).faults_aside(value)
        shown = [{"path": fault.path, "message": fault.message} for fault in faults]
        output = {"valid": not faults, "value": value, "faults": shown}
        if faults and parameters.get("onInvalid") == FAIL:
            lines = "".join(f"\n- {fault}" for fault in faults)
            raise NodeFailed(f"The value does not fit the schema:{lines}", detail=output, is_final=True)
        return NodeResult(output, handle="invalid" if faults else "valid")

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The value, whether it fits, and its faults."""
        fault = closed({"path": {"type": "string"}, "message": {"type": "string"}})
        return closed(
            {
                "valid": {"type": "boolean"},
                "value": shape_of(parameters["value"]),
                "faults": {"type": "array", "items": fault},
            }
        )
