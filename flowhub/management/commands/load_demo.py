"""`manage.py load_demo`: a server with all that it can offer, an administrator and a key. Again, it changes nothing."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from flowhub import credentials, demo
from flowhub.credentials import Credentials
from flows.models import Flow, Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from mcp_bridge.models import ApiKey, hash_key, new_key

USERNAME = "admin"


class Command(BaseCommand):
    """Load the demo; what a person has changed since stays."""

    help = "Load the demo server, its flows, the admin login and an API key. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make whatever is missing, in one transaction."""
        kept = credentials.read() or Credentials(USERNAME, secrets.token_urlsafe(12), new_key())
        # Written first: a database that holds them without the file would lock the newcomer out.
        credentials.write(kept)
        with transaction.atomic():
            user = self._user(kept)
            made = self._flows(user)
            self._key(user, kept)
        self.stdout.write(f"Demo loaded: {made} new flows.")

    def _user(self, kept: Credentials) -> Any:
        users = get_user_model().objects
        user = users.filter(username=kept.username).first()
        return user or users.create_superuser(kept.username, password=kept.password)

    def _key(self, user: Any, kept: Credentials) -> None:
        if not ApiKey.objects.filter(key_hash=hash_key(kept.key)).exists():
            ApiKey.issue(user, "demo", key=kept.key, servers=Server.objects.filter(slug=demo.SERVER["slug"]))

    def _flows(self, user: Any) -> int:
        server, is_new = Server.objects.get_or_create(slug=demo.SERVER["slug"], defaults=demo.SERVER | {"owner": user})
        if not is_new and server.flows.exists():
            return 0
        for values in demo.FLOWS:
            versions.publish(Flow.objects.create(server=server, **values), user)
        server.flows.get(tool_name="greet").cases.create(**demo.GREET_CASE)
        for values in demo.PROMPTS:
            save_offer(Prompt(server=server, **values))
        for values in demo.RESOURCES:
            flow = server.flows.filter(tool_name=values.get("flow")).first()
            save_offer(Resource(server=server, **values | {"flow": flow}))
        return len(demo.FLOWS)
