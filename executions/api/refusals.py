"""What the API answers when an action cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError

from executions.acting.actions import ActionRefused
from executions.acting.trials import TrialRefused
from executions.ledger.unavailable import LedgerUnavailable
from executions.running.targets import ArgumentsError
from flows.api.fields import faults_as_json, faults_by_field
from flows.engine.errors import DefinitionError


class Conflict(APIException):
    """The execution is not in a state for this; `detail` says why."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class RecordUnavailable(APIException):
    """The record cannot be written, so the call was not answered as done."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The execution cannot be recorded right now; try again in a moment."
    default_code = "record_unavailable"


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
