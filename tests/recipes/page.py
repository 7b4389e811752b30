"""Reads a page of docs/recipes: what a reader would do, in the order in which it stands there.

    ```conf file=/etc/x        the whole file          ```conf add=/etc/x     put behind what the file has
    ```sh                      commands on the mail server, `on=node1,node2`: on these hosts, `elsewhere`: where no lab is (apt, kubectl)
    ```text                    what the commands just above print; … is anything within a line, a line of … alone is any lines
    ```yaml                    what is applied to the cluster
    | who comes | …            a table of sessions: who, what he is told, what is logged
    <!-- lab: the pod moves -->  what happens now; the recipe's `events` know it

`dovecot=2.3` behind any of them: only with this version of Dovecot. Every fenced block must be one of these."""

import dataclasses
import re

KINDS = {"conf", "sh", "text", "yaml", "hcl"}
SESSIONS = "who comes"


class Wrong(Exception):
    """The page can't be read; the text says where and why."""


@dataclasses.dataclass
class Block:
    line: int
    kind: str
    text: str
    options: dict


@dataclasses.dataclass
class Event:
    line: int
    what: str


@dataclasses.dataclass
class Session:
    """One row of a table of sessions."""
    line: int
    who: str
    told: list          # what must be in the answer, each in backticks on the page
    logged: list


@dataclasses.dataclass
class Table:
    line: int
    sessions: list


def _block(line, info, text):
    words = info.split()
    kind = words[0] if words else ""
    if kind not in KINDS:
        raise Wrong(f"line {line}: a block of kind '{kind}'; there are {', '.join(sorted(KINDS))}")
    options = dict(word.split("=", 1) if "=" in word else (word, "yes") for word in words[1:])
    unknown = set(options) - {"file", "add", "on", "elsewhere", "dovecot"}
    if unknown:
        raise Wrong(f"line {line}: nobody knows what {', '.join(unknown)} means")
    if kind == "conf" and not ("file" in options) ^ ("add" in options):
        raise Wrong(f"line {line}: a conf block needs file=PATH or add=PATH")
    return Block(line, kind, text, options)


def _cells(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def _table(line, rows):
    """The sessions of a table, or None when it is another kind of table."""
    if _cells(rows[0])[0] != SESSIONS:
        return None
    sessions = []
    for number, row in enumerate(rows[2:], line + 2):
        cells = _cells(row)
        if len(cells) != 3:
            raise Wrong(f"line {number}: a session has three cells, this row {len(cells)}")
        told, logged = (re.findall(r"`([^`]+)`", cell) for cell in cells[1:])
        if not told and not logged:
            raise Wrong(f"line {number}: nothing in backticks says what this session shows")
        sessions.append(Session(number, cells[0], told, logged))
    return Table(line, sessions)


def read(path):
    """All blocks and tables of sessions, from the top."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    found, at = [], 0
    while at < len(lines):
        start = at
        if lines[at].startswith("```"):
            at += 1
            while at < len(lines) and lines[at] != "```":
                at += 1
            if at == len(lines):
                raise Wrong(f"line {start + 1}: this block does not end")
            found.append(_block(start + 1, lines[start][3:], "\n".join(lines[start + 1:at]) + "\n"))
            at += 1
        elif lines[at].startswith("<!-- lab: "):
            found.append(Event(start + 1, lines[at].removeprefix("<!-- lab: ").removesuffix(" -->")))
            at += 1
        elif lines[at].startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            table = _table(start + 1, lines[start:at])
            found += [table] if table else []
        else:
            at += 1
    return found


def pattern(text):
    """What a page promises as an expression: … is anything."""
    return ".*".join(re.escape(part) for part in text.split("…"))


def matches(expected, got):
    """Whether the lines printed are those of the page. A line of … alone stands for any lines."""
    parts = []
    for line in expected.rstrip("\n").split("\n"):
        parts.append(r"(?:[^\n]*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n")
    return re.fullmatch("".join(parts), got.rstrip("\n") + "\n") is not None
