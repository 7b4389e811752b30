"""Clients: what a mail program or another server says, and every word that it is told."""

import base64
import contextlib
import dataclasses
import re
import struct
import socket
import ssl
import time

SECONDS = 10        # for any one answer

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE      # the lab's certificate is nobody's


class Conversation:
    """Lines over TCP with a transcript. A lost connection is an answer too, not an exception."""

    def __init__(self, host, address, port, source=None, header=None):
        self.lines, self.buffer, self.socket = [], b"", None
        try:
            self.socket = host.connect(address, port, source, SECONDS)
            if header:
                self.socket.sendall(header(self.socket))
        except OSError as error:
            self.lines.append(f"! {error}")

    def send(self, text):
        self.lines.append("C: " + text)
        with contextlib.suppress(OSError, AttributeError):
            self.socket.sendall(text.encode() + b"\r\n")

    def line(self):
        while b"\n" not in self.buffer:
            try:
                data = self.socket.recv(4096) if self.socket else b""
            except OSError as error:
                self.lines.append(f"! {error}")
                data = b""
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        text = line.decode(errors="replace").rstrip("\r")
        self.lines.append("S: " + text)
        return text

    def start_tls(self):
        """False when there is no encryption to be had."""
        try:
            self.socket = TLS.wrap_socket(self.socket)
        except OSError as error:
            self.lines.append(f"! {error}")
            return False
        return True

    def close(self):
        if self.socket:
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


def proxy_local(_connection):
    """A PROXY v2 header as HAProxy's health checks send it."""
    return SIGNATURE + b"\x20\x00\x00\x00"


def proxy_unspec(_connection):
    """PROXY v2 of an unspecified family over a stream: somebody is proxied, and nobody says who."""
    return SIGNATURE + b"\x21\x01\x00\x00"


def proxy_unknown(_connection):
    """The same in v1."""
    return b"PROXY UNKNOWN\r\n"


def proxy_v1(source, destination, source_port=31337, destination_port=25):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n".encode()


def proxy_v2(source, destination, source_port=31337, destination_port=25):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    body += struct.pack("!HH", source_port, destination_port)
    kind = b"\x21\x21" if family == socket.AF_INET6 else b"\x21\x11"
    return SIGNATURE + kind + struct.pack("!H", len(body)) + body


PROXY_VERSIONS = {"v1": proxy_v1, "v2": proxy_v2}


@dataclasses.dataclass(frozen=True)
class Claim:
    """A PROXY header that names an address of the sender's choice: a role of the plan, or None for his own true address and port."""
    version: str
    role: object

    def __call__(self, connection):
        family = "v6" if connection.family == socket.AF_INET6 else "v4"
        own, there = connection.getsockname()[:2], connection.getpeername()[:2]
        if not self.role:
            return PROXY_VERSIONS[self.version](own[0], there[0], own[1], there[1])
        source = self.role.of(family)
        return PROXY_VERSIONS[self.version](source, "2001:db8:1::13" if ":" in source else "203.0.113.13")


@dataclasses.dataclass
class Reply:
    code: int = 0
    text: str = "connection closed"

    def good(self):
        return 200 <= self.code < 400

    def temporary(self):
        return 400 <= self.code < 500

    def __str__(self):
        return f"{self.code or ''} {self.text}".strip()


@dataclasses.dataclass
class MailResult:
    """One SMTP session: a reply for each step reached, for each recipient its own."""
    greeting: Reply = dataclasses.field(default_factory=Reply)
    hello: Reply = dataclasses.field(default_factory=Reply)
    xclient: Reply = None
    login: Reply = None
    mail: Reply = dataclasses.field(default_factory=Reply)
    recipients: dict = dataclasses.field(default_factory=dict)
    data: Reply = None
    quit: Reply = dataclasses.field(default_factory=Reply)
    transcript: list = dataclasses.field(default_factory=list)

    def told(self):
        """The answer that decided: the first refusal, else the last word on the message."""
        steps = [self.greeting, self.hello, self.login or self.hello, self.mail, *self.recipients.values()]
        for reply in steps:
            if not reply.good():
                return reply
        return self.data or self.hello


def _reply(conversation):
    text = []
    while True:
        line = conversation.line()
        if line is None:
            return Reply(0, " ".join(text) or "connection closed")
        match = re.match(r"(\d{3})([ -])(.*)", line)
        if not match:
            return Reply(0, "not SMTP: " + line)
        text.append(match[3])
        if match[2] == " ":
            return Reply(int(match[1]), " ".join(text))


def smtp(host, address, port, sender=None, recipients=(), headers=(), source=None, header=None, user=None, tls=False,
         xclient=None, hello="client.example"):
    """Greets, starts TLS or says XCLIENT where told to, logs in when there is a user, tries the message when there is a sender, quits."""
    result = MailResult()
    with Conversation(host, address, port, source, header) as talk:
        def ask(text):
            talk.send(text)
            return _reply(talk)
        result.transcript = talk.lines
        result.greeting = _reply(talk)
        if result.greeting.good():
            result.hello = ask("EHLO " + hello)
        if result.hello.good() and tls:
            if ask("STARTTLS").code == 220 and talk.start_tls():
                result.hello = ask("EHLO " + hello)
            else:
                result.hello = Reply(0, "no TLS")
        if result.hello.good() and xclient:
            result.xclient = ask("XCLIENT " + xclient)
            result.hello = ask("EHLO " + hello) if result.xclient.code == 220 else result.xclient
        if result.hello.good() and user:
            result.login = ask("AUTH PLAIN " + base64.b64encode(f"\0{user}\0secret".encode()).decode())
        if result.hello.good() and sender:
            result.mail = ask(f"MAIL FROM:<{sender}>")
            for recipient in recipients:
                result.recipients[recipient] = ask(f"RCPT TO:<{recipient}>")
            if any(reply.good() for reply in result.recipients.values()):
                result.data = ask("DATA")
                if result.data.code == 354:
                    lines = [f"From: {sender}", f"Message-ID: <{sender}>", *headers, "", "Hello.", "."]
                    result.data = ask("\r\n".join(lines))
        if result.greeting.good():
            result.quit = ask("QUIT")
    return result


def letter(sender):
    return f"From: {sender}\r\nMessage-ID: <{sender}>\r\n\r\nHello.\r\n".encode()


def transfer(sender, bdat):
    """The command that sends the letter, and the letter."""
    text = letter(sender)
    return (f"BDAT {len(text)} LAST\r\n".encode(), text) if bdat else (b"DATA\r\n", text + b".\r\n")


def burst(host, address, port, header, sender, recipient, waits=0, bdat=False, reset=True, pause=0):
    """Says all at once, a message included, and is gone (after a pause) before anything is judged. Before, it waits for nothing, for
    the banner (1), or for the answer to EHLO too (2). False when nobody listened."""
    words = [b"EHLO evil.example\r\n", f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\n".encode() + b"".join(transfer(sender, bdat))]
    try:
        with host.connect(address, port) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            said = [header(connection), *words]
            for _ in range(waits):
                connection.sendall(said.pop(0))
                connection.recv(4096)
            connection.sendall(b"".join(said))
            time.sleep(pause)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        return False
    return True


def hasty(host, address, port, sender, recipient, bdat=False):
    """An honest client that says as much at once as the protocol allows, and half-closes when it has said all. True when the letter
    was taken; else the transcript."""
    with Conversation(host, address, port) as talk:
        good = _reply(talk).good()
        talk.send("EHLO client.example")
        good = good and _reply(talk).good()
        command, text = transfer(sender, bdat)
        envelope = f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\n".encode() + command
        try:
            talk.socket.sendall(envelope + text + b"QUIT\r\n" if bdat else envelope)
            codes = [_reply(talk).code for _ in range(2)]
            if not bdat:
                codes.append(_reply(talk).code)
                talk.socket.sendall(text + b"QUIT\r\n")
            talk.socket.shutdown(socket.SHUT_WR)
            codes += [_reply(talk).code for _ in range(2)]
        except (OSError, AttributeError) as error:
            return [*talk.lines, f"! {error}"]
        wanted = [250, 250, 250, 221] if bdat else [250, 250, 354, 250, 221]
        return True if good and codes == wanted else talk.lines


@dataclasses.dataclass
class LoginResult:
    """One mailbox session. The password alone is not the point: the mailbox must open."""
    greeted: bool = False
    opened: bool = False
    told: str = "connection closed"
    left: bool = False
    transcript: list = dataclasses.field(default_factory=list)


def imap(host, address, port, user=None, source=None, header=None):
    result = LoginResult()
    with Conversation(host, address, port, source, header) as talk:
        def ask(tag, command):
            talk.send(f"{tag} {command}")
            said = []
            while True:
                line = talk.line()
                if line is None:
                    return False, said
                said.append(line)
                if line.startswith(tag + " "):
                    return line.startswith(tag + " OK"), said
        result.transcript = talk.lines
        greeting = talk.line() or ""
        result.greeted = greeting.startswith("* OK")
        if result.greeted and user:
            good, said = ask("a", f"LOGIN {user} secret")
            if good:
                good, more = ask("b", "SELECT INBOX")
                said += more
            result.opened = good
            result.told = _telling(said, good)
        if result.greeted:
            good, said = ask("z", "LOGOUT")
            result.left = good
            if not user:
                result.told = _telling(said, good)
    return result


def pop3(host, address, port, user=None, source=None, header=None):
    result = LoginResult()
    with Conversation(host, address, port, source, header) as talk:
        def ask(command):
            talk.send(command)
            line = talk.line()
            return bool(line) and line.startswith("+OK"), [line] if line else []
        result.transcript = talk.lines
        result.greeted = (talk.line() or "").startswith("+OK")
        if result.greeted and user:
            said = []
            for command in (f"USER {user}", "PASS secret", "STAT"):
                good, more = ask(command)
                said += more
                if not good:
                    break
            result.opened = good
            result.told = _telling(said, good)
        if result.greeted:
            result.left, said = ask("QUIT")
            if not user:
                result.told = _telling(said, result.left)
    return result


def _telling(said, good):
    """The line worth showing: of a refusal the BYE or error, of a success the last."""
    if not said:
        return "connection closed"
    if not good:
        for line in said:
            if "BYE" in line or line.startswith("-ERR") or " NO " in line:
                return line
    return said[-1]
