"""FlowHub's composition root, and the one place that says which version this is."""

__version__ = "0.2.0.dev0"
