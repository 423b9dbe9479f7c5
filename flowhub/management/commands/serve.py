"""`manage.py serve`: check the installation, then serve pages, REST and MCP with uvicorn."""

import asyncio
import gc
import json
import shlex
import signal
import socket
import sys
import time
from typing import Any

import uvicorn
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from executions.ledger.writer import ledger
from executions.running import recovery
from executions.running.dispatch import dispatcher
from executions.upkeep import key_marks
from flowhub import credentials, env, reload
from flowhub.asgi import application
from flowhub.connections import Connection
from flows.adapters.sandbox import code_runner

DRAIN_SECONDS = env.integer("FLOWHUB_DRAIN_SECONDS", 10)
"""How long calls under way may go on after SIGTERM before they are interrupted."""

KEEP_ALIVE_SECONDS = 65
"""How long a connection may be idle: longer than clients and proxies keep one, so none is closed under a request."""

RECORD_SECONDS = 5
"""How long recording the interrupted executions may take."""


class Command(BaseCommand):
    """Serve FlowHub on one address."""

    help = "Serve pages, REST and MCP. Listens on 127.0.0.1 unless told otherwise."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and what to do first."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--migrate", action="store_true", help="Bring the database up to date first.")
        parser.add_argument("--demo", action="store_true", help="Load the demo first, as load_demo does.")
        parser.add_argument("--reload", action="store_true", help="Start again whenever the code changes.")
        parser.add_argument("--beside", default="", help="With --reload: what runs beside, and ends with it.")
        parser.add_argument("--banner", action="store_true", help="Print the addresses, the demo's login and key.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks, then the server until it is told to stop."""
        if options["migrate"] or not options["reload"]:
            self.check(databases=["default"])
        # Before a database is touched on which another version may be serving.
        if not options["reload"]:
            _refuse_taken_port(options["host"], options["port"])
        # By now all is imported, and lives for ever: to look for garbage in it takes a tenth of a start.
        gc.freeze()
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        if options["demo"]:
            call_command("load_demo", stdout=self.stdout)
        if options["reload"]:
            # Not the ledger's and the runner's work: they belong to the process that serves. And it migrates nothing:
            # a migration that somebody is writing runs when they say so.
            own = ("--migrate", "--demo", "--reload", f"--beside={options['beside']}")
            command = [sys.executable, *(word for word in sys.argv if word not in own)]
            reload.serve_and_reload(settings.BASE_DIR, command, shlex.split(options["beside"]))
            return
        _refuse_old_database()
        try:
            key_marks.check()
        except key_marks.ForeignKeys as error:
            raise CommandError(str(error)) from None
        recovery.sweep()
        recovery.heart.start()
        connection.close()
        config = uvicorn.Config(
            application,
            host=options["host"],
            port=options["port"],
            loop="uvloop",
            http=Connection,
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            # FLOWHUB_TRUSTED_PROXIES and FLOWHUB_BEHIND_PROXY say what is believed; uvicorn believes everybody here.
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS + RECORD_SECONDS,
        )
        server = _Server(config, options["banner"])
        # uvicorn raises the signal again once it has shut down: it must not kill the process before `finally`.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.run()
        except KeyboardInterrupt:
            pass
        except SystemExit:
            # uvicorn's, which has said why: the application did not begin, or there is no such place to listen at.
            if server.lifespan.should_exit:
                raise
            raise _taken(options["host"], options["port"]) from None
        finally:
            ledger.stop()
            recovery.heart.stop()


class _Server(uvicorn.Server):
    """Prints the banner, if it is wanted, once it accepts connections."""

    def __init__(self, config: uvicorn.Config, shows_banner: bool) -> None:
        super().__init__(config)
        self.shows_banner = shows_banner

    async def startup(self, sockets: Any = None) -> None:
        """Collect what migrations left, take the rest for what lives as long as the process, and open the socket."""
        gc.collect()
        gc.freeze()
        await super().startup(sockets)
        if self.started and self.shows_banner:
            # Beside the loop: a password is looked at for a fifth of a second, in which calls are answered already.
            sys.stdout.write(await asyncio.to_thread(_banner))
            sys.stdout.flush()

    async def shutdown(self, sockets: Any = None) -> None:
        """Take no new calls, let those under way end, and interrupt what is left in time to be recorded."""
        application.drain()
        draining = asyncio.get_running_loop().create_task(_drain())
        await super().shutdown(sockets)
        draining.cancel()
        await dispatcher.close(RECORD_SECONDS)
        await code_runner().close()


async def _drain() -> None:
    """Let calls end for DRAIN_SECONDS, interrupt the others, then end the streams on which clients only listen."""
    await _until_quiet(DRAIN_SECONDS)
    await dispatcher.close(RECORD_SECONDS)
    await _until_quiet(RECORD_SECONDS)
    application.end_streams()


async def _until_quiet(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (application.under_way or len(dispatcher)) and time.monotonic() < deadline:  # noqa: ASYNC110 (two counters)
        await asyncio.sleep(0.05)


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # As the server's own: a port counts as free while connections of the last server there are ending.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError):
        raise _taken(host, port) from None


def _taken(host: str, port: int) -> CommandError:
    return CommandError(f"{host}:{port} cannot be used. Is something else serving there? End it, or take another port.")


def _refuse_old_database() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date: run manage.py migrate, or serve --migrate.")
    connection.close()


def _banner() -> str:
    """What a newcomer needs, each on a line of its own, and a client config to paste."""
    kept = credentials.read()
    url = settings.PUBLIC_URL
    lines = [f"Dashboard  {url}/"]
    if kept is not None:
        valid = authenticate(username=kept.username, password=kept.password) is not None
        connection.close()
        lines += [
            f"Login      {kept.username} / {kept.password if valid else '(the password you have set since)'}",
            f"MCP        {url}/mcp/demo",
            f"Key        {kept.key}",
            "",
            "Client config:",
            client_config(f"{url}/mcp/demo", kept.key),
        ]
    return "\n".join(lines) + "\n\n"


def client_config(url: str, key: str) -> str:
    """The JSON that MCP clients read: one server, its URL and the Authorization header."""
    server = {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {key}"}}
    return json.dumps({"mcpServers": {"flowhub-demo": server}}, indent=2)
