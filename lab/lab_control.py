"""The control port of a test key."""

import socket


def control(port, line):
    with socket.create_connection(("127.0.0.1", port)) as c:
        c.sendall(line.encode() + b"\n")
        answer = c.makefile().readline().strip()
    assert not answer.startswith("error"), answer
    return answer
