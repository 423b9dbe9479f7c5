"""OpenAPI documents over REST: what an import would make of one, and the import; the document itself is the body."""

from collections.abc import Collection, Iterable, Mapping
from typing import IO, Any

from django.core.exceptions import ValidationError as Refused
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import BodyTooLarge
from flows.api.fields import Serializer, faults_as_json
from flows.api.pagination import LIMIT, PAGE, Envelope
from flows.api.serializers import JsonObjectField
from flows.api.servers import SERVER_ID, OfServer
from flows.engine.errors import DefinitionError
from flows.models import Server
from flows.review.contract_diff.change import ContractChange
from flows.transfer import apis, openapi
from flows.transfer.apis import MAX_CHOSEN, Api, ApiPlan, Step
from flows.transfer.choosing import Filter
from flows.transfer.files import Choice
from flows.transfer.forms import whole_address
from flows.transfer.openapi import MAX_DOCUMENT_BYTES, Document, Operation, Operations
from flows.values.scopes import Scope
from flows.values.tool_names import tool_name_of

MEDIA_TYPES = (
    "application/json",
    *(f"application/vnd.oai.openapi{suffix}" for suffix in ("+json", "", "+yaml")),
    *("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain", "application/octet-stream"),
)
"""What a body may call itself; whether it is JSON or YAML, the body itself says."""

OPERATIONS = OpenApiParameter(
    "operations",
    OpenApiTypes.STR,
    many=True,
    description="Of an OpenAPI document: an operation that becomes a flow, as `get /pets`, or its operationId or tool "
    f"name. At most {MAX_CHOSEN}. Without it: all that can be made and neither delete nor are deprecated, and those "
    "that the server has flows of already.",
)
REPLACE = OpenApiParameter(
    "replace",
    OpenApiTypes.STR,
    many=True,
    description="A tool name whose draft is replaced when the server has it; without it the new flow gets a number. "
    "prompts/NAME or resources/URI: what the server has there is replaced; without it the server keeps its own. "
    "A flow that was made of the same operation before needs it only when a person has edited its draft since.",
)
ADDRESS = OpenApiParameter(
    "address",
    OpenApiTypes.URI,
    description="Of an OpenAPI document: where the API is, when the document does not say so or says another place.",
)


BODY: Any = {
    "application/json": OpenApiTypes.OBJECT,
    **dict.fromkeys(MEDIA_TYPES[1:2], OpenApiTypes.OBJECT),
    **dict.fromkeys(("application/yaml", "text/yaml", "application/vnd.oai.openapi"), OpenApiTypes.STR),
    "application/octet-stream": OpenApiTypes.BINARY,
}
REFUSED = OpenApiResponse(description="What is wrong with the document or the query; nothing is stored.")
TOO_LARGE = OpenApiResponse(description="The body is larger than a document may be.")
NO_DOCUMENT = OpenApiResponse(description="The body calls itself neither JSON nor YAML.")


CREDENTIALS = OpenApiParameter(
    "credentials",
    OpenApiTypes.STR,
    description="Of an OpenAPI document with several ways to show who calls: the key of one, as the preview lists them "
    "in `credentials`. Operations that do not know it, and all without it, take what they name first.",
)


MEDIA_TYPE = OpenApiParameter(
    "mediaType",
    OpenApiTypes.STR,
    description="Of an OpenAPI document: the media type of the bodies that leave a choice, as the preview lists them "
    "in `mediaTypes`. Operations that do not take it, and all without it, send JSON where they can, else a form.",
)


class BytesParser(BaseParser):
    """The body as it came, up to the size that a document may have."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The bytes; raises BodyTooLarge."""
        body = bytes(stream.read(MAX_DOCUMENT_BYTES + 1))
        if len(body) > MAX_DOCUMENT_BYTES:
            raise BodyTooLarge(f"The body has more than {MAX_DOCUMENT_BYTES // 1024 // 1024} MiB.")
        return body


PARSERS: list[type[BaseParser]] = [type("Parser", (BytesParser,), {"media_type": each}) for each in MEDIA_TYPES]


def text_of(body: Any) -> str:
    """The text of a body, which may be nothing; raises ParseError."""
    try:
        return str(body, "utf-8-sig") if isinstance(body, bytes) else ""
    except UnicodeDecodeError:
        raise ParseError("The body is not text in UTF-8.") from None


class Asked:
    """A document, where its API is, and which of its operations are asked for; raises ValidationError."""

    def __init__(self, request: Request, server: Server, source: bytes) -> None:
        self.server, self.replaced = server, set(request.query_params.getlist("replace"))
        try:
            self.document: Document = openapi.read(source)
        except DefinitionError as error:
            raise ValidationError({"faults": faults_as_json(error.faults)}) from None
        said = openapi.address_of(self.document)
        try:
            self.address = whole_address(request.query_params.get("address", said)[:2000])
        except Refused:
            where = f"the document says only {said!r}" if said else "the document does not say where its API is"
            raise ValidationError({"address": [f"{where}: name it, ?address=https://..."]}) from None
        self.ways = openapi.alternatives_of(self.document)
        ways = [way.key for way in self.ways]
        self.credentials = request.query_params.get("credentials", "")
        if self.credentials and self.credentials not in ways:
            has = f"write one of: {', '.join(ways)}" if ways else "the document leaves no choice"
            raise ValidationError({"credentials": [has]})
        media_type = request.query_params.get("mediaType", "").strip().lower()
        self._operations = Operations(self.document, self.address, self.credentials, media_type)
        self.kinds = self._operations.media_types
        if media_type and media_type not in (known := [kind for kind, _ in self.kinds]):
            has = f"write one of: {', '.join(known)}" if known else "the document leaves no choice"
            raise ValidationError({"mediaType": [has]})
        self.api = Api.of(self.document, source, self.address)
        self.made = apis.made_of(server, self.api)
        self.listed = self._operations.listed
        named = request.query_params.getlist("operations")
        self.keys = self._named(named) if named else None

    def _named(self, names: list[str]) -> set[str]:
        by_tool = {each.tool_name: each.key for each in self.listed}
        by_key = {each.key.casefold(): each.key for each in self.listed}
        found = {name: by_key.get(name.strip().casefold()) or by_tool.get(name) for name in names}
        found |= {name: by_tool.get(tool_name_of(name)) for name, key in found.items() if key is None}
        if missing := [name for name, key in found.items() if key is None]:
            what = ", ".join(repr(name[:100]) for name in missing[:5])
            raise ValidationError({"operations": [f"the document has no operation {what}; write it as 'get /path'"]})
        return {key for key in found.values() if key}

    def converted(self, keys: Collection[str]) -> list[Operation]:
        """These operations with their flows."""
        return self._operations.converted(keys)

    def chosen(self) -> list[Operation]:
        """The operations that are asked for, with their flows; raises ValidationError for those that cannot be made."""
        if self.keys is None:
            hoped = apis.chosen_at_first(self.listed, self.made)
            self._count(hoped)
            return [each for each in self.converted(hoped) if each.flow]
        self._count(self.keys)
        operations = self.converted(self.keys)
        if unable := [f"{each.key} cannot be made: {each.problem}" for each in operations if not each.flow]:
            raise ValidationError({"operations": unable[:20]})
        return operations

    def planned(self, operations: Iterable[Operation]) -> ApiPlan:
        """What becomes of operations, with the drafts that the query names replaced."""
        choices: dict[str, Choice] = {}
        for each in operations:
            before = self.made.get(each.key)
            if {each.tool_name, before.tool_name if before else ""} & self.replaced:
                choices[each.key] = "replace"
        return apis.planned(self.server, self.api, operations, self.made, choices)

    def _count(self, keys: Collection[str]) -> None:
        if not keys:
            raise ValidationError({"operations": ["the document has no operation that is chosen by itself: name some"]})
        if len(keys) > MAX_CHOSEN:
            say = f"these are {len(keys):,} operations; name at most {MAX_CHOSEN} with ?operations="
            raise ValidationError({"operations": [say]})


class ApiChangeSerializer(Serializer):
    """What the API changed for those who call the flow."""

    path = serializers.CharField()
    isBreaking = serializers.SerializerMethodField()
    message = serializers.CharField()

    def get_isBreaking(self, change: ContractChange) -> bool:
        """Whether calls that were right may fail."""
        return change.verdict == "breaking"


class OperationSerializer(Serializer):
    """An operation, and what an import would make of it."""

    key = serializers.CharField(source="operation.key", help_text="get /pets")
    title = serializers.CharField(source="operation.title")
    toolName = serializers.CharField(source="operation.tool_name")
    method = serializers.CharField(source="operation.method")
    path = serializers.CharField(source="operation.path")
    tags = serializers.ListField(source="operation.tags", child=serializers.CharField())
    isDeprecated = serializers.BooleanField(source="operation.is_deprecated")
    isChosen = serializers.BooleanField(
        help_text="Whether an import with the same query makes or updates a flow of it."
    )
    problem = serializers.CharField(
        source="operation.problem", allow_blank=True, help_text="Why it cannot be made; empty when it can."
    )
    notes = serializers.ListField(
        source="operation.notes", child=serializers.CharField(), help_text="What is left out or different."
    )
    change = serializers.ChoiceField(
        ["new", "same", "changed", "breaking"],
        allow_null=True,
        help_text="Against the flow that was made of it before.",
    )
    changes = ApiChangeSerializer(many=True)
    flowId = serializers.IntegerField(allow_null=True, help_text="The flow that was made of it before.")
    editedSince = serializers.BooleanField(help_text="Whether a person changed that flow's draft since.")
    flow = JsonObjectField(
        allow_null=True,
        help_text="As in a file of flows; null unless the query names operations, or it cannot be made.",
    )


class RemovedSerializer(Serializer):
    """A flow whose operation the API does not have any more; an import leaves it as it is."""

    flowId = serializers.IntegerField(source="pk")
    toolName = serializers.CharField(source="tool_name")
    key = serializers.CharField(source="origin.operation")


class CredentialsSerializer(Serializer):
    """A way to show who calls, where operations leave a choice."""

    key = serializers.CharField(help_text="What `?credentials=` takes.")
    words = serializers.CharField()
    operations = serializers.IntegerField(help_text="How many know it.")


class MediaTypeSerializer(Serializer):
    """A media type of bodies that leave a choice."""

    mediaType = serializers.CharField(help_text="What `?mediaType=` takes.")
    operations = serializers.IntegerField(help_text="How many take it, and others too.")


class PreviewSerializer(Serializer):
    """A page of operations, and what holds for all of them."""

    items = OperationSerializer(many=True)
    total = serializers.IntegerField()
    page = serializers.IntegerField()
    limit = serializers.IntegerField()
    totalPages = serializers.IntegerField()
    title = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    address = serializers.CharField()
    credentials = CredentialsSerializer(many=True)
    mediaTypes = MediaTypeSerializer(many=True)
    removed = RemovedSerializer(many=True)


class ServerImportPreview(OfServer):
    """What an import of an OpenAPI document would make of each operation; nothing is stored."""

    scopes = {"POST": Scope.FLOWS_READ}
    parser_classes = PARSERS

    @extend_schema(
        operation_id="servers_import_preview",
        parameters=[
            *(SERVER_ID, OPERATIONS, ADDRESS, CREDENTIALS, MEDIA_TYPE, REPLACE),
            OpenApiParameter("search", OpenApiTypes.STR, description="Words of title, path, tool name or tags."),
            OpenApiParameter("tag", OpenApiTypes.STR, description="Operations with this tag."),
            OpenApiParameter("method", OpenApiTypes.STR, description="Operations of this method."),
            OpenApiParameter("page", PAGE, description="Which page, counted from 1."),
            OpenApiParameter("limit", LIMIT, description="Items on a page."),
        ],
        request=BODY,
        responses={200: PreviewSerializer, 400: REFUSED, 413: TOO_LARGE, 415: NO_DOCUMENT},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """A page of the operations, or of those that are named."""
        with openapi.without_full_collections():
            return self._preview(request)

    def _preview(self, request: Request) -> Response:
        server, source = self.server, text_of(request.data)
        if not openapi.is_openapi(source):
            raise ParseError("The body is no OpenAPI document: it does not say `openapi` or `swagger`.")
        asked = Asked(request, server, source.encode())
        query = request.query_params
        wanted = Filter(query.get("search", "")[:200], query.get("tag", ""), query.get("method", "").lower())
        named = asked.keys
        found = [each for each in asked.listed if wanted.keeps(each, set()) and (named is None or each.key in named)]
        envelope = Envelope()
        rows = {each.key for each in envelope.paginate_queryset(found, request, self)}
        operations = asked.converted(rows)
        hoped = apis.chosen_at_first(operations, asked.made) if named is None else named
        steps = {step.operation.key: step for step in asked.planned(operations).steps}
        items = [_shown(each, steps.get(each.key), each.key in hoped, named is not None) for each in operations]
        gone = apis.removed(asked.made, {each.key for each in asked.listed})
        about = {"title": asked.api.title, "version": asked.api.version, "address": asked.address, "removed": gone}
        about["credentials"] = asked.ways
        about["mediaTypes"] = [{"mediaType": kind, "operations": number} for kind, number in asked.kinds]
        return Response(PreviewSerializer(envelope.envelope(items) | about).data)


def _shown(operation: Operation, step: Step | None, is_hoped: bool, is_named: bool) -> dict[str, Any]:
    before = step.existing if step and step.change != "new" else None
    return {
        "operation": operation,
        "isChosen": is_hoped and step is not None and step.choice != "leave",
        "change": step.change if step else None,
        "changes": step.comparison.changes if step and step.comparison else [],
        "flowId": before.pk if before else None,
        "editedSince": step is not None and step.is_edited,
        "flow": operation.flow if is_named else None,
    }
