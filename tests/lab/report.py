"""Prints rows: one line each for programs, or a table for people."""

import os
import re
import shutil
import sys

COLOURS = {"ok": "32", "FAIL": "1;31", "SKIP": "33", "head": "1", "dim": "2", "warn": "33"}


class Report:
    def __init__(self, demo):
        self.demo, self.count = demo, {"ok": 0, "FAIL": 0, "SKIP": 0}
        self.colour = demo and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.scene, self.bare = None, None
        # A terminal gets lines that fit; a pipe gets every word.
        self.width = shutil.get_terminal_size((200, 50)).columns if sys.stdout.isatty() else 10000

    def paint(self, kind, text):
        return f"\033[{COLOURS[kind]}m{text}\033[0m" if self.colour else text

    def progress(self, text):
        if self.demo:
            print(self.paint("dim", f"... {text}"), flush=True)

    def skip(self, row, why):
        self.count["SKIP"] += 1
        self._heading(row.scene)
        print(f"{self.paint('SKIP', 'SKIP')} {row.id} {why}", flush=True)

    def row(self, row, without, with_it):
        """Each side is a list of what its steps saw."""
        problems = [f"{side}: {problem}" for side, steps in (("without", without), ("with", with_it))
                    for seen in steps for problem in seen.problems]
        state = "FAIL" if problems else "ok"
        self.count[state] += 1
        if self.demo:
            self._table(row, state, without, with_it)
        if not self.demo:
            print(f"{state} {row.id}" + ("" if not problems else " " + "; ".join(problems)), flush=True)
        elif problems:
            print("     " + self.paint("FAIL", "; ".join(problems)), flush=True)

    def _heading(self, scene):
        if not self.demo or scene == self.scene:
            return
        from catalogue import TITLES
        self.scene, self.bare = scene, None
        print(f"\n{self.paint('head', f'Scene {scene}: {TITLES[scene]}')}")
        print(self.paint("dim", self._line("", "row", "address shown", "verdict", "the client was told")))

    def _table(self, row, state, without, with_it):
        self._heading(row.scene)
        bare = [(row.tried, seen.shown, seen.verdict, _short(seen.told)) for seen in without]
        if bare != self.bare:           # several guards stand in for the same bare server: it is shown once
            for tried, shown, verdict, told in bare:
                kind = "warn" if verdict == "relays for this address" else "dim"
                print(self.paint(kind, self._line("", f"{tried}, no mail-realip", shown, verdict, told)))
        self.bare = bare
        for seen in with_it:
            line = self._line(state, row.id, seen.shown, seen.verdict, _short(seen.told))
            print(self.paint(state, line[:5]) + line[5:], flush=True)

    def _line(self, state, name, shown, verdict, told):
        line = f"{state:<4} {name:<39} {shown:<16} {verdict:<40} {told}".rstrip()
        if len(line) <= self.width:
            return line
        # What the client was told matters most: on a narrow terminal it gets a line of its own.
        parts = f"{state:<4} {name:<39} {shown:<16} {verdict}".rstrip(), f"       {told}"
        return "\n".join(part if len(part) <= self.width else part[:self.width - 1] + "…" for part in parts)

    def broken(self, why):
        """The lab itself could not go on."""
        self.count["FAIL"] += 1
        print(f"{self.paint('FAIL', 'FAIL')} lab {why}", flush=True)

    def close(self):
        text = f"{self.count['ok']} passed, {self.count['FAIL']} failed"
        if self.count["SKIP"]:
            text += f", {self.count['SKIP']} skipped"
        if self.demo:
            print()
        print(self.paint("FAIL" if self.count["FAIL"] else "ok", text), flush=True)
        return 1 if self.count["FAIL"] else 0


def _short(told):
    """Without queue ids and timings, so that equal answers look equal."""
    return re.sub(r" as \w+$| \([\d. +]+secs\)\.?$", "", told)
