"""Whatever stands under the name of a credential is replaced before it is stored, there and elsewhere."""

import base64
from typing import Any

import pytest

from executions.privacy.names import is_sensitive
from tests.executions.privacy.test_redactor import PLAIN, stored

CREDENTIALS = (
    "Authorization proxy-authorization HTTP_AUTHORIZATION Cookie set-cookie cookies token accessToken "
    "async_token asynctoken next_access_token id_token X-Auth-Token tokens secret client_secret SECRET_KEY password "
    "passwd newPassword password2 "
    "password_hash userpassword passphrase api-key api_key apiKey apikey x-api-key X-API-Key access_key "
    "private_key privateKey signingKey masterKey Ocp-Apim-Subscription-Key credential credentials"
)
LOOKALIKES = (
    "page_token nextPageToken next_token NextToken continuationToken sync_token $skiptoken nexttoken pageTokens "
    "token_count tokenCount token_type tokenizer author authors authority authorization_url secretary "
    "cookie_policy password_policy password_changed_at key keys keyboard monkey public_key primary_key "
    "key_id access_key_id compass name session"
)


class TestByName:
    @pytest.mark.parametrize(
        "name",
        CREDENTIALS.split(),
    )
    def test_names_of_credentials_are_known(self, name: str) -> None:
        assert is_sensitive(name)

    @pytest.mark.parametrize("name", CREDENTIALS.split())
    def test_nothing_is_stored_under_them_where_nothing_else_is_to_be_hidden(self, name: str) -> None:
        assert stored({name: "hunter2-hunter2"}) == {name: "***"}

    @pytest.mark.parametrize(
        "name",
        LOOKALIKES.split(),
    )
    def test_names_that_only_look_like_it_are_left_alone(self, name: str) -> None:
        assert not is_sensitive(name)

    @pytest.mark.parametrize("value", ["hunter2", 123456, 1.5, {"user": "a", "pass": "b"}, ["a"], ""])
    def test_whatever_stands_there_is_replaced_but_not_the_empty_text(self, value: Any) -> None:
        assert stored({"a": {"password": value}}) == {"a": {"password": "***" if value else value}}

    @pytest.mark.parametrize("value", [None, True, False, "{{ secrets.API_KEY }}", "Bearer {{ secrets.API_KEY }}"])
    def test_what_tells_nothing_is_kept(self, value: Any) -> None:
        assert stored({"authorization": value}) == {"authorization": value}

    def test_a_number_of_tokens_is_kept_and_a_list_of_tokens_is_not(self) -> None:
        assert stored({"max_tokens": 4096, "tokens": ["abc"]}) == {"max_tokens": 4096, "tokens": "***"}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"password": "hunter2", "user": "ada"}', '{"password": "***", "user": "ada"}'),
            (r'"{\"token\": \"a\\\"b\", \"x\": 1}"', r'"{\"token\": \"***\", \"x\": 1}"'),
            ("{'secret': 'ab', 'z': 1}", "{'secret': '***', 'z': 1}"),
            ('"token": 123456, "max_tokens": 4096', '"token": ***, "max_tokens": 4096'),
            ("https://x.example/a?api_key=LIT&q=1#f", "https://x.example/a?api_key=***&q=1#f"),
            ("user=ada&password=hunter2", "user=ada&password=***"),
            ('password="a b" user="c"', 'password="***" user="c"'),
            ("Authorization: Bearer abc.def\r\nHost: x", "Authorization: ***\r\nHost: x"),
            ("cookie: a=b; c=d\nHost: x", "cookie: ***\nHost: x"),
            ('answered 401: {"token": "abc', 'answered 401: {"token": "***'),
            ("İ password=abc", "İ password=***"),
            ("?token={{ secrets.X }}", "?token={{ secrets.X }}"),
            ("- password: is required", "- password: is required"),
            ("authorization: is required", "authorization: is required"),
            ("the token is 3 long; key=value", "the token is 3 long; key=value"),
        ],
    )
    def test_text_that_holds_json_queries_or_headers_is_read_too(self, text: str, expected: str) -> None:
        assert stored([text]) == [expected]

    def test_a_value_seen_under_such_a_name_is_hidden_wherever_else_it_stands(self) -> None:
        record = {"headers": {"Authorization": f"Bearer {PLAIN}"}, "note": f"sent {PLAIN} on", PLAIN: 1}
        assert stored(record) == {"headers": {"Authorization": "***"}, "note": "sent *** on", "***": 1}

    def test_the_password_of_basic_authentication_is_learned(self) -> None:
        credentials = base64.b64encode(f"ada:{PLAIN}".encode()).decode()
        assert stored({"authorization": f"Basic {credentials}", "note": PLAIN})["note"] == "***"
