"""Impostors: a policy server and a milter that look at nothing. `dunno` lets everything in, `defer` nothing.

A row of the lab that such a server can pass proves nothing; impostors.py looks for one."""

import os
import socket
import struct
import sys
import threading

POLICY_ANSWER = {"dunno": b"action=DUNNO\n\n", "defer": b"action=450 4.7.1 not now\n\n"}
CONTINUE, TEMPFAIL = b"c", b"t"


def policy_session(connection, kind):
    buffer = b""
    while data := connection.recv(4096):
        buffer += data
        while b"\n\n" in buffer:
            _, buffer = buffer.split(b"\n\n", 1)
            connection.sendall(POLICY_ANSWER[kind])


def _exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def milter_session(connection, kind):
    """The milter protocol's bare bones: a length, a command letter, its data."""
    def answer(packet):
        connection.sendall(struct.pack("!I", len(packet)) + packet)
    while True:
        size, = struct.unpack("!I", _exactly(connection, 4))
        packet = _exactly(connection, size)
        command = packet[:1]
        if command == b"O":             # options: version 6, no changes, every callback
            answer(b"O" + struct.pack("!III", 6, 0, 0))
        elif command in b"Q":
            return
        elif command in b"AKD":         # abort, next connection, macros: no answer
            continue
        else:
            answer(TEMPFAIL if kind == "defer" and command == b"M" else CONTINUE)


def serve(path, session, kind):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_guarded, args=(session, connection, kind), daemon=True).start()


def _guarded(session, connection, kind):
    with connection:
        try:
            session(connection, kind)
        except (EOFError, OSError):
            pass


if __name__ == "__main__":
    role, socket_path, answer_kind = sys.argv[1:]
    serve(socket_path, {"policy": policy_session, "milter": milter_session}[role], answer_kind)
