"""The same numbers from a report of `realipctl audit --json` and from count.awk, by the same keys."""
import os
import subprocess

AWK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'count.awk')
NETWORKS = ['--infrastructure', '10.0.20.0/24,fd00:20::/64', '--proxies', '10.0.20.13']
DEEDS = ('connections', 'mails', 'logins', 'rejected', 'failed-logins')
MONTHS = dict(zip(('01 02 03 04 05 06 07 08 09 10 11 12').split(), 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()))


def by_awk(log, seconds=600):
    done = subprocess.run(['awk', '-f', AWK, log], capture_output=True, text=True, timeout=seconds, check=True, env={'LC_ALL': 'C', 'PATH': os.environ['PATH']})
    return {key: int(value) for key, value in (line.rsplit(' ', 1) for line in done.stdout.splitlines()) if int(value)}


def by_report(report):
    totals, refused = report['totals'], report['refused']
    counts = {'lines': report['input']['lines'], 'refused-mails': refused['mails'], 'refused-logins': refused['logins'],
              'relayed-letters': report['relayed']['letters'], 'relayed-letters-login': report['relayed']['letters-with-login'],
              'relayed-unknown': report['relayed']['deliveries-login-unknown'], 'relayed': report['relayed']['deliveries'], 'relayed-login': report['relayed']['deliveries-with-login'],
              'own-bans': sum(ban['count'] for ban in report['bans'])}
    for key in DEEDS + ('letters-begun', 'letters-refused', 'letters-returned', 'deliveries', 'sent', 'deferred', 'bounced', 'proxy-failures', 'bans'):
        counts[key] = totals[key]
    for row in refused['by-reason']:
        counts['reason-' + row['reason']] = row['refused']
    for row in refused['by-listener']:
        for what in DEEDS:
            counts[f"seen:{row['reason']}:{row['service']}:{what}"] = row[what]
    for row in refused['by-day']:
        _, month, day = row['day'].split('-')
        for what in DEEDS:
            counts[f"daily:{MONTHS[month]}-{int(day)}:{row['reason']}:{row['service']}:{what}"] = row[what]
    for row in report['proxy-failures']:
        counts['kind:' + row['kind']] = row['count']
    return {key: value for key, value in counts.items() if value}


def differences(report, log):
    """Keys whose numbers are not the same, with both; and how many keys there are."""
    ours, theirs = by_report(report), by_awk(log)
    return [f'{key}: {ours.get(key, 0)}, awk {theirs.get(key, 0)}' for key in sorted({*ours, *theirs}) if ours.get(key, 0) != theirs.get(key, 0)], len(theirs)
