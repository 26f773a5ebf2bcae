# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: answers A and SRV questions from a file that is read anew for each, and
writes down what it was asked.

usage: nameserver.py ADDRESS ZONE LOG

The zone is JSON: {"NAME TYPE": [[TTL, VALUE...], ...]}; SRV values are priority, weight, port,
target. A name with no row does not exist; with an empty zone nothing is answered."""
import json
import socket
import struct
import sys

TYPES = {1: "A", 28: "AAAA", 33: "SRV"}


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in name.rstrip(".").split(".")) + b"\0"


def data_of(kind, values):
    if kind == "A":
        return socket.inet_aton(values[0])
    return struct.pack("!HHH", *values[:3]) + encode(values[3])


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from("!H", packet, at + 1)[0], packet[12:at + 5]


def answer_of(packet, zone):
    name, number, question = question_of(packet)
    kind = TYPES.get(number, "?")
    rows = zone.get(f"{name} {kind}", [])
    is_known = any(key.split()[0] == name for key in zone)
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, row[0],
                                              len(data_of(kind, row[1:]))) + data_of(kind, row[1:])
                    for row in rows)
    head = packet[:2] + struct.pack("!HHHHH", 0x8580 | (0 if is_known else 3), 1, len(rows), 0, 0)
    return f"{name} {kind}", head + question + body


def main(address, zone_path, log_path):
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
          open(log_path, "a", buffering=1) as log):
        server.bind((address, 53))
        print("listening", flush=True)
        while True:
            packet, client = server.recvfrom(2048)
            with open(zone_path) as file:
                zone = json.load(file)
            asked, answer = answer_of(packet, zone)
            print(asked, file=log)
            if zone:
                server.sendto(answer, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
