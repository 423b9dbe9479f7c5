"""How operations are described; found by its name in the settings, because the views are not loaded yet then."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction


class ScopedSchema(AutoSchema):
    """What drf-spectacular says of an operation, and the scope that a key needs for it."""

    def get_extensions(self) -> dict[str, Any]:
        """`x-scope`, where keys may enter."""
        scope = getattr(self.view, "scopes", {}).get(self.method)
        return {"x-scope": str(scope)} if scope else {}

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        """Beside what a view says itself, the refusals that every view of its kind may answer with."""
        bodies = super()._get_response_bodies(direction)
        refusals = {"401": "No key, or one that lets nobody in.", "403": "The key or the role does not do for this."}
        if "{" in self.path:
            refusals["404"] = "There is no such thing, or it is not yours to see."
        if self.method in {"POST", "PUT", "PATCH"} or self._get_parameters():
            refusals["400"] = "The answer says what to change."
        return bodies | {code: {"description": text} for code, text in refusals.items() if code not in bodies}
