"""What setting FlowHub up leaves on the disk."""

from tests.live import LiveServer


def test_database_and_secrets_can_be_read_by_their_owner_alone(uvicorn_server: LiveServer) -> None:
    names = {"demo.json", "flowhub.sqlite3", "secret_key", "vault.key"}
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in uvicorn_server.data.iterdir()}
    assert {name: modes[name] for name in names} == dict.fromkeys(names, "0o600")
