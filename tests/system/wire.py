# SPDX-License-Identifier: Apache-2.0
"""Just enough of the client's protocol (ipc/frame.h, roles/messages.def) to say what the client
would never say."""
import hashlib
import socket
import struct

HELLO, REFUSED, SUBMIT, SUBMIT_ACK, SUBSCRIBE = 1, 5, 20, 21, 22
STATUS_GET, STATUS, CANCEL, CANCEL_ACK, RESULTS_GET = 27, 28, 31, 32, 33
BLOB_PUT, BLOB_ACK = 10, 11
ROLE_CLIENT = 6


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def body_of(fields):
    """{tag: a number, or bytes}"""
    out = b""
    for tag, value in sorted(fields.items()):
        if isinstance(value, int):
            out += varint(tag << 3) + varint(value)
        else:
            out += varint(tag << 3 | 2) + varint(len(value)) + value
    return out


def frame(kind, fields, request_id=1):
    body = fields if isinstance(fields, bytes) else body_of(fields)
    return struct.pack("<IHBBQ", len(body), kind, 1, 0, request_id) + body


def fields_of(body):
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(body):
        key = number()
        value = number()
        if key & 7 == 2:
            value, at = body[at:at + value], at + value
        fields[key >> 3] = value
    return fields


class Gate:
    """A connection to the gate's socket that says what it is told to."""

    def __init__(self, path, says_hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.received = b""
        if says_hello:
            self.socket.sendall(frame(HELLO, {1: ROLE_CLIENT, 6: 1}, 0))

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        """Type and fields of the next frame; None, None at the end."""
        while (len(self.received) < 16 or
               len(self.received) < 16 + struct.unpack_from("<I", self.received)[0]):
            try:
                piece = self.socket.recv(1 << 16)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None, None
            self.received += piece
        length, kind = struct.unpack_from("<IH", self.received)
        body, self.received = self.received[16:16 + length], self.received[16 + length:]
        return kind, fields_of(body)

    def ask(self, kind, fields, wanted):
        """The fields of the answer of that type, or of a refusal with None before it."""
        self.say(frame(kind, fields))
        while True:
            heard, answer = self.hear()
            assert heard is not None, "the gate has hung up"
            if heard in (wanted, REFUSED):
                return heard, answer

    def submit(self, plan, client_id=b"somebody", seq=1, nonce=1, **changes):
        """Code, job id, whether it existed, problems."""
        fields = {1: client_id, 2: seq, 3: nonce, 4: hashlib.sha256(plan).digest(), 5: len(plan),
                  6: plan}
        fields.update({int(tag[1:]): value for tag, value in changes.items()})
        kind, answer = self.ask(SUBMIT, fields, SUBMIT_ACK)
        assert kind == SUBMIT_ACK, answer
        text = answer.get(8, b"").decode(errors="replace")
        return answer[1], answer.get(3, b"").hex(), answer.get(4, 0), text

    def close(self):
        self.socket.close()


class Remote(Gate):
    """The same over a connection that is there already."""

    def __init__(self, connected):
        self.socket, self.received = connected, b""
        self.socket.settimeout(10)
