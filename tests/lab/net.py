"""Hosts made of network namespaces, cables of veth pairs, and nftables doing what kube-proxy does.

The namespaces have no names: file descriptors hold them, so they vanish with the lab."""

import contextlib
import os
import socket
import subprocess
import threading

import plan
from sandbox import CLONE_NEWNET, LabError, call


class Namespace:
    """One host."""

    def __init__(self, name):
        self.name = name
        self.fd = None
        maker = threading.Thread(target=self._make)
        maker.start()
        maker.join()
        if self.fd is None:
            raise LabError("no network namespace can be made: root with CAP_SYS_ADMIN is needed")
        with self.inside():
            self._sysctls()
        self.ip("link set lo up")

    def _make(self):
        # unshare() moves only the calling thread; the descriptor keeps the namespace alive afterwards.
        try:
            call("unshare", CLONE_NEWNET)
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass

    def _sysctls(self):
        # Asymmetric paths (direct server return) and routing between all legs; default before interfaces exist.
        for name, value in (("ipv4/ip_forward", 1), ("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/default/rp_filter", 0),
                            ("ipv4/conf/all/send_redirects", 0), ("ipv4/conf/default/send_redirects", 0),
                            ("ipv6/conf/all/disable_ipv6", 0), ("ipv6/conf/default/disable_ipv6", 0),
                            ("ipv6/conf/all/forwarding", 1), ("ipv6/conf/default/accept_dad", 0)):
            self._write(name, value)

    @staticmethod
    def _write(name, value):
        with contextlib.suppress(FileNotFoundError):
            with open("/proc/sys/net/" + name, "w") as setting:
                setting.write(str(value))

    def set(self, name, value):
        with self.inside():
            self._write(name, value)

    @contextlib.contextmanager
    def inside(self):
        """The calling thread, and what it starts meanwhile, is on this host."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        call("setns", self.fd, CLONE_NEWNET)
        try:
            yield
        finally:
            call("setns", before, CLONE_NEWNET)
            os.close(before)

    def ip(self, *commands, fds=()):
        text = "\n".join(commands) + "\n"
        with self.inside():
            done = subprocess.run(["ip", "-batch", "-"], input=text, text=True, capture_output=True, pass_fds=fds, timeout=20)
        if done.returncode:
            raise LabError(f"ip on {self.name}: {done.stderr.strip()}")

    def nft(self, text):
        with self.inside():
            done = subprocess.run(["nft", "-f", "-"], input=text, text=True, capture_output=True, timeout=20)
        if done.returncode:
            raise LabError(f"nft on {self.name}: {done.stderr.strip()}")

    def connect(self, address, port, source=None, timeout=10):
        """A TCP connection from this host."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside():
            connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            if source:
                connection.bind((source, 0))
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection


def cable(one, name_one, other, name_other):
    one.ip(f"link add {name_one} type veth peer name {name_other} netns /proc/self/fd/{other.fd}", f"link set {name_one} up",
           fds=(other.fd,))
    other.ip(f"link set {name_other} up")


def addresses(host, interface, *roles):
    # nodad: an address that is still being probed for doubles can't be used yet.
    host.ip(*(f"addr add {address} dev {interface}" + (" nodad" if ":" in address else "")
              for role in roles for address in role.with_bits()))


def routes(host, networks, gateway):
    host.ip(*(f"route add {net} via {gw}" for net, gw in zip(networks.both(), gateway.both())))


class Network:
    """The whole topology; one attribute for each host."""

    def __init__(self):
        for name in ("switch", "client", "stranger", "node1", "node2", "node3", "proxy", "pod", "web", "docker", "router", "office"):
            setattr(self, name, Namespace(name))
        self._cables()
        self._addresses()
        self._routes()
        self._kube_proxy()
        self._docker()
        self._unlisted_router()
        self.has_ipv6 = os.path.exists("/proc/sys/net/ipv6")

    def _cables(self):
        self.switch.ip("link add outside type bridge", "link set outside up", "link add nodes type bridge", "link set nodes up")
        legs = [(name, "outside") for name in ("client", "stranger", "node1", "node2", "node3", "proxy", "docker")]
        legs += [(name, "nodes") for name in ("node1", "node2", "node3", "proxy")]
        for name, bridge in legs:
            port = f"{bridge[0]}-{name}"
            cable(self.switch, port, getattr(self, name), bridge)
            self.switch.ip(f"link set {port} master {bridge}")
        cable(self.node2, "mail", self.pod, "eth0")
        cable(self.node2, "web", self.web, "eth0")
        cable(self.docker, "docker0", self.pod, "eth1")
        cable(self.node2, "lan", self.router, "lan")
        cable(self.router, "inside", self.office, "eth0")

    def _addresses(self):
        outside = {"client": [plan.CLIENT], "stranger": [plan.STRANGER], "node1": [plan.NODE1_OUT], "node2": [plan.NODE2_OUT],
                   "node3": [plan.NODE3_OUT], "docker": [plan.DOCKER_OUT],
                   "proxy": [plan.PROXY_OUT, plan.PROXY_NODEPORT, plan.PROXY_NODEPORT_LOCAL]}
        inside = {"node1": plan.NODE1, "node2": plan.NODE2, "node3": plan.NODE3, "proxy": plan.PROXY}
        for name, roles in outside.items():
            addresses(getattr(self, name), "outside", *roles)
        for name, role in inside.items():
            addresses(getattr(self, name), "nodes", role)
        addresses(self.node2, "mail", plan.POD_GATEWAY)
        addresses(self.node2, "web", plan.WEB_GATEWAY)
        addresses(self.pod, "eth0", plan.POD)
        addresses(self.pod, "lo", plan.SERVICE_DSR)     # a real server of IPVS carries the service's address itself
        addresses(self.web, "eth0", plan.WEBMAIL, plan.FETCHMAIL)
        addresses(self.docker, "docker0", plan.DOCKER_GATEWAY)
        addresses(self.pod, "eth1", plan.CONTAINER)
        addresses(self.node2, "lan", plan.ROUTER_GATEWAY)
        addresses(self.router, "lan", plan.ROUTER)
        addresses(self.router, "inside", plan.ROUTER_INSIDE)
        addresses(self.office, "eth0", plan.OFFICE_GATEWAY)

    def _routes(self):
        self._default(self.pod, plan.POD_GATEWAY)
        self._default(self.web, plan.WEB_GATEWAY)
        for host in (self.node1, self.node3, self.proxy):
            routes(host, plan.POD_NETS, plan.NODE2)
        for host in (self.client, self.stranger):
            routes(host, plan.SERVICE_LOCAL, plan.NODE2_OUT)
            routes(host, plan.SERVICE_CLUSTER, plan.NODE1_OUT)
            routes(host, plan.SERVICE_PROXY, plan.NODE1_OUT)
            routes(host, plan.SERVICE_DSR, plan.NODE1_OUT)
        # The stranger stands in the same data centre: nothing keeps it from the pod's proxy port.
        routes(self.stranger, plan.POD_NETS, plan.NODE2_OUT)
        routes(self.stranger, plan.NODE2, plan.NODE2_OUT)
        # Direct server return: node1 hands packets on untouched, the answer leaves through node2.
        routes(self.node1, plan.SERVICE_DSR, plan.NODE2)
        routes(self.node2, plan.SERVICE_DSR, plan.POD)
        # A container answers through Docker's gateway, whatever else the mail server has.
        self.pod.ip(f"rule add from {plan.CONTAINER.v4} lookup 12", f"route add default via {plan.DOCKER_GATEWAY.v4} table 12")

    @staticmethod
    def _default(host, gateway):
        host.ip(f"route add default via {gateway.v4}", f"route add default via {gateway.v6}")

    def _kube_proxy(self):
        """externalTrafficPolicy Cluster marks and masquerades, Local only rewrites the destination."""
        masqueraded = "meta mark set 0x4000"
        self.node1.nft(_nat([(plan.SERVICE_CLUSTER, plan.POD, masqueraded), (plan.SERVICE_PROXY, plan.PROXY, masqueraded)]))
        self.node2.nft(_nat([(plan.SERVICE_LOCAL, plan.POD, ""), (plan.NODE2, plan.POD, "")]))
        self.node3.nft(_nat([(plan.NODE3, plan.POD, masqueraded)]))
        # Local: where the Service has no pod, what comes is dropped.
        self.node1.nft("table inet local {\nchain prerouting {\n type filter hook prerouting priority -150;\n"
                       f"ip daddr {plan.SERVICE_LOCAL.v4} drop\nip6 daddr {plan.SERVICE_LOCAL.v6} drop\n}}\n}}\n")

    def _unlisted_router(self):
        """Somebody put it in front of the mail server. One machine plays all hosts behind it: every address of their networks is its own."""
        self._default(self.router, plan.ROUTER_GATEWAY)
        self._default(self.office, plan.ROUTER_INSIDE)
        for nets in (plan.OFFICE_NETS, plan.CAMPUS_NETS):
            routes(self.router, nets, plan.OFFICE_GATEWAY)
            self.office.ip(*(f"route add local {net} dev lo" for net in nets.both()))
        routes(self.node2, plan.CAMPUS_NETS, plan.ROUTER)
        self.office.set("ipv6/ip_nonlocal_bind", 1)
        self.router.nft("table inet router {\nchain postrouting {\n type nat hook postrouting priority 100;\n"
                        f"ip saddr {plan.OFFICE_NETS.v4} masquerade\nip6 saddr {plan.OFFICE_NETS.v6} masquerade\n}}\n}}\n")

    def _docker(self):
        # Docker rewrites IPv4; for IPv6 its userland proxy takes the connection itself (see haproxy.py).
        self.docker.nft(_nat([(plan.Address(plan.DOCKER_OUT.v4), plan.Address(plan.CONTAINER.v4), "")]))


def _nat(rules):
    lines = []
    for frontend, backend, extra in rules:
        lines.append(f"ip daddr {frontend.v4} tcp dport 2000-2999 {extra} dnat ip to {backend.v4}")
        if frontend.v6:
            lines.append(f"ip6 daddr {frontend.v6} tcp dport 2000-2999 {extra} dnat ip6 to {backend.v6}")
    body = "\n    ".join(lines)
    return f"""table inet kube {{
  chain prerouting {{
    type nat hook prerouting priority -100;
    {body}
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    meta mark 0x4000 masquerade
  }}
}}
"""
