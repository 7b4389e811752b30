"""All scenes and rows, in the order of the scenes' numbers."""

import dataclasses
import re

import dovecot_scenes
import hostile_scenes
import scenes
import unlisted_nat
from plan import V4, V6

TITLES = scenes.TITLES | unlisted_nat.TITLES | hostile_scenes.TITLES | dovecot_scenes.TITLES


@dataclasses.dataclass(frozen=True)
class Size:
    """How many sessions the crowds have, how long a fault lasts, and the window of suspicion where it is not the default one."""
    forgeries: int
    bursts: int
    fault_seconds: float
    singles: int
    window: int = None


SIZES = {"quick": Size(forgeries=100, bursts=24, fault_seconds=1.2, singles=50), "whole": Size(forgeries=1000, bursts=200, fault_seconds=5, singles=1000, window=60)}


def _number(scene):
    """Those without a number come last."""
    found = re.match(r"\d+", scene)
    return int(found[0]) if found else 1000


def rows(attested, size):
    """`attested`: the guards that know the true TCP peer."""
    for scene in sorted(TITLES, key=_number):
        for family in (V4, V6):
            if scene in scenes.SCENES:
                yield from scenes.SCENES[scene](family, attested)
            if scene in hostile_scenes.SCENES:
                yield from hostile_scenes.SCENES[scene](family, SIZES[size])
            if scene in unlisted_nat.SCENES:
                yield from unlisted_nat.SCENES[scene](family, SIZES[size])
            if scene in dovecot_scenes.SCENES:
                yield from dovecot_scenes.rows(scene, family)
    yield from unlisted_nat.rows_at_the_end(SIZES[size])
