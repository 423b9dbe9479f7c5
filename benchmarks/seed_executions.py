"""Fill the configured database with executions of one flow, as calls over the last 90 days would have left them.

    python benchmarks/seed_executions.py --rows 1000000 --flow lookup_order

A million take a few minutes. Nothing is pending: there is nobody who would end it. The counters are made anew.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import _flowhub  # noqa: F401

# isort: split
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from executions.ledger import counts, statements
from executions.management.progress import ProgressBar
from executions.record.moments import new_id
from flowhub import demo
from flows.models import Flow, Server
from flows.publishing import versions

DAYS = 90
ERROR_SHARE = 0.03
ROWS_A_STATEMENT = {"sqlite": 500, "postgresql": 20}
"""What is quickest: psycopg reads a long statement anew each time."""

ROWS_A_TRANSACTION = 20_000

CALLERS = ("Claude 4.1 with key support-team", "Inspector 0.17 with key demo", "n8n 1.90 with key automation")
CUSTOMERS = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Katherine Johnson")


def flow_named(tool_name: str) -> Flow:
    """The flow of that tool name; made like the demo's order lookup when there is none."""
    if found := Flow.objects.select_related("server", "published_version").filter(tool_name=tool_name).first():
        return found
    owner = get_user_model().objects.filter(is_superuser=True).order_by("pk").first()
    values = {"name": "Benchmark", "owner": owner}
    server, _ = Server.objects.get_or_create(slug="benchmark", defaults=values)
    flow = Flow.objects.create(server=server, **demo.LOOKUP_ORDER | {"tool_name": tool_name})
    versions.publish(flow)
    return flow


def moments(rows: int, now: datetime, chance: random.Random) -> Iterator[datetime]:
    """When the executions started, oldest first, evenly spread with a little chance."""
    step = timedelta(days=DAYS) / rows
    first = now - timedelta(days=DAYS)
    for number in range(rows):
        yield first + step * (number + chance.random() * 0.99)


def row(flow: Flow, started_at: datetime, number: int, chance: random.Random) -> dict[str, Any]:
    """One execution of an order lookup: about 1.5 kB of node executions."""
    order, customer = f"A-{10_000 + number}", CUSTOMERS[number % len(CUSTOMERS)]
    failed = chance.random() < ERROR_SHARE
    milliseconds = round(chance.lognormvariate(4.0, 0.7), 3)
    ended_at = started_at + timedelta(milliseconds=milliseconds)
    caller = CALLERS[number % len(CALLERS)]
    columns = {
        "id": new_id(started_at),
        "flow_id": flow.pk,
        "flow_version_id": flow.published_version_id,
        "owner_id": flow.server.owner_id,
        "flow_name": flow.name,
        "flow_tool_name": flow.tool_name,
        "server_slug": flow.server.slug,
        "status": "error" if failed else "fulfilled",
        "started_at": started_at,
        "ended_at": ended_at,
        "updated_at": ended_at,
        "duration_ms": milliseconds,
        "initial_params": f'{{"order_id":"{order}"}}',
        "params_preview": f'order_id: "{order}"',
        "node_executions": _nodes(order, customer, started_at.isoformat(), milliseconds, failed),
        "result": _result(order, customer, failed),
        "error_kind": "",
        "failed_node_name": "",
        "error_preview": "",
        "caller": f'{{"clientName":"{caller}","clientVersion":"1","protocolVersion":"2026-07-28","principal":"key"}}',
        "caller_name": caller,
        "source": "mcp",
        "is_pinned": False,
        "note": "",
    }
    return columns | _error(order) if failed else columns


def _error(order: str) -> dict[str, Any]:
    message = f"There is no order {order}. Check the id: it looks like A-10481."
    info = f'{{"message":"{message}","kind":"node_failed","nodeId":"unknown","nodeName":"Unknown order","causes":[]}}'
    return {
        "error_info": info,
        "error_kind": "node_failed",
        "failed_node_name": "Unknown order",
        "error_preview": message,
    }


def _body(order: str, customer: str) -> str:
    return f'{{"id":"{order}","customer":"{customer}","status":"shipped","total":182.4,"items":3}}'


def _result(order: str, customer: str, failed: bool) -> str:
    if failed:
        return f'{{"content":[{{"type":"text","text":"There is no order {order}."}}],"isError":true}}'
    body = _body(order, customer)
    text = body.replace('"', '\\"')
    return f'{{"content":[{{"type":"text","text":"{text}"}}],"isError":false,"structuredContent":{body}}}'


def _nodes(order: str, customer: str, at: str, milliseconds: float, failed: bool) -> str:
    body = '{"detail":"no such order"}' if failed else _body(order, customer)
    answer = f'{{"status":{404 if failed else 200},"headers":{{"content-type":"application/json"}},"body":{body}}}'
    last = "error" if failed else "completed"
    entries = (
        ("trigger", "trigger", "Order id", "{}", f'{{"order_id":"{order}"}}', "completed"),
        (
            "fetch",
            "http_request",
            "Fetch order",
            f'{{"method":"GET","url":"/demo/orders/{order}"}}',
            answer,
            "completed",
        ),
        (
            "found",
            "condition",
            "Found?",
            '{"left":200,"operator":"equals","right":200}',
            '{"result":true}',
            "completed",
        ),
        ("answer", "return", "Answer", f'{{"json":{body}}}', body, last),
        ("unknown", "fail", "Unknown order", "null", "null", "skipped"),
    )
    when = f'"executedAt":"{at}","startOffsetMs":{milliseconds / 2:.3f},"durationMs":{milliseconds / 5:.3f}'
    parts = [
        f'{{"nodeId":"{id_}","nodeName":"{name}","nodeType":"{kind}",{when},"inputData":{given},"outputData":{put_out},'
        f'"status":"{status}","error":null,"attempts":1,"handle":"main"}}'
        for id_, kind, name, given, put_out, status in entries
    ]
    return f"[{','.join(parts)}]"


def seed(flow: Flow, rows: int) -> None:
    """Insert executions oldest first, then make the counters."""
    chance, waiting = random.Random(1), []
    progress = ProgressBar(sys.stdout, "Executions", rows)
    group = ROWS_A_STATEMENT[connection.vendor]
    starts = enumerate(moments(rows, datetime.now(UTC), chance))
    for first in range(0, rows, ROWS_A_TRANSACTION):
        with transaction.atomic():
            for _ in range(min(ROWS_A_TRANSACTION, rows - first)):
                number, started_at = next(starts)
                waiting.append(row(flow, started_at, number, chance))
                if len(waiting) == group:
                    statements.insert(waiting)
                    progress.add(len(waiting))
                    waiting = []
            statements.insert(waiting)
            progress.add(len(waiting))
            waiting = []
    progress.end()
    counts.recount()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE executions_execution")  # what autovacuum does a minute later


def main() -> None:
    """Read the options and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--flow", default="benchmark", metavar="TOOL", help="Made when there is none of that name.")
    options = parser.parse_args()
    seed(flow_named(options.flow), options.rows)


if __name__ == "__main__":
    main()
