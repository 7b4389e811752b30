"""A machine for one recipe: /etc, /run and what Postfix, Dovecot and the proxies keep are folders of the test's own, laid over the machine's
in a mount namespace that ends with it. So every path and command of a page is the real one.

`systemctl`, `journalctl`, `scp` and `docker compose exec` alone are played: no systemd and no Docker run here, and all hosts have the same files. Units
that a page starts, restarts or reloads are started in its place."""

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))
import dovecot  # noqa: E402
from dovecot import CLONE_NEWNS  # noqa: E402
import postfix  # noqa: E402
from logs import Log  # noqa: E402
from sandbox import LabError, Processes, call, wait_until  # noqa: E402

CONFIG = "/etc/mail-realip/mail-realip.conf"
USER = "mail-realip"
NOBODY = 65534
OWN_DOMAIN, OTHER_DOMAIN = "example.org", "elsewhere.test"
PROGRAMS = ("policyd/realip-policyd", "milter/realip-milter", "cli/realipctl")
LAID_OVER = ("/etc", "/run", "/var/log", "/var/spool", "/var/lib/postfix", "/var/lib/dovecot", "/var/lib/haproxy", "/var/lib/nginx")

# What a mail server is told when it is set up, and nothing of mail-realip.
MAIN_CF = """compatibility_level = 3.6
myhostname = mail.example.org
mydestination =
mynetworks = {mynetworks}
inet_interfaces = all
inet_protocols = all
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
"""
# What such a set-up does not say, and without the filters that it names.
SETUP_CF = """smtpd_milters =
myhostname = mail.example.org
mydestination =
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
"""
# The test's own affair: no DNS, no mail that leaves, no waiting; an smtpd that a health check starts while Dovecot restarts dies, and is throttled.
TEST_CF = """maillog_file = /var/log/mail.log
smtpd_peername_lookup = no
disable_dns_lookups = yes
alias_maps =
alias_database =
local_recipient_maps =
virtual_transport = discard:delivered
default_transport = discard:relayed
relay_transport = discard:relayed
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
postscreen_greet_wait = 1s
in_flow_delay = 0
service_throttle_time = 1s
content_filter =
smtpd_forbid_unauth_pipelining = no
"""
SUBMISSION = """submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""
MASTER_CF = """{doors}
cleanup   unix n - y - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - y 1000? 1 tlsmgr
rewrite   unix - - y - - trivial-rewrite
bounce    unix - - y - 0 bounce
defer     unix - - y - 0 bounce
trace     unix - - y - 0 bounce
flush     unix n - y 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error     unix - - y - - error
retry     unix - - y - - error
discard   unix - - y - - discard
anvil     unix - - y - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

DOVECOT_COMMON = """listen = *, ::
log_path = /var/log/dovecot.log
info_log_path = /var/log/dovecot.log
first_valid_uid = 1
ssl = no
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
!include_try conf.d/*.conf
!include_try local.conf
"""
# What was there before: a list of users. It stands behind what a page puts into conf.d.
DOVECOT = {"2.3": "protocols = imap\ndisable_plaintext_auth = no\nmail_location = maildir:~/Maildir\n" + DOVECOT_COMMON + """passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/run/mailboxes/%n
}
""", "2.4": "dovecot_config_version = {version}\ndovecot_storage_version = {version}\nprotocols {{\n  imap = yes\n}}\nauth_allow_cleartext = yes\n"
            "mail_driver = maildir\nmail_path = ~/Maildir\n" + DOVECOT_COMMON.replace("{", "{{").replace("}", "}}") + """passdb static {{
  password = secret
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = /run/mailboxes/%{{user | username}}
  }}
}}
"""}

NGINX = """user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr warn;
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
events { worker_connections 256; }
http {
    access_log off;
    include /etc/nginx/conf.d/*.conf;
}
"""

HAPROXY = """global
    log stdout format raw local0
    maxconn 500
defaults
    log global
    mode tcp
    option tcplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""

SYSTEMCTL = """#!/bin/sh
# The test plays systemd.
request=/run/units/$$
printf '%s\\n' "$*" >"$request.new"
mv "$request.new" "$request.request"
while [ ! -e "$request.done" ]; do sleep 0.02; done
cat "$request.done" >&2
[ ! -s "$request.done" ]
"""
JOURNALCTL = """#!/bin/sh
# journalctl -u UNIT ...: all that the unit said.
cat "{folder}/$2.log"
"""
SCP = """#!/bin/sh
# scp [-r] HOST:FILE TO: each host has the same files here.
[ "$1" != -r ] || shift
cp -r "${1#*:}" "$2"
"""
DOCKER = """#!/bin/sh
# docker compose exec -T SERVICE COMMAND...: all containers of a page are this one machine.
if [ "$1 $2 $3" != "compose exec -T" ]; then
    echo "docker $*: the test can't play this" >&2
    exit 64
fi
shift 4
exec "$@"
"""
# `postfix reload` signals the number that master has where it runs; as process 1 it would be an init.
AS_CONTAINER = 'touch /run/mail-pids; mount --bind /proc/self/ns/pid /run/mail-pids; "$@"; exit $?'
IN_CONTAINER = """#!/bin/sh
exec nsenter --pid=/run/mail-pids /usr/sbin/postfix "$@"
"""
# The users of our image: Debian's own, and nobody of Postfix.
IMAGE = {"/etc/passwd": f"root:x:0:0:root:/root:/bin/bash\nnobody:x:{NOBODY}:{NOBODY}:nobody:/nonexistent:/usr/sbin/nologin\n",
         "/etc/group": f"root:x:0:\nnogroup:x:{NOBODY}:\n"}
# In a mount namespace of its own, `$1` stands at /etc/passwd and `$2` at /etc/group.
IN_IMAGE = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"'


def last_of_each(main_cf):
    """The text with the last of the entries that have one name: Postfix warns of the others in each program that it starts, and master, which starts the one that
    takes warnings down, can wait for itself."""
    entries = {}
    for line in main_cf.splitlines():
        if line[:1].isspace() and entries:
            entries[name] += line + "\n"
        elif line.strip() and not line.startswith("#"):
            name = line.split("=")[0].strip()
            entries.pop(name, None)
            entries[name] = line + "\n"
    return "".join(entries.values())


class Machine:
    """`mail`: the namespace that the mail server is in."""

    def __init__(self, folder, build, hosts, mail):
        self.folder, self.build, self.hosts, self.mail = folder, os.path.abspath(build), hosts, mail
        self.processes, self.units, self.at_boot, self.place = Processes(folder), {}, set(), {"haproxy": hosts.proxy, "nginx": hosts.proxy}
        self.pid_host = False
        self.image, self.starters = [], {}      # starters: a recipe's own units, and what starts each and returns its process
        self.environment = {"PATH": "/run/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", "HOME": "/run/home", "LC_ALL": "C.UTF-8"}
        self.dovecot = dovecot.series()
        self._lay_over()
        self._programs()
        self.log = {name: Log(path) for name, path in (("policyd", f"{folder}/realip-policyd.log"), ("milter", f"{folder}/realip-milter.log"),
                                                       ("postfix", "/var/log/mail.log"), ("dovecot", "/var/log/dovecot.log"),
                                                       ("haproxy", f"{folder}/haproxy.log"))}

    def _lay_over(self):
        call("unshare", CLONE_NEWNS)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, timeout=20)
        for path in LAID_OVER:
            if not os.path.isdir(path):
                continue
            own = self.folder + path
            os.makedirs(own)
            if path == "/etc":
                subprocess.run(["cp", "-a", "/etc/.", own], check=True, timeout=30)
            shutil.copystat(path, own)
            os.chown(own, os.stat(path).st_uid, os.stat(path).st_gid)
            subprocess.run(["mount", "--bind", own, path], check=True, timeout=20)
        for name in ("mail-realip", "postfix", "dovecot", "haproxy", "nginx"):
            shutil.rmtree("/etc/" + name, ignore_errors=True)
        for path in ("/run/bin", "/run/units", "/run/home", "/run/lock", "/var/spool/postfix", "/etc/mail-realip", "/etc/postfix", "/etc/dovecot/conf.d", "/etc/haproxy", "/etc/nginx"):
            os.makedirs(path)
        os.makedirs("/run/mailboxes")
        os.chown("/run/mailboxes", 65534, 65534)
        os.umask(0o022)

    def _programs(self):
        for program in PROGRAMS:
            path = os.path.join(self.build, program)
            if not os.path.exists(path):
                raise LabError(f"{program} is not built")
            os.symlink(path, "/run/bin/" + os.path.basename(program))
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL.format(folder=self.folder)), ("scp", SCP), ("docker", DOCKER)):
            self.write("/run/bin/" + name, text)
            os.chmod("/run/bin/" + name, 0o755)
        with open("/etc/passwd", "a") as users, open("/etc/group", "a") as groups:      # as the package's sysusers make them
            users.write(f"{USER}:x:64917:64917::/:/usr/sbin/nologin\n")
            groups.write(f"{USER}:x:64917:\n")
        for path in ("/run/mail-realip", "/var/spool/postfix/realip"):
            os.makedirs(path)
            os.chown(path, 64917, 64917)

    def containers(self, postfix, pid_host=False):
        """The mail server and mail-realip are two containers: Postfix's user has the number that the mail server's image gave it, and the other image
        has no such user. `pid_host`: as on a kernel before 6.5 with `pid: host`: Postfix has a PID namespace of its own below mail-realip's."""
        self.pid_host = pid_host
        if pid_host:
            self.environment["REALIP_TEST_NO_PEERPIDFD"] = "1"
        with open("/etc/passwd", encoding="utf-8") as file:
            users = [line.split(":") for line in file.read().splitlines()]
        old = next(user[2] for user in users if user[0] == "postfix")
        for user in users:      # who has the number already takes Postfix's: no two users may share one
            if user[0] == "postfix" or user[2] == str(postfix):
                user[2] = str(postfix) if user[0] == "postfix" else old
        with open("/etc/passwd", "w", encoding="utf-8") as file:
            file.writelines(":".join(user) + "\n" for user in users)
        names = []
        for path, text in IMAGE.items():
            names.append(f"{self.folder}/image-{os.path.basename(path)}")
            self.write(names[-1], text)
        self.image = ["unshare", "--mount", "sh", "-euc", IN_IMAGE, "sh", *names]

    # ---- the mail server, as it is before a page begins --------------------------------------------------------------
    def write(self, path, text, add=False):
        path = os.path.join("/run/home", path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a" if add else "w") as file:
            file.write(text)

    def start_setup(self, name):
        """Postfix as a set-up that the doctor's tests have written down."""
        folder = os.path.join(ROOT, "tests", "doctor", "setups", name)
        texts = []
        for part in ("main.cf", "master.cf"):
            with open(os.path.join(folder, part), encoding="utf-8") as file:
                texts.append(file.read())
        self.start_postfix(texts[1], texts[0] + SETUP_CF)

    def start_postfix(self, doors="smtp inet n - y - - smtpd\n" + SUBMISSION, main_cf=None, mynetworks="127.0.0.0/8 [::1]/128"):
        """`doors`: the services of master.cf that listen to clients."""
        self.write("/etc/postfix/main.cf", last_of_each((main_cf or MAIN_CF.format(mynetworks=mynetworks)) + TEST_CF))
        self.write("/etc/postfix/master.cf", MASTER_CF.format(doors=doors.strip()))
        self._queue()
        apart = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-euc", AS_CONTAINER, "sh"] if self.pid_host else []
        if apart:
            self.write("/run/bin/postfix", IN_CONTAINER)
            os.chmod("/run/bin/postfix", 0o755)
        self.processes.start("postfix-master", [*apart, postfix.MASTER, "-d"], self.mail, self.environment)
        wait_until(lambda: "daemon started" in self.log["postfix"].since(), 15, "Postfix starts", self.processes)

    @staticmethod
    def _queue():
        user, group, drop = pwd.getpwnam("postfix").pw_uid, pwd.getpwnam("postfix").pw_gid, grp.getgrnam("postdrop").gr_gid
        os.chown("/var/lib/postfix", user, group)
        os.mkdir("/var/spool/postfix/pid")
        for name, mode, owner in [(name, 0o700, group) for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
                                                                    "private", "saved", "trace")] + [("maildrop", 0o730, drop), ("public", 0o710, drop)]:
            path = "/var/spool/postfix/" + name
            os.mkdir(path)
            os.chown(path, user, owner)
            os.chmod(path, mode)

    def start_dovecot(self):
        """False where there is none."""
        if not self.dovecot:
            return False
        dovecot.show_modules(self.build, self.folder)       # a recipe that needs them is skipped where there are none
        text = DOVECOT[self.dovecot]
        self.write("/etc/dovecot/dovecot.conf", text.format(version=dovecot.version()) if self.dovecot != "2.3" else text)
        self._start_unit("dovecot")
        return True

    def start_realip(self):
        """With the configuration of the Debian package."""
        with open(os.path.join(ROOT, "debian", "mail-realip.conf"), encoding="utf-8") as file:
            self.write(CONFIG, file.read())
        self._start_unit("realip-policyd")

    def haproxy(self):
        """As Debian has it: what is global, and no proxy yet."""
        self.write("/etc/haproxy/haproxy.cfg", HAPROXY)

    def nginx(self):
        """Debian's, with its mail module."""
        self.write("/etc/nginx/nginx.conf", NGINX)

    # ---- systemctl ---------------------------------------------------------------------------------------------------
    def _start_unit(self, unit):
        if unit in self.starters:
            self.units[unit] = self.starters[unit]()
            return
        argv, host, ready = {
            "realip-policyd": ([*self.image, *self._identity(), "/run/bin/realip-policyd"], self.mail, ("policyd", "ready")),
            "realip-milter": (["/run/bin/realip-milter"], self.mail, ("milter", "ready")),
            "dovecot": ([dovecot.BINARY, "-F"], self.mail, ("dovecot", "starting up")),
            "haproxy": (["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"], self.place["haproxy"], None),
            "nginx": (["nginx", "-g", "daemon off;"], self.place["nginx"], None),
        }[unit]
        mark = self.mark()
        self.units[unit] = self.processes.start(unit, argv, host, self.environment)
        if ready:
            log, word = ready
            wait_until(lambda: word in self.log[log].since(mark[log]), 10, f"{unit} starts", self.processes)
        else:
            time.sleep(0.3)
            self.processes.check()

    @staticmethod
    def _identity():
        """A container says itself as whom it runs (65534), and with which capability."""
        if not os.path.exists(CONFIG):
            return []
        with open(CONFIG, encoding="utf-8") as file:
            if re.search(r"^user = ", file.read(), re.MULTILINE):
                return []
        for path in ("/run/mail-realip", "/var/spool/postfix/realip"):
            os.chown(path, NOBODY, NOBODY)
        return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--bounding-set=-all,+sys_ptrace", "--inh-caps=-all,+sys_ptrace",
                "--ambient-caps=-all,+sys_ptrace"]

    def boot(self, *hosts):
        """What the firewall of these hosts is after a start: that of /etc/nftables.conf, if the page had it loaded at boot."""
        for host in hosts:
            host.nft("flush ruleset\n")
            if "nftables" in self.at_boot:
                self.shell("nft -f /etc/nftables.conf", host)
        for service in list(self.hosts.services.values()):
            self.hosts.apply(service)

    def stop(self, unit):
        """It is gone, as when it crashed."""
        self._stop_unit(unit)

    def start(self, unit):
        """It is there again."""
        self._start_unit(unit)

    def _stop_unit(self, unit):
        process = self.units.pop(unit, None)
        if process:
            self.processes.running.remove(process)
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:       # the lab's children ignore what its first process does
                process.kill()
                process.wait(5)

    def _serve(self, words):
        """What is said on standard error; nothing when it went well."""
        verb, *units = [word for word in words if not word.startswith("-")]
        for unit in (unit.removesuffix(".service").removesuffix(".socket") for unit in units):
            if verb == "reload" and unit == "postfix":
                subprocess.run(["postfix", "reload"], check=False, env=self.environment, timeout=20)
            elif verb == "reload" and unit == "dovecot":
                subprocess.run(["doveadm", "reload"], check=False, env=self.environment, timeout=20)
            elif (verb, unit) == ("enable", "nftables"):
                self.at_boot.add(unit)
            elif verb in ("restart", "reload", "start", "enable"):
                self._stop_unit(unit)
                if unit != "realip-milter" or verb != "enable":
                    self._start_unit(unit)
            else:
                return f"systemctl {verb}: the test can't play this\n"
        return ""

    def shell(self, text, host):
        """Runs a block of the page; (what it printed, status)."""
        output = os.path.join(self.folder, "output")
        with open(output, "wb") as sink, host.inside():
            child = subprocess.Popen(["bash", "-euo", "pipefail", "-c", text], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=self.environment,
                                     cwd="/run/home", start_new_session=True)
        end = time.monotonic() + 30
        while child.poll() is None and time.monotonic() < end:
            for name in os.listdir("/run/units"):
                if name.endswith(".request"):
                    self._answer("/run/units/" + name)
            time.sleep(0.01)
        if child.poll() is None:
            child.kill()
            child.wait()
        with open(output, encoding="utf-8", errors="replace") as file:
            return file.read(), child.returncode

    def _answer(self, request):
        with open(request, encoding="utf-8") as file:
            words = file.read().split()
        os.unlink(request)
        answer = request.removesuffix("request") + "done"
        with open(answer + ".new", "w") as file:
            file.write(self._serve(words))
        os.rename(answer + ".new", answer)

    # ---- logs --------------------------------------------------------------------------------------------------------
    def mark(self):
        return {name: log.mark() for name, log in self.log.items()}

    def logged(self, expression, mark, seconds=5):
        """The first line in any log since the mark that the expression matches, or None."""
        wanted, end = re.compile(expression), time.monotonic() + seconds
        while True:
            for name, log in self.log.items():
                for line in log.since(mark[name]).splitlines():
                    if wanted.search(line):
                        return line
            if time.monotonic() > end:
                return None
            time.sleep(0.02)

    def news(self, mark):
        """All that was logged since, for whoever reads of a failure."""
        return [f"{name}: {line}" for name, log in self.log.items() for line in log.since(mark[name]).splitlines()]

    def await_rules(self, before):
        """Waits until a change of mail-realip.conf is in force, if there was one; what is wrong with it, or None."""
        if not os.path.exists(CONFIG) or self.rules() == before:
            return None
        with open(CONFIG, encoding="utf-8") as file:
            daemon = "policyd" if re.search(r"^policyd \{", file.read(), re.MULTILINE) else "milter"
        if f"realip-{daemon}" not in self.units:
            self._start_unit(f"realip-{daemon}")
            return None
        mark = self.log[daemon].mark()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            text = self.log[daemon].since(mark)
            if "old rules stay" in text:
                return text
            if "new rules are in force" in text:
                return None
            time.sleep(0.02)
        return None         # rules that are as they were say nothing

    @staticmethod
    def rules():
        """mail-realip.conf and the files beside it."""
        found = []
        for folder, _, names in sorted(os.walk("/etc/mail-realip")):
            for name in sorted(names):
                with open(os.path.join(folder, name), "rb") as file:
                    found.append((name, file.read()))
        return found
