"""realipctl, and what its help texts say there is to type."""
import os
import re
import subprocess

OPTION = re.compile(r'^ +(?:-\w, )?(--[a-z][a-z0-9-]*)(?:[ =]([A-Z][A-Z:=,|.]*))?', re.M)


class Program:
    def __init__(self, build, config):
        self.command = [os.path.join(build, 'cli/realipctl'), '-c', config]

    def run(self, *words):
        return subprocess.run([*self.command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)


def subcommands(program):
    text = program.run('--help').stdout.split('subcommands:\n')[1]
    return re.findall(r'^  ([a-z][a-z-]*) ', text, re.M)


def options_of(help_text):
    """{option: its value's name, or None}"""
    found = {}
    for name, value in OPTION.findall(help_text):
        found[name] = value or found.get(name) or None
    return found
