"""Recipes for a mail server in a container behind Docker's bridge."""

import os

import clients
import hosts
from player import OUTAGE, Imap, Mail, Recipe

DOCKER, DOCKER6 = hosts.DOCKER.v4, hosts.DOCKER.v6


def merged(old, new):
    """As Compose does with its files, but that a list takes the place of the old one."""
    return {**old, **{key: merged(old[key], value) if isinstance(value, dict) and key in old else value for key, value in new.items()}}


class Compose:
    """Does with a compose file what Docker does: a bridge, rules for what is published, and docker-proxy where there are none."""

    def __init__(self):
        self.relay, self.is_up, self.has_ipv6, self.document = None, False, False, {}

    def apply(self, machine, document):
        """`document`: what a page adds to what its file had, or the whole."""
        self.document = merged(self.document, document)
        service, (network,) = self.document["services"]["mail"], self.document["networks"].values()
        if "realip" in self.document["services"]:
            shares_the_socket(machine, self.document)
        (place,) = service["networks"].values()
        ports = [int(each.split(":")[0]) for each in service["ports"]]
        first, *others = network["ipam"]["config"]
        if not self.is_up:
            bits = first["subnet"].partition("/")[2]
            machine.hosts.bridge(f"{first['gateway']}/{bits}", f"{place['ipv4_address']}/{bits}")
            machine.hosts.publish(place["ipv4_address"], ports)
            self.is_up = True
        if network.get("enable_ipv6") and not self.has_ipv6:
            self.has_ipv6 = True
            self._stop(machine)
            gateway, container = others[0]["gateway"], place["ipv6_address"]
            machine.hosts.docker.ip(f"addr add {gateway}/64 dev docker0 nodad")
            machine.hosts.container.ip(f"addr add {container}/64 dev eth0 nodad", f"route add default via {gateway}")
            machine.hosts.publish(container, ports)
        elif not self.relay and not self.has_ipv6:
            self._start(machine, place["ipv4_address"], ports)

    def _start(self, machine, container, ports):
        """docker-proxy is a bare relay on the host."""
        binds = "".join(f"listen port{port}\n    bind [{DOCKER6}]:{port}\n    server container {container}:{port}\n" for port in ports)
        machine.write("/run/home/docker-proxy.cfg", "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n" + binds)
        self.relay = machine.processes.start("docker-proxy", ["haproxy", "-db", "-f", "/run/home/docker-proxy.cfg"], machine.hosts.docker)

    def _stop(self, machine):
        if self.relay:
            machine.processes.running.remove(self.relay)
            self.relay.kill()
            self.relay.wait(5)
            self.relay = None


def on_host(machine, folder):
    """The host's folder that the container has as /etc/mail-realip."""
    path = "/run/home/" + folder
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink("/etc/mail-realip", path)


def permit_docker(machine):
    machine.environment["container"] = "docker"
    machine.containers(postfix=101, pid_host=True)
    on_host(machine, "mail-realip")
    machine.start_setup("docker-mailserver-permit-docker")
    machine.start_dovecot()


class DockerMailserver(Compose):
    """Its container: each start puts in force what PERMIT_DOCKER says, and user-patches.sh."""

    NETWORKS = {"connected-networks": "127.0.0.0/8 [::1]/128 172.18.0.0/16", "none": ""}

    def start(self, machine):
        networks = self.NETWORKS[self.document["services"]["mail"]["environment"]["PERMIT_DOCKER"]]
        machine.shell(f"postconf -e 'mynetworks = {networks}'; bash -eu docker-data/dms/config/user-patches.sh; postfix reload", machine.mail)


def published(machine, gateway, container, ports):
    """A container whose network has no IPv6."""
    machine.environment["container"] = "docker"
    machine.write("/etc/hosts", f"{container} realip\n", add=True)
    Compose().apply(machine, {"services": {"mail": {"ports": [f"{port}:{port}" for port in ports], "networks": {"mail": {"ipv4_address": container}}}},
                              "networks": {"mail": {"ipam": {"config": [{"subnet": gateway + "/24", "gateway": gateway}]}}}})


def mailcow(machine):
    published(machine, "172.22.1.1", "172.22.1.253", (25, 143, 465, 587, 10025, 10143, 10465, 10587))
    machine.hosts.docker.ip(f"addr add {SOGO}/24 dev docker0")
    machine.containers(postfix=101, pid_host=True)
    on_host(machine, "data/conf/mail-realip")
    machine.start_setup("mailcow")
    machine.write("/etc/dovecot/conf.d/05-mailcow.conf", """service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imap_haproxy {
    haproxy = yes
    port = 10143
  }
}
""")
    machine.start_dovecot()


def mailu(machine):
    published(machine, "192.168.203.1", "192.168.203.5", (80,))
    for address in (FRONT, OTHER):
        machine.hosts.docker.ip(f"addr add {address}/24 dev docker0")
    machine.containers(postfix=100, pid_host=True)
    on_host(machine, "mail-realip")
    machine.start_setup("mailu")
    machine.write("/etc/postfix/main.cf", "smtpd_sender_login_maps = static:somebody\n", add=True)     # Mailu asks its admin container
    machine.write("/etc/dovecot/conf.d/05-mailu.conf", "login_trusted_networks = 192.168.203.0/24\n")
    machine.start_dovecot()


def shares_the_socket(_machine, document):
    """What the pages' compose files must have: one folder for the socket, the capability, and for old kernels Postfix's processes, without a tie to the life
    of Postfix's container: mail-realip would end with it, and Docker does not start it again."""
    services, realip = document["services"], document["services"]["realip"]
    (name,) = services.keys() & {"postfix-mailcow", "smtp", "mail"}
    assert "realip:/run/mail-realip" in services[name]["volumes"] and "realip:/run/mail-realip" in realip["volumes"], document
    assert "SYS_PTRACE" in realip["cap_add"] and realip["pid"] == "host" and realip["restart"] == "always", document


def starts(postfix, dovecot):
    """mailcow puts the file behind its own main.cf, Mailu takes it line by line: in both the file's entries win."""
    def run(machine):
        machine.shell(f"while IFS= read -r entry; do postconf -e \"$entry\"; done <{postfix}; postfix reload; cp {dovecot} /etc/dovecot/local.conf; systemctl restart dovecot", machine.mail)
    return run


def forged(_connection):
    return clients.proxy_v2("172.22.1.7", DOCKER)


def told(_connection):
    return clients.proxy_v2(hosts.CLIENT.v4, DOCKER)


COMPOSE = DockerMailserver()
SOGO = "172.22.1.248"
FRONT, OTHER, POSTFIX = "192.168.203.4", "192.168.203.9", "192.168.203.5"

RECIPES = {
    "mailcow": Recipe("container", {
        "a client over IPv4": Mail("client", DOCKER),
        "a client over IPv6, which Docker hides": Mail("client", DOCKER6),
        "a spammer over IPv6, whom Docker hides": Mail("stranger", DOCKER6, foreign=True),
        "HAProxy, for a client": Mail("proxy", DOCKER, 10025, told),
        "a stranger at the PROXY port": Mail("stranger", DOCKER, 10025, forged, foreign=True),
        "a user who sends at 587": Mail("client", DOCKER, 587, foreign=True, user="somebody"),
        "a user over IPv6, whom Docker hides, sends at 587": Mail("client", DOCKER6, 587, foreign=True, user="somebody"),
        "a spammer over IPv6, whom Docker hides, at 587 without a password": Mail("stranger", DOCKER6, 587, foreign=True),
        "HAProxy, for a user who sends at 10587": Mail("proxy", DOCKER, 10587, told, foreign=True, user="somebody"),
        "a stranger at 10587, without a password": Mail("stranger", DOCKER, 10587, forged, foreign=True),
        "a user who sends at 465": Mail("client", DOCKER, 465, foreign=True, user="somebody"),
        "a stranger at 10465, without a password": Mail("stranger", DOCKER, 10465, forged, foreign=True),
        "SOGo, in its own container, at 588": Mail("docker", "172.22.1.253", 588, source=SOGO, foreign=True),
        "another container of mailcow's, at 590": Mail("docker", "172.22.1.253", 590, source=SOGO, foreign=True),
        "a client who reads his mail": Imap("client", DOCKER),
        "HAProxy, for a user who reads his mail at 10143": Imap("proxy", DOCKER, 10143, told),
        "a stranger at 10143": Imap("stranger", DOCKER, 10143, forged),
        "a user over IPv6, whom Docker hides, reads his mail": Imap("client", DOCKER6),
        "a spammer over IPv6, while mail-realip is not there": Mail("stranger", DOCKER6, foreign=True),
        "a stranger at 10587, while mail-realip is not there": Mail("stranger", DOCKER, 10587, forged, foreign=True),
        "a client over IPv6, while mail-realip is not there": Mail("client", DOCKER6),
        "a user who sends at 587, while mail-realip is not there": Mail("client", DOCKER, 587, foreign=True, user="somebody"),
        "another container of mailcow's, while mail-realip is not there": Mail("docker", "172.22.1.253", 590, source=SOGO, foreign=True),
    }, mailcow, on_yaml=shares_the_socket, needs=("dovecot", "haproxy"), events=OUTAGE | {
        "mailcow starts": starts("data/conf/postfix/extra.cf", "data/conf/dovecot/extra.conf"),
        "mailcow starts, and protects": starts("data/conf/postfix/extra.cf", "data/conf/dovecot/extra.conf"),
        "mailcow starts again": starts("data/conf/postfix/extra.cf", "data/conf/dovecot/extra.conf"),
    }),
    "mailu": Recipe("container", {
        "the front, for a client": Mail("docker", POSTFIX, source=FRONT, xclient=f"ADDR={hosts.CLIENT.v4}"),
        "the front, for a client whom Docker hid from it, who relays": Mail("docker", POSTFIX, source=FRONT, xclient="ADDR=192.168.203.1", foreign=True),
        "another container, which says XCLIENT": Mail("docker", POSTFIX, source=OTHER, xclient="ADDR=198.51.100.99"),
        "the front, for a user who sends": Mail("docker", POSTFIX, 10025, source=FRONT, xclient=f"ADDR={hosts.CLIENT.v4} LOGIN=somebody", foreign=True),
        "the front, for a user of webmail": Mail("docker", POSTFIX, 10025, source=FRONT, xclient=f"ADDR={OTHER} LOGIN=somebody", foreign=True),
        "another container, which sends for itself": Mail("docker", POSTFIX, source=OTHER, foreign=True),
        "another container, which says XCLIENT with a user's name": Mail("docker", POSTFIX, 10025, source=OTHER,
                                                                         xclient="ADDR=198.51.100.99 LOGIN=somebody", foreign=True),
        "the front, for a client who reads his mail": Imap("docker", POSTFIX, source=FRONT, identity=hosts.CLIENT.v4),
        "another container, which says ID and reads mail": Imap("docker", POSTFIX, source=OTHER, identity="198.51.100.99"),
    }, mailu, on_yaml=shares_the_socket, needs=("dovecot", "haproxy"), events={
        "Mailu starts": starts("overrides/postfix/postfix.cf", "overrides/dovecot/dovecot.conf"),
        "Mailu starts again": starts("overrides/postfix/postfix.cf", "overrides/dovecot/dovecot.conf"),
    }),
    "docker-compose-ipv6": Recipe("container", {
        "a client over IPv4": Mail("client", DOCKER),
        "a client over IPv6": Mail("client", DOCKER6),
        "a spammer over IPv6": Mail("stranger", DOCKER6, foreign=True),
        "a host of Docker's network, which is the gateway": Mail("docker", "172.18.0.5"),
        "a spammer over IPv6, while mail-realip is not there": Mail("stranger", DOCKER6, foreign=True),
        "a client over IPv6, while mail-realip is not there": Mail("client", DOCKER6),
    }, permit_docker, on_yaml=COMPOSE.apply, needs=("dovecot", "haproxy"), events=OUTAGE | {
        "the container starts": COMPOSE.start,
        "the container starts with IPv6": COMPOSE.start,
        "the container starts and refuses": COMPOSE.start,
    }),
}
