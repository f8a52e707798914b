"""Sweeps, or plays one part of a sweep; prints the figures."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict

import pytest

from tests.made_stores import copy_stores
from tests.sweep.sweeping import ALL, USUAL, Share, sweep


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.sweep", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(ALL))
    parser.add_argument("--schedules", type=int, default=USUAL, help=f"how many ({USUAL})")
    parser.add_argument("--seed", type=int, default=0, help="another one: other combinations")
    parser.add_argument("--parts", type=int, help="processes (one for each core)")
    parser.add_argument("--part", type=int, help="play this part only, from 0")
    given = parser.parse_args()
    scenes = given.scenes or ALL
    if unknown := set(scenes) - set(ALL):
        parser.error(f"there is no scene {unknown.pop()}; there are {', '.join(ALL)}")
    if given.part is not None:
        with pytest.MonkeyPatch.context() as patch:
            copy_stores(patch)
            share = Share(scenes, given.schedules, given.seed, given.part, given.parts or 1)
            figures = share.play()
        print(json.dumps(asdict(figures)))
        return
    began = time.monotonic()
    figures = sweep(given.schedules, scenes, seed=given.seed, parts=given.parts)
    print(f"{figures} in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
