# SPDX-License-Identifier: Apache-2.0
"""The status socket of a daemon, as an operator's script asks it."""
import json
import os
import socket


def ask(run_dir, request, seconds=60):
    """The answer to {"get": request}, or to a request that is JSON already."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        console.settimeout(seconds)
        console.connect(os.path.join(run_dir, "status.sock"))
        console.sendall((request if request.startswith("{")
                         else json.dumps({"get": request})).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = console.recv(1 << 20)
            if not piece:
                raise OSError("the console has hung up")
            answer += piece
    return json.loads(answer)


def processes(run_dir, seconds=60):
    """Its processes by name; {} while nobody answers."""
    try:
        return {row["name"]: row for row in ask(run_dir, "processes", seconds)["processes"]}
    except (OSError, ValueError):
        return {}
