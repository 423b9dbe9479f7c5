"""`manage.py runserver`: daphne's, which speaks ASGI.

daphne is no installed app: as one, it would bring Twisted into every process, also into those that uvicorn serves.
"""

from daphne.management.commands.runserver import Command

__all__ = ["Command"]
