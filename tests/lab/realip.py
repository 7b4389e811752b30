"""mail-realip's own programs in the mail pod, or impostors in their places."""

import os
import pwd
import socket
import sys

import plan
from logs import Log
from sandbox import wait_until

USER = "nobody"         # whom the daemons become

HERE = os.path.dirname(os.path.abspath(__file__))


def _set(values):
    return "{ " + ", ".join(f'"{value}"' for value in values) + " }"


def networks():
    return "".join(f"networks {name} {{ cidr = {_set(cidrs)} }}\n" for name, cidrs in (
        ("infrastructure", plan.INFRASTRUCTURE), ("proxies", plan.PROXIES), ("internal", plan.INTERNAL), ("probers", plan.PROBERS)))


def _listeners():
    text = ""
    for door in {door.listener: door for door in plan.SMTP_DOORS.values() if door.guard}.values():
        text += f'listener "{door.listener}" {{\n    names = {{ "{door.listener}" }}\n    mode = {door.mode}\n'
        if door.postscreen:
            # smtpd has the connection from postscreen: it listens on no port itself.
            ports = ", ".join(str(each.port) for each in plan.SMTP_DOORS.values() if each.listener == door.listener)
            text += f"    ports = {{ {ports} }}\n"
        if door.proxied:
            text += "    proxy = required\n"
        if door.internal:
            text += "    allow-internal = true\n"
        text += "}\n"
    return text


def postfix_config(sockets):
    """One file for both guards of Postfix, each mode a listener of its own."""
    return (f'mode = enforce\nlog-passes = true\nuser = "{USER}"\n' + networks() + _listeners()
            + f'policyd {{ listen = {{ "unix:{sockets}/policy" }} socket-mode = 0666 }}\n'
            + f'milter {{ listen = "unix:{sockets}/milter" socket-mode = 0666 header = all }}\n')


def dovecot_config(instance):
    mode = "monitor" if instance.endswith("-monitor") else "enforce"
    extra = "allow-internal = true\n" if instance.endswith("-internal") else ""
    return f"mode = {mode}\nlog-passes = true\n{extra}" + networks()


class Realip:
    """policyd and milter; what can't run says why in `missing`."""

    PROGRAMS = {"policyd": ("policyd/realip-policyd", "policy"), "milter": ("milter/realip-milter", "milter")}

    def __init__(self, build, folder, impostor=None):
        self.build, self.impostor, self.missing = build, impostor, {}
        self.folder = os.path.join(folder, "realip")
        self.sockets = os.path.join(self.folder, "sockets")
        os.makedirs(self.sockets)
        os.chown(self.sockets, pwd.getpwnam(USER).pw_uid, -1)
        self.config = self.write("mail-realip.conf", postfix_config(self.sockets))
        self.logs = {guard: Log(os.path.join(folder, f"realip-{guard}.log")) for guard in self.PROGRAMS}

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, processes, host):
        started = []
        for guard, (program, end) in self.PROGRAMS.items():
            path = os.path.join(self.build, program)
            if self.impostor:
                role = {"policyd": "policy", "milter": "milter"}[guard]
                argv = [sys.executable, "-B", os.path.join(HERE, "impostor_servers.py"), role, os.path.join(self.sockets, end), self.impostor]
            elif os.path.exists(path):
                argv = [path, "-c", self.config]
            else:
                self.missing[guard] = f"{program} is not built"
                continue
            processes.start(f"realip-{guard}", argv, host)
            started.append((guard, end))
        for guard, end in started:
            wait_until(lambda path=os.path.join(self.sockets, end): _answers(path), 10, f"realip-{guard} opens its socket", processes)


def _answers(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True
