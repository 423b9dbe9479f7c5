"""What packages above this one lend to nodes; each says so when Django is ready."""

from flows.engine.node import ToolCaller


class Lending:
    """The ports that are filled from above; None until somebody does."""

    def __init__(self) -> None:
        self.tools: ToolCaller | None = None


lending = Lending()
"""What is lent in this process."""
