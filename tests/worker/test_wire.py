import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ssd_core.worker import wire

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.dictionaries(st.text(), JSON, max_size=5)
ARRAYS = st.lists(
    npst.arrays(
        dtype=st.one_of(
            npst.boolean_dtypes(), npst.integer_dtypes(endianness="?"), npst.unsigned_integer_dtypes(endianness="?"),
            npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
        ),
        shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    ),
    max_size=4,
)  # fmt: skip


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        right.settimeout(10)
        yield left, right


def exchange(message: dict[str, Any], arrays: list[Any]) -> tuple[dict[str, Any], list[Any]]:
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=wire.send, args=(left, message, arrays))
        sender.start()
        received = wire.receive(right)
        sender.join()
    return received


@given(MESSAGES, ARRAYS)
def test_what_is_sent_is_received(message: dict[str, Any], arrays: list[Any]) -> None:
    got_message, got_arrays = exchange(message, arrays)
    assert got_message == message
    assert len(got_arrays) == len(arrays)
    for got, sent in zip(got_arrays, arrays, strict=True):
        assert got.shape == sent.shape
        assert got.dtype == sent.dtype.newbyteorder("<")
        np.testing.assert_array_equal(got, sent)


def test_arrays_larger_than_the_socket_buffer_and_strided_ones_arrive_whole() -> None:
    large = np.random.default_rng(0).random((8, 300, 300, 3), dtype=np.float32)
    strided = large[:, ::3, ::-1, 1]
    _, (got_large, got_strided) = exchange({}, [large, strided])
    np.testing.assert_array_equal(got_large, large)
    np.testing.assert_array_equal(got_strided, strided)


def test_frames_follow_one_another(pair: tuple[socket.socket, socket.socket]) -> None:
    for number in range(5):
        wire.send(pair[0], {"number": number}, [np.full(number, number)])
    for number in range(5):
        message, (array,) = wire.receive(pair[1])
        assert message == {"number": number}
        assert array.tolist() == [number] * number


@pytest.mark.parametrize("cut", [0, 2, 4, 10, -1])
def test_an_end_of_stream_anywhere_is_told_apart(pair: tuple[socket.socket, socket.socket], cut: int) -> None:
    wire.send(pair[0], {"steps": 3}, [np.arange(6.0)])
    frame = pair[1].recv(1 << 16)
    pair[0].sendall(frame[:cut])
    pair[0].close()
    with pytest.raises(wire.ConnectionEnded):
        wire.receive(pair[1])


def test_sending_to_a_closed_connection_is_an_end_of_stream(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    with pytest.raises(wire.ConnectionEnded):
        wire.send(pair[0], {})


def test_silence_is_a_timeout(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].settimeout(0.01)
    with pytest.raises(TimeoutError):
        wire.receive(pair[1])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        json.dumps({"message": [], "arrays": []}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "|O", "shape": [1]}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": ">f4", "shape": [1]}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "<f4", "shape": [-1]}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "<f4", "shape": [1.5]}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "<f4", "shape": [1] * 9}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "<f4", "shape": [1 << 40]}]}).encode(),
        json.dumps({"message": {}, "arrays": [{"dtype": "<f8", "shape": [1 << 29]}] * 3}).encode(),
    ],
)
def test_a_malformed_header_is_refused(pair: tuple[socket.socket, socket.socket], header: bytes) -> None:
    pair[0].sendall(len(header).to_bytes(4, "little") + header)
    with pytest.raises(wire.ProtocolError):
        wire.receive(pair[1])


def test_an_absurd_header_length_is_refused_before_it_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(b"\xff\xff\xff\xff")
    with pytest.raises(wire.ProtocolError, match="over the limit"):
        wire.receive(pair[1])


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.zeros((1,) * 9), np.zeros(2, "c8")])
def test_arrays_that_cannot_be_received_are_not_sent(pair: tuple[socket.socket, socket.socket], array: Any) -> None:
    with pytest.raises(wire.ProtocolError):
        wire.send(pair[0], {}, [array])


def test_numbers_that_json_does_not_have_are_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(ValueError):
        wire.send(pair[0], {"value": float("nan")})
