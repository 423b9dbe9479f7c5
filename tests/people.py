"""A person whose browser runs no scripts: pages and forms of a live server over plain HTTP."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from tests.live import LiveServer


@dataclass
class Person:
    """Somebody who is logged in."""

    http: httpx2.Client
    token: str = ""

    def get(self, path: str) -> str:
        """The page at an address, whatever its status."""
        return self._page(self.http.get(path))

    def post(self, path: str, **values: str | list[str]) -> str:
        """Send a form as the page at its address would; gives the address where that ended."""
        answer = self.http.post(path, data=values | {"csrfmiddlewaretoken": self.token})
        self._page(answer)
        return answer.url.path

    def _page(self, answer: httpx2.Response) -> str:
        found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer.text


@contextmanager
def person(server: LiveServer) -> Iterator[Person]:
    """The demo's administrator."""
    with httpx2.Client(base_url=server.url, follow_redirects=True, timeout=30) as http:
        somebody = Person(http)
        somebody.get("/login/")
        somebody.post("/login/", username=server.credentials["username"], password=server.credentials["password"])
        yield somebody
