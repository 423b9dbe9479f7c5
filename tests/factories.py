"""Small makers of people, servers, flows and executions; every value can be said, none has to be."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from executions.acting.trials import caller_of, try_out
from executions.ledger import counts
from executions.models import Execution
from executions.record.moments import new_id
from executions.record.status import Status
from executions.running.targets import published_target
from flows.models import Flow, Server
from flows.publishing import versions
from flows.publishing.announcements import _listeners, subscribe
from flows.values.scopes import EVERYTHING
from mcp_bridge.models import ApiKey
from tests.definitions import chain, node

PASSWORD = "correct horse battery"
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_numbers = count(1)


def make_user(username: str = "", **kwargs: Any) -> Any:
    """A person who logs in with PASSWORD; `is_superuser=True` makes an operator."""
    kwargs.setdefault("is_staff", kwargs.get("is_superuser", False))
    name = username or f"user{next(_numbers)}"
    return get_user_model().objects.create(username=name, password=_hashed_password(), **kwargs)


@cache
def _hashed_password() -> str:
    """Hashing is slow on purpose; once is enough for all."""
    return make_password(PASSWORD)


def make_key(owner: Any = None, **kwargs: Any) -> str:
    """The text of a new key that may do whatever its owner may, but for what is said."""
    kwargs.setdefault("scopes", EVERYTHING)
    return ApiKey.issue(owner or make_user(), kwargs.pop("name", "script"), **kwargs)[1]


def open_everything_to_the_demo_key() -> None:
    """Have the key of `LiveServer.credentials` do what its owner may: tests look at records by it, over REST."""
    ApiKey.objects.filter(name="demo").update(all_servers=True, scopes=EVERYTHING)


def make_server(owner: Any = None, slug: str = "", **kwargs: Any) -> Server:
    """A published server; without `owner` a new person has it."""
    slug = slug or f"server-{next(_numbers)}"
    kwargs.setdefault("name", slug.replace("-", " ").capitalize())
    return Server.objects.create(owner=owner or make_user(), slug=slug, **kwargs)


def make_flow(server: Server | None = None, *, definition: Any = None, tool_name: str = "", **kwargs: Any) -> Flow:
    """A draft, active and not published; the default definition answers "Done"."""
    tool_name = tool_name or f"tool_{next(_numbers)}"
    kwargs.setdefault("name", tool_name.replace("_", " ").capitalize())
    kwargs.setdefault("tool_description", f"Does what {tool_name} says.")
    definition = chain(node("answer", "return", text="Done")) if definition is None else definition
    return Flow.objects.create(server=server or make_server(), tool_name=tool_name, definition=definition, **kwargs)


def publish(server: Server, tool_name: str, *nodes: dict[str, Any], **fields: Any) -> Flow:
    """A published flow that runs these nodes one after the other and takes any arguments."""
    fields.setdefault("input_schema", {"type": "object"})
    flow = make_flow(server, tool_name=tool_name, definition=chain(*nodes), **fields)
    versions.publish(flow)
    return flow


def publish_unchecked(server: Server, tool_name: str, *nodes: dict[str, Any], **fields: Any) -> Flow:
    """The same with nodes that publishing refuses by now."""
    fields.setdefault("input_schema", {"type": "object"})
    return release(make_flow(server, tool_name=tool_name, definition=chain(*nodes), **fields))


def release(flow: Flow) -> Flow:
    """Have clients call a draft that nobody has checked, as an earlier FlowHub published it."""
    version = versions.as_version(flow)
    version.number = 1
    version.save()
    flow.published_version = version
    flow.save(update_fields=["published_version"])
    versions.announcements.announce(flow.server.slug)
    return flow


def call(flow: Flow, **arguments: Any) -> Execution:
    """Call a published flow as its owner does, and wait for its end; the test's transaction must be a real one."""
    return try_out(published_target(flow), arguments, caller_of(flow.server.owner))


def make_execution(flow: Flow | None = None, *, status: str = Status.FULFILLED, **kwargs: Any) -> Execution:
    """An ended execution of `flow` that took 12.5 ms, or a pending one; written past the ledger, counted as by it."""
    flow = flow or make_flow()
    started = kwargs.setdefault("started_at", STARTED)
    # Of those that started at the same moment, the one made later is the newer one.
    kwargs.setdefault("id", uuid.UUID(int=new_id(started).int >> 62 << 62 | next(_numbers)))
    if status != Status.PENDING:
        kwargs.setdefault("ended_at", started + timedelta(milliseconds=12.5))
        kwargs.setdefault("duration_ms", 12.5)
    values = {
        "owner": flow.server.owner,
        "flow_name": flow.name,
        "flow_tool_name": flow.tool_name,
        "server_slug": flow.server.slug,
        "updated_at": kwargs.get("ended_at", started),
    }
    execution = Execution.objects.create(flow=flow, status=status, **(values | kwargs))
    added = counts.CountChanges()
    added.count(counts.key_of_execution(execution), execution.status)
    counts.write(added)
    return execution


@contextmanager
def announcements() -> Iterator[list[str]]:
    """The slugs of the servers whose catalogue is announced as changed meanwhile."""
    slugs: list[str] = []
    subscribe(slugs.append)
    try:
        yield slugs
    finally:
        _listeners.remove(slugs.append)
