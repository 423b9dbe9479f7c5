"""Every page that FlowHub has, as a person meets it: what the accessibility check and the screenshots go through."""

from dataclasses import dataclass

from tests.world import ADA, GRACE

ADMIN = "admin"
NOBODY = ""


@dataclass(frozen=True)
class Look:
    """A page in one of its states; `path` as in World.address."""

    name: str
    path: str
    person: str = ADMIN
    status: int = 200


LOOKS = (
    Look("login", "/login/", NOBODY),
    Look("dashboard", "/"),
    Look("dashboard-empty", "/", ADA),
    Look("flows", "/flows/"),
    Look("flows-empty", "/flows/", ADA),
    Look("flows-filtered-to-nothing", "/flows/?search=nowhere"),
    Look("flow-new", "/flows/new/"),
    Look("flow-new-without-server", "/flows/new/", ADA),
    Look("flow-delete", "/flows/{greet}/delete/"),
    Look("build", "/flows/{lookup_order}/build/"),
    Look("build-draft", "/flows/{summarise_ticket}/build/"),
    Look("build-breaking", "/flows/{convert_currency}/build/"),
    Look("test", "/flows/{greet}/test/"),
    Look("test-as-json", "/flows/{slow_report}/test/?as=json"),
    Look("test-with-cases", "/flows/{lookup_order}/test/"),
    Look("inputs", "/flows/{lookup_order}/nodes/found/inputs/"),
    Look("node-types", "/node-types/"),
    Look("node-types-filtered-to-nothing", "/node-types/?search=nowhere"),
    Look("node-type", "/node-types/http_request/"),
    Look("usage", "/flows/{lookup_order}/usage/"),
    Look("usage-last-page", "/flows/{lookup_order}/usage/?page=500"),
    Look("usage-never-called", "/flows/{convert_currency}/usage/"),
    Look("usage-filtered-to-nothing", "/flows/{lookup_order}/usage/?search=nowhere"),
    Look("usage-wrong-filter", "/flows/{lookup_order}/usage/?status=done"),
    Look("usage-with-filters", "/flows/{lookup_order}/usage/?startedAfter=2026-01-01T00:00&errorKind=node_failed"),
    Look("usage-fulfilled", "/flows/{lookup_order}/usage/{fulfilled}/"),
    Look("usage-error", "/flows/{lookup_order}/usage/{error}/"),
    Look("usage-error-graph", "/flows/{lookup_order}/usage/{error}/?view=graph"),
    Look("usage-error-parameters", "/flows/{lookup_order}/usage/{error}/?view=parameters"),
    Look("usage-error-exchange", "/flows/{lookup_order}/usage/{error}/?view=exchange"),
    Look("usage-rejected", "/flows/{lookup_order}/usage/{rejected}/"),
    Look("compare", "/flows/{lookup_order}/compare/?left={fulfilled}&right={error}"),
    Look("compare-choose", "/flows/{lookup_order}/compare/?right={error}"),
    Look("replay-edited", "/executions/{fulfilled}/replay/"),
    Look("replay-from-node", "/executions/{fulfilled}/replay/from/?node=found"),
    Look("usage-pending", "/flows/{nightly_import}/usage/{pending}/"),
    Look("usage-parallel", "/flows/{slow_report}/usage/{parallel}/"),
    Look("insights", "/flows/{lookup_order}/insights/"),
    Look("insights-never-called", "/flows/{convert_currency}/insights/"),
    Look("tool", "/flows/{lookup_order}/tool/"),
    Look("tool-breaking", "/flows/{convert_currency}/tool/?era=legacy"),
    Look("tool-not-published", "/flows/{summarise_ticket}/tool/"),
    Look("connect", "/flows/{lookup_order}/connect/"),
    Look("connect-not-published", "/flows/{summarise_ticket}/connect/"),
    Look("versions", "/flows/{lookup_order}/versions/"),
    Look("versions-none", "/flows/{summarise_ticket}/versions/"),
    Look("version", "/flows/{lookup_order}/versions/1/"),
    Look("executions", "/executions/"),
    Look("executions-empty", "/executions/", ADA),
    Look("executions-deleted-flow", "/executions/{deleted}/"),
    Look("executions-deleted-flow-graph", "/executions/{deleted}/?view=graph"),
    Look("executions-drawn-answer", "/executions/{deleted}/?view=exchange"),
    Look("executions-delete", "/executions/{fulfilled}/delete/"),
    Look("servers", "/servers/"),
    Look("servers-empty", "/servers/", ADA),
    Look("server", "/servers/{server}/"),
    Look("server-new", "/servers/new/"),
    Look("secrets", "/servers/{server}/secrets/"),
    Look("secrets-with-a-name", "/servers/{server}/secrets/?name=API_KEY"),
    Look("secret", "/servers/{server}/secrets/{secret_name}/"),
    Look("secret-remove", "/servers/{server}/secrets/{secret_name}/remove/"),
    Look("import", "/servers/{server}/import/"),
    Look("import-made", "/servers/{server}/import/?made={greet},{lookup_order}"),
    Look("keys", "/keys/"),
    Look("keys-empty", "/keys/", ADA),
    Look("zone", "/zone/"),
    Look("not-found", "/flows/999999/usage/", ADMIN, 404),
    Look("not-found-somebody-elses", "/flows/{lookup_order}/usage/", ADA, 404),
    Look("not-allowed", "/admin/flows/flow/", GRACE, 403),
    Look("login-as-another", "/login/?next=/admin/", ADA),
    Look("admin", "/admin/"),
    Look("admin-app", "/admin/flows/"),
    Look("admin-password", "/admin/password_change/"),
    Look("admin-password-done", "/admin/password_change/done/"),
    Look("admin-groups", "/admin/auth/group/"),
    Look("admin-group-new", "/admin/auth/group/add/"),
    Look("admin-group", "/admin/auth/group/{group}/change/"),
    Look("admin-users", "/admin/auth/user/"),
    Look("admin-user-new", "/admin/auth/user/add/"),
    Look("admin-user", "/admin/auth/user/{user}/change/"),
    Look("admin-user-history", "/admin/auth/user/{user}/history/"),
    Look("admin-user-delete", "/admin/auth/user/{user}/delete/"),
    Look("admin-user-password", "/admin/auth/user/{user}/password/"),
    Look("admin-servers", "/admin/flows/server/"),
    Look("admin-server-new", "/admin/flows/server/add/"),
    Look("admin-server", "/admin/flows/server/{server}/change/"),
    Look("admin-server-delete", "/admin/flows/server/{internal}/delete/"),
    Look("admin-flows", "/admin/flows/flow/"),
    Look("admin-flow-new", "/admin/flows/flow/add/"),
    Look("admin-flow", "/admin/flows/flow/{lookup_order}/change/"),
    Look("admin-flow-delete", "/admin/flows/flow/{summarise_ticket}/delete/"),
    Look("admin-versions", "/admin/flows/flowversion/"),
    Look("admin-version", "/admin/flows/flowversion/{version}/change/"),
    Look("admin-secrets", "/admin/flows/secret/"),
    Look("admin-secret-new", "/admin/flows/secret/add/"),
    Look("admin-secret", "/admin/flows/secret/{secret}/change/"),
    Look("admin-secret-delete", "/admin/flows/secret/{secret}/delete/"),
    Look("admin-executions", "/admin/executions/execution/"),
    Look("admin-execution", "/admin/executions/execution/{error}/change/"),
    Look("admin-space", "/admin/executions/execution/space/"),
    Look("admin-keys", "/admin/mcp_bridge/apikey/"),
    Look("admin-key-new", "/admin/mcp_bridge/apikey/add/"),
    Look("admin-key", "/admin/mcp_bridge/apikey/{key}/change/"),
    Look("admin-key-delete", "/admin/mcp_bridge/apikey/{key}/delete/"),
)

NO_PAGE = {
    "healthz": "JSON for a supervisor",
    "readyz": "JSON for a supervisor",
    "logout/": "POST only, leads to the login page",
    "flows/<int:flow_id>/": "leads to the Usage tab",
    "flows/<int:flow_id>/publish/": "POST only, leads back to the Build tab",
    "flows/<int:flow_id>/duplicate/": "POST only, leads to the new flow",
    "flows/<int:flow_id>/toggle/": "POST only, leads back",
    "flows/<int:flow_id>/export/": "a file",
    "servers/<int:server_id>/export/": "a file",
    "servers/<int:server_id>/import/operations/": "POST only, shows the preview",
    "servers/<int:server_id>/import/apply/": "POST only, leads back to the import",
    "executions/<uuid:execution_id>/cancel/": "POST only, leads back to the execution",
    "executions/<uuid:execution_id>/note/": "POST only, leads back to the execution",
    "executions/<uuid:execution_id>/call/<slug:form>/": "text to copy",
    "flows/<int:flow_id>/test/cases/": "POST only, leads back to the Test tab",
    "flows/<int:flow_id>/test/cases/<int:case_id>/delete/": "POST only, leads back to the Test tab",
    "executions/<uuid:execution_id>/pin/": "POST only, leads back to the execution",
    "executions/<uuid:execution_id>/raw/<slug:part>/": "JSON",
    "executions/<uuid:execution_id>/ui/": "a frame of the execution's page",
    "flows/<int:flow_id>/tool/<slug:name>/<slug:era>/": "JSON",
    "keys/<int:key_id>/revoke/": "POST only, leads back to the keys",
    "admin/login/": "leads to the login page",
    "admin/logout/": "POST only, leads to the login page",
    "admin/autocomplete/": "JSON",
    "admin/jsi18n/": "a script",
    "admin/r/<path:content_type_id>/<path:object_id>/": "leads to a record's page",
    "admin/(?P<url>.*)$": "what is not found in the admin",
}
"""Addresses that show no page, and why."""

NOT_OURS = {
    "api/": "REST; the browsable page and the documentation are markup of their packages",
    "demo/": "the demo's order service, JSON",
}
"""What addresses begin with that show no page of ours, and why."""

ONCE = ("_add", "_change", "_delete", "_history")
"""Pages of the admin that are made from one template for every model: for these, one look each is enough."""
