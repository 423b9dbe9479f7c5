"""How operations of OpenAPI documents show who calls: with all credentials that they want, and none as an argument."""

import json
from typing import Any

import pytest

from executions.acting.trials import caller_of, try_out
from executions.running.targets import draft_target
from flows.publishing import versions
from flows.secrets.uses import meanings_in
from flows.transfer import openapi
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_server
from tests.flows.publishing.test_callers import rest
from tests.flows.transfer.test_openapi import Shop, imported, shop
from tests.flows.transfer.test_operations import brought, text_of
from tests.flows.transfer.test_operations import sent as sent_from

__all__ = ["shop"]  # the fixture

HEADER = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
QUERY = {"type": "apiKey", "in": "query", "name": "key"}
COOKIE = {"type": "apiKey", "in": "cookie", "name": "sid"}
CLIENT_FLOW = {"tokenUrl": "/oauth2/token", "scopes": {"read": "", "write": ""}}
LOGIN_FLOW = {"authorizationUrl": "https://login.test/auth", "tokenUrl": "https://login.test/token", "scopes": {}}
CLIENT = {"type": "oauth2", "flows": {"clientCredentials": CLIENT_FLOW}}
LOGIN = {"type": "oauth2", "flows": {"authorizationCode": LOGIN_FLOW}}
IMPLICIT = {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://login.test/auth", "scopes": {}}}}
BOTH = {"type": "oauth2", "flows": {"authorizationCode": LOGIN_FLOW, "clientCredentials": CLIENT_FLOW}}
SCHEMES = {
    "headerKey": HEADER,
    "queryKey": QUERY,
    "cookieKey": COOKIE,
    "basic": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "digest": {"type": "http", "scheme": "digest"},
    "certificate": {"type": "mutualTLS"},
    "signed": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "rawHeader": {"type": "apiKey", "in": "header", "name": "Authorization"},
    "client": CLIENT,
    "login": LOGIN,
    "implicit": IMPLICIT,
    "both": BOTH,
    "openId": {"type": "openIdConnect", "openIdConnectUrl": "https://id.test/.well-known"},
}

DIGEST = (
    "the credential 'digest' is of the HTTP scheme 'digest', which is computed for each request, and requests of flows "
    "do not do that"
)


def document_of(security: Any, *parameters: dict[str, Any], **schemes: Any) -> openapi.Document:
    operation = {"responses": {"200": {"description": "ok"}}, "parameters": list(parameters)}
    if security is not None:
        operation["security"] = security
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": operation}},
        "components": {"securitySchemes": SCHEMES | schemes},
    }
    return openapi.read(json.dumps(whole))


def operation_of(document: openapi.Document, credentials: str = "") -> openapi.Operation:
    [operation] = openapi.Operations(document, "https://api.test/v1", credentials).converted()
    return operation


def sent(document: openapi.Document, credentials: str = "") -> list[dict[str, Any]]:
    """The credentials of the one operation."""
    operation = operation_of(document, credentials)
    assert operation.flow is not None, operation.problem
    versions.graph_of(operation.flow["definition"])
    given = operation.flow["definition"]["nodes"][1]["parameters"]
    return [*([given["auth"]] if "auth" in given else []), *given.get("moreAuth", [])]


def kinds(document: openapi.Document, credentials: str = "") -> list[str]:
    return [auth["secret"].split()[1].removeprefix("secrets.") for auth in sent(document, credentials)]


def parameter(name: str, place: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": {"type": "string"}} | more


class TestSchemes:
    @pytest.mark.parametrize(
        ("requirement", "auth"),
        [
            (
                {"cookieKey": []},
                {"type": "cookie", "name": "sid", "secret": "{{ secrets.COOKIE_KEY }}"},
            ),
            ({"openId": []}, {"type": "bearer", "secret": "{{ secrets.OPEN_ID }}"}),
            (
                {"client": ["read", "write"]},
                {
                    "type": "oauth2ClientCredentials",
                    "tokenUrl": "https://api.test/oauth2/token",
                    "clientId": "{{ secrets.CLIENT_CLIENT_ID }}",
                    "secret": "{{ secrets.CLIENT_CLIENT_SECRET }}",
                    "scopes": "read write",
                },
            ),
            # The flow by client credentials does not give this scope, so a token has to come otherwise.
            ({"client": ["admin"]}, {"type": "bearer", "secret": "{{ secrets.CLIENT }}"}),
        ],
    )
    def test_each_kind_becomes_a_credential(self, requirement: Any, auth: Any) -> None:
        assert sent(document_of([requirement])) == [auth]

    @pytest.mark.parametrize(
        ("name", "note"),
        [
            (
                "client",
                "CLIENT_CLIENT_ID and CLIENT_CLIENT_SECRET go to https://api.test/oauth2/token, which gives access "
                "tokens for them",
            ),
            ("login", "LOGIN is an access token that you get yourself; it is not renewed"),
            (
                "rawHeader",
                "RAW_HEADER is the whole Authorization header, with the word before the token if there is one",
            ),
            ("nowhere", "the document does not describe the credential 'nowhere', which is not sent"),
        ],
    )
    def test_what_is_to_be_known_is_noted(self, name: str, note: str) -> None:
        assert operation_of(document_of([{name: []}])).notes == [note]

    @pytest.mark.parametrize(
        ("security", "problem"),
        [
            ([{"digest": []}], DIGEST),
            ([{"certificate": []}], "the credential 'certificate' (a client certificate) cannot be sent"),
            ([{"signed": []}], "each request has to be signed by the rules of AWS, which requests of flows are not"),
            (
                [{key: [] for key in ("headerKey", "queryKey", "cookieKey", "basic", "other", "certificate")}],
                "it wants 6 credentials at once; a request carries 5",
            ),
            (
                [{"digest": []}, {"certificate": []}],
                f"{DIGEST}; the credential 'certificate' (a client certificate) cannot be sent",
            ),
        ],
    )
    def test_what_cannot_be_sent_is_said(self, security: Any, problem: str) -> None:
        other = {"type": "apiKey", "in": "query", "name": "other"}
        operation = operation_of(document_of(security, other=other))
        assert (operation.flow, operation.problem) == (None, problem)

    @pytest.mark.parametrize(
        ("security", "auth", "other"),
        [
            (["basic", "bearer"], "basic", "bearer"),
            (["rawHeader", "bearer"], "header", "bearer"),
            (["bearer", "rawHeader"], "bearer", "rawHeader"),
        ],
    )
    def test_of_two_that_would_be_one_header_the_first_is_sent_and_the_other_can_be_chosen(
        self, security: list[str], auth: str, other: str
    ) -> None:
        document = document_of([{key: [] for key in security}])
        assert [each["type"] for each in sent(document)] == [auth]
        note = f"the credential {other!r} would be the Authorization header too; one can be sent"
        assert note in operation_of(document).notes
        assert [each.key for each in openapi.alternatives_of(document)] == security

    def test_two_names_for_one_key_are_one_credential(self) -> None:
        same = {"type": "apiKey", "in": "query", "name": "key"}
        document = document_of([{"queryKey": [], "again": []}], again=same)
        assert (kinds(document), operation_of(document).notes) == (["QUERY_KEY"], [])

    def test_a_scheme_of_http_that_nobody_knows_is_the_whole_header(self) -> None:
        document = document_of([{"own": []}], own={"type": "http", "scheme": "Token"})
        assert sent(document) == [{"type": "header", "name": "Authorization", "secret": "{{ secrets.OWN }}"}]
        note = "OWN is the whole Authorization header: Token, a blank, and the credential"
        assert operation_of(document).notes == [note]

    @pytest.mark.parametrize(
        "scheme",
        [
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "{{ secrets.OTHER }}"}}},
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "ftp://api.test/token"}}},
            {"type": "apiKey", "in": "cookie", "name": "{{ secrets.OTHER }}"},
            {"type": "apiKey", "in": ["header"], "name": "X"},
            {"$ref": "#/nowhere"},
            7,
        ],
    )
    def test_a_scheme_that_is_none_makes_no_flow(self, scheme: Any) -> None:
        document = document_of([{"odd": []}], odd=scheme)
        assert operation_of(document).flow is None
        assert openapi.alternatives_of(document) == []

    @pytest.mark.parametrize(
        "scheme", [{"type": "oauth2"}, {"type": "oauth2", "flows": {"implicit": 7, "password": []}}]
    )
    def test_a_login_without_flows_is_a_token_all_the_same(self, scheme: Any) -> None:
        assert sent(document_of([{"odd": "x"}], odd=scheme)) == [{"type": "bearer", "secret": "{{ secrets.ODD }}"}]


class TestSeveral:
    def test_all_that_are_wanted_at_once_are_sent(self) -> None:
        assert sent(document_of([{"headerKey": [], "basic": [], "queryKey": []}])) == [
            {"type": "header", "name": "X-Api-Key", "secret": "{{ secrets.HEADER_KEY }}"},
            {"type": "basic", "username": "{{ secrets.BASIC_USER }}", "secret": "{{ secrets.BASIC_PASSWORD }}"},
            {"type": "query", "name": "key", "secret": "{{ secrets.QUERY_KEY }}"},
        ]

    def test_two_flows_of_one_login_are_one_credential(self) -> None:
        security = [{"implicit": ["a"], "login": ["a"]}, {"implicit": ["b"], "login": ["b"]}]
        assert kinds(document_of(security)) == ["IMPLICIT"]
        assert openapi.alternatives_of(document_of(security)) == []

    @pytest.mark.parametrize(
        ("security", "expected"),
        [
            (None, []),
            ([], []),
            ([{}], []),
            ([{}, {"bearer": []}], []),
            ([{"bearer": []}, {}], ["BEARER"]),
            ([{"digest": []}, {"bearer": []}], ["BEARER"]),
            ([{"login": []}, {"headerKey": []}], ["LOGIN"]),
            ("nonsense", []),
        ],
    )
    def test_the_first_that_can_be_sent_is_taken(self, security: Any, expected: list[str]) -> None:
        assert kinds(document_of(security)) == expected

    def test_what_is_sent_without_a_credential_for_lack_of_one_is_noted(self) -> None:
        operation = operation_of(document_of([{"digest": []}, {}]))
        assert operation.notes == [f"no credential is sent: {DIGEST}"]

    def test_there_is_a_choice_of_those_that_can_be_sent(self) -> None:
        security = [{"login": []}, {"digest": []}, {"headerKey": [], "queryKey": []}, {}, {"both": ["read"]}]
        document = document_of(security)
        assert [(each.key, each.words, each.operations) for each in openapi.alternatives_of(document)] == [
            ("login", "OAuth 2 access token that you get yourself (login)", 1),
            (
                "headerKey+queryKey",
                "API key in the header X-Api-Key (headerKey) and API key in the query parameter key (queryKey)",
                1,
            ),
            ("none", "No credential", 1),
            ("both", "OAuth 2 access token that you get yourself (both)", 1),
            ("both:clientCredentials", "OAuth 2 client credentials (both)", 1),
        ]
        chosen = {each.key: kinds(document, each.key) for each in openapi.alternatives_of(document)}
        assert chosen == {
            "login": ["LOGIN"],
            "headerKey+queryKey": ["HEADER_KEY", "QUERY_KEY"],
            "none": [],
            "both": ["BOTH"],
            "both:clientCredentials": ["BOTH_CLIENT_SECRET"],
        }
        assert kinds(document, "of another document") == ["LOGIN"]

    def test_operations_count_and_those_without_a_choice_offer_none(self) -> None:
        paths = {
            "/a": {"get": {}, "post": {"security": [{"headerKey": []}]}, "put": {"security": 7}},
            "/b": {"get": {"security": []}, "parameters": 7},
            "/c": 7,
        }
        security = [{"bearer": []}, {"headerKey": []}]
        whole = {"openapi": "3.1.0", "paths": paths, "security": security, "components": {"securitySchemes": SCHEMES}}
        found = openapi.alternatives_of(openapi.read(json.dumps(whole)))
        assert [(each.key, each.operations) for each in found] == [("bearer", 1), ("headerKey", 2)]


class TestParameters:
    """Credentials that stand among the parameters; both sides of the rule."""

    @pytest.mark.parametrize(
        ("given", "secret"),
        [
            (parameter("api_key"), "API_KEY"),
            (parameter("apikey"), "APIKEY"),
            (parameter("access_token"), "ACCESS_TOKEN"),
            (parameter("X-RapidAPI-Key", "header"), "X_RAPID_API_KEY"),
            (parameter("X-Auth-Token", "header"), "X_AUTH_TOKEN"),
            (parameter("Ocp-Apim-Subscription-Key", "header"), "OCP_APIM_SUBSCRIPTION_KEY"),
            (parameter("Authorization", "header"), "AUTHORIZATION"),
            (parameter("private_token", "cookie"), "PRIVATE_TOKEN"),
            (parameter("client_secret", schema={"type": ["string", "null"]}), "CLIENT_SECRET"),
            (parameter("token", description="Authentication token. Requires scope: `none`"), "TOKEN"),
            (parameter("key", description="Your API key identifies you."), "QUERY_KEY"),
            (
                parameter("X-Client-Authentication", "header", description="The access token."),
                "X_CLIENT_AUTHENTICATION",
            ),
            # A scheme of the document has this name and place, so it has the scheme's name.
            (parameter("x-api-key", "header", schema={"type": "integer"}), "HEADER_KEY"),
            (parameter("sid", "cookie"), "COOKIE_KEY"),
        ],
    )
    def test_one_is_a_secret_and_no_argument(self, given: dict[str, Any], secret: str) -> None:
        document = document_of(None, given, rawHeader={}, signed={})
        operation = operation_of(document)
        assert operation.flow is not None, operation.problem
        assert operation.flow["inputSchema"]["properties"] == {}
        assert sent(document) == [{"type": given["in"], "name": given["name"], "secret": f"{{{{ secrets.{secret} }}}}"}]
        assert operation.notes == [
            f"the parameter {given['name']!r} is a credential, so it is the secret {secret} and no argument"
        ]

    @pytest.mark.parametrize(
        "given",
        [
            parameter("token"),
            parameter("token", description="The token of the next page."),
            *(parameter(name) for name in ("pageToken", "next_page_token", "sync_token", "continuation-token")),
            *(parameter(name) for name in ("ClientToken", "projectKey", "issueIdOrKey", "key_prefix", "token_type")),
            *(parameter(name) for name in ("password", "author", "session_id", "idempotency_key", "signature")),
            parameter("Idempotency-Key", "header"),
            parameter("show_api_key", schema={"type": "boolean"}),
            parameter("access_token", schema={"type": "string", "enum": ["yes", "no"]}),
            parameter("search_key", description="A word. Not your API key."),
        ],
    )
    def test_another_stays_an_argument(self, given: dict[str, Any]) -> None:
        bare = {name: scheme for name, scheme in SCHEMES.items() if name == "bearer"}
        whole = {
            "openapi": "3.1.0",
            "paths": {"/a": {"get": {"parameters": [given]}}},
            "components": {"securitySchemes": bare},
        }
        operation = operation_of(openapi.read(json.dumps(whole)))
        assert operation.flow is not None
        assert list(operation.flow["inputSchema"]["properties"]) == [given["name"]]

    def test_one_that_is_sent_already_is_neither_twice_nor_an_argument(self) -> None:
        # As Trello has it: two schemes, of which either is said to be enough, and both are required parameters.
        document = document_of(
            [{"queryKey": []}, {"api_token": []}],
            parameter("key"),
            parameter("token"),
            api_token={"type": "apiKey", "in": "query", "name": "token"},
        )
        assert kinds(document) == ["QUERY_KEY", "API_TOKEN"]
        assert kinds(document, "api_token") == ["API_TOKEN", "QUERY_KEY"]

    def test_an_optional_one_beside_another_credential_is_left_out(self) -> None:
        document = document_of([{"login": []}], parameter("access_token", required=False))
        assert kinds(document) == ["LOGIN"]
        said = "it is a credential, and the request shows otherwise who sends it; choose it to send it"
        assert operation_of(document).notes[-1] == f"the optional parameter 'access_token' is left out: {said}"

    def test_an_optional_one_beside_another_credential_is_sent_in_its_place_where_it_is_chosen(self) -> None:
        optional = [parameter(name, required=False) for name in ("access_token", "api_key")]
        document = document_of([{"login": []}], *optional)
        assert [each.key for each in openapi.alternatives_of(document)] == ["login", "access_token", "api_key"]
        assert (kinds(document, "api_key"), kinds(document, "login")) == (["API_KEY"], ["LOGIN"])
        # Nothing is sent without what the document asks for unless somebody says so.
        signed = document_of([{"signed": []}], *optional)
        assert (operation_of(signed).flow, openapi.alternatives_of(signed)) == (None, [])

    def test_an_optional_one_alone_is_sent_where_it_is_chosen(self) -> None:
        document = document_of(None, parameter("apikey", required=False))
        assert [(each.key, each.words) for each in openapi.alternatives_of(document)] == [
            ("none", "No credential"),
            ("apikey", "API key in the query parameter apikey (parameter)"),
        ]
        assert (kinds(document), kinds(document, "apikey")) == ([], ["APIKEY"])
        why = "it is a credential, and none is asked for; choose it to send it"
        assert operation_of(document).notes == [f"the optional parameter 'apikey' is left out: {why}"]

    @pytest.mark.parametrize(
        ("security", "taken"),
        [
            ([{"cookieKey": []}, {"headerKey": []}, {}], ["HEADER_KEY"]),
            ([{"cookieKey": []}, {}], []),
            ([{"cookieKey": []}], ["COOKIE_KEY"]),
        ],
    )
    def test_the_cookie_of_a_browser_is_taken_where_there_is_nothing_else(
        self, security: Any, taken: list[str]
    ) -> None:
        document = document_of(security)
        assert kinds(document) == taken
        assert kinds(document, "cookieKey") == ["COOKIE_KEY"]


@pytest.mark.django_db
class TestPages:
    def test_one_of_several_ways_to_show_who_calls_is_chosen(self) -> None:
        server = make_server()
        text = json.dumps(document_of([{"basic": []}, {"client": ["read"]}, {}]).root)
        browser, place = brought(server, text)
        assert (
            "What each operation names first User name and password (basic), 1 operation OAuth 2 client credentials "
            "(client), 1 operation No credential, 1 operation"
        ) in text_of(browser, place)
        preview = sent_from(browser, place, "preview", address="https://api.test", credentials="client")
        assert (
            "add CLIENT_CLIENT_ID (client id for api.test) CLIENT_CLIENT_SECRET (client secret for api.test)"
        ) in text_of(browser, preview)
        assert '<option value="client" selected>' in browser.get(place).content.decode()
        done = browser.post(preview, follow=True)
        assert "CLIENT_CLIENT_SECRET (client secret for api.test)" in words(done.content.decode())
        given = {
            "shown": "0",
            "operation": "0",
            "address": "https://api.test",
            "go": "preview",
            "credentials": "no such",
        }
        refused = browser.post(place, given)
        assert "Select a valid choice. no such is not one of the available choices." in words(refused.content.decode())

    def test_over_rest_they_are_listed_and_one_is_named(self) -> None:
        server = make_server()
        text = json.dumps(document_of([{"basic": []}, {"client": ["read"]}]).root)

        def asked(query: str) -> Any:
            address = f"/api/servers/{server.pk}/import/{query}"
            return rest(server.owner).post(address, text, content_type="application/json")

        place = "address=https://api.test"
        assert asked(f"preview/?{place}").json()["credentials"] == [
            {"key": "basic", "words": "User name and password (basic)", "operations": 1},
            {"key": "client", "words": "OAuth 2 client credentials (client)", "operations": 1},
        ]
        refused = asked(f"?{place}&credentials=no such")
        assert (refused.status_code, refused.json()) == (400, {"credentials": ["write one of: basic, client"]})
        made = asked(f"?{place}&credentials=client").json()
        assert made["missingSecrets"] == ["CLIENT_CLIENT_ID", "CLIENT_CLIENT_SECRET"]

    def test_without_a_choice_none_is_offered(self) -> None:
        server = make_server()
        text = json.dumps(document_of([{"basic": []}]).root)
        browser, place = brought(server, text)
        assert 'name="credentials"' not in browser.get(place).content.decode()

    def test_the_secrets_that_are_missing_are_named_with_what_they_are(self) -> None:
        server = make_server()
        requirement = {"headerKey": [], "queryKey": [], "cookieKey": [], "basic": []}
        text = json.dumps(document_of([requirement]).root)
        imported(server, "https://api.test", "get /a", text=text)
        page = browser_of(server.owner).get(f"/servers/{server.pk}/secrets/").content.decode()
        said = {
            "BASIC_PASSWORD": "password, which may be empty, for api.test",
            "BASIC_USER": "user name for api.test",
            "COOKIE_KEY": "cookie sid for api.test",
            "HEADER_KEY": "header X-Api-Key for api.test",
            "QUERY_KEY": "query parameter key for api.test",
        }
        for name, what in said.items():
            assert f"{name} Missing {what}" in words(page)


@pytest.mark.parametrize(
    ("url", "auth", "meanings"),
    [
        ("https://{{ trigger.host }}/a", {"type": "bearer", "secret": "{{ secrets.A }}"}, {"A": "token"}),
        ("https://[", {"type": "basic", "secret": "{{ secrets.A }}"}, {"A": "password, which may be empty"}),
        ("https://a.test/{{ trigger.x }}", {"type": "bearer", "secret": "Bot {{ secrets.A }}"}, {"A": "token"}),
        (7, {"type": "magic", "secret": "{{ secrets.A }}"}, {}),
        ("https://a.test/a?b={{ trigger.x }}", {"type": "bearer", "secret": 7}, {}),
        (
            "https://a.test/a?b={{ trigger.x }}",
            {"secret": "{{ secrets.A }}", "type": "bearer"},
            {"A": "token for a.test"},
        ),
    ],
)
def test_what_a_secret_is_for_is_told_as_far_as_it_is_known(url: Any, auth: Any, meanings: Any) -> None:
    node = {"type": "http_request", "parameters": {"url": url, "auth": auth}}
    assert meanings_in([{"nodes": [node, 7, {"parameters": []}]}, 7]) == meanings


@pytest.mark.django_db(transaction=True)
def test_all_credentials_of_an_operation_arrive(shop: Shop) -> None:
    server = make_server()
    for name in ("HEADER_KEY", "COOKIE_KEY", "QUERY_KEY", "BASIC_USER"):
        versions.set_secret(server, name, f"value-of-{name.lower()}")
    versions.set_secret(server, "BASIC_PASSWORD", "")
    document = document_of([{"headerKey": [], "cookieKey": [], "queryKey": [], "basic": []}], parameter("key"))
    imported(server, shop.url, "get /a", text=json.dumps(document.root))
    execution = try_out(draft_target(server.flows.get()), {}, caller_of(server.owner))
    assert execution.status == "fulfilled", execution.error_info
    [(_, path, headers, _)] = shop.seen
    assert path == "/a?key=value-of-query_key"
    assert [headers[name] for name in ("x-api-key", "cookie", "authorization")] == [
        "value-of-header_key",
        "sid=value-of-cookie_key",
        "Basic dmFsdWUtb2YtYmFzaWNfdXNlcjo=",
    ]
