"""A name server of the test's own: SPF records for every name below sender.example, one DNS list, and nothing else."""
import socket
import struct
import threading

TXT, A, AAAA = 16, 1, 28
# What rspamd asks now and then to see that a list works: nobody may be there.
PROBE = "1.0.0.127.rbl.test"
SPF = "v=spf1 ip4:203.0.113.7 ip6:2001:db8:1::7 -all"


class NameServer:
    """Answers on a port of 127.0.0.1 until the process ends; remembers what it was asked."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if len(query) > 12:
                self.socket.sendto(self._answer(query), client)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        question = query[12:at + 5]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.asked.append(name)
        data = self._data(name, kind)
        head = query[:2] + struct.pack(">HHHHH", 0x8580 if data or data == b"" else 0x8583, 1, 1 if data else 0, 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, kind, 1, 1, len(data)) + data if data else b""
        return head + question + record

    @staticmethod
    def _data(name, kind):
        """The record's data; b'' where the name has none of this kind; None where there is no such name."""
        if name.endswith(".sender.example"):
            text = SPF.encode()
            return bytes([len(text)]) + text if kind == TXT else b""
        if name.endswith(".rbl.test") and name != PROBE:    # everybody else is on this list
            return socket.inet_aton("127.0.0.2") if kind == A else b""
        return None

    def was_asked(self, ending, since):
        return any(name.endswith(ending) for name in self.asked[since:] if name != PROBE)
