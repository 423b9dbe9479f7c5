"""What every view of the API shares: how bodies are read, and what its browsable pages may do."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, ClassVar

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from django.utils.decorators import method_decorator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows.models import VisibleQuerySet
from flows.values.scopes import Scope

FLOW_ID = OpenApiParameter("flowId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The flow's id.")


class BodyTooLarge(APIException):
    """The body is larger than what is read of one here."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class DepthSafeJSONParser(JSONParser):
    """JSON, of so many bytes as a message to MCP may have; nesting too deep for Python is the sender's fault."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read a body; raises ParseError for what is not JSON, and BodyTooLarge."""
        # Django counts the bytes of forms alone.
        body, most = stream.read(settings.MAX_BODY_BYTES + 1), settings.MAX_BODY_BYTES
        if len(body) > most:
            raise BodyTooLarge(f"The body has more than {most:,} bytes, which FLOWHUB_MAX_BODY_BYTES allows here.")
        try:
            return super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deep") from None


class BrowsableRenderer(BrowsableAPIRenderer):
    """The pages for people, in FlowHub's name."""

    template = "flows/api.html"

    def get_context(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What the page shows; a style element for code in descriptions would break the content security policy."""
        return super().get_context(*args, **kwargs) | {"code_style": None}


# The browsable pages place two buttons with style attributes; scripts and style elements stay as strict as elsewhere.
@method_decorator(csp_update({"style-src-attr": [UNSAFE_INLINE]}), name="dispatch")
class ApiView(APIView):
    """A view of the API. Bodies are JSON alone, so the browsable pages offer one form: the raw body."""

    scopes: ClassVar[Mapping[str, Scope]] = {}
    """The scope that a key needs for each method; what is not named here, no key may do."""

    parser_classes = [DepthSafeJSONParser]
    renderer_classes = [JSONRenderer, BrowsableRenderer]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let who asks in, and carry what the method does to the rows that it may touch (`flows.access`)."""
        super().initial(request, *args, **kwargs)
        user: Any = request.user
        user.acting = self.scopes.get(str(request.method))

    def get_object(self) -> Any:
        """The row of the address; raises Http404, and PermissionDenied where a member's role does not do."""
        generic: Any = super()
        try:
            return generic.get_object()
        except Http404:
            view: Any = self
            rows, field = view.queryset.model.objects.all(), view.lookup_field
            if isinstance(rows, VisibleQuerySet):
                rows.refuse_role(self.request.user, **{field: self.kwargs[view.lookup_url_kwarg or field]})
            raise

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an exception as DRF does; also Django's refusal of a large body, which it would answer in HTML."""
        return super().handle_exception(BodyTooLarge() if isinstance(exc, RequestDataTooBig) else exc)
