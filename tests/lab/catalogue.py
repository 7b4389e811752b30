"""All scenes and rows, in the order of the scenes' numbers."""

import dataclasses
import re

import dovecot_scenes
import hostile_scenes
import scenes
from plan import V4, V6

TITLES = scenes.TITLES | hostile_scenes.TITLES | dovecot_scenes.TITLES


@dataclasses.dataclass(frozen=True)
class Size:
    """How many sessions the crowds have, and how long a fault lasts."""
    forgeries: int
    bursts: int
    fault_seconds: float


SIZES = {"quick": Size(forgeries=100, bursts=24, fault_seconds=1.2), "whole": Size(forgeries=1000, bursts=200, fault_seconds=5)}


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
            if scene in dovecot_scenes.SCENES:
                yield from dovecot_scenes.rows(scene, family)
