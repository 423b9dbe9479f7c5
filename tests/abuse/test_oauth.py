"""Clients that sign in, and what is refused to them and to whoever plays one."""

import base64
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from tests.live import LiveServer
from tests.people import Person, person
from tests.signing_in import CALLBACK, answer

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {}}}
PEOPLE = """
from django.contrib.auth import get_user_model
from flows.models import Membership, Server
for name in ("ida", "joe"):
    user = get_user_model().objects.create_user(name, password=name * 4)
    Membership.objects.create(server=Server.objects.get(slug="demo"), user=user, role="viewer")
"""


class Program:
    """A client that registered itself, and does what a test says."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.http = httpx2.Client(base_url=server.url, timeout=30)
        self.resource = f"{server.url}/mcp/demo"
        self.id = self.register(token_endpoint_auth_method="none").json()["client_id"]

    def register(self, **metadata: Any) -> httpx2.Response:
        return self.http.post("/oauth/register/", json={"client_name": "A", "redirect_uris": [CALLBACK]} | metadata)

    def page(self, **other: Any) -> str:
        """The address of the consent page; a value of None is left out."""
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "state": "s1",
            "scope": "mcp:call",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": self.resource,
        } | other
        return "/oauth/authorize/?" + urlencode({k: v for k, v in asked.items() if v is not None}, doseq=True)

    def code(self, somebody: Person, **other: Any) -> str:
        return answer(somebody, self.page(**other))["code"]

    def exchange(self, code: str, **other: Any) -> httpx2.Response:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "resource": self.resource,
        } | other
        return self.http.post("/oauth/token/", data=sent)

    def refresh(self, token: str, **other: Any) -> httpx2.Response:
        sent = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.id} | other
        return self.http.post("/oauth/token/", data=sent)

    def pair(self, somebody: Person) -> dict[str, Any]:
        answered = self.exchange(self.code(somebody))
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    def lists(self, token: str, slug: str = "demo") -> int:
        """The status of a call with a token."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/list",
        }
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = LIST | {"params": {"_meta": meta}}
        return self.http.post(f"/mcp/{slug}", json=message, headers=headers).status_code


@pytest.fixture(scope="module")
def program(uvicorn_server: LiveServer) -> Iterator[Program]:
    made = Program(uvicorn_server)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def somebody(uvicorn_server: LiveServer) -> Iterator[Person]:
    with person(uvicorn_server) as found:
        yield found


@pytest.fixture(scope="module")
def people(uvicorn_server: LiveServer) -> LiveServer:
    uvicorn_server.manage("shell", "--verbosity", "0", "--command", PEOPLE)
    return uvicorn_server


@contextmanager
def as_(server: LiveServer, name: str) -> Iterator[Person]:
    """Somebody of PEOPLE at a browser of their own."""
    with httpx2.Client(base_url=server.url, follow_redirects=True, timeout=30) as http:
        found = Person(http)
        found.get("/login/")
        found.post("/login/", username=name, password=name * 4)
        yield found


def sent_back(somebody: Person, address: str) -> dict[str, str]:
    """What the client is told at once, without a question to the person."""
    answered = somebody.http.get(address, follow_redirects=False)
    assert answered.status_code == 302, answered.text
    return dict(httpx2.URL(answered.headers["location"]).params)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": ""}, "invalid_target"),
        ({"resource": ["{here}/mcp/demo", "{here}/mcp/internal"]}, "invalid_target"),
        ({"resource": "{here}/mcp/nowhere"}, "invalid_target"),
        ({"resource": "https://evil.example/mcp/demo"}, "invalid_target"),
        ({"resource": "{here}/mcp/demo?x=1"}, "invalid_target"),
        ({"resource": "{here}/mcp/demo#x"}, "invalid_target"),
        ({"resource": "{here}/mcp/demo/more"}, "invalid_target"),
        ({"scope": "mcp:call flows:write"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unauthorized_client"),
    ],
)
def test_what_is_asked_wrongly_leads_back_with_the_error_and_who_says_so(
    program: Program, somebody: Person, changed: dict[str, Any], error: str
) -> None:
    here = program.server.url
    values = {
        name: [each.format(here=here) for each in value]
        if isinstance(value, list)
        else value and value.format(here=here)
        for name, value in changed.items()
    }
    told = sent_back(somebody, program.page(**values))
    assert (told["error"], told["state"], told["iss"]) == (error, "s1", here)
    assert "code" not in told


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://127.0.0.1:9/other"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": "https://evil.example/callback"},
        {"client_id": "nobody"},
    ],
)
def test_nobody_is_sent_where_the_client_did_not_say(
    program: Program, somebody: Person, changed: dict[str, str]
) -> None:
    answered = somebody.http.get(program.page(**changed), follow_redirects=False)
    assert answered.status_code == 400
    assert "location" not in answered.headers


def test_who_cancels_sends_the_client_the_word(program: Program, somebody: Person) -> None:
    told = answer(somebody, program.page(), "cancel")
    assert told == {"error": "access_denied", "state": "s1", "iss": program.server.url} | (
        {"error_description": told["error_description"]} if "error_description" in told else {}
    )


def test_consent_is_given_in_the_browser_that_saw_the_question_and_once(people: LiveServer, program: Program) -> None:
    with as_(people, "joe") as joe, as_(people, "ida") as ida:
        found = re.search(r'name="key" value="([^"]+)"', joe.get(program.page()))
        assert found
        ida.get("/keys/")
        for somebody, status in ((ida, 400), (joe, 302), (joe, 400)):
            values = {"csrfmiddlewaretoken": somebody.token, "key": found[1], "allow": "1"}
            sent = somebody.http.post("/oauth/authorize/", data=values, follow_redirects=False)
            assert sent.status_code == status


def test_a_page_names_the_client_the_server_and_where_it_leads(program: Program, somebody: Person) -> None:
    made = program.register(client_name="Cl\u202eaude\x00 <b>", token_endpoint_auth_method="none").json()
    answered = somebody.http.get(program.page(client_id=made["client_id"]))
    assert made["client_name"] == "Claude <b>"
    assert "<bdi>Claude &lt;b&gt;</bdi>" in answered.text
    assert "<code>127.0.0.1:9</code>, a program on this computer" in answered.text
    assert "nobody has checked" in answered.text
    assert "lookup_order" in answered.text
    assert "form-action 'self' http://127.0.0.1:9;" in answered.headers["content-security-policy"] + ";"


def test_a_token_opens_its_server_alone_and_no_rest(program: Program, somebody: Person) -> None:
    token = program.pair(somebody)["access_token"]
    assert [program.lists(token), program.lists(token, "internal"), program.lists(token, "nowhere")] == [200, 401, 401]
    rest = program.http.get("/api/flows/", headers={"Authorization": f"Bearer {token}"})
    assert rest.status_code == 401


def test_a_code_is_good_once_and_ends_what_it_gave_when_it_comes_twice(program: Program, somebody: Person) -> None:
    code = program.code(somebody)
    wrong = [{"code_verifier": "w" * 64}, {"redirect_uri": CALLBACK + "2"}, {"resource": f"{program.resource}x"}]
    for changed in wrong:
        assert program.exchange(code, **changed).status_code == 400
    pair = program.exchange(code).json()
    assert program.lists(pair["access_token"]) == 200
    assert program.exchange(code).json()["error"] == "invalid_grant"
    assert program.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_eight_refreshes_at_once_keep_a_pair_that_works(program: Program, somebody: Person) -> None:
    first = program.pair(somebody)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: program.refresh(first["refresh_token"]), range(8)))
    assert [each.status_code for each in answers] == [200] * 8
    tokens = {each.json()["access_token"] for each in answers}
    assert len(tokens) == 8
    assert {program.lists(token) for token in tokens} == {200}
    last = program.refresh(answers[-1].json()["refresh_token"])
    assert last.status_code == 200
    assert (
        program.refresh(last.json()["refresh_token"], scope="mcp:call flows:write").json()["error"] == "invalid_scope"
    )
    assert program.refresh(last.json()["refresh_token"], resource="https://evil.example/mcp/x").status_code == 400


def test_a_refresh_token_that_comes_again_later_ends_its_family(program: Program, somebody: Person) -> None:
    first = program.pair(somebody)
    second = program.refresh(first["refresh_token"]).json()
    program.server.manage(
        "shell",
        "--verbosity",
        "0",
        "--command",
        "from datetime import timedelta\n"
        "from oauth2_provider.models import RefreshToken\n"
        "for each in RefreshToken.objects.exclude(revoked=None):\n"
        "    RefreshToken.objects.filter(pk=each.pk).update(revoked=each.revoked - timedelta(seconds=60))",
    )
    assert program.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert program.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert program.lists(second["access_token"]) == 401


def test_what_is_given_back_or_disconnected_lets_nobody_in(program: Program, somebody: Person) -> None:
    pair = program.pair(somebody)
    assert program.http.post("/oauth/revoke_token/", data={"token": "x", "client_id": program.id}).status_code == 200
    given = {"token": pair["access_token"], "client_id": program.id}
    assert program.http.post("/oauth/revoke_token/", data=given).status_code == 200
    assert program.lists(pair["access_token"]) == 401
    assert program.refresh(pair["refresh_token"]).status_code == 400
    pair = program.pair(somebody)
    found = re.findall(r"/clients/(\d+)/disconnect/", somebody.get("/clients/"))
    for each in found:
        assert somebody.post(f"/clients/{each}/disconnect/") == "/clients/"
    assert program.lists(pair["access_token"]) == 401
    assert program.refresh(pair["refresh_token"]).status_code == 400


@pytest.mark.parametrize(
    ("name", "change"),
    [("ida", "user.is_active = False; user.save()"), ("joe", "user.set_password('another'); user.save()")],
)
def test_who_is_switched_off_or_has_a_new_password_has_no_clients(
    people: LiveServer, program: Program, name: str, change: str
) -> None:
    with as_(people, name) as somebody:
        pair, code = program.pair(somebody), program.code(somebody)
    assert program.lists(pair["access_token"]) == 200
    command = (
        f"from django.contrib.auth import get_user_model as m; user = m().objects.get(username={name!r}); {change}"
    )
    people.manage("shell", "--verbosity", "0", "--command", command)
    assert program.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert program.exchange(code).json()["error"] == "invalid_grant"
    assert program.lists(pair["access_token"]) == 401


def test_registration_is_bounded(program: Program) -> None:
    refused = [
        {"redirect_uris": []},
        {"redirect_uris": [CALLBACK] * 11},
        {"redirect_uris": ["http://evil.example/callback"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://user@evil.example/"]},
        {"redirect_uris": ["https://client.example;sandbox/callback"]},
        {"redirect_uris": ["https://*.example/"]},
        {"redirect_uris": ["https://a.example/#x"]},
        {"redirect_uris": ["https://a.example/ https://b.example/"]},
        {"grant_types": ["authorization_code", "client_credentials"]},
        {"response_types": ["token"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"client_name": "a" * 20_000},
    ]
    assert [program.register(**each).status_code for each in refused] == [400] * len(refused)
    kept = program.register(token_endpoint_auth_method="client_secret_post").json()
    assert kept["token_endpoint_auth_method"] == "client_secret_post"
    while (answered := program.register(token_endpoint_auth_method="none")).status_code == 201:
        pass
    assert answered.status_code == 429
    assert int(answered.headers["retry-after"]) > 0


def test_pages_of_other_origins_may_ask_the_endpoints_and_are_given_no_cookie_s_rights(program: Program) -> None:
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    for address in ("/oauth/register/", "/oauth/token/", "/.well-known/oauth-protected-resource/mcp/demo"):
        answered = program.http.options(address, headers=asking)
        assert (answered.status_code, answered.headers["access-control-allow-origin"]) == (204, "*")
        assert "MCP-Protocol-Version" in answered.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in answered.headers
    assert "access-control-allow-origin" not in program.http.options("/oauth/authorize/", headers=asking).headers
