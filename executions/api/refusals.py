"""What the API answers when an action cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager

from drf_spectacular.utils import OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from executions.acting.actions import ActionRefused
from executions.acting.trials import TrialRefused
from executions.admission.allowances import OverLimit, of_person
from executions.admission.doors import doors
from executions.ledger.unavailable import LedgerUnavailable
from executions.running.calls import identity_of
from executions.running.targets import ArgumentsError
from flows.api.fields import faults_as_json, faults_by_field
from flows.engine.errors import DefinitionError
from flows.models import Flow


class Conflict(APIException):
    """The execution is not in a state for this; `detail` says why."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class RecordUnavailable(APIException):
    """The record cannot be written, so the call was not answered as done."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The execution cannot be recorded right now; try again in a moment."
    default_code = "record_unavailable"


class OverItsLimit(APIException):
    """The caller makes more calls than are allowed; `Retry-After` says when to come back."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "over_limit"

    def __init__(self, over: OverLimit) -> None:
        super().__init__(str(over))
        self.wait = over.seconds  # DRF makes the header of it


TOO_MANY = OpenApiResponse(description="Too many calls a minute or at once; `Retry-After` says when to come back.")


@contextmanager
def let_in(request: Request, flow: Flow) -> Iterator[None]:
    """A call over REST, within the limits of the key, or of the person; raises OverItsLimit."""
    allowance = getattr(request.auth, "allowance", None) or of_person(identity_of(request.user))
    try:
        place = doors.admit_here((allowance,), flow.pk, flow.server_id)
    except OverLimit as over:
        raise OverItsLimit(over) from None
    try:
        yield
    finally:
        place.leave()


@contextmanager
def refusals_answered() -> Iterator[None]:
    """Turn what actions and calls raise into answers of the API."""
    try:
        yield
    except DefinitionError as error:
        raise ValidationError(faults_by_field(error.faults)) from None
    except ArgumentsError as error:
        raise ValidationError({"arguments": faults_as_json(error.faults)}) from None
    except TrialRefused as error:
        raise ValidationError(faults_by_field(error.faults, ("untilNode", "outputs"))) from None
    except ActionRefused as error:
        raise Conflict(f"{str(error)[:1].upper()}{str(error)[1:]}") from None
    except LedgerUnavailable:
        raise RecordUnavailable from None
