"""A private Dovecot with our modules, and clients that speak to it line by line. Dovecot's configuration by version
stands here alone.

Dovecot looks for auth and settings modules in one folder that is compiled in: main() runs the tests in a mount
namespace of their own, in which that folder is a copy with ours added."""

import base64
import contextlib
import hmac
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from log_file import read_lines  # noqa: E402

DOVECOT, DOVEADM, MODULES = "/usr/sbin/dovecot", "/usr/bin/doveadm", "/usr/lib/dovecot/modules"
MAIL_USER = 65534
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
OURS = {"login": "login/lib10_login_realip_plugin.so", "auth": "auth/libauthdb_realip.so", "mail": "lib10_realip_plugin.so",
        "settings": "settings/librealip_settings.so", "text": "realip/librealip_text.so",
        "judge": "realip/librealip_mail.so"}

# What each peer is: proxies are believed by Dovecot and by us, doubtful ones by Dovecot alone; speakers may use ID and
# XCLIENT, boasters may so for Dovecot and not for us. All of them are addresses of this host.
PROXY, DOUBTFUL, SPEAKER, BOASTER, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.5", "127.0.0.6", "127.0.0.9"
NODE_PEER, PROBER, OTHER_PROXY = "127.0.0.13", "127.0.0.14", "198.51.100.99"
NODE, CLIENT, NODE6, CLIENT6 = "10.0.20.13", "203.0.113.7", "fd00:10::13", "2001:db8:1::7"
# On purpose in infrastructure: a local client that is listed nowhere is an internal one.
NETWORKS = f"""networks infrastructure {{ cidr = {{ "10.0.20.0/24", "fd00:10::/64", "{NODE_PEER}", "{PROBER}", "{PROXY}", "{SPEAKER}" }} }}
networks proxies {{ cidr = {{ "{PROXY}", "{SPEAKER}", "{OTHER_PROXY}" }} }}
networks probers {{ cidr = {{ "{PROBER}" }} }}
"""
ENFORCE = "mode = enforce\nlog-passes = true\n" + NETWORKS
MONITOR = "mode = monitor\nlog-passes = true\n" + NETWORKS

COMMON = """listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
info_log_path = {folder}/log
first_valid_uid = 1
haproxy_trusted_networks = {haproxy}
login_trusted_networks = {trusted}
imap_hibernate_timeout = {hibernate} secs
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
hostname = mx.test
auth_failure_delay = 0
mail_max_userip_connections = 1000
ssl = yes
service auth {{
  unix_listener postfix-auth {{
    mode = 0666
  }}
}}
service imap {{
  unix_listener imap-master {{
    mode = 0666
  }}
  {imap_service}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
{services}
"""

CONFIG_2_3 = """protocols = imap pop3 lmtp submission sieve
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 anonymous
mail_location = maildir:~/Maildir
import_environment = TZ REALIP_CONFIG={rules} REALIP_RULES={compiled}{mode_2_3}
ssl_cert = <{folder}/cert
ssl_key = <{folder}/key
{passdb_2_3}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/home/%u
}}
{mail_2_3}
{login_2_3}
metric realip_verdict {{
  filter = event=realip_verdict
  group_by = verdict action hook
}}
""" + COMMON

CONFIG_2_4 = """dovecot_config_version = {version}
dovecot_storage_version = {version}
protocols {{
  imap = yes
  pop3 = yes
  lmtp = yes
  submission = yes
  sieve = yes
}}
auth_allow_cleartext = yes
auth_allow_weak_schemes = yes
auth_mechanisms {{
  plain = yes
  login = yes
  cram-md5 = yes
  anonymous = yes
}}
mail_driver = maildir
mail_path = ~/Maildir
{ours_2_4}
ssl_server_cert_file = {folder}/cert
ssl_server_key_file = {folder}/key
{passdb_2_4}
passdb static {{
  password = secret
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {uid}
    home = {folder}/home/%{{user}}
  }}
}}
sieve_script personal {{
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}
{mail_2_4}
{login_2_4}
metric realip_verdict {{
  filter = event=realip_verdict
  group_by verdict {{
  }}
  group_by action {{
  }}
  group_by hook {{
  }}
}}
""" + COMMON

class Skip(Exception):
    """Something that a case needs is not on this machine."""


CASES = []
GIVEN_PORTS = set()
FOLDER = BUILD = None


def case(function):
    CASES.append(function)
    return function


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def same(found, expected, what):
    check(found == expected, f"{what}: {found!r}, expected {expected!r}")


def version():
    return subprocess.run([DOVECOT, "--version"], capture_output=True, text=True, timeout=20).stdout.split()[0]


def is_2_4():
    return version().startswith("2.4.")


def free_port():
    """Below those that the kernel gives to clients, whose connections would take it before Dovecot listens."""
    while True:
        port = random.randrange(10000, 30000)
        if port in GIVEN_PORTS:
            continue
        GIVEN_PORTS.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Relay(socketserver.ThreadingTCPServer):
    """The mail server behind Dovecot's submission: greets and agrees to everything."""

    allow_reuse_address = daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(ConnectionError):
                self.wfile.write(b"220 relay.test ESMTP\r\n")
                for line in self.rfile:
                    self.wfile.write(b"221 bye\r\n" if line[:4].upper() == b"QUIT" else b"250 fine\r\n")

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def make_certificate():
    """One for all instances of a run."""
    if not os.path.exists(os.path.join(FOLDER, "cert")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=mx.test", "-days", "2", "-keyout", os.path.join(FOLDER, "key"), "-out",
                        os.path.join(FOLDER, "cert")], check=True, capture_output=True, timeout=30)


class Dovecot:
    """One private instance; `rules` is mail-realip.conf's text, None: there is no such file. modules: which of ours it
    loads. processes: "fresh" for one login process a connection, "kept" for one that lives on. metrics: whether Dovecot
    counts our events."""

    def __init__(self, rules, mode=None, modules=("login", "auth", "mail"), processes="fresh", hibernate=0,
                 haproxy=f"{PROXY} {DOUBTFUL}", trusted=f"{SPEAKER} {BOASTER}", imap_service="", extra="", compiled=None,
                 valgrind=False, metrics=True):
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        os.chmod(self.folder, 0o755)
        self.valgrind = valgrind
        self.rules = os.path.join(self.folder, "mail-realip.conf")
        self.config = os.path.join(self.folder, "dovecot.conf")
        self.compiled = compiled if compiled is not None else os.path.join(self.folder, "no-such-folder", "rules")
        self.ports = {name: free_port() for protocol in PROTOCOLS for name in (protocol, protocol + "_proxied", protocol + "_tls")}
        make_certificate()
        for name in ("cert", "key"):
            shutil.copy(os.path.join(FOLDER, name), self.folder)
        os.makedirs(os.path.join(self.folder, "home"))
        os.chown(os.path.join(self.folder, "home"), MAIL_USER, MAIL_USER)
        if rules is not None:
            self.write(rules)
        self.relay = Relay()
        text = self.text(mode, modules, processes, hibernate, haproxy, trusted, imap_service)
        if not metrics:
            text = re.sub(r"^metric realip_verdict \{.*?^\}\n", "", text, flags=re.M | re.S)
        with open(self.config, "w") as file:
            file.write(text + extra + "\n")

    def text(self, mode, modules, processes, hibernate, haproxy, trusted, imap_service):
        new = is_2_4()
        services = "".join(self.login_service(protocol, processes, new) for protocol in PROTOCOLS)
        services += f"service auth {{\n{self.executable('auth')}}}\n"
        ours = f"realip_config = {self.rules}\nrealip_rules = {self.compiled}\n" + (f"realip_mode = {mode}\n" if mode else "")
        return (CONFIG_2_4 if new else CONFIG_2_3).format(
            folder=self.folder, version=version().split("-")[0], uid=MAIL_USER, rules=self.rules, compiled=self.compiled,
            haproxy=haproxy, trusted=trusted, hibernate=hibernate, relay=self.relay.server_address[1], services=services,
            imap_service=imap_service, ours_2_4=ours if set(modules) & set(OURS) else "",
            mode_2_3=f" REALIP_MODE={mode}" if mode else "",
            passdb_2_3="passdb {\n  driver = realip\n}" if "auth" in modules else "",
            passdb_2_4="passdb realip {\n  driver = realip\n}" if "auth" in modules else "",
            mail_2_3="mail_plugins = realip" if "mail" in modules else "",
            mail_2_4="mail_plugins {\n  realip = yes\n}" if "mail" in modules else "",
            login_2_3="login_plugins = login_realip" if "login" in modules else "",
            login_2_4="login_plugins {\n  login_realip = yes\n}" if "login" in modules else "")

    def login_service(self, protocol, processes, new):
        """Listeners: PROTOCOL as is, PROTOCOL_proxied with PROXY headers, PROTOCOL_tls with headers and TLS at once."""
        own = {"imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s"), "submission": ("submission", "submissions"),
               "sieve": ("sieve", None)}[protocol]
        name = "managesieve-login" if protocol == "sieve" else protocol + "-login"
        limits = {"fresh": "", "kept": "process_min_avail = 1\n  client_limit = 500\n  "}[processes]
        count = {"fresh": 1, "kept": 0}[processes]
        if new:
            limits += f"restart_request_count = {count if count else 'unlimited'}"
        else:
            limits += f"service_count = {count}"
        limits += "\n" + self.executable(name)
        off = f"  inet_listener {own[1]} {{\n    port = 0\n  }}\n" if own[1] else ""
        # of a process in a chroot nobody sees what it counted
        chroot = "" if os.environ.get("REALIP_TEST_COVERAGE") else "login"
        return (f"service {name} {{\n  {limits}\n  chroot = {chroot}\n  inet_listener {own[0]} {{\n    port = {self.ports[protocol]}\n  }}\n{off}"
                f"  inet_listener {protocol}_proxied {{\n    port = {self.ports[protocol + '_proxied']}\n    haproxy = yes\n  }}\n"
                f"  inet_listener {protocol}_tls {{\n    port = {self.ports[protocol + '_tls']}\n    haproxy = yes\n    ssl = yes\n  }}\n}}\n")

    def executable(self, name):
        if not self.valgrind:
            return ""
        return (f"  executable = /usr/bin/valgrind --quiet --leak-check=full --show-leak-kinds=definite --num-callers=40 --keep-debuginfo=yes --vgdb=no "
                f"--log-file={self.folder}/valgrind.{name}.%p /usr/lib/dovecot/{name}\n  vsz_limit = 4 G\n")

    def write(self, rules):
        with open(self.rules + ".new", "w") as file:
            file.write(rules)
        os.rename(self.rules + ".new", self.rules)

    def __enter__(self):
        self.process = subprocess.Popen([DOVECOT, "-F", "-c", self.config], stdin=subprocess.DEVNULL)
        try:
            self.wait_log("starting up")
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.relay.shutdown()
        self.relay.server_close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return read_lines(os.path.join(self.folder, "log")).decode(errors="replace")

    def wait_log(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.log()):
            check(time.monotonic() < end, f"the log never said {pattern}:\n{self.log()}")
            check(self.process.poll() is None, f"Dovecot ended:\n{self.log()}")
            time.sleep(0.02)

    def verdicts(self, source=None):
        """The fields of each verdict's line in the log, in order."""
        found = []
        for line in re.findall(r"^.* realip source=.*$", self.log(), re.M):
            fields = dict(re.findall(r" ([a-z]+)=(\S+)", line))
            fields["level"] = "warning" if " Warning: " in line else "info" if " Info: " in line else "?"
            fields["line"] = line
            if source in (None, fields["source"]):
                found.append(fields)
        return found

    def verdict(self, user, source="dovecot-mail"):
        """The one verdict of a source about this user."""
        self.wait_log(rf"realip source={source} .* user={re.escape(user)}\n")
        found = [fields for fields in self.verdicts(source) if fields["user"] == user]
        check(len(found) == 1, f"{len(found)} lines about {user}: {found}")
        return found[0]

    def crashes(self):
        return re.findall(r"^.*(?:Panic|Fatal: master|killed with signal|Segmentation|core dumped|leaked).*$", self.log(), re.M)

    def children(self):
        return subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True,
                              timeout=10).stdout

    def wait_process(self, name):
        """Until one of Dovecot's processes is `name`."""
        end = time.monotonic() + 10
        while f"dovecot/{name}" not in self.children():
            check(time.monotonic() < end, f"there is no {name}:\n{self.children()}")
            time.sleep(0.2)

    def doveadm(self, *arguments):
        return subprocess.run([DOVEADM, "-c", self.config, *arguments], capture_output=True, text=True, timeout=20)

    def counts(self, wanted, seconds=10):
        """Dovecot's own count of our events, by verdict_action_hook, when it is `wanted` or the time is over."""
        found, end = {}, time.monotonic() + seconds
        while found != wanted and time.monotonic() < end:
            lines = self.doveadm("stats", "dump").stdout
            found = {name: int(count) for name, count in re.findall(r"^realip_verdict_(\S+_\S+_\S+)\s+duration\s+(\d+)", lines, re.M)}
            time.sleep(0.1)
        return found


def doveconf(dovecot, *names):
    done = subprocess.run(["/usr/bin/doveconf", "-c", dovecot.config, *names], capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


# ---- clients --------------------------------------------------------------------------------------------------------
def proxy_v1(client, server="192.0.2.1"):
    if client == "UNKNOWN":
        return b"PROXY UNKNOWN\r\n"
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {'2001:db8::1' if ':' in client else server} 4711 143\r\n".encode()


def proxy_v2(client, command=0x21):
    """A client's address, or the second word of the header: "LOCAL" or "UNSPEC"."""
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    if client == "LOCAL":
        return signature + bytes([0x20, 0, 0, 0])
    if client == "UNSPEC":
        return signature + bytes([command, 0x01, 0, 0])
    family, kind = (socket.AF_INET6, 0x21) if ":" in client else (socket.AF_INET, 0x11)
    address = socket.inet_pton(family, client) + socket.inet_pton(family, "2001:db8::1" if ":" in client else "192.0.2.1")
    body = address + (4711).to_bytes(2, "big") + (143).to_bytes(2, "big")
    return signature + bytes([command, kind]) + len(body).to_bytes(2, "big") + body


class Connection:
    """Lines to and from one listener."""

    def __init__(self, port, peer=PROXY, header=b"", tls=False, first=b"", seconds=15, certificate=None):
        self.timed_out = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=(peer, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket.sendall(header)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if certificate is not None:
                context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, suppress_ragged_eofs=True)
            self.socket.sendall(first)
        elif header + first:
            self.socket.sendall(header + first)
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def line(self):
        try:
            return self.lines.readline().decode(errors="replace")
        except TimeoutError:
            self.timed_out = True
            return ""
        except (ConnectionError, ssl.SSLError):
            return ""

    def until(self, pattern):
        """Reads lines until one matches; what was read. At the end of the connection what there was."""
        text = ""
        while True:
            line = self.line()
            text += line
            if not line or re.search(pattern, line):
                return text + ("(and nothing more came)" if self.timed_out else "")

    def rest(self):
        return self.until(r"\A\Z")


class AuthClient:
    """The protocol that Postfix speaks on Dovecot's auth socket."""

    def __init__(self, dovecot):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(15)
        self.socket.connect(os.path.join(dovecot.folder, "run", "postfix-auth"))
        self.lines = self.socket.makefile("rb")
        self.socket.sendall(b"VERSION\t1\t1\nCPID\t%d\n" % os.getpid())
        while not self.lines.readline().startswith(b"DONE"):
            pass

    def ask(self, number, user, address):
        response = base64.b64encode(f"\0{user}\0secret".encode()).decode()
        self.socket.sendall(f"AUTH\t{number}\tPLAIN\tservice=smtp\tnologin\tlip=192.0.2.25\t{'rip=' + address + chr(9) if address else ''}secured\tresp={response}\n".encode())
        return self.lines.readline().decode().split("\t")[0]

    def close(self):
        self.lines.close()
        self.socket.close()


def plain(user, password="secret"):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def cram_md5(user, password, challenge):
    digest = hmac.new(password.encode(), base64.b64decode(challenge), "md5").hexdigest()
    return base64.b64encode(f"{user} {digest}".encode()).decode()


GREETING = {"imap": r"^\* (OK|BYE)", "pop3": r"^[+-]", "submission": r"^\d\d\d ", "sieve": r"^(OK|BYE)"}
# What a client says to log in, in one line; the line that answers.
LOGIN = {"imap": ("a AUTHENTICATE PLAIN {plain}", r"^a |^\* BYE"), "pop3": ("AUTH PLAIN {plain}", r"^[+-]"),
         "submission": ("AUTH PLAIN {plain}", r"^\d\d\d "), "sieve": ('AUTHENTICATE "PLAIN" "{plain}"', r"^(OK|NO|BYE)")}
ACCEPTED = {"imap": r"^a OK", "pop3": r"^\+OK", "submission": r"^235 ", "sieve": r"^OK"}


def greet(connection, protocol):
    """The greeting, or what came in its place."""
    text = connection.until(GREETING[protocol])
    if protocol == "submission" and text.startswith("220"):
        connection.send("EHLO client.test")
        connection.until(r"^\d\d\d ")
    return text


def log_in(connection, protocol, user, password="secret"):
    """The answer to the login."""
    connection.send(LOGIN[protocol][0].format(plain=plain(user, password)))
    return connection.until(LOGIN[protocol][1])


def is_accepted(protocol, text):
    return re.search(ACCEPTED[protocol], text, re.M) is not None


# ---- running --------------------------------------------------------------------------------------------------------
def why_not():
    if os.geteuid() != 0:
        return "Dovecot starts as root alone"
    for path in [DOVECOT, DOVEADM] + [f"/usr/lib/dovecot/{name}" for name in ("imap", "pop3", "lmtp", "submission", "managesieve")]:
        if not os.path.exists(path):
            return f"{path} is not installed"
    for name in OURS.values():
        if not os.path.exists(built(name)):
            return f"{built(name)} is not built (--without-dovecot?)"
    if not shutil.which("openssl"):
        return "there is no openssl"
    if not re.match(r"2\.[34]\.", version()):
        return f"there is no configuration here for Dovecot {version()}"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, timeout=20).returncode:
        return "no mount namespace can be made here"
    return None


def built(name):
    return os.path.join(BUILD, "dovecot-plugin", ".libs", os.path.basename(name))


def install_modules():
    folder = os.path.join(FOLDER, "modules")
    shutil.copytree(MODULES, folder, symlinks=True)
    for name in OURS.values():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        shutil.copy(built(name), os.path.join(folder, name))
    os.symlink(os.path.join("..", OURS["mail"]), os.path.join(folder, "realip", OURS["mail"]))
    subprocess.run(["mount", "--bind", folder, MODULES], check=True, timeout=20)


def run_cases(part):
    passed = failed = skipped = 0
    for function in CASES:
        if part and part not in function.__name__:
            continue
        start = time.monotonic()
        try:
            count = function() or 1
            passed += count
            print(f"ok {function.__name__.replace('_', ' ')} ({count}, {time.monotonic() - start:.1f} s)", flush=True)
        except Skip as missing:
            skipped += 1
            print(f"SKIP {function.__name__.replace('_', ' ')}: {missing}", flush=True)
        except Exception as error:  # a lost connection is a failure like any other
            failed += 1
            print(f"FAIL {function.__name__.replace('_', ' ')}: {error}", flush=True)
            if os.environ.get("REALIP_TEST_KEEP"):
                input()
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


def in_own_namespace(build, work):
    """What work() returns, called where Dovecot finds modules of `build` beside its own: the whole program starts once more
    in a mount namespace of its own."""
    global BUILD, FOLDER
    BUILD = os.path.abspath(build)
    if os.environ.get("REALIP_TEST_NAMESPACE") != "own":
        os.environ["REALIP_TEST_NAMESPACE"] = "own"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="realip-", dir="/tmp", ignore_cleanup_errors=True) as FOLDER:
        os.chmod(FOLDER, 0o755)
        install_modules()
        try:
            return work()
        finally:
            subprocess.run(["umount", "-l", MODULES], timeout=20)


def main(arguments):
    """Runs the cases of a suite: [--build] DIR [NAME-PART]."""
    global BUILD
    words = [word for word in arguments[1:] if word != "--build"]
    if not words:
        sys.exit(f"usage: {arguments[0]} [--build] DIR [NAME-PART]")
    BUILD = os.path.abspath(words[0])
    reason = why_not()
    if reason:
        print(f"SKIP {reason}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    return in_own_namespace(BUILD, lambda: run_cases(words[1] if words[1:] else None))
