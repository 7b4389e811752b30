"""Recipes for a machine with Debian's own packages."""

import hosts
from player import Imap, Mail, Recipe

SERVER = hosts.SERVER_OUT.v4


def debian(machine):
    machine.start_postfix(mynetworks="127.0.0.0/8 [::1]/128 10.0.20.0/24")
    machine.start_dovecot()
    machine.start_realip()


RECIPES = {
    "plain-debian": Recipe("server", {
        "a client writes to you": Mail("client", SERVER),
        "a client reads his mail": Imap("client", SERVER),
        "somebody whom 10.0.20.11 hides writes to you": Mail("node1", hosts.SERVER.v4),
        "he wants to relay": Mail("node1", hosts.SERVER.v4, foreign=True),
        "he reads his mail": Imap("node1", hosts.SERVER.v4),
    }, debian, needs=("dovecot",)),
}
