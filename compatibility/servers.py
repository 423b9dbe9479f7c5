"""A server for each construct, in the database of a FlowHub that is about to start."""

from compatibility.constructs import CONSTRUCTS, ODD, PLAIN, TEXT, taking
from flows.models import Server
from tests.definitions import node
from tests.factories import make_server, make_user, publish


def publish_all() -> None:
    """Publish every construct, on a server that anybody may call, beside a harmless tool."""
    owner = make_user("compatibility")
    for slug, construct in CONSTRUCTS.items():
        server = make_server(owner, slug, access=Server.Access.PUBLIC)
        publish(server, PLAIN, node("answer", "return", text="answered"), input_schema=taking(q=TEXT))
        kind, parameters = construct.answer
        publish(
            server,
            ODD,
            node("answer", kind, **parameters),
            input_schema=construct.schema,
            output_schema=construct.output,
        )
