"""Event streams when the process ends: left alone, sse-starlette cuts them all at SIGTERM, answers under way too."""

from sse_starlette.sse import AppStatus

AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


def end_all() -> None:
    """End every open event stream of this process, within half a second."""
    AppStatus.should_exit = True
