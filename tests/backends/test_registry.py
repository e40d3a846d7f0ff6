"""The backends' rows, what is said where a peer's packages are missing, and how a session is opened."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ssd_core.backends import registry
from ssd_core.backends.protocol import Opening
from ssd_core.backends.registry import BACKENDS, OURS, PEERS, Backend, open_session
from ssd_core.errors import UserError
from ssd_core.precisions import PRECISIONS

SOURCES = Path(registry.__file__).parents[2]


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_a_row_names_a_class_that_is_there_and_precisions_that_are_known(backend: Backend) -> None:
    module, _, name = backend.session.partition(":")
    source = (SOURCES / module.replace(".", "/")).with_suffix(".py").read_text()
    assert f"\nclass {name}(" in source
    assert ("\ndef make(" in source) == (backend.name != OURS)
    assert backend.precisions
    assert set(backend.precisions) <= set(PRECISIONS)


def test_ours_wants_no_package_more_and_is_no_peer() -> None:
    assert not BACKENDS[OURS].packages
    assert [OURS, *(peer.name for peer in PEERS)] == list(BACKENDS)
    assert all(peer.packages for peer in PEERS)


@pytest.mark.parametrize(("package", "module"), [("nncf", "nncf"), ("ai-edge-litert", "ai_edge_litert")])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, package: str, module: str) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == module else name)
    assert registry.missing() == [package]
    with pytest.raises(UserError, match=rf"--peers wants {package}, not installed here: run tox -e peers\."):
        registry.require()


def test_each_package_has_a_version(peers: None) -> None:
    assert set(registry.versions()) == {name for peer in PEERS for name in peer.packages}
    assert all(version[0].isdigit() for version in registry.versions().values())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Opening]:
    """What a class of the name of each session was called with, in the place of its module."""
    openings: list[Opening] = []
    for backend in BACKENDS.values():
        stand_in: Any = ModuleType(backend.module)
        setattr(stand_in, backend.session.partition(":")[2], openings.append)
        monkeypatch.setitem(sys.modules, backend.module, stand_in)
    return openings


def test_the_class_of_the_row_is_called_with_the_opening(
    opened: list[Opening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: name)
    openings = [Opening(name, Path("model")) for name in BACKENDS]
    for opening in openings:
        open_session(opening)
    assert opened == openings


def test_only_a_peer_wants_the_peers_packages(opened: list[Opening], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    open_session(Opening(OURS, Path("graph.pb")))
    with pytest.raises(UserError, match="--peers wants openvino, nncf, "):
        open_session(Opening("openvino", Path("models")))
    assert [opening.backend for opening in opened] == [OURS]
