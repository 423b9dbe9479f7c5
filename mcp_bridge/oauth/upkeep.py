"""What nobody needs any more: clients that never came back, tokens and codes that have expired."""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken, clear_expired

from mcp_bridge.models import ConnectedClient

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400
UNUSED_FOR = timedelta(days=1)
"""How long a client that registered itself may stay without anybody who lets it in."""

_lock = threading.Lock()
_next = 0.0


def once_a_day() -> None:
    """Clean up, unless this process has done it today. Called where new clients and tokens come from."""
    global _next
    if time.monotonic() < _next or not _lock.acquire(blocking=False):
        return
    try:
        _next = time.monotonic() + DAY_SECONDS
        clean_up()
    except DatabaseError as error:
        logger.warning("expired tokens and unused clients were not cleaned up: %s", error)
    finally:
        _lock.release()


def clean_up() -> int:
    """Delete what has expired, and clients without a connection; returns how many clients went."""
    clear_expired()
    own: tuple[str, ...] = (Application.RegistrationSource.DCR, Application.RegistrationSource.CIMD)
    idle = Application.objects.filter(registration_source__in=own, created__lt=timezone.now() - UNUSED_FOR)
    holders: tuple[Any, ...] = (ConnectedClient, Grant, AccessToken, RefreshToken)
    for model in holders:
        idle = idle.exclude(Exists(model.objects.filter(application=OuterRef("pk"))))
    with transaction.atomic():
        _, deleted = idle.delete()
    number: int = deleted.get(Application._meta.label, 0)
    if number:
        logger.info("deleted %d clients that had registered and were let in by nobody", number)
    return number
