"""The configurations that docs/POSTFIX.md recommends. The lab runs them as they stand there; ports, names and paths alone differ."""

import os
import re

from sandbox import LabError

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "POSTFIX.md")


def block(title):
    """The text of the fenced block of this title."""
    with open(DOCUMENT, encoding="utf-8") as document:
        found = re.search(rf"^```{re.escape(title)}\n(.*?)^```$", document.read(), re.MULTILINE | re.DOTALL)
    if not found:
        raise LabError(f"docs/POSTFIX.md has no block `{title}` any more")
    return found[1]


def services(mode):
    """{the first word of a service of `master.cf MODE`: all its lines}"""
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", block(f"master.cf {mode}"), re.MULTILINE)
    return {entry.split()[0]: entry for entry in entries}


def replaced(text, pattern, value):
    """Replaces all that the pattern's group matches. A pattern that matches nothing is a document that has changed."""
    result, count = re.subn(pattern, lambda match: match[0].replace(match[1], value), text, flags=re.MULTILINE)
    if not count:
        raise LabError(f"docs/POSTFIX.md: nothing matches {pattern!r} in: {text}")
    return result


def without_option(text, word):
    """The service without the option that holds this word: how it was before mail-realip."""
    return "".join(line + "\n" for line in text.splitlines() if word not in line)
