"""Clients that sign in, and what is refused to them and to whoever plays one."""
