"""Messages between a worker and its parent: one JSON object and any number of arrays over a stream socket; no pickle.

A frame is, little-endian throughout:

    4 bytes   length of the header in bytes, unsigned
    header    UTF-8 JSON {"message": {...}, "arrays": [{"dtype": "<f4", "shape": [2, 3]}, ...]}
    arrays    their elements one after another, C order, without padding

Both sides refuse a frame that breaks these rules, so a stray write on the socket never becomes numbers.
"""

import json
import math
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Message = dict[str, Any]
Array = NDArray[Any]

DTYPES = ("|b1", "|u1", "|i1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
MAX_HEADER_BYTES = 64 << 20
MAX_ARRAY_BYTES = 8 << 30
MAX_DIMENSIONS = 8
_LENGTH_BYTES = 4


class ConnectionEnded(Exception):  # noqa: N818 - an end of stream, which need not be an error
    """The other side closed the connection, or died."""


class ProtocolError(Exception):
    """The frame breaks the rules above: a defect, or something else writing on the socket."""


def send(sock: socket.socket, message: Message, arrays: Sequence[Array] = ()) -> None:
    """Send one frame. Big-endian and strided arrays are rewritten; an object or string dtype raises ProtocolError."""
    plain = [_plain(array) for array in arrays]
    described = [{"dtype": array.dtype.str, "shape": list(array.shape)} for array in plain]
    header = json.dumps({"message": message, "arrays": described}, allow_nan=False).encode()
    if len(header) > MAX_HEADER_BYTES:
        raise ProtocolError(f"a header of {len(header)} bytes is over the limit of {MAX_HEADER_BYTES}")
    try:
        sock.sendall(len(header).to_bytes(_LENGTH_BYTES, "little") + header)
        for array in plain:
            if array.nbytes:
                sock.sendall(_bytes_of(array))
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ConnectionEnded from error


def receive(sock: socket.socket) -> tuple[Message, list[Array]]:
    """Wait for one frame; ConnectionEnded at the end of the stream, TimeoutError as the socket's own timeout says."""
    length = int.from_bytes(_read(sock, _LENGTH_BYTES), "little")
    if length > MAX_HEADER_BYTES:
        raise ProtocolError(f"a header of {length} bytes is over the limit of {MAX_HEADER_BYTES}")
    message, arrays = _parse(_read(sock, length))
    for array in arrays:
        if array.nbytes:
            _fill(sock, _bytes_of(array))
    return message, arrays


def _parse(header: bytearray) -> tuple[Message, list[Array]]:
    """The message, and arrays of the sizes that the header announces, still to be filled."""
    try:
        frame = json.loads(header)
        message, described = frame["message"], frame["arrays"]
        kinds = [(entry["dtype"], tuple(entry["shape"])) for entry in described]
    except (ValueError, TypeError, KeyError) as error:
        raise ProtocolError(f"a header that is not one: {bytes(header[:80])!r}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"a message must be an object, not {type(message).__name__}")
    total_bytes = 0
    for dtype, shape in kinds:
        if dtype not in DTYPES:
            raise ProtocolError(f"arrays of dtype {dtype!r} are not sent")
        if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
            raise ProtocolError(f"{shape} is no array shape")
        total_bytes += math.prod(shape) * np.dtype(dtype).itemsize
        if total_bytes > MAX_ARRAY_BYTES:
            raise ProtocolError(f"arrays of {total_bytes} bytes are over the limit of {MAX_ARRAY_BYTES}")
    return message, [np.empty(shape, dtype) for dtype, shape in kinds]


def _plain(array: Array) -> Array:
    """The same elements in C order, little-endian."""
    dtype = array.dtype.newbyteorder("<")
    if dtype.str not in DTYPES:
        raise ProtocolError(f"arrays of dtype {array.dtype} are not sent")
    if array.ndim > MAX_DIMENSIONS or array.nbytes > MAX_ARRAY_BYTES:
        raise ProtocolError(f"an array of shape {array.shape} and {array.nbytes} bytes is too large to send")
    return np.asarray(array, dtype=dtype, order="C")


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _read(sock: socket.socket, count: int) -> bytearray:
    buffer = bytearray(count)
    _fill(sock, memoryview(buffer))
    return buffer


def _fill(sock: socket.socket, view: memoryview) -> None:
    while view:
        try:
            count = sock.recv_into(view)
        except ConnectionResetError as error:
            raise ConnectionEnded from error
        if not count:
            raise ConnectionEnded
        view = view[count:]
