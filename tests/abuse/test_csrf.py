"""A page of another site, which a browser sends the cookies of the person along with: every door that takes more than
GET asks for a token that such a page cannot know.

The doors are those of the access matrix, so made from the URLconf: a new one that does without fails here.
"""

from http.cookies import SimpleCookie
from typing import Any

from django.test import Client

from tests.abuse.test_matrix import shared
from tests.doors import address_of, doors

WITHOUT_A_TOKEN = {
    "oauth:register": "A client registers itself, as nobody.",
    "oauth:token": "The client shows what it has: a code with its verifier, or a refresh token.",
    "oauth:revoke": "Whoever holds a token may end it.",
    "demo-chat": "Stands for another system, which knows nobody.",
}
"""Doors that take POST from anywhere, each with why it may: none of them looks at cookies.

MCP is no door of the URLconf, takes no cookies and asks for a key. REST is asked with cookies here; with a key it needs
no token, as `test_rest_auth` has it.
"""


def test_no_door_takes_a_change_by_cookies_alone(db: Any) -> None:
    world = shared()
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(world.people["superuser"])
    cookies = SimpleCookie(client.cookies)
    unasked, refused = [], 0
    for door in [door for door in doors() if door.method != "GET"]:
        client.cookies = SimpleCookie(cookies)
        body = '{"nonsense": 1}' if hasattr(door.view, "cls") else "nonsense=1"
        form = "application/json" if hasattr(door.view, "cls") else "application/x-www-form-urlencoded"
        answer = client.generic(door.method, address_of(door, world.ids), body, form)
        said = answer.content.decode()
        if answer.status_code == 403 and ("This form has expired" in said or "CSRF Failed" in said):
            refused += 1
        elif answer.status_code != 405:
            unasked.append(door.name)
    assert (refused > 200, sorted(unasked)) == (True, sorted(WITHOUT_A_TOKEN))
