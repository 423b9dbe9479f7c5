"""How operations are described; found by its name in the settings, because the views are not loaded yet then."""

from typing import Any

from drf_spectacular.openapi import AutoSchema


class ScopedSchema(AutoSchema):
    """What drf-spectacular says of an operation, and the scope that a key needs for it."""

    def get_extensions(self) -> dict[str, Any]:
        """`x-scope`, where keys may enter."""
        scope = getattr(self.view, "scopes", {}).get(self.method)
        return {"x-scope": str(scope)} if scope else {}
