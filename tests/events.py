"""What TensorBoard shows of a folder: its event files, read without the library that wrote them."""

import struct

PURGING = 1  # SessionLog.START
FILE, LOG, SUMMARY, STEP, START = 3, 7, 5, 2, 1  # numbers of fields in event.proto
TAG, SIMPLE, TENSOR, STRINGS = 1, 2, 8, 8  # in summary.proto and tensor.proto


def varint(data, at):
    """A number of seven bits a byte, and where the next thing is."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def message(data):
    """Each field of a protocol buffer: its number, and what is in it."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            n = {1: 8, 5: 4}.get(key & 7)
            if n is None:
                n, at = varint(data, at)
            value, at = data[at : at + n], at + n
        yield key >> 3, value


def events(path):
    """Each event of a file: a record is its length, a checksum, itself, and a checksum."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (n,) = struct.unpack_from("<Q", data, at)
        yield list(message(data[at + 12 : at + 12 + n]))
        at += 16 + n
    assert at == len(data), "the last record is cut off"


def shown(folder):
    """Points and texts by their tags: {tag: {step: value}}; no step of a tag may come twice.

    As TensorBoard does it, a session that starts at a step takes away what is there from it on.
    """
    curves = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in events(path):
            fields = dict(event)
            step = fields.get(STEP, 0)
            if LOG in fields and dict(message(fields[LOG])).get(START) == PURGING:
                for points in curves.values():
                    for late in [each for each in points if each >= step]:
                        del points[late]
            for number, value in message(fields.get(SUMMARY, b"")):
                assert number == 1
                put(curves, step, dict(message(value)))
    return {tag: points for tag, points in curves.items() if points}


def put(curves, step, value):
    """One value of a summary."""
    points = curves.setdefault(value[TAG].decode(), {})
    assert step not in points, f"step {step} is there twice"
    if SIMPLE in value:
        (points[step],) = struct.unpack("<f", value[SIMPLE])
    else:
        points[step] = dict(message(value[TENSOR]))[STRINGS].decode()
