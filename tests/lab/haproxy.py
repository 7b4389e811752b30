"""HAProxy on the proxy host (PROXY v2 towards the mail pod) and on the Docker host (a bare relay, as docker-proxy is)."""

import csv
import itertools
import os
import socket

import plan
from sandbox import wait_until

DEFAULTS = """global
    maxconn 500
{stats}
defaults
    mode tcp
    timeout connect 5s
    timeout client 15s
    timeout server 15s
    timeout check 4s
"""


def _binds(address, ports=plan.PROXIED_PORTS):
    return "".join(f"    bind {address}:{each}\n" for each in ports)


def _listen(name, frontends, servers, option=""):
    lines = [f"listen {name}\n"] + [_binds(address) for address in frontends]
    return "".join(lines + [f"    {option}\n"] + [f"    server {server}\n" for server in servers])


def _proxy_config(folder):
    text = DEFAULTS.format(stats=f"    stats socket {folder}/haproxy.sock mode 600")
    for family in plan.FAMILIES:
        def at(role, family=family):
            return role.of(family)
        # A server without a port is reached on the port that the client asked for: one section serves all doors.
        text += _listen(f"direct-{family}", [at(plan.PROXY_OUT), at(plan.PROXY)], [f"pod {_bracketed(at(plan.POD))} send-proxy-v2"])
        text += _listen(f"nodeport-{family}", [at(plan.PROXY_NODEPORT)], [f"node3 {_bracketed(at(plan.NODE3))} send-proxy-v2"])
        # The check must speak SMTP: LOCAL and an early close make smtpd end with a fatal error ("cannot convert client
        # address/port to string"), and master then keeps that door shut for a minute.
        check = f"send-proxy-v2 check check-send-proxy port {plan.SMTP_DOORS['bare-proxied'].port} inter 1s fastinter 200ms fall 1"
        nodes = [f"{name} {_bracketed(at(role))} {check}" for name, role in (("node1", plan.NODE1), ("node2", plan.NODE2))]
        text += _listen(f"nodeport-local-{family}", [at(plan.PROXY_NODEPORT_LOCAL)], nodes, "option smtpchk EHLO haproxy.example")
        text += _health(family) + _dovecot_health(family)
    return text


def _health(family):
    """Health checks that speak SMTP, plain and behind LOCAL, to a door of each guard."""
    text = f"backend health-{family}\n    option smtpchk EHLO haproxy.example\n"
    for door in plan.SMTP_DOORS.values():
        if door.mode == "enforce" and not (door.internal or door.postscreen or door.xclient or door.reject or door.instance or door.login):
            proxied = "send-proxy-v2" if door.proxied else ""
            text += f"    server {door.name} {_bracketed(plan.POD.of(family))}:{door.port} check inter 1s {proxied}\n"
    return text


def _dovecot_health(family):
    """Checks that wait for Dovecot's greeting, plain and behind LOCAL, and go without a word."""
    text = ""
    for protocol, greeting in (("imap", "OK"), ("pop3", r"\\+OK"), ("submission", "220"), ("sieve", "OK")):
        text += f"backend health-{protocol}-{family}\n    option tcp-check\n    tcp-check expect rstring {greeting}\n"
        for name, kind in itertools.product(("bare", "reject"), ("plain", "proxied")):
            proxied = "send-proxy-v2 check-send-proxy" if kind == "proxied" else ""
            port = plan.dovecot_port(name, protocol, kind)
            text += f"    server {name}-{kind} {_bracketed(plan.POD.of(family))}:{port} check inter 3s fastinter 500ms {proxied}\n"
    return text


def _bracketed(address):
    return f"[{address}]" if ":" in address else address


def _docker_config(folder):
    text = DEFAULTS.format(stats="")
    text += "listen docker-proxy\n" + _binds(plan.DOCKER_OUT.v6, plan.DOCKER_PORTS)
    return text + f"    server container {plan.CONTAINER.v4}\n"


class HAProxy:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "haproxy")
        os.mkdir(self.folder)

    def start(self, processes, network):
        for name, text, host in (("proxy", _proxy_config(self.folder), network.proxy),
                                 ("docker-proxy", _docker_config(self.folder), network.docker)):
            path = os.path.join(self.folder, name + ".cfg")
            with open(path, "w") as file:
                file.write(text)
            processes.start("haproxy-" + name, ["haproxy", "-db", "-f", path], host)
        self.processes = processes
        wait_until(self.checks, 10, "HAProxy starts", processes)

    def wait_for_checks(self):
        """The checks of scene 5b must have found the node that has the pod."""
        wait_until(self._settled, 15, "HAProxy's checks settle", self.processes)

    def _settled(self):
        state = self.checks()
        return all(state.get((f"nodeport-local-{family}", node), ("",))[0] == wanted
                   for family in plan.FAMILIES for node, wanted in (("node1", "DOWN"), ("node2", "UP")))

    def checks(self):
        """{(section, server): (status, what the last check said)}"""
        try:
            with socket.socket(socket.AF_UNIX) as stats:
                stats.settimeout(5)
                stats.connect(os.path.join(self.folder, "haproxy.sock"))
                stats.sendall(b"show stat\n")
                text = b"".join(iter(lambda: stats.recv(65536), b"")).decode()
        except OSError:
            return {}
        rows = csv.DictReader(text.lstrip("# ").splitlines())
        return {(row["pxname"], row["svname"]): (row["status"], f"{row['check_status']} {row.get('check_code', '')} {row.get('last_chk', '')}")
                for row in rows}
