"""The page of what FlowHub holds to names tests that there are, and is the one that the rules make."""

from tests import rules
from tests.live import ROOT


def test_each_rule_names_a_test_that_there_is() -> None:
    assert list(rules.missing_tests()) == []


def test_the_page_holds_the_rules() -> None:
    assert (ROOT / "docs" / "conformance.md").read_text().startswith(rules.page())
