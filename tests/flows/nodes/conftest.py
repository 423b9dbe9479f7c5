"""Run one node type on its own, with its parameters checked as the engine does."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from flows.adapters.sandbox import code_runner
from flows.engine.node import HttpResponse, NodeContext, NodeResult
from flows.nodes import registry

Execute = Callable[..., Coroutine[Any, Any, NodeResult]]


@dataclass
class FakeHttp:
    """Answers with `script`, one after the other, then with `answer`; keeps what it was asked."""

    answer: HttpResponse = field(default_factory=lambda: HttpResponse(200, "OK", "http://api.test/", {}, b""))
    requests: list[dict[str, Any]] = field(default_factory=list)
    script: list[HttpResponse] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | str | None = None,
        content: bytes | None = None,
        timeout: float = 30.0,
    ) -> HttpResponse:
        asked = {"method": method, "url": url, "headers": headers, "query": query, "content": content}
        self.requests.append(asked | {"timeout": timeout})
        return replace(self.script.pop(0), url=url) if self.script else self.answer

    def answers(self, status: int, reason: str, media_type: str, body: bytes) -> None:
        headers = {"content-type": media_type} if media_type else {}
        self.answer = HttpResponse(status, reason, "http://api.test/", headers, body)


@pytest.fixture
def http() -> FakeHttp:
    return FakeHttp()


@pytest.fixture
def execute(http: FakeHttp) -> Execute:
    async def run_node(node_type: str, parameters: Any) -> NodeResult:
        registered = registry()[node_type]
        assert registered.faults(parameters, "", before_filling=False) == []
        return await registered.node_type.execute(parameters, NodeContext("e1", "Node", http, code=code_runner()))

    return run_node
