"""The record of every call of a flow. Rows are written by `executions.ledger` alone."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Self

from django.conf import settings
from django.db import connection, models
from django.urls import reverse

from executions.record.entries import Failure, NodeEntry, entries_of, failure_of
from executions.record.exchange import message_of
from executions.record.moments import EPOCH, new_id
from executions.record.node_executions import MAX_CHILDREN
from executions.record.payload_column import PayloadField
from executions.record.status import Status
from flows.models import Flow, FlowVersion, VisibleQuerySet
from flows.values.json_column import JsonTextField
from flows.values.scopes import KeyLimits

HEAVY_FIELDS = ("initial_params", "node_executions", "result", "error_info", "request", "sent")
"""JSON columns that a list never loads."""

NOTE_LENGTH = 2_000
PRINCIPAL_LENGTH = 64


ID_TOLERANCE = timedelta(hours=1)
"""How far the time in an id may be from `started_at`; they are the same since ids are made of it."""


def _lowest_id(moment: datetime) -> uuid.UUID:
    """No id of that moment or later is smaller."""
    return uuid.UUID(int=max((moment - EPOCH) // timedelta(milliseconds=1), 0) << 80)


@cache
def execution_url() -> str:
    """The whole address of an execution's page, with {} for its id; it holds also when the flow is gone.

    Resolving the route on every call would cost more than running a flow.
    """
    sample = uuid.UUID(int=0)
    return settings.PUBLIC_URL + reverse("executions:detail", args=[sample]).replace(str(sample), "{}")


class ExecutionQuerySet(VisibleQuerySet["Execution"]):
    """Executions, seen by the owner of their server, and by its members while their flow is there."""

    server = "flow__server_id"

    def of(self, owner_id: int, shared: Collection[int]) -> models.Q:
        """Those of an owner, and those of the flows in servers that others own."""
        return models.Q(owner_id=owner_id) | models.Q(flow__in=Flow.objects.filter(server__in=shared).values("pk"))

    def within(self, limits: KeyLimits) -> Self:
        """Those of the flows that a key of these limits may see; of a deleted flow nothing says whether it may."""
        return self.filter(flow__in=Flow.objects.within(limits).values("pk"))

    def of_flow(self, flow: Any, user: Any) -> Self:
        """The executions of one flow, for who may see the flow: its history goes along when a server changes hands."""
        return self.filter(flow=flow) if flow.server.role_of(user) else self.none()

    def in_status(self, status: Status) -> Self:
        """The executions of one status. Written out, because a bound parameter keeps SQLite off the partial indexes."""
        table = connection.ops.quote_name(self.model._meta.db_table)
        rows: Self = self.all()
        rows.query.add_extra({}, {}, [f"{table}.status = '{Status(status).value}'"], [], [], [])
        return rows

    def of_principal(self, principal_id: str) -> Self:
        """The executions that one API key started, and those which their nodes started."""
        return self.filter(principal_id=principal_id)

    def for_list(self) -> Self:
        """Rows without their heavy JSON columns."""
        return self.defer(*HEAVY_FIELDS)

    def with_version_number(self) -> Self:
        """With their versions, of which the number alone is read; by a query of its own, which changes no plan."""
        return self.prefetch_related(models.Prefetch("flow_version", FlowVersion.objects.only("number")))

    def of_drafts(self) -> Self:
        """What ran a draft. A refused call has no version either, but nobody but a person calls a draft."""
        return self.filter(flow_version=None, source__in=TRIALS)

    def newest_first(self) -> Self:
        """By start, newest first: ids sort as the starts do."""
        return self.order_by("-id")

    def started(self, since: datetime | None = None, before: datetime | None = None) -> Self:
        """Those that started at or after `since` and before `before`: a range of ids, which the lists' indexes hold."""
        rows: Self = self.all()
        if since is not None:
            rows = rows.filter(started_at__gte=since, pk__gte=_lowest_id(since - ID_TOLERANCE))
        if before is not None:
            rows = rows.filter(started_at__lt=before, pk__lt=_lowest_id(before + ID_TOLERANCE))
        return rows


class Execution(models.Model):
    """One call of a flow: parameters, what each node did, the result or the error, and who called."""

    class Source(models.TextChoices):
        """Through which door the call came."""

        MCP = "mcp", "Client"
        TEST = "test", "Test"
        REPLAY = "replay", "Replay"
        API = "api", "REST"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow = models.ForeignKey(
        "flows.Flow", null=True, on_delete=models.SET_NULL, related_name="executions", db_index=False
    )
    flow_version = models.ForeignKey(
        "flows.FlowVersion", null=True, on_delete=models.SET_NULL, related_name="executions", db_index=False
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    flow_name = models.CharField(max_length=200)
    flow_tool_name = models.CharField(max_length=128)
    server_slug = models.CharField(max_length=63, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True, help_text="Milliseconds, from the monotonic clock.")
    initial_params = PayloadField(default=dict)
    params_preview = models.CharField(max_length=200, blank=True)
    node_executions = PayloadField(default=list)
    result = PayloadField(null=True)
    request = PayloadField(null=True, help_text="A client's message without its arguments, which are initial_params.")
    sent = PayloadField(null=True, help_text="What the message that a client got has beside the result.")
    error_info = PayloadField(null=True)
    error_kind = models.CharField(max_length=20, blank=True)
    failed_node_name = models.CharField(max_length=200, blank=True)
    error_preview = models.CharField(max_length=200, blank=True)
    caller = PayloadField(default=dict)
    caller_name = models.CharField(max_length=200, blank=True)
    principal_id = models.CharField(  # noqa: DJ001 (NULL keeps it out of its index)
        max_length=PRINCIPAL_LENGTH, null=True, editable=False, help_text="The key that called, as `key:12`."
    )
    source = models.CharField(max_length=10, choices=Source, default=Source.MCP)
    draft_digest = models.CharField(  # noqa: DJ001 (NULL keeps it out of its index)
        max_length=64, null=True, editable=False, help_text="The draft that ran; see KeptDraft."
    )
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children", db_index=False)
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replays", db_index=False)
    runner_id = models.UUIDField(null=True, editable=False, help_text="The process that runs it; see Runner.")
    deadline_at = models.DateTimeField(null=True, help_text="Nothing stays pending long after this moment.")
    note = models.CharField(max_length=NOTE_LENGTH, blank=True, help_text="What people wrote about it.")
    is_pinned = models.BooleanField(default=False, help_text="Pruning leaves it alone.")
    updated_at = models.DateTimeField()

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        indexes = [
            # Indexes are the greater part of what writing an execution costs. The list of all is read by the key.
            models.Index(fields=["flow", "id"], name="execution_of_flow"),
            models.Index(fields=["owner", "id"], name="execution_of_owner"),
            # Few rows match the conditions below, so they cost next to nothing when an execution is written.
            models.Index(fields=["id"], name="execution_pending", condition=models.Q(status="pending")),
            models.Index(fields=["id"], name="execution_errors", condition=models.Q(status="error")),
            models.Index(fields=["flow", "id"], name="execution_errors_of_flow", condition=models.Q(status="error")),
            models.Index(fields=["parent"], name="execution_children", condition=models.Q(parent__isnull=False)),
            models.Index(fields=["replay_of"], name="execution_replays", condition=models.Q(replay_of__isnull=False)),
            models.Index(
                fields=["draft_digest"], name="execution_drafts", condition=models.Q(draft_digest__isnull=False)
            ),
            models.Index(
                fields=["principal_id", "id"],
                name="execution_of_principal",
                condition=models.Q(principal_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow_tool_name} {self.id}"

    def get_absolute_url(self) -> str:
        """The execution's page: inside its flow's Usage tab while the flow exists."""
        if self.flow_id is None:
            return reverse("executions:detail", args=[self.pk])
        return reverse("executions:usage-detail", args=[self.flow_id, self.pk])

    @property
    def entries(self) -> list[NodeEntry]:
        """Its nodes in execution order, read from `node_executions` each time that they are asked for."""
        return entries_of(self.node_executions)

    @property
    def open_entries(self) -> list[NodeEntry]:
        """Those of the nodes that were under way, or waited, when the record was last written."""
        return [entry for entry in self.entries if entry.is_open]

    @property
    def received(self) -> Any:
        """The message that the client got, as far as the record holds it; the result where no client called."""
        return message_of(self.result, self.sent)

    @property
    def requested(self) -> Any:
        """The client's message, as far as the record holds it; of other calls, the one that a client would send.

        Of a resource's URI the template alone is kept, and its variables are parameters.
        """
        stored = self.request if isinstance(self.request, dict) else {}
        method, _, name = str(self.caller.get("request") or "tools/call").partition(" ")
        params = stored.get("params")
        if method != "resources/read":
            name, sent = name or self.flow_tool_name, params if isinstance(params, dict) else {}
            params = {"name": name, "arguments": self.initial_params, **sent}
        elif not isinstance(params, dict):
            params = {"uri": name}
        return {"jsonrpc": "2.0", "id": 1, "method": method, **stored, "params": params}

    @property
    def is_of_unknown_tool(self) -> bool:
        """Whether a client asked for a tool that the server did not have."""
        return self.flow_id is None and self.error_kind == "rejected" and self.flow_version_id is None

    @property
    def failure(self) -> Failure | None:
        """Why it failed, read from `error_info`; None when it did not."""
        return failure_of(self.error_info)

    @property
    def kept_draft(self) -> "KeptDraft | None":
        """The draft that ran; None for a version, and for executions from before drafts were kept."""
        return KeptDraft.objects.filter(pk=self.draft_digest).first() if self.draft_digest else None

    def children_for(self, user: Any) -> ExecutionQuerySet:
        """The first MAX_CHILDREN executions that this one's nodes started and that `user` may see, oldest first."""
        children = Execution.objects.visible_to(user).filter(parent=self.pk)
        return children.for_list().with_version_number().order_by("id")[:MAX_CHILDREN]


class KeptDraft(models.Model):
    """The definition of a draft that ran, for all executions that it made: they name it by `draft_digest`.

    That is no foreign key, so that whoever deletes executions need not look here; pruning removes what none names.
    """

    digest = models.CharField(primary_key=True, max_length=64, help_text="SHA-256 of the definition.")
    definition = JsonTextField()
    kept_at = models.DateTimeField(help_text="When it ran last.")

    def __str__(self) -> str:
        return self.digest[:12]


TRIALS = frozenset({Execution.Source.TEST.value, Execution.Source.REPLAY.value, Execution.Source.API.value})
"""Sources of calls with which people try something out: they count apart from the calls of clients."""


class Runner(models.Model):
    """A process that runs executions; without a heartbeat for a while, or once its process is gone, it is dead."""

    id = models.UUIDField(primary_key=True, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    place = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="Boot of the machine and namespace, within which the pid means one process.",
    )
    process_started = models.CharField(max_length=40, blank=True, help_text="Tells it from a later one of that pid.")
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class Suspension(models.Model):
    """A pending execution that waits for an answer; written by `executions.ledger.suspensions` alone.

    The key is that of the execution and no foreign key, so that the ledger may delete executions without a look here:
    what is left behind is found when it expires.
    """

    execution_id = models.UUIDField(primary_key=True, editable=False)
    step = models.PositiveIntegerField(help_text="How often the execution had waited before.")
    nonce_hash = models.CharField(max_length=64, help_text="SHA-256 of the secret that an answer has to bring.")
    answers_from = models.CharField(max_length=100, blank=True, help_text="Who may answer; empty for anybody.")
    asked_at = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Of a stranger: a keyed hash of the address."
    )
    state = models.TextField(
        help_text="What it takes to go on: compressed, then encrypted for this execution and step."
    )
    suspended_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        # How many wait for one caller is asked before another one may.
        indexes = [models.Index(fields=["answers_from", "expires_at"], name="suspension_of_caller")]

    def __str__(self) -> str:
        return f"{self.execution_id}, step {self.step}"


class ExecutionCount(models.Model):
    """How many executions a flow and owner have in one status: one row an hour, and one for all hours together.

    Tests and replays have rows of their own. Kept by the ledger in the transaction that writes the executions, so that
    pages need not count a million rows. The keys are no foreign keys: a count outlives its flow as its executions do.
    `flow_key` and `owner_key` are 0 for none.
    """

    ALL_HOURS = -1

    flow_key = models.BigIntegerField()
    owner_key = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status)
    hour = models.IntegerField(help_text="Hours since 1970-01-01 UTC in which they started; -1 for all together.")
    is_trial = models.BooleanField(default=False, help_text="Tests and replays; else the calls of clients.")
    number = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["flow_key", "hour", "status", "owner_key", "is_trial"], name="execution_count_unique"
            )
        ]
        indexes = [models.Index(fields=["hour", "owner_key", "status"], name="execution_count_by_owner")]

    def __str__(self) -> str:
        return f"{self.number} {self.status}"


class Handover(models.Model):
    """A server changed hands, and executions are still those of its former owner; see `executions.ledger.owners`.

    The keys are no foreign keys: whoever was deleted meanwhile owns nothing more.
    """

    server_key = models.BigIntegerField()
    former_key = models.BigIntegerField(help_text="The former owner; 0 for none.")
    slug = models.CharField(max_length=63)
    at = models.DateTimeField()
    after = models.UUIDField(null=True, help_text="Those up to this id have their new owner.")
    is_last = models.BooleanField(default=False, help_text="All that were pending have ended: one more look.")

    def __str__(self) -> str:
        return f"{self.slug} from {self.former_key}"


class RefusedCalls(models.Model):
    """How many calls a limit refused in one minute: they leave no execution. Written by `executions.admission`.

    The keys are no foreign keys, as those of ExecutionCount; they are 0 for a tool that no flow has.
    """

    minute = models.IntegerField(help_text="Minutes since 1970-01-01 UTC.")
    principal_id = models.CharField(
        max_length=PRINCIPAL_LENGTH, help_text="Whose calls: `key:12`, `user:3`, or `anonymous` for all strangers."
    )
    flow_key = models.BigIntegerField()
    server_key = models.BigIntegerField()
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["minute", "principal_id", "flow_key", "server_key"], name="refused_calls_unique"
            )
        ]
        indexes = [models.Index(fields=["flow_key", "minute"], name="refused_calls_of_flow")]

    def __str__(self) -> str:
        return f"{self.number} of {self.principal_id}"


class KeptAnswer(models.Model):
    """The whole answer of an execution whose client may come back for it, encrypted and for a while.

    Written in the transaction that ends the execution. The key is no foreign key: it is the record that is kept for
    ever, not the answer.
    """

    execution_id = models.UUIDField(primary_key=True)
    size = models.PositiveIntegerField(help_text="Characters of the encrypted answer.")
    expires_at = models.DateTimeField()
    encrypted = models.TextField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["expires_at", "size"], name="kept_answer_expiry")]

    def __str__(self) -> str:
        return str(self.execution_id)


class CallKey(models.Model):
    """An idempotency key that a caller gave: whoever sends it again is given the answer of the same execution.

    Written in the transaction that stores the execution, so neither is there without the other, and the primary key
    decides between two callers. Neither the key nor the arguments can be read from it.
    """

    scope = models.CharField(primary_key=True, max_length=64, help_text="Hash of principal, server and key.")
    request = models.CharField(max_length=64, help_text="Keyed hash of the arguments.")
    tool_name = models.CharField(max_length=128)
    execution_id = models.UUIDField()
    waited_until = models.DateTimeField(null=True, help_text="Somebody in another process waits until then.")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.tool_name} {self.execution_id}"


class CancelRequest(models.Model):
    """Somebody asked to cancel an execution that another process runs; see `executions.running.cancelling`.

    The key is no foreign key, so that the ledger may delete executions without a look here.
    """

    execution_id = models.UUIDField(primary_key=True, editable=False)
    requested_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.execution_id)


class KeyMark(models.Model):
    """What tells whether a process has the keys of this database, and nothing of them; see `executions.upkeep`."""

    name = models.CharField(primary_key=True, max_length=40)
    mark = models.CharField(max_length=64, help_text="Derived from the key in use, for this purpose alone.")

    def __str__(self) -> str:
        return self.name
