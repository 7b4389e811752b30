"""Steps at Dovecot's doors. What a refused client is told is compared word for word, and the log must hold the expected lines and no others."""

import collections
import dataclasses
import re
import time

import clients
import mailboxes
import plan
from logs import verdicts
from mailboxes import Manner
from steps import Seen

SENTENCES = {"infrastructure": "your address is hidden behind this site's own network",
             "proxy-shown": "your address is hidden behind this site's own proxy",
             "proxy-missing": "this port takes connections through its proxy only",
             "proxy-untrusted": "your host may not speak for other clients",
             "inside-asserted": "a proxy gave an address that no outside client can have"}

# All that a client is told whom the login module refuses at connect.
AT_CONNECT = {"imap": "* BYE [UNAVAILABLE] {}", "pop3": "-ERR [SYS/TEMP] {}", "submission": "421 4.7.1 {}", "sieve": 'BYE (TRYLATER) "{}"'}

AT_CONNECT_FOR_GOOD = {"imap": "* BYE {}", "pop3": "-ERR [SYS/PERM] {}", "submission": "554 5.7.1 {}", "sieve": 'BYE "{}"'}

# A login that the passdb refuses for good has our words.
AT_LOGIN_FOR_GOOD = {"imap": "a NO [ALERT] {}", "pop3": "-ERR [AUTH] {}", "submission": "535 5.7.8 {}", "sieve": 'NO "{}"'}

# A login that failed for now, whichever module said so: Dovecot's own words, with its host's name and the time.
FAILED = r"Temporary authentication failure\. \[\S+:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"
AT_LOGIN = {"imap": rf"a NO \[UNAVAILABLE\] {FAILED}", "pop3": rf"-ERR \[SYS/TEMP\] {FAILED}", "submission": rf"454 4\.7\.0 {FAILED}",
            "sieve": rf'NO \(TRYLATER\) "{FAILED}"'}


def _told_by(reason, for_good=False):
    """The fault is this site's in all reasons but two, and it may be mended."""
    advice = "" if for_good or reason in ("proxy-missing", "proxy-untrusted") else ", please try again later"
    return f"realip {reason}: {SENTENCES[reason]}{advice}"


def _at_login(protocol, line):
    """A pattern of what who is refused at the password is told."""
    if line["action"] == "reject":
        return re.escape(AT_LOGIN_FOR_GOOD[protocol].format(_told_by(line["reason"], for_good=True)))
    return AT_LOGIN[protocol]


def _lines_of(dovecot, mark, count, seconds=5):
    """The verdicts logged since, once there are so many; without those of HAProxy's health checks, which go on all the time."""
    deadline = time.monotonic() + seconds
    checked_by = plan.PROXY.both() if dovecot.instance.rejects else ()
    while True:
        found = [line for line in verdicts(dovecot.log.since(mark)) if line.get("client") not in checked_by]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


def _check_lines(seen, lab, dovecot, mark, wanted):
    """Exactly these verdicts were logged, by whichever order the processes' lines came. Impostors log nothing."""
    if lab.impostor or not dovecot.instance.modules:
        return
    found = _lines_of(dovecot, mark, len(wanted))
    missing = [line for line in wanted if not any(line.items() <= each.items() for each in found)]
    keys = sorted({key for line in wanted for key in line} | {"source", "reason"})
    shown = [{key: line.get(key) for key in keys} for line in found]
    seen.expect(not missing and len(found) == len(wanted), f"expected {wanted} in the log, found {shown}")
    if found and not missing:
        seen.verdict = f"{found[-1]['reason']}: {found[-1]['action']} by {found[-1]['source'].removeprefix('dovecot-')}"
        seen.shown = found[-1]["client"]


@dataclasses.dataclass
class Session:
    """One client at one of Dovecot's doors. `outcome`: `opens`, `refused-connect`, `refused-login`, or `dropped` (by Dovecot itself, wordlessly).
    `lines`: the verdicts that the log must hold, {user} in them is the client's."""
    route: object
    family: str
    protocol: str
    instance: str
    kind: str
    outcome: str
    lines: tuple = ()
    manner: Manner = Manner()

    def run(self, lab):
        """What happens without our modules is tried once, for all rows that show something of ours beside it."""
        if self.lines:
            return self._try(lab)
        key = self.route, self.family, self.protocol, self.instance, self.kind, self.manner
        if key not in lab.tried:
            lab.tried[key] = self._try(lab)
        return lab.tried[key]

    def _try(self, lab):
        dovecot, seen, user = lab.dovecots[self.instance], Seen(), lab.next_tag()
        mark, mail_mark = dovecot.log.mark(), lab.postfix.log.mark()
        source = self.route.source and self.route.source.of(self.family)
        told = mailboxes.session(self.protocol, getattr(lab.network, self.route.host), self.route.to.of(self.family),
                                 plan.dovecot_port(self.instance, self.protocol, self.kind), user, source, self.route.header, self.manner)
        seen.transcript, seen.told = told.transcript, told.last()
        getattr(self, "_" + self.outcome.replace("-", "_"))(seen, lab, dovecot, mark, told, user)
        if told.opened and self.protocol == "submission":
            self._relayed(seen, lab, user, mail_mark)
        wanted = [{key: value.format(user=user) for key, value in line.items()} for line in self.lines]
        _check_lines(seen, lab, dovecot, mark, wanted)
        return seen

    def _opens(self, seen, lab, dovecot, mark, told, user):
        seen.expect(told.opened, f"the mailbox stayed shut: {told.last()}")
        name = "anonymous" if self.manner.anonymous else user
        seen.shown = (told.logged_in and dovecot.address_shown(name, mark)) or "-"
        seen.verdict = "mailbox opens"
        shown = self.route.shown.of(self.family)
        seen.expect(seen.shown == shown, f"Dovecot shows {seen.shown}, expected {shown}")

    def _relayed(self, seen, lab, user, mark):
        sender = mailboxes.sender_of(user)
        lab.postfix.log.wait(f"message-id=<{sender}>", mark)
        queue_id = lab.postfix.queue_id(sender, mark)
        fate = lab.postfix.fate(queue_id, mailboxes.recipient_of(user), mark) if queue_id else "not queued"
        seen.expect(fate == "relayed", f"the letter: {fate}")

    def _shut(self, seen, told):
        seen.expect(not told.logged_in and not told.opened, f"somebody logged in: {told.last()}")

    def _refused_connect(self, seen, lab, dovecot, mark, told, user):
        self._shut(seen, told)
        seen.expect(not told.greeted, f"a greeting: {told.greeting!r}")
        if not lab.impostor:
            last = self.lines[-1]
            for_good = last["action"] == "reject"
            words = AT_CONNECT_FOR_GOOD if for_good else AT_CONNECT
            wanted = words[self.protocol].format(_told_by(last["reason"], for_good))
            seen.expect(told.everything == wanted, f"expected {wanted!r} and no more, was told: {told.everything!r}")
            seen.expect(f"user=<{user}>" not in dovecot.log.since(mark), "Dovecot knows the user: a password was looked at")

    def _refused_login(self, seen, lab, dovecot, mark, told, user):
        seen.expect(told.greeted, f"no greeting: {told.greeting!r}")
        self._shut(seen, told)
        if not lab.impostor:
            wanted = _at_login(self.protocol, self.lines[-1])
            seen.expect(re.fullmatch(wanted, told.login), f"expected {wanted}, was told: {told.login!r}")

    def _dropped(self, seen, lab, dovecot, mark, told, user):
        seen.expect(told.everything == "", f"Dovecot said: {told.everything!r}")
        seen.expect(dovecot.log.wait(r"haproxy: Client not trusted", mark), "Dovecot does not say that it dropped the client")
        seen.verdict = "dropped by Dovecot itself"


@dataclasses.dataclass
class Pieces:
    """Headers that come in two segments, and name a node. Dovecot drops them or reads them whole; whom it reads is judged."""
    route: object
    family: str
    protocol: str
    instance: str
    header: object

    def run(self, lab):
        dovecot, seen = lab.dovecots[self.instance], Seen(shown="a node, in pieces")
        outcomes = collections.Counter()
        for cut, pause in ((1, 0), (5, 0.02), (13, 0.02), (20, 0)):
            mark = dovecot.log.mark()
            told = mailboxes.session(self.protocol, getattr(lab.network, self.route.host), self.route.to.of(self.family),
                                     plan.dovecot_port(self.instance, self.protocol, "proxied"), lab.next_tag(),
                                     header=mailboxes.InPieces(self.header, cut, pause))
            seen.transcript += told.transcript
            outcomes[self._outcome(seen, lab, dovecot, mark, told)] += 1
        seen.verdict = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
        return seen

    def _outcome(self, seen, lab, dovecot, mark, told):
        guarded = dovecot.instance.modules and not lab.impostor
        if told.everything == "":
            return "dropped"
        if not guarded:
            return "opened" if told.opened else "refused"
        seen.expect(not told.logged_in, f"somebody logged in: {told.last()}")
        wanted = AT_CONNECT[self.protocol].format(_told_by("inside-asserted"))
        seen.expect(told.everything == wanted, f"expected {wanted!r}, was told: {told.everything!r}")
        seen.expect(_lines_of(dovecot, mark, 1), "it was read, and nobody judged it")
        return "judged"


@dataclasses.dataclass
class Sasl:
    """A submission to Postfix, which asks Dovecot for the password. `lines` as in Session."""
    route: object
    family: str
    door: object
    passes: bool
    lines: tuple = ()

    def run(self, lab):
        dovecot, postfix, seen, user = lab.dovecots[self.door.passwords], lab.postfix, Seen(), lab.next_tag()
        mark, mail_mark, sender, victim = dovecot.log.mark(), postfix.log.mark(), mailboxes.sender_of(user), mailboxes.recipient_of(user)
        result = clients.smtp(getattr(lab.network, self.route.host), self.route.to.of(self.family), self.door.port, sender, [victim],
                              source=self.route.source and self.route.source.of(self.family), header=self.route.header, user=user)
        seen.transcript, seen.told = result.transcript, str(result.login)
        if self.passes:
            self._relayed(seen, postfix, result, sender, victim, mail_mark)
        else:
            self._refused(seen, lab, result, sender)
        _check_lines(seen, lab, dovecot, mark, [line | {"user": user} for line in self.lines])
        return seen

    def _relayed(self, seen, postfix, result, sender, victim, mark):
        seen.verdict = "relays after login"
        seen.expect(result.login and result.login.code == 235, f"AUTH got: {result.login}")
        seen.expect(result.data and result.data.code == 250, f"the letter got: {result.told()}")
        if not result.data or result.data.code != 250:
            return
        postfix.log.wait(f"message-id=<{sender}>", mark)
        queue_id = postfix.queue_id(sender, mark)
        seen.shown = postfix.address_shown(sender, queue_id, mark) or "-"
        shown = self.route.shown.of(self.family)
        seen.expect(seen.shown == shown, f"Postfix shows {seen.shown}, expected {shown}")
        fate = postfix.fate(queue_id, victim, mark) if queue_id else "not queued"
        seen.expect(fate == "relayed", f"the letter: {fate}")

    def _refused(self, seen, lab, result, sender):
        told = str(result.login)
        # Postfix shows its clients 535 for a temporary failure too.
        last = self.lines[-1]
        why = _told_by(last["reason"], for_good=True) if last["action"] == "reject" else "(reason unavailable)"
        wanted = f"535 5.7.8 Error: authentication failed: {why}"
        seen.expect(told == wanted or lab.impostor and told.startswith("535 "), f"expected {wanted}, AUTH got: {told}")
        for recipient, reply in result.recipients.items():
            seen.expect(reply.code == 554, f"{recipient} got: {reply}")
        seen.expect(not lab.postfix.in_queue(sender), "a queue file exists")


@dataclasses.dataclass
class Delivery:
    """A letter by LMTP: nobody's login, never judged, and it arrives."""
    route: object
    family: str
    instance: str
    kind: str

    def run(self, lab):
        dovecot, seen, user = lab.dovecots[self.instance], Seen(shown=self.route.shown.of(self.family)), lab.next_tag()
        mark = dovecot.log.mark()
        taken, seen.transcript = mailboxes.deliver(
            getattr(lab.network, self.route.host), self.route.to.of(self.family), plan.dovecot_port(self.instance, "lmtp", self.kind), user,
            self.route.source and self.route.source.of(self.family), self.route.header)
        answers = [line.removeprefix("S: ") for line in seen.transcript if line.startswith("S: ")]
        seen.told, seen.verdict = answers[-2] if taken else "".join(answers[-1:]), "delivered, not judged"
        seen.expect(taken, f"the letter was not taken: {seen.told}")
        arrived = [text for text in dovecot.mailbox(user) if f"Message-ID: <{mailboxes.sender_of(user)}>" in text]
        seen.expect(len(arrived) == 1, f"{len(arrived)} letters arrived")
        _check_lines(seen, lab, dovecot, mark, [])
        return seen


@dataclasses.dataclass
class Checked:
    """HAProxy's own checks of this Dovecot's doors are green, with and without a header, and it took them for a prober's."""
    family: str
    protocol: str
    instance: str

    def run(self, lab):
        dovecot, seen = lab.dovecots[self.instance], Seen(shown=plan.PROXY.of(self.family), verdict="HAProxy's checks")
        for kind in ("plain", "proxied"):
            status, said = self._settled(lab, f"{self.instance}-{kind}")
            seen.told = f"{status} {said}"
            seen.expect(status == "UP" and said.startswith("L7OK"), f"{kind}: HAProxy says {seen.told}")
        wanted = verdict_line("login", self.protocol, seen.shown)
        if dovecot.instance.modules and not lab.impostor:
            found = [line for line in verdicts(dovecot.log.since()) if line.get("client") == seen.shown and line["service"] == self.protocol]
            seen.expect(found and all(wanted.items() <= line.items() for line in found), f"expected {wanted}, found {found[-2:]}")
        return seen

    def _settled(self, lab, server):
        deadline = time.monotonic() + 8
        while True:
            status, said = lab.haproxy.checks().get((f"health-{self.protocol}-{self.family}", server), ("missing", ""))
            if (status == "UP" and said.startswith("L7OK")) or time.monotonic() > deadline:
                return status, said
            time.sleep(0.05)


def verdict_line(module, protocol, client):
    return {"source": "dovecot-" + module, "reason": "probe", "action": "pass", "client": client, "peer": client, "service": protocol}


@dataclasses.dataclass
class Events:
    """Dovecot's own metrics have counted what was logged since it started, of each module something; and no process of it has crashed."""
    instance: str

    def run(self, lab):
        dovecot, seen = lab.dovecots[self.instance], Seen(shown="all of the run")
        crashes = re.findall(r"^.*(?:Panic|killed with signal|core dumped|leaked).*$", dovecot.log.since(), re.MULTILINE)
        seen.expect(not crashes, f"{len(crashes)} crashes: {crashes[:2]}")
        if lab.impostor:
            return seen
        deadline = time.monotonic() + 5
        while True:
            counted, logged = dovecot.metrics(lab.network), self._logged(dovecot)
            if counted == logged or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        seen.expect(counted == logged, f"Dovecot counted {counted}, logged were {dict(logged)}")
        for hook in dovecot.instance.modules:
            seen.expect(any(key[2] == hook for key in counted), f"no event of {hook} was counted")
        seen.verdict = f"{sum(counted.values())} events, as many lines"
        return seen

    @staticmethod
    def _logged(dovecot):
        lines = verdicts(dovecot.log.since())
        return collections.Counter((line["reason"], line["action"], line["source"].removeprefix("dovecot-")) for line in lines)
