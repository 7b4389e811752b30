"""The recipe for Sendmail. It is unpacked, not installed (tests/lab/sendmail.py): Debian would take Postfix's place with it."""

import os

import hosts
import sendmail
from player import Mail, Recipe

MC = "/etc/mail/sendmail.mc"
SERVER = hosts.SERVER_OUT.v4


def missing(build):
    return sendmail.missing(os.path.join(build, "debs"))


def nothing_yet(machine):
    machine.write(MC, "")


def start(machine):
    """With the lines that the page has put into sendmail.mc, in place of the lab's own."""
    process = machine.units.pop("sendmail", None)
    if process:
        machine.processes.running.remove(process)
        process.kill()
        process.wait(5)
    with open(MC, encoding="utf-8") as file:
        ours = file.read()
    lines = [line for line in sendmail.CONFIG.splitlines(keepends=True) if not line.startswith("INPUT_MAIL_FILTER")]
    text = "".join(lines).replace("MAILER(", ours + "MAILER(").replace("inet, Addr={ipv4}, Name=smtp", "inet, Addr={ipv4}, Name=MTA-v4")
    original, sendmail.CONFIG = sendmail.CONFIG, text
    folder = os.path.join(machine.folder, f"mta{len(machine.processes.running)}-{bool(process)}")
    os.makedirs(folder)
    try:
        server = sendmail.Sendmail(folder, os.path.join(machine.build, "debs"), "", ("0.0.0.0", "::1"), 25)
    finally:
        sendmail.CONFIG = original
    server.start(machine.processes, machine.mail)
    machine.units["sendmail"] = machine.processes.running[-1]
    if not os.path.lexists("/var/spool/mqueue"):
        os.symlink(server.queue, "/var/spool/mqueue")


RECIPES = {
    "sendmail": Recipe("server", {
        "a client": Mail("client", SERVER),
        "somebody behind a gateway": Mail("node1", hosts.SERVER.v4),
    }, nothing_yet, events={"Sendmail starts with it": start, "Sendmail starts again": start}, missing=missing),
}
