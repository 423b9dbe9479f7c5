"""What a request is answered that Django refuses before any view has it."""

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a request that makes no sense, and for a form that is larger than DATA_UPLOAD_MAX_MEMORY_SIZE."""
    is_too_large = isinstance(exception, RequestDataTooBig)
    return render(request, "400.html", {"is_too_large": is_too_large}, status=413 if is_too_large else 400)
