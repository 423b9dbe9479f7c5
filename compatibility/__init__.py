"""What agent frameworks make of the schemas of a tool; see README.md."""
