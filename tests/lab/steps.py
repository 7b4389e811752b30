"""What a row does: a message, a login, a probe. Each step says what it saw and lists what was wrong about it."""

import dataclasses
import time

import clients
import plan
from logs import wait_verdict

FORGED = ("X-RealIP: reason=real; action=pass; client=192.0.2.99", "x-realip: forged, in lower case", "X-REALIP : forged, after a space",
          "X-RealIP: forged,\r\n folded", *(f"X-RealIP: forged {number} times" for number in range(20)))


@dataclasses.dataclass
class Seen:
    """What one step showed, for the table, and its problems."""
    shown: str = "-"
    verdict: str = ""
    told: str = ""
    problems: list = dataclasses.field(default_factory=list)
    transcript: list = dataclasses.field(default_factory=list)

    def expect(self, condition, problem):
        if not condition:
            self.problems.append(problem)


def _check_verdict(seen, lab, log, mark, wanted, **fixed):
    """The log must hold this verdict for this client. Impostors log nothing: their rows stand on what happened alone."""
    if lab.impostor:
        return
    found, lines = wait_verdict(log, mark, **fixed, **wanted)
    if found:
        seen.verdict = f"{found['reason']}: {found['action']}" + (f" (wanted {found['wanted']})" if found["wanted"] != found["action"] else "")
        return
    last = [{key: line.get(key) for key in (*fixed, *wanted)} for line in lines[-2:]]
    seen.problems.append(f"no log line with {fixed | wanted}, but {last or 'none at all'}")


@dataclasses.dataclass
class Mail:
    """One session with two recipients: one in a domain of ours, one in a stranger's."""
    route: object
    family: str
    door: object
    outcome: str
    verdict: dict = None
    forged: bool = False
    tls: bool = False
    xclient: str = None
    forged_login: bool = False      # XCLIENT tells of a login

    def run(self, lab):
        postfix, seen = lab.postfix, Seen()
        tag = lab.next_tag()
        self.sender, self.own, self.other = f"{tag}@ext.test", f"own-{tag}@{plan.OWN_DOMAIN}", f"victim-{tag}@{plan.OTHER_DOMAIN}"
        log = lab.realip.log_of(self.door)
        mark, guard_mark = postfix.log.mark(), log.mark() if log else 0
        result = clients.smtp(getattr(lab.network, self.route.host), self.route.to.of(self.family), self.door.port, self.sender,
                              [self.own, self.other], FORGED if self.forged else (),
                              self.route.source and self.route.source.of(self.family),
                              self.route.header, tag if self.door.login else None, self.tls, self.xclient)
        seen.transcript = result.transcript
        seen.expect(not self.door.login or (result.login and result.login.code == 235), f"AUTH got: {result.login}")
        # The refusal of one recipient must not be taken for the end of a message that the other one gets.
        accepted = result.data and result.data.code == 250
        postfix.log.wait(f"message-id=<{self.sender}>" if accepted else f"reject: .*from=<{self.sender}>", mark)
        queue_id = postfix.queue_id(self.sender, mark)
        seen.shown = postfix.address_shown(self.sender, queue_id, mark) or "-"
        shown = self.route.shown.of(self.family)
        seen.expect(seen.shown == shown, f"Postfix shows {seen.shown}, expected {shown}")
        getattr(self, "_" + self.outcome.replace("-", "_"))(seen, lab, result, queue_id, mark)
        if self.verdict:
            fixed = {"user": tag} if self.door.login else {"user": "ceo"} if self.forged_login else {}
            if self.route.peer:
                fixed["peer"] = self.route.peer.of(self.family)
            _check_verdict(seen, lab, log, guard_mark, self.verdict, source=self.door.guard, listener=self.door.listener, client=shown, **fixed)
        else:
            relays = "relays after login" if self.door.login else "relays for this address"
            seen.verdict = {"delivered": "delivered", "relayed": relays}[self.outcome]
        if queue_id and self.door.guard == "milter":
            self._stamp(seen, postfix.delivered(self.sender) or "")
        elif queue_id and self.forged:
            seen.expect(FORGED[0] in (postfix.delivered(self.sender) or ""), "the forged header did not arrive: the row proves nothing")
            seen.verdict = "forged header arrives"
        return seen

    def _delivered(self, seen, lab, result, queue_id, mark):
        self._own_arrives(seen, lab, result, queue_id, mark)
        other = result.recipients.get(self.other, clients.Reply())
        seen.expect(other.code == 554, f"a stranger's domain got: {other}")

    def _relayed(self, seen, lab, result, queue_id, mark):
        self._own_arrives(seen, lab, result, queue_id, mark)
        fate = lab.postfix.fate(queue_id, self.other, mark) if queue_id else "not queued"
        seen.expect(fate == "relayed", f"mail for a stranger's domain: {fate}")

    def _relay_closed(self, seen, lab, result, queue_id, mark):
        self._own_arrives(seen, lab, result, queue_id, mark)
        other = result.recipients.get(self.other, clients.Reply())
        seen.told = f"{other}"
        seen.expect(other.code == 454 and other.text.startswith("4.7.1"), f"a stranger's domain got: {other}")

    def _own_arrives(self, seen, lab, result, queue_id, mark):
        seen.told = str(result.data or result.told())
        seen.expect(result.data and result.data.code == 250, f"own mail was refused: {result.told()}")
        fate = lab.postfix.fate(queue_id, self.own, mark) if queue_id else "not queued"
        seen.expect(fate == "delivered", f"own mail: {fate}")

    def _deferred_rcpt(self, seen, lab, result, queue_id, mark, code=450, status="4.7.1 "):
        seen.told = str(result.told())
        seen.expect(result.mail.good(), f"MAIL got: {result.mail}")
        seen.expect(len(result.recipients) == 2, "RCPT was not reached")
        for reply in result.recipients.values():
            self._refusal(seen, lab, reply, code, status)
        self._nothing_queued(seen, lab, queue_id)

    def _rejected_rcpt(self, seen, lab, result, queue_id, mark):
        self._deferred_rcpt(seen, lab, result, queue_id, mark, 550, "5.7.1 ")

    def _deferred_mail(self, seen, lab, result, queue_id, mark):
        seen.told = str(result.told())
        self._refusal(seen, lab, result.mail, 451)
        self._nothing_queued(seen, lab, queue_id)

    def _refusal(self, seen, lab, reply, code, status="4.7.1 "):
        text = "" if lab.impostor else f"realip {self.verdict['reason']}: "
        seen.expect(reply.code == code and reply.text.startswith(status) and text in reply.text,
                    f"expected {code} {status}{text}..., was told: {reply}")

    def _nothing_queued(self, seen, lab, queue_id):
        seen.expect(not queue_id, f"queued as {queue_id}")
        seen.expect(not lab.postfix.in_queue(self.sender), "a queue file exists")
        seen.expect(not lab.postfix.delivered(self.sender), "it was delivered")

    def _stamp(self, seen, text):
        """Exactly one X-RealIP, and it is ours."""
        head = text.split("\n\n", 1)[0]
        stamps = [line for line in head.splitlines() if line.lower().replace(" ", "").startswith("x-realip:")]
        seen.expect(len(stamps) == 1, f"{len(stamps)} X-RealIP headers: {stamps}")
        for stamp in stamps:
            wanted = [f"{key}={value}" for key, value in self.verdict.items()] + [f"client={self.route.shown.of(self.family)}"]
            for part in wanted:
                seen.expect(part in stamp, f"the stamp has no {part}: {stamp}")
            seen.expect(head.index(stamp) < head.index("\nReceived:"), "the stamp stands below our own Received line")


@dataclasses.dataclass
class Login:
    """A mailbox session: the password is right; whether the mailbox opens is the question."""
    route: object
    family: str
    protocol: str
    instance: str
    proxied: bool
    opens: bool
    verdict: dict = None

    def run(self, lab):
        dovecot, seen, user = lab.dovecots[self.instance], Seen(), lab.next_tag()
        mark = dovecot.log.mark()
        session = {"imap": clients.imap, "pop3": clients.pop3}[self.protocol]
        result = session(getattr(lab.network, self.route.host), self.route.to.of(self.family),
                         plan.dovecot_port(self.instance, self.protocol, "proxied" if self.proxied else "plain"), user,
                         self.route.source and self.route.source.of(self.family),
                         self.route.header)
        seen.transcript, seen.told = result.transcript, result.told
        shown = self.route.shown.of(self.family)
        # An impostor may let nobody log in: then Dovecot shows nothing, and the row stands on what happened.
        seen.shown = dovecot.address_shown(user, mark) or "-" if result.opened or not lab.impostor else shown
        seen.expect(seen.shown == shown, f"Dovecot shows {seen.shown}, expected {shown}")
        seen.expect(result.greeted, "no greeting: a health check would fail")
        seen.expect(result.opened == self.opens, f"the mailbox {'opened' if result.opened else 'stayed shut'}: {result.told}")
        if self.verdict:
            _check_verdict(seen, lab, dovecot.log, mark, self.verdict, source="dovecot-mail", client=shown, user=user)
        else:
            seen.verdict = "mailbox opens"
        return seen


@dataclasses.dataclass
class Probe:
    """Connects, greets, quits: nothing may stand in its way."""
    route: object
    family: str
    door: object

    def run(self, lab):
        seen = Seen(verdict="probe: connects, greets, quits")
        log = lab.realip.log_of(self.door)
        mark = log.mark() if log else 0
        result = clients.smtp(getattr(lab.network, self.route.host), self.route.to.of(self.family), self.door.port)
        seen.transcript, seen.shown, seen.told = result.transcript, self.route.shown.of(self.family), str(result.quit)
        for name in ("greeting", "hello", "quit"):
            reply = getattr(result, name)
            seen.expect(reply.good(), f"{name} got: {reply}")
        if self.door.guard == "milter":     # the policy server is not asked before RCPT
            _check_verdict(seen, lab, log, mark, {"reason": "probe", "action": "pass"}, source="milter", listener=self.door.listener,
                           client=seen.shown)
        return seen


@dataclasses.dataclass
class Check:
    """HAProxy's own SMTP check of this door is green, and Postfix saw the proxy's address."""
    family: str
    door: object

    def run(self, lab):
        seen = Seen(verdict="HAProxy's check", shown=plan.PROXY.of(self.family))
        deadline = time.monotonic() + 6
        while True:
            status, said = lab.haproxy.checks().get((f"health-{self.family}", self.door.name), ("missing", ""))
            if (status == "UP" and said.startswith("L7OK")) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        seen.told = f"{status} {said}"
        seen.expect(status == "UP" and said.startswith("L7OK"), f"HAProxy says {status} {said}")
        line = rf"{self.door.name}/smtpd\[\d+\]: disconnect from [^\[]*\[{seen.shown}\] ehlo=1 quit=1"
        seen.expect(lab.postfix.log.wait(line), "Postfix logged no such check")
        return seen
