"""Where mail-realip's programs and Dovecot modules are: below the folder of a build, or, with None for it, where the packages have put them."""

import os

DOVECOT_MODULES = "/usr/lib/dovecot/modules"
INSTALLED = {"policyd/realip-policyd": "/usr/sbin/realip-policyd", "milter/realip-milter": "/usr/sbin/realip-milter"}


def program(build, name):
    """`name` as it is called below a build."""
    return os.path.join(build, name) if build else INSTALLED[name]


def module(build, name):
    """`name` as it is called below Dovecot's own folder."""
    return os.path.join(build, "dovecot-plugin", ".libs", os.path.basename(name)) if build else os.path.join(DOVECOT_MODULES, name)


def absent(build):
    """What is said of one that is not there."""
    return "not built" if build else "not installed"
