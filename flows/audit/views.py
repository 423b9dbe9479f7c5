"""The page of the audit log."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from flows.audit.filters import AuditFilter
from flows.models import AuditEntry, Server
from flows.values.scopes import Scope

PAGE = 50
"""Entries on a page."""
ACTIONS = (
    *("made", "edited", "published", "restored", "activated", "deactivated", "changed", "changed settings", "deleted"),
    *("added secret", "set secret", "set origins", "removed secret", "rotated", "revoked"),
    *("invited", "revoked invitation", "joined", "changed role", "removed member", "transferred"),
    *("cancelled", "pinned", "unpinned", "wrote note", "removed note"),
)
"""What can be filtered by."""


@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Who changed what, newest first; `?server=`, `?person=`, `?action=`, `?since=` and `?before=` narrow it down."""
    entries = AuditEntry.objects.visible_to(request.user).order_by("-id")
    chosen = AuditFilter(request.GET, entries)
    found = chosen.qs if chosen.is_valid() else entries.none()
    context = {
        "title": "Audit log",
        "form": chosen.form,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "servers": Server.objects.visible_to(request.user, Scope.AUDIT_READ),
        "actions": ACTIONS,
        "asked": {name: request.GET.get(name, "") for name in chosen.filters},
    }
    return render(request, "flows/audit.html", context)
