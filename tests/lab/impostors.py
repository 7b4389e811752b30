#!/usr/bin/python3
"""Proves the lab: with servers that look at nothing in mail-realip's place, each row must break at least once.

Runs the lab with one that lets everything in and one that lets nothing in. A row that survives both would pass whatever
mail-realip does, and is a failure here."""

import sys

sys.dont_write_bytecode = True

import argparse
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("dunno", "defer")
SECONDS = 300           # more than the lab's own limit: it ends by itself


def lab_states(kind, extra):
    """{row: ok, FAIL or SKIP} of one run; SystemExit when the lab could not run at all."""
    done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "lab.py"), "--impostor", kind, *extra], capture_output=True,
                          text=True, timeout=SECONDS)
    states = {match[2]: match[1] for match in re.finditer(r"^(ok|FAIL|SKIP) (\S+/\S+)", done.stdout, re.MULTILINE)}
    folder = re.search(r"configurations and logs are in (\S+)", done.stdout)
    if folder:
        subprocess.run(["rm", "-rf", folder[1]], check=False)   # rows fail on purpose here: their logs tell nothing
    if not states or not re.search(r"^\d+ passed, \d+ failed", done.stdout, re.MULTILINE) or "FAIL lab " in done.stdout:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
        print(f"FAIL impostors the lab did not run with impostor {kind}\n0 passed, 1 failed")
        sys.exit(1)
    return states


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--build", "--scenes", "--rows"):
        parser.add_argument(name, help="as in lab.py")
    parser.add_argument("--dovecot", action="store_true", help="as in lab.py")
    options = parser.parse_args()
    extra = [word for name, value in vars(options).items() if value for word in ("--" + name, value)[:1 if value is True else 2]]
    runs = {kind: lab_states(kind, extra) for kind in KINDS}
    count = {"ok": 0, "FAIL": 0, "SKIP": 0}
    for row in runs["dunno"]:
        states = {kind: run.get(row, "SKIP") for kind, run in runs.items()}
        broke = [kind for kind in KINDS if states[kind] == "FAIL"]
        if broke:
            verdict, why = "ok", "broken by " + " and ".join(broke)
        elif "SKIP" in states.values():
            verdict, why = "SKIP", "not run with both impostors"
        else:
            verdict, why = "FAIL", "survives both impostors"
        count[verdict] += 1
        print(verdict, row, why)
    for kind, run in runs.items():
        print(f"impostor {kind}: broke {list(run.values()).count('FAIL')} of {len(run)} rows")
    text = f"{count['ok']} passed, {count['FAIL']} failed"
    print(text + (f", {count['SKIP']} skipped" if count["SKIP"] else ""))
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
