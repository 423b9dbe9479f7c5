"""Pages of numbers: the dashboard over all flows, and the Insights tab of one."""

from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from executions.models import Execution
from executions.pages.first_steps import HIDDEN
from executions.reading.first_steps import first_steps_of
from executions.reading.history import History
from executions.reading.insights import insights_of, overview_of
from executions.reading.periods import Period, span_of
from executions.reading.statistics import calls_of
from executions.record.status import Status
from flows.models import Flow, Server

FAILURES = 8
FAILURE_DAYS = 7


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Every flow with its calls in `?period=`, all of them together, the newest failures, the addresses for clients."""
    period = Period.of(request.GET.get("period"))
    newest = Execution.objects.filter(flow=OuterRef("pk")).newest_first().values("started_at")[:1]
    flows = Flow.objects.visible_to(request.user).for_list()
    rows = list(flows.annotate(last_call=Subquery(newest)))
    calls = calls_of([flow.pk for flow in rows], span_of(period))
    history = History.visible_to(request.user)
    since = timezone.now() - timedelta(days=FAILURE_DAYS)
    context: dict[str, Any] = {
        "title": "Dashboard",
        "steps": None if request.session.get(HIDDEN) else first_steps_of(request.user),
        "rows": [(flow, calls[flow.pk]) for flow in rows],
        "overview": overview_of(history, period),
        "period": period,
        "periods": list(Period),
        "failures": [row for row in history.in_status(Status.ERROR).rows(0, FAILURES) if row.started_at >= since],
        "failure_days": FAILURE_DAYS,
        "servers": Server.objects.visible_to(request.user),
    }
    return render(request, "executions/dashboard.html", context)


@require_GET
def insights(request: HttpRequest, flow_id: int) -> HttpResponse:
    """How often a flow was called in `?period=`, how long calls took, what failed where, and who called."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    period = Period.of(request.GET.get("period"))
    history = History.of_flow(flow, request.user)
    context: dict[str, Any] = {
        "flow": flow,
        "tab": "insights",
        "period": period,
        "periods": list(Period),
        "insights": insights_of(history, period),
        "ever": history.totals()["all"],
    }
    return render(request, "executions/insights.html", context)
