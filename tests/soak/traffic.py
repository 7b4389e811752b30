"""Who comes: honest clients and hostile ones, each session of a kind that the dice choose."""

import asyncio
import dataclasses
import itertools
import os
import random
import socket

import clients
import crowds
import plan
import talk
from talk import Lost, Refused, Talk

AT_ONCE = 90        # Postfix has 100 processes for each door


class Passed(Exception):
    """A hostile session got what it wanted."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """`needs`: the parts whose faults an honest client may notice; None for hostile ones, who may be told anything but yes."""
    name: str
    weight: int
    run: object
    needs: frozenset = None


def kinds():
    def honest(name, weight, run, *needs):
        return Kind(name, weight, run, frozenset(needs))
    return (
        honest("letter, direct", 7, direct_letter, "policyd", "smtp"),
        honest("letter, HAProxy", 7, proxied_letter, "policyd", "smtp"),
        honest("letter, HAProxy, NodePort", 2, nodeport_letter, "policyd", "smtp"),
        honest("letter, second policyd", 4, second_letter, "policyd-fault", "smtp"),
        honest("letter, postscreen", 3, postscreen_letter, "policyd", "smtp"),
        honest("letter, milter", 5, milter_letter, "milter", "smtp"),
        honest("letter, pipelined or BDAT", 4, hasty_letter, "policyd", "smtp"),
        honest("letter, STARTTLS", 2, tls_letter, "policyd", "smtp"),
        honest("letter, slow client", 1, slow_letter, "policyd", "smtp"),
        honest("letter, webmail", 1, webmail_letter, "policyd", "smtp"),
        honest("letter, submission", 1, submitted_letter, "policyd", "smtp", "dovecot"),
        honest("recipient asked for", 8, callout, "policyd", "smtp"),
        honest("greeting", 4, greeting, "smtp"),
        honest("login, IMAP", 2, imap_direct, "dovecot"),
        honest("login, IMAP, HAProxy", 2, imap_proxied, "dovecot"),
        Kind("forged header", 17, forged),
        Kind("forged header, STARTTLS", 1, forged_tls),
        Kind("forged header, slow", 1, forged_slow),
        Kind("forged LOCAL", 2, forged_local),
        Kind("node's address", 9, node),
        Kind("node's address in a header", 4, asserted),
        Kind("burst and reset", 8, burst),
        Kind("burst and reset, postscreen", 1, burst_postscreen),
        Kind("garbage", 5, garbage),
        Kind("IMAP, node's address", 1, imap_node),
        Kind("IMAP, node's address in a header", 1, imap_asserted),
        Kind("IMAP, forged header", 2, imap_forged))


class Session:
    """What a kind needs to know about its turn."""

    def __init__(self, traffic, number):
        self.traffic, self.number = traffic, number
        self.family = plan.FAMILIES[number % 2]
        # IPv6 clients look like a crowd behind one address, and are flagged; the others are not.
        self.name = f"host{number % (200 if self.family == plan.V6 else 12)}.example"
        self.sender = f"good{number}x@ext.test"
        self.evil = f"evil{number}x@evil.example"
        self.dice = random.Random(number * 7919 + traffic.seed)

    def open(self, host, role, port, source=None, header=None):
        """host: a Namespace; role, source: of the plan."""
        return Talk(self.traffic.home, host, role.of(self.family), port, source and source.of(self.family), header)

    def client(self, role, port, source=plan.CLIENT):
        return self.open(self.traffic.network.client, role, port, source)

    def stranger(self, port, header=None):
        return self.open(self.traffic.network.stranger, plan.POD, port, plan.STRANGER, header)

    def victim(self):
        return self.dice.choice((f"sink@{plan.OWN_DOMAIN}", f"victim@{plan.OTHER_DOMAIN}"))


def door(name):
    return plan.SMTP_DOORS[name].port


SINK = f"sink@{plan.OWN_DOMAIN}"


# ---- honest ----------------------------------------------------------------------------------------------------------------
async def mail(session, where, tls=False, user=None, how=talk.letter):
    letters = session.traffic.letters
    letters.attempt(session.number)
    async with where as conversation:
        await talk.greet(conversation, session.name, tls)
        if user:
            await talk.log_in(conversation, user)
        await how(conversation, session.sender, SINK)
        letters.taken(session.number)
        if how is talk.letter:
            await conversation.ask("QUIT")


async def direct_letter(session):
    await mail(session, session.client(plan.SERVICE_LOCAL, door("policyd")))


async def proxied_letter(session):
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-proxied")))


async def nodeport_letter(session):
    await mail(session, session.client(plan.PROXY_NODEPORT, door("policyd-proxied")))


async def second_letter(session):
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-proxied-fault")))


async def postscreen_letter(session):
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-postscreen")))


async def milter_letter(session):
    await mail(session, session.client(plan.SERVICE_LOCAL, door("milter")))


async def tls_letter(session):
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-proxied")), tls=True)


async def webmail_letter(session):
    await mail(session, session.open(session.traffic.network.web, plan.POD, door("policyd-internal"), plan.WEBMAIL))


async def submitted_letter(session):
    await mail(session, session.client(plan.SERVICE_LOCAL, door("policyd-submission")), user=f"u{session.number % 40}")


async def hasty_letter(session):
    async def how(conversation, sender, recipient):
        await talk.hasty_letter(conversation, sender, recipient, session.dice.random() < 0.5)
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-proxied")), how=how)


async def slow_letter(session):
    async def how(conversation, sender, recipient):
        await talk.dribble(conversation, f"MAIL FROM:<{sender}>\r\n".encode(), 2)
        talk.good(await conversation.reply())
        talk.good(await conversation.ask(f"RCPT TO:<{recipient}>"))
        talk.good(await conversation.ask("DATA"))
        await talk.dribble(conversation, clients.letter(sender) + b".\r\n", 3)
        talk.good(await conversation.reply())
    await mail(session, session.client(plan.PROXY_OUT, door("policyd-proxied")), how=how)


async def callout(session):
    """As servers do that ask whether a sender exists."""
    where = session.dice.choice(((plan.SERVICE_LOCAL, "policyd"), (plan.PROXY_OUT, "policyd-proxied")))
    async with session.client(where[0], door(where[1])) as conversation:
        await talk.greet(conversation, session.name)
        await talk.envelope(conversation, session.sender, SINK)
        await conversation.ask("QUIT")


async def greeting(session):
    async with session.client(plan.SERVICE_LOCAL, door("policyd")) as conversation:
        await talk.greet(conversation, session.name)
        await conversation.ask("QUIT")


def imap_port(kind):
    return plan.dovecot_port("login", "imap", kind)


async def imap(session, where):
    async with where as conversation:
        line = await conversation.line()
        if not line.startswith("* OK"):
            raise Refused(imap_reply(line))
        for tag, command in (("a", f"LOGIN u{session.number % 40} secret"), ("b", "SELECT INBOX")):
            line = await conversation.tagged(tag, command)
            if not line.startswith(tag + " OK"):
                raise Refused(imap_reply(line))
        await conversation.tagged("z", "LOGOUT")


def imap_reply(line):
    """In the codes of SMTP: whether to come back."""
    final = "[AUTHENTICATIONFAILED]" in line or "[ALERT]" in line
    return clients.Reply(535 if final else 450, line)


async def imap_direct(session):
    await imap(session, session.client(plan.SERVICE_LOCAL, imap_port("plain")))


async def imap_proxied(session):
    await imap(session, session.client(plan.PROXY_OUT, imap_port("proxied")))


# ---- hostile ---------------------------------------------------------------------------------------------------------------
async def intrude(session, where, tls=False, slow=0):
    """Tries to send; returns what it was told."""
    recipient = session.victim()
    async with where as conversation:
        try:
            await talk.greet(conversation, session.name, tls)
            if slow:
                await talk.dribble(conversation, b"NOOP\r\n" * 6, slow)
                for _ in range(6):
                    talk.good(await conversation.reply())
            await talk.envelope(conversation, session.evil, recipient)
        except Refused as refusal:
            if refusal.reply.code:
                conversation.say(b"QUIT\r\n")
            return str(refusal.reply)
        raise Passed(f"{recipient} was taken of {session.evil}")


def claim(session):
    family = session.family
    inside = [plan.NODE1, crowds.CLAIMED, plan.PROXY, plan.WEBMAIL, plan.CLIENT, plan.Address("127.0.0.1", "::1"),
              plan.Address("::ffff:127.0.0.1", "::ffff:10.0.20.11"), plan.Address(*(crowds.random_address(session.dice, each) for each in plan.FAMILIES))]
    role = session.dice.choice(inside)
    version = session.dice.choice(tuple(clients.PROXY_VERSIONS))

    def header(connection):
        source = role.of(family)
        return clients.PROXY_VERSIONS[version](source, "2001:db8:1::13" if ":" in source else "203.0.113.13")
    return header


async def forged(session):
    return await intrude(session, session.stranger(door(session.dice.choice(("policyd-proxied", "policyd-proxied-fault"))), claim(session)))


async def forged_tls(session):
    return await intrude(session, session.stranger(door("policyd-proxied"), claim(session)), tls=True)


async def forged_slow(session):
    return await intrude(session, session.stranger(door("policyd-proxied"), claim(session)), slow=session.dice.uniform(2, 8))


async def forged_local(session):
    return await intrude(session, session.stranger(door("policyd-proxied"), clients.proxy_local))


async def node(session):
    return await intrude(session, session.client(plan.SERVICE_CLUSTER, door(session.dice.choice(("policyd", "policyd", "milter")))))


async def asserted(session):
    return await intrude(session, session.client(plan.SERVICE_PROXY, door("policyd-proxied")))


async def burst(session, name="policyd-proxied"):
    """All at once, and gone before anything is judged; it hears nothing: the queue tells."""
    dice = session.dice
    waits = 1 if "postscreen" in name else dice.randrange(3)
    words = [b"EHLO evil.example\r\n", f"MAIL FROM:<{session.evil}>\r\nRCPT TO:<{session.victim()}>\r\n".encode()
             + b"".join(clients.transfer(session.evil, dice.random() < 0.5))]
    async with session.stranger(door(name), claim(session)) as conversation:
        for _ in range(waits):
            await conversation.line()
            if len(words) > 1:
                conversation.say(words.pop(0))
        conversation.say(b"".join(words))
        await asyncio.sleep(dice.choice((0, 0, 0.002, 0.05)))
        conversation.reset()
    return "nothing to hear"


async def burst_postscreen(session):
    return await burst(session, "policyd-postscreen")


async def garbage(session):
    dice = session.dice
    port = dice.choice((door("policyd-proxied"), door("policyd"), door("milter"), door("policyd-postscreen"), imap_port("plain"), imap_port("proxied")))
    async with session.stranger(port) as conversation:
        data = dice.randbytes(dice.randrange(1, 3000))
        conversation.say(data + b"\r\n" if dice.random() < 0.7 else data)
        await conversation.until_closed(dice.uniform(0.1, 2))
    return "nothing to hear"


async def imap_intrude(session, where):
    try:
        await imap(session, where)
    except Refused as refusal:
        return str(refusal.reply)
    raise Passed(f"logged in as u{session.number % 40}")


async def imap_node(session):
    return await imap_intrude(session, session.client(plan.SERVICE_CLUSTER, imap_port("plain")))


async def imap_asserted(session):
    return await imap_intrude(session, session.client(plan.SERVICE_PROXY, imap_port("proxied")))


async def imap_forged(session):
    return await imap_intrude(session, session.stranger(imap_port("proxied"), claim(session)))


# ---- all of them -----------------------------------------------------------------------------------------------------------
class Traffic:
    """Starts sessions at a pace, as many as have room, until it is told to end."""

    def __init__(self, stack, judge, letters, seed, rate):
        self.network, self.stack, self.judge, self.letters, self.seed, self.rate = stack.network, stack, judge, letters, seed, rate
        self.home, self.running, self.ending = talk.Home(), set(), False
        self.numbers = itertools.count(1)

    async def go_on(self):
        loop, dice, choice = asyncio.get_running_loop(), random.Random(self.seed), kinds()
        weights = [kind.weight for kind in choice]
        junk = asyncio.create_task(self._junk())
        due = loop.time()
        while not self.ending:
            due = max(due, loop.time() - 1)             # what could not begin in time is left out
            while due <= loop.time() and len(self.running) < AT_ONCE:
                self.start(dice.choices(choice, weights)[0])
                due += 1 / self.rate
            await asyncio.sleep(0.01)
        junk.cancel()

    def start(self, kind):
        task = asyncio.create_task(self.one(kind, Session(self, next(self.numbers))))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def one(self, kind, session):
        begun = asyncio.get_running_loop().time()
        told, passed = None, None
        try:
            told = await kind.run(session)
        except Refused as refusal:
            told = refusal.reply
        except Lost as lost:
            told = clients.Reply(0, str(lost))
        except Passed as success:
            passed = str(success)
        except Exception as error:                      # the soak's own mistake must not look like silence
            self.judge.broken(f"{kind.name}: {error!r}")
        self.letters.ended(session.number)
        self.judge.session(kind, begun, told, passed)

    async def end(self, seconds):
        """No new ones; those that run get so long. Returns how many did not end."""
        self.ending = True
        if self.running:
            await asyncio.wait(set(self.running), timeout=seconds)
        return len(self.running)

    async def _junk(self):
        """Who has an account on the host: nonsense for our daemons' own sockets, halves of requests, and connections that say nothing."""
        dice, idle = random.Random(self.seed + 1), []
        words = (b"request=smtpd_access_policy\nprotocol_state=RCPT\n", b"\n\n", b"a" * 70000, b"=\n\n", b"request=smtpd_access_policy\nclient_address=")
        while True:
            await asyncio.sleep(0.3)
            path = self.stack.socket_of(dice.choice(("policyd", "policyd", "policyd-fault", "milter")))
            end = socket.socket(socket.AF_UNIX)
            end.setblocking(False)
            try:
                end.connect(path)
                end.send(dice.choice((*words, os.urandom(dice.randrange(1, 500)))))
            except OSError:
                pass                                    # it is gone just now, or its queue is full
            idle.append(end)
            if len(idle) > 10:
                idle.pop(dice.randrange(10)).close()
            self.judge.junk += 1
