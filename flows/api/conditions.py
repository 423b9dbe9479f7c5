"""Revisions over HTTP (RFC 9110, 8.8.3 and 13.1.1): answers have an ETag, and a write may say `If-Match`."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import ApiView
from flows.api.fields import Serializer
from flows.models import Revised
from flows.revisions.writes import Stale

ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, description='"r" and the revision: "r3".', response=[200, 201]
)

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}[ \t]*(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")

IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'},
    OpenApiParameter.HEADER,
    description='The ETag that the change began from, "r3"; another one by now is 412. Left out: the change is taken.',
)


class StaleSerializer(Serializer):
    """Both sides of a change that came too late."""

    detail = serializers.CharField(help_text="What to do.")
    revision = serializers.IntegerField(help_text="The revision that is stored now.")
    yours = serializers.JSONField(allow_null=True, help_text="What you sent.")
    current = serializers.JSONField(help_text="What is stored now.")


class PreconditionFailed(APIException):
    """The change began from a revision that is not the stored one any more; the answer holds both sides."""

    status_code = status.HTTP_412_PRECONDITION_FAILED

    def __init__(self, yours: Any, current: Mapping[str, Any]) -> None:
        super().__init__()
        revision = current["revision"]
        say = (
            f'It was changed meanwhile: the stored one is "r{revision}". Look at both sides, and send yours again with '
        )
        # Not by the constructor, which would make texts of all numbers in it.
        self.detail: Any = {
            "detail": f'{say}If-Match: "r{revision}" to store it over that one.',
            "revision": revision,
            "yours": yours,
            "current": current,
        }


def expected_revisions(request: Request) -> frozenset[int] | None:
    """The revisions that If-Match admits; None for any, which is `*` or no such header. Raises ParseError.

    A weak tag, and one that FlowHub has not made, matches nothing.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise ParseError('If-Match is malformed: send the ETag as it came, with its quotation marks: "r3"; or send *.')
    return frozenset(int(tag[2:-1]) for tag in re.findall(_TAG, header) if re.fullmatch(r'"r[1-9][0-9]{0,9}"', tag))


class RevisedView(ApiView, generics.GenericAPIView):
    """A view of a row with revisions: `expected` is what the request admits, 412 what it gets for another one."""

    expected: frozenset[int] | None = None

    def get_object(self) -> Any:
        """The row, when the request admits its revision; raises Stale before anything else is said of a late change."""
        row: Revised = super().get_object()
        self.expected = expected_revisions(self.request)
        if self.expected is not None and row.revision not in self.expected:
            raise Stale(row)
        return row

    def perform_update(self, serializer: Any) -> None:
        """Store the change; the statement that writes compares again."""
        serializer.save(expected=self.expected)

    def shown(self, row: Revised) -> Mapping[str, Any]:
        """The row as the view's own address shows it."""
        shown: Mapping[str, Any] = self.get_serializer(row).data
        return shown

    def handle_exception(self, exc: Exception) -> Response:
        """Answer as ever; a change that came too late with both sides."""
        if not isinstance(exc, Stale):
            return super().handle_exception(exc)
        try:
            yours = self.request.data or None
        except APIException as unreadable:
            return super().handle_exception(unreadable)
        return super().handle_exception(PreconditionFailed(yours, self.shown(exc.current)))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Give every answer about one row its ETag."""
        answered = super().finalize_response(request, response, *args, **kwargs)
        body = getattr(answered, "data", None)
        if isinstance(body, Mapping) and isinstance(body.get("revision"), int):
            answered["ETag"] = f'"r{body["revision"]}"'
        return answered


def documented(
    address: OpenApiParameter,
    serializer: type[serializers.Serializer],
    more: Sequence[OpenApiParameter] = (),
    refused: Mapping[int, Any] | None = None,
) -> Callable[[type[RevisedView]], type[RevisedView]]:
    """Documents a view of one row: the id in its address, the headers of revisions, 412; `more` of its writes."""
    asked, refusals = [address, IF_MATCH, *more], {412: StaleSerializer, **(refused or {})}

    def decorate(view: type[RevisedView]) -> type[RevisedView]:
        documents = {
            "get": extend_schema(parameters=[address, ETAG], responses=serializer),
            "patch": extend_schema(parameters=[*asked, ETAG], responses={200: serializer, **refusals}),
            "delete": extend_schema(parameters=asked, responses={204: None, **refusals}),
        }
        offered = {method: each for method, each in documents.items() if method in view.http_method_names}
        return extend_schema_view(**offered)(view)

    return decorate
