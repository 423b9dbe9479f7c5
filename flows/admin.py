"""Servers, flows and versions for operators. Changes go through `flows.publishing`, so clients learn of them."""

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from flows.engine.errors import DefinitionError
from flows.models import Flow, FlowVersion, Offer, Prompt, Resource, Secret, Server
from flows.offers.changes import delete_offer, offer_faults, save_offer
from flows.offers.checks import FIELD_OF_KEY
from flows.publishing import versions
from flows.revisions.writes import write
from flows.schemas.compiled import check_tool_input_schema, compile_schema
from flows.secrets.forms import OriginsForm
from flows.values.json_column import JsonTextField


class IndentedJSONField(forms.JSONField):
    """JSON that a person can read while editing it."""

    def prepare_value(self, value: Any) -> Any:
        """Indent the value; what the person typed and was not JSON stays as typed."""
        if isinstance(value, dict | list):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        """The value that was typed. Django marks a text by a class of its own, which nothing else takes for JSON."""
        cleaned = super().clean(value)
        return str(cleaned) if isinstance(cleaned, str) else cleaned


class RevisedForm(forms.ModelForm):
    """A row that others edit too: what was opened before somebody else saved is not stored over that by accident."""

    began_from = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["began_from"] = self.instance.revision

    def clean(self) -> dict[str, Any]:
        """Refuse a change of an older revision once, with what was typed still in the form.

        The admin saves in the transaction that this is called in, so the row stays as it was read here.
        """
        cleaned = super().clean() or self.cleaned_data
        sent = cleaned.pop("began_from", None)
        stored = type(self.instance).objects.select_for_update().filter(pk=self.instance.pk).values_list("revision")
        now = next((number for (number,) in stored), None)
        if now is not None and sent is not None and sent != now:
            again: Any = self.data.copy()  # type: ignore[attr-defined]
            again["began_from"] = now
            self.data = again
            raise forms.ValidationError(
                "Not saved: somebody changed this after you had opened it. Look at what is stored in another tab; "
                "to store what stands here over it, save again."
            )
        return cleaned


class FlowAdminForm(RevisedForm):
    """A flow's draft; every fault of its definition and schemas is an error of its field."""

    class Meta:
        model = Flow
        fields = [
            "server",
            "name",
            "tool_name",
            "tool_description",
            "when_to_use",
            "when_not_to_use",
            "input_schema",
            "output_schema",
            "annotations",
            "definition",
            "is_active",
            "timeout_seconds",
            "answer_seconds",
        ]

    def clean_definition(self) -> Any:
        """The definition, when it is a graph."""
        return _checked(versions.graph_of, self.cleaned_data["definition"])

    def clean_input_schema(self) -> Any:
        """The schema, when tools may have it."""
        return _checked(check_tool_input_schema, self.cleaned_data["input_schema"])

    def clean_output_schema(self) -> Any:
        """The schema, when there is one."""
        value = self.cleaned_data["output_schema"]
        return value if value is None else _checked(compile_schema, value)

    def clean_annotations(self) -> dict[str, Any]:
        """A JSON object; nothing means none."""
        value = self.cleaned_data["annotations"] or {}
        if not isinstance(value, dict):
            raise forms.ValidationError("Write a JSON object.")
        return value

    def clean(self) -> dict[str, Any]:
        """The tool name is unique in its server, which the form does not hold once the flow exists."""
        cleaned = super().clean() or self.cleaned_data
        others = Flow.objects.filter(server=self.instance.server_id, tool_name=cleaned.get("tool_name"))
        if self.instance.pk and others.exclude(pk=self.instance.pk).exists():
            self.add_error("tool_name", "Another flow of this server has that tool name.")
        return cleaned


def _checked(check: Callable[[Any], Any], value: Any) -> Any:
    """The value, when `check` finds no fault; raises ValidationError with every fault."""
    try:
        check(value)
    except DefinitionError as error:
        raise forms.ValidationError([str(fault) for fault in error.faults]) from None
    return value


class DatedAdmin(admin.ModelAdmin):
    """Rows whose dates and revision the database gives: a row that is being added has none yet."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields of the form; of a stored row also its dates, and the revision that the form began from."""
        given = ["created_at", "updated_at", "began_from"]
        fields = [name for name in super().get_fields(request, obj) if name not in given]
        has_revision = issubclass(self.form, RevisedForm)
        return [*fields, *given[: 3 if has_revision else 2]] if obj else fields


@admin.register(Server)
class ServerAdmin(DatedAdmin):
    """Servers. The slug stays: it is the address that clients have stored."""

    form = RevisedForm
    list_display = ["slug", "name", "access", "is_published", "owner", "updated_at"]
    list_filter = ["access", "is_published"]
    list_select_related = ["owner"]
    search_fields = ["slug", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Server | None = None) -> list[str]:
        """What a person may not change."""
        return ["created_at", "updated_at"] + (["slug"] if obj else [])

    def save_model(self, request: HttpRequest, obj: Server, form: Any, change: bool) -> None:
        """Store the server and let clients know."""
        versions.save_server(obj)

    def delete_model(self, request: HttpRequest, obj: Server) -> None:
        """Delete the server with its flows, and let clients know."""
        versions.delete_server(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        """Delete the selected servers one by one."""
        for server in queryset:
            self.delete_model(request, server)


@admin.register(Flow)
class FlowAdmin(DatedAdmin):
    """Flows: the draft to edit, and what clients may call."""

    form = FlowAdminForm
    formfield_overrides = {JsonTextField: {"form_class": IndentedJSONField}}
    list_display = ["name", "tool_name", "server", "is_active", "published_version", "updated_at"]
    list_filter = ["is_active", "server"]
    list_select_related = ["server", "published_version"]
    search_fields = ["name", "tool_name", "server__slug"]
    actions = ["publish", "activate", "deactivate"]

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> list[str]:
        """What a person may not change; a flow stays in its server."""
        return ["published_version", "created_at", "updated_at"] + (["server"] if obj else [])

    def save_model(self, request: HttpRequest, obj: Flow, form: Any, change: bool) -> None:
        """Store the draft; switching the flow on or off is announced."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        write(obj, [name for name in form.cleaned_data if name != "is_active"])
        if "is_active" in form.changed_data:
            versions.set_active(obj, obj.is_active)

    def delete_model(self, request: HttpRequest, obj: Flow) -> None:
        """Delete the flow; its executions stay."""
        versions.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        """Delete the selected flows one by one."""
        for flow in queryset.select_related("server"):
            versions.delete(flow)

    @admin.action(description="Publish the drafts", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        """Publish each flow; a faulty draft is named with its faults and the others go on."""
        for flow in queryset.select_related("server"):
            try:
                version = versions.publish(flow, request.user)
            except DefinitionError as error:
                self.message_user(request, f"{flow} was not published. {error}", messages.ERROR)
            else:
                self.message_user(request, f"{flow} is published as {version}.", messages.SUCCESS)

    @admin.action(description="Activate: let clients call them", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        """Let clients call the flows."""
        self._switch(request, queryset, True)

    @admin.action(description="Deactivate: stop clients from calling them", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        """Stop clients from calling the flows."""
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Flow], active: bool) -> None:
        flows = list(queryset.select_related("server"))
        for flow in flows:
            versions.set_active(flow, active)
        done = "activated" if active else "deactivated"
        self.message_user(request, f"Flows {done}: {len(flows)}.", messages.SUCCESS)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Records: to be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds a record by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes a record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes a record here; pruning has its own command."""
        return False


@admin.register(FlowVersion)
class FlowVersionAdmin(ReadOnlyAdmin):
    """Published versions: immutable."""

    list_display = ["id", "flow", "number", "created_at", "created_by"]
    list_select_related = ["flow", "created_by"]
    search_fields = ["flow__name", "flow__tool_name"]
    ordering = ["-id"]


class SecretForm(forms.ModelForm):
    """A secret's value goes in through this form and never comes out: the field is empty when a secret is changed."""

    value = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Without anything here the secret is empty.",
    )

    origins = OriginsForm.base_fields["origins"]

    class Meta:
        model = Secret
        fields = ["server", "name", "origins"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["value"].label = "New value"


@admin.register(Secret)
class SecretAdmin(DatedAdmin):
    """Credentials of servers, write-only. Server and name stay: flows refer to them."""

    form = SecretForm
    list_display = ["name", "server", "updated_at"]
    list_filter = ["server"]
    list_select_related = ["server"]
    search_fields = ["name", "server__slug"]

    def get_readonly_fields(self, request: HttpRequest, obj: Secret | None = None) -> list[str]:
        """What a person may not change."""
        return ["created_at", "updated_at"] + (["server", "name"] if obj else [])

    @method_decorator(sensitive_post_parameters("value"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form, with its value kept out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Secret, form: Any, change: bool) -> None:
        """Encrypt and store the value."""
        given = form.cleaned_data
        obj.pk = versions.set_secret(obj.server, obj.name, given["value"], given["origins"]).pk

    def delete_model(self, request: HttpRequest, obj: Secret) -> None:
        """Delete the secret and let clients know."""
        versions.delete_secret(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Secret]) -> None:
        """Delete the selected secrets one by one."""
        for secret in queryset.select_related("server"):
            versions.delete_secret(secret)


class OfferAdminForm(RevisedForm):
    """A prompt or resource, stored by its service; every fault is an error of its field."""

    def clean(self) -> dict[str, Any]:
        """The row as the service would store it."""
        cleaned = super().clean() or self.cleaned_data
        for name, empty in (("arguments", []), ("messages", []), ("annotations", {}), ("completions", {})):
            if name in self.fields and name in cleaned:
                cleaned[name] = cleaned[name] or empty
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        offer = self.instance
        if self.errors or not offer.server_id:
            return
        others = type(offer).objects.filter(server=offer.server_id, **{offer.key_field: offer.key})
        if others.exclude(pk=offer.pk).exists():
            self.add_error(offer.key_field, "This server has another one of that name.")
        for fault in offer_faults(offer):
            key = fault.path.split(".")[0].split("[")[0]
            name = FIELD_OF_KEY.get(key, key)
            self.add_error(name if name in self.fields else None, str(fault))


class OfferAdmin(DatedAdmin):
    """What a server offers beside its flows. It stays in its server, where clients found it."""

    form = OfferAdminForm
    formfield_overrides = {JsonTextField: {"form_class": IndentedJSONField}}
    list_filter = ["is_active", "server"]
    list_select_related = ["server", "flow"]
    raw_id_fields = ["flow"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What a person may not change."""
        return ["created_at", "updated_at"] + (["server"] if obj else [])

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        """Store it and let clients know."""
        save_offer(obj)

    def delete_model(self, request: HttpRequest, obj: Offer) -> None:
        """Delete it and let clients know."""
        delete_offer(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected ones one by one."""
        for offer in queryset.select_related("server"):
            delete_offer(offer)


@admin.register(Prompt)
class PromptAdmin(OfferAdmin):
    """Prompts."""

    fields = [
        *("server", "name", "title", "description", "arguments", "messages", "flow"),
        *("is_active", "created_at", "updated_at"),
    ]
    list_display = ["name", "title", "server", "flow", "is_active", "updated_at"]
    search_fields = ["name", "title", "description", "server__slug"]


@admin.register(Resource)
class ResourceAdmin(OfferAdmin):
    """Resources."""

    fields = [
        *("server", "uri", "name", "title", "description", "mime_type", "text", "blob", "flow"),
        *("annotations", "completions", "is_active", "created_at", "updated_at"),
    ]
    list_display = ["uri", "name", "server", "flow", "is_active", "updated_at"]
    search_fields = ["uri", "name", "title", "description", "server__slug"]
