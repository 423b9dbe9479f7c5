"""What an HTTP method promises (RFC 9110 9.2)."""


def _hints(*, only_reads: bool = False, may_destroy: bool = False, may_repeat: bool = False) -> dict[str, bool]:
    return {
        "readOnlyHint": only_reads,
        "destructiveHint": may_destroy,
        "idempotentHint": may_repeat,
        "openWorldHint": True,
    }


ANNOTATIONS: dict[str, dict[str, bool]] = {
    "GET": _hints(only_reads=True, may_repeat=True),
    "HEAD": _hints(only_reads=True, may_repeat=True),
    "OPTIONS": _hints(only_reads=True, may_repeat=True),
    "PUT": _hints(may_destroy=True, may_repeat=True),
    "DELETE": _hints(may_destroy=True, may_repeat=True),
    "POST": _hints(may_destroy=True),
    "PATCH": _hints(may_destroy=True),
}
"""The annotations of a tool that sends one request; what a method does not promise is as MCP takes it to be."""
