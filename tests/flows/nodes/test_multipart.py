"""Bodies with files arrive as a server reads them, and nothing in a name can end a header."""

import base64
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from flows.engine.errors import NodeFailed
from tests.flows.nodes.test_styles import Send, send, server

__all__ = ["send", "server"]
pytestmark = pytest.mark.anyio

PNG = base64.b64encode(b"\x89PNG\r\n--x\r\n").decode()


async def parts(send: Send, fields: Any, **parameters: Any) -> list[tuple[str, str | None, str | None, bytes]]:
    """What arrived, as another library reads it: name, file name, content type, content."""
    _, headers, body = await send(method="POST", bodyMultipart=fields, **parameters)
    message = message_from_bytes(b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
    found: Any = message.get_payload() if message.is_multipart() else []
    return [(_name(part), part.get_filename(), part["Content-Type"], part.get_payload(decode=True)) for part in found]


def _name(part: Message) -> str:
    return str(part.get_param("name", header="Content-Disposition"))


async def test_each_kind_of_value_is_a_part(send: Send) -> None:
    fields = {
        "title": "a b",
        "count": 2,
        "ok": True,
        "none": None,
        "tags": ["x", None, "y"],
        "meta": {"a": [1, None]},
        "rows": [{"a": 1}, [2]],
        "photo": {"filename": "p.png", "contentType": "image/png", "base64": PNG},
        "raw": {"base64": PNG.rstrip("=").replace("+", "-").replace("/", "_")},
    }
    json_type, raw = "application/json", b"\x89PNG\r\n--x\r\n"
    assert await parts(send, fields) == [
        ("title", None, None, b"a b"),
        ("count", None, None, b"2"),
        ("ok", None, None, b"true"),
        ("tags", None, None, b"x"),
        ("tags", None, None, b"y"),
        ("meta", None, json_type, b'{"a": [1, null]}'),
        ("rows", None, json_type, b'{"a": 1}'),
        ("rows", None, json_type, b"[2]"),
        ("photo", "p.png", "image/png", raw),
        ("raw", "file", "application/octet-stream", raw),
    ]


async def test_a_part_is_encoded_as_its_style_says(send: Send) -> None:
    fields = {
        "ids": [1, 2],
        "note": "n",
        "rows": [{"a": 1}, "b"],
        "filter": {"a": {"b": 1}},
        "lines": [{"a": 1}, "b"],
        "photos": [{"base64": PNG}, {"base64": PNG, "contentType": "image/gif"}],
    }
    styles = {
        "ids": {"style": "form", "explode": False},
        "note": {"contentType": "text/markdown; charset=utf-8"},
        "rows": {"contentType": "application/json"},
        "filter": {"style": "deepObject"},
        "lines": {"allowReserved": True, "explode": True},
        "photos": {"contentType": "image/png"},
    }
    raw = b"\x89PNG\r\n--x\r\n"
    assert await parts(send, fields, styles={"body": styles}) == [
        ("ids", None, None, b"1,2"),
        ("note", None, "text/markdown; charset=utf-8", b"n"),
        ("rows", None, "application/json", b'{"a":1}'),
        ("rows", None, "application/json", b'"b"'),
        ("filter[a][b]", None, None, b"1"),
        ("lines", None, "application/json", b'{"a": 1}'),
        ("lines", None, None, b"b"),
        ("photos", "file", "image/png", raw),
        ("photos", "file", "image/gif", raw),
    ]


async def test_names_cannot_end_their_header(send: Send) -> None:
    name = 'a"\r\nX-Evil: 1\r\n\r\nü'
    fields = {name: "x", "f": {"filename": "../up\\" + name, "base64": ""}}
    _, headers, body = await send(method="POST", bodyMultipart=fields, headers={"Content-Type": "text/plain"})
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    safe = "a%22%0D%0AX-Evil: 1%0D%0A%0D%0Aü"
    assert kind == "multipart/form-data"
    assert body.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{safe}"\r\n\r\nx\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="{safe}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n\r\n--{boundary}--\r\n"
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"bodyMultipart": {"f": {"base64": "a b!"}}},
            "Multipart body: f.base64 is not base64. Give the bytes written as base64.",
        ),
        (
            {"bodyMultipart": {"f": {"base64": "", "contentType": "image/png\r\nX-Evil: 1"}}},
            "Multipart body: the content type of f is no media type such as image/png.",
        ),
        (
            {"bodyMultipart": {"n" * 1_000_000: ["x"] * 100}},
            "Multipart body: it has more than 33,554,432 bytes. Send less.",
        ),
        ({"bodyBase64": "é"}, "Binary body is not base64. Give the bytes written as base64."),
        ({"bodyBase64": "abcde"}, "Binary body is not base64. Give the bytes written as base64."),
    ],
)
async def test_what_cannot_be_sent_says_what_to_change(send: Send, parameters: Any, message: str) -> None:
    with pytest.raises(NodeFailed) as failed:
        await send(method="POST", **parameters)
    assert failed.value.message == message


@pytest.mark.parametrize(
    ("text", "body"), [("iVBORw==", b"\x89PNG"), ("iVBO\r\n Rw", b"\x89PNG"), ("_-8", b"\xff\xef"), ("", b"")]
)
async def test_a_binary_body_is_sent_as_its_bytes(send: Send, text: str, body: bytes) -> None:
    _, headers, sent = await send(method="PUT", bodyBase64=text, headers={"Content-Type": "image/png"})
    assert (headers["content-type"], sent) == ("image/png", body)
    _, headers, sent = await send(method="PUT", bodyBase64=text)
    assert (headers["content-type"], sent) == ("application/octet-stream", body)
