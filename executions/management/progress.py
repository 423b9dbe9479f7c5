"""How far a long command has come: a bar on a terminal, a line now and then in a log."""

import time
from typing import Any

WIDTH = 30
SECONDS_BETWEEN_LINES = 10.0


class ProgressBar:
    """Counts steps towards a total and shows them on `out`, a stream or a command's `stdout`."""

    def __init__(self, out: Any, label: str, total: int) -> None:
        self.out, self.label, self.total = out, label, total
        self.done = 0
        self.began = self.shown = time.monotonic()
        self.is_bar = out.isatty()

    def add(self, steps: int) -> None:
        """Some more is done."""
        self.done += steps
        if time.monotonic() - self.shown > (0.2 if self.is_bar else SECONDS_BETWEEN_LINES):
            self._show()

    def end(self) -> None:
        """Nothing more comes."""
        self._show()
        if self.is_bar:
            self.out.write("\n")
        self.out.flush()

    def _show(self) -> None:
        self.shown = time.monotonic()
        share = min(self.done / self.total, 1.0) if self.total else 1.0
        speed = self.done / max(self.shown - self.began, 0.001)
        text = f"{self.label} {self.done:,} of {self.total:,} ({share:.0%}, {speed:,.0f}/s)"
        full = round(share * WIDTH)
        line = f"\r[{'#' * full}{'.' * (WIDTH - full)}] {text}\x1b[K" if self.is_bar else f"{text}\n"
        self.out.write(line, **({"ending": ""} if hasattr(self.out, "style_func") else {}))
        self.out.flush()
