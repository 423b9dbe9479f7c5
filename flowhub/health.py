"""`/healthz`: the process answers. `/readyz`: it can take calls."""

import time

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from executions.ledger.writer import ledger
from executions.running.recovery import heart


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 whenever the process answers at all, with the version that answers."""
    return JsonResponse({"alive": True, "version": settings.VERSION})


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, the ledger has room and the runner's heart beats; else 503 that says what not."""
    checks = {"database": _database(), "ledger": not ledger.is_full, "runner": heart.fresh_until > time.monotonic()}
    return JsonResponse({"ready": all(checks.values()), **checks}, status=200 if all(checks.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
