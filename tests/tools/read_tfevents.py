#!/usr/bin/env python3
"""Read a TensorBoard event file and print one JSON object an event: read_tfevents.py FILE

Written from the format's description alone, apart from the program that writes such files. Checks
every checksum; exits with 1 and says where when something is wrong.
"""
import json
import re
import struct
import sys

POLYNOMIAL = 0x82F63B78


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            raise ValueError(f"byte {at}: {len(data) - at} bytes are no record")
        length, check = struct.unpack_from("<QI", data, at)
        if check != masked(data[at:at + 8]):
            raise ValueError(f"byte {at}: the length's checksum is wrong")
        if length > len(data) - at - 16:
            raise ValueError(f"byte {at}: a record of {length} bytes is cut off")
        body = data[at + 12:at + 12 + length]
        if struct.unpack_from("<I", data, at + 12 + length)[0] != masked(body):
            raise ValueError(f"byte {at}: the data's checksum is wrong")
        yield body
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of a message: int, or bytes of 8, 4 or any length."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(wire)
            if wire == 2:
                size, at = varint(data, at)
            if size is None or size > len(data) - at:
                raise ValueError(f"field {key >> 3}: wire type {wire} makes no sense here")
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def double(data):
    return struct.unpack("<d", data)[0]


def doubles(data):
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def histogram(data):
    names = {1: "min", 2: "max", 3: "num", 4: "sum", 5: "sum_squares"}
    result = {}
    for number, value in fields(data):
        if number in names:
            result[names[number]] = double(value)
        else:
            result[{6: "bucket_limit", 7: "bucket"}[number]] = doubles(value)
    return result


def tensor(data):
    """A tensor of strings."""
    parts = list(fields(data))
    assert (1, 7) in parts, "dtype is not DT_STRING"
    return [value.decode() for number, value in parts if number == 8]


def plugin(data):
    inner = dict(fields(dict(fields(data))[1]))
    return inner[1].decode()


def shape_of(data):
    """Sizes of a TensorShapeProto; -1 is a varint of 64 bits."""
    sizes = [dict(fields(value)).get(1, 0) for number, value in fields(data) if number == 2]
    return [size - (1 << 64) if size >> 63 else size for size in sizes]


def graph(data):
    """The nodes of a GraphDef, each input made before it is read."""
    nodes, known = [], set()
    for number, value in fields(data):
        if number != 1:
            continue
        node = {"inputs": []}
        for part, inner in fields(value):
            if part in (1, 2):
                node["name" if part == 1 else "op"] = inner.decode()
            elif part == 3:
                node["inputs"].append(inner.decode())
            elif part == 5:
                entry = dict(fields(inner))
                assert entry[1] == b"_output_shapes", "an attribute nobody asked for"
                node["shape"] = shape_of(dict(fields(dict(fields(entry[2]))[1]))[7])
        assert node["name"] not in known, f"two nodes named {node['name']}"
        assert re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/-]*", node["name"]), "not a name of TensorFlow's"
        assert known.issuperset(node["inputs"]), f"{node['name']} reads what is not there"
        known.add(node["name"])
        nodes.append(node)
    versions = [dict(fields(value)) for number, value in fields(data) if number == 4]
    assert versions and versions[0][1] > 0, "no version of the producer"
    return nodes


def value_of(data):
    result = {}
    for number, value in fields(data):
        if number == 1:
            result["tag"] = value.decode()
        elif number == 2:
            result["value"] = struct.unpack("<f", value)[0]
        elif number == 5:
            result["histogram"] = histogram(value)
        elif number == 8:
            result["text"] = tensor(value)
        elif number == 9:
            result["plugin"] = plugin(value)
    return result


def event(data):
    result = {"step": 0}
    for number, value in fields(data):
        if number == 1:
            result["wall_time"] = double(value)
        elif number == 2:
            result["step"] = value
        elif number == 3:
            result["file_version"] = value.decode()
        elif number == 4:
            result["graph"] = graph(value)
        elif number == 5:
            result["values"] = [value_of(inner) for k, inner in fields(value) if k == 1]
    return result


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    try:
        for body in records(data):
            print(json.dumps(event(body), ensure_ascii=False))
    except (ValueError, IndexError, KeyError, AssertionError) as problem:
        print(f"{sys.argv[1]}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
