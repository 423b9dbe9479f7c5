"""Whoever guesses passwords or keys is soon refused, and nobody else: at the login page, and over REST."""

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from executions.admission.sharing import Sharing
from flowhub import login
from mcp_bridge.keys import guesses, principals
from mcp_bridge.keys.guesses import MAX_OF_ADDRESS, MAX_OF_NAME, SECONDS
from tests.factories import PASSWORD, make_key, make_user

MIDDLE = 1_000_000 * SECONDS + SECONDS // 2
"""A moment (Unix time) in the middle of a window."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What time it is, so that no window ends in the middle of a test; nothing is counted before and after."""
    now = [float(MIDDLE)]
    monkeypatch.setattr(guesses, "sharing", Sharing())
    monkeypatch.setattr(guesses, "time", SimpleNamespace(time=lambda: now[0]))
    for cache in caches.all():
        cache.clear()
    yield now
    for cache in caches.all():
        cache.clear()


def log_in(name: str, password: str, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password})


def ask(key: str, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).get("/api/executions/", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.django_db
def test_after_some_wrong_passwords_for_a_name_the_right_one_is_refused_too_until_the_window_ends(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    make_user("ada")
    make_user("bob")
    with caplog.at_level(logging.WARNING, guesses.__name__):
        wrong = [log_in("ada", f"gue55-{number}", f"192.0.2.{number}").status_code for number in range(MAX_OF_NAME)]
        assert wrong == [200] * MAX_OF_NAME
        refused = [log_in(name, PASSWORD, "198.51.100.1") for name in ("ada", " Ada ", "ada")]
    for answer in refused:
        assert (answer.status_code, answer["Retry-After"]) == (429, "150")
        assert "Log in again in 150 seconds; until then not even the right one is taken." in answer.content.decode()
    said = [each.getMessage() for each in caplog.records if each.name == guesses.__name__]
    assert said == [f"{MAX_OF_NAME} guesses (password by name, one name): no more for 150 s"]
    assert log_in("bob", PASSWORD).status_code == 302
    clock[0] += SECONDS
    assert log_in("ada", PASSWORD).status_code == 302


@pytest.mark.django_db
def test_wrong_passwords_from_one_address_are_counted_over_all_names_and_the_keys_beside_them_work() -> None:
    make_user("ada")
    key = make_key()
    assert {log_in(f"somebody{number}", "x").status_code for number in range(MAX_OF_ADDRESS)} == {200}
    assert log_in("ada", PASSWORD).status_code == 429
    assert [log_in("ada", PASSWORD, address).status_code for address in ("192.0.2.2", "2001:db8::1")] == [302, 302]
    assert ask(key).status_code == 200


@pytest.mark.django_db
def test_who_knows_the_password_logs_in_as_often_as_they_like() -> None:
    make_user("ada")
    assert {log_in("ada", PASSWORD).status_code for _ in range(MAX_OF_ADDRESS + 1)} == {302}


def test_what_is_forgiven_after_its_window_has_ended_gives_no_guess_more_in_the_next(clock: list[float]) -> None:
    late = guesses.of_key("192.0.2.1")
    assert late.begin() == 0
    clock[0] += SECONDS
    late.forgive()
    assert [guesses.of_key("192.0.2.1").begin() for _ in range(MAX_OF_ADDRESS + 1)] == [0] * MAX_OF_ADDRESS + [150]


@pytest.mark.django_db
def test_a_password_that_others_are_in_front_of_for_too_long_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    make_user("ada")
    monkeypatch.setattr(login, "BUSY_SECONDS", 0.01)
    with login._checking:
        answers = [log_in("ada", PASSWORD) for _ in range(MAX_OF_NAME + 1)]
    assert {answer.status_code for answer in answers} == {429}
    assert log_in("ada", PASSWORD).status_code == 302


@pytest.mark.django_db
def test_unknown_keys_from_one_address_are_soon_refused_and_keys_that_are_right_never(
    clock: list[float], django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principals, "_guessers", principals._Guessers())
    monkeypatch.setattr(principals, "REMEMBER_SECONDS", float(SECONDS))
    key, later = make_key(), "fh_made-while-others-guess"
    assert {ask(f"fh_{number}").status_code for number in range(MAX_OF_ADDRESS)} == {401}
    refused = ask("fh_one-more")
    said = "Too many unknown API keys came from this address. Check the key; again in 150 s."
    assert (refused.status_code, refused["Retry-After"]) == (429, "150")
    assert refused.json()["detail"].startswith(said)
    with django_assert_num_queries(0):
        assert {ask(f"fh_more-{number}").status_code for number in range(5)} == {429}
    assert [ask(each).status_code for each in (key, "fh_one-more", key)] == [200, 429, 200]
    assert ask("fh_one-more", "192.0.2.2").status_code == 401
    clock[0] += SECONDS
    assert ask("fh_one-more").status_code == 401
    make_key(key=later)
    assert ask(later).status_code == 200


@pytest.mark.redis
@pytest.mark.django_db
def test_with_redis_all_processes_count_together_and_without_it_each_goes_on_alone(
    settings: Any, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    shared = settings.CACHES["default"] | {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url,
        "OPTIONS": {"pool_class": "redis.BlockingConnectionPool", "max_connections": 8, "timeout": 2},
    }
    guessed = guesses.of_key("192.0.2.1")
    with_redis, without = settings.CACHES | {"default": shared}, settings.CACHES
    settings.CACHES = with_redis
    caches["default"].clear()
    assert [guessed.begin() for _ in range(MAX_OF_ADDRESS + 1)] == [0] * MAX_OF_ADDRESS + [150]
    # New connections, as another process has them.
    settings.CACHES = dict(with_redis)
    assert guessed.seconds == 150
    caches["default"].clear()
    settings.CACHES = without
    assert guessed.seconds == 0
    settings.CACHES = without | {"default": shared | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with caplog.at_level(logging.WARNING):
        assert [guessed.begin() for _ in range(MAX_OF_ADDRESS + 1)] == [0] * MAX_OF_ADDRESS + [150]
    said = "limits are counted by each process alone until Redis answers: "
    alone = [each for each in caplog.messages if each.startswith(said)]
    assert len(alone) == 1
    settings.CACHES = without
