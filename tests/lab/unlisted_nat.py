"""Scene 14: a router that masquerades, and that nobody listed. The clients behind it look like one busy client, until somebody counts
their names. Who has one name, or two, is told apart from it, however much he sends."""

import collections
import concurrent.futures
import dataclasses
import json
import re
import time

import clients
import plan
from logs import verdicts
from plan import V4
from realip import told
from scenes import Row
from steps import Seen

TITLES = {"14": "a NAT that nobody listed"}

BEHIND = 50             # clients of the office
THRESHOLD = 20          # distinct-clients, as it is without being told
DEFAULT_WINDOW = 3600
ERROR = 1.05            # of an estimate
THREADS = 8
LATE = 5                # seconds by which a busy machine may be late
QUEUED = re.compile(r"\[\d+\]: (\w+): (?:client=[^\[]*\[([^\]]*)\]|from=<([^>]*)>, size=)")
FLAGGED = {"reason": "shared-suspect", "action": "flag", "wanted": "flag"}


@dataclasses.dataclass(frozen=True)
class Visit:
    """One session with one letter: from which address behind the router, under which name; which address the mail server sees."""
    family: str
    source: str
    name: str
    shown: str


def office(family):
    """So many clients, each with an address and a name of its own, and all of them behind the router's address."""
    return [Visit(family, plan.host_of(plan.OFFICE_NETS, number).of(family), f"desk{number}.office.example", plan.ROUTER.of(family))
            for number in range(1, BEHIND + 1)]


def busy(family):
    """One client that sends as much."""
    address = plan.host_of(plan.CAMPUS_NETS, 2000).of(family)
    return [Visit(family, address, "busy.campus.example", address)] * BEHIND


def singles(family, count):
    """Each with one name; every fifth comes a second time with another one, as a laptop that was given a new name."""
    for number in range(1, count + 1):
        address = plan.host_of(plan.CAMPUS_NETS, number).of(family)
        for name in ("host", "renamed") if number % 5 == 0 else ("host",):
            yield Visit(family, address, f"{name}{number}.campus.example", address)


def everybody(count):
    """Single clients of both families."""
    return [*singles("v4", count // 2), *singles("v6", count - count // 2)]


@dataclasses.dataclass
class Counts:
    """What a guard's /metrics says of suspicion."""
    suspects: int
    addresses: int
    observations: int

    @classmethod
    def of(cls, lab, guard):
        found = dict(re.findall(r"^realip_(suspects|suspicion_addresses|suspicion_observations_total) (\d+)$",
                                told(lab.network.pod, guard, "/metrics"), re.MULTILINE))
        return cls(*(int(found[name]) for name in ("suspects", "suspicion_addresses", "suspicion_observations_total")))


def deliver(lab, visits, door):
    """Every visit in a session of its own, several at a time. Their results, and {sender: address shown by Postfix} of what was queued."""
    tag, mark = lab.next_tag(), lab.postfix.log.mark()

    def one(number, visit):
        return clients.smtp(lab.network.office, plan.SERVICE_LOCAL.of(visit.family), door.port, f"{tag}{number}@ext.test",
                            [f"sink@{plan.OWN_DOMAIN}"], source=visit.source, hello=visit.name)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(one, range(len(visits)), visits))
    taken = sum(result.data is not None and result.data.code == 250 for result in results)
    deadline = time.monotonic() + 20
    while len(queue := _queued(lab, mark, tag)) < taken and time.monotonic() < deadline:
        time.sleep(0.05)
    return results, {sender.partition("@")[0].removeprefix(tag): shown for sender, shown in queue.items()}


def _queued(lab, mark, tag):
    shown, queue = {}, {}
    for number, client, sender in QUEUED.findall(lab.postfix.log.since(mark)):
        if client:
            shown[number] = client      # a number may have been another letter's a moment before
        elif sender.startswith(tag):
            queue[sender] = shown.get(number)
    return queue


@dataclasses.dataclass
class Letters:
    """The mail passes, from the addresses that are expected, and (with a guard) by the verdicts that are expected."""
    visits: list
    door: object
    crowd: str              # nat: becomes a suspect; single: nobody does

    def run(self, lab):
        seen, guard = Seen(), None if lab.impostor else self.door.guard
        log = lab.realip.log_of(self.door)
        mark, before, start = log.mark() if log else 0, guard and Counts.of(lab, guard), time.monotonic()
        results, queue = deliver(lab, self.visits, self.door)
        took = time.monotonic() - start
        odd = [str(result.told()) for result in results if not (result.data and result.data.code == 250)]
        seen.transcript, seen.told = results[-1].transcript, odd[0] if odd else str(results[-1].data)
        seen.expect(not odd, f"{len(odd)} of {len(results)} letters were not taken: {odd[:2]}")
        shown, wanted = (collections.Counter(each) for each in (queue.values(), (visit.shown for visit in self.visits)))
        seen.expect(shown == wanted, f"Postfix shows {len(shown)} addresses in {sum(shown.values())} letters, expected {len(wanted)} in {sum(wanted.values())}")
        seen.shown = next(iter(shown), "-") if len(shown) == 1 else f"{len(shown)} addresses"
        seen.verdict = f"{len(queue)} letters pass" + (", as of one busy client" if self.crowd == "nat" else "")
        if guard:
            lines = [line for line in self._lines(log, mark, results) if line.get("client") in wanted]
            warned = re.findall(r"(\S+) behaves as a NAT: about (\d+) different clients within (\d+) s", log.since(mark))
            judge = self._is_flagged if self.crowd == "nat" else self._is_let_alone
            judge(seen, lab, lines, warned, before, Counts.of(lab, guard))
            if self.crowd == "nat":
                window = lab.realip.window or DEFAULT_WINDOW
                seen.expect(took < window, f"it took {took:.0f} s, the window is {window} s")
                lab.realip.suspected[guard, self.visits[0].family] = time.monotonic()
        return seen

    def _lines(self, log, mark, results):
        """A verdict for each letter; the guard's lines may come a moment after the answers."""
        deadline = time.monotonic() + LATE
        while True:
            lines = [line for line in verdicts(log.since(mark)) if line["listener"] == self.door.listener]
            if len(lines) >= len(results) or time.monotonic() > deadline:
                return lines
            time.sleep(0.02)

    def _is_flagged(self, seen, lab, lines, warned, before, after):
        address, guard = self.visits[0].shown, self.door.guard
        reasons = collections.Counter(line["reason"] for line in lines)
        seen.expect(set(reasons) == {"real", "shared-suspect"}, f"verdicts: {reasons}")
        # The milter judges a session at connect, too; what it made of a letter stands in the header.
        letters = reasons["shared-suspect"] if guard == "policyd" else _stamped(lab, address)
        seen.verdict = f"shared-suspect: flag ({letters} of {BEHIND} letters)"
        # The first ones are clients as any other: nobody knew.
        seen.expect(BEHIND - THRESHOLD < letters < BEHIND, f"{letters} letters were flagged: {reasons}")
        flagged = [line for line in lines if line["reason"] == "shared-suspect"]
        seen.expect(all(line[key] == value for line in flagged for key, value in FLAGGED.items()), f"not as documented: {flagged[:1]}")
        estimates = [int(line.get("clients", 0)) for line in flagged]
        seen.expect(estimates and THRESHOLD <= min(estimates) and BEHIND / ERROR <= max(estimates) <= BEHIND * ERROR, f"estimates: {estimates}")
        window = str(lab.realip.window or DEFAULT_WINDOW)
        seen.expect(warned == [(address, warned[0][1] if warned else "", window)], f"told how often, and how: {warned}")
        seen.expect(after.suspects == before.suspects + 1, f"realip_suspects: {before.suspects}, then {after.suspects}")
        if guard == "policyd":
            listed = {each["address"]: each["clients"] for each in json.loads(told(lab.network.pod, guard, "/suspects"))["suspects"]}
            seen.expect(BEHIND / ERROR <= listed.get(address, 0) <= BEHIND * ERROR, f"/suspects: {listed}")

    def _is_let_alone(self, seen, lab, lines, warned, before, after):
        reasons = collections.Counter(f"{line['reason']} {line['action']}" for line in lines)
        seen.verdict = f"real: pass ({len(self.visits)} letters)"
        seen.expect(set(reasons) == {"real pass"}, f"verdicts: {reasons}")
        # They were counted, and found to be few behind each address.
        shown = len({visit.shown for visit in self.visits})
        # Of those that were there before some may have fallen out of the window meanwhile.
        seen.expect(shown <= after.addresses <= before.addresses + shown, f"addresses: {before} {after}")
        seen.expect(after.observations - before.observations >= len(self.visits), f"sessions: {before} {after}")
        seen.expect(not warned and after.suspects <= before.suspects, f"{warned}, {before}, {after}")


def _stamped(lab, address):
    """How many delivered letters our header calls a suspect's, once all of the address are there."""
    words = [f"client={address}", *(f"{key}={value}" for key, value in FLAGGED.items())]
    deadline = time.monotonic() + LATE
    while True:
        stamps = [stamp for text in lab.postfix.inbox() for stamp in re.findall(r"^X-RealIP: (.*)$", text.partition("\n\n")[0], re.MULTILINE)
                  if words[0] in stamp]
        if len(stamps) >= BEHIND or time.monotonic() > deadline:
            return sum(all(word in stamp for word in words) for stamp in stamps)
        time.sleep(0.1)


@dataclasses.dataclass
class Cleared:
    """Nobody comes from there any more: after a window and a quarter the address is none, and a client behind it is as good as any."""
    family: str
    door: object

    def run(self, lab):
        seen, guard = Seen(shown=plan.ROUTER.of(self.family)), self.door.guard
        if not lab.impostor:
            self._await(seen, lab, guard)
        log = lab.realip.log_of(self.door)
        mark = log.mark()
        results, _ = deliver(lab, office(self.family)[:1], self.door)
        seen.told = str(results[0].data or results[0].told())
        seen.expect(results[0].data and results[0].data.code == 250, f"its next client was told: {seen.told}")
        if not lab.impostor:
            log.wait(rf"client={re.escape(seen.shown)} ", mark)
            reasons = [line["reason"] for line in verdicts(log.since(mark)) if line.get("client") == seen.shown]
            seen.expect(reasons and set(reasons) == {"real"}, f"its next client is {reasons}")
        return seen

    def _await(self, seen, lab, guard):
        """By the gauge, which counts by the clock and needs no session."""
        if (guard, self.family) not in lab.realip.suspected:
            seen.problems.append("it became no suspect before: this row comes after those with the NAT")
            return
        last, window = lab.realip.suspected.pop((guard, self.family)), lab.realip.window
        left = sum(who == guard for who, _ in lab.realip.suspected)     # of the other family, later
        while (suspects := Counts.of(lab, guard).suspects) > left and time.monotonic() < last + window * 1.25 + LATE:
            time.sleep(0.2)
        early = time.monotonic() < last + window - LATE
        seen.verdict = f"no suspect {time.monotonic() - last:.0f} s after its last client"
        seen.expect(suspects <= left, f"{suspects} suspects, after {time.monotonic() - last:.0f} s")
        seen.expect(not early, f"cleared too early: {seen.verdict}")


GUARDS = ("policyd", "milter")


def _row(kind, family, guard, without, with_it):
    return Row(f"14/{kind}/{family}/{guard}", "14", f"{kind} over {family}", guard, family, without, with_it, crowd=True)


def scene_14(family, size):
    bare = plan.SMTP_DOORS["bare"]
    for guard in GUARDS:
        door = plan.SMTP_DOORS[guard]
        yield _row(f"{BEHIND}-behind-nat", family, guard, [Letters(office(family), bare, "nat")], [Letters(office(family), door, "nat")])
        yield _row("busy", family, guard, [Letters(busy(family)[:2], bare, "single")], [Letters(busy(family), door, "single")])
    if family == V4:
        return
    for guard in GUARDS:    # both families at once
        door = plan.SMTP_DOORS[guard]
        yield _row(f"{size.singles}-singles", "both", guard, [Letters(everybody(BEHIND), bare, "single")],
                   [Letters(everybody(size.singles), door, "single")])


def rows_at_the_end(size):
    """What comes between is time in which an address clears. Nobody waits for the default window, an hour."""
    for guard in GUARDS if size.window else ():
        yield _row("cleared", "both", guard, [], [Cleared(each, plan.SMTP_DOORS[guard]) for each in plan.FAMILIES])


SCENES = {"14": scene_14}
