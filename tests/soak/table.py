"""The numbers at the end."""

WIDTH = 34


def row(name, *values):
    print(f"#   {name:{WIDTH}}" + "".join(f" {value:>10}" for value in values))


def close(soak, kept):
    """Prints the table, the state of each invariant, and the closing line; returns the exit status."""
    judge, letters = soak.judge, soak.letters
    everyone = judge.honest + judge.hostile
    print("#")
    row("seconds of traffic", f"{soak.lasted:.0f}")
    row("sessions", everyone, f"{everyone / soak.lasted:.1f}/s")
    row("honest", judge.honest)
    row("  served", judge.good)
    row("  deferred or cut off in a fault", judge.deferred, *(f"{name}: {count}" for name, count in judge.by_fault.most_common(6)))
    row("hostile", judge.hostile, *(f"{name}: {count}" for name, count in judge.told.most_common(7)))
    row("letters taken", letters.taken_count)
    row("  found in the mailbox", letters.delivered)
    row("  not heard of by their client", letters.unheard)
    row("  missing", len(letters.missing()))
    row("faults", sum(judge.faults.values()), f"{len(judge.faults)} kinds")
    row("seconds until all had gone", f"{soak.rested:.0f}")
    row("nonsense at our sockets", judge.junk)
    print("#\n# sessions")
    for name, count in sorted(judge.sessions.items()):
        row(name, count)
    print("#\n# faults")
    for name, count in sorted(judge.faults.items()):
        row(name, count)
    print("#\n# verdicts in the logs")
    for (source, reason), count in sorted(soak.logs.reasons.items()):
        row(f"{source} {reason}", count)
    row("lines torn by a full disk", soak.logs.torn)
    for daemon, metrics in soak.metrics.items():
        row(f"{daemon}: lines lost, its present life", f"{metrics.get('realip_log_lines_lost_total', 0):.0f}")
    print("#\n# our processes in their present life (memory: own kB at the begin and the end of the second half; the rest: before, at most, at the end)")
    row("", "seconds", "kB", "kB", "files", "at most", "at the end", "threads", "at the end")
    for name, seconds, *numbers in soak.growth:
        row(name, f"{seconds:.0f}", *("-" if number is None else f"{number:.0f}" for number in numbers))
    print("#")
    return verdicts(soak, kept)


def verdicts(soak, kept):
    failed = 0
    for name, kinds in soak.judge.problems.items():
        if not kinds:
            print(f"ok {name}")
            continue
        failed += 1
        print(f"FAIL {name}: {sum(count for count, _ in kinds.values())} times")
        for count, text in kinds.values():
            print(f"#     {count} x {text}")
    if failed or kept:
        print(f"# configurations and logs are in {soak.stack.folder}")
    print(f"{len(soak.judge.problems) - failed} passed, {failed} failed")
    return 1 if failed else 0
