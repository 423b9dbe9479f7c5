"""Documents between the pages of an import: who has them again, and how long."""

from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from flows.models import KeptDocument
from flows.transfer import documents
from tests.factories import make_server, make_user

pytestmark = pytest.mark.django_db

SOURCE = b'{"openapi": "3.1.0", "info": {"title": "Caf\xc3\xa9"}}'


def ids() -> list[int]:
    return list(KeptDocument.objects.order_by("pk").values_list("pk", flat=True))


def test_who_brought_a_document_has_it_again_as_it_came() -> None:
    server = make_server()
    row = documents.kept(server.owner, server, documents.keep(server.owner, server, SOURCE))
    assert documents.unpacked(row) == SOURCE


def test_nobody_else_has_it_and_no_other_server() -> None:
    server, stranger = make_server(), make_user()
    kept = documents.keep(server.owner, server, SOURCE)
    for user, place, given in (
        (stranger, server, kept),
        (server.owner, make_server(server.owner), kept),
        (server.owner, server, "no number"),
        (server.owner, server, kept + 1),
    ):
        with pytest.raises(Http404):
            documents.kept(user, place, given)


def test_the_next_document_takes_those_of_yesterday_away_whoever_brought_them() -> None:
    server, other = make_server(), make_server()
    old, young = (documents.keep(other.owner, other, SOURCE) for _ in range(2))
    KeptDocument.objects.filter(pk=old).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert ids() == [old, young]
    new = documents.keep(server.owner, server, SOURCE)
    assert ids() == [young, new]


def test_one_person_has_five_and_takes_none_of_another_s() -> None:
    server, other = make_server(), make_server()
    theirs = documents.keep(other.owner, other, SOURCE)
    mine = [documents.keep(server.owner, server, SOURCE) for _ in range(7)]
    assert ids() == [theirs, *mine[2:]]
