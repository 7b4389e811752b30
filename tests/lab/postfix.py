"""One private Postfix in the mail pod, with a master.cf service for each door of the plan."""

import grp
import os
import pwd
import re
import subprocess

import plan
import recipes
from logs import Log
from sandbox import wait_until

MASTER = "/usr/lib/postfix/sbin/master"

# What any private Postfix of the lab needs.
PRIVATE_CF = """compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_protocols = all
mydestination =
mynetworks = {mynetworks}
# Names come from no one here: there is no DNS.
smtpd_peername_lookup = no
disable_dns_lookups = yes
alias_maps =
alias_database =
local_recipient_maps =
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
milter_connect_timeout = 5s
"""

# Mail for these domains is delivered into one mailbox.
MAILBOX_CF = """virtual_mailbox_domains = {own_domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""

MAIN_CF = PRIVATE_CF + MAILBOX_CF + """myhostname = mx.px.test
biff = no
smtpd_delay_reject = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
# Own mail is delivered; other people's goes to discard, so that nothing leaves while "relayed" can still be read from the log.
default_transport = discard:relayed
relay_transport = discard:relayed
postscreen_greet_wait = 1s
postscreen_cache_map =
postscreen_upstream_proxy_timeout = 5s
# The lab shows what the guard does: this one would stop five of six bursts of scene 11, and newer Postfix has it on.
smtpd_forbid_unauth_pipelining = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/etc/server.pem
in_flow_delay = 0
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
tlsmgr    unix - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


def _recipe(door):
    """The service that docs/POSTFIX.md recommends for such a door."""
    title = "submission" if door.login else "2526" if door.postscreen else "2525" if door.proxied else "smtp"
    return recipes.services("monitor" if door.mode == "monitor" else "enforce"), title


def _guarded(text, door):
    """The recipe's smtpd with the guard of this door: the policy server, the milter, or none."""
    if door.guard == "policyd":
        text = recipes.replaced(text, r"policy_context=([\w-]+)", door.listener)
        return recipes.replaced(text, r"unix:(realip/policy),", "realip/" + policy_socket(door.instance))
    text = recipes.without_option(text, "check_policy_service")
    if door.guard == "milter":
        text += recipes.replaced(recipes.block("master.cf milter " + ("monitor" if door.mode == "monitor" else "enforce")),
                                 r"milter_macro_daemon_name=(\w+)", door.listener)
    return text


def _services(door):
    """The master.cf lines of a door. What stands in no recipe is the lab's own affair: names for the log, the password socket."""
    services, title = _recipe(door)
    front, smtpd = (services[title], services["smtp-postscreen"]) if door.postscreen else ("", services[title])
    smtpd = _guarded(smtpd, door) + f"  -o syslog_name={door.name}\n"
    if door.login:
        smtpd += f"  -o smtpd_sasl_type=dovecot\n  -o smtpd_sasl_path=private/auth-{door.passwords}\n"
        if door.proxied:
            smtpd += "  -o smtpd_upstream_proxy_protocol=haproxy\n"
    if door.xclient:
        smtpd += f"  -o {{ smtpd_authorized_xclient_hosts = {' '.join(plan.XCLIENT_HOSTS)} }}\n"
        # Where XCLIENT may tell of a login, a relay rule for those who logged in believes it.
        smtpd += "  -o { smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination }\n"
        smtpd += "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_sasl_type=dovecot\n  -o smtpd_sasl_path=private/auth-bare\n"
    if not door.postscreen:
        return recipes.replaced(smtpd, r"\A(\S+)", str(door.port))
    front = recipes.replaced(front, r"smtpd_service_name=([\w-]+)", door.name) + f"  -o syslog_name={door.name}\n"
    return recipes.replaced(front, r"\A(\S+)", str(door.port)) + recipes.replaced(smtpd, r"\A(\S+)", door.name)


def version():
    """As `3.7`."""
    done = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, timeout=20)
    return ".".join(done.stdout.split(".")[:2])


def policy_socket(instance):
    return "policy" + (f"-{instance}" if instance else "")


class Postfix:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "postfix")
        self.log = Log(os.path.join(self.folder, "mail.log"))
        self.sockets = os.path.join(self.folder, "spool", "realip")     # below the queue: there a chrooted smtpd reaches them
        self._make_folders()
        self._write("main.cf", MAIN_CF.format(folder=self.folder, mynetworks=" ".join(plan.MYNETWORKS), own_domain=plan.OWN_DOMAIN))
        services = [_services(door) for door in plan.SMTP_DOORS.values()]
        self._certificate()
        self._write("master.cf", MASTER_CF + "".join(services))

    def _write(self, name, text):
        with open(os.path.join(self.folder, "etc", name), "w") as file:
            file.write(text)

    def _certificate(self):
        path = self.certificate
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                        "/CN=mx.px.test", "-days", "2", "-keyout", path, "-out", path + ".cert"], check=True, capture_output=True, timeout=20)
        with open(path, "a") as whole, open(path + ".cert") as certificate:
            whole.write(certificate.read())

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
        # A PID namespace of its own: to a policy server in another one, smtpd is a process without a number. As the first process there master
        # inherits others' children, and without -i (what `postfix start-fg` says in a container) panics when one of them ends, as after a reload.
        processes.start("postfix-master", ["unshare", "--pid", "--fork", "--kill-child", MASTER, "-c", os.path.join(self.folder, "etc"), "-i"],
                        host)
        wait_until(lambda: "daemon started" in self.log.since(), 15, "Postfix starts", processes)

    def password_socket(self, instance):
        """Where smtpd asks this Dovecot for passwords."""
        return os.path.join(self.folder, "spool", "private", "auth-" + instance)

    @property
    def certificate(self):
        return os.path.join(self.folder, "etc", "server.pem")

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

    def inbox(self):
        """The text of each delivered message."""
        folder = os.path.join(self.folder, "mail", "all", "new")
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                yield file.read()

    def delivered(self, sender):
        """The text of the delivered message of this sender, or None."""
        return next((text for text in self.inbox() if f"Message-ID: <{sender}>" in text), None)
