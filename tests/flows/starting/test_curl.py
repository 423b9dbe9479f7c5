"""curl commands as people paste them: what flows send of them, what is made secret, and what is refused."""

from typing import Any

import pytest

from flows.models import Flow, SavedCase, Secret
from flows.publishing import versions
from flows.starting.curl.command import read
from flows.starting.curl.draft import Draft, drafted
from flows.starting.curl.flow import Parameter, new_flow_of
from flows.starting.curl.words import CurlError
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_server

BROWSER = r"""curl 'https://shop.example/api/cart?x=1' \
  -X 'PUT' \
  -H 'accept: application/json' \
  -H 'content-type: application/json;charset=UTF-8' \
  -H 'sec-ch-ua: "Chromium";v="140"' \
  -b 'sid=abc; theme=dark' \
  --data-raw $'{"note":"it\'s \u00e9 \\n \ud83d\ude00"}' \
  --compressed"""
WINDOWS = r"""curl ^"https://shop.example/search?q=a^%^20b^&x=1^" ^
  -H ^"accept: */*^" ^
  --data-raw ^"^{^\^"a^\^":^\^"x^&y^\^"^}^"
"""
OLD_WINDOWS = 'curl "https://shop.example/search" ^\r\n  -H "accept: text/html; q=\\"1\\"" ^\r\n  --data "a^b&c=d"\r\n'
POWERSHELL = 'curl.exe "https://shop.example/" `\n  -H "accept: text/plain"'


def request_of(command: str) -> dict[str, Any]:
    """The parameters of `http_request` when nothing becomes a parameter of the tool that need not."""
    draft = drafted(read(command))
    chosen = {value.key: Parameter(value.name, "string", "") for value in draft.values if value.value is None}
    new = new_flow_of(draft, chosen, {each.key: each.name for each in draft.credentials})
    parameters: dict[str, Any] = new.fields["definition"]["nodes"][1]["parameters"]
    return parameters


def get(url: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "url": url} | more


def post(url: str, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "url": url} | more


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("curl https://a.example", get("https://a.example/")),
    ("$ curl -sSv a.example/b # and so on", get("http://a.example/b")),
    ("curl https://a.example/?a=1&b=2%203&a=4", get("https://a.example/", query={"a": ["1", "4"], "b": "2 3"})),
    (
        "curl -G https://a.example/ -d a=1 --data-urlencode 'q=x y&z'",
        get("https://a.example/", query={"a": "1", "q": "x y&z"}),
    ),
    (
        "curl -I -L --max-redirs 9 -m 5 https://a.example/",
        {"method": "HEAD", "url": "https://a.example/", "redirects": 3, "timeout": 5},
    ),
    ("curl -XDELETE https://a.example/orders/17", {"method": "DELETE", "url": "https://a.example/orders/17"}),
    ("curl -d a=1 -d 'b=x y' https://a.example/", post("https://a.example/", bodyForm={"a": "1", "b": "x y"})),
    (
        "curl -d a=1 -d a=2 https://a.example/",
        post("https://a.example/", bodyText="a=1&a=2", headers={"content-type": "application/x-www-form-urlencoded"}),
    ),
    (
        "curl --data-urlencode =x+y -d z https://a.example/",
        post("https://a.example/", bodyText="x%2By&z", headers={"content-type": "application/x-www-form-urlencoded"}),
    ),
    ("""curl -d '{"a": [1, null]}' https://a.example/""", post("https://a.example/", bodyJson={"a": [1, None]})),
    (
        """curl --json '{"a":' --json '1}' https://a.example/""",
        post("https://a.example/", bodyJson={"a": 1}, headers={"accept": "application/json"}),
    ),
    (
        "curl -H 'Content-Type: text/plain' --data-binary 'a\nb' https://a.example/",
        post("https://a.example/", bodyText="a\nb", headers={"content-type": "text/plain"}),
    ),
    (
        "curl -A me -e https://b.example/ -r 0-9 -H 'X-A;' -H 'X-B:' https://a.example/",
        get("https://a.example/", headers={"user-agent": "me", "range": "bytes=0-9", "x-a": ""}),
    ),
    (
        "curl -u ada:p%:w https://a.example/",
        get("https://a.example/", auth={"type": "basic", "username": "ada", "secret": "{{ secrets.A_PASSWORD }}"}),
    ),
    (
        "curl https://ada:pw@a.example:8443/",
        get("https://a.example:8443/", auth={"type": "basic", "username": "ada", "secret": "{{ secrets.A_PASSWORD }}"}),
    ),
    (
        "curl -u sk_live_1: https://a.example/",
        get("https://a.example/", headers={"authorization": "Basic {{ secrets.A_BASIC }}"}),
    ),
    (
        "curl -H 'Authorization: Bearer x' https://a.example/",
        get("https://a.example/", auth={"type": "bearer", "secret": "{{ secrets.A_TOKEN }}"}),
    ),
    (
        "curl -H 'authorization: Token x' https://a.example/",
        get("https://a.example/", headers={"authorization": "Token {{ secrets.A_TOKEN }}"}),
    ),
    (
        "curl -H 'authorization: Basic YWRhOnB3' https://a.example/",
        get("https://a.example/", auth={"type": "basic", "username": "ada", "secret": "{{ secrets.A_PASSWORD }}"}),
    ),
    (
        'curl -H "X-Api-Key: $SHOP_KEY" -H "Cookie: a=b" -b c=d https://a.example/',
        get("https://a.example/", headers={"x-api-key": "{{ secrets.SHOP_KEY }}", "cookie": "{{ secrets.A_COOKIE }}"}),
    ),
    (
        "curl 'https://a.example/?key=k&access_token=t&pageToken=p'",
        get(
            "https://a.example/",
            query={"key": "{{ secrets.A_KEY }}", "access_token": "{{ secrets.A_ACCESS_TOKEN }}", "pageToken": "p"},
        ),
    ),
    (
        """curl -d '{"user": {"password": "p"}}' https://a.example/""",
        post("https://a.example/", bodyJson={"user": {"password": "{{ secrets.A_USER_PASSWORD }}"}}),
    ),
    (
        "curl https://a.example/hook/Ab1cDe2fGh3iJk4lMn5oPq6r/x",
        get("https://a.example/hook/{hook_id}/x", path={"hook_id": "{{ secrets.A_TOKEN }}"}),
    ),
    ("curl https://a.example/users/{id}/v2", get("https://a.example/users/{id}/v2", path={"id": "{{ trigger.id }}"})),
    (
        BROWSER,
        {
            "method": "PUT",
            "url": "https://shop.example/api/cart",
            "query": {"x": "1"},
            "headers": {"accept": "application/json", "cookie": "{{ secrets.SHOP_COOKIE }}"},
            "bodyJson": {"note": "it's é \n 😀"},
        },
    ),
    (
        WINDOWS,
        post(
            "https://shop.example/search",
            query={"q": "a b", "x": "1"},
            headers={"accept": "*/*"},
            bodyJson={"a": "x&y"},
        ),
    ),
    (
        OLD_WINDOWS,
        post(
            "https://shop.example/search",
            headers={"accept": 'text/html; q="1"', "content-type": "application/x-www-form-urlencoded"},
            bodyText="a^b&c=d",
        ),
    ),
    (POWERSHELL, get("https://shop.example/", headers={"accept": "text/plain"})),
    ("curl https://a.example/ > out.txt 2>/dev/null | jq .", get("https://a.example/")),
]


@pytest.mark.parametrize(("command", "parameters"), COMMANDS, ids=[command[:60] for command, _ in COMMANDS])
def test_a_command_is_sent_as_curl_sends_it(command: str, parameters: dict[str, Any]) -> None:
    assert request_of(command) == parameters


def test_a_form_of_several_parts_becomes_one_text_with_a_boundary_nobody_guesses() -> None:
    command = "curl -F name=Ada -F 'n=1;type=text/plain' --form-string 't=a;type=b' https://a.example/"
    sent = request_of(command)
    boundary = sent["headers"]["content-type"].removeprefix("multipart/form-data; boundary=")
    assert len(boundary) > 24
    assert sent["bodyText"].split(f"--{boundary}") == [
        "",
        '\r\ncontent-disposition: form-data; name="name"\r\n\r\nAda\r\n',
        '\r\ncontent-disposition: form-data; name="n"\r\n\r\n1\r\n',
        '\r\ncontent-disposition: form-data; name="t"\r\n\r\na;type=b\r\n',
        "--\r\n",
    ]
    assert request_of(command)["headers"] != sent["headers"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("wget https://a.example", "It does not begin with curl."),
        ("curl", "The command has no URL."),
        ("curl https://a.example https://b.example", "It has 2 URLs"),
        ("curl https://a.example\ncurl https://b.example", "There is more than one command."),
        ("curl 'https://a.example", "A quote is not closed"),
        ('curl ^"https://a.example ^\n -v', "A quote is not closed"),
        ("curl https://a.example -H", "-H has no value"),
        ("curl -k https://a.example", "-k cannot be done: flows always check the certificate of the server."),
        ("curl --proxy b:1 https://a.example", "--proxy cannot be done"),
        ("curl --digest -u a:b https://a.example", "--digest cannot be done"),
        ("curl --wizard https://a.example", "--wizard is not known here."),
        ("curl -d @body.json https://a.example", "reads the body from a file"),
        ("curl --data-urlencode a@b https://a.example", "reads from a file"),
        ("curl -F a=@b.png https://a.example", "sends a file"),
        ("curl -b cookies.txt https://a.example", "names a file of cookies"),
        ("curl -H @headers https://a.example", "reads headers from a file"),
        ("curl -d a -F b=c https://a.example", "are two bodies"),
        ("curl -X BREW https://a.example", "Flows do not send BREW"),
        ("curl -m soon https://a.example", "takes a number"),
        ("curl ftp://a.example", "Flows ask http:// and https:// addresses"),
        ("curl https://{tenant}.example", "is not filled in"),
        ("curl https://a.example/{1,2}", "stands for several addresses"),
        ("curl https://a.example/$(date)", "runs another one inside it"),
        ('curl https://a.example/"`date`"', "runs another one inside it"),
        ("curl -d '{{ x }}' https://a.example", "which flows take for an expression"),
        ("curl -H 'content-type: application/json' -d '{' https://a.example", "cannot be read as JSON"),
        ("""curl -d '{"a": "\\u0000"}' https://a.example""", "null character"),
        ("curl -u a:b -H 'Authorization: Token x' https://a.example", "Take one of them out."),
        ("curl 'https://a.example/?token=a&token=b'", "more than once"),
        ("curl " + "x" * 300_000, "The command has more than 200,000 characters."),
    ],
)
def test_what_flows_cannot_do_is_refused_with_a_sentence(command: str, why: str) -> None:
    with pytest.raises(CurlError) as refused:
        drafted(read(command))
    assert why in str(refused.value)


def test_what_changes_nothing_is_left_out_and_said() -> None:
    command = "curl -sS -o out --retry 3 -H 'Host: b' -H 'Sec-Fetch-Mode: cors' a.example | jq; echo $x"
    assert drafted(read(command)).notes == [
        "What stands behind | in the command is not part of the request.",
        "Left out, because it changes nothing of what is asked: -s, -S, -o, --retry.",
        "The URL says neither http nor https; curl takes http.",
        "Headers left out, which the connection or a browser makes: host, sec-fetch-mode.",
    ]


def test_values_are_proposed_as_parameters_with_names_and_types() -> None:
    command = (
        """curl 'https://a.example/v1/orders/A-17/items/3?limit=10&q=' -d '{"n": 1.5, "ok": true, "in": {"n": "x"}}'"""
    )
    draft = drafted(read(command))
    assert [(each.place, each.value, each.name, each.type, each.is_likely) for each in draft.values] == [
        ("path", "A-17", "order_id", "string", True),
        ("path", "3", "item_id", "integer", True),
        ("query", "10", "limit", "integer", True),
        ("query", "", "q", "string", True),
        ("body", 1.5, "n", "number", True),
        ("body", True, "ok", "boolean", True),
        ("body", "x", "in_n", "string", False),
    ]
    assert draft.name == "Send items"


def chosen_of(draft: Draft) -> dict[str, Parameter]:
    return {each.key: Parameter(each.name, each.type, each.description) for each in draft.values if each.is_likely}


def test_chosen_values_become_arguments_of_a_case_with_their_types() -> None:
    draft = drafted(read("curl 'https://a.example/orders/A%2F17?limit=10&exact=true'"))
    new = new_flow_of(draft, chosen_of(draft), {})
    assert new.fields["definition"]["nodes"][1]["parameters"] == {
        "method": "GET",
        "url": "https://a.example/orders/{order_id}",
        "path": {"order_id": "{{ trigger.order_id }}"},
        "query": {"limit": "{{ trigger.limit }}", "exact": "{{ trigger.exact }}"},
    }
    assert [case.arguments for case in new.cases] == [{"order_id": "A/17", "limit": 10, "exact": True}]
    assert versions.draft_faults(Flow(tool_name="x", **new.fields)) == []


# --- The page ---------------------------------------------------------------------------------------------------------

COMMAND = "curl https://a.example/orders/17?token=s3cret -H 'Authorization: Bearer t0ken'"
FILLED = {
    "command": COMMAND,
    "make": "1",
    "name": "Get order",
    "use_v0": "on",
    "name_v0": "order_id",
    "type_v0": "integer",
    "description_v0": "The order's number.",
    "secret_c0": "A_QUERY",
    "secret_c1": "A_BEARER",
}


@pytest.mark.django_db
def test_a_credential_is_in_no_row_unless_somebody_ticks_it_and_then_in_the_vault_alone() -> None:
    server = make_server()
    browser = browser_of(server.owner)
    answer = browser.post("/flows/new/curl/", FILLED | {"server": server.pk, "store_c1": "on"}, follow=True)
    flow = Flow.objects.get()
    assert flow.definition["nodes"][1]["parameters"] == {
        "method": "GET",
        "url": "https://a.example/orders/{order_id}",
        "path": {"order_id": "{{ trigger.order_id }}"},
        "query": {"token": "{{ secrets.A_QUERY }}"},
        "auth": {"type": "bearer", "secret": "{{ secrets.A_BEARER }}"},
    }
    assert flow.input_schema["properties"] == {"order_id": {"type": "integer", "description": "The order's number."}}
    assert SavedCase.objects.get().arguments == {"order_id": 17}
    assert dict(versions.secret_values_of_server(server, ["A_QUERY", "A_BEARER"])) == {"A_BEARER": "t0ken"}
    page = answer.content.decode()
    assert "It needs secrets that the server does not have yet: A_QUERY." in words(page)
    assert "s3cret" not in page
    assert "t0ken" not in page


@pytest.mark.django_db
def test_the_preview_stores_nothing_and_is_not_cached() -> None:
    server = make_server()
    answer = browser_of(server.owner).post("/flows/new/curl/", {"command": COMMAND, "read": "1"})
    text = words(answer.content.decode())
    assert "GET https://a.example/orders/{order_id}" in text
    assert "no-store" in answer.headers["Cache-Control"]
    assert (Flow.objects.count(), Secret.objects.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name_v0": ""}, "A parameter needs a name."),
        ({"name_v0": "a b"}, "Use letters, digits and underscores"),
        ({"type_v0": "date"}, "Select a valid choice."),
        ({"secret_c0": "lower"}, "Use capital letters"),
        ({"secret_c0": "A_BEARER"}, "Another credential of the command has this name."),
        ({"secret_c0": "KEPT", "store_c0": "on"}, "The server has a secret of this name."),
        ({"command": "curl -k https://a.example"}, "-k cannot be done"),
        ({"command": ""}, "This field is required."),
        ({"server": "0"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(change: dict[str, str], why: str) -> None:
    server = make_server()
    versions.set_secret(server, "KEPT", "before")
    values = FILLED | {"server": server.pk} | change
    assert why in words(browser_of(server.owner).post("/flows/new/curl/", values).content.decode())
    assert not Flow.objects.exists()
    assert dict(versions.secret_values_of_server(server, ["KEPT"])) == {"KEPT": "before"}


@pytest.mark.timeout(30)
def test_a_command_made_to_keep_a_reader_busy_is_read_in_a_moment() -> None:
    for text in (
        "a" * 190_000,
        "\\" * 190_000,
        "'" * 190_000,
        "$'" + "\\" * 190_000,
        '"' + "$" * 190_000,
        "^\n" * 90_000,
    ):
        for command in (f"curl {text}", f"curl https://a.example/{text}", f"curl -H 'x: {text}' a.example"):
            try:
                drafted(read(command))
            except CurlError:
                continue
