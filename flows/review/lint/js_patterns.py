"""What JavaScript makes of a regular expression: TypeScript clients compile those of a schema with the flag `u`.

ECMA-262, 22.2.1 (Patterns) with `u`: a backslash stands only before what has a meaning there, and braces and brackets
stand only where they group. FlowHub's own engine is more lenient in both.
"""

import re

_ESCAPES = re.compile(
    r"\\(?:[dDwWsSbBtnvfr]|0(?![0-9])|[1-9]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]+\}"
    r"|[pP]\{[\w=]+\}|k<\w+>|[\^$\\.*+?()\[\]{}|/])"
)
_GROUP = re.compile(r"\(\?(?:[:=!]|<[=!]|<[A-Za-z_$][\w$]*>)")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")
_SET = re.compile(r"\\[dDwWsSpP]")


def fault(pattern: str) -> str:  # noqa: C901 - the cases of a grammar, one below the other
    """Which part of a pattern JavaScript refuses; empty when it takes all of it."""
    at, in_class = 0, False
    repeats = False  # whether what stands before can be repeated: an atom, and no assertion and nothing repeated
    while at < len(pattern):
        char = pattern[at]
        length = 1
        if char == "\\":
            escape = _ESCAPES.match(pattern, at) or (in_class and re.match(r"\\-", pattern[at:]))
            if not escape:
                return pattern[at : at + 2]
            length = len(escape[0])
            if in_class and _SET.match(pattern, at) and re.match(r"-[^\]]", pattern[at + length :]):
                return pattern[at : at + length + 2]
            repeats = in_class or escape[0] not in (r"\b", r"\B")
        elif in_class:
            in_class = char != "]"
            if char == "-" and _SET.match(pattern, at + 1) and pattern[at - 1] != "[":
                return pattern[at - 1 : at + 3]
            if pattern.startswith("[:", at):
                return "[:"
            repeats = True
        elif char in "*+?{":
            quantifier = _QUANTIFIER.match(pattern, at)
            if not quantifier or not repeats:
                return pattern[max(0, at - 1) : at + 1]
            length = len(quantifier[0])
            repeats = False
        else:
            if char == "[":
                in_class = True
                length += pattern.startswith("^", at + 1)
            elif char in "]}":
                return char
            elif pattern.startswith("(?", at):
                group = _GROUP.match(pattern, at)
                if not group:
                    return pattern[at : at + 4]
                length = len(group[0])
            repeats = char not in "^$(|"
        at += length
    return ""
