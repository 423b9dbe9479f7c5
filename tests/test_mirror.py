"""Each test lies where its subject lies: who changes a module finds its tests without a search."""

from pathlib import Path

from tests.live import ROOT

LARGE = 60
"""Modules of more lines have a test file of their name, or stand in ELSEWHERE."""

ELSEWHERE = {
    "executions/database": "faults/test_liveness.py",
    "executions/running/bell": "faults/test_cancelling.py",
    "executions/running/cancelling": "faults/test_cancelling.py",
    "mcp_bridge/upstream/views": "mcp_bridge/upstream/test_client.py",
    "executions/record/entries": "executions/record/test_cut_records.py",
    "executions/record/payload_lookups": "executions/record/test_payload_column.py",
    "executions/record/payload_values": "executions/record/test_payload_column.py",
    "flows/secrets/forms": "flows/secrets/test_views.py",
    "flows/engine/failures": "flows/engine/test_runner.py",
    "flows/offers/editor": "flows/offers/test_views.py",
    "mcp_bridge/calls/answered_by_flow": "acceptance/test_prompts_resources.py",
    "mcp_bridge/wire/batches": "acceptance/test_batches.py",
    "mcp_bridge/api/upstream": "mcp_bridge/upstream/test_client.py",
    "executions/acting/trials": "executions/api/test_views.py",
    "executions/acting/views": "executions/acting/test_actions.py",
    "executions/admission/allowances": "acceptance/test_limits.py",
    "executions/api/actions": "executions/api/test_views.py",
    "executions/api/answering": "executions/questions/test_answers_of_people.py",
    "executions/api/cases": "executions/cases/test_views.py",
    "executions/api/insights": "executions/reading/test_insights.py",
    "executions/api/refusals": "executions/admission/test_doors.py",
    "executions/api/serializers": "executions/api/test_views.py",
    "executions/cases/calls": "executions/cases/test_views.py",
    "executions/ledger/statements": "executions/ledger/test_writer.py",
    "executions/ledger/suspensions": "executions/questions/test_resumption.py",
    "executions/ledger/tracker": "acceptance/test_mcp.py",
    "executions/management/commands/prune_executions": "executions/upkeep/test_retention.py",
    "executions/models": "executions/api/test_views.py",
    "executions/pages/compare_views": "executions/reading/test_comparison.py",
    "executions/privacy/folding": "executions/privacy/test_redactor.py",
    "executions/privacy/needles": "executions/privacy/test_redactor.py",
    "executions/questions/form": "executions/questions/test_answers_of_people.py",
    "executions/questions/views": "executions/questions/test_answers_of_people.py",
    "executions/reading/filters": "executions/pages/test_views.py",
    "executions/reading/for_agents": "acceptance/test_agent_tools.py",
    "executions/reading/client_programs": "acceptance/test_snippets.py",
    "executions/running/calls": "executions/running/test_deliveries.py",
    "executions/running/dispatch": "executions/questions/test_resumption.py",
    "executions/running/pausing": "executions/questions/test_resumption.py",
    "executions/running/work": "executions/privacy/test_redactor.py",
    "executions/templatetags/statuses": "executions/pages/test_views.py",
    "executions/upkeep/space": "executions/upkeep/test_retention.py",
    "flowhub/accounts": "flowhub/test_login.py",
    "flowhub/demo": "acceptance/test_mcp.py",
    "flowhub/env": "flowhub/test_checks.py",
    "flowhub/management/commands/serve": "acceptance/test_start.py",
    "flowhub/settings": "flowhub/test_checks.py",
    "flows/adapters/addresses": "flows/adapters/test_http_client.py",
    "flows/adapters/httpx_transport": "flows/adapters/test_http_client.py",
    "flows/adapters/sandbox_values": "flows/adapters/test_sandbox.py",
    "flows/api": "flows/api/test_views.py",
    "executions/ledger/owners": "flows/members/test_changes.py",
    "flows/access/actors": "flows/audit/test_log.py",
    "flows/access/acting": "flows/access/test_roles.py",
    "flows/offers/changes": "flows/offers/test_prompts.py",
    "flows/api/members": "flows/members/test_changes.py",
    "flows/members/views": "flows/members/test_changes.py",
    "flows/api/offers": "flows/offers/test_prompts.py",
    "flows/api/servers": "flows/secrets/test_views.py",
    "flows/api/together": "flows/publishing/test_together.py",
    "flows/api/transfer": "flows/transfer/test_files.py",
    "flows/values/json_bounds": "flows/adapters/test_sandbox.py",
    "flows/arguments": "executions/pages/test_test_tab.py",
    "flows/cases/drafts": "executions/cases/test_views.py",
    "flows/cases/form": "executions/cases/test_views.py",
    "flows/engine/attempts": "flows/engine/test_settings.py",
    "flows/engine/errors": "flows/engine/test_runner.py",
    "flows/engine/events": "flows/engine/test_runner.py",
    "flows/engine/node": "flows/engine/test_runner.py",
    "flows/engine/questions": "flows/engine/test_pauses.py",
    "flows/engine/shapes": "flows/engine/test_references.py",
    "flows/mcp_apps": "executions/pages/test_answer_frame_browser.py",
    "flows/models": "flows/publishing/test_versions.py",
    "flows/nodes": "flows/nodes/test_registry.py",
    "flows/nodes/ask_model": "flows/nodes/test_asking.py",
    "flows/nodes/ask_user": "flows/nodes/test_asking.py",
    "flows/nodes/credentials": "flows/nodes/test_http_request.py",
    "flows/nodes/elicitation": "flows/nodes/test_asking.py",
    "flows/nodes/offer": "executions/running/test_switching.py",
    "flows/nodes/redirects": "flows/nodes/test_http_request.py",
    "flows/offers/prompt_form": "flows/offers/test_views.py",
    "flows/offers/resource_form": "flows/offers/test_views.py",
    "flows/offers/resources": "flows/offers/test_prompts.py",
    "flows/offers/sample_inputs": "flows/offers/test_prompts.py",
    "flows/pages/forms": "flows/pages/test_views.py",
    "flows/publishing/review": "mcp_bridge/pages/test_tool_tab.py",
    "flows/secrets/uses": "flows/secrets/test_secrets.py",
    "flows/starting/forms": "flows/starting/test_views.py",
    "flows/starting/new_flow": "flows/starting/test_views.py",
    "flows/starting/template_flows": "acceptance/test_starting.py",
    "flows/starting/templates": "acceptance/test_starting.py",
    "flows/transfer/forms": "flows/transfer/test_files.py",
    "flows/transfer/choosing": "flows/transfer/test_operations.py",
    "flows/urls": "acceptance/test_pages_accessible.py",
    "flows/values/content_blocks": "flows/nodes/test_return_content.py",
    "mcp_bridge/api/keys": "mcp_bridge/pages/test_keys.py",
    "mcp_bridge/keys/forms": "mcp_bridge/pages/test_keys.py",
    "mcp_bridge/api/tool": "mcp_bridge/pages/test_tool_tab.py",
    "mcp_bridge/calls/asking": "acceptance/test_asking.py",
    "mcp_bridge/calls/meter": "acceptance/test_reports.py",
    "mcp_bridge/calls/own_tools": "acceptance/test_agent_tools.py",
    "mcp_bridge/calls/prompts": "acceptance/test_prompts_resources.py",
    "mcp_bridge/calls/reports": "acceptance/test_reports.py",
    "mcp_bridge/calls/resources": "acceptance/test_prompts_resources.py",
    "mcp_bridge/calls/results": "acceptance/test_output_schema.py",
    "mcp_bridge/calls/tools": "acceptance/test_mcp.py",
    "mcp_bridge/calls/ui_resources": "acceptance/test_rich_results.py",
    "mcp_bridge/catalogue": "acceptance/test_live_catalogue.py",
    "mcp_bridge/gateway": "abuse/test_malformed.py",
    "mcp_bridge/oauth": "abuse/test_oauth.py",
    "mcp_bridge/models": "mcp_bridge/keys/test_principals.py",
    "mcp_bridge/servers": "acceptance/test_live_catalogue.py",
    "mcp_bridge/stdio": "acceptance/test_stdio.py",
    "mcp_bridge/upstream/drift": "mcp_bridge/upstream/test_client.py",
    "mcp_bridge/wire/headers": "abuse/test_malformed.py",
}
"""Where in tests/ a module, or each module of a room that has no file of its own, is tested."""


def test_each_large_module_has_a_test_file_or_is_said_to_be_tested_elsewhere() -> None:
    tests = ROOT / "tests"
    homeless, needed = [], set()
    for source in [
        path for app in ("flowhub", "mcp_bridge", "executions", "flows") for path in (ROOT / app).rglob("*.py")
    ]:
        if "migrations" in source.parts or len(source.read_text().splitlines()) <= LARGE:
            continue
        module = (source.parent if source.stem == "__init__" else source.with_suffix("")).relative_to(ROOT)
        # The test of a small room as a whole, as flows/review/test_lint.py, is one of each of its modules.
        own = [
            test for place in (module, module.parent) for test in files_of(tests / place.parent, place.name.rstrip("_"))
        ]
        said = {str(place) for place in (module, module.parent)} & ELSEWHERE.keys()
        needed |= said if not own else set()
        if not own and not said:
            homeless.append(str(module))
    assert homeless == [], "give these a test file of their name, or say in ELSEWHERE where they are tested"
    assert needed == ELSEWHERE.keys(), "these have a test file of their name, or are gone"
    assert [place for place in ELSEWHERE.values() if not (tests / place).exists()] == []


def files_of(folder: Path, name: str) -> list[Path]:
    """The test files of a name, that in a browser among them."""
    return [path for path in (folder / f"test_{name}.py", folder / f"test_{name}_browser.py") if path.exists()]
