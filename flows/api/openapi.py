"""How operations are described; found by its name in the settings, because the views are not loaded yet then."""

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers

NOT_BLANK = r"\S"


class ScopedSchema(AutoSchema):
    """What drf-spectacular says of an operation, and the scope that a key needs for it."""

    def get_extensions(self) -> dict[str, Any]:
        """`x-scope`, where keys may enter."""
        scope = getattr(self.view, "scopes", {}).get(self.method)
        return {"x-scope": str(scope)} if scope else {}

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        """Beside what a view says itself, the refusals that every view of its kind may answer with."""
        bodies = super()._get_response_bodies(direction)
        refusals = {
            "401": "No key, or one that lets nobody in.",
            "403": "The key or the role does not do for this.",
            "406": "`Accept` names nothing that is answered here.",
            "429": "Too many keys that nobody has came from this address; `Retry-After` says when to come back.",
        }
        if "{" in self.path:
            refusals["404"] = "There is no such thing, or it is not yours to see."
        if self.method in {"POST", "PUT", "PATCH"} or self._get_parameters():
            refusals["400"] = "The answer says what to change."
        if self.method in {"POST", "PUT", "PATCH"} and self.get_request_serializer() is not None:
            refusals["413"] = "The body is larger than what is read."
            refusals["415"] = "The body calls itself something that is not read here."
        return bodies | {code: {"description": text} for code, text in refusals.items() if code not in bodies}

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Any:
        """A body has no other members than these; what is only shown may be sent back, and is passed over."""
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request":
            schema |= {"additionalProperties": False, **getattr(serializer, "keywords", {})}
        return schema

    def _map_serializer_field(self, field: Any, direction: Direction, bypass_extensions: bool = False) -> Any:
        """A text that may not be empty is one that does not consist of blanks: those at its ends are cut off."""
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(field, serializers.CharField) and not field.allow_blank:
            has_pattern = "pattern" in schema or any(isinstance(each, RegexValidator) for each in field.validators)
            return schema | ({"pattern": NOT_BLANK} if field.trim_whitespace and not has_pattern else {})
        if isinstance(field, serializers.DictField) and not field.allow_empty:
            schema |= {"minProperties": 1}
        return schema


class BoundedFilters(DjangoFilterExtension):
    """Filters with their bounds, of which drf-spectacular says nothing."""

    priority = 1

    def resolve_filter_field(self, *args: Any) -> Any:
        """The parameters of one filter."""
        said, bounds = args[-1].extra, {"max_length": "maxLength", "min_value": "minimum", "max_value": "maximum"}
        parameters = super().resolve_filter_field(*args)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            parameter["schema"] |= {word: said[name] for name, word in bounds.items() if name in said}
            parameter["schema"].pop("nullable", None)
            parameter["allowEmptyValue"] = True  # as a form sends it in which nothing was chosen
        return parameters
