"""A tool as its draft and as clients see it: what the lint says, what it costs a model, what changes for clients."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flows.engine.graph import Node
from flows.engine.node import RepliesAgain
from flows.engine.references import References
from flows.models import Flow, FlowVersion, Server
from flows.nodes.http_request import HttpRequest
from flows.nodes.offer import SwitchOffer
from flows.nodes.return_ import Return
from flows.nodes.return_content import ReturnContent
from flows.publishing import versions
from flows.publishing.callers import asked_kind, asking_node, graph_or_none
from flows.review import tokens
from flows.review.contract_diff.change import ContractChange
from flows.review.contract_diff.contracts import changes
from flows.review.definition_diff import InsideChange, inside_changes
from flows.review.lint.subject import LEVELS, Finding, Neighbour, Subject
from flows.review.lint.table import lint

DRAFT = "draft"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Requests that change nothing, if the other system keeps to RFC 9110, section 9.2.1."""


class UnknownVersion(LookupError):
    """A comparison names a version that the flow does not have."""


@dataclass(frozen=True, slots=True)
class Review:
    """A contract with what there is to say of it; `version` is None for the draft."""

    version: FlowVersion | None
    contract: dict[str, Any]
    findings: Sequence[Finding]
    tokens: tokens.Estimate
    effects: tuple[str, ...] = ()
    """The nodes that may change something outside, by name."""

    @property
    def name(self) -> str:
        """`draft`, or the version's number."""
        return str(self.version.number) if self.version else DRAFT

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many findings there are of each level that has any, the gravest first."""
        found = Counter(finding.level for finding in self.findings)
        return [(level, found[level]) for level in LEVELS if found[level]]

    @property
    def gravest(self) -> tuple[str, int] | None:
        """Errors or warnings, the graver of the two, and how many; None when there are only hints."""
        return next((each for each in self.counts if each[0] != "hint"), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changes for clients from one contract to another; each is named `draft` or by its version's number."""

    before: str
    after: str
    changes: Sequence[ContractChange]
    inside: Sequence[InsideChange] = ()
    """What changed inside the flow, which the contracts do not show."""

    @property
    def breaking(self) -> int:
        """How many changes may break clients."""
        return sum(change.verdict == "breaking" for change in self.changes)

    @property
    def total(self) -> int:
        """How many changes there are, of the tool and inside."""
        return len(self.changes) + len(self.inside)

    @property
    def verdict(self) -> str:
        """`same`, `compatible` or `breaking`."""
        return "breaking" if self.breaking else "compatible" if self.changes else "same"

    @property
    def words(self) -> str:
        """A few words for a list: `2 nodes added, 1 changed; parameter limit added`."""
        nodes = Counter(change.verdict for change in self.inside if change.kind == "node")
        inside = [f"{nodes[verdict]} {verdict}" for verdict in ("added", "changed", "removed") if nodes[verdict]]
        if inside:
            number, verdict = inside[0].split(" ", 1)
            inside[0] = f"{number} node{'' if number == '1' else 's'} {verdict}"
        kinds = dict.fromkeys(f"{change.kind}s" for change in self.inside if change.kind != "node")
        said = [", ".join(inside)] if inside else [f"{kind} changed" for kind in kinds]
        return "; ".join([*said, *dict.fromkeys(_worded(change) for change in self.changes)])


def _worded(change: ContractChange) -> str:
    """What of the tool changed: a parameter by its name, else its part."""
    part, _, rest = change.path.partition(".properties.")
    if part != "inputSchema" or not rest:
        return "tool renamed" if change.path == "name" else f"{change.path.split('.')[0]} changed"
    name, _, inner = rest.partition(".")
    return f"parameter {name} {change.kind if not inner and change.kind in {'added', 'removed'} else 'changed'}"


@dataclass(frozen=True, slots=True)
class ToolCost:
    """What one tool of a server takes of a model's context."""

    flow: Flow
    tokens: tokens.Estimate


def review_draft(flow: Flow) -> Review:
    """The tool as it would be published now."""
    return _review(flow, None, versions.contract_of(flow), flow.definition)


def review_live(flow: Flow) -> Review | None:
    """The tool that clients call now; None for a flow that is not published."""
    version = flow.published_version
    return _review(flow, version, version.contract, version.definition) if version else None


def compare(flow: Flow, before: str = "", after: str = DRAFT) -> Comparison | None:
    """Two states of a flow, each `draft` or a version's number; without `before`, what clients call now.

    None when clients call nothing yet. Raises UnknownVersion.
    """
    new = version_named(flow, after) or versions.as_version(flow)
    if not before:
        version = flow.published_version
        if version is None:
            return None
        before = str(version.number)
    old = version_named(flow, before) or versions.as_version(flow)
    return comparison_of(before, old, after, new)


def comparison_of(before: str, old: FlowVersion, after: str, new: FlowVersion) -> Comparison:
    """Two versions, of which either may not be stored, under the names that they are shown by."""
    settings = [{"timeoutSeconds": each.timeout_seconds, "answerSeconds": each.answer_seconds} for each in (old, new)]
    inside = inside_changes(old.definition, new.definition, *settings)
    return Comparison(before, after, changes(old.contract, new.contract), inside)


def with_words(versions_of_flow: Iterable[FlowVersion]) -> Iterator[tuple[FlowVersion, str]]:
    """Versions, newest first and without a gap, each with what it changed in a few words."""
    for version, former in pairwise([*versions_of_flow, None]):
        if version is not None:
            words = comparison_of("", former, "", version).words if former else "the first version"
            yield version, words or "nothing changed"


def reasons_to_ask(flow: Flow) -> list[str]:
    """What publishing the draft breaks for those who call the flow now, in words; each is a reason to ask first."""
    version, comparison = flow.published_version, compare(flow)
    if version is None or comparison is None:
        return []
    reasons = [f"{change.path}: {change.message}" for change in comparison.changes if change.verdict == "breaking"]
    if asking_node(graph_or_none(flow.definition)) and not asking_node(graph_or_none(version.definition)):
        reasons.append("it asks its caller now, and a flow that is called cannot ask")
    return reasons


def server_costs(server: Server) -> list[ToolCost]:
    """What the tools that clients of a server see take of a model's context, heaviest first."""
    flows = server.flows.callable().select_related("published_version").defer("definition")
    costs = [
        ToolCost(flow, tokens.estimate(flow.published_version.contract)) for flow in flows if flow.published_version
    ]
    return sorted(costs, key=lambda cost: -cost.tokens.total)


def contract_named(flow: Flow, name: str) -> dict[str, Any]:
    """A contract of a flow by its name, `draft` or a version's number; raises UnknownVersion."""
    version = version_named(flow, name)
    contract: dict[str, Any] = version.contract if version else versions.contract_of(flow)
    return contract


def version_named(flow: Flow, name: str) -> FlowVersion | None:
    """A version of a flow by its number, None for `draft`; raises UnknownVersion."""
    if name == DRAFT:
        return None
    number = int(name) if name.isdecimal() and len(name) < 10 else 0
    version = flow.versions.filter(number=number).first()
    if version is None:
        raise UnknownVersion(f"This flow has no version {name[:20]!r}; write the number of one, or {DRAFT}.")
    return version


def _review(flow: Flow, version: FlowVersion | None, contract: dict[str, Any], definition: Any) -> Review:
    others = Flow.objects.filter(server=flow.server_id).callable().exclude(pk=flow.pk).order_by("tool_name")
    contracts = others.values_list("published_version__contract", flat=True)
    graph = graph_or_none(definition)
    nodes = graph.order if graph else None
    unguarded = References(graph, versions.shape_of_arguments(contract["inputSchema"])).unguarded() if graph else ()
    effects = None if nodes is None else tuple(node.name for node in nodes if _may_change(node))
    subject = Subject(
        contract,
        server_slug=flow.server.slug,
        neighbours=[Neighbour(str(each.get("name", "")), str(each.get("description", ""))) for each in contracts],
        effects=effects,
        returns_json=any(node.type == Return.type and "json" in node.parameters for node in nodes or ()),
        only_text=bool(nodes) and not any(_may_answer_json(node) for node in nodes or ()),
        answers_audio=any(_answers_audio(node) for node in nodes or ()),
        asks=asked_kind(graph),
        switches=[node.name for node in nodes or () if node.type == SwitchOffer.type],
        is_public=flow.server.access == Server.Access.PUBLIC,
        unguarded=[(f"definition.{place}", path) for place, path in unguarded],
    )
    return Review(version, contract, lint(subject), tokens.estimate(contract), effects or ())


def _may_change(node: Node) -> bool:
    """Whether a node may change something outside; a request whose method is safe does not."""
    reads = node.type == HttpRequest.type and node.parameters.get("method", "GET") in _SAFE_METHODS
    return node.registered.node_type.has_effects and not reads


def _may_answer_json(node: Node) -> bool:
    """Whether a node may answer with a JSON value; what a node type of somebody else answers with is not known."""
    if node.type == Return.type:
        return "text" not in node.parameters
    return node.type != ReturnContent.type and isinstance(node.registered.node_type, RepliesAgain)


def _answers_audio(node: Node) -> bool:
    blocks = node.parameters.get("content") if node.type == ReturnContent.type else ()
    return isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "audio" for block in blocks
    )
