"""Rules of the MCP specification on tools, errors, transports and versions, each with the test that holds it.

In our own words: the specification is the contract. `python -m tests.conformance --write` makes docs/conformance.md of
them and of what the official suites found.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.live import ROOT

OLD = "2025-11-25"
"""The last of the versions that begin with a handshake; the earlier ones say the same where they say anything."""
NEW = "2026-07-28"
BOTH = f"{OLD}, {NEW}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the versions of the specification, its page and section, what it says, the test as `file::name`.

    Where the versions call a section by two names, both stand there, the older one first.
    """

    versions: str
    section: str
    says: str
    test: str


MCP = "acceptance/test_mcp.py::"
SESSIONS = "acceptance/test_mcp_sessions.py::"
RESUMING = "acceptance/test_resuming.py::"
BATCHES = "acceptance/test_batches.py::"
REPORTS = "acceptance/test_reports.py::"
ASKING = "acceptance/test_asking.py::"
EXCHANGE = "acceptance/test_exchange.py::"
SCHEMA = "acceptance/test_output_schema.py::"
LIVE = "acceptance/test_live_catalogue.py::"
MALFORMED = "abuse/test_malformed.py::"
DIRECT = "mcp_bridge/calls/test_direct.py::"
STREAMS = "mcp_bridge/wire/test_streams.py::"
EVENTS = "mcp_bridge/servers/test_resumption.py::"

RULES: dict[str, tuple[Rule, ...]] = {
    "Tools": (
        Rule(
            BOTH,
            "Tools, Listing Tools",
            "`tools/list` gives each tool's name, title, description and input schema.",
            MCP + "test_a_client_lists_the_demo_tools",
        ),
        Rule(
            BOTH,
            "Tools, List Changed Notification",
            "Clients that listen are told when the list has changed.",
            LIVE + "test_a_client_hears_of_everything_that_changes_its_tools",
        ),
        Rule(
            BOTH,
            "Tools, Structured Content",
            "A JSON answer stands in `structuredContent`, and as text for clients that do not know it.",
            MCP + "test_a_json_answer_is_structured_and_text",
        ),
        Rule(
            NEW,
            "Tools, Structured Content",
            "It may be any JSON value; null arrives as null.",
            EXCHANGE + "test_an_answer_that_is_null_arrives_as_null",
        ),
        Rule(
            BOTH,
            "Tools, Output Schema",
            "With an output schema, what is given out as structured fits it.",
            SCHEMA + "test_an_answer_that_fits_is_structured",
        ),
        Rule(
            BOTH,
            "Tools, Output Schema",
            "What does not fit is not given out: the call fails, and says where.",
            SCHEMA + "test_a_misfit_is_an_error_that_names_the_path_and_the_node",
        ),
        Rule(
            OLD,
            "Tools, Output Schema",
            "The schema is an object: other answers are wrapped in one, and so is their schema.",
            SCHEMA + "test_a_list_is_wrapped_for_handshake_clients_and_its_references_still_lead_somewhere",
        ),
        Rule(
            BOTH,
            "Tools, Tool Result",
            "Content blocks of every kind arrive whole and in order.",
            "acceptance/test_rich_results.py::test_blocks_of_every_kind_and_of_several_nodes_arrive_whole_and_in_order",
        ),
        Rule(
            BOTH,
            "Progress, Progress Flow",
            "Progress is told to who gave a token, and only grows.",
            REPORTS + "test_a_flow_that_says_how_far_it_is_is_heard_word_for_word_and_only_forwards",
        ),
        Rule(
            BOTH,
            "Progress, Behavior Requirements",
            "Without a token nothing is told.",
            REPORTS + "test_without_a_token_nobody_hears_of_progress",
        ),
        Rule(
            BOTH,
            "Logging, Setting Log Level; Per-request log level",
            "Log messages come from the level that the client wants, for a session or for one request.",
            REPORTS + "test_log_messages_are_heard_from_the_level_that_the_client_wants",
        ),
        Rule(
            NEW,
            "Multi Round-Trip Requests, Basic Workflow",
            "A call is answered with what the client is asked; it sends the call again with answers and state.",
            ASKING + "test_a_form_of_every_shape_arrives_as_written_and_what_was_accepted_goes_on",
        ),
        Rule(
            NEW,
            "Multi Round-Trip Requests, Server Requirements",
            "A state that was tampered with, or is another's, is refused.",
            ASKING + "test_a_state_is_good_once_for_the_same_tool_caller_and_text",
        ),
        Rule(
            BOTH,
            "Lifecycle, Capability Negotiation; Base Protocol, `_meta`",
            "A client is asked only for what it has declared.",
            ASKING + "test_who_did_not_declare_to_answer_is_told_what_is_missing",
        ),
    ),
    "Errors": (
        Rule(
            BOTH,
            "Tools, Error Handling",
            "An unknown tool is an error of the protocol, -32602.",
            MCP + "test_an_unknown_tool_is_a_protocol_error_and_leaves_a_rejected_record",
        ),
        Rule(
            BOTH,
            "Tools, Error Handling",
            "Arguments that do not fit are a result with `isError`, which the model can act on.",
            MCP + "test_arguments_that_break_the_schema_are_refused_with_what_to_repair",
        ),
        Rule(
            BOTH,
            "Tools, Error Handling",
            "So is a tool that fails.",
            MCP + "test_fr_007_a_failure_is_an_error_result_and_names_the_failing_node",
        ),
        Rule(
            BOTH,
            "Base Protocol, Error Responses",
            "A body that is no JSON is -32700.",
            MALFORMED + "test_a_body_that_is_no_json_is_refused_with_the_place",
        ),
        Rule(
            BOTH,
            "Base Protocol, Requests",
            "A message that is no request, notification or answer is -32600; an id is a text or a whole number.",
            MALFORMED + "test_json_that_is_no_message_is_refused_with_what_to_change",
        ),
        Rule(
            BOTH,
            "Base Protocol, Error Responses",
            "An unknown method is -32601.",
            MALFORMED + "test_a_method_that_does_not_exist_is_not_found",
        ),
        Rule(
            BOTH,
            "Base Protocol, Requests",
            "An id is not used again while its request is under way.",
            SESSIONS + "test_an_id_that_is_under_way_cannot_be_used_for_another_request",
        ),
        Rule(
            NEW,
            "Base Protocol, `_meta`",
            "A capability that a call needs and the client lacks is -32021, which names it.",
            ASKING + "test_who_did_not_declare_to_answer_is_told_what_is_missing",
        ),
    ),
    "Transports": (
        Rule(
            BOTH,
            "Streamable HTTP, Sending Messages (to the Server)",
            "A client says that it takes both JSON and event streams, and sends JSON.",
            MALFORMED + "test_a_wrong_media_type_is_refused_with_the_right_one",
        ),
        Rule(
            BOTH,
            "Streamable HTTP, Sending Messages (to the Server)",
            "A request is answered as one JSON object or as a stream that ends with the same message.",
            DIRECT + "test_every_shape_of_a_call_comes_to_the_same_past_the_sdk_and_through_it",
        ),
        Rule(
            BOTH,
            "Streamable HTTP, Sending Messages (to the Server)",
            "A notification is accepted with 202 and no body.",
            MALFORMED + "test_a_notification_that_means_nothing_is_taken_and_dropped",
        ),
        Rule(
            BOTH,
            "Streamable HTTP, Security Warning; Security & Endpoint",
            "A foreign Origin is refused with 403; so is a Host that is not served.",
            MCP + "test_a_request_that_may_not_pass_is_stopped_at_the_door",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Listening for Messages from the Server",
            "A session has one stream of its own, which it may open again.",
            SESSIONS + "test_a_session_has_one_stream_and_may_open_another_when_that_is_closed",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Session Management",
            "Without a session only the handshake is taken: all else is 400.",
            SESSIONS + "test_without_a_session_only_a_handshake_is_taken",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Session Management",
            "A session that has ended is 404; the client shakes hands again.",
            SESSIONS + "test_a_session_that_was_deleted_is_not_found_any_more",
        ),
        Rule(
            OLD,
            "Security Best Practices, Session Hijacking",
            "A session is of the key that opened it.",
            SESSIONS + "test_a_key_cannot_use_the_session_of_another",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Resumability and Redelivery",
            "Who lost the connection names the last event, and gets what followed on that stream alone.",
            RESUMING + "test_a_client_that_lost_its_connection_gets_what_it_missed_and_the_answer",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Resumability and Redelivery",
            "Events of one session are not sent to another.",
            EVENTS + "test_one_session_does_not_see_the_events_of_another",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Resumability and Redelivery",
            "A stream begins with an event that says how to come back.",
            STREAMS + "test_the_event_that_tells_how_to_come_back_goes_out_with_a_quick_answer",
        ),
        Rule(
            OLD,
            "Streamable HTTP, Sending Messages to the Server",
            "A lost connection is no cancellation: the flow runs to its end.",
            REPORTS + "test_a_handshake_client_that_goes_away_leaves_its_flow_running_to_the_end",
        ),
        Rule(
            OLD,
            "Cancellation, Cancellation Flow",
            "`notifications/cancelled` ends the call.",
            MCP + "test_a_legacy_client_cancels_with_a_notification",
        ),
        Rule(
            NEW,
            "Cancellation, Transport-Specific Cancellation",
            "To close the response cancels the call.",
            MCP + "test_a_modern_client_that_hangs_up_cancels_its_execution",
        ),
        Rule(
            NEW,
            "Streamable HTTP, Standard Request Headers",
            "A routing header comes once.",
            MALFORMED + "test_a_routing_header_may_be_there_once",
        ),
        Rule(
            NEW,
            "Streamable HTTP, Server Validation",
            "Mcp-Method and Mcp-Name say what the message says; what differs is refused.",
            DIRECT + "test_every_shape_of_a_call_comes_to_the_same_past_the_sdk_and_through_it",
        ),
        Rule(
            NEW,
            "Streamable HTTP, Server Behavior for Custom Headers",
            "Mcp-Param headers say what the arguments say; what differs or lacks is refused.",
            DIRECT + "test_every_shape_of_a_call_comes_to_the_same_past_the_sdk_and_through_it",
        ),
        Rule(
            NEW,
            "Streamable HTTP, Receiving Messages",
            "An answer that takes long is kept alive.",
            REPORTS + "test_a_silent_call_is_kept_alive_in_both_eras",
        ),
    ),
    "Versions": (
        Rule(
            OLD,
            "Lifecycle, Version Negotiation",
            "A version that is not known is answered with one that is served.",
            SESSIONS + "test_a_version_that_nobody_knows_is_answered_with_one_that_is_served",
        ),
        Rule(
            BOTH,
            "Streamable HTTP, Protocol Version Header",
            "A version that is not served is 400, with those that are.",
            MALFORMED + "test_a_version_that_is_not_served_is_refused_with_those_that_are",
        ),
        Rule(
            OLD,
            "Lifecycle, Initialization",
            "A handshake that is wrong opens no session, and says what is wrong.",
            SESSIONS + "test_a_handshake_that_is_wrong_says_what_is_and_opens_no_session",
        ),
        Rule(
            BOTH,
            "Lifecycle, Initialization; Base Protocol, `_meta`",
            "Server and version are told in both eras.",
            "acceptance/test_version.py::test_clients_of_both_eras_learn_the_version",
        ),
        Rule(
            "2025-03-26",
            "Base Protocol, Batching",
            "Batches are of this version alone: their requests are answered together.",
            BATCHES + "test_each_request_of_a_batch_is_answered_in_one_stream_and_recorded",
        ),
        Rule(
            "2025-06-18 and later",
            "Key Changes, Major changes",
            "There are no batches.",
            BATCHES + "test_another_version_has_no_batches",
        ),
    ),
}

HEAD = """# Conformance

What FlowHub holds to of the specification of MCP, and where that is tried. `python -m tests.conformance --write` makes
this page from `tests/rules.py` and from a run of the official suites; a test fails when a rule names a test that there
is not. The rules are in our own words, and not all that there are: the specification is the contract.
"""


def page() -> str:
    """The rules as a page in Markdown."""
    parts = [HEAD]
    for topic, rules in RULES.items():
        lines = [f"| {each.versions} | {each.section} | {each.says} | `{each.test}` |" for each in rules]
        table = "| version | section | rule | held by |\n|---|---|---|---|\n" + "\n".join(lines)
        parts.append(f"## {topic}\n\n{table}\n")
    return "\n".join(parts)


def missing_tests() -> Iterator[str]:
    """The tests that rules name and that there are not."""
    for test in sorted({rule.test for rules in RULES.values() for rule in rules}):
        file, _, name = test.partition("::")
        path = ROOT / "tests" / file
        tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
        names = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        if name not in names:
            yield test
