"""Who may watch less than before hears so at once: the sockets of a person look again at what they are permitted.

That is when a person is switched off, loses a part in a server, or a session of theirs ends: by a log-out, or because
somebody else ended it. Changes that Django sends no signal for are seen at the next look (`consumers.RECHECK_SECONDS`),
and so are those that another process makes where no Redis passes them on.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from executions.live.announcer import announcer
from flows.models import Membership


def look_again(person_id: Any) -> None:
    """Have the sockets of a person look again, once the current transaction is committed."""
    transaction.on_commit(lambda: announcer.look_again(person_id))


def _person_saved(sender: Any, instance: Any, update_fields: Any = None, **kwargs: Any) -> None:
    if update_fields is None or "last_login" not in update_fields:
        look_again(instance.pk)


def _membership_deleted(sender: Any, instance: Membership, **kwargs: Any) -> None:
    look_again(instance.user_id)


def _session_deleted(sender: Any, instance: Session, **kwargs: Any) -> None:
    if (person_id := instance.get_decoded().get(SESSION_KEY)) is not None:
        look_again(person_id)


def watch() -> None:
    """Begin to listen to what the models say."""
    post_save.connect(_person_saved, get_user_model())
    post_delete.connect(_membership_deleted, Membership)
    post_delete.connect(_session_deleted, Session)
