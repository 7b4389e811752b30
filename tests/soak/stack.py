"""What the soak torments: the lab's hosts, Postfix, Dovecot and HAProxy with few doors, two policy servers, the milter, a Redis server, and a list of
nodes that is behind a link as Kubernetes writes it."""

import json
import os
import pwd
import socket
import subprocess
import sys

import dovecot
import haproxy
import net
import plan
import postfix
import realip
import recipes
from sandbox import Processes, call, wait_until

CLONE_NEWNS = 0x00020000
HERE = os.path.dirname(os.path.abspath(__file__))
LOG_BYTES = 24 << 20        # the disk of our daemons' logs
REDIS_PORT = 6379

DOORS = ("bare", "policyd", "policyd-internal", "policyd-submission", "policyd-proxied", "policyd-proxied-fault", "policyd-postscreen", "milter")
DOVECOT = "login"           # all three modules

# Nodes that join and leave: hosts that are clients before and after.
JOINING = [plan.outside(last) for last in range(101, 105)]

# A node's line in a list of nodes, and what stands in no such list.
NODES = {"node1": plan.NODE1, "node2": plan.NODE2, "node3": plan.NODE3}
GATEWAYS = ["10.244.2.1", "fd00:244:2::1", "172.17.0.0/16"]


def few_doors():
    """The plan, less what the soak does not use: each door costs Postfix and HAProxy something."""
    plan.SMTP_DOORS = {name: plan.SMTP_DOORS[name] for name in DOORS}
    plan.SMTP_DOORS["policyd-submission"].passwords = DOVECOT
    plan.POLICY_INSTANCES = ("fault",)
    plan.INFRASTRUCTURE = GATEWAYS


class Nodes:
    """nodes.json -> ..data/nodes.json, ..data -> a folder that is swapped."""

    def __init__(self, folder):
        self.folder, self.turn = folder, 0
        os.makedirs(folder)
        self.path = os.path.join(folder, "nodes.json")
        self.publish()
        os.symlink("..data/nodes.json", self.path)

    @staticmethod
    def text(more=()):
        nodes = dict(NODES, **{f"joined{number}": role for number, role in enumerate(more)})
        items = [{"kind": "Node", "metadata": {"name": name}, "spec": {},
                  "status": {"addresses": [{"type": "InternalIP", "address": address} for address in role.both()]}}
                 for name, role in nodes.items()]
        return json.dumps({"kind": "List", "apiVersion": "v1", "items": items}, indent=1) + "\n"

    def publish(self, text=None):
        """As a kubelet does it: a new folder, and a link that is renamed."""
        self.turn += 1
        name = f"..turn{self.turn}"
        os.mkdir(os.path.join(self.folder, name))
        with open(os.path.join(self.folder, name, "nodes.json"), "w", encoding="ascii") as file:
            file.write(self.text() if text is None else text)
        link, old = os.path.join(self.folder, "..data"), None
        if os.path.islink(link):
            old = os.readlink(link)
        os.symlink(name, link + "_tmp")
        os.rename(link + "_tmp", link)
        if old:
            os.unlink(os.path.join(self.folder, old, "nodes.json"))
            os.rmdir(os.path.join(self.folder, old))

    def write(self, text):
        """In place, as no one should."""
        with open(self.path, "w", encoding="ascii") as file:
            file.write(text)


class Proxy(haproxy.HAProxy):
    """HAProxy with the doors of the soak, and health checks that speak SMTP behind LOCAL and without."""

    def start(self, processes, network):
        self.processes = processes
        text = haproxy.DEFAULTS.format(stats=f"    stats socket {self.folder}/haproxy.sock mode 600")
        ports = [f"{plan.SMTP_DOORS[name].port}" for name in DOORS if plan.SMTP_DOORS[name].proxied]
        ports += [str(plan.dovecot_port(DOVECOT, "imap", "proxied"))]
        for family in plan.FAMILIES:
            for name, fronts, back in (("direct", (plan.PROXY_OUT, plan.PROXY), plan.POD), ("nodeport", (plan.PROXY_NODEPORT,), plan.NODE3)):
                text += f"listen {name}-{family}\n" + "".join(f"    bind {front.of(family)}:{port}\n" for front in fronts for port in ports)
                text += f"    server pod {bracketed(back.of(family))} send-proxy-v2\n"
            text += f"backend health-{family}\n    option smtpchk EHLO haproxy.example\n"
            for name in ("policyd", "policyd-proxied", "milter"):
                door = plan.SMTP_DOORS[name]
                text += f"    server {name} {bracketed(plan.POD.of(family))}:{door.port} check inter 2s {'send-proxy-v2' if door.proxied else ''}\n"
        path = os.path.join(self.folder, "proxy.cfg")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self.process = processes.start("haproxy-proxy", ["haproxy", "-db", "-f", path], network.proxy)
        wait_until(self.checks, 10, "HAProxy starts", processes)


def bracketed(address):
    return f"[{address}]" if ":" in address else address


class Stack:
    """Everything that runs. `impostor`: a set of pass, refuse, leak; empty for mail-realip's own daemons."""

    def __init__(self, folder, build, impostor=frozenset()):
        self.folder, self.build, self.impostor = folder, os.path.abspath(build), impostor
        self.processes = Processes(folder)
        self.daemons, self.redis = {}, None

    def build_up(self):
        few_doors()
        self._mount()
        self.network = net.Network()
        net.addresses(self.network.client, "outside", *JOINING)
        self.postfix = postfix.Postfix(self.folder)
        self._speed_up()
        self._configure()
        self.redis = self.start_redis()
        for title in ("policyd", "policyd-fault", "milter"):
            self.start_daemon(title)
        self._start_dovecot()
        self.postfix.start(self.processes, self.network.pod)
        self.haproxy = Proxy(self.folder)
        self.haproxy.start(self.processes, self.network)
        self.dovecot.wait()

    def _mount(self):
        """A /proc of our own PID namespace, and a small disk for logs; both end with the mount namespace."""
        self.logs = os.path.join(self.folder, "logs")
        os.mkdir(self.logs)
        call("unshare", CLONE_NEWNS)
        for words in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"],
                      ["-t", "tmpfs", "-o", f"size={LOG_BYTES},mode=0755", "soak-logs", self.logs]):
            subprocess.run(["mount", *words], check=True, timeout=20)

    def _speed_up(self):
        """An idle smtpd ends soon, so that at the end none holds a connection to us."""
        with open(os.path.join(self.postfix.folder, "etc", "main.cf"), "a", encoding="ascii") as file:
            file.write("max_idle = 6s\nsmtpd_timeout = 60s\nqueue_minfree = 0\n")

    # ---- mail-realip ---------------------------------------------------------------------------------------------------
    def _configure(self):
        self.place, self.sockets = os.path.join(self.folder, "realip"), self.postfix.sockets
        user = pwd.getpwnam(realip.USER).pw_uid
        for path in (self.place, self.sockets):
            os.makedirs(path)
            os.chown(path, user, -1)
        self.nodes = Nodes(os.path.join(self.folder, "nodes"))
        self.config = {title: os.path.join(self.place, name) for title, name in
                       (("policyd", "mail-realip.conf"), ("milter", "mail-realip.conf"), ("policyd-fault", "fault.conf"))}
        for title, path in self.config.items():
            self.write_config(path, self.config_text(title))

    @staticmethod
    def write_config(path, text):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def config_text(self, title):
        text = realip.postfix_config(self.sockets, "fault" if title == "policyd-fault" else None)
        text = recipes.replaced(text, r"^networks infrastructure (\{)", f'{{ kubernetes-nodes = "{self.nodes.path}"')
        text += f'suspicion {{ distinct-clients = 20 scope = all store = "redis://127.0.0.1:{REDIS_PORT}/0" }}\n'
        return text if title == "policyd-fault" else f'compiled = "{self.config["policyd"]}.none"\n' + text

    def _argv(self, title):
        role = "milter" if title == "milter" else "policy"
        if self.impostor:
            answer = "defer" if "refuse" in self.impostor else "dunno"
            return [sys.executable, "-B", os.path.join(HERE, "impostor.py"), role, self.socket_of(title), answer,
                    "leak" if "leak" in self.impostor else "keep"]
        program = "milter/realip-milter" if title == "milter" else "policyd/realip-policyd"
        return [os.path.join(self.build, program), "-c", self.config[title]]

    def socket_of(self, title):
        return os.path.join(self.sockets, "milter" if title == "milter" else postfix.policy_socket("fault" if title == "policyd-fault" else None))

    def log_of(self, title):
        return os.path.join(self.logs, f"realip-{title}.log")

    def start_daemon(self, title):
        """Starts it, or starts it again where it was killed; returns when its socket is open."""
        if title in self.daemons:
            self.processes.running.remove(self.daemons[title])
        self.daemons[title] = self.processes.start(f"logs/realip-{title}", self._argv(title), self.network.pod)
        wait_until(lambda: answers(self.socket_of(title)), 15, f"realip-{title} opens its socket", None)

    # ---- the others ----------------------------------------------------------------------------------------------------
    def start_redis(self):
        process = self.processes.start("redis", ["redis-server", "--bind", "127.0.0.1", "--port", str(REDIS_PORT), "--save", "", "--appendonly", "no",
                                                 "--daemonize", "no", "--dir", self.folder], self.network.pod)
        wait_until(lambda: self.pod_answers(REDIS_PORT), 10, "redis-server starts", None)
        return process

    def pod_answers(self, port):
        try:
            self.network.pod.connect("127.0.0.1", port, timeout=2).close()
        except OSError:
            return False
        return True

    def _start_dovecot(self):
        dovecot.show_modules(self.build, self.folder)
        config = None if self.impostor else self.config["policyd"]
        self.dovecot = dovecot.Dovecot(self.folder, DOVECOT, self.postfix, config, nobody="refuse" in self.impostor)
        self.dovecot.start(self.processes, self.network.pod)

    def metrics(self, daemon):
        """What a daemon tells of itself: {name with labels: value}; {} when it does not answer."""
        try:
            with self.network.pod.connect("127.0.0.1", plan.HTTP_PORTS[daemon], timeout=5) as connection:
                connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
                text = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
        except OSError:
            return {}
        rows = (line.rsplit(" ", 1) for line in text.partition("\r\n\r\n")[2].splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in rows}


def answers(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True


def children(pid):
    """The processes that this one started; /proc is that of our own PID namespace."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat", "rb") as stat:
                if int(stat.read().rpartition(b")")[2].split()[1]) == pid:
                    found.append(int(number))
        except OSError:
            pass                                    # it ended meanwhile
    return found


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as name:
            return name.read().strip()
    except OSError:
        return ""
