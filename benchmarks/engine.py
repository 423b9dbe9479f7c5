"""What a node costs in a long flow, against one in a short flow: the engine alone, 100 set_fields nodes and 10.

    python benchmarks/engine.py --rounds 20

Each node takes a value from the one before it. Ends with status 1 when a node of the long flow costs more than 1.3
times one of the short flow, which is what anything that grows faster than the number of nodes comes to.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from typing import Any

ALLOWED = 1.3
SIZES = (10, 100)
NODES_A_ROUND = 2_000

DATA = tempfile.mkdtemp(prefix="flowhub-engine-")
os.environ["FLOWHUB_DATA"] = DATA

import _flowhub  # noqa: E402, F401

# isort: split
from flowhub.demo import line, node  # noqa: E402
from flows.engine.graph import Graph  # noqa: E402
from flows.engine.node import Services  # noqa: E402
from flows.engine.runner import run  # noqa: E402
from flows.publishing.versions import graph_of  # noqa: E402


def chain(size: int) -> dict[str, Any]:
    """The definition of a straight line of so many set_fields nodes after the trigger."""
    nodes, lines = [node("trigger", "trigger", "Call", 0)], []
    for number in range(size):
        before = nodes[-1]["slug"]
        nodes.append(node(f"n{number}", "set_fields", f"N{number}", number + 1, fields={"n": f"{{{{ {before}.n }}}}"}))
        lines.append(line(nodes[-2]["id"], nodes[-1]["id"]))
    return {"nodes": nodes, "connections": lines}


async def seconds_a_node(graph: Graph, size: int) -> float:
    """Processor time of one node, over NODES_A_ROUND of them."""
    times = NODES_A_ROUND // size
    began = time.process_time()
    for _ in range(times):
        outcome = await run(graph, {"n": 1}, services=Services())
        assert outcome.error is None, outcome.error
    return (time.process_time() - began) / (times * size)


def main() -> None:
    """Measure the two in turn and compare the best round of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    try:
        graphs = {size: graph_of(chain(size)) for size in SIZES}
        best = dict.fromkeys(SIZES, float("inf"))
        for _ in range(options.rounds):
            for size, graph in graphs.items():
                best[size] = min(best[size], asyncio.run(seconds_a_node(graph, size)))
    finally:
        shutil.rmtree(DATA)
    short, long = SIZES
    for size in SIZES:
        print(f"{size:>5} nodes: {best[size] * 1e6:6.2f} us a node")
    ratio = best[long] / best[short]
    print(f"ratio {ratio:.2f}, allowed {ALLOWED}")
    sys.exit(0 if ratio <= ALLOWED else 1)


if __name__ == "__main__":
    main()
