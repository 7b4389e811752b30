"""Goes through a page from its top to its end, does what it says and compares what it promises."""

import dataclasses
import os
import re
import sys

import page

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from machine import OTHER_DOMAIN, OWN_DOMAIN  # noqa: E402
import clients  # noqa: E402


@dataclasses.dataclass
class Mail:
    """One SMTP session with one recipient; `foreign`: in a stranger's domain."""
    host: str
    to: str
    port: int = 25
    header: object = None
    foreign: bool = False
    user: str = None
    xclient: str = None
    source: str = None

    def run(self, machine, tag):
        recipient = f"{tag}@{OTHER_DOMAIN if self.foreign else OWN_DOMAIN}"
        result = clients.smtp(getattr(machine.hosts, self.host), self.to, self.port, f"{tag}@{OWN_DOMAIN}", [recipient], (), self.source, self.header,
                              self.user, xclient=self.xclient)
        return str(result.told()), result.transcript


@dataclasses.dataclass
class Imap:
    """One IMAP session with the right password. `identity`: the client that ID names before it."""
    host: str
    to: str
    port: int = 143
    header: object = None
    source: str = None
    identity: str = None

    def run(self, machine, tag):
        host = getattr(machine.hosts, self.host)
        if self.identity:
            return self._with_identity(host, tag)
        result = clients.imap(host, self.to, self.port, tag, self.source, self.header)
        return result.told if result.greeted else " ".join(result.transcript) or result.told, result.transcript

    def _with_identity(self, host, tag):
        with clients.Conversation(host, self.to, self.port, self.source) as talk:
            talk.line()
            for name, command in (("i", f'ID ("x-originating-ip" "{self.identity}")'), ("a", f"LOGIN {tag} secret"), ("b", "SELECT INBOX")):
                talk.send(f"{name} {command}")
                line = talk.line()
                while line and not line.startswith(name + " "):
                    line = talk.line()
                if not line or not line.startswith(name + " OK"):
                    break
            return line or "connection closed", talk.lines


@dataclasses.dataclass
class Check:
    """A health check that speaks SMTP: it greets and goes."""
    host: str
    to: str
    port: int
    header: object

    def run(self, machine, tag):
        result = clients.smtp(getattr(machine.hosts, self.host), self.to, self.port, header=self.header)
        return str(result.quit), result.transcript


@dataclasses.dataclass
class Silence:
    """Nobody answers: a connection that comes to nothing."""
    host: str
    to: str
    port: int = 25

    def run(self, machine, tag):
        try:
            getattr(machine.hosts, self.host).connect(self.to, self.port, timeout=1).close()
        except OSError as error:
            return "nothing: no connection", [str(error)]
        return "a connection", []


@dataclasses.dataclass
class Recipe:
    """What the test has to know of a page besides the page itself."""
    mail: str                   # where its mail server is: server, pod, container
    sessions: dict              # who comes -> what he does
    prepare: object             # prepare(machine): what is there before the page begins
    on_yaml: object = None      # on_yaml(machine, document)
    events: dict = dataclasses.field(default_factory=dict)      # what happens -> event(machine); a text that it returns is what is wrong, "" nothing
    needs: tuple = ()           # programs
    missing: object = None      # missing(build): why it can't be followed here, or None
    bounded: int = 120          # seconds


# What happens on more than one page.
OUTAGE = {
    "mail-realip is gone": lambda machine: machine.stop("realip-policyd"),
    "mail-realip is there again": lambda machine: machine.start("realip-policyd"),
}


class Enough(Exception):
    """The first failure was all that was wanted."""


class Player:
    def __init__(self, tally, name, machine, recipe, first=False):
        """`first`: raises Enough at the first failure."""
        self.tally, self.name, self.machine, self.recipe, self.first = tally, name, machine, recipe, first
        self.printed, self.made, self.failures = None, set(), 0

    def check(self, good, line, what, why=""):
        if not self.tally.check(good, f"{self.name}:{line} {what}", why):
            self.failures += 1
            if self.first:
                raise Enough
        return good

    def play(self, parts):
        for part in parts:
            if isinstance(part, page.Table):
                for session in part.sessions:
                    self._session(session)
            elif isinstance(part, page.Event):
                self._event(part)
            elif part.options.get("dovecot", self.machine.dovecot) == self.machine.dovecot:
                before = self.machine.rules()
                getattr(self, "_" + part.kind)(part)
                wrong = self.machine.await_rules(before)
                self.check(not wrong, part.line, "the rules of mail-realip are in force", wrong) if wrong else None
        for what in {**self.recipe.sessions, **self.recipe.events}:
            self.check(what in self.made, 0, f"tells of '{what}'", "the page does not have it any more")

    def _event(self, event):
        action = self.recipe.events.get(event.what)
        if self.check(action is not None, event.line, f"'{event.what}' is known to the test", "add it to the recipe's events in tests/recipes"):
            self.made.add(event.what)
            wrong = action(self.machine)
            if isinstance(wrong, str):
                self.check(not wrong, event.line, event.what, wrong)

    def _conf(self, block):
        self.machine.write(block.options.get("file") or block.options["add"], block.text, "add" in block.options)

    def _sh(self, block):
        if "elsewhere" in block.options:
            self.printed = None
            return
        hosts = [getattr(self.machine.hosts, name) for name in block.options["on"].split(",")] if "on" in block.options else [self.machine.mail]
        promised = re.search(r"# exit status (\d+)", block.text)
        wanted = int(promised[1]) if promised else 0
        for host in hosts:
            self.printed, status = self.machine.shell(block.text, host)
            self.check(status == wanted, block.line, f"its commands end with {wanted}", f"status {status}: {self.printed}")

    def _text(self, block):
        if self.printed is None:
            return
        self.check(page.matches(block.text, self.printed), block.line, "prints what the page says", f"\n{self.printed}-- and the page says\n{block.text}")

    def _yaml(self, block):
        import yaml     # Debian's python3-yaml
        for document in yaml.safe_load_all(block.text):
            if document.get("kind") == "Service":
                self.machine.hosts.apply(document)
            elif self.recipe.on_yaml:
                self.recipe.on_yaml(self.machine, document)

    def _hcl(self, block):
        """Nothing to run it with here."""

    def _session(self, session):
        action = self.recipe.sessions.get(session.who)
        if not self.check(action is not None, session.line, f"'{session.who}' is known to the test", "add it to the recipe's sessions in tests/recipes"):
            return
        self.made.add(session.who)
        mark = self.machine.mark()
        told, transcript = action.run(self.machine, f"s{len(self.made)}x{session.line}")
        for text in session.told:
            self.check(re.search(page.pattern(text), told), session.line, f"{session.who}: is told {text}", f"was told: {told}; {transcript}")
        for text in session.logged:
            found = self.machine.logged(page.pattern(text), mark)
            self.check(found, session.line, f"{session.who}: logs {text}", f"logged: {self.machine.news(mark)}; {transcript}")
