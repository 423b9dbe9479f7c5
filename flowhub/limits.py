"""Every limit of the code, read from its source: what `docs/limits.md` lists.

A limit is a constant of a module or class whose name begins with MAX_. What it means is the string below it, or the
comment above or beside it, so the page cannot say anything else than the code.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

PACKAGES = ("flowhub", "mcp_bridge", "executions", "flows")

HEAD = """# Limits

What FlowHub holds to, package by package. `manage.py list_limits --write` makes this page from the constants in the
code; a test fails when the two differ. Where a variable is named, it sets the limit, and the value is its default.
"""

_NAME = re.compile(r"_?MAX_[A-Z0-9_]+\Z")
_UNITS = (("bytes", "bytes"), ("seconds", "s"), ("characters", "characters"))


@dataclass(frozen=True, slots=True)
class Limit:
    """One constant: `module` is its dotted name, `meaning` may be empty, `variable` is of the environment or empty."""

    module: str
    name: str
    value: int | float
    meaning: str
    variable: str = ""

    @property
    def shown(self) -> str:
        """The value with its unit, where the name or the first word about it says one: `64 KiB`, `3,600 s`."""
        words = f"{self.name.replace('_', ' ')} {self.meaning.partition(' ')[0]}".lower().split()
        unit = next((short for word, short in _UNITS if word in words), "")
        if unit == "bytes":
            for size, larger in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
                if self.value % size == 0:
                    return f"{self.value // size:,} {larger}"
        return f"{self.value:,} {unit}".strip()


def limits(root: Path) -> list[Limit]:
    """Every limit below `root`, by module, in the order of the source; raises ValueError for one that is no number."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return [limit for path in paths for limit in _limits_of(path.read_text(), _module(path.relative_to(root)))]


def page(found: list[Limit]) -> str:
    """The limits as Markdown, one table for each package."""
    parts = [HEAD]
    for package, of_package in groupby(found, lambda limit: limit.module.partition(".")[0]):
        rows = [f"| `{each.name}` | {each.shown} | {_cell(each)} | `{each.module}` |" for each in of_package]
        parts.append(
            "\n".join([f"## {package}", "", "| limit | value | of what | module |", "|---|---|---|---|", *rows, ""])
        )
    return "\n".join(parts)


def _cell(limit: Limit) -> str:
    words = f"{limit.meaning} `{limit.variable}`" if limit.variable else limit.meaning
    return words.strip().replace("|", "\\|")


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _limits_of(source: str, module: str) -> Iterator[Limit]:
    lines = source.splitlines()
    tree = ast.parse(source)
    scopes: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for scope in scopes:
        name = f"{module}.{scope.name}" if isinstance(scope, ast.ClassDef) else module
        for statement, following in pairwise([*scope.body, None]):
            match statement:
                case ast.Assign(targets=[ast.Name(id=constant)], value=value) if _NAME.match(constant):
                    number, variable = _value(value, f"{name}.{constant}")
                    yield Limit(name, constant, number, _meaning(lines, statement, following), variable)


def _value(node: ast.expr, where: str) -> tuple[int | float, str]:
    """A number, with the variable of the environment that it is the default of."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number, ""
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left, where)[0] * _value(right, where)[0], ""
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _value(left, where)[0] ** _value(right, where)[0], ""
        case ast.Call(args=[ast.Constant(value=str(variable)), default]):
            return _value(default, where)[0], variable
    raise ValueError(
        f"{where}: write the limit as a number or a product of numbers, so that docs/limits.md can list it."
    )


def _meaning(lines: list[str], statement: ast.stmt, following: ast.stmt | None) -> str:
    """The string below the statement, else the comment beside it, else the comment above it."""
    match following:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    _, _, beside = lines[(statement.end_lineno or statement.lineno) - 1].partition("  # ")
    if beside:
        return beside[:1].upper() + beside[1:].rstrip(".") + "."
    above: list[str] = []
    for line in reversed(lines[: statement.lineno - 1]):
        if not line.startswith("# ") or line.startswith("# ---"):
            break
        above.insert(0, line.removeprefix("# "))
    return " ".join(above)
