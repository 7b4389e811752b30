"""A policy server and a milter that look at nothing, as the lab has them; in the soak they stay through a reload, and can be made to leak."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import impostor_servers  # noqa: E402

kept = []


def leaking(connection, kind):
    """Keeps a descriptor of each connection, and some memory of each answer."""
    kept.append(os.dup(connection.fileno()))
    buffer = b""
    while data := connection.recv(4096):
        buffer += data
        while b"\n\n" in buffer:
            _, buffer = buffer.split(b"\n\n", 1)
            kept.append(os.urandom(16384))
            connection.sendall(impostor_servers.POLICY_ANSWER[kind])


if __name__ == "__main__":
    role, path, answer, leaks = sys.argv[1:]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.path.exists(path):
        os.unlink(path)
    sessions = {"policy": impostor_servers.policy_session, "milter": impostor_servers.milter_session}
    if leaks == "leak" and role == "policy":
        sessions[role] = leaking
    impostor_servers.serve(path, sessions[role], answer)
