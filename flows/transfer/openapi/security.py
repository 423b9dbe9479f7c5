"""How an operation wants to know its caller, as the credential of an HTTP request: secrets by name."""

import re
from typing import Any

from flows.transfer.openapi.document import Document, Unusable


def auth_of(document: Document, operation: dict[str, Any], note: Any) -> dict[str, Any] | None:
    """The `auth` parameter of `http_request`; None when the operation asks for none. Raises Unusable."""
    wanted = operation.get("security", document.root.get("security"))
    alternatives = [each for each in wanted or [] if isinstance(each, dict) and each]
    if not alternatives:
        return None
    reasons = []
    for alternative in alternatives:
        try:
            return _auth(document, list(alternative), note)
        except Unusable as error:
            reasons.append(str(error))
    raise Unusable("; ".join(dict.fromkeys(reasons)))


def _auth(document: Document, names: list[str], note: Any) -> dict[str, Any]:
    if len(names) > 1:
        raise Unusable(f"it wants several credentials at once: {', '.join(names)}")
    [name] = names
    schemes = document.object(document.root.get("components", {})).get("securitySchemes", {})
    scheme = document.object(document.object(schemes).get(name))
    kind, secret = scheme.get("type"), secret_name(name)
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        return {"type": scheme["in"], "name": literal(scheme.get("name")), "secret": reference(secret)}
    if kind == "http" and str(scheme.get("scheme")).lower() == "basic":
        return {"type": "basic", "username": reference(f"{secret}_USER"), "secret": reference(f"{secret}_PASSWORD")}
    if kind in ("oauth2", "openIdConnect"):
        note(f"{secret} is an access token that you get yourself; it is not renewed")
    elif not (kind == "http" and str(scheme.get("scheme")).lower() == "bearer"):
        raise Unusable(f"the credential {name!r} ({kind}, {scheme.get('scheme') or scheme.get('in')}) cannot be sent")
    return {"type": "bearer", "secret": reference(secret)}


def secret_name(name: str) -> str:
    """`petstoreAuth` -> `PETSTORE_AUTH`: a name that secrets may have."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    plain = re.sub(r"[^A-Z0-9]+", "_", spaced.upper()).strip("_")[:50]
    return plain if plain[:1].isalpha() else f"KEY_{plain}".rstrip("_")


def reference(secret: str) -> str:
    """The expression that names a secret."""
    return f"{{{{ secrets.{secret} }}}}"


def literal(text: Any) -> str:
    """A stranger's text for a place where expressions count; raises Unusable when it would be one."""
    if not isinstance(text, str) or not text or "{{" in text or "}}" in text:
        raise Unusable(f"{str(text)[:80]!r} cannot stand in a request")
    return text
