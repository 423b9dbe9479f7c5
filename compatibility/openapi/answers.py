"""What the other system answers, by the document, and whether the tool gives that out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from compatibility.openapi.documents import Document, Json, Operation
from compatibility.openapi.values import Checker, NoValue, Sampler


@dataclass(frozen=True)
class Planned:
    """What the other system answers; `value` is what the tool should give out, None when nobody can say."""

    answer: tuple[int, str, bytes]
    value: Json = None
    is_known: bool = False

    def fault(self, result: Mapping[str, Json]) -> str:
        """What is wrong with what the tool gave out."""
        texts = [str(each.get("text")) for each in result.get("content") or () if isinstance(each, dict)]
        if result.get("isError"):
            return f"error: {' '.join(texts)[:200]}" if self.is_known else ""
        if not self.is_known:
            return ""
        given = [result.get("structuredContent"), *texts]
        for text in texts:
            try:
                # The record hides what looks like a credential.
                given.append(json.loads(re.sub(r"(?<=[ :\[])\*\*\*(?=[,\]}])", '"***"', text)))
            except ValueError:
                continue
        if any(_alike(each, self.value) or _alike(each, {"result": self.value}) for each in given):
            return ""
        return f"expected {json.dumps(self.value)[:100]}, got {' '.join(texts)[:100]}"


def _alike(given: Json, value: Json) -> bool:
    """Whether two values are equal but for what is hidden."""
    if given == "***":
        return True
    if isinstance(given, dict) and isinstance(value, dict):
        return given.keys() == value.keys() and all(_alike(each, value[name]) for name, each in given.items())
    if isinstance(given, list) and isinstance(value, list):
        return len(given) == len(value) and all(map(_alike, given, value))
    return bool(given == value)


def planned(document: Document, checker: Checker, operation: Operation, seed: str) -> Planned:
    """An answer that fits the first success of the document, as far as that is simple."""
    responses = {str(code): each for code, each in (operation.raw.get("responses") or {}).items()}
    codes = [code for code in responses if code.startswith("2")] or [code for code in responses if code == "default"]
    code = codes[0] if codes else "200"
    status = int(code) if code.isdigit() else 200
    if operation.method == "head" or status == 204:
        return Planned((status, "", b""))
    anyway: Json = {"answered": "anyway"}
    nothing = Planned((status, "application/json", json.dumps(anyway).encode()), anyway, is_known=True)
    try:
        response = document.whole(responses.get(code, {}))
        if document.is_swagger:
            kinds = operation.raw.get("produces") or document.root.get("produces") or ["application/json"]
            content = {kind: response for kind in kinds if "schema" in response}
        else:
            content = response.get("content") or {}
        kind = next((each for each in content if "json" in each), next(iter(content), ""))
        if not kind:
            return nothing
        if "json" not in kind:
            return Planned((status, kind if "*" not in kind else "text/plain", b"plain answer"))
        schema = document.whole(content[kind]).get("schema", {})
        value = Sampler(document, f"{seed} answer {operation.key}", is_answer=True).value(schema)
        body = json.dumps(value).encode()
        kind = kind if "*" not in kind else "application/json"
        return Planned((status, kind, body), value, is_known="$bytes" not in str(value) and checker.fits(value, schema))
    except (NoValue, ValueError, AttributeError, TypeError, KeyError):
        return nothing
