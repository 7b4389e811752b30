"""A private Sendmail of Debian's packages, unpacked and not installed: as a package it would take Postfix's place.

It queues what it accepts and delivers nothing; the queue files show each header, and what is held."""

import glob
import os
import re
import subprocess

from sandbox import LabError, wait_until

PACKAGES = ("sendmail-bin", "sendmail-cf")      # others beside them are libraries that this machine does not have


class Unusable(Exception):
    """It can't run here; the text says why."""


CONFIG = """divert(0)dnl
OSTYPE(`linux')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`ALIAS_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`confDOMAIN_NAME', `sm.px.test')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupWritableDirPathSafe')dnl
define(`confTO_IDENT', `0s')dnl
define(`confMAX_RUNNERS_PER_QUEUE', `0')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Port={port}, Family=inet, Addr={ipv4}, Name=smtp')dnl
DAEMON_OPTIONS(`Port={port}, Family=inet6, Addr={ipv6}, Name=smtp')dnl
INPUT_MAIL_FILTER(`realip', `S=unix:{socket}, F=T, T=C:10s;S:5s;R:5s;E:10s')dnl
MAILER(`smtp')dnl
"""


def missing(packages):
    """Why it can't run here, or None. `packages` is the folder of the .deb files."""
    for name in PACKAGES:
        if not glob.glob(os.path.join(packages, name + "_*.deb")):
            return f"{name}'s .deb is not in {packages} (quickstart check fetches it)"
    return None if os.path.exists("/usr/bin/m4") else "m4 is not installed"


class Sendmail:
    def __init__(self, folder, packages, socket, addresses, port):
        self.folder = os.path.join(folder, "sendmail")
        self.queue = os.path.join(self.folder, "queue")
        for path in (self.folder, self.queue):
            os.mkdir(path, 0o700)
        for package in sorted(glob.glob(os.path.join(packages, "*.deb"))):
            subprocess.run(["dpkg-deb", "-x", package, os.path.join(self.folder, "root")], check=True, timeout=30)
        self.program = os.path.join(self.folder, "root/usr/libexec/sendmail/sendmail")
        os.chmod(self.program, 0o755)       # with its group's bit it would take no library from here
        self.env = os.environ | {"LD_LIBRARY_PATH": ":".join(glob.glob(os.path.join(self.folder, "root/usr/lib/*-linux-*")))}
        libraries = subprocess.run(["ldd", self.program], env=self.env, capture_output=True, text=True, timeout=20)
        absent = re.findall(r"(\S+) => not found", libraries.stdout)
        if absent or libraries.returncode:
            raise Unusable(f"Sendmail's libraries are not here: {', '.join(absent) or libraries.stderr.strip()}")
        with open(os.path.join(self.folder, "service.switch"), "w") as file:
            file.write("hosts files\naliases files\n")
        self._write_config(CONFIG.format(folder=self.folder, socket=socket, ipv4=addresses[0], ipv6=addresses[1], port=port))

    def _write_config(self, text):
        cf = os.path.join(self.folder, "root/usr/share/sendmail/cf") + "/"
        done = subprocess.run(["m4", f"-D_CF_DIR_={cf}", cf + "m4/cf.m4", "-"], input=text, text=True, capture_output=True, timeout=30)
        if done.returncode:
            raise LabError(f"m4 on Sendmail's configuration: {done.stderr.strip()[-300:]}")
        self.config = os.path.join(self.folder, "sendmail.cf")
        with open(self.config, "w") as file:
            file.write(done.stdout)

    def start(self, processes, host):
        # A host name without a dot would make it sleep for a minute.
        command = f"hostname sm.px.test && exec {self.program} -C {self.config} -bD"
        processes.start("sendmail", ["unshare", "--uts", "sh", "-c", command], host, self.env)
        wait_until(lambda: os.path.exists(os.path.join(self.folder, "pid")), 15, "Sendmail starts", processes)

    def find(self, mark):
        """(headers as a list of (name, value), True when it is held) of the queued message whose subject holds the mark, or None."""
        for path in glob.glob(os.path.join(self.queue, "[qh]f*")):
            with open(path, errors="replace") as file:
                text = file.read()
            if f"Subject: {mark}\n" in text:
                return _headers(text), os.path.basename(path).startswith("hf")
        return None


def _headers(text):
    """Of a queue file: `H?flags?Name: value`, and continuation lines that begin with white space."""
    found = []
    for line in text.splitlines():
        header = re.match(r"H(?:\?[^?]*\?)?([!-9;-~]+):[ \t]*(.*)", line)
        if header:
            found.append([header[1], header[2]])
        elif line[:1] in (" ", "\t") and found:
            found[-1][1] += "\n" + line
    return [(name, value) for name, value in found]
