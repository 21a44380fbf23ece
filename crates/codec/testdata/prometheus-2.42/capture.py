"""Writes known samples into a Prometheus over remote write and prints the chunks that it makes of them.

README.md beside this says how to run it. Nothing but the standard library is needed.
"""

import math
import struct
import sys
import urllib.request

START = 1_700_000_000_000
COUNT = 200
# One more, two hours later, makes the head close the chunk before.
INDEXES = [*range(COUNT), COUNT + 480]
STALE = struct.pack("<Q", 0x7FF0000000000002)


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def zigzag(number):
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def field(number, kind, data):
    return varint(number << 3 | kind) + data


def message(number, data):
    return field(number, 2, varint(len(data)) + data)


def double(number, value):
    return field(number, 1, value if isinstance(value, bytes) else struct.pack("<d", value))


def histogram(ts, counts, spans, zero, total, hint=0, scale=None):
    """One with whole counts, or with counts times `scale`."""
    count = zero + sum(counts)
    if scale is None:
        out = field(1, 0, varint(count)) + double(3, total) + field(4, 0, zigzag(3))
        out += double(5, 2.0**-128) + field(6, 0, varint(zero))
    else:
        out = double(2, count * scale) + double(3, total) + field(4, 0, zigzag(3))
        out += double(5, 2.0**-128) + double(7, zero * scale)
    for offset, length in spans:
        out += message(11, field(1, 0, zigzag(offset)) + field(2, 0, varint(length)))
    if scale is None:
        deltas = [b - a for a, b in zip([0] + counts, counts)]
        out += message(12, b"".join(zigzag(delta) for delta in deltas))
    else:
        out += message(13, b"".join(struct.pack("<d", count * scale) for count in counts))
    return out + field(14, 0, varint(hint)) + field(15, 0, varint(ts))


NARROW = [(-2, 3), (2, 2)]
WIDE = [(-2, 4), (1, 2)]


def counts_at(index):
    return [index * (place + 1) * 2 + (index * 7 + place) % 3 for place in range(5)]


def counter(ts, index, **more):
    return histogram(ts, counts_at(index), NARROW, index // 4, index * 1.5, **more)


def wide(ts, index):
    counts = counts_at(index)
    return histogram(ts, counts[:3] + [index - 49] + counts[3:], WIDE, index // 4, index * 1.5)


def falling(index):
    return index * 13 % 50


def stale(ts, index, **more):
    # Prometheus 2.42 takes a float histogram without observations for one of whole counts.
    return histogram(ts, [], [], 2, STALE, **more)


FLOATS = {
    "f_counter": lambda ts, i: (ts, i * 7.0 + i % 5),
    "f_gauge": lambda ts, i: (ts, STALE if i == 150 else i * 37 % 101 / 100),
    "f_jitter": lambda ts, i: (ts + i * i % 7, math.sqrt(i)),
}

HISTOGRAMS = {
    "h_counter": counter,
    "h_float": lambda ts, i: counter(ts, i, scale=0.5),
    "h_float_stale": lambda ts, i: (stale if i == 70 else counter)(ts, i, scale=0.5),
    "h_gauge": lambda ts, i: counter(ts, falling(i), hint=3),
    "h_grows": lambda ts, i: (counter if i < 50 else wide)(ts, i),
    "h_reset": lambda ts, i: counter(ts, i if i < 60 else i - 60),
    "h_stale": lambda ts, i: (stale if i == 70 else counter)(ts, i),
}


def series(name, number, items):
    label = message(1, b"__name__") + message(2, name.encode())
    return message(1, message(1, label) + b"".join(message(number, item) for item in items))


def request():
    body = b""
    for name, sample in FLOATS.items():
        pairs = [sample(START + i * 15_000, i) for i in INDEXES]
        items = [double(1, value) + field(2, 0, varint(ts)) for ts, value in pairs]
        body += series(name, 2, items)
    for name, make in HISTOGRAMS.items():
        body += series(name, 4, [make(START + i * 15_000, i) for i in INDEXES])
    return body


def snappy(data):
    """A block of nothing but literals."""
    out = varint(len(data))
    for start in range(0, len(data), 65_536):
        part = data[start : start + 65_536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return out


def uvarint(data, place):
    number, shift = 0, 0
    while True:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place


def write(address):
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    post = urllib.request.Request(f"{address}/api/v1/write", snappy(request()), headers)
    urllib.request.urlopen(post).read()


def read(directory):
    """The chunks that the head has closed, in the order of the series' creation, which is that of the request."""
    data = open(f"{directory}/chunks_head/000001", "rb").read()
    names, found, place = list(FLOATS | HISTOGRAMS), [], 8
    while place < len(data):
        (number,) = struct.unpack_from(">Q", data, place)
        if number == 0:
            break
        encoding = data[place + 24]
        length, place = uvarint(data, place + 25)
        found.append((number, encoding, data[place : place + length]))
        place += length + 4
    found.sort(key=lambda chunk: chunk[0])
    for number, encoding, chunk in found:
        print(names[number - 1], encoding, chunk.hex())


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
