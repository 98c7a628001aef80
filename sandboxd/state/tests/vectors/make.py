"""Roots and nodes of small states, by the trie's definition in nearcore's documentation alone:
`python3 make.py > vectors.txt`. A block of lines for each state: its records, each node that a proof of
the whole state holds (parents before children), and the root with the memory usage of the state."""

import hashlib
import os
import struct

STATES = {
    "one record": {b"alice": b"10"},
    "a key without bytes": {b"": b"root value", b"a": b""},
    "a key that begins another": {b"ab": b"1", b"abc": b"2", b"abcd": b"3"},
    "keys that part in the low half of a byte": {b"\x10": b"x", b"\x11": b"y", b"\x1f": b"z"},
    "keys that part in the high half of a byte": {b"\x01": b"x", b"\x11": b"y", b"\xf1": b"z"},
    "all sixteen children and a value": {b"k": b"v"} | {b"k" + bytes([n << 4]): bytes([n]) for n in range(16)},
    "equal values and equal subtrees": {b"xa1": b"v", b"xa2": b"v", b"ya1": b"v", b"ya2": b"v"},
    "a long value and a long path": {b"p" * 300: b"\xff" * 600, b"q": b""},
    "records as an account has them": {
        b"\x00app.near": bytes(range(80)),
        b"\x00bob.near": bytes(range(80, 160)),
        b"\x02app.near\x02\x00" + b"\x07" * 32: b"key",
        b"\x01app.near": b"\0asm\x01\0\0\0",
        b"\x09app.near,STATE": b"counter",
        b"\x09app.near,u\x01\0\0\0": b"entry",
    },
    "three hundred records": {
        hashlib.sha256(b"key %d" % n).digest()[: 1 + n % 4]: hashlib.sha256(b"value %d" % n).digest()[: n % 33]
        for n in range(300)
    },
}


def nibbles(key):
    return tuple(half for byte in key for half in (byte >> 4, byte & 15))


def compact(path, is_leaf):
    flag = 2 if is_leaf else 0
    halves = (flag + 1, *path) if len(path) % 2 else (flag, 0, *path)
    return bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2]))


def counted(data):
    return struct.pack("<I", len(data)) + data


def committed(value):
    return struct.pack("<I", len(value)) + hashlib.sha256(value).digest()


def node(records, nodes):
    """The hash and memory usage of the node of these records, which goes into `nodes` before those below."""
    place = len(nodes)
    nodes.append(None)
    keys = sorted(records)
    shared = os.path.commonprefix([keys[0], keys[-1]])
    if len(records) == 1:
        path = compact(shared, True)
        value = records[shared]
        data, usage = b"\0" + counted(path) + committed(value), 100 + 2 * len(path) + len(value)
    elif shared:
        path = compact(shared, False)
        child, below = node({key[len(shared) :]: value for key, value in records.items()}, nodes)
        data, usage = b"\3" + counted(path) + child, 50 + 2 * len(path) + below
    else:
        data, usage = b"\1", 50
        if () in records:
            data, usage = b"\2" + committed(records[()]), 100 + len(records[()])
        bitmap, children = 0, b""
        for nibble in range(16):
            behind = {key[1:]: value for key, value in records.items() if key[:1] == (nibble,)}
            if behind:
                child, below = node(behind, nodes)
                bitmap, children, usage = bitmap | 1 << nibble, children + child, usage + below
        data += struct.pack("<H", bitmap) + children
    data += struct.pack("<Q", usage)
    nodes[place] = data
    return hashlib.sha256(data).digest(), usage


for name, records in STATES.items():
    print("state", name)
    for key, value in records.items():
        print(f"record {key.hex()} {value.hex()}")
    nodes = []
    root, usage = node({nibbles(key): value for key, value in records.items()}, nodes)
    for data in nodes if len(records) < 20 else []:
        print("node", data.hex())
    print("root", root.hex(), usage)
