"""Oracles that misbehave for chains of chosen lengths, as worker processes import them."""

import os
import sys
import time

import numpy as np

from molgfn.oracles.base import Oracle


class Faulty(Oracle):
    """Share of 10,000 that the number of heavy atoms is; for every tenth length it does what ``fault`` says.

    What it was asked, process by process, goes to ``log`` if given: one line per object that got as far as a value.
    Each time it hangs it adds the id of its process to the file ``hangs``.
    """

    name = "faulty"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "made for a test"

    def __init__(
        self, *, fault: str = "none", every: int = 10, log: str | None = None, hangs: str | None = None
    ) -> None:
        self.fault, self.every, self.log, self.hangs = fault, every, log, hangs

    def values(self, objects):
        counts = np.array([m.mol.GetNumHeavyAtoms() for m in objects])
        bad = counts % self.every == 0
        if bad.any():
            if self.fault == "raise":
                raise ValueError("cannot do this one")
            if self.fault == "hang":
                with open(self.hangs, "a") as file:
                    file.write(f"{os.getpid()}\n")
                time.sleep(600)
            if self.fault == "die":
                os._exit(13)
            if self.fault == "exit":
                sys.exit(0)
            if self.fault == "memory":
                raise MemoryError("no more")
            if self.fault == "length":
                return np.zeros(len(objects) + 1)
        if self.fault == "slow":
            time.sleep(0.01)
        if self.log:
            with open(self.log, "a") as file:
                file.write("".join(f"{n}\n" for n in counts))
        return np.where(bad & (self.fault == "nan"), np.nan, counts / 10_000)


class Stuck(Faulty):
    """A worker of it never comes up, or dies of it."""

    def prepare(self):
        if self.fault == "hang":
            time.sleep(600)
        os._exit(3)


class NeedsTorch(Faulty):
    """Says whether torch was imported in its process."""

    def values(self, objects):
        return np.full(len(objects), float("torch" in sys.modules))


class Unbuildable(Faulty):
    """Can be made once, in the main process."""

    def prepare(self):
        raise RuntimeError("no licence in this process")
