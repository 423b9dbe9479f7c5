"""Executions for operators: to be looked at, fast also with millions of them."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.models import Execution
from executions.reading.filters import id_range
from executions.record.error_kinds import ERROR_KINDS
from executions.record.status import MEANINGS, Status
from executions.upkeep import space
from flows.admin import ReadOnlyAdmin

COLOURS = {Status.FULFILLED: "#2e7d32", Status.PENDING: "#ef6c00", Status.ERROR: "#c62828"}
COUNTED_ROWS = 10_000
SHOWN_CHARACTERS = 200_000


class CappedPaginator(Paginator):
    """Counts at most COUNTED_ROWS rows, so its cost does not grow with the table; older rows are found by filters."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or the cap."""
        rows: QuerySet[Execution] = self.object_list  # type: ignore[assignment]
        return rows.order_by("-id").values("pk")[:COUNTED_ROWS].count()


class ErrorKindFilter(admin.SimpleListFilter):
    """Error kinds from the code; Django's own filter would read the whole table for the choices."""

    title = "error kind"
    parameter_name = "error_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every kind that there is."""
        return [(kind, kind) for kind in ERROR_KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The executions that ended so."""
        return queryset.filter(error_kind=self.value()) if self.value() else queryset


def _moment(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(" ", "milliseconds")


def indented(value: Any) -> SafeString:
    """JSON for a reader, cut when a browser would choke on it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    rest = len(text) - SHOWN_CHARACTERS
    more = f"\n… and {rest} characters more" if rest > 0 else ""
    return format_html("<pre>{}{}</pre>", text[:SHOWN_CHARACTERS], more)


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    """Executions, newest first; the list shows what rows hold themselves, without joins and JSON columns."""

    list_display = [
        "started",
        "status_circle",
        "flow_tool_name",
        "server_slug",
        "duration",
        "caller_name",
        "source",
        "error_kind",
    ]
    list_filter = ["status", "source", ErrorKindFilter]
    search_fields = ["id", "flow_tool_name"]
    search_help_text = "The start of an id (8 characters or more), or the start of a tool name."
    ordering = ["-id"]
    sortable_by = ["started"]
    list_per_page = 50
    list_max_show_all = 0
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fieldsets = [
        (None, {"fields": ["id", "status_circle", "flow_name", "flow_tool_name", "server_slug", "version", "owner"]}),
        ("When", {"fields": ["started", "ended", "duration"]}),
        ("Who", {"fields": ["source", "caller_name", "caller_json", "parent_id", "replay_of_id", "is_pinned", "note"]}),
        ("What went wrong", {"fields": ["error_kind", "failed_node_name", "error_json"]}),
        ("Data", {"fields": ["params_json", "nodes_json", "result_json"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        """A list never loads the JSON columns; one execution is loaded whole."""
        match = request.resolver_match
        rows = Execution.objects.all()
        if match is not None and match.url_name == "executions_execution_changelist":
            return rows.for_list()
        return rows.select_related("owner", "flow_version").defer("flow_version__definition", "flow_version__contract")

    def get_urls(self) -> list[Any]:
        """The admin's own addresses, and the page about disk space."""
        page = self.admin_site.admin_view(self.space_page)
        return [path("space/", page, name="executions_execution_space"), *super().get_urls()]

    def space_page(self, request: HttpRequest) -> HttpResponse:
        """Rows and bytes of each flow, the ones with the most rows first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shares = space.shares()
        context = self.admin_site.each_context(request) | {
            "title": "Disk space",
            "opts": self.opts,
            "shares": shares,
            "rows": sum(share.rows for share in shares),
            "size": sum(share.size for share in shares),
            "space": space.space(),
            "largest": space.LARGEST,
        }
        return TemplateResponse(request, "admin/executions/execution/space.html", context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet[Execution], bool]:
        """Find by the start of an id or of a tool name."""
        text = search_term.strip()
        if not text:
            return queryset, False
        ids = id_range(text)
        return queryset.filter(Q(pk__range=ids) if ids else Q(flow_tool_name__istartswith=text)), False

    @admin.display(description="Status", ordering="status")
    def status_circle(self, execution: Execution) -> SafeString:
        """A circle in the status's colour, and its word."""
        status = Status(execution.status)
        # A fill attribute, because the content security policy allows no inline style.
        circle = (
            '<svg width="10" height="10" role="img" aria-label="{}"><title>{}</title>'
            '<circle cx="5" cy="5" r="5" fill="{}"/></svg> {}'
        )
        return format_html(circle, MEANINGS[status], MEANINGS[status], COLOURS[status], status.label)

    @admin.display(description="Started", ordering="id")
    def started(self, execution: Execution) -> str:
        """To the millisecond, in the zone of the installation."""
        return _moment(execution.started_at)

    @admin.display(description="Ended")
    def ended(self, execution: Execution) -> str | None:
        """To the millisecond; nothing while pending."""
        return None if execution.ended_at is None else _moment(execution.ended_at)

    @admin.display(description="Duration", ordering="duration_ms")
    def duration(self, execution: Execution) -> str | None:
        """Milliseconds; nothing while pending."""
        return None if execution.duration_ms is None else f"{execution.duration_ms:,.0f} ms"

    @admin.display(description="Version")
    def version(self, execution: Execution) -> str | None:
        """The version that ran; nothing for a draft."""
        return None if execution.flow_version is None else str(execution.flow_version)

    @admin.display(description="Caller")
    def caller_json(self, execution: Execution) -> SafeString:
        """What is known of the caller."""
        return indented(execution.caller)

    @admin.display(description="Error")
    def error_json(self, execution: Execution) -> SafeString:
        """What went wrong."""
        return indented(execution.error_info)

    @admin.display(description="Initial parameters")
    def params_json(self, execution: Execution) -> SafeString:
        """What the client sent."""
        return indented(execution.initial_params)

    @admin.display(description="Nodes")
    def nodes_json(self, execution: Execution) -> SafeString:
        """What each node received and produced."""
        return indented(execution.node_executions)

    @admin.display(description="Result")
    def result_json(self, execution: Execution) -> SafeString:
        """What was sent to the client."""
        return indented(execution.result)
