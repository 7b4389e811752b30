#!/usr/bin/env python3
"""tests/lab/relays.py --build DIR [--keep] - mail through an own edge relay: the milter names the client that the relay saw.

    client  203.0.113.7  2001:db8:1::7 ──┐             ┌── relay   192.0.2.25  2001:db8:25::25 (a real Postfix)
    node    10.0.20.11   fd00:20::11  ───┴── network ──┴── server  192.0.2.10  2001:db8:25::10 (Postfix, Sendmail; the milter)

The recipient's domain says to which door of the server the relay hands a message. Ends with `N passed, N failed, N skipped`."""
import argparse
import email
import glob
import os
import smtplib
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
sys.dont_write_bytecode = True
import sendmail  # noqa: E402
from harness import ROOT, Tally  # noqa: E402
from logs import Log  # noqa: E402
from net import Namespace, cable  # noqa: E402
from postfix import MAILBOX_CF, MASTER, MASTER_CF, PRIVATE_CF, Postfix  # noqa: E402
from sandbox import LabError, Processes, supervise, wait_until  # noqa: E402

CLIENT = {"v4": "203.0.113.7", "v6": "2001:db8:1::7"}
NODE = {"v4": "10.0.20.11", "v6": "fd00:20::11"}
RELAY = {"v4": "192.0.2.25", "v6": "2001:db8:25::25"}
SERVER = {"v4": "192.0.2.10", "v6": "2001:db8:25::10"}
NETWORKS = ("203.0.113.0/24", "10.0.20.0/24", "192.0.2.0/24", "2001:db8::/32", "fd00:20::/64")
PORTS = {"postfix": 2501, "held": 2502, "bare": 2500, "sendmail": 2503, "sendmail-held": 2504}

# What the edge does: it takes mail for the server's domains from anybody, and hands each one to its door.
RELAY_CF = """myhostname = mx.relay.example
relay_domains = {domains}
transport_maps = inline:{{ {transports} }}
smtp_address_preference = {preference}
"""

REALIP_CONF = """mode = enforce
log-passes = true
networks infrastructure {{ cidr = {{ "10.0.20.0/24", "fd00:20::/64" }} }}
networks relays {{ cidr = {{ "192.0.2.25", "2001:db8:25::25" }} }}
actions {{ {actions} }}
milter {{ listen = "unix:{socket}" socket-mode = 0666 }}
"""


def domain(door, family):
    return f"{door}-{family}.test"


class Edge(Postfix):
    """A Postfix with a configuration of its own in the lab's folders."""

    def __init__(self, folder, name, main_cf, services):
        self.name, self.folder = name, os.path.join(folder, name)
        os.mkdir(self.folder)
        self.log = Log(os.path.join(self.folder, "mail.log"))
        self._make_folders()
        common = PRIVATE_CF.format(folder=self.folder, mynetworks="127.0.0.0/8") + "milter_command_timeout = 10s\n"
        self._write("main.cf", common + main_cf.replace("{folder}", self.folder))
        self._write("master.cf", MASTER_CF + "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n" + services)

    def start(self, processes, host):
        processes.start(self.name, [MASTER, "-c", os.path.join(self.folder, "etc"), "-d"], host)
        wait_until(lambda: "daemon started" in self.log.since(), 15, f"{self.name} starts", processes)


class Scene:
    def __init__(self, build, folder, tally):
        self.build, self.folder, self.tally = build, folder, tally
        self.processes = Processes(folder)
        self._network()
        self.no_sendmail = sendmail.missing(os.path.join(build, "debs"))
        self._milters()
        self._relay()
        self._server()
        self.number = 0

    def _network(self):
        self.hosts = {name: Namespace(name) for name in ("switch", "client", "node", "relay", "server")}
        switch = self.hosts["switch"]
        switch.ip("link add net type bridge", "link set net up")
        for name, roles in (("client", [CLIENT]), ("node", [NODE]), ("relay", [RELAY]), ("server", [SERVER])):
            cable(self.hosts[name], "eth0", switch, name)
            switch.ip(f"link set {name} master net")
            for role in roles:
                self.hosts[name].ip(f"addr add {role['v4']}/32 dev eth0", f"addr add {role['v6']}/128 dev eth0 nodad")
            # No default route: a name server of the machine's must be unreachable at once, not silent.
            self.hosts[name].ip(*(f"route add {net} dev eth0" for net in NETWORKS))

    def _milters(self):
        """Each door's own: what to do about a lost client is the rules' affair."""
        self.sockets = {}
        for door, actions in (("postfix", ""), ("held", "inside-asserted = quarantine"), ("sendmail", ""),
                              ("sendmail-held", "inside-asserted = quarantine")):
            socket = self.sockets[door] = os.path.join(self.folder, door + ".sock")
            config = os.path.join(self.folder, door + ".conf")
            with open(config, "w") as file:
                file.write(REALIP_CONF.format(actions=actions, socket=socket))
            self.processes.start("milter-" + door, [os.path.join(self.build, "milter/realip-milter"), "-c", config], self.hosts["server"])
            wait_until(lambda path=socket: os.path.exists(path), 10, f"the milter of {door} listens", self.processes)

    def _relay(self):
        doors = [(door, family) for door in PORTS for family in ("v4", "v6")]
        domains = " ".join(domain(*each) for each in doors)
        transports = ", ".join(f"{{ {domain(door, family)} = smtp:[{SERVER[family]}]:{PORTS[door]} }}" for door, family in doors)
        self.relay = Edge(self.folder, "relay", RELAY_CF.format(domains=domains, transports=transports, preference="any"),
                          "25 inet n - n - - smtpd\n")
        self.relay.start(self.processes, self.hosts["relay"])

    def _server(self):
        services = f"{PORTS['bare']} inet n - n - - smtpd\n"
        for door in ("postfix", "held"):
            services += (f"{PORTS[door]} inet n - n - - smtpd\n  -o smtpd_milters=unix:{self.sockets[door]}\n"
                         "  -o milter_default_action=tempfail\n")
        domains = " ".join(domain(door, family) for door in ("postfix", "held", "bare") for family in ("v4", "v6"))
        self.server = Edge(self.folder, "server", "myhostname = mx.px.test\n" + MAILBOX_CF.replace("{own_domain}", domains), services)
        self.server.start(self.processes, self.hosts["server"])
        self.sendmails = {}
        try:
            if not self.no_sendmail:
                self._sendmails()
        except sendmail.Unusable as why:
            self.no_sendmail = str(why)

    def _sendmails(self):
        for door in ("sendmail", "sendmail-held"):
            place = os.path.join(self.folder, "of-" + door)
            os.mkdir(place)
            server = sendmail.Sendmail(place, os.path.join(self.build, "debs"), self.sockets[door], (SERVER["v4"], SERVER["v6"]), PORTS[door])
            server.start(self.processes, self.hosts["server"])
            self.sendmails[door] = server

    # ---- sending and finding
    def send(self, host, family, door, headers=(), helo="helo.example", direct=False):
        """Hands a message to the relay, or directly to the server. Returns its mark and what the server on the line said."""
        self.number += 1
        mark = f"mark-{self.number}"
        text = "".join(f"{name}: {value}\n" for name, value in (*headers, ("Subject", mark), ("From", "a@sender.example"))) + "\nbody\n"
        place = (SERVER[family], PORTS[door]) if direct else (RELAY[family], 25)
        with self.hosts[host].inside():
            session = smtplib.SMTP(timeout=20)
            session.connect(*place)
        try:
            session.ehlo(helo)
            code, reply = session.mail("a@sender.example")
            if code == 250:
                code, reply = session.rcpt(f"u@{domain(door, family)}")
            if code == 250:
                code, reply = session.data(text)
        finally:
            session.close()
        return mark, f"{code} {reply.decode()}"

    def _find_file(self, mark):
        for path in glob.glob(os.path.join(self.server.folder, "mail/all/new/*")):
            with open(path) as file:
                message = email.message_from_file(file)
            if message["Subject"] == mark:
                return message.items(), False
        for name in os.listdir(os.path.join(self.server.folder, "spool/hold")):
            with open(os.path.join(self.server.folder, "spool/hold", name), "rb") as file:
                if f"Subject: {mark}".encode() in file.read():
                    return [], True
        return None

    def find(self, door, mark, seconds=10):
        """(headers, held) of the message at its end, or None when it never comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.sendmails[door].find(mark) if door in self.sendmails else self._find_file(mark)
            if found:
                return found
            time.sleep(0.05)
        return None

    def stamps(self, name, door, mark, expected):
        """Exactly one X-RealIP header, with these fields."""
        found = self.find(door, mark)
        if not self.tally.check(found is not None, f"{name}: it arrives", "it did not"):
            return
        stamps = [value for header, value in found[0] if header.lower() == "x-realip"]
        fields = dict(part.split("=", 1) for part in stamps[0].replace("\n", "").split("; ")) if stamps else {}
        self.tally.equal((len(stamps), {key: fields.get(key) for key in expected}), (1, expected), name)

    def refused(self, name, door, mark, reason):
        """The relay still has it, with the server's own words; the server has nothing."""
        words = self.relay.log.wait(rf"to=<u@{domain_pattern(door)}>.*status=deferred .*451 4\.7\.1 realip {reason}", self.mark_log)
        self.tally.check(words is not None, name, f"the relay's log ends with {self.relay.log.since(self.mark_log)[-400:]!r}")
        self.tally.check(self.find(door, mark, 0.5) is None, f"{name}: the server has nothing", "it took the message")


def domain_pattern(door):
    return rf"{door}-v[46]\.test"


def forged(family):
    """What a stranger writes to look like somebody else: as if the relay had written it, too."""
    def saw(address):
        return ("Received", f"from x (unknown [{'IPv6:' if ':' in address else ''}{address}])\n\tby mx.relay.example (Postfix) with ESMTP id 1;"
                "\n\tSun, 22 Nov 2026 12:00:00 +0000")
    return [saw("198.51.100.1"), saw(RELAY[family]), saw("127.0.0.1"), ("X-RealIP", "reason=real; client=198.51.100.1; origin=session"),
            ("x-realip", "reason=internal; client=127.0.0.1"), ("Received", "nonsense")]


def rows(scene, door, family):
    tell = {"reason": "real", "client": CLIENT[family], "origin": "received", "relay": RELAY[family]}
    name = f"{door}/{family}"
    scene.mark_log = scene.relay.log.mark()
    mark, _ = scene.send("client", family, door)
    scene.stamps(f"{name}: the relay's client", door, mark, tell)
    mark, _ = scene.send("client", family, door, forged(family))
    scene.stamps(f"{name}: forged headers below", door, mark, tell)
    literal = f"[{'IPv6:2001:db8:66::1' if family == 'v6' else '198.51.100.1'}]"
    mark, _ = scene.send("client", family, door, helo=literal)
    scene.stamps(f"{name}: HELO is another address", door, mark, tell)
    mark, _ = scene.send("client", family, door, forged(family), direct=True)
    scene.stamps(f"{name}: a stranger at the server itself", door, mark,
                 {"reason": "real", "client": CLIENT[family], "origin": "session", "relay": None})
    _, reply = scene.send("node", family, door, forged(family), direct=True)
    scene.tally.check(reply.startswith("451 4.7.1 realip infrastructure:"), f"{name}: a node at the server itself", reply)
    mark, _ = scene.send("node", family, door, forged(family))
    scene.refused(f"{name}: a node in front of the relay", door, mark, "inside-asserted")
    held = "sendmail-held" if door == "sendmail" else "held"
    mark, _ = scene.send("node", family, held)
    found = scene.find(held, mark)
    scene.tally.check(found is not None and found[1], f"{name}: held where the rules say quarantine", f"{found and 'it is not held' or 'it is not there'}")
    mark, _ = scene.send("client", family, held)
    found = scene.find(held, mark)
    scene.tally.check(found is not None and not found[1], f"{name}: a real client's is not held", f"{found and 'it is' or 'it is not there'}")


def without(scene, family):
    """The other side: the server alone takes the relay for the client, and believes every header."""
    log = scene.server.log.mark()
    mark, _ = scene.send("client", family, "bare", forged(family))
    shown = scene.server.log.wait(r"client=[^\[]*\[([^\]]*)\]", log, 10)
    scene.tally.equal(shown and shown[1], RELAY[family], f"bare/{family}: the server takes the relay for the client")
    found = scene.find("bare", mark)
    stamps = [value for header, value in found[0] if header.lower() == "x-realip"] if found else []
    scene.tally.equal(len(stamps), 2, f"bare/{family}: forged X-RealIP headers stay")


def run(options, folder):
    tally = Tally()
    scene = Scene(options.build, folder, tally)
    for family in ("v4", "v6"):
        without(scene, family)
        rows(scene, "postfix", family)
        if scene.no_sendmail:
            tally.skip(f"sendmail/{family}", scene.no_sendmail)
        else:
            rows(scene, "sendmail", family)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--keep", action="store_true", help="keep the folder with all configurations and logs")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    why = None if os.geteuid() == 0 else "needs root"
    for path in (MASTER, os.path.join(options.build, "milter/realip-milter")):
        why = why or (None if os.path.exists(path) else f"{path} is absent")
    if why:
        print(f"SKIP all rows: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    status, place, why = supervise(lambda folder: run(options, folder), 150, options.keep)
    if place:
        print(f"the folder is {place}")
    if status not in (0, 1):
        print(f"the scene ended with {status}: {why}\n0 passed, 1 failed")
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main())
