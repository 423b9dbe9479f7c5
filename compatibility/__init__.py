"""How others take what FlowHub offers, and what it makes of their documents; see README.md."""
