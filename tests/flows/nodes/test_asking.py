"""What the nodes that ask put to the caller, and what they make of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.engine.questions import Question
from flows.nodes import registry

pytestmark = pytest.mark.anyio

OPTIONS = [{"const": "a", "title": "First"}, {"const": "b", "title": "Second"}]
FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 2, "maxLength": 20},
        "mail": {"type": "string", "format": "email"},
        "age": {"type": "integer", "minimum": 18, "maximum": 120, "default": 30},
        "score": {"type": "number", "default": 95.5},
        "agreed": {"type": "boolean", "default": True},
        "plain": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "titled": {"type": "string", "oneOf": OPTIONS, "default": "b"},
        "named": {"type": "string", "enum": ["a", "b"], "enumNames": ["First", "Second"]},
        "several": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1, "default": ["a"]},
        "titled_several": {"type": "array", "items": {"anyOf": OPTIONS}, "maxItems": 2},
    },
    "required": ["name"],
}
DEFAULTS = {"age": 30, "score": 95.5, "agreed": True, "plain": "a", "titled": "b", "several": ["a"]}


@dataclass
class Client:
    """Answers with `answers`, one after the other; keeps what it was asked."""

    answers: list[Any]
    asked: list[Question] = field(default_factory=list)

    def ask(self, node_id: str, number: int, question: Question) -> Any:
        assert number == len(self.asked)
        self.asked.append(question)
        return self.answers[number]

    async def execute(self, node_type: str, parameters: Mapping[str, Any]) -> NodeResult:
        registered = registry()[node_type]
        assert registered.faults(parameters, "", before_filling=True) == []
        assert registered.faults(parameters, "", before_filling=False) == []
        return await registered.node_type.execute(parameters, NodeContext("e1", "Ask", asker=self))


def accepted(**content: Any) -> dict[str, Any]:
    return {"action": "accept", "content": content}


async def test_a_form_of_every_shape_is_sent_as_it_is_written() -> None:
    client = Client([accepted(name="Ada")])
    await client.execute("ask_user", {"message": "Who?", "schema": FORM, "answerWithin": 60})
    assert client.asked == [Question("user", {"message": "Who?", "requestedSchema": FORM}, 60)]


async def test_what_was_left_out_gets_its_default_and_what_was_not_asked_for_is_dropped() -> None:
    client = Client([accepted(name="Ada", age=None, plain="b", other=1)])
    result = await client.execute("ask_user", {"message": "Who?", "schema": FORM})
    assert result == NodeResult(accepted(**DEFAULTS | {"name": "Ada", "plain": "b"}), "accept")


async def test_an_answer_is_read_as_arguments_are() -> None:
    client = Client([accepted(name="Ada", age=4.2e1, score=5.0, mail=None)])
    result = await client.execute("ask_user", {"message": "Who?", "schema": FORM})
    read = DEFAULTS | {"name": "Ada", "age": 42, "score": 5.0}
    assert {name: repr(value) for name, value in result.output["content"].items()} == {
        name: repr(value) for name, value in read.items()
    }


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_declining_and_cancelling_are_ways_out(action: str) -> None:
    result = await Client([{"action": action}]).execute("ask_user", {"message": "Really?"})
    assert result == NodeResult({"action": action, "content": {}}, action)


async def test_without_a_form_the_person_can_agree() -> None:
    client = Client([{"action": "accept"}])
    assert await client.execute("ask_user", {"message": "Really?"}) == NodeResult(accepted(), "accept")
    assert client.asked[0].parameters["requestedSchema"] == {"type": "object", "properties": {}}
    assert client.asked[0].seconds == 900


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    client = Client([accepted(name="A", age=3), accepted(name="Ada")])
    result = await client.execute("ask_user", {"message": "Who?", "schema": FORM})
    assert result.handle == "accept"
    assert [question.parameters["message"] for question in client.asked] == [
        "Who?",
        'Who?\n\nPlease correct: name: "A" is shorter than 2 characters; age: 3 is less than the minimum of 18',
    ]


async def test_after_three_answers_that_do_not_fit_the_node_fails() -> None:
    client = Client([accepted(titled_several=["c"], name="Ada")] * 3)
    with pytest.raises(NodeFailed) as caught:
        await client.execute("ask_user", {"message": "Who?", "schema": FORM})
    assert caught.value.message.startswith("The answer does not fit the form: titled_several[0]: ")
    assert caught.value.is_final
    assert len(client.asked) == 3


def faults(**changes: Any) -> list[str]:
    """What is said of a form with one field."""
    form = {"type": "object", "properties": {"a": changes}}
    return [
        str(fault)
        for fault in registry()["ask_user"].faults({"message": "?", "schema": form}, "p", before_filling=True)
    ]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"type": "object"}, 'a.type: use one of: "string", "number", "integer", "boolean", "array"'),
        ({"type": "string", "pattern": "x"}, "a: Additional properties are not allowed ('pattern' was unexpected)"),
        ({"type": "string", "format": "password"}, 'a.format: use one of: "email", "uri", "date", "date-time"'),
        ({"type": "string", "oneOf": [{"const": "a"}]}, 'a.oneOf[0]: "title" is a required property'),
        ({"type": "array", "items": {"type": "string"}}, 'a.items: "enum" is a required property'),
        ({"type": "array", "items": {"type": "integer", "enum": ["1"]}}, 'a.items.type: "string" was expected'),
        ({"type": "array"}, 'a: "items" is a required property'),
        ({"type": "integer", "minimum": 1, "default": 0}, "a.default: 0 is less than the minimum of 1"),
        ({"type": "array", "items": {"enum": ["a"], "type": "string"}, "default": ["b"]}, "a.default[0]: "),
        ({"type": "string", "enum": ["a", "b"], "enumNames": ["A"]}, "a.enumNames: give one name for each of the 2"),
        ({"type": "number", "minimum": 3, "maximum": 2}, "a.minimum: is greater than maximum, so no answer would fit"),
    ],
)
def test_a_form_that_no_client_can_show_is_a_fault_at_its_place(field: dict[str, Any], said: str) -> None:
    found = faults(**field)
    assert len(found) == 1
    assert found[0].startswith(f"p.schema.properties.{said}")


def test_a_required_field_must_be_there() -> None:
    form = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]}
    found = registry()["ask_user"].faults({"message": "?", "schema": form}, "p", before_filling=True)
    assert list(map(str, found)) == ["p.schema.required[1]: the form has no field 'b'"]


def test_options_may_come_from_an_expression_and_are_checked_once_they_are_there() -> None:
    assert faults(type="string", enum="{{ fetch.names }}", default="{{ fetch.first }}") == []


async def test_options_that_turn_out_wrong_fail_the_node() -> None:
    form = {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"], "default": "y"}}}
    with pytest.raises(NodeFailed, match=r"The form cannot be shown: properties\.a\.default: "):
        await registry()["ask_user"].node_type.execute(
            {"message": "?", "schema": form}, NodeContext("e1", "Ask", asker=Client([]))
        )


async def test_a_model_is_asked_as_mcp_wants_it() -> None:
    answer = {
        "role": "assistant",
        "content": {"type": "text", "text": "Paris"},
        "model": "m-1",
        "stopReason": "endTurn",
    }
    client = Client([answer])
    preferences = {"hints": [{"name": "small"}], "speedPriority": 1}
    image = {"type": "image", "data": "AA==", "mimeType": "image/png"}
    messages = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": image}]
    parameters = {"messages": messages, "maxTokens": 100, "temperature": 0.5, "systemPrompt": "Be brief."}
    result = await client.execute("ask_model", parameters | {"modelPreferences": preferences, "stopSequences": ["."]})
    asked = parameters | {"modelPreferences": preferences, "stopSequences": ["."]}
    asked["messages"] = [{"role": "user", "content": {"type": "text", "text": "Where?"}}, messages[1]]
    assert client.asked == [Question("model", asked)]
    expected = {"text": "Paris", "content": answer["content"], "model": "m-1", "stopReason": "endTurn"}
    assert result == NodeResult(expected)


async def test_a_prompt_is_one_message_and_an_answer_without_text_has_an_empty_one() -> None:
    image = {"type": "image", "data": "AA==", "mimeType": "image/png"}
    client = Client([{"role": "assistant", "content": image, "model": "m-1"}])
    result = await client.execute("ask_model", {"prompt": "Draw"})
    message = {"role": "user", "content": {"type": "text", "text": "Draw"}}
    assert client.asked[0].parameters == {"messages": [message], "maxTokens": 1000}
    assert result.output == {"text": "", "content": image, "model": "m-1", "stopReason": None}


def test_a_prompt_or_messages_and_not_both() -> None:
    ask_model = registry()["ask_model"]
    assert ask_model.faults({}, "p", before_filling=True)
    assert ask_model.faults({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "p", before_filling=True)


async def test_roots_are_a_list_of_addresses_and_names() -> None:
    client = Client([{"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b"}]}])
    result = await client.execute("ask_roots", {})
    assert client.asked == [Question("roots", {})]
    assert result == NodeResult({"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b", "name": None}]})
