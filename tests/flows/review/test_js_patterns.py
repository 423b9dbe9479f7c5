"""Which patterns JavaScript refuses."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from flows.review.lint.js_patterns import fault

PATTERNS = {
    r"^[^\@]+\@x$": r"\@",
    r"^[\w-.]+$": r"\w-.",
    r"^[a-\d]$": r"a-\d",
    r"\Ax\z": r"\A",
    r"\_": r"\_",
    r"(?i)x": "(?i)",
    r"(?P<n>x)": "(?P<",
    r"(?s:x)": "(?s:",
    r"[[:alpha:]]": "[:",
    r"a}": "}",
    r"]": "]",
    r"{": "{",
    r"a{,3}": "a{",
    r"a++": "++",
    r"^*": "^*",
    r"\b+": "b+",
    r"^[A-Z]{3}-\d{4}$": "",
    r"^\+?[0-9 ]+$": "",
    r"[+\-*/]": "",
    r"[\w-]": "",
    r"[-\w.]": "",
    r"[^\]]+": "",
    r"\p{L}+?": "",
    r"(?<year>\d+)(?:x)*": "",
    r"a{2,3}?": "",
    r"\u{41}\x41\0": "",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_part_that_javascript_refuses_is_named(pattern: str) -> None:
    assert fault(pattern) == PATTERNS[pattern]


@pytest.mark.node
def test_javascript_itself_says_the_same() -> None:
    program = (
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map((pattern) => {"
        "try { new RegExp(pattern, 'u'); return true } catch { return false } })))"
    )
    node = Path(os.environ["FLOWHUB_TEST_NODE"], "node")
    ran = subprocess.run(
        [node, "-e", program, json.dumps(list(PATTERNS))], capture_output=True, text=True, timeout=30, check=True
    )
    said = dict(zip(PATTERNS, json.loads(ran.stdout), strict=True))
    # ECMAScript 2025 takes modifiers, older clients do not: what one of them refuses is named.
    del said[r"(?s:x)"]
    assert said == {pattern: not PATTERNS[pattern] for pattern in said}
