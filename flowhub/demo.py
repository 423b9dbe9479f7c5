"""The demo: a server with flows, a prompt and resources; and what flows may ask, an order service and a model."""

import json
import re
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from flows.access.acting import acts
from flows.starting.parts import line, node, schema

SERVER = {
    "slug": "demo",
    "name": "Demo",
    "description": "Four small flows to try FlowHub with. Call greet first.",
}

ORDERS = {
    "A-10481": {"id": "A-10481", "customer": "Ada Lovelace", "status": "shipped", "total": 182.4, "items": 3},
    "A-10482": {"id": "A-10482", "customer": "Grace Hopper", "status": "packed", "total": 49.9, "items": 1},
    "A-10483": {"id": "A-10483", "customer": "Alan Turing", "status": "cancelled", "total": 0.0, "items": 0},
}


@require_GET
@login_not_required
def order(request: HttpRequest, order_id: str) -> JsonResponse:
    """One order of the demo's order service; 404 when there is none."""
    if order_id not in ORDERS:
        return JsonResponse({"detail": "no such order"}, status=404)
    return JsonResponse(ORDERS[order_id])


@csrf_exempt
@acts(None)
@require_POST
@login_not_required
def chat(request: HttpRequest) -> JsonResponse:
    """An OpenAI-compatible chat endpoint that plays a model by rule, so that `llm_chat` can be tried without one.

    It repeats the first sentence of the last message. Where a JSON Schema is asked for, it fills each property: a text
    with that sentence, a choice with the first that the message names (else the last), a boolean with whether the
    message says the property's name, a number with how many words there are.
    """
    try:
        asked = json.loads(request.body)
        text = str(asked["messages"][-1]["content"]).strip()
        wanted = asked.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties")
        answer = _first_sentence(text) if wanted is None else json.dumps(_filled(wanted, text))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        message = "Send {model, messages: [{role, content}]} as JSON, as OpenAI's chat endpoint takes it."
        return JsonResponse({"error": {"message": message}}, status=400)
    sent, given = len(text.split()), len(answer.split())
    choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
    usage = {"prompt_tokens": sent, "completion_tokens": given, "total_tokens": sent + given}
    return JsonResponse({"model": "demo", "choices": [choice], "usage": usage})


def _filled(properties: dict[str, Any], text: str) -> dict[str, Any]:
    words, sentence = re.findall(r"\w+", text.lower()), _first_sentence(text)
    said, filled = set(words), dict[str, Any]()
    for name, wanted in properties.items():
        if options := wanted.get("enum"):
            filled[name] = next((option for option in options if str(option).lower() in said), options[-1])
        elif wanted["type"] == "boolean":
            filled[name] = name.lower() in said
        else:
            filled[name] = len(words) if wanted["type"] in ("integer", "number") else sentence
    return filled


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0][:200]


GREET = {
    "name": "Greet",
    "tool_name": "greet",
    "tool_description": "Greets a person by name and repeats the number that was sent.",
    "when_to_use": "To check that this server answers.",
    "input_schema": schema(
        name={"type": "string", "description": "Who is greeted."},
        n={"type": "integer", "description": "Any whole number."},
    ),
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
    "definition": {
        "nodes": [
            node("trigger", "trigger", "Call", 0),
            node(
                "greeting",
                "set_fields",
                "Make the greeting",
                1,
                fields={"text": "Hello, {{ trigger.name }}! {{ trigger.n }}", "number": "{{ trigger.n }}"},
            ),
            node("answer", "return", "Answer", 2, text="{{ greeting.text }}"),
        ],
        "connections": [line("trigger", "greeting"), line("greeting", "answer")],
    },
}

GREET_CASE: dict[str, Any] = {
    "name": "Ada",
    "arguments": {"name": "Ada", "n": 7},
    "expectation": {"outcome": "succeeds", "output": {"compare": "textContains", "value": "Hello, Ada! 7"}},
}

LOOKUP_ORDER = {
    "name": "Look up an order",
    "tool_name": "lookup_order",
    "tool_description": "Returns the customer, status and total of one order.",
    "when_to_use": "When the person gives an order id such as A-10481.",
    "when_not_to_use": "To search for orders by customer or date.",
    "input_schema": schema(
        order_id={"type": "string", "minLength": 1, "maxLength": 40, "description": "The order's id, as A-10481."}
    ),
    "annotations": {"readOnlyHint": True},
    "definition": {
        "nodes": [
            node("trigger", "trigger", "Order id", 0),
            node(
                "fetch",
                "http_request",
                "Fetch order",
                1,
                method="GET",
                failOnStatus=False,
                timeout=10,
                url="{{ flowhub.url }}/demo/orders/{{ trigger.order_id }}",
            ),
            node("found", "condition", "Found?", 2, left="{{ fetch.status }}", operator="equals", right=200),
            node("answer", "return", "Answer", 3, 0, json="{{ fetch.body }}"),
            node(
                "unknown",
                "fail",
                "Unknown order",
                3,
                1,
                message="There is no order {{ trigger.order_id }}. Check the id: it looks like A-10481.",
            ),
        ],
        "connections": [
            line("trigger", "fetch"),
            line("fetch", "found"),
            line("found", "answer", "true"),
            line("found", "unknown", "false"),
        ],
    },
}

ORDER_REPORT = {
    "name": "Order report",
    "tool_name": "order_report",
    "tool_description": "Adds up several orders: how many there are, what they are worth, and which ones are unknown.",
    "when_to_use": "When the person asks about more than one order at a time.",
    "when_not_to_use": "For a single order; lookup_order says more about it.",
    "input_schema": schema(
        order_ids={
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 40},
            "minItems": 1,
            "maxItems": 20,
            "default": list(ORDERS),
            "description": "The orders' ids, as A-10481.",
        }
    ),
    "annotations": {"readOnlyHint": True},
    "definition": {
        "nodes": [
            node("trigger", "trigger", "Order ids", 0),
            node("reading", "progress", "Say what happens", 1, message="Looking up the orders"),
            node(
                "orders",
                "for_each",
                "Look up each order",
                2,
                items="{{ trigger.order_ids }}",
                flow="lookup_order",
                arguments={"order_id": "{{ item }}"},
                onError="collect",
            ),
            node(
                "sums",
                "code",
                "Add up",
                3,
                source=(
                    "found = [order for order in orders if order]\n"
                    "unknown = [ids[error['index']] for error in errors]\n"
                    "total = round(sum(order['total'] for order in found), 2)\n"
                    "return {'orders': len(found), 'total': total, 'unknown': unknown}"
                ),
                inputs={
                    "ids": "{{ trigger.order_ids }}",
                    "orders": "{{ orders.results }}",
                    "errors": "{{ orders.errors }}",
                },
            ),
            node("any", "condition", "Any found?", 4, left="{{ sums.orders }}", operator="truthy"),
            node(
                "text", "template", "Write a sentence", 5, 0, text="Orders: {{ sums.orders }}, worth {{ sums.total }}."
            ),
            node(
                "answer",
                "return",
                "Answer",
                6,
                0,
                json={"text": "{{ text }}", "total": "{{ sums.total }}", "unknown": "{{ sums.unknown }}"},
            ),
            node(
                "none",
                "fail",
                "No order found",
                5,
                1,
                message="None of these orders exists: {{ sums.unknown }}. Check the ids: they look like A-10481.",
            ),
        ],
        "connections": [
            line("trigger", "reading"),
            line("reading", "orders"),
            line("orders", "sums"),
            line("sums", "any"),
            line("any", "text", "true"),
            line("text", "answer"),
            line("any", "none", "false"),
        ],
    },
}

SLOW_REPORT = {
    "name": "Slow report",
    "tool_name": "slow_report",
    "tool_description": "Makes a report from two sources that take their time; useful to watch an execution run.",
    "input_schema": schema(
        seconds={"type": "number", "minimum": 0, "maximum": 60, "description": "How long each part takes."},
        fail={"type": "boolean", "default": False, "description": "Make the last check fail."},
    ),
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
    "definition": {
        "nodes": [
            node("trigger", "trigger", "Call", 0, 1),
            node("collect", "delay", "Collect", 1, 1, seconds="{{ trigger.seconds }}"),
            node("sales", "delay", "Read sales", 2, 0, seconds="{{ trigger.seconds }}"),
            node("stock", "delay", "Read stock", 2, 2, seconds="{{ trigger.seconds }}"),
            node(
                "merged",
                "set_fields",
                "Put together",
                3,
                1,
                fields={"sales": 1204, "stock": 87, "seconds": "{{ trigger.seconds }}"},
            ),
            node("wanted", "condition", "Asked to fail?", 4, 1, left="{{ trigger.fail }}", operator="truthy"),
            node(
                "broken",
                "fail",
                "Check totals",
                5,
                2,
                message="The totals do not add up, as you asked. Call again with fail=false.",
            ),
            node(
                "report",
                "return",
                "Report",
                5,
                0,
                json={"sales": "{{ merged.sales }}", "stock": "{{ merged.stock }}", "seconds": "{{ merged.seconds }}"},
            ),
        ],
        "connections": [
            line("trigger", "collect"),
            line("collect", "sales"),
            line("collect", "stock"),
            line("sales", "merged"),
            line("stock", "merged"),
            line("merged", "wanted"),
            line("wanted", "broken", "true"),
            line("wanted", "report", "false"),
        ],
    },
}

FLOWS: list[dict[str, Any]] = [GREET, LOOKUP_ORDER, ORDER_REPORT, SLOW_REPORT]

PROMPTS: list[dict[str, Any]] = [
    {
        "name": "order_update",
        "title": "Tell a customer about an order",
        "description": "Looks an order up and drafts a short message to the customer.",
        "arguments": [
            {
                "name": "order_id",
                "title": "Order",
                "description": "The order's id, as A-10481.",
                "required": True,
                "completions": list(ORDERS),
            },
            {
                "name": "tone",
                "title": "Tone",
                "description": "How the message should sound.",
                "completions": ["friendly", "formal", "short"],
            },
        ],
        "messages": [
            {
                "role": "user",
                "content": {
                    "type": "text",
                    "text": "Look up the order {{ arguments.order_id }} with lookup_order. Then write a message of at "
                    "most five sentences to the customer: what the order's status means, and what happens next. "
                    "Tone: {{ arguments.tone }}",
                },
            }
        ],
    }
]

RESOURCES: list[dict[str, Any]] = [
    {
        "uri": "demo:order-states",
        "name": "Order states",
        "description": "What each status of an order means for the customer.",
        "mime_type": "text/markdown",
        "text": (
            "# Order states\n\n"
            "- **packed**: in our warehouse, leaves within a day.\n"
            "- **shipped**: with the carrier, arrives in two to four days.\n"
            "- **cancelled**: nothing is sent; a payment is returned within a week.\n"
        ),
    },
    {
        "uri": "demo:orders/{order_id}",
        "name": "Order",
        "description": "One order as JSON: customer, status and total.",
        "mime_type": "application/json",
        "completions": {"order_id": list(ORDERS)},
        "flow": "lookup_order",
    },
]
"""Resources with the tool name of the flow that answers, where one does."""
