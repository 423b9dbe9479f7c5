"""What `make run` builds from frontend/builder, as it is sent: compressed, and immutable by its name."""

import json

from tests.live import ROOT

FOLDER = ROOT / "dist" / "builder"
MANIFEST = FOLDER / ".vite" / "manifest.json"

MAX_OPENING_BYTES = 200_000
"""Of what a page with a graph loads before the graph is drawn."""
MAX_ALL_BYTES = 350_000
"""Of everything that is ever loaded, a worker for layouts aside."""


def opening_files(drawn_by: str = "src/build/open.tsx") -> set[str]:
    """What the entry and the editor need, with what those import and their styles; names below `FOLDER`.

    A graph to look at is `drawn_by` `src/draw.tsx`.
    """
    manifest = json.loads(MANIFEST.read_text())
    files, waiting = set(), ["src/main.ts", drawn_by]
    while waiting:
        entry = manifest[waiting.pop()]
        files |= {entry["file"], *entry.get("css", ())}
        waiting += entry.get("imports", ())
    return files


def all_files() -> set[str]:
    """Every script and style that belongs to this build; `make dev` leaves those of earlier ones where they are."""
    entries = json.loads(MANIFEST.read_text()).values()
    return {name for entry in entries for name in (entry["file"], *entry.get("css", ()))}


def sent_bytes(files: set[str]) -> int:
    """What these come to, each compressed as its neighbour `.gz` is."""
    return sum((FOLDER / f"{name}.gz").stat().st_size for name in files)
