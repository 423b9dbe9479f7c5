"""Schemathesis over the whole OpenAPI document: what it says of FlowHub, against what FlowHub answers.

    .venv/bin/python -m tests.document [--examples 100] [--seed 1] [--only '^/api/flows/']

Starts a server with something of each kind and sends it what the document allows and what it forbids: no 5xx, every
status, media type, header and body as documented, what is allowed is taken, what is forbidden is refused, no key no
answer, other methods are 405. Prints schemathesis' summary, and ends with status 1 at a finding.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.cli import schemathesis as command

from tests.live import LiveServer, live_server

EACH = 12
"""How many there are of what a request may delete, revoke or give away."""

CONFIG = """
[checks.positive_data_acceptance]
# What is there and who may is not the document's to say, nor is the moment.
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 429]

[checks.negative_data_rejection]
# A change that came too late is refused before it is looked at.
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 429]
"""


# --- Inside the server's environment -------------------------------------------------------------------------------


def build() -> dict[str, Any]:
    """People, servers, flows, executions, cases, prompts, resources, secrets, invitations, keys; what they are called.

    By the name of a parameter, or by `METHOD /path name` where a request would take away what others need.
    """
    from flows.members.invitations import invite
    from flows.models import Membership, Prompt, Resource
    from flows.publishing import versions
    from mcp_bridge.models import ApiKey
    from tests.definitions import chain, node
    from tests.factories import make_execution, make_flow, make_key, make_server, make_user

    owner, other = make_user("ada"), make_user("hal")
    server = make_server(owner, slug="main")
    Membership.objects.create(server=server, user=other, role="viewer")
    needs = {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]}
    definition = chain(node("answer", "return", text="Hello {{ trigger.who }}"))
    flow = make_flow(server, tool_name="greet", definition=definition, input_schema=needs)
    versions.publish(flow, owner)
    flow.cases.create(name="A greeting", arguments={"who": "Ada"})
    found: dict[str, list[Any]] = {"flowId": [], "executionId": [], "caseId": [], "promptId": [], "resourceId": []}
    found |= {"DELETE executionId": [], "DELETE flowId": [], "DELETE caseId": [], "userId": [], "invitationId": []}
    found |= {"name": [], "keyId": [], "PATCH /api/servers/{serverId}/ serverId": []}
    greeted = ("cases/{caseId}/", "cases/", "cases/run/", "executions/{executionId}/", "executions/", "insights/")
    found |= {f"/api/flows/{{flowId}}/{below} flowId": [flow.pk] for below in greeted}
    crews = [make_server(owner, slug=f"crew-{each}") for each in range(3)]
    found["/api/servers/{serverId}/members/{userId}/ serverId"] = [crew.pk for crew in crews]
    for each in range(EACH):
        changed = make_flow(server, tool_name=f"tool_{each}", definition=definition, input_schema=needs)
        if each % 2:
            versions.publish(changed, owner)
        found["flowId"].append(changed.pk)
        found["DELETE flowId"].append(make_flow(server, tool_name=f"gone_{each}").pk)
        status = {"status": "error", "error_kind": "node_failed"} if each % 3 else {}
        found["executionId"].append(str(make_execution(flow, initial_params={"who": "Ada"}, **status).pk))
        found["DELETE executionId"].append(str(make_execution(flow).pk))
        found["caseId"].append(flow.cases.create(name=f"Case {each}", arguments={"who": "Ada"}).pk)
        found["DELETE caseId"].append(flow.cases.create(name=f"Gone {each}").pk)
        named = {"server": server, "name": f"prompt-{each}", "description": "Asks."}
        found["promptId"].append(Prompt.objects.create(**named, messages=[]).pk)
        found["resourceId"].append(Resource.objects.create(server=server, uri=f"a:{each}", name="b", text="c").pk)
        versions.set_secret(server, f"KEY_{each}", "value")
        found["name"].append(f"KEY_{each}")
        member = make_user(f"member{each}")
        for crew in crews:
            Membership.objects.create(server=crew, user=member, role="viewer")
        found["userId"].append(member.pk)
        found["invitationId"].append(invite(server, "viewer")[0].pk)
        found["keyId"].append(ApiKey.issue(other, f"Key {each}")[0].pk)
        theirs = make_server(owner, slug=f"other-{each}")
        found["PATCH /api/servers/{serverId}/ serverId"].append(theirs.pk)
    found |= {"flow": [flow.pk], "serverId": [server.pk], "type": ["return", "request", "condition"], "number": [1]}
    make_server(owner, slug="open", access="public")
    found |= {"slug": ["answer"], "key": [make_key(owner)], "session": [_session(other)]}
    return found


def _session(person: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


# --- What is sent ----------------------------------------------------------------------------------------------------

NAMES = frozenset({"name", "slug", "type"})
ID = re.compile(r"[0-9]{1,18}|[0-9a-f-]{36}")

FORGERY = "a" * 32
"""What a browser keeps and sends back, so that its session may write."""


class SignedIn:
    """A key for what keys may do; for keys themselves a person's session."""

    world: Mapping[str, Any]

    def get(self, case: Any, context: Any) -> Mapping[str, str]:
        """The headers that show who asks."""
        if case.path.startswith("/api/keys/"):
            return {"Cookie": f"sessionid={self.world['session'][0]}; csrftoken={FORGERY}", "X-CSRFToken": FORGERY}
        return {"Authorization": f"Bearer {self.world['key'][0]}"}

    def set(self, case: Any, headers: Mapping[str, str], context: Any) -> None:
        """Send them."""
        case.headers = {**(case.headers or {}), **headers}


def aim(case: Any, world: Mapping[str, Any]) -> None:
    """Name what is there, in place of an id, slug or name that might be one: else almost all would be answered 404."""
    for name, value in (case.path_parameters or {}).items():
        if name in NAMES or ID.fullmatch(str(value)):
            here = f"{case.method} {case.path} {name}", f"{case.path} {name}", f"{case.method} {name}", name
            there = next(world[each] for each in here if each in world)
            case.path_parameters[name] = [*there, value][zlib.crc32(str(value).encode()) % (len(there) + 1)]
    if isinstance(case.body, dict):
        here = {"server": "main", "flow": "greet", "url": world["url"], "untilNode": "answer", "fromNode": "answer"}
        case.body = {
            name: here[name] if name in here and isinstance(value, str) else value for name, value in case.body.items()
        }
        if isinstance(slugs := case.body.get("servers"), list) and all(isinstance(each, str) for each in slugs):
            case.body["servers"] = ["main"] * len(slugs)


BEYOND: Mapping[str, str] = {
    "definition": "that nodes fit one another and their types",
    **dict.fromkeys(("inputSchema", "outputSchema"), "that it is JSON Schema, which tools can have"),
    **dict.fromkeys(("arguments", "outputs"), "what the flow asks for"),
    **dict.fromkeys(("untilNode", "fromNode", "version"), "which nodes and versions there are"),
    **dict.fromkeys(("messages", "completions", "annotations", "flow"), "that they fit one another"),
    **dict.fromkeys(("uri", "mimeType", "text", "blob"), "URI templates, media types, base64, and that there is one"),
    **dict.fromkeys(("auth", "parameters"), "what the node type says"),
    "scopes": "that a key for single tools has none over whole servers",
    "expectation": "that a text is compared with a text, and that the outcome allows for it",
    **dict.fromkeys(("startedAfter", "startedBefore", "since", "before", "expiresAt"), "years from 2 to 9998"),
}
"""What 400 may be about although the body fits the document, which cannot say it."""

TAGS = re.compile(r'\*|(W/)?"')
TAKEN = re.compile(r"Another flow of this server|This (server|flow) has a|already|has no version")
"""What 400 says of a name that something else has, of a server that is full, of a version that is not there."""

DOCUMENTS = re.compile(r"/import/(preview/)?$")
"""Whose body is a document in itself."""


def is_beyond(failure: Any, case: Any, response: Any) -> bool:
    """Whether it is a refusal of what the document cannot say, or of one bad key after many."""
    if type(failure).__name__ == "IgnoredAuth":
        return "got `429 " in failure.message
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return False
    if not TAGS.match((case.headers or {}).get("If-Match", "*")):  # it covers headers by letters and digits alone
        return True
    said = response.json().items()
    return DOCUMENTS.search(case.path) is not None or all(
        name in BEYOND or TAKEN.search(json.dumps(why)) for name, why in said
    )


def main() -> None:
    """Run it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--examples", type=int, default=50, help="an operation, beside those that cover its parts")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", help="operations whose path this regular expression finds")
    asked.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    said = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, live_server(Path(folder)) as server:
        sys.exit(run(server, Path(folder), said))


def run(server: LiveServer, folder: Path, said: argparse.Namespace) -> int:
    """Send all of it; returns schemathesis' exit status."""
    made = "import json; from tests.document import build; print(json.dumps(build()))"
    world = json.loads(server.manage("shell", "--no-imports", "-c", made).stdout.splitlines()[-1])
    world["url"] = f"{server.url}/mcp/open"  # nothing is sent outside
    schemathesis.auth(refresh_interval=None)(type("Auth", (SignedIn,), {"world": world}))

    @schemathesis.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
        return not is_beyond(failure, case, response)

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        aim(case, world)

    document = folder / "document.json"
    document.write_text(json.dumps(server.get_json("/api/schema/?format=json")))
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    os.chdir(folder)  # for what schemathesis keeps beside it
    arguments = ["--config-file", str(config), "run", str(document), "--url", server.url, "--checks", "all"]
    arguments += ["--seed", str(said.seed), "--max-examples", str(said.examples), "--phases", said.phases]
    # JSON with null characters is refused everywhere.
    arguments += ["--generation-database", "none", "--generation-allow-x00", "false"]
    arguments += ["--continue-on-failure", "--no-color", "--warnings", "off"]
    arguments += ["--include-path-regex", said.only] if said.only else []
    return int(command.main(arguments, prog_name="schemathesis", standalone_mode=False) or 0)


if __name__ == "__main__":
    main()
