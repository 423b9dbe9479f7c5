"""A flow for a tool that a client asked for and no flow has."""

import re
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from executions.models import Execution
from executions.record.holes import whole_parts
from flows.engine.names import SNAKE_CASE
from flows.models import Server
from flows.starting.forms import ExampleForm
from flows.starting.views import example_page
from flows.values.tool_names import tool_name_of


@require_GET
def from_call(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """The form of a new flow, filled in from the call: the tool's name, the server, the arguments as the example."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    if not execution.is_of_unknown_tool:
        raise Http404("This execution called a flow.")
    asked = execution.flow_tool_name
    arguments, missing = whole_parts(execution.initial_params)
    initial = {
        "name": tool_name_of(asked).replace("_", " ").capitalize(),
        "tool_name": asked if re.fullmatch(SNAKE_CASE, asked) else tool_name_of(asked),
        "server": Server.objects.visible_to(request.user).filter(slug=execution.server_slug).first(),
        "arguments": arguments,
        "omitted": missing,
    }
    return example_page(
        request, ExampleForm(user=request.user, initial=initial), asked, [path or "the arguments" for path in missing]
    )
