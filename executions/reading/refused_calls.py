"""How many calls were refused by a limit: they left no execution, but a number."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q, Sum
from django.utils import timezone

from executions.admission.allowances import ANONYMOUS
from executions.admission.refusals import minute_of
from executions.models import RefusedCalls

DAY = timedelta(days=1)
"""How far back the pages look; the numbers are kept for a week."""


class Refused(NamedTuple):
    """Calls that a limit refused, of strangers and of those with a key or a login."""

    strangers: int = 0
    others: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.strangers + self.others


def refused_of_flow(flow_id: int, since: datetime | None = None) -> Refused:
    """Those of a flow's tool, prompt or resource, since a moment or in the last day."""
    return _refused(Q(flow_key=flow_id), since)


def refused_of_server(server_id: int) -> Refused:
    """Those at a server in the last day, also of tools that it does not have."""
    return _refused(Q(server_key=server_id))


def refused_by_principal(principal_ids: Collection[str]) -> dict[str, int]:
    """Those of the last day by who called; who had none is left out."""
    return _by_principal(Q(principal_id__in=principal_ids))


def _refused(which: Q, since: datetime | None = None) -> Refused:
    numbers = _by_principal(which, since)
    strangers = numbers.pop(ANONYMOUS, 0)
    return Refused(strangers, sum(numbers.values()))


def _by_principal(which: Q, since: datetime | None = None) -> dict[str, int]:
    rows = RefusedCalls.objects.filter(which, minute__gte=minute_of(since or timezone.now() - DAY))
    return dict(rows.values("principal_id").annotate(total=Sum("number")).values_list("principal_id", "total"))
