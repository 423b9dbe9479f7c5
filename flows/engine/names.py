"""How names are written that flows call things by: regular expressions that a whole text has to match."""

SNAKE_CASE = "[a-z][a-z0-9_]{0,63}"
"""The tool name of a flow, and the slug of a node."""

UPPER_CASE = "[A-Z][A-Z0-9_]{0,63}"
"""The name of a secret, as in `{{ secrets.API_KEY }}`."""
