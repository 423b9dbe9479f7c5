"""YAML as a JSON value, in one pass over the parser's events.

The library's own way to a value goes by recursion, ends the process when a text is nested too deep, and takes four
times as long. Scalars are those of JSON: in YAML 1.1 `NO` is false, 12:30 is 750 and a date is no text.
"""

import re
from typing import Any

import yaml

from flows.engine.graph import MAX_DEPTH

_MAX_DIRECTIVES = 100
"""Tags that a text may give names of its own (`%TAG`); the C library compares each with all before it."""
_TAG = "tag:yaml.org,2002:"
_WORDS = {"": None, "~": None} | {
    form: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.title(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+)")
_FIRST_OF_NUMBERS = frozenset("-+.0123456789")
_NO_KEY, _MERGE = object(), object()


class NotYaml(ValueError):
    """The text is not YAML, or holds what JSON has no value for; the text says where."""


def parse_yaml(text: str, most: int) -> Any:
    """The value of a text of one document; raises NotYaml, also for more than `most` values that are written in it.

    Aliases lead to one and the same value, so written out it can be much larger. Merge keys (`<<`) are taken. Of a key
    that stands twice the last counts, as in JSON.
    """
    if text.count("%TAG") > _MAX_DIRECTIVES:
        raise NotYaml(f"Not YAML: %TAG stands in it more than {_MAX_DIRECTIVES} times.")
    # The C parser where there is one; it lets other threads in between two events.
    parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    builder = _Builder(most)
    try:
        while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
            builder.take(event)
    except NotYaml:
        raise
    except yaml.MarkedYAMLError as error:
        raise _refusal(error.problem, error.problem_mark) from None
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(f"Not YAML: {str(error)[:200]}.") from None
    finally:
        parser.dispose()
    return builder.root


class _Builder:
    """Puts values together: `holder` is the collection under way, `outer` those around it."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most
        self.root: Any = None
        self.documents = 0
        self.holder: Any = None
        self.key: Any = _NO_KEY
        self.merged: list[dict[str, Any]] = []
        self.outer: list[tuple[Any, Any, list[dict[str, Any]], str | None]] = []
        self.anchors: dict[str, Any] = {}

    def take(self, event: Any) -> None:
        """One event of the parser; raises NotYaml."""
        kind = type(event)
        if kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
            self._take_value(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open({} if kind is yaml.MappingStartEvent else [], event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                raise _refusal("a second document begins, and one is read", event.start_mark)

    def _take_value(self, event: Any) -> None:
        is_key = self.key is _NO_KEY and type(self.holder) is dict
        if type(event) is yaml.AliasEvent:
            if event.anchor not in self.anchors:
                raise _refusal(f"*{event.anchor} leads to nothing, or to what it stands in", event.start_mark)
            value = self.anchors[event.anchor]
        else:
            value = event.value if is_key else _scalar(event)
            if event.anchor:
                self.anchors[event.anchor] = value
        if not is_key:
            self._put(value, event)
        elif isinstance(value, str):
            self.key = _MERGE if value == "<<" and type(event) is yaml.ScalarEvent and event.implicit[0] else value
        else:
            raise _refusal("a key is a text", event.start_mark)

    def _open(self, holder: Any, event: Any) -> None:
        if self.key is _NO_KEY and type(self.holder) is dict:
            raise _refusal("a key is a text", event.start_mark)
        if len(self.outer) >= MAX_DEPTH:
            raise NotYaml("The document is nested too deep.")
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise _refusal(f"JSON has nothing for the tag {event.tag!r}", event.start_mark)
        self.outer.append((self.holder, self.key, self.merged, event.anchor))
        self.holder, self.key, self.merged = holder, _NO_KEY, []

    def _close(self, event: Any) -> None:
        value = self.holder
        for other in self.merged:
            self._count(len(other))
            for name in other:
                value.setdefault(name, other[name])
        self.holder, self.key, self.merged, anchor = self.outer.pop()
        # Known from its end on, so nothing can stand in itself.
        if anchor:
            self.anchors[anchor] = value
        self._put(value, event)

    def _put(self, value: Any, event: Any) -> None:
        self._count(1)
        if type(self.holder) is list:
            self.holder.append(value)
        elif self.holder is None:
            self.root = value
        else:
            if self.key is _MERGE:
                others = value if isinstance(value, list) else [value]
                if not all(isinstance(other, dict) for other in others):
                    raise _refusal("what is merged (<<) is an object, or a list of objects", event.start_mark)
                self.merged += others
            else:
                self.holder[self.key] = value
            self.key = _NO_KEY

    def _count(self, more: int) -> None:
        self.left -= more
        if self.left < 0:
            raise NotYaml(f"The document holds more than {self.most:,} values.")


def _scalar(event: Any) -> Any:
    """The JSON value of a scalar; raises NotYaml for a tag that no JSON value has."""
    text: str = event.value
    if event.tag in (None, "!"):
        if not event.implicit[0]:
            return text
    elif event.tag == f"{_TAG}str":
        return text
    elif event.tag not in (f"{_TAG}null", f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float"):
        raise _refusal(f"JSON has nothing for the tag {event.tag!r}", event.start_mark)
    if text[:1] in _FIRST_OF_NUMBERS and text:
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
    return _WORDS.get(text, text)


def _refusal(problem: Any, mark: Any) -> NotYaml:
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return NotYaml(f"Not YAML{place}: {problem}.")
