"""What may be and what may not: counts of sessions, windows of faults, letters, log lines. Everything that must not be is a problem with a name."""

import asyncio
import collections
import contextlib
import os
import random
import re

import clients

GRACE = 2.5                 # seconds after a fault in which an honest client may still notice it: Postfix waits one before it tries again
KEPT = 20                   # kinds of one problem
HALF_HOUR = 1800            # from then on others' work on the machine evens out, and a run must have so many, in proportion:
SESSIONS, FAULTS = 100_000, 50


class Window:
    """A fault's time: `hits` names the parts that honest clients may miss."""

    def __init__(self, name, hits, begin):
        self.name, self.hits, self.begin, self.end = name, frozenset(hits), begin, None

    def overlaps(self, begin, end):
        return self.begin <= end and (self.end is None or self.end + GRACE >= begin)


class Judge:
    """All invariants; `problems` is {invariant: {what: [how often, one text]}}."""

    INVARIANTS = ("no wrong pass", "no wrong refusal", "no letter lost", "no growth", "no crash", "known log lines, known reasons", "faults have their effect",
                  "the soak itself")

    # what hostile clients must mostly hear
    OURS = ("infrastructure", "proxy-untrusted", "inside-asserted", "proxy-missing", "peer-unknown", "proxy-shown")

    def __init__(self):
        self.problems = {name: {} for name in self.INVARIANTS}
        self.sessions, self.told = collections.Counter(), collections.Counter()
        self.good, self.deferred, self.by_fault = 0, 0, collections.Counter()
        self.honest = self.hostile = self.junk = 0
        self.windows, self.faults = [], collections.Counter()

    def problem(self, invariant, text):
        """text: WHAT: MORE; what comes often is kept once, with how often it came."""
        kinds, what = self.problems[invariant], re.sub(r"\d+", "N", text.partition(":")[0])
        if what not in kinds and len(kinds) >= KEPT:
            what = "other"
        kinds.setdefault(what, [0, text])[0] += 1

    def count(self):
        return sum(count for kinds in self.problems.values() for count, _ in kinds.values())

    def broken(self, text):
        self.problem("the soak itself", text)

    # ---- faults --------------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def window(self, name, hits):
        window = Window(name, hits, asyncio.get_running_loop().time())
        self.windows.append(window)
        try:
            yield
        finally:
            window.end = asyncio.get_running_loop().time()
            self.faults[name] += 1

    def is_open(self, name):
        """Is this fault under way, or was it a moment ago?"""
        return any(window.name == name and window.end is None for window in self.windows[-3:])

    def excused(self, needs, begin, end):
        """The fault that such a session may have noticed, or None."""
        for window in reversed(self.windows[-40:]):
            if window.hits & needs and window.overlaps(begin, end):
                return window.name
        return None

    def prove_something(self, seconds, share=1.0):
        """Invariants of nothing hold always: there must have been sessions of every kind, refused ones by us, and faults. `share`: of the usual pace."""
        everyone, faults, long = self.honest + self.hostile, sum(self.faults.values()), seconds >= HALF_HOUR
        sessions = SESSIONS * seconds / HALF_HOUR * share if long else 0
        for text, enough in ((f"only {everyone} sessions of the {sessions:.0f} that so long a run has", everyone >= sessions),
                             (f"only {self.good} honest sessions were served", self.good > 2 * seconds),
                             (f"only {self.hostile} hostile sessions came", self.hostile > 2 * seconds),
                             (f"only {faults} faults in {seconds:.0f} s", faults >= FAULTS * seconds / HALF_HOUR - (0 if long else 1)),
                             (f"{sum(self.told[reason] for reason in self.OURS)} of {self.hostile} hostile sessions were refused by us",
                              sum(self.told[reason] for reason in self.OURS) > 0.4 * self.hostile)):
            if not enough:
                self.broken(text)

    # ---- sessions ------------------------------------------------------------------------------------------------------
    def session(self, kind, begun, told, passed):
        now = asyncio.get_running_loop().time()
        self.sessions[kind.name] += 1
        if kind.needs is None:
            self.hostile += 1
            self._hostile(kind, told, passed)
            return
        self.honest += 1
        if told is None:
            self.good += 1
            return
        fault = self.excused(kind.needs, begun, now)
        if told.code >= 500:
            self.problem("no wrong refusal", f"{kind.name}: refused for good: {told}")
        elif fault:
            self.deferred += 1
            self.by_fault[fault] += 1
        else:
            self.problem("no wrong refusal", f"{kind.name}: deferred or cut off with no fault under way: {told} (session of {now - begun:.1f} s)")

    def _hostile(self, kind, told, passed):
        if passed:
            self.problem("no wrong pass", f"{kind.name}: {passed}")
        self.told[heard(told)] += 1


def heard(told):
    """What a hostile client was told, in a word: our reason, or what else it was."""
    reason = re.search(r"realip ([a-z-]+):", str(told))
    if reason:
        return reason[1]
    if isinstance(told, clients.Reply):
        return str(told.code) if told.code else "cut off"
    return "nothing" if not told else re.sub(r"(?<=^\d{3}) .*", "", told)


class Letters:
    """Each letter by its Message-ID: what clients were told, and what lies in the mailbox. `forgetful` loses some on purpose."""

    ID = re.compile(rb"^Message-ID: <([a-z]+)(\d+)x@", re.MULTILINE)

    def __init__(self, judge, mailbox, forgetful=False):
        self.judge, self.mailbox = judge, mailbox
        self.state = {}         # number: [taken, delivered]
        self.done = set()
        self.dice = random.Random(3) if forgetful else None
        self.taken_count = self.delivered = self.unheard = 0

    def attempt(self, number):
        self.state[number] = [False, False]

    def taken(self, number):
        self.taken_count += 1
        self.state[number][0] = True
        self._settle(number)

    def ended(self, number):
        """The session is over: what was not taken by now is no promise."""
        state = self.state.get(number)
        if state and not state[0]:
            del self.state[number]

    def _settle(self, number):
        if all(self.state[number]):
            del self.state[number]
            self.done.add(number)

    def sweep(self):
        """Takes all out of the mailbox."""
        try:
            names = os.listdir(self.mailbox)
        except FileNotFoundError:
            return
        for name in names:
            path = os.path.join(self.mailbox, name)
            with open(path, "rb") as file:
                text = file.read(8192)
            os.unlink(path)
            if self.dice and self.dice.random() < 0.1:
                continue
            self._found(self.ID.search(text), text)

    def _found(self, match, text):
        if not match or match[1] != b"good":
            self.judge.problem("no wrong pass", f"a hostile letter was delivered: {text[:200]!r}")
            return
        number = int(match[2])
        self.delivered += 1
        if number in self.done:
            self.judge.problem("no letter lost", f"letter {number} was delivered twice")
        elif number in self.state:
            self.state[number][1] = True
            if self.state[number][0]:
                self._settle(number)
        else:
            self.unheard += 1           # its client was gone before the answer came
            self.done.add(number)

    def missing(self):
        return [number for number, (taken, _) in self.state.items() if taken]
