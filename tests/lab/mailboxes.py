"""Mail programs: what one says to Dovecot in each of its protocols, and every word that it is told."""

import base64
import dataclasses
import re
import socket
import time

import clients
import plan

# The line that ends an answer: of the greeting, of a login, of a command that upgrades the connection.
GREETING = {"imap": r"\* (OK|BYE)", "pop3": r"[+-]", "submission": r"\d{3} ", "sieve": r"(OK|NO|BYE)", "lmtp": r"\d{3} "}
GREETED = {"imap": "* OK", "pop3": "+OK", "submission": "220 ", "sieve": "OK"}
LOGIN = {"imap": ("a AUTHENTICATE {} {}", r"a |\* BYE"), "pop3": ("AUTH {} {}", r"[+-]"), "submission": ("AUTH {} {}", r"\d{3} "),
         "sieve": ('AUTHENTICATE "{}" "{}"', r"(OK|NO|BYE)")}
LOGGED_IN = {"imap": "a OK", "pop3": "+OK", "submission": "235 ", "sieve": "OK"}
STARTTLS = {"imap": ("s STARTTLS", r"s ", "s OK"), "pop3": ("STLS", r"[+-]", "+OK"), "submission": ("STARTTLS", r"\d{3} ", "220 "),
            "sieve": ("STARTTLS", r"(OK|NO|BYE)", "OK")}
# What shows that a mailbox is there; submission sends a letter instead.
OPEN = {"imap": ("b SELECT INBOX", r"b |\* BYE", "b OK"), "pop3": ("STAT", r"[+-]", "+OK"), "sieve": ("LISTSCRIPTS", r"(OK|NO|BYE)", "OK")}
QUIT = {"imap": ("z LOGOUT", r"z "), "pop3": ("QUIT", r"[+-]"), "submission": ("QUIT", r"\d{3} "), "sieve": ("LOGOUT", r"(OK|NO|BYE)"),
        "lmtp": ("QUIT", r"\d{3} ")}


@dataclasses.dataclass(frozen=True)
class Manner:
    """What else a client does: TLS ("implicit" after the PROXY header, or "start"), a whole session said `ahead` of any answer, another address
    `supplied` by ID or XCLIENT, a login as ANONYMOUS."""
    tls: str = None
    ahead: bool = False
    supplied: str = None
    anonymous: bool = False


@dataclasses.dataclass
class Told:
    """The answers, each with all its lines; "" where there was none."""
    everything: str = ""        # but the words of sessions with TLS at once are what is inside
    greeting: str = ""
    login: str = ""
    greeted: bool = False
    logged_in: bool = False
    opened: bool = False
    transcript: list = dataclasses.field(default_factory=list)

    def last(self):
        """The line worth showing in a table."""
        lines = (self.login or self.greeting).splitlines()
        return re.sub(r"\[CAPABILITY [^]]*\] ", "", lines[-1]) if lines else "connection closed"


class Talk(clients.Conversation):
    """A conversation whose answers end with a line of a pattern."""

    def __init__(self, *where):
        super().__init__(*where)
        self.received = []

    def line(self):
        text = super().line()
        if text is not None:
            self.received.append(text)
        return text

    def until(self, pattern):
        """The lines of an answer, or what there was when the connection ended."""
        said = []
        while True:
            line = self.line()
            if line is None:
                return "\n".join(said)
            said.append(line)
            if re.match(pattern, line):
                return "\n".join(said)

    def ask(self, text, pattern):
        self.send(text)
        return self.until(pattern)


def _plain(user, anonymous):
    words = user if anonymous else f"\0{user}\0secret"
    return base64.b64encode(words.encode()).decode()


def _login_line(protocol, user, manner):
    return LOGIN[protocol][0].format("ANONYMOUS" if manner.anonymous else "PLAIN", _plain(user, manner.anonymous))


def sender_of(user):
    return f"{user}@ext.test"


def recipient_of(user):
    return f"victim-{user}@{plan.OTHER_DOMAIN}"


def _send_letter(talk, user):
    """Through Dovecot's submission, to a stranger's domain: for those who logged in, and nobody else."""
    for line in (f"MAIL FROM:<{sender_of(user)}>", f"RCPT TO:<{recipient_of(user)}>"):
        if not talk.ask(line, r"\d{3} ").startswith("250"):
            return False
    if not talk.ask("DATA", r"\d{3} ").startswith("354"):
        return False
    talk.socket.sendall(clients.letter(sender_of(user)))
    return talk.ask(".", r"\d{3} ").startswith("250")


def _open(talk, protocol, user):
    if protocol == "submission":
        return _send_letter(talk, user)
    line, pattern, good = OPEN[protocol]
    return talk.ask(line, pattern).splitlines()[-1:] != [] and talk.received[-1].startswith(good)


def _hello(talk, protocol):
    if protocol == "submission":
        talk.ask("EHLO client.example", r"\d{3} ")


def _supply(talk, protocol, address):
    """ID or XCLIENT: what a host of login_trusted_networks may say for its client. The last two greet anew."""
    if protocol == "imap":
        talk.ask(f'i ID ("x-originating-ip" "{address}" "x-originating-port" "4711")', r"i ")
        return
    prefix = "IPV6:" if protocol == "submission" and ":" in address else ""
    talk.ask(f"XCLIENT ADDR={prefix}{address} PORT=4711", GREETING[protocol])
    _hello(talk, protocol)


def _start_tls(talk, protocol):
    line, pattern, good = STARTTLS[protocol]
    if not talk.ask(line, pattern).startswith(good) or not talk.start_tls():
        return
    _hello(talk, protocol)
    if protocol == "sieve":     # it tells its capabilities anew (RFC 5804 section 2.2)
        talk.until(GREETING[protocol])


def _say_ahead(talk, protocol, user, manner):
    """A whole session in one go, with no ear for what comes back."""
    hello = "EHLO client.example\r\n" if protocol == "submission" else ""
    opening = OPEN.get(protocol, (f"MAIL FROM:<{sender_of(user)}>",))[0]
    talk.send(hello + _login_line(protocol, user, manner) + "\r\n" + opening + "\r\n" + QUIT[protocol][0])
    while talk.line() is not None:
        pass


def session(protocol, host, address, port, user, source=None, header=None, manner=Manner()):
    """Connects, logs in, opens the mailbox (or sends a letter), and leaves; as far as it is let."""
    told = Told()
    with Talk(host, address, port, source, header) as talk:
        told.transcript = talk.lines
        if manner.tls == "implicit" and talk.socket and not talk.start_tls():
            return told
        if manner.ahead:
            _say_ahead(talk, protocol, user, manner)
            told.greeted = any(line.startswith(GREETED[protocol]) for line in talk.received)
        else:
            _converse(talk, protocol, user, manner, told)
        told.everything = "\n".join(talk.received)
        told.greeting = told.greeting or told.everything
    return told


def _converse(talk, protocol, user, manner, told):
    told.greeting = talk.until(GREETING[protocol])
    told.greeted = told.greeting.splitlines()[-1:] != [] and talk.received[-1].startswith(GREETED[protocol])
    if not told.greeted:
        while talk.line() is not None:      # nothing may follow
            pass
        return
    _hello(talk, protocol)
    if manner.supplied:
        _supply(talk, protocol, manner.supplied)
    if manner.tls == "start":
        _start_tls(talk, protocol)
    told.login = talk.ask(_login_line(protocol, user, manner), LOGIN[protocol][1])
    told.logged_in = any(line.startswith(LOGGED_IN[protocol]) for line in told.login.splitlines())
    if told.logged_in:
        told.opened = _open(talk, protocol, user)
    talk.ask(*QUIT[protocol])


def deliver(host, address, port, user, source=None, header=None):
    """A letter by LMTP (RFC 2033). (True when it was taken, the transcript)"""
    with Talk(host, address, port, source, header) as talk:
        good = talk.until(GREETING["lmtp"]).startswith("220")
        for line, wanted in (("LHLO client.example", "250"), (f"MAIL FROM:<{sender_of(user)}>", "250"), (f"RCPT TO:<{user}>", "250"),
                             ("DATA", "354")):
            good = good and talk.ask(line, r"\d{3} ").startswith(wanted)
        if good:
            talk.socket.sendall(clients.letter(sender_of(user)))
            good = talk.ask(".", r"\d{3} ").startswith("250")
        talk.ask(*QUIT["lmtp"])
        return good, talk.lines


@dataclasses.dataclass(frozen=True)
class InPieces:
    """A header in two segments: cut after so many bytes, the rest after a pause. Dovecot drops it when it is quick, and reads it when it is not."""
    header: object
    cut: int
    pause: float

    def __call__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = self.header(connection)
        connection.sendall(whole[:self.cut])
        time.sleep(self.pause)
        return whole[self.cut:]
