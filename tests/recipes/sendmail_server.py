"""The recipe for Sendmail. It is unpacked, not installed (tests/lab/sendmail.py): Debian would take Postfix's place with it."""

import os

import hosts
import sendmail
from player import Mail, Recipe

SERVER = hosts.SERVER_OUT.v4
MC, CF = "/etc/mail/sendmail.mc", "/etc/mail/sendmail.cf"
# Debian's /etc/mail/Makefile does more; what it has here is what makes a change of sendmail.mc one of sendmail.cf.
MAKEFILE = """{cf}: {mc}
\tm4 -D_CF_DIR_={macros}/ {macros}/m4/cf.m4 $< >$@
"""


def missing(build):
    return sendmail.missing(os.path.join(build, "debs"))


def before(machine):
    """A sendmail.mc as an admin has it, nothing of mail-realip in it, and no sendmail.cf yet: Sendmail reads what the page's `make` makes."""
    folder = os.path.join(machine.folder, "mta")
    os.makedirs(folder)
    server = sendmail.Sendmail(folder, os.path.join(machine.build, "debs"), "", ("0.0.0.0", "::1"), 25)
    server.config = CF
    lines = [line for line in sendmail.CONFIG.splitlines(keepends=True) if not line.startswith("INPUT_MAIL_FILTER")]
    text = "".join(lines).replace("inet, Addr={ipv4}, Name=smtp", "inet, Addr={ipv4}, Name=MTA-v4")
    machine.write(MC, text.format(folder=server.folder, ipv4="0.0.0.0", ipv6="::1", port=25))
    machine.write("/etc/mail/Makefile", MAKEFILE.format(cf=CF, mc=MC, macros=os.path.join(server.folder, "root/usr/share/sendmail/cf")))
    machine.starters["sendmail"] = lambda: start(machine, server)


def start(machine, server):
    pid = os.path.join(server.folder, "pid")
    if os.path.exists(pid):
        os.unlink(pid)
    server.start(machine.processes, machine.mail)
    if not os.path.lexists("/var/spool/mqueue"):
        os.symlink(server.queue, "/var/spool/mqueue")
    return machine.processes.running[-1]


RECIPES = {
    "sendmail": Recipe("server", {
        "a client": Mail("client", SERVER),
        "somebody behind a gateway": Mail("node1", hosts.SERVER.v4),
        "a client, while the milter is gone": Mail("client", SERVER),
    }, before, needs=("make",), events={"the milter is gone": lambda machine: machine.stop("realip-milter")}, missing=missing),
}
