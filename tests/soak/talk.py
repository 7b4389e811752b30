"""Mail sessions for one event loop: thousands of them cost less than a thread each. What is said is that of the lab's clients."""

import asyncio
import base64
import contextlib
import os
import re
import socket
import ssl
import struct

import clients
from sandbox import CLONE_NEWNET, call

SECONDS = 40        # for any one answer: a policy server that stands still costs Postfix 7 s, twice where there are two

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE      # the lab's certificate is nobody's

REPLY = re.compile(r"(\d{3})([ -]?)(.*)")


class Home:
    """The network namespace of this program's own thread; Namespace.inside() opens it anew each time."""

    def __init__(self):
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def socket_at(self, host, family):
        """A socket of that host."""
        call("setns", host.fd, CLONE_NEWNET)
        try:
            return socket.socket(family, socket.SOCK_STREAM)
        finally:
            call("setns", self.fd, CLONE_NEWNET)


class Lost(Exception):
    """The other end is gone, or says nothing for long."""


class Talk:
    """One connection."""

    def __init__(self, home, host, address, port, source=None, header=None):
        self.home, self.host, self.address, self.port, self.source, self.header = home, host, address, port, source, header
        self.reader = self.writer = None

    async def __aenter__(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        end = self.home.socket_at(self.host, family)
        end.setblocking(False)
        try:
            if self.source:
                end.bind((self.source, 0))
            async with asyncio.timeout(SECONDS):
                await asyncio.get_running_loop().sock_connect(end, (self.address, self.port))
            self.reader, self.writer = await asyncio.open_connection(sock=end, limit=1 << 20)
        except (OSError, TimeoutError) as error:
            end.close()
            raise Lost(f"connect: {error or 'no answer'}") from error
        if self.header:
            self.say(self.header(end))
        return self

    async def __aexit__(self, *_):
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                await self.writer.wait_closed()

    def say(self, data):
        self.writer.write(data)

    def reset(self):
        """Ends it with RST, whatever was not read or sent."""
        end = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def line(self):
        try:
            async with asyncio.timeout(SECONDS):
                data = await self.reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise Lost("connection closed") from error
        except (OSError, asyncio.LimitOverrunError) as error:       # TimeoutError is an OSError
            raise Lost(str(error) or f"no answer for {SECONDS} s") from error
        return data.decode(errors="replace").rstrip("\r\n")

    async def reply(self):
        """One SMTP reply with all its lines."""
        text = []
        while True:
            line = await self.line()
            match = REPLY.match(line)
            if not match:
                raise Lost("not SMTP: " + line)
            text.append(match[3])
            if match[2] != "-":
                return clients.Reply(int(match[1]), " ".join(text))

    async def ask(self, text):
        self.say(text.encode() + b"\r\n")
        return await self.reply()

    async def tagged(self, tag, command):
        """An IMAP command; its last line."""
        self.say(f"{tag} {command}\r\n".encode())
        while True:
            line = await self.line()
            if line.startswith(tag + " ") or line.startswith("* BYE"):
                return line

    async def start_tls(self):
        try:
            async with asyncio.timeout(SECONDS):
                await self.writer.start_tls(TLS)
        except (OSError, ssl.SSLError) as error:
            raise Lost(f"TLS: {error}") from error

    async def until_closed(self, seconds):
        """All that comes within so many seconds; less when the other end closes."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(seconds):
                return await self.reader.read(1 << 20)
        return b""


class Refused(Exception):
    """The answer that ended the session early."""

    def __init__(self, reply):
        super().__init__(str(reply))
        self.reply = reply


def good(reply):
    if not reply.good():
        raise Refused(reply)
    return reply


async def greet(talk, name, tls=False):
    good(await talk.reply())
    good(await talk.ask("EHLO " + name))
    if tls:
        good(await talk.ask("STARTTLS"))
        await talk.start_tls()
        good(await talk.ask("EHLO " + name))


async def log_in(talk, user):
    good(await talk.ask("AUTH PLAIN " + base64.b64encode(f"\0{user}\0secret".encode()).decode()))


async def envelope(talk, sender, recipient):
    good(await talk.ask(f"MAIL FROM:<{sender}>"))
    good(await talk.ask(f"RCPT TO:<{recipient}>"))


async def letter(talk, sender, recipient):
    """A whole letter, step by step."""
    await envelope(talk, sender, recipient)
    good(await talk.ask("DATA"))
    talk.say(clients.letter(sender) + b".\r\n")
    good(await talk.reply())


async def hasty_letter(talk, sender, recipient, bdat):
    """As much at once as the protocol allows, and half-closed when all is said."""
    command, text = clients.transfer(sender, bdat)
    said = f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\n".encode() + command
    talk.say(said + text + b"QUIT\r\n" if bdat else said)
    for _ in range(2 if bdat else 3):
        good(await talk.reply())
    if not bdat:
        talk.say(text + b"QUIT\r\n")
    with contextlib.suppress(OSError):
        talk.writer.write_eof()
    good(await talk.reply())


async def dribble(talk, data, seconds, pieces=12):
    """Says it in pieces."""
    size = len(data) // pieces + 1
    for start in range(0, len(data), size):
        talk.say(data[start:start + size])
        await asyncio.sleep(seconds / pieces)
