"""One private Postfix in the mail pod, with a master.cf service for each door of the plan."""

import grp
import os
import pwd
import re

import plan
from logs import Log
from sandbox import wait_until

MASTER = "/usr/lib/postfix/sbin/master"

MAIN_CF = """compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mx.px.test
mydestination =
inet_protocols = all
mynetworks = {mynetworks}
# Names come from no one here: there is no DNS.
smtpd_peername_lookup = no
disable_dns_lookups = yes
alias_maps =
alias_database =
local_recipient_maps =
biff = no
smtpd_error_sleep_time = 0
smtpd_delay_reject = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
# Own mail is delivered; other people's goes to discard, so that nothing leaves while "relayed" can still be read from the log.
virtual_mailbox_domains = {own_domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
default_transport = discard:relayed
relay_transport = discard:relayed
postscreen_greet_wait = 1s
postscreen_cache_map =
postscreen_upstream_proxy_timeout = 5s
policy_action = {{ default_action = DEFER_IF_PERMIT 4.3.5 realip check unavailable }}
milter_default_action = tempfail
milter_connect_timeout = 5s
milter_command_timeout = 5s
"""

MASTER_CF = """cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


def _smtpd_options(door, sockets, login_socket):
    options = [f"syslog_name={door.name}"]
    if door.login:
        options += ["smtpd_sasl_auth_enable=yes", "smtpd_sasl_type=dovecot", f"smtpd_sasl_path={login_socket}",
                    "smtpd_relay_restrictions=permit_sasl_authenticated,reject"]
    if door.proxied and not door.postscreen:
        options.append("smtpd_upstream_proxy_protocol=haproxy")
    if door.guard == "policyd":
        context = f"policy_context={door.listener}"
        options.append("{ smtpd_client_restrictions = check_policy_service { unix:" + sockets + "/policy, timeout=5s, try_limit=2, "
                       + context + ", $policy_action } }")
    if door.guard == "milter":
        options += [f"smtpd_milters=unix:{sockets}/milter", f"milter_macro_daemon_name={door.listener}"]
    return "".join(f"\n  -o {option}" for option in options)


def _services(door, sockets, login_socket):
    if not door.postscreen:
        return f"{door.port} inet n - n - - smtpd{_smtpd_options(door, sockets, login_socket)}\n"
    front = (f"{door.port} inet n - n - 1 postscreen\n  -o syslog_name={door.name}\n"
             f"  -o postscreen_upstream_proxy_protocol=haproxy\n  -o smtpd_service_name={door.name}\n")
    return front + f"{door.name} pass - - n - - smtpd{_smtpd_options(door, sockets, login_socket)}\n"


class Postfix:
    def __init__(self, folder, sockets, login_socket):
        self.folder = os.path.join(folder, "postfix")
        self.log = Log(os.path.join(self.folder, "mail.log"))
        self._make_folders()
        self._write("main.cf", MAIN_CF.format(folder=self.folder, mynetworks=" ".join(plan.MYNETWORKS), own_domain=plan.OWN_DOMAIN))
        services = [_services(door, sockets, login_socket) for door in plan.SMTP_DOORS.values()]
        self._write("master.cf", MASTER_CF + "".join(services))

    def _write(self, name, text):
        with open(os.path.join(self.folder, "etc", name), "w") as file:
            file.write(text)

    def _make_folders(self):
        postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        group = pwd.getpwnam("postfix").pw_gid
        for name in ("etc", "spool", "spool/pid"):
            os.makedirs(os.path.join(self.folder, name), 0o755)
        # As post-install sets them up: the queue is Postfix's own, two folders are open to its group postdrop.
        owned = ["data"] + ["spool/" + name for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                                                         "incoming", "private", "saved", "trace")]
        for name, mode, owner in [(name, 0o700, (postfix, group)) for name in owned] + [
                ("spool/maildrop", 0o730, (postfix, postdrop)), ("spool/public", 0o710, (postfix, postdrop)),
                ("mail", 0o700, (65534, 65534))]:
            path = os.path.join(self.folder, name)
            os.mkdir(path)
            os.chown(path, *owner)
            os.chmod(path, mode)

    def start(self, processes, host):
        processes.start("postfix-master", [MASTER, "-c", os.path.join(self.folder, "etc"), "-d"], host)
        wait_until(lambda: "daemon started" in self.log.since(), 15, "Postfix starts", processes)

    def queue_id(self, sender, mark):
        """The queue id that a message of this sender got, or None; meaningful once the session is over."""
        found = re.search(rf"cleanup\[\d+\]: (\w+): message-id=<{re.escape(sender)}>", self.log.since(mark))
        return found and found[1]

    def address_shown(self, sender, queue_id, mark):
        """The client address that Postfix itself wrote down for this sender's session."""
        text = self.log.since(mark)
        if queue_id:
            found = re.search(rf" {queue_id}: client=[^\[]*\[([^\]]*)\]", text)
        else:
            found = re.search(rf"reject: (?:MAIL|RCPT|DATA) from [^\[]*\[([^\]]*)\].* from=<{re.escape(sender)}>", text)
        return found and found[1]

    def fate(self, queue_id, recipient, mark):
        """What became of a queued message for this recipient: `delivered`, `relayed`, or what the log says."""
        match = self.log.wait(rf" {queue_id}: to=<{re.escape(recipient)}>.*relay=([^,]*),.*status=(\w+) \((.*)\)", mark)
        if not match:
            return "no trace"
        if match[2] != "sent":
            return f"{match[2]} ({match[3]})"
        return "delivered" if match[1] == "virtual" else "relayed"

    def in_queue(self, sender):
        """True while any queue file of this sender exists."""
        for name in ("incoming", "active", "deferred", "hold", "maildrop"):
            for folder, _, files in os.walk(os.path.join(self.folder, "spool", name)):
                for file in files:
                    try:
                        with open(os.path.join(folder, file), "rb") as queued:
                            if sender.encode() in queued.read():
                                return True
                    except FileNotFoundError:
                        pass                        # delivered meanwhile
        return False

    def delivered(self, sender):
        """The text of the delivered message of this sender, or None."""
        inbox = os.path.join(self.folder, "mail", "all", "new")
        if os.path.isdir(inbox):
            for name in os.listdir(inbox):
                with open(os.path.join(inbox, name), encoding="utf-8", errors="replace") as file:
                    text = file.read()
                if f"Message-ID: <{sender}>" in text:
                    return text
        return None
