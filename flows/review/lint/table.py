"""All rules, in the order in which they are asked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flows.review.lint import behaviour, frameworks, names, neighbours, parameters, portability, words
from flows.review.lint.subject import LEVELS, Finding, Level, Note, Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the lint: its id, which never changes, how grave it is, and the function that looks."""

    id: str
    level: Level
    look: Callable[[Subject], Iterable[Note]]


RULES: Sequence[Rule] = (
    Rule("name-characters", "error", names.characters),
    Rule("name-widest", "warning", names.widest),
    Rule("name-with-server", "warning", names.with_server),
    Rule("name-vague", "warning", names.vague),
    Rule("name-near", "warning", neighbours.near),
    Rule("description-missing", "error", words.missing),
    Rule("description-short", "warning", words.short),
    Rule("description-long", "warning", words.long),
    Rule("description-too-long", "warning", words.too_long),
    Rule("description-twin", "warning", neighbours.twin),
    Rule("when-to-use", "warning", words.when),
    Rule("when-not-to-use", "hint", words.when_not),
    Rule("parameter-name", "error", names.parameter_characters),
    Rule("parameter-vague", "hint", names.parameter_vague),
    Rule("parameter-description", "warning", parameters.undescribed),
    Rule("parameter-type", "warning", parameters.untyped),
    Rule("parameter-default", "hint", parameters.without_default),
    Rule("parameter-unguarded", "warning", parameters.unguarded),
    Rule("enum-size", "warning", parameters.many_values),
    Rule("schema-choice-at-root", "error", portability.choice_at_root),
    Rule("schema-recursion", "warning", portability.recursion),
    Rule("schema-depth", "warning", portability.depth),
    Rule("schema-size", "warning", portability.size),
    Rule("schema-slow", "warning", parameters.slow),
    Rule("schema-reference", "hint", portability.references),
    Rule("type-list", "warning", frameworks.type_lists),
    Rule("parameter-kept-name", "warning", frameworks.kept_names),
    Rule("parameter-alternatives", "warning", frameworks.alternatives),
    Rule("schema-tuple", "warning", frameworks.tuples),
    Rule("schema-fraction", "warning", frameworks.fractions),
    Rule("pattern-javascript", "warning", frameworks.patterns),
    Rule("answer-audio", "warning", frameworks.audio),
    Rule("asks", "hint", frameworks.asking),
    Rule("openai-map", "hint", frameworks.maps),
    Rule("openai-open-object", "hint", portability.open_objects),
    Rule("openai-optional", "hint", portability.optional_parameters),
    Rule("openai-keyword", "hint", portability.strict_keywords),
    Rule("gemini-keyword", "hint", portability.gemini_keywords),
    Rule("annotation-wrong", "error", behaviour.wrong_annotation),
    Rule("annotation-unknown", "warning", behaviour.unknown_annotation),
    Rule("annotation-contradiction", "warning", behaviour.contradiction),
    Rule("annotation-read-only", "hint", behaviour.could_be_read_only),
    Rule("annotation-missing", "hint", behaviour.says_nothing),
    Rule("annotation-not-read-only", "hint", behaviour.may_not_be_read_only),
    Rule("output-schema", "hint", behaviour.no_output_schema),
    Rule("output-schema-unmet", "error", behaviour.unmet_output_schema),
    Rule("offer-public", "error", behaviour.switched_by_strangers),
    Rule("server-size", "hint", neighbours.many),
)

MAX_OF_A_RULE = 20
"""Findings of one rule that are shown."""


def lint(subject: Subject) -> list[Finding]:
    """Ask every rule; the gravest findings first, then in the order of the rules; at most 20 of one rule."""
    found = [
        Finding(rule.id, rule.level, path, message)
        for rule in RULES
        for path, message in list(rule.look(subject))[:MAX_OF_A_RULE]
    ]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))
