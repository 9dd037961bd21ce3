"""Photographs as arrays: PNG files with 8-bit RGB, not interlaced (ISO/IEC 15948), brought to a network's size."""
import struct
import zlib

import numpy as np

_RGB = 3


def _paeth(left, above, corner):
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


# By the filter of a row, what was taken off each byte: from the pixels on the left, above, and above on the left.
_PREDICTIONS = [None, lambda left, above, corner: left, lambda left, above, corner: above,
                lambda left, above, corner: (left + above) // 2, _paeth]


def _unfiltered(row, kind, above):
    predict, row = _PREDICTIONS[kind], bytearray(row)
    if predict:
        for i in range(_RGB):
            row[i] = (row[i] + predict(0, above[i], 0)) & 255
        for i in range(_RGB, len(row)):
            row[i] = (row[i] + predict(row[i - _RGB], above[i], above[i - _RGB])) & 255
    return row


def read_png(path):
    """u8 [height, width, 3]"""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, *form = struct.unpack(">IIBBBBB", body)
            if form != [8, 2, 0, 0, 0]:
                raise ValueError(f"{path}: only 8-bit RGB without interlacing is read")
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    lines = zlib.decompress(packed)
    stride = width * _RGB
    above, rows = bytes(stride), []
    for start in range(0, height * (stride + 1), stride + 1):
        above = _unfiltered(lines[start + 1:start + 1 + stride], lines[start], above)
        rows.append(bytes(above))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(height, width, _RGB)


def resized(picture, height, width):
    """The nearest pixels of the whole picture."""
    rows = (2 * np.arange(height) + 1) * picture.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * picture.shape[1] // (2 * width)
    return picture[rows[:, None], columns]
