"""A model is asked as the chat API wants it, and whatever comes back instead of an answer says what to change."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from executions.models import Execution
from flows.adapters.addresses import AllowList
from flows.adapters.http_client import GuardedClient, outbound_client
from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext, NodeResult
from flows.nodes import registry
from flows.nodes.llm_chat import LlmChat
from flows.publishing import versions
from tests.definitions import answer, node
from tests.factories import call, make_server, publish

KEY = "sk-canary-77aa01c4"
MESSAGES = [{"role": "user", "content": "How warm is it? ü"}]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
COUNTED = {"promptTokens": 9, "completionTokens": 4, "totalTokens": 13}


def said(content: Any, finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    """An answer as the chat API writes it."""
    message = {"role": "assistant", "content": content} | more
    return {
        "model": "small-1-0613",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": USAGE,
    }


@dataclass
class Endpoint:
    """A chat endpoint on 127.0.0.1 that gives `body` with `status` to everybody and keeps what it was sent."""

    status: int = 200
    body: Any = field(default_factory=lambda: said("21 degrees"))
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        sent = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        self.asked.append({"path": handler.path, "key": handler.headers.get("authorization"), "body": sent})
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        handler.send_response(self.status)
        for name, value in {"content-length": str(len(data)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            served.take(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    served.port = listening.server_port
    yield served
    listening.shutdown()
    thread.join()
    listening.server_close()


async def ask(endpoint: Endpoint, **parameters: Any) -> NodeResult:
    """Run the node alone, through the guarded client."""
    given = {"baseUrl": endpoint.url, "model": "small-1", "messages": MESSAGES} | parameters
    assert registry()["llm_chat"].faults(given, "", before_filling=False) == []
    client = GuardedClient(AllowList.parse(f"127.0.0.1:{endpoint.port}"))
    try:
        return await LlmChat().execute(given, NodeContext("e1", "Node", client))
    finally:
        await client.aclose()


@pytest.mark.anyio
class TestAsking:
    async def test_the_answer_comes_with_the_tokens_that_it_took(self, endpoint: Endpoint) -> None:
        result = await ask(endpoint)
        assert result == NodeResult(
            {"text": "21 degrees", "model": "small-1-0613", "finishReason": "stop", "usage": COUNTED}
        )
        assert endpoint.asked == [
            {"path": "/v1/chat/completions", "key": None, "body": {"model": "small-1", "messages": MESSAGES}}
        ]

    async def test_key_temperature_length_and_schema_are_sent(self, endpoint: Endpoint) -> None:
        schema = {"type": "object", "properties": {"degrees": {"type": "number"}}}
        endpoint.body = said('{"degrees": 21}')
        result = await ask(
            endpoint, baseUrl=endpoint.url + "/", secret=KEY, temperature=0, maxTokens=50, answerSchema=schema
        )
        assert result.output["json"] == {"degrees": 21}
        response_format = {"name": "answer", "schema": schema, "strict": True}
        assert endpoint.asked == [
            {
                "path": "/v1/chat/completions",
                "key": f"Bearer {KEY}",
                "body": {
                    "model": "small-1",
                    "messages": MESSAGES,
                    "temperature": 0,
                    "max_tokens": 50,
                    "response_format": {"type": "json_schema", "json_schema": response_format},
                },
            }
        ]

    async def test_an_endpoint_that_counts_nothing_is_no_failure(self, endpoint: Endpoint) -> None:
        endpoint.body = {"choices": [{"message": {"content": "hi"}}]}
        result = await ask(endpoint)
        nothing = dict.fromkeys(COUNTED)
        assert result.output == {"text": "hi", "model": "small-1", "finishReason": None, "usage": nothing}

    @pytest.mark.parametrize(
        ("status", "body", "headers", "message"),
        [
            (
                401,
                {"error": {"code": "invalid_api_key", "message": "Incorrect API key"}},
                {},
                "127.0.0.1 refused the API key; check the secret, and whether it may use the model 'small-1'. "
                "It answered 401: invalid_api_key: Incorrect API key",
            ),
            (
                404,
                {"error": {"message": "The model does not exist"}},
                {},
                "127.0.0.1 has no model 'small-1', or no such address; check the model and the base URL. "
                "It answered 404: The model does not exist",
            ),
            (
                429,
                {"error": "slow down"},
                {"retry-after": "7"},
                "127.0.0.1 takes no more requests now (rate or quota); try again after 7 s, or raise the limit there. "
                "It answered 429: slow down",
            ),
            (
                400,
                {"error": {"code": "context_length_exceeded", "message": "Please reduce the length."}},
                {},
                "The messages are too long for 'small-1'; shorten them, or choose a model that takes more. "
                "It answered 400: context_length_exceeded: Please reduce the length.",
            ),
            (
                400,
                {"message": "unknown field"},
                {},
                "127.0.0.1 did not take the request. It answered 400: unknown field",
            ),
            (
                503,
                b"<html>\n  overloaded</html>",
                {},
                "127.0.0.1 failed; try again later. It answered 503: <html> overloaded</html>",
            ),
        ],
    )
    async def test_a_refusal_names_cause_and_cure(
        self, endpoint: Endpoint, status: int, body: Any, headers: dict[str, str], message: str
    ) -> None:
        endpoint.status, endpoint.body, endpoint.headers = status, body, headers
        with pytest.raises(NodeFailed) as caught:
            await ask(endpoint, secret=KEY)
        assert caught.value.message == message
        assert caught.value.detail["status"] == status

    @pytest.mark.parametrize(
        ("status", "headers", "is_final", "retry_after"),
        [
            (400, {}, True, None),
            (401, {"retry-after": "soon"}, True, None),
            (429, {"retry-after": "7"}, False, 7.0),
            (503, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, False, 0.0),
            (500, {}, False, None),
        ],
    )
    async def test_only_what_may_pass_is_tried_again_and_not_before_it_was_asked_to(
        self, endpoint: Endpoint, status: int, headers: dict[str, str], is_final: bool, retry_after: float | None
    ) -> None:
        endpoint.status, endpoint.headers = status, headers
        with pytest.raises(NodeFailed) as caught:
            await ask(endpoint)
        assert (caught.value.is_final, caught.value.retry_after) == (is_final, retry_after)

    async def test_without_a_key_a_refusal_says_so(self, endpoint: Endpoint) -> None:
        endpoint.status, endpoint.body = 401, b""
        with pytest.raises(NodeFailed, match=r"refused a request without an API key.*It answered 401: nothing"):
            await ask(endpoint)

    @pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"[1]", b"[" * 5000])
    async def test_what_is_no_chat_endpoint_is_named(self, endpoint: Endpoint, body: bytes) -> None:
        endpoint.body = body
        with pytest.raises(NodeFailed, match=r"^127\.0\.0\.1 did not answer with a JSON object, so it is no chat"):
            await ask(endpoint)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "holds no text of the model"),
            ({"choices": []}, "holds no text of the model"),
            ({"choices": [{"message": {"content": None, "tool_calls": []}}]}, "holds no text of the model"),
            (said(None, refusal="I will not."), r"The model refused to answer: I will not\."),
        ],
    )
    async def test_an_answer_without_text_is_a_failure(self, endpoint: Endpoint, body: Any, message: str) -> None:
        endpoint.body = body
        with pytest.raises(NodeFailed, match=message) as caught:
            await ask(endpoint)
        assert caught.value.detail == body

    @pytest.mark.parametrize(
        ("finish_reason", "cure"), [("length", "cut at the most tokens"), ("stop", "may not keep to schemas")]
    )
    async def test_json_that_was_asked_for_and_is_none_says_why(
        self, endpoint: Endpoint, finish_reason: str, cure: str
    ) -> None:
        endpoint.body = said('{"degrees": 2', finish_reason)
        with pytest.raises(NodeFailed, match=f"The model's answer is not JSON .*{cure}") as caught:
            await ask(endpoint, answerSchema={"type": "object"})
        assert caught.value.detail["text"] == '{"degrees": 2'

    async def test_the_answer_is_read_by_its_schema_as_arguments_are(self, endpoint: Endpoint) -> None:
        properties = {"count": {"type": "integer"}, "note": {"type": "string"}, "unit": {"default": "C"}}
        schema = {"type": "object", "properties": properties, "required": ["count"]}
        endpoint.body = said('{"count": 5.0, "note": null}')
        result = await ask(endpoint, answerSchema=schema)
        assert repr(result.output["json"]) == "{'count': 5, 'unit': 'C'}"

    async def test_an_answer_that_does_not_fit_its_schema_fails_and_may_be_asked_for_again(
        self, endpoint: Endpoint
    ) -> None:
        schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
        endpoint.body = said('{"count": "five"}')
        with pytest.raises(NodeFailed) as caught:
            await ask(endpoint, answerSchema=schema)
        assert caught.value.message == (
            'The model\'s answer does not fit the schema: count: "five" is not of type "integer". '
            "Ask again, or say in the messages what is needed."
        )
        assert (caught.value.detail["json"], caught.value.is_final) == ({"count": "five"}, False)

    async def test_a_schema_that_is_not_known_here_checks_nothing(self, endpoint: Endpoint) -> None:
        endpoint.body = said('{"count": 5.0}')
        schema = {"type": "object", "properties": {"count": {"type": "string", "pattern": "(?=a)"}}}
        assert (await ask(endpoint, answerSchema=schema)).output["json"] == {"count": 5.0}

    async def test_an_address_that_is_not_allowed_is_not_asked(self, endpoint: Endpoint) -> None:
        client = GuardedClient()
        given = {"baseUrl": endpoint.url, "model": "small-1", "messages": MESSAGES}
        with pytest.raises(NodeFailed, match=r"address 127\.0\.0\.1 is private"):
            await LlmChat().execute(given, NodeContext("e1", "Node", client))
        assert endpoint.asked == []


@pytest.mark.django_db(transaction=True)
def test_the_key_is_in_no_record_even_if_the_endpoint_repeats_it(endpoint: Endpoint, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = f"127.0.0.1:{endpoint.port}"
    outbound_client.cache_clear()
    endpoint.status, endpoint.body = 401, {"error": {"message": f"Incorrect API key {KEY}"}}
    server = make_server()
    versions.set_secret(server, "LLM", KEY)
    chat = node(
        "chat", "llm_chat", baseUrl=endpoint.url, model="small-1", messages=MESSAGES, secret="{{ secrets.LLM }}"
    )
    execution = call(publish(server, "ask", chat, answer("{{ chat }}")))
    outbound_client.cache_clear()
    assert endpoint.asked[0]["key"] == f"Bearer {KEY}"
    assert execution.node_executions[1]["inputData"]["secret"] == "{{ secrets.LLM }}"
    assert execution.error_info["message"].endswith("It answered 401: Incorrect API key ***")
    assert KEY not in json.dumps(list(Execution.objects.values()), default=str)


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"messages": []}, "messages: [] has less than 1 item"),
        (
            {"messages": [{"role": "tool", "content": ""}]},
            'messages[0].role: use one of: "system", "user", "assistant"',
        ),
        ({"temperature": 3}, "temperature: 3 is greater than the maximum of 2"),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, fault: str) -> None:
    given = {"baseUrl": "https://llm.test/v1", "model": "m", "messages": MESSAGES} | parameters
    assert [str(found) for found in registry()["llm_chat"].faults(given, "", before_filling=True)] == [fault]
