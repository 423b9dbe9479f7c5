"""What a document says, as a model should read it: titles, descriptions and when to use a tool.

Documents write Markdown and HTML for web pages. A model pays for each sign of it, so the text alone is kept, whole
sentences of it. Nothing is said that the document does not say.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flows.transfer.openapi.document import Document, Unusable

MAX_TITLE = 100
"""Characters of a tool's title."""
MAX_NAME = 200
"""Characters of an operation's name that are looked at."""
MAX_DESCRIPTION = 600
"""Characters of an operation's description that its tool keeps: some clients cut at 1,024 in all."""
MAX_PARAMETER_WORDS = 400
"""Characters of the description of a parameter, or of a field of a body."""
_MAX_READ = 20
"""Characters of a text that are looked at, for each that may be kept."""
_MAX_KEPT = 1000
"""Texts whose plain form is kept."""
_MAX_WHEN = 200
"""Characters of what a tag says, in when to use a tool."""
_SHORT = 40
"""Characters of a description that tells too little by itself."""

# Each of these stops at the next sign that could begin it anew, or after some hundred characters: none is slow.
_HIDDEN = re.compile(r"<!--(?:(?!<!--|-->).)*-->|<(?:script|style)\b[^<>]*>[^<]*</(?:script|style)\s*>", re.DOTALL)
_BLOCK = re.compile(r"</?(?:p|br|div|ul|ol|li|tr|h[1-6]|table|pre|blockquote|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]{0,20}(?:\s[^<>]*)?/?>")
_BLANKS = re.compile(r"[^\S\n]+")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\](?:\([^()\s]{0,2000}(?: [^()]{0,300})?\)|\[[^\[\]]{0,100}\])")
_LINE = re.compile(r"^ ?(?:#{1,6} |> ?|```.*$|~~~.*$|[-=*_]{3,} ?$|[ :|-]{5,}$)", re.MULTILINE)
_BULLET = re.compile(r"^ ?[*+] ", re.MULTILINE)
_STRONG = re.compile(r"\*\*([^*\n]{1,300})\*\*|(?<!\w)__([^_\n]{1,300})__(?!\w)|`+")
_EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]{1,300})(?<=\S)\1(?![\w*])")
_GAPS = re.compile(r" ?\n\s*\n ?")
_END = re.compile(r"(?<!e\.g)(?<!i\.e)[.!?](?=\s|$)|\n")


def plain(text: Any, most: int) -> str:
    """A text without Markdown and HTML, of at most so many characters, cut behind a sentence where there is one."""
    return _plain(text[: _MAX_READ * most], most) if isinstance(text, str) else ""


@lru_cache(_MAX_KEPT)
def _plain(text: str, most: int) -> str:
    """Kept for a while: where references are written out, the same words come again and again."""
    found = _TAG.sub("", _BLOCK.sub("\n", _HIDDEN.sub(" ", text)))
    found = _LINK.sub(r"\1", _BLANKS.sub(" ", html.unescape(found)))
    found = _BULLET.sub("- ", _LINE.sub("", found))
    found = _EMPHASIS.sub(r"\2", _STRONG.sub(r"\1\2", found))
    return cut(_GAPS.sub("\n\n", found).replace("\n ", "\n").strip(), most)


def cut(text: str, most: int) -> str:
    """The text, or as many of its sentences as fit; of a first sentence that does not fit, the words that do."""
    if len(text) <= most:
        return text
    ends = [match.end() for match in _END.finditer(text, 0, most)]
    if ends and ends[-1] > most // 3:
        return text[: ends[-1]].strip()
    return text[: most - 3].rpartition(" ")[0].rstrip(",;: ") + "..."


def in_words(name: str) -> str:
    """`getOrderByID` -> `Get order by ID`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    words = re.findall(r"[A-Za-z0-9]+", spaced)
    found = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return found[:1].upper() + found[1:]


def title_of(method: str, path: str, item: dict[str, Any]) -> str:
    """What people call the operation: its summary, or what its id says."""
    operation = _operation(item, method)
    summary = " ".join(plain(operation.get("summary") or item.get("summary"), MAX_TITLE).split()).rstrip(".")
    return summary or in_words(str(operation.get("operationId") or "")[:MAX_NAME])[:MAX_TITLE] or _called(method, path)


def description_of(method: str, path: str, item: dict[str, Any], answer: str) -> str:
    """What the tool does: the document's words, each once, and what comes back."""
    operation = _operation(item, method)
    summary = " ".join(plain(operation.get("summary") or item.get("summary"), MAX_DESCRIPTION).split())
    long = plain(operation.get("description") or item.get("description"), MAX_DESCRIPTION)
    said = [long] if _same(long).startswith(_same(summary)) else [_sentence(summary), long]
    if not any(said):
        said = [_sentence(in_words(str(operation.get("operationId") or "")[:MAX_NAME]))]
    whole = cut("\n\n".join(filter(None, said)), MAX_DESCRIPTION)
    # Short ones are the same for several operations of many a document, which their addresses tell apart.
    where = f"Calls {_called(method, path)}." if len(whole) < _SHORT else ""
    return "\n\n".join(filter(None, (whole, where, answer)))


class Occasions:
    """When to use the tool of an operation, and when not, as far as its document says: often nothing."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._paths: dict[str, Any] = document.root["paths"]
        # `/orders` -> `/orders/{id}`: which reads one of those that the other lists.
        self._ones = {path.rstrip("/").rpartition("/")[0]: path for path in self._paths if path.rstrip("/")[-1:] == "}"}
        tags = document.root.get("tags")
        self._tags = {
            str(tag.get("name")): tag.get("description")
            for tag in (tags if isinstance(tags, list) else ())
            if isinstance(tag, dict)
        }

    def to_use(self, path: str, operation: dict[str, Any]) -> str:
        """The words of the first tag that has any; of one thing, where its key comes from."""
        return " ".join(self._to_use(path, operation))

    def _to_use(self, path: str, operation: dict[str, Any]) -> Iterator[str]:
        names = operation.get("tags")
        for name in names if isinstance(names, list) else ():
            if said := plain(self._tags.get(str(name)), _MAX_WHEN):
                yield _sentence(f"For {name}: {' '.join(said.split())}")
                break
        above, _, last = path.rstrip("/").rpartition("/")
        if above and last[:1] == "{" and last[-1:] == "}" and (title := self._title("get", above)):
            yield f"When {last[1:-1]} is known; “{title}” finds it."

    def not_to_use(self, method: str, path: str, item: dict[str, Any]) -> str:
        """That the API advises against it, and which tool does what this one could be taken for."""
        return " ".join(self._not_to_use(method, path, item))

    def _not_to_use(self, method: str, path: str, item: dict[str, Any]) -> Iterator[str]:
        if item[method].get("deprecated") is True:
            yield "For anything new: the API calls it deprecated."
        if method in ("post", "put", "patch", "delete") and "get" in item:
            yield f"Only to read: “{title_of('get', path, item)}” does that and changes nothing."
        if method == "put" and "patch" in item:
            yield f"To change a part alone: “{title_of('patch', path, item)}” does that."
        one = self._ones.get(path.rstrip("/"))
        if method == "get" and one and (title := self._title("get", one)):
            yield f"When it is known which one is wanted: “{title}” reads that one."

    def _title(self, method: str, path: str) -> str:
        """The title of another operation of the document; empty when there is none."""
        for address in (path, f"{path}/"):
            try:
                item = self._document.object(self._paths.get(address))
            except Unusable:
                continue
            if method in item:
                return title_of(method, address, item)
        return ""


def _operation(item: dict[str, Any], method: str) -> dict[str, Any]:
    found = item.get(method)
    return found if isinstance(found, dict) else {}


def _called(method: str, path: str) -> str:
    return f"{method.upper()} {path}"[:200].strip()


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1] not in ".!?" else text


def _same(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
