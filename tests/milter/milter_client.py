"""The mail server's half of the milter protocol, as Postfix and Sendmail speak it (libmilter's mfdef.h)."""

import socket
import struct

# What a mail server lets a milter do, and which steps it can leave out.
ADD_HEADERS, CHANGE_HEADERS, QUARANTINE, SET_MACROS = 0x01, 0x10, 0x20, 0x100
ALL_ACTIONS = 0x1FF
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_END_OF_HEADERS = (1 << bit for bit in range(7))
SILENT_HEADERS, NO_UNKNOWN, NO_DATA = 0x80, 0x100, 0x200
SILENT_MAIL = 0x4000
ALL_STEPS = 0x1FFFFF


class Closed(Exception):
    """The milter hung up."""


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


class Client:
    """One connection of a mail server."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.actions = self.steps = 0
        self.macro_lists = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, command, data=b""):
        self.socket.sendall(packet(command, data))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Closed()
            data += more
        return data

    def receive(self):
        """(command, data) of one reply."""
        data = self._exactly(struct.unpack(">I", self._exactly(4))[0])
        return data[:1], data[1:]

    def ask(self, command, data=b"", silent=0):
        """(command, data) of the reply; where the milter may be `silent` at this step, what its silence means: go on."""
        self.send(command, data)
        return (b"c", b"") if self.steps & silent else self.receive()

    def negotiate(self, actions=ALL_ACTIONS, steps=ALL_STEPS):
        command, data = self.ask(b"O", struct.pack(">III", 6, actions, steps))
        assert command == b"O", command
        _, self.actions, self.steps = struct.unpack(">III", data[:12])
        data = data[12:]
        while data:
            stage, rest = struct.unpack(">I", data[:4])[0], data[4:]
            text, _, data = rest.partition(b"\0")
            self.macro_lists[stage] = text.decode()
        return self

    def macros(self, command, **values):
        data = command + b"".join(name.encode() + b"\0" + value + b"\0" for name, value in values.items())
        self.send(b"D", data)

    def connect(self, address, name=b"unknown", family=None, port=4711, listener=None, macro=None):
        """Address and family as the protocol spells them; `macro` is {client_addr}."""
        values = {}
        if listener is not None:
            values["{daemon_name}"] = listener.encode()
        if macro is not None:
            values["{client_addr}"] = macro.encode()
        if values:
            self.macros(b"C", **values)
        family = family or (b"6" if ":" in address else b"4")
        data = name + b"\0" + family
        if family != b"U":
            data += struct.pack(">H", port) + address.encode() + b"\0"
        return self.ask(b"C", data)

    def mail(self, sender=b"<a@ext.test>", user=None, method=b"PLAIN", ends=False):
        """Where the session `ends` with it, what needs no answer goes out together with the end, as Postfix does it."""
        if user is not None:
            self.macros(b"M", **{"{auth_type}": method, "{auth_authen}": user})
        if not ends:
            return self.ask(b"M", sender + b"\0", SILENT_MAIL)
        mail, end = packet(b"M", sender + b"\0"), packet(b"A") + packet(b"Q")
        if self.steps & SILENT_MAIL:
            self.socket.sendall(mail + end)
            return None
        self.socket.sendall(mail)
        reply = self.receive()
        self.socket.sendall(end)
        return reply

    def message(self, headers=()):
        """Headers and end of message. Returns ([changes], final reply)."""
        for name, value in headers:
            self.send(b"L", name + b"\0" + value + b"\0")
            if not self.steps & SILENT_HEADERS:
                assert self.receive()[0] == b"c"
        self.send(b"E")
        changes = []
        while True:
            command, data = self.receive()
            if command not in (b"i", b"m", b"h", b"q"):
                return changes, (command, data)
            changes.append(read_change(command, data))


def read_change(command, data):
    if command == b"q":
        return ("quarantine", data.rstrip(b"\0").decode())
    index = 0
    if command != b"h":
        index, data = struct.unpack(">I", data[:4])[0], data[4:]
    name, value = data.split(b"\0")[:2]
    return ({b"i": "insert", b"m": "change", b"h": "add"}[command], index, name.decode(), value.decode())
