"""The pure engine: from a definition to a graph, from a graph and arguments to an outcome. Imports no framework."""
