"""Largest value, log Z and mean reward of string sEH, over all 34,012,224 strings at once.

    python experiments/strings/seh_space.py [--weights sehstr_gbtr.pkl]

A leaf of a tree is a box: which symbols each position may have. So the values of all strings are one product of
matrices, [first three symbols, leaves] times [leaves, last three symbols]: ten seconds on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

from molgfn.oracles.strings.seh import ALPHABET, LENGTH, SEHStrings

SIZE = len(ALPHABET)


def boxes(oracle: SEHStrings) -> tuple[np.ndarray, np.ndarray]:
    """Symbols that lead to each leaf, bool [leaves, 6, 18], and the leaves' values, float64 [leaves]."""
    trees = oracle.trees
    found, values = [], []
    for root in trees.roots.tolist():
        stack = [(root, np.ones((LENGTH, SIZE), dtype=bool))]
        while stack:
            node, box = stack.pop()
            bit = int(trees.feature[node])
            if bit < 0:
                found.append(box)
                values.append(trees.value[node])
                continue
            place, symbol = divmod(bit, SIZE)
            off, on = box.copy(), box.copy()
            off[place, symbol] = False
            on[place, np.arange(SIZE) != symbol] = False
            stack += [(int(trees.left[node]), off), (int(trees.right[node]), on)]
    return np.stack(found), np.array(values)


def half(box: np.ndarray) -> np.ndarray:
    """Which triples of symbols [18^3, leaves] lie in boxes over three positions [leaves, 3, 18]."""
    return np.einsum("li,lj,lk->ijkl", *box.astype(np.float32).swapaxes(0, 1)).reshape(SIZE**3, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="pickle of the published trees; fetched where it is not given")
    oracle = SEHStrings(weights=parser.parse_args().weights)
    box, value = boxes(oracle)
    first, last = half(box[:, :3]), half(box[:, 3:]) * value.astype(np.float32)
    best, total, weighted = -np.inf, [], []
    for part in np.array_split(first, 36):
        y = (part @ last.T).astype(np.float64) + oracle.trees.baseline
        log_reward = 6 * np.log(np.maximum(y, 1e-3))
        best = max(best, float(y.max()))
        total.append(np.logaddexp.reduce(log_reward, axis=None))
        weighted.append(np.logaddexp.reduce(2 * log_reward, axis=None))
    log_z, log_second = np.logaddexp.reduce(total), np.logaddexp.reduce(weighted)
    shift = np.log(10) - 6 * np.log(best)
    print(f"largest value {best:.5f}; reward.scale for a largest R of 10: {best / 10 ** (1 / 6):.6f}")
    mean = np.exp(log_second - log_z + shift)
    print(f"with R = 10 (max(y, 1e-3) / {best:.5f})^6: log Z {log_z + shift:.5f}, E[R] {mean:.5f}")


if __name__ == "__main__":
    main()
