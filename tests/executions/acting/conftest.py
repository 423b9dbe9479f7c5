"""A person's browser for the flow of a test."""

import pytest
from django.test import Client

from flows.models import Flow
from tests.executions.pages.test_views import browser_of


@pytest.fixture
def browser(flow: Flow) -> Client:
    """The browser of the flow's owner."""
    return browser_of(flow.server.owner)
