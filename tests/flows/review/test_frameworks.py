"""What frameworks were seen to stumble over is found by the lint, and the form that all of them take is not."""

import tomllib

import pytest

from compatibility.constructs import CONSTRUCTS, Construct
from flows.review.lint.subject import Subject
from flows.review.lint.table import lint
from tests.live import ROOT

FOR_FRAMEWORKS = {
    *("type-list", "schema-recursion", "parameter-kept-name", "parameter-alternatives", "schema-tuple"),
    *("schema-fraction", "pattern-javascript", "answer-audio", "openai-map"),
}
NAMED = ("LangChain", "LlamaIndex", "AutoGen", "semantic-kernel", "Genkit", "openai-agents", "TypeScript", "Anthropic")


@pytest.mark.parametrize("construct", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_a_construct_that_was_run_is_found_and_the_frameworks_are_named(construct: Construct) -> None:
    contract = {"name": "odd", "inputSchema": construct.schema}
    if construct.output:
        contract["outputSchema"] = construct.output
    kind, parameters = construct.answer
    is_audio = kind == "return_content" and any(block["type"] == "audio" for block in parameters["content"])
    found = [each for each in lint(Subject(contract, answers_audio=is_audio)) if each.rule in FOR_FRAMEWORKS]
    assert {each.rule for each in found} == ({construct.rule} if construct.rule else set())
    assert all(any(name in each.message for name in NAMED) for each in found)
    assert all(each.level == "warning" or each.rule == "openai-map" for each in found)


def test_the_table_of_the_docs_has_every_construct_and_every_framework() -> None:
    page = (ROOT / "docs" / "frameworks.md").read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows == ["construct", *(construct.title for construct in CONSTRUCTS.values())]
    frameworks = tomllib.loads((ROOT / "compatibility" / "frameworks.toml").read_text())
    pinned = [each["install"][0].replace("==", "@").rpartition("@")[2] for each in frameworks.values()]
    head = next(line for line in page.splitlines() if line.startswith("| construct"))
    columns = [f"{name}<br>{version}" for name, version in zip(frameworks, pinned, strict=True)]
    assert [cell.strip() for cell in head.split("|")[3:-1]] == columns
