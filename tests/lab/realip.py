"""mail-realip's own programs in the mail pod, or impostors in their places."""

import os
import pwd
import re
import socket
import sys

import plan
import programs
import recipes
from logs import Log
from postfix import policy_socket
from sandbox import LabError, wait_until

USER = "nobody"         # whom the daemons become

HERE = os.path.dirname(os.path.abspath(__file__))


def _set(values):
    return "{ " + ", ".join(f'"{value}"' for value in values) + " }"


def networks(probers):
    return "".join(f"networks {name} {{ cidr = {_set(cidrs)} }}\n" for name, cidrs in (
        ("infrastructure", plan.INFRASTRUCTURE), ("proxies", plan.PROXIES), ("internal", plan.INTERNAL), ("probers", probers)))


def _recommended(door):
    """What docs/POSTFIX.md says between the braces of such a listener; it has none for XCLIENT without PROXY."""
    title = "submission" if door.login else "smtp-postscreen" if door.postscreen else "smtp-proxied" if door.proxied else "smtp"
    if door.xclient and not door.proxied:
        return "proxy = optional attest = required"
    found = re.search(rf"^listener {title} +\{{ (.*) \}}$", recipes.block("mail-realip.conf listeners"), re.MULTILINE)
    if not found:
        raise LabError(f"docs/POSTFIX.md has no listener {title} any more")
    return found[1]


def _listeners():
    text = ""
    for door in {door.listener: door for door in plan.SMTP_DOORS.values() if door.guard}.values():
        inside = _recommended(door)
        if door.postscreen:
            ports = ", ".join(str(each.port) for each in plan.SMTP_DOORS.values() if each.listener == door.listener)
            inside = recipes.replaced(inside, r"ports = \{ (\d+) \}", ports)
        text += f'listener "{door.listener}" {{\n    {inside}\n    mode = {door.mode}\n'
        if door.reject:
            text += "    actions { proxy-untrusted = reject }\n"
        if door.internal:
            text += "    allow-internal = true\n"
        text += "}\n"
    return text


def postfix_config(sockets, instance=None):
    """One file for both guards of Postfix, each mode a listener of its own."""
    places = recipes.replaced(recipes.block("mail-realip.conf sockets"), r"unix:(/var/spool/postfix/realip)/", sockets)
    places = recipes.replaced(places, r"realip.*/(policy)\"", policy_socket(instance)) if instance else places
    for guard, port in () if instance else plan.HTTP_PORTS.items():
        places = recipes.replaced(places, rf"^{guard} +(\{{)", f'{{ http = "127.0.0.1:{port}"')
    return f'mode = enforce\nlog-passes = true\nuser = "{USER}"\n' + networks(plan.PROBERS) + _listeners() + places


def suspicion(window=None):
    return "suspicion { " + (f"window = {window} " if window else "") + "}\n"


def dovecot_config(name):
    instance = plan.DOVECOT_INSTANCES[name]
    extra = "allow-internal = true\n" if instance.internal else ""
    extra += "actions { infrastructure = reject inside-asserted = reject }\n" if instance.rejects else ""
    text = f"mode = {instance.mode}\nlog-passes = true\n{extra}" + networks(plan.DOVECOT_PROBERS)
    return text + _proxied_listeners(name) if instance.wide else text


def _proxied_listeners(name):
    """Where a header is required: the login process knows a listener's name, the others its port."""
    kinds = ("proxied", "tls")
    names = [f"{protocol}_{kind}" for protocol in plan.LOGIN_PROTOCOLS for kind in kinds]
    ports = [str(plan.dovecot_port(name, protocol, kind)) for protocol in plan.LOGIN_PROTOCOLS for kind in kinds]
    return f"listener proxied {{\n    names = {_set(names)}\n    ports = {{ {', '.join(ports)} }}\n    proxy = required\n}}\n"


# One capability, an ordinary user, and no process of Postfix in sight.
SIDECAR = ["unshare", "--pid", "--fork", "--kill-child", "setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups",
           "--bounding-set=-all,+sys_ptrace", "--inh-caps=-all,+sys_ptrace", "--ambient-caps=-all,+sys_ptrace"]


class Realip:
    """policyd (once for each way of running it) and milter; what can't run says why in `missing`. A log for each, by title."""

    PROGRAMS = {"policyd": ("policyd/realip-policyd", "policy"), "milter": ("milter/realip-milter", "milter")}

    def __init__(self, build, folder, sockets, impostor=None, window=None):
        """`build`: as programs.py takes it. `window`: of suspicion, in seconds; None as mail-realip has it."""
        self.build, self.impostor, self.missing = build, impostor, {}
        self.window, self.suspected = window, {}    # {(guard, family): when the last client of a suspect came}
        self.folder, self.sockets = os.path.join(folder, "realip"), sockets
        for path in (self.folder, self.sockets):
            os.makedirs(path)
        os.chown(self.sockets, pwd.getpwnam(USER).pw_uid, -1)
        self.config = self.write("mail-realip.conf", postfix_config(self.sockets) + suspicion(window))
        self.logs = {title: Log(os.path.join(folder, f"realip-{title}.log"))
                     for title in (*self.PROGRAMS, *(f"policyd-{instance}" for instance in plan.POLICY_INSTANCES))}

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def log_of(self, door):
        return self.logs.get(f"{door.guard}-{door.instance}" if door.instance else door.guard)

    def _argv(self, guard, instance=None):
        """How to start it, or None when it is not built."""
        program, end = self.PROGRAMS[guard]
        end = policy_socket(instance) if instance else end
        if self.impostor:
            role = {"policyd": "policy", "milter": "milter"}[guard]
            return [sys.executable, "-B", os.path.join(HERE, "impostor_servers.py"), role, os.path.join(self.sockets, end), self.impostor]
        path = programs.program(self.build, program)
        if not os.path.exists(path):
            self.missing[guard] = f"{program} is {programs.absent(self.build)}"
            return None
        config = self.write(f"{instance}.conf", postfix_config(self.sockets, instance)) if instance else self.config
        return (SIDECAR if instance == "sidecar" else []) + [path, "-c", config]

    def start(self, processes, host):
        self.started = {}
        for guard, instance in [(guard, None) for guard in self.PROGRAMS] + [("policyd", each) for each in plan.POLICY_INSTANCES]:
            argv, title = self._argv(guard, instance), f"{guard}-{instance}" if instance else guard
            if argv:
                env = os.environ | ({"REALIP_TEST_NO_PEERPIDFD": "1"} if instance == "nopidfd" else {})
                path = os.path.join(self.sockets, policy_socket(instance) if guard == "policyd" else self.PROGRAMS[guard][1])
                self.started[title] = processes.start(f"realip-{title}", argv, host, env), path
        for title, (_, path) in self.started.items():
            wait_until(lambda path=path: _answers(path), 10, f"realip-{title} opens its socket", processes)


    def kill(self, title):
        process, _ = self.started[title]
        process.kill()
        process.wait()

    def start_again(self, title, processes, host):
        """What was killed; its socket is still there."""
        process, path = self.started[title]
        if self.impostor:
            os.unlink(path)
        self.started[title] = processes.replace(process, f"realip-{title}", process.args, host), path
        wait_until(lambda: _answers(path), 10, f"realip-{title} opens its socket again", processes)


def told(host, guard, path):
    """What a guard's HTTP says there; `host` is the mail pod."""
    with host.connect("127.0.0.1", plan.HTTP_PORTS[guard]) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return answer.read().decode().partition("\r\n\r\n")[2]


def _answers(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True
