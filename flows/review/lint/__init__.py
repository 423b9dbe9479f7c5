"""Hints for whoever writes a tool: what clients refuse, cut or do not understand, and what helps a model to call it.

Pure: a contract and a few facts in, findings out. A rule is a small function in one of the modules beside this one, and
a line of `table.RULES`; its id never changes, because people and scripts name it.
"""
