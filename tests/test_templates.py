"""What every template keeps to, so that a change of a page can be read as a diff."""

import re

from tests.live import ROOT

FOLDER = ROOT / "templates"
TEXTS = {str(path.relative_to(FOLDER)): path.read_text() for path in sorted(FOLDER.rglob("*.html"))}
LONGEST_LINE = 160
OPENING = re.compile(r"(?:\{% extends [^%]+ %\}\s*)?(?:\{#(.*?)#\}|\{% comment %\}(.*?)\{% endcomment %\})", re.DOTALL)


def test_no_line_of_a_template_is_too_long_to_review() -> None:
    long = {name for name, text in TEXTS.items() if max(map(len, text.splitlines())) > LONGEST_LINE}
    assert long == set()


def test_every_template_opens_with_a_comment_that_lists_its_blocks_or_its_context() -> None:
    openings = {name: OPENING.match(text) for name, text in TEXTS.items()}
    told = {name for name, found in openings.items() if found and re.search("Context|Blocks", found[1] or found[2])}
    assert set(TEXTS) - told == set()
