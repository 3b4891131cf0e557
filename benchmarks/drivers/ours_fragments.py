"""molgfn on sEH fragments: what ``molgfn train seh/seh`` does, with proxy, log, record and checkpoint.

On several cores it is a process of one thread on each, which is its fastest setting.
"""

import tempfile

import task

if __name__ == "__main__":
    given = task.arguments("--vocabulary", "--weights")
    processes = [f"trainer.devices={given.threads}"] if given.threads > 1 else []

    import counting

    import molgfn

    with tempfile.TemporaryDirectory() as folder:
        molgfn.train(
            "seh/seh",
            f"environment.vocabulary={given.vocabulary}",
            f"environment.max_fragments={task.FRAGMENTS}",
            f"environment.min_fragments={task.LEAST_FRAGMENTS}",  # molecules as large as the others'
            f"oracle.weights={given.weights}",
            f"reward.beta={task.BETA}",
            f"policy.width={task.WIDTH}",
            f"policy.layers={task.TRUNK}",
            f"data.batch_size={task.FRAGMENT_BATCH}",
            f"optimizer.lr={task.FRAGMENT_RATE}",
            *task.run_of_ours(given, folder),
            "trainer.threads=1",
            *processes,
            *given.settings,
            callbacks=[counting.Count(task.Meter(given.warm, given.iterations), folder)],
        )
        counting.total(folder).report("molgfn", "torch", "rdkit")
