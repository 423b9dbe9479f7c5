"""What an HTTP method promises (RFC 9110 9.2)."""

ANNOTATIONS: dict[str, dict[str, bool]] = {
    "GET": {"readOnlyHint": True},
    "HEAD": {"readOnlyHint": True},
    "OPTIONS": {"readOnlyHint": True},
    "PUT": {"destructiveHint": True, "idempotentHint": True},
    "DELETE": {"destructiveHint": True, "idempotentHint": True},
}
"""The annotations of a tool that sends one request; the other methods promise nothing."""
