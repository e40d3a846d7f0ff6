"""The outline of a frozen graph: its nodes without their tensors, read without TensorFlow, whose import takes seconds.

Only the fields of GraphDef that tell a graph's contract are declared here, under the numbers that TensorFlow gives them
in graph.proto, node_def.proto, attr_value.proto, tensor_shape.proto and types.proto; protobuf skips all others.
"""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError

from ssd_core.errors import UserError

GraphDef = Any

_PACKAGE = "ssd_core.outline"
_STRING, _MESSAGE, _ENUM, _INT64 = 9, 11, 14, 3  # FieldDescriptorProto.Type
_ONE, _MANY = 1, 3  # FieldDescriptorProto.Label
_FIELDS = {  # message: (field, its number, its type, how many, the message or enum that it holds)
    "Dim": (("size", 1, _INT64, _ONE, None),),
    "Shape": (("dim", 2, _MESSAGE, _MANY, "Dim"),),
    "Value": (("type", 6, _ENUM, _ONE, "DataType"), ("shape", 7, _MESSAGE, _ONE, "Shape")),
    "Node": (
        ("name", 1, _STRING, _ONE, None),
        ("op", 2, _STRING, _ONE, None),
        ("input", 3, _STRING, _MANY, None),
        ("attr", 5, _MESSAGE, _MANY, "Node.AttrEntry"),
    ),
    "Graph": (("node", 1, _MESSAGE, _MANY, "Node"),),
}
_ATTRIBUTE = (("key", 1, _STRING, _ONE, None), ("value", 2, _MESSAGE, _ONE, "Value"))
_DATA_TYPES = [
    "INVALID",
    "FLOAT",
    "DOUBLE",
    "INT32",
    "UINT8",
    "INT16",
    "INT8",
    "STRING",
    "COMPLEX64",
    "INT64",
    "BOOL",
    "QINT8",
    "QUINT8",
    "QINT32",
    "BFLOAT16",
    "QINT16",
    "QUINT16",
    "UINT16",
    "COMPLEX128",
    "HALF",
    "RESOURCE",
    "VARIANT",
    "UINT32",
    "UINT64",
]

_BFLOAT16 = _DATA_TYPES.index("BFLOAT16")


def read_outline(path: Path) -> GraphDef:
    """The nodes of a GraphDef (.pb or .pbtxt) with their names, operations, inputs, types and shapes.

    UserError when the file cannot be read or is no GraphDef.
    """
    graph = _graph_class()()
    try:
        if path.suffix == ".pbtxt":
            text_format.Parse(path.read_text(encoding="utf-8"), graph, allow_unknown_field=True)
        else:
            graph.ParseFromString(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give a graph that this user may read.") from error
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a frozen GraphDef: give a .pb or .pbtxt file of one.") from error
    if not graph.node or not all(node.name and node.op for node in graph.node):
        raise UserError(f"{path} holds no graph: give a frozen GraphDef (a SavedModel has to be frozen first).")
    return graph


def precision_of(graph: GraphDef) -> str:
    """`int8` for a graph with quantized operations, `bf16` for one with bfloat16 convolutions, else `fp32`."""
    operations = {node.op for node in graph.node}
    if any("Quantize" in operation for operation in operations):
        return "int8"
    convolutions = (node for node in graph.node if "Conv2D" in node.op)
    return "bf16" if any(node.attr["T"].type == _BFLOAT16 for node in convolutions) else "fp32"


@cache
def _graph_class() -> Any:
    """The message class. It has its own pool, so that it does not clash with TensorFlow's messages."""
    file = descriptor_pb2.FileDescriptorProto(name="outline.proto", package=_PACKAGE)
    types = file.enum_type.add(name="DataType")
    for number, name in enumerate(_DATA_TYPES):
        types.value.add(name=f"DT_{name}", number=number)
    for name, fields in _FIELDS.items():
        _declare(file.message_type.add(name=name), fields)
    node = next(message for message in file.message_type if message.name == "Node")
    entry = node.nested_type.add(name="AttrEntry")
    entry.options.map_entry = True
    _declare(entry, _ATTRIBUTE)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Graph"))


def _declare(message: Any, fields: Any) -> None:
    for name, number, of_type, label, held in fields:
        type_name = None if held is None else f".{_PACKAGE}.{held}"
        message.field.add(name=name, number=number, type=of_type, label=label, type_name=type_name)
