"""How a value from outside is rebuilt as JSON, how much of it at most, and what its keys are as text.

What comes out of the sandbox and is beyond this fails its node; what is recorded is cut to it.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 64
"""Levels of objects and lists in each other."""

MAX_VALUES = 100_000
"""Values in all, those of objects and lists counted one by one."""

_MAX_BITS = 14_284  # the most that 4300 digits hold; Python refuses to print more


def is_too_long(number: int) -> bool:
    """Whether a whole number has more than 4300 digits."""
    return number.bit_length() > _MAX_BITS


def key_text(key: Any) -> str | None:
    """A key as JSON writes it: `null`, `true`, `7`, `1.5`; None for what is no text, number or null.

    A whole number must not be too long.
    """
    if isinstance(key, str):
        return str(key)
    return json.dumps(key) if key is None or isinstance(key, int | float) else None


Above = tuple[int, ...]
"""The identities of the containers around a value, from the outermost; there are as many as it is levels deep."""


class Rebuilding(ABC):
    """Rebuilds one value, without recursion: each container is made empty, and filled when its turn comes."""

    def __init__(self) -> None:
        self._todo: list[tuple[Any, Any, Above]] = []

    def rebuild(self, value: Any, above: Above = ()) -> Any:
        """What the value becomes, and all in it."""
        top = self.converted(value, above)
        while self._todo:
            source, target, above = self._todo.pop()
            if isinstance(target, list):
                target.extend([self.converted(child, above) for child in source])
                continue
            for key, child in source.items():
                self.put(target, key, child, above)
        return top

    def container(self, source: Any, above: Above) -> Any:
        """An object for a mapping, else a list, to be filled with what the source holds."""
        target: Any = {} if isinstance(source, Mapping) else []
        self._todo.append((source, target, (*above, id(source))))
        return target

    @abstractmethod
    def converted(self, value: Any, above: Above) -> Any:
        """What a value becomes; `container` for one with others in it."""

    def put(self, target: dict[str, Any], key: Any, child: Any, above: Above) -> None:
        """Set an entry of an object; its name becomes what a value does."""
        target[self.converted(key, above)] = self.converted(child, above)
