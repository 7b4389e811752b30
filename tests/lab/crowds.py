"""Steps made of many sessions: forgeries by the hundred among honest mail, bursts that end in a reset.

What became of them is read from Postfix's own log; what the clients were told is a second witness."""

import concurrent.futures
import dataclasses
import ipaddress
import itertools
import random
import re
import socket
import struct
import time

import clients
import plan
from logs import verdicts
from steps import Seen

THREADS = 12
CLAIMED = plan.Address("10.244.9.9", "fd00:244::9:9")       # in mynetworks
QUEUED = re.compile(r"qmgr\[\d+\]: \w+: from=<([^>]*)>, size=")


def all_of(jobs, threads=THREADS):
    """Runs the functions in threads, in a mixed but repeatable order; their results, in the order given."""
    jobs = list(jobs)
    order = list(range(len(jobs)))
    random.Random(7).shuffle(order)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        running = {index: pool.submit(jobs[index]) for index in order}
        return [running[index].result() for index in range(len(jobs))]


def queued(lab, mark, prefix):
    """The senders of this prefix whose message Postfix took."""
    return {sender for sender in QUEUED.findall(lab.postfix.log.since(mark)) if sender.startswith(prefix)}


def wait_queued(lab, mark, prefix, count, seconds):
    """The same, after waiting until there are so many."""
    deadline = time.monotonic() + seconds
    while len(found := queued(lab, mark, prefix)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def honest_session(lab, door, family, sender):
    """A client's letter to our domain through HAProxy."""
    return clients.smtp(lab.network.client, plan.PROXY_OUT.of(family), door.port, sender, [f"sink@{plan.OWN_DOMAIN}"])


def random_address(dice, family):
    if family == plan.V4:
        return str(ipaddress.IPv4Address(dice.randrange(0x01000000, 0xdf000000)))
    return str(ipaddress.IPv6Address((0x2000 << 112) + dice.getrandbits(125)))


def claims(dice, count):
    """So many headers of every shape: both versions and families, inside addresses, loopback, mapped, and any."""
    inside = [("127.0.0.1", "::1"), ("10.0.20.77", "fd00:20::77"), ("10.244.9.9", "fd00:244::9:9"), ("172.17.0.1", "fd00:20::13"),
              ("10.0.20.13", "fd00:20::13"), ("203.0.113.7", "2001:db8:1::7")]
    shapes = itertools.cycle(itertools.product(clients.PROXY_VERSIONS, range(len(inside) + 4)))
    for version, shape in itertools.islice(shapes, count):
        if shape < len(inside):
            yield clients.Claim(version, plan.Address(*inside[shape]))
        elif shape == len(inside):
            mapped = "::ffff:" + dice.choice(("127.0.0.1", "10.0.20.77", random_address(dice, plan.V4)))
            yield clients.Claim(version, plan.Address(mapped, mapped))
        else:
            yield clients.Claim(version, plan.Address(random_address(dice, plan.V4), random_address(dice, plan.V6)))


@dataclasses.dataclass
class Forgeries:
    """Strangers with headers of their own, and (with a guard) as many honest clients through HAProxy, all at once on one door."""
    door: object
    count: int
    threads: int = THREADS

    def run(self, lab):
        seen, tag = Seen(shown="of their choice"), lab.next_tag()
        mark, dice = lab.postfix.log.mark(), random.Random(self.door.name)
        families = plan.FAMILIES if lab.network.has_ipv6 else (plan.V4,)
        jobs = [self._forgery(lab, families[number % len(families)], f"{tag}evil{number}@evil.example", claim, number % 5 == 4)
                for number, claim in enumerate(claims(dice, self.count))]
        if self.door.guard:
            jobs += [self._honest(lab, families[number % len(families)], f"{tag}good{number}@ext.test") for number in range(self.count)]
        started = time.monotonic()
        results = all_of(jobs, self.threads)
        forged, honest = results[:self.count], results[self.count:]
        if not self.door.guard:
            return self._without(seen, forged)
        self._with(seen, lab, mark, tag, forged, honest)
        seen.shown = f"{time.monotonic() - started:.0f} s"
        return seen

    def _forgery(self, lab, family, sender, claim, tls):
        recipients = [f"sink@{plan.OWN_DOMAIN}", f"victim@{plan.OTHER_DOMAIN}"]
        return lambda: clients.smtp(lab.network.stranger, plan.POD.of(family), self.door.port, sender, recipients, header=claim, tls=tls)

    def _honest(self, lab, family, sender):
        return lambda: honest_session(lab, self.door, family, sender)

    @staticmethod
    def _without(seen, forged):
        taken = sum(result.data is not None and result.data.code == 250 for result in forged)
        seen.verdict = f"{taken} of {len(forged)} forgeries are taken"
        seen.expect(taken == len(forged), f"only {seen.verdict}: {[str(result.told()) for result in forged if not result.data][:2]}")
        return seen

    def _with(self, seen, lab, mark, tag, forged, honest):
        word = "" if lab.impostor else "realip proxy-untrusted: "
        refused = [result for result in forged if len(result.recipients) == 2
                   and all(reply.code == 450 and word in reply.text for reply in result.recipients.values())]
        taken = sum(result.data is not None and result.data.code == 250 for result in honest)
        queue = wait_queued(lab, mark, tag, taken, 20)
        evil = sum(sender.startswith(tag + "evil") for sender in queue)
        seen.verdict = f"{len(forged) - len(refused)} of {len(forged)} forgeries pass, {len(honest) - taken} of {len(honest)} honest refused"
        odd = [str(result.told()) for result in forged if result not in refused][:2]
        seen.expect(len(refused) == len(forged), f"{len(forged) - len(refused)} forgeries not refused as they should be: {odd}")
        seen.expect(taken == len(honest), f"honest refused: {[str(result.told()) for result in honest if not result.data][:2]}")
        seen.expect(not evil, f"{evil} forgeries were queued")
        seen.expect(len(queue) - evil == taken, f"{taken} honest letters were taken, {len(queue) - evil} queued")
        seen.told = str(forged[0].told())


DIED = r"fatal: .*cannot convert client address/port to string"
SHUT = rf"{DIED}(.*\n)*.*bad command startup -- throttling"


@dataclasses.dataclass
class ShutDoor:
    """Not our doing, and not ours to prevent: LOCAL and a reset make smtpd die, and master shuts the door. The documentation says so."""
    door: object
    family: str

    def run(self, lab):
        seen, mark = Seen(), lab.postfix.log.mark()
        resets = self._reset_until_shut(lab, mark)
        seen.verdict = f"LOCAL and reset, {resets} times"
        died = lab.postfix.log.wait(DIED, mark)
        shut = lab.postfix.log.wait(SHUT, mark)
        try:
            with lab.network.stranger.connect(plan.POD.of(self.family), self.door.port, timeout=3) as connection:
                connection.sendall(clients.proxy_local(connection))
                seen.told = connection.recv(100).decode(errors="replace").strip()
        except OSError as error:
            seen.told = str(error)
        # Master starts none for a minute; an smtpd that outlived the resets may greet one more, so the greeting is told, not judged.
        seen.expect(died and shut,
                    f"docs/POSTFIX.md says that this shuts the door; died: {bool(died)}, throttled: {bool(shut)}, then: {seen.told}")
        return seen

    def _reset_until_shut(self, lab, mark):
        """How soon the reset must follow depends on how busy the machine is: several paces, until master shuts the door."""
        resets, until = 0, time.monotonic() + 20
        while time.monotonic() < until and not lab.postfix.log.wait(SHUT, mark, 0.2):
            try:
                for pause in (0, 0, 0, 0.0001, 0.0002, 0.0005, 0.001, 0.002) * 10:
                    self._reset(lab, pause)
                    resets += 1
            except OSError:
                pass        # nobody accepts any more, and the queue of the socket is full
        return resets

    def _reset(self, lab, pause):
        with lab.network.stranger.connect(plan.POD.of(self.family), self.door.port, timeout=2) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(clients.proxy_local(connection))
            time.sleep(pause)


@dataclasses.dataclass
class Bursts:
    """Strangers who say everything in one burst and vanish, with a reset or an end; with a guard, among hasty honest clients."""
    door: object
    family: str
    count: int
    reset: bool

    def run(self, lab):
        seen, tag = Seen(shown="of their choice"), lab.next_tag()
        log = lab.realip.log_of(self.door)
        mark, guard_mark = lab.postfix.log.mark(), log.mark() if log else 0
        # Waiting for nothing, the banner or EHLO's answer, BDAT or DATA, both versions of the header: each with each.
        shapes = itertools.cycle(itertools.product(range(3), (False, True), clients.PROXY_VERSIONS))
        jobs = [self._burst(lab, f"{tag}evil{number}@evil.example", *shape) for number, shape in zip(range(self.count), shapes)]
        twins = self.count // 2 if self.door.guard else 0
        jobs += [self._twin(lab, f"{tag}good{number}@ext.test", number % 2 == 0) for number in range(twins)]
        results = all_of(jobs, 48 if self.door.postscreen else THREADS)      # there a client waits for a second
        seen.expect(all(results[:self.count]), f"{results[:self.count].count(False)} bursts found nobody")
        self._wait_worked_off(lab, mark, tag)
        evil = len(queued(lab, mark, tag + "evil"))
        seen.verdict = f"{evil} of {self.count} bursts are queued"
        if self.door.guard:
            self._with(seen, lab, log, guard_mark, mark, tag, evil, results[self.count:])
        else:
            seen.expect(evil >= 0.95 * self.count, f"only {seen.verdict}: the row proves nothing")
        return seen

    def _burst(self, lab, sender, waits, bdat, version):
        claim = clients.Claim(version, CLAIMED)
        # Behind postscreen, smtpd gives up when its banner meets a reset: who does not wait for it must stay that long.
        pause = 0.4 if self.door.postscreen and self.reset and not waits else 0
        return lambda: clients.burst(lab.network.stranger, plan.POD.of(self.family), self.door.port, claim, sender,
                                     f"victim@{plan.OTHER_DOMAIN}", waits, bdat, self.reset, pause)

    def _twin(self, lab, sender, bdat):
        return lambda: clients.hasty(lab.network.client, plan.PROXY_OUT.of(self.family), self.door.port, sender,
                                     f"sink@{plan.OWN_DOMAIN}", bdat)

    def _wait_worked_off(self, lab, mark, tag):
        """Until Postfix has ended every session of the bursts, or has had nothing to say of them for long."""
        ended = f"disconnect from unknown[{CLAIMED.of(self.family)}]"
        last, since = None, time.monotonic()
        deadline = since + 30
        while time.monotonic() < min(since + 3, deadline):
            said = lab.postfix.log.since(mark).count(ended)
            if said >= self.count:
                break
            if said != last:
                last, since = said, time.monotonic()
            time.sleep(0.05)
        wait_queued(lab, mark, tag + "evil", self.count, 0.5 if self.door.guard else 5)

    def _with(self, seen, lab, log, guard_mark, mark, tag, evil, twins):
        seen.expect(not evil, seen.verdict)
        good = len(wait_queued(lab, mark, tag + "good", twins.count(True), 10))
        odd = [twin for twin in twins if twin is not True]
        seen.verdict += f", {len(twins) - good} of {len(twins)} honest lost"
        seen.expect(good == len(twins) and not odd, f"honest: {good} of {len(twins)} queued, {len(odd)} were told otherwise: {odd[:1]}")
        if lab.impostor:
            return
        reasons = [line["reason"] for line in verdicts(log.since(guard_mark)) if line.get("client") == CLAIMED.of(self.family)]
        counts = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
        seen.told = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        seen.expect(set(counts) <= {"peer-unknown", "proxy-untrusted"}, f"verdicts: {counts}")
        # Most must have come as far as mail-realip: what never asks it proves nothing.
        seen.expect(len(reasons) >= 0.95 * self.count, f"only {len(reasons)} of {self.count} bursts were judged")
