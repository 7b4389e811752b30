#!/usr/bin/python3
"""mail-realip's lab: real mail servers, proxies and kube-proxy's tricks on one machine. See README.md beside this file."""

import sys

sys.dont_write_bytecode = True      # the source folder stays as it is

import argparse
import fnmatch
import os
import pwd
import shutil
import time
import traceback

import catalogue
import dovecot
import haproxy
import net
import nginx
import plan
import postfix
import programs
import realip
import sandbox
from report import Report
from steps import Seen

HERE = os.path.dirname(os.path.abspath(__file__))
WHOLE_RUN_SECONDS = 240
KEPT = "configurations and logs are in"


def arguments():
    parser = argparse.ArgumentParser(description="Builds hosts from network namespaces and judges real mail sessions.")
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"), help="the folder that mail-realip was built in")
    parser.add_argument("--installed", action="store_const", dest="build", const=None, help="test what the packages have installed, not a build")
    parser.add_argument("--scenes", help="only these scenes, as 2,5b")
    parser.add_argument("--rows", help="only rows that match this pattern, as '2/*/v4/*'")
    parser.add_argument("--size", choices=tuple(catalogue.SIZES), default="quick", help="how many sessions the crowds of scenes 7, 11, 14 and fault have")
    parser.add_argument("--crowds", action="store_true", help="only the rows that --size changes")
    parser.add_argument("--dovecot", action="store_true", help="only the rows of Dovecot's doors, and all of them")
    parser.add_argument("--demo", action="store_true", help="a table for people")
    parser.add_argument("--keep", action="store_true", help="keep the folder with configurations and logs")
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument("--impostor", choices=("dunno", "defer"), help="put servers that look at nothing in mail-realip's place")
    parser.add_argument("--attested", default="policyd", help="guards that know the true TCP peer, as policyd,dovecot (changes scene 4)")
    return parser.parse_args()


def chosen_rows(options):
    rows = list(catalogue.rows(options.attested.split(","), options.size))
    if options.scenes:
        wanted = options.scenes.split(",")
        for scene in wanted:
            if scene not in catalogue.TITLES:
                sys.exit(f"there is no scene {scene}; there are {', '.join(catalogue.TITLES)}")
        rows = [row for row in rows if row.scene in wanted]
    if options.rows:
        rows = [row for row in rows if fnmatch.fnmatchcase(row.id, options.rows)]
    if options.dovecot:
        rows = [row for row in rows if row.guard == "dovecot"]
    elif not options.scenes and not options.rows:
        rows = [row for row in rows if not row.whole]
    if options.demo:        # what only the whole check installs is not shown
        rows = [row for row in rows if not row.needs_promtool]
    if options.crowds:
        rows = [row for row in rows if row.crowd]
    if not rows:
        sys.exit("no row matches; --list shows them all")
    return rows


def missing_prerequisite():
    """Why no row at all can run here, or None."""
    if os.geteuid() != 0:
        return "the lab makes network namespaces: run it as root"
    for program in ("ip", "nft", "haproxy", "openssl", "unshare", "setpriv", postfix.MASTER):
        if not shutil.which(program):
            return f"{os.path.basename(program)} is not installed"
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        return "Postfix is not installed completely: there is no user postfix"
    return None


class Lab:
    """Everything that runs, for the steps to use."""

    def __init__(self, folder, options, report):
        self.folder, self.options, self.report = folder, options, report
        self.impostor, self.tags, self.dovecots, self.tried = options.impostor, 0, {}, {}
        self.processes = sandbox.Processes(folder)

    def next_tag(self):
        """A name that no other session has: senders, recipients and users are found by it in logs and queues."""
        self.tags += 1
        return f"row{self.tags}x"

    def build(self, rows):
        self.report.progress("laying cables between twelve hosts")
        self.network = net.Network()
        self.report.progress("starting mail-realip, Postfix, Dovecot and HAProxy")
        self.postfix = postfix.Postfix(self.folder)
        build = self.options.build and os.path.abspath(self.options.build)
        self.realip = realip.Realip(build, self.folder, self.postfix.sockets, self.impostor,
                                    catalogue.SIZES[self.options.size].window)
        self.dovecot_missing = self.plugin_missing = None
        if any(row.needs_dovecot() for row in rows):
            self._dovecots()
        self.realip.start(self.processes, self.network.pod)
        self.postfix.start(self.processes, self.network.pod)
        self.haproxy = haproxy.HAProxy(self.folder)
        self.haproxy.start(self.processes, self.network)
        self.nginx_missing = nginx.why_not()
        if not self.nginx_missing:
            nginx.start(self.folder, self.processes, self.network)
        for instance in self.dovecots.values():
            instance.wait()
        if any(row.scene == "5b" for row in rows):
            self.haproxy.wait_for_checks()

    def _dovecots(self):
        """Starts all instances that can be; what can't says why."""
        self.dovecot_missing = self.plugin_missing = dovecot.why_not()
        if self.dovecot_missing:
            return
        if not self.impostor and not dovecot.show_modules(self.options.build, self.folder):
            self.plugin_missing = f"the Dovecot modules are {programs.absent(self.options.build)}"
        for name, instance in plan.DOVECOT_INSTANCES.items():
            if not instance.modules or not self.plugin_missing:
                self.dovecots[name] = self._dovecot(name, instance)
                self.dovecots[name].start(self.processes, self.network.pod)

    def _dovecot(self, name, instance):
        config = None
        if instance.modules and not self.impostor:
            config = self.realip.write(f"{name}.conf", realip.dovecot_config(name))
        return dovecot.Dovecot(self.folder, name, self.postfix, config, nobody=bool(instance.modules) and self.impostor == "defer")

    def why_skip(self, row):
        if row.family == "v6" and not self.network.has_ipv6:
            return "this kernel has no IPv6"
        if row.guard == "dovecot":
            return self.plugin_missing
        if row.needs_dovecot() and self.dovecot_missing:
            return self.dovecot_missing
        if row.needs_nginx and self.nginx_missing:
            return self.nginx_missing
        if row.needs_promtool and not shutil.which("promtool"):
            return "promtool is not installed (Debian package prometheus)"
        if row.guard == "postfix" and postfix.version() != "3.7":
            return f"is known of Postfix 3.7, this is {postfix.version()}"
        return self.realip.missing.get(row.guard)

    def run(self, row):
        why = self.why_skip(row)
        if why:
            self.report.skip(row, why)
            return
        sides = [[self._step(step) for step in steps] for steps in (row.without, row.with_it)]
        self.report.row(row, *sides)
        if any(seen.problems for side in sides for seen in side):
            self._note(row, sides)

    def _step(self, step):
        try:
            return step.run(self)
        except Exception as error:          # one row's trouble is not the others'
            return Seen(problems=[f"{type(step).__name__}: {error!r}"], transcript=traceback.format_exc().splitlines())

    def _note(self, row, sides):
        """What was said in a failed row, for whoever reads the logs afterwards."""
        with open(os.path.join(self.folder, "transcripts.log"), "a") as notes:
            for name, steps in zip(("without", "with"), sides):
                for seen in steps:
                    notes.write(f"== {row.id} {name}: {seen.problems}\n" + "\n".join(seen.transcript) + "\n")


def run_all(folder, options, rows):
    report = Report(options.demo)
    started = time.monotonic()
    lab = Lab(folder, options, report)
    try:
        lab.build(rows)
        report.progress(f"ready after {time.monotonic() - started:.1f} s; {len(rows)} rows to go")
        for row in rows:
            lab.run(row)
            lab.processes.check()
    except sandbox.LabError as error:
        report.broken(error)
    report.progress(f"{time.monotonic() - started:.1f} s in all")
    if options.keep or report.count["FAIL"]:
        print(f"{KEPT} {folder}")       # the count is the last line, always
    return report.close()


def main():
    options = arguments()
    rows = chosen_rows(options)
    if options.list:
        print("\n".join(row.id for row in rows))
        return 0
    why = missing_prerequisite()
    if why:
        report = Report(options.demo)
        for row in rows:
            report.skip(row, why)
        return report.close()
    try:
        status, folder, why = sandbox.supervise(lambda folder: run_all(folder, options, rows), WHOLE_RUN_SECONDS, options.keep)
    except sandbox.LabError as error:
        status, folder, why = 3, None, str(error)
    if status not in (0, 1):
        if folder:
            print(f"{KEPT} {folder}")
        print(f"FAIL lab {why}\n0 passed, 1 failed")
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main())
