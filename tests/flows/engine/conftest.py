"""A fresh flow, its scripted node types and a recorder for each test."""

import pytest

from flows.engine.registry import Registry
from flows.nodes import BUILTIN_NODE_TYPES
from tests.flows.engine.kit import Asks, Effectful, Flow, Recorder, Scripted


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def effectful() -> Effectful:
    return Effectful()


@pytest.fixture
def asks() -> Asks:
    return Asks()


@pytest.fixture
def flow(scripted: Scripted, effectful: Effectful, asks: Asks) -> Flow:
    return Flow(Registry([*BUILTIN_NODE_TYPES, scripted, effectful, asks]))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
