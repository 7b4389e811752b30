"""Private Dovecots in the mail pod: one without the plugin and one for each configuration of it.

The configuration text stands here alone, by Dovecot version."""

import os
import re
import shutil
import subprocess

import plan
from logs import Log
from sandbox import call, wait_until

BINARY = "/usr/sbin/dovecot"
SYSTEM_MODULES = "/usr/lib/dovecot/modules"
CLONE_NEWNS = 0x00020000
MAIL_USER = 65534       # owns the mailboxes; Debian's "nobody"

SERVICES = """listen = *, ::
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
info_log_path = {folder}/log
ssl = no
first_valid_uid = 1
haproxy_trusted_networks = {proxies}
# Postfix's submission asks here for passwords.
service auth {{
  unix_listener {login_socket} {{
    mode = 0666
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
  inet_listener imap_proxied {{
    port = {imap_proxied}
    haproxy = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  inet_listener pop3_proxied {{
    port = {pop3_proxied}
    haproxy = yes
  }}
}}
"""

CONFIG_2_3 = """protocols = imap pop3
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/home/%u
}}
""" + SERVICES

PLUGIN_2_3 = """mail_plugin_dir = {modules}
mail_plugins = {name}
"""

SETTING_2_3 = """plugin {{
  realip_config = {config}
}}
"""

CONFIG_2_4 = """dovecot_config_version = {version}
dovecot_storage_version = {version}
protocols {{
  imap = yes
  pop3 = yes
}}
auth_allow_cleartext = yes
auth_mechanisms {{
  plain = yes
}}
mail_driver = maildir
mail_path = ~/Maildir
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
""" + SERVICES

PLUGIN_2_4 = """mail_plugin_dir = {modules}
mail_plugins {{
  {name} = yes
}}
"""

SETTING_2_4 = "realip_config = {config}\n"

CONFIGS = {"2.3": (CONFIG_2_3, PLUGIN_2_3, SETTING_2_3), "2.4": (CONFIG_2_4, PLUGIN_2_4, SETTING_2_4)}


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
    for protocol in ("imap", "pop3"):
        if not os.path.exists(f"/usr/lib/dovecot/{protocol}"):
            return f"Dovecot's {protocol} server is not installed"
    return None


class Dovecot:
    """One instance; the one without plugin serves login_socket. plugin is None, or (folder of modules, plugin's name, its configuration file or None)."""

    def __init__(self, folder, name, login_socket, plugin=None):
        self.name = name
        self.folder = os.path.join(folder, "dovecot", name)
        self.log = Log(os.path.join(self.folder, "log"))
        os.makedirs(os.path.join(self.folder, "home"))
        os.chown(os.path.join(self.folder, "home"), MAIL_USER, MAIL_USER)
        config, load, setting = CONFIGS[series()]
        ports = {f"{protocol}{'_proxied' if proxied else ''}": plan.dovecot_port(name, protocol, proxied)
                 for protocol in ("imap", "pop3") for proxied in (False, True)}
        extra = load.format(modules=plugin[0], name=plugin[1]) if plugin else ""
        extra += setting.format(config=plugin[2]) if plugin and plugin[2] else ""
        text = config.format(folder=self.folder, version=version(), uid=MAIL_USER, proxies=" ".join(plan.PROXIES),
                             login_socket=login_socket if name == "bare" else "lab-auth", **ports) + extra
        self.config = os.path.join(self.folder, "dovecot.conf")
        with open(self.config, "w") as file:
            file.write(text)

    def start(self, processes, host):
        self.processes = processes
        processes.start("dovecot-" + self.name, [BINARY, "-F", "-c", self.config], host)

    def wait(self):
        wait_until(lambda: "starting up" in self.log.since(), 15, f"Dovecot ({self.name}) starts", self.processes)

    def address_shown(self, user, mark):
        found = self.log.wait(rf"login: .*user=<{re.escape(user)}>.* rip=([^,\s]*)", mark, 3)
        return found and found[1]


def copy_plugin(build, folder):
    """The built plugin where any mail user can load it, or None when the build has none."""
    built = os.path.join(build, "dovecot-plugin", ".libs", "lib10_realip_plugin.so")
    if not os.path.exists(built):
        return None
    modules = os.path.join(folder, "modules")
    os.makedirs(modules, exist_ok=True)
    shutil.copy(built, modules)
    if series() == "2.4":
        _show_settings_module(os.path.dirname(built), folder)
    return modules


def _show_settings_module(built, folder):
    """2.4 knows realip_config from a settings module alone, in a folder that is compiled into it: a copy with ours is laid over that folder, in a
    mount namespace of the lab's own that ends with it."""
    settings = os.path.join(SYSTEM_MODULES, "settings")
    copy = os.path.join(folder, "settings")
    shutil.copytree(settings, copy) if os.path.isdir(settings) else os.makedirs(copy)
    shutil.copy(os.path.join(built, "librealip_settings.so"), copy)
    call("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, timeout=20)
    if os.path.isdir(settings):
        subprocess.run(["mount", "--bind", copy, settings], check=True, timeout=20)
        return
    whole = os.path.join(folder, "system-modules")
    shutil.copytree(SYSTEM_MODULES, whole, symlinks=True)
    shutil.copytree(copy, os.path.join(whole, "settings"))
    subprocess.run(["mount", "--bind", whole, SYSTEM_MODULES], check=True, timeout=20)
