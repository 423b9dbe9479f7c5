"""What a flow is: servers, flows and their published versions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from flows.access.roles import Role, grants, why_not
from flows.engine import names
from flows.values.json_column import JsonTextField
from flows.values.reserved_names import not_reserved
from flows.values.scopes import KeyLimits, Scope
from flows.values.uri_templates import is_template, variables_of

SLUG = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", "Use lower-case letters, digits and inner hyphens.")
SECRET_NAME = RegexValidator(
    rf"^{names.UPPER_CASE}\Z", "Use capital letters, digits and underscores, a letter first: API_KEY."
)
MAX_SECRET = 16_384
"""Characters of a secret's value: room for a key with its chain of certificates."""
PROMPT_NAME = RegexValidator(
    r"^[A-Za-z0-9_.-]{1,64}\Z", "Use letters, digits, dots, hyphens and underscores, at most 64 of them."
)
MAX_CALLS = 1_000_000
"""The highest limit of calls that somebody may set, a minute and at once."""
CALLS = [MinValueValidator(1), MaxValueValidator(MAX_CALLS)]
MAX_NOTE = 2000
"""Characters of the note on a published version."""
MAX_ANSWER_SECONDS = 3600
"""The longest time after which a flow's client may be told that the execution goes on."""
TOOL_NAME = RegexValidator(rf"^{names.SNAKE_CASE}$", "Use snake_case: a letter, then letters, digits and underscores.")


Row = TypeVar("Row", bound=models.Model)


def roles_of(user: Any) -> Mapping[int, str]:
    """The roles of a person in servers that others own, by the server's id; asked for once in a request."""
    if not hasattr(user, "roles"):
        user.roles = dict(Membership.objects.filter(user=user.pk).values_list("server", "role"))
    roles: Mapping[int, str] = user.roles
    return roles


def servers_shared_with(user: Any, acting: Scope | None = None) -> list[int]:
    """The servers that others own and in which the role of a person has a scope, or any at all."""
    return [server_id for server_id, role in roles_of(user).items() if grants(role, acting)]


class VisibleQuerySet(models.QuerySet[Row]):
    """Rows of a server, and who may see them: its owner and its members.

    `owner` is the look-up of the owner's id; `server` and `tool` are those of the server's id and the tool name that
    a key may be limited to, empty where rows have none.
    """

    owner: ClassVar[str] = "owner_id"
    server: ClassVar[str] = "server_id"
    tool: ClassVar[str] = ""

    def visible_to(self, user: Any, acting: Scope | None = None) -> Self:
        """The rows that `user` may see: all for a superuser, else those of servers that are the own ones or shared; by
        a limited key, those within it.

        While a request acts on things (`user.acting`), and with `acting`, of shared servers those alone in which the
        role of `user` has that scope.
        """
        limits: KeyLimits | None = getattr(user, "key_limits", None)
        if user.is_superuser:
            rows: Self = self.all()
        elif user.pk:
            shared = servers_shared_with(user, acting or getattr(user, "acting", None)) if self.server else ()
            rows = self.filter(self.of(user.pk, shared) if shared else models.Q(**{self.owner: user.pk}))
        else:
            rows = self.none()
        return rows if limits is None else rows.within(limits)

    def of(self, owner_id: int, shared: Collection[int]) -> models.Q:
        """The rows of an owner, and those of servers that others own."""
        return models.Q(**{self.owner: owner_id}) | models.Q(**{f"{self.server}__in": shared})

    def within(self, limits: KeyLimits) -> Self:
        """The rows that a key of these limits may see."""
        chosen = ((self.server, limits.server_ids), (self.tool, limits.tools))
        return self.filter(**{f"{name}__in": among for name, among in chosen if name and among is not None})

    def visible_or_404(self, user: Any, **named: Any) -> Row:
        """The one row of these values, which may come from an address; raises Http404 when there is none.

        A row that `user` may not see is answered like one that is not there. Raises PermissionDenied, with a sentence
        for a person, for one that `user` sees in a role which may not do what the request does.
        """
        try:
            return get_object_or_404(self.visible_to(user), **named)
        except (TypeError, ValueError, ValidationError):
            raise Http404 from None  # a text where the column wants a number
        except Http404:
            self.refuse_role(user, **named)
            raise

    def refuse_role(self, user: Any, **named: Any) -> None:
        """Raise PermissionDenied when `user` sees the row of these values, and is not let do what the request does."""
        acting: Scope | None = getattr(user, "acting", None)
        if acting is None or not self.server or user.is_superuser:
            return
        user.acting = None
        try:
            server_id = self.visible_to(user).filter(**named).values_list(self.server, flat=True).first()
        except (TypeError, ValueError, ValidationError):
            return  # a text where the column wants a number
        finally:
            user.acting = acting
        if server_id is not None and (role := roles_of(user).get(server_id)) is not None:
            raise PermissionDenied(why_not(role, acting))


class Revised(models.Model):
    """A row that more than one person edits; once it is stored, it is written by `flows.revisions.writes`."""

    revision = models.PositiveIntegerField(
        default=1, db_default=1, editable=False, help_text="Counts its writes, from 1."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class ServerQuerySet(VisibleQuerySet["Server"]):
    """Servers, seen by their owner."""

    server = "pk"


class Server(Revised):
    """An MCP server that FlowHub publishes at `/mcp/<slug>`: a named group of flows."""

    class Access(models.TextChoices):
        """Who may call the server's tools."""

        KEY = "key", "With an API key"
        PUBLIC = "public", "Anybody"

    slug = models.CharField(max_length=63, unique=True, validators=[SLUG], help_text="Its address: /mcp/<slug>")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, help_text="Sent to clients as the server's instructions.")
    access = models.CharField(max_length=10, choices=Access, default=Access.KEY)
    is_published = models.BooleanField(
        default=True, help_text="Off: no client gets in, as if there were no server at its address."
    )
    agent_tools = models.BooleanField(
        default=False,
        help_text="Clients can look at the executions of their own API key: what each node was given and gave.",
    )
    links_failures = models.BooleanField(
        default=True,
        db_default=True,
        help_text="A failure ends with the address of its execution, so that a chat shows where to look.",
    )
    calls_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=CALLS,
        help_text="Of all its callers together. Empty: as many as come.",
    )
    calls_at_once = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=CALLS,
        help_text="Of all its callers together, in each process. Empty: as many as come.",
    )
    stranger_calls_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=CALLS,
        help_text="From one address without an API key. Empty: what this FlowHub allows.",
    )
    stranger_calls_at_once = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=CALLS,
        help_text="From one address without an API key, in each process. Empty: what this FlowHub allows.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="servers"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = ServerQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def role_of(self, user: Any) -> str | None:
        """What a person is to the server; None for a stranger. A superuser is as good as its owner."""
        if user.is_superuser or (user.pk and self.owner_id == user.pk):
            return Role.OWNER
        return roles_of(user).get(self.pk) if user.pk else None

    def require(self, user: Any, scope: Scope) -> None:
        """Raise PermissionDenied, with a sentence for a person, for a member whose role lacks a scope."""
        role = self.role_of(user)
        if not grants(role, scope):
            raise PermissionDenied(why_not(str(role), scope))

    def touch(self) -> None:
        """Say that what the server offers has changed, to every process that compares when it last did."""
        Server.objects.filter(pk=self.pk).update(updated_at=timezone.now())


class Membership(models.Model):
    """A person who may use and see a server that somebody else owns, and what else by its role."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[each for each in Role.choices if each[0] != Role.OWNER])
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["server", "created_at"]
        constraints = [models.UniqueConstraint(fields=["server", "user"], name="member_once_in_server")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.server}"


class FlowQuerySet(VisibleQuerySet["Flow"]):
    """Flows, seen by the owner of their server."""

    owner = "server__owner_id"
    tool = "tool_name"

    def visible_to(self, user: Any, acting: Scope | None = None) -> Self:
        """As for every row; with the server and the published version, which all pages of a flow show."""
        return super().visible_to(user, acting).select_related("server", "published_version")

    def for_list(self) -> Self:
        """Rows without their definitions and contracts."""
        return self.defer("definition", "published_version__definition", "published_version__contract")

    def callable(self) -> Self:
        """The flows that MCP clients can call: active and published."""
        return self.filter(is_active=True, published_version__isnull=False)


def empty_input_schema() -> dict[str, Any]:
    """The input schema of a tool without parameters."""
    return {"type": "object", "properties": {}, "additionalProperties": False}


def empty_definition() -> dict[str, Any]:
    """The smallest definition that is a graph: a trigger alone."""
    trigger = {"id": "trigger", "type": "trigger", "name": "Call", "slug": "trigger", "position": {"x": 0, "y": 0}}
    return {"nodes": [trigger | {"parameters": {}}], "connections": []}


class Flow(Revised):
    """The saved thing a person edits; once published, a tool of its server. An edit never changes what clients call."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=200)
    tool_name = models.CharField(
        max_length=64, validators=[TOOL_NAME, not_reserved], help_text="What clients call; snake_case."
    )
    tool_description = models.TextField(help_text="One or two sentences for the model.")
    when_to_use = models.TextField(blank=True)
    when_not_to_use = models.TextField(blank=True)
    input_schema = JsonTextField(default=empty_input_schema)
    output_schema = JsonTextField(null=True, blank=True)
    annotations = JsonTextField(default=dict, blank=True, help_text="MCP tool annotations, as readOnlyHint.")
    definition = JsonTextField(default=empty_definition)
    is_active = models.BooleanField(default=True)
    timeout_seconds = models.PositiveIntegerField(
        default=300, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    answer_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_ANSWER_SECONDS)],
        help_text="After so long the client is told that the execution goes on, and fetches its end with get_result. "
        "Empty: it waits for the end.",
    )
    origin = JsonTextField(
        null=True,
        editable=False,
        help_text="The operation of an API that it was made of: api, version, address, operation; digests of the "
        "document and of what was made.",
    )
    published_version = models.ForeignKey(
        "FlowVersion", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = FlowQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "tool_name"],
                name="flow_tool_name_unique_in_server",
                violation_error_message="Another flow of this server has that tool name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The flow's page."""
        return reverse("flows:detail", args=[self.pk])


class FlowVersion(models.Model):
    """An immutable published snapshot of a definition and its tool contract; it outlives its flow."""

    flow = models.ForeignKey(Flow, null=True, on_delete=models.SET_NULL, related_name="versions")
    number = models.PositiveIntegerField()
    tool_name = models.CharField(max_length=64, help_text="As in the contract, for queries.")
    definition = JsonTextField()
    contract = JsonTextField(help_text="The tool as clients see it: name, title, description, schemas, annotations.")
    timeout_seconds = models.PositiveIntegerField()
    answer_seconds = models.PositiveIntegerField(null=True)
    note = models.TextField(
        blank=True, default="", db_default="", max_length=MAX_NOTE, help_text="What is new in it, for people."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    taken_along: Sequence[Flow] = ()
    """The flows whose drafts were changed because this version, published just now, has another tool name."""

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["flow", "number"], name="flow_version_number_unique")]

    def __str__(self) -> str:
        return f"v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version; raises TypeError for a second save, because a version never changes."""
        if not self._state.adding:
            raise TypeError("A published version never changes; publish a new one.")
        super().save(*args, **kwargs)


class SecretQuerySet(VisibleQuerySet["Secret"]):
    """Secrets; the owner of their server may see that they exist."""

    owner = "server__owner_id"


class Secret(models.Model):
    """A credential that the flows of a server name as `{{ secrets.NAME }}`; its value goes in and is never shown again.

    Values are written and read through `flows.publishing.versions` alone, which encrypts them.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=64, validators=[SECRET_NAME], help_text="Flows write {{ secrets.NAME }}.")
    encrypted = models.TextField(editable=False)
    origins = models.JSONField(
        default=list,
        blank=True,
        db_default=[],
        help_text="Where it may be sent: https://api.example.com or https://*.example.com. None: wherever a flow's "
        "author sends it.",
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    objects = SecretQuerySet.as_manager()

    class Meta:
        ordering = ["server", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "name"],
                name="secret_name_unique_in_server",
                violation_error_message="This server has a secret of that name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """What the encrypted value is bound to, so that it cannot be read in the place of another secret."""
        return f"{self.server_id}/{self.name}"


class KeptDocumentQuerySet(VisibleQuerySet["KeptDocument"]):
    """Documents under way, seen by who brought them."""


class KeptDocument(models.Model):
    """An OpenAPI document between the pages of an import, for a day; a form field has no room for it.

    Written and read through `flows.transfer.documents` alone.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="+")
    packed = models.BinaryField(help_text="Its text as it came, zlib (RFC 1950).")
    listing = models.BinaryField(null=True, help_text="Its operations as a page lists them: JSON, zlib.")
    choices = JsonTextField(default=dict, help_text="address, credentials, and the keys of the chosen operations.")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now(), db_index=True)

    objects = KeptDocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Document {self.pk}"


class SavedCaseQuerySet(VisibleQuerySet["SavedCase"]):
    """Saved cases, seen by the owner of their flow's server."""

    owner = "flow__server__owner_id"
    server = "flow__server_id"
    tool = "flow__tool_name"


class SavedCase(models.Model):
    """Arguments to call a flow with, and what is expected of the call; `last_*` is how it went the last time.

    Write-only arguments are not stored: `omitted` names them, so that they are asked for. `last_passed` is None while
    the call runs, and when the case was never called.
    """

    MAX_OF_A_FLOW = 100
    """Saved cases of one flow."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=100)
    arguments = JsonTextField(default=dict, blank=True)
    omitted = JsonTextField(default=list, blank=True, help_text="Paths of write-only arguments, which are not stored.")
    expectation = JsonTextField(default=dict, blank=True)
    last_execution_id = models.UUIDField(null=True, blank=True, editable=False)
    last_target = models.CharField(max_length=64, blank=True, editable=False, help_text="The print of what was called.")
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_passed = models.BooleanField(null=True, blank=True, editable=False)
    last_reason = models.TextField(blank=True, editable=False)
    last_differences = JsonTextField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    objects = SavedCaseQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["flow", "name"],
                name="saved_case_name_unique_in_flow",
                violation_error_message="This flow has a case of that name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class OfferQuerySet(VisibleQuerySet[Any]):
    """What servers offer beside tools, seen by the server's owner."""

    owner = "server__owner_id"


class ServerOffer(Revised):
    """What prompts and resources have in common.

    Written through `flows.offers.changes` alone, which checks it and lets clients know.
    """

    kind: ClassVar[str]
    """What it is called in sentences and addresses."""
    key_field: ClassVar[str]
    """The field that clients ask for it by, unique in its server."""

    title = models.CharField(max_length=200, blank=True, help_text="What people see in their client, if it differs.")
    is_active = models.BooleanField(default=True, help_text="Off: clients do not see it.")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = OfferQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def key(self) -> str:
        """What clients ask for it by: the name of a prompt, the URI of a resource."""
        return str(getattr(self, self.key_field))


class Prompt(ServerOffer):
    """A prompt that a server offers: messages with holes for arguments, or a flow that answers with them."""

    kind = "prompt"
    key_field = "name"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="prompts")
    name = models.CharField(max_length=64, validators=[PROMPT_NAME], help_text="What clients ask for.")
    description = models.TextField(max_length=2000, help_text="What the prompt is for, in one or two sentences.")
    arguments = JsonTextField(default=list, blank=True, help_text="name, title, description, required, completions.")
    messages = JsonTextField(default=list, blank=True, help_text="role and content, a block as MCP writes it.")
    flow = models.ForeignKey(
        Flow, models.SET_NULL, null=True, blank=True, related_name="prompts", help_text="What answers instead."
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "name"],
                name="prompt_name_unique_in_server",
                violation_error_message="This server has a prompt of that name.",
            )
        ]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def is_answered(self) -> bool:
        """Whether there is something to answer with; not so when the flow that answered is deleted."""
        return bool(self.flow_id or self.messages)

    @property
    def given(self) -> dict[str, bool]:
        """What a flow that answers is given: the names of the arguments, True for those that are always there."""
        return {argument["name"]: bool(argument.get("required")) for argument in self.arguments}


class Resource(ServerOffer):
    """A resource that a server offers at a URI: a text, bytes as base64, or what a flow answers.

    With variables in its URI it is a resource template, which a flow answers.
    """

    kind = "resource"
    key_field = "uri"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="resources")
    uri = models.CharField("URI", max_length=2000, help_text="orders:summary, or with variables: orders:{order_id}")
    name = models.CharField(max_length=200, help_text="What it is called in lists.")
    description = models.TextField(max_length=2000, blank=True, help_text="What is found there.")
    mime_type = models.CharField("media type", max_length=200, blank=True, help_text="text/markdown, image/png, ...")
    text = models.TextField(blank=True, help_text="What it says.")
    blob = models.TextField(blank=True, help_text="Its bytes as base64, when it is no text.")
    flow = models.ForeignKey(
        Flow, models.SET_NULL, null=True, blank=True, related_name="resources", help_text="What answers instead."
    )
    annotations = JsonTextField(default=dict, blank=True, help_text="Hints for clients: audience, priority.")
    completions = JsonTextField(default=dict, blank=True, help_text="What to propose for each variable.")

    class Meta:
        ordering = ["uri", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "uri"],
                name="resource_uri_unique_in_server",
                violation_error_message="This server has a resource at that URI.",
            )
        ]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def is_answered(self) -> bool:
        """Whether there is something to answer with; not so when the flow that answered is deleted."""
        return bool(self.flow_id or self.text or self.blob)

    @property
    def is_template(self) -> bool:
        """Whether the URI has variables."""
        return is_template(self.uri)

    @property
    def given(self) -> dict[str, bool]:
        """What a flow that answers is given: the variables of the URI, True for those that are always there."""
        variables = variables_of(self.uri) if self.is_template else ()
        return {variable.name: not variable.is_optional for variable in variables}

    @property
    def size(self) -> int:
        """The bytes of what is stored; 0 for what a flow answers."""
        if self.blob:
            return len(self.blob) * 3 // 4 - self.blob[-2:].count("=")
        return len(self.text.encode())


Offer = Prompt | Resource
"""What a server offers beside its tools."""
