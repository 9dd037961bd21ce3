"""Reads the layers of an .mbn file, and how it prepares pictures, as docs/mbn-format.md says and without the library.

Checksums and values are the library's business: a damaged file is no concern here.
"""
import collections
import struct
import zlib

Layer = collections.namedtuple("Layer", "type name fields")
NETWORK, PREPROCESSING = 1, 2
_TRAILER, _ROW = "<QQIIII4s", "<IIIIQQQII"
_FIELD_VALUES = ["<q", "<d"]


class _Cursor:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values if len(values) > 1 else values[0]

    def string(self):
        return self.take(f"{self.take('<H')}s").decode()


def _sections(data):
    """Bytes of the sections that are not tensors, by kind."""
    table, _, _, count, _, _, magic = struct.unpack(_TRAILER, data[-struct.calcsize(_TRAILER):])
    if magic != b"MBNE":
        raise ValueError("no .mbn file")
    cursor, found = _Cursor(data, table), {}
    for _ in range(count):
        kind, _, codec, _, offset, stored, _, _, rank = cursor.take(_ROW)
        cursor.take(f"<{rank}q")
        cursor.string()
        if kind in (NETWORK, PREPROCESSING):  # shuffling blocks of single bytes changes nothing
            found[kind] = zlib.decompress(data[offset:offset + stored]) if codec else data[offset:offset + stored]
    return found


def _layer(cursor):
    kind, name = cursor.string(), cursor.string()
    cursor.take("<I")
    for _ in range(cursor.take("<I")):
        cursor.take("<I")
    fields = {}
    for _ in range(cursor.take("<I")):
        field = cursor.string()
        fields[field] = cursor.take(_FIELD_VALUES[cursor.take("<H")])
    return Layer(kind, name, fields)


def read(path):
    """([Layer], number of MBN_PREPROCESSING_...)"""
    with open(path, "rb") as file:
        sections = _sections(file.read())
    cursor = _Cursor(sections[NETWORK])
    cursor.take("<I")
    layers = [_layer(cursor) for _ in range(cursor.take("<I"))]
    return layers, struct.unpack("<I", sections[PREPROCESSING])[0]
