"""Private Dovecots in the mail pod: one without the plugin and one for each configuration of it.

The configuration text stands here alone, by Dovecot version."""

import os
import re
import shutil
import subprocess

import plan
import programs
from logs import Log
from sandbox import call, wait_until

BINARY = "/usr/sbin/dovecot"
CLONE_NEWNS = 0x00020000
MAIL_USER = 65534       # owns the mailboxes; Debian's "nobody"

COMMON = """listen = *, ::
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
info_log_path = {folder}/log
hostname = mx.px.test
first_valid_uid = 1
ssl = yes
haproxy_trusted_networks = {proxies}
login_trusted_networks = {speakers}
# Dovecot's submission hands mail to Postfix, as one of its own host's clients.
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
# Postfix's submission asks here for passwords.
service auth {{
  unix_listener {password_socket} {{
    mode = 0666
  }}
}}
service stats {{
  inet_listener http {{
    port = {metrics_port}
  }}
}}
{services}"""

# In the order of plan.DOVECOT_KINDS: what stands in a listener besides its port.
LISTENER_KINDS = {"plain": (), "proxied": ("haproxy = yes",), "tls": ("haproxy = yes", "ssl = yes")}

# The service of each protocol, and the listeners that Dovecot would open on ports of its own choice.
LOGIN_SERVICES = {"imap": ("imap-login", ("imap", "imaps")), "pop3": ("pop3-login", ("pop3", "pop3s")),
                  "submission": ("submission-login", ("submission", "submissions")), "sieve": ("managesieve-login", ("sieve",)),
                  "lmtp": ("lmtp", ())}

CONFIG_2_3 = """protocols = imap pop3 submission sieve lmtp
disable_plaintext_auth = no
auth_mechanisms = plain anonymous
mail_location = maildir:~/Maildir
ssl_cert = <{certificate}
ssl_key = <{certificate}
{first_passdb}passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/home/%u
}}
metric realip_verdict {{
  filter = event=realip_verdict
  group_by = verdict action hook
}}
""" + COMMON

PARTS_2_3 = {"login": "login_plugins = login_realip\n", "auth": "passdb {\n  driver = realip\n}\n", "mail": "mail_plugins = realip\n",
             "settings": "import_environment = TZ REALIP_CONFIG={config} REALIP_RULES={config}.none\n"}

CONFIG_2_4 = """dovecot_config_version = {version}
dovecot_storage_version = {version}
protocols {{
  imap = yes
  pop3 = yes
  submission = yes
  sieve = yes
  lmtp = yes
}}
auth_allow_cleartext = yes
auth_mechanisms {{
  plain = yes
  anonymous = yes
}}
mail_driver = maildir
mail_path = ~/Maildir
ssl_server_cert_file = {certificate}
ssl_server_key_file = {certificate}
sieve_script personal {{
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}
{first_passdb}passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {uid}
    home = {folder}/home/%{{user}}
  }}
}}
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

PARTS_2_4 = {"login": "login_plugins {\n  login_realip = yes\n}\n", "auth": "passdb realip {\n  driver = realip\n}\n",
             "mail": "mail_plugins {\n  realip = yes\n}\n", "settings": "realip_config = {config}\nrealip_rules = {config}.none\n"}

# An impostor that lets nobody in: a plugin is missing, so that no mailbox opens, and to Postfix no password is right.
NOBODY = """mail_plugin_dir = {folder}/no-modules
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
NO_PASSWORD = {"2.3": "%{if;%s;eq;smtp;wrong;secret}", "2.4": '%{protocol | if("eq", "smtp", "wrong", "secret")}'}

CONFIGS = {"2.3": (CONFIG_2_3, PARTS_2_3), "2.4": (CONFIG_2_4, PARTS_2_4)}


def version():
    """`2.3.19`, `2.4.1`, or None when there is no Dovecot."""
    if not os.path.exists(BINARY):
        return None
    done = subprocess.run([BINARY, "--version"], capture_output=True, text=True, timeout=20)
    found = re.match(r"\d+\.\d+\.\d+", done.stdout)
    return found and found[0]


def series():
    """`2.3`, `2.4`, or None."""
    found = version()
    return found and found.rpartition(".")[0]


def why_not():
    """Why there can be no Dovecot rows here, or None."""
    found = series()
    if not found:
        return "Dovecot is not installed"
    if found not in CONFIGS:
        return f"the lab has no configuration for Dovecot {found} yet"
    for protocol in ("imap", "pop3", "submission", "managesieve", "lmtp"):
        if not os.path.exists(f"/usr/lib/dovecot/{protocol}"):
            return f"Dovecot's {protocol} server is not installed"
    return None


class Dovecot:
    """One instance of the plan. `config`: the file of its rules; None for one without our modules. `nobody`: lets nobody in."""

    def __init__(self, folder, name, postfix, config=None, nobody=False):
        self.name, self.instance = name, plan.DOVECOT_INSTANCES[name]
        self.folder = os.path.join(folder, "dovecot", name)
        self.log = Log(os.path.join(self.folder, "log"))
        for part in ("home", "no-modules"):
            os.makedirs(os.path.join(self.folder, part))
        os.chown(os.path.join(self.folder, "home"), MAIL_USER, MAIL_USER)
        self.config = os.path.join(self.folder, "dovecot.conf")
        with open(self.config, "w") as file:
            file.write(self._text(postfix, config, nobody))

    def _text(self, postfix, config, nobody):
        text, parts = CONFIGS[series()]
        modules = self.instance.modules if config else ()
        extra = "".join(parts[module] for module in modules if module != "auth")
        if config:
            extra += parts["settings"].format(config=config)
        if nobody:
            extra += parts["mail"] + NOBODY.format(folder=self.folder)
        wide = self.instance.wide
        return text.format(
            folder=self.folder, version=version(), uid=MAIL_USER, certificate=postfix.certificate,
            proxies="0.0.0.0/0 ::/0" if wide else " ".join(plan.PROXIES), speakers=" ".join(plan.SPEAKERS) if wide else "",
            relay_port=plan.SMTP_DOORS["bare"].port, password_socket=postfix.password_socket(self.name),
            password=NO_PASSWORD[series()] if nobody else "secret", metrics_port=plan.metrics_port(self.name),
            first_passdb=parts["auth"] if "auth" in modules else "", services="".join(map(self._service, plan.DOVECOT_PROTOCOLS))) + extra

    def _service(self, protocol):
        service, unwanted = LOGIN_SERVICES[protocol]
        listeners = {protocol if kind == "plain" else f"{protocol}_{kind}": (f"port = {plan.dovecot_port(self.name, protocol, kind)}", *more)
                     for kind, more in LISTENER_KINDS.items()}
        listeners = {name: ("port = 0",) for name in unwanted} | listeners
        lines = [line for name, inside in listeners.items() for line in
                 (f"  inet_listener {name} {{", *(f"    {setting}" for setting in inside), "  }")]
        return "\n".join([f"service {service} {{", *lines, "}", ""])

    def start(self, processes, host):
        self.processes = processes
        processes.start("dovecot-" + self.name, [BINARY, "-F", "-c", self.config], host)

    def wait(self):
        wait_until(lambda: "starting up" in self.log.since(), 15, f"Dovecot ({self.name}) starts", self.processes)

    def address_shown(self, user, mark):
        found = self.log.wait(rf"login: .*user=<{re.escape(user)}>.* rip=([^,\s]*)", mark, 3)
        return found and found[1]


    def metrics(self, network):
        """What Dovecot's own endpoint tells of our event: {(verdict, action, hook): count}."""
        with network.pod.connect(plan.POD.v4, plan.metrics_port(self.name)) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: pod\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
        counts = {}
        for labels, count in re.findall(r"^dovecot_realip_verdict_total\{([^}]*)\} (\d+)", text, re.MULTILINE):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if {"verdict", "action", "hook"} <= label.keys():
                counts[label["verdict"], label["action"], label["hook"]] = int(count)
        return counts

    def mailbox(self, user):
        """The letters in this user's inbox."""
        found = []
        for part in ("new", "cur"):
            folder = os.path.join(self.folder, "home", user, "Maildir", part)
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    found.append(file.read())
        return found


MODULES = {"login/lib10_login_realip_plugin.so", "auth/libauthdb_realip.so", "lib10_realip_plugin.so", "settings/librealip_settings.so",
           "realip/librealip_text.so", "realip/librealip_mail.so"}


def show_modules(build, folder):
    """Makes Dovecot see our modules in its own folder, which is compiled into it: a copy with ours is laid over it, in a mount namespace of the
    lab's own that ends with it. Those that are installed (`build` is None) are in that folder. False when they are not there."""
    built = {name: programs.module(build, name) for name in MODULES}
    if not all(map(os.path.exists, built.values())):
        return False
    if not build:
        return True
    whole = os.path.join(folder, "modules")
    shutil.copytree(programs.DOVECOT_MODULES, whole, symlinks=True)
    for name, path in built.items():
        os.makedirs(os.path.dirname(os.path.join(whole, name)), exist_ok=True)
        shutil.copy(path, os.path.join(whole, name))
    call("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, timeout=20)
    subprocess.run(["mount", "--bind", whole, programs.DOVECOT_MODULES], check=True, timeout=20)
    return True
