"""The benchmark of atoms says where the time of a step goes, and draws it."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("benchmark_of_atoms", ROOT / "benchmarks" / "atoms.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_parts_of_a_step_are_told_apart_and_drawn(monkeypatch, tmp_path, capsys):
    module, drawn = script(monkeypatch), {}
    small = {f"at most {n}": {"types": ["C", "O"], "max_atoms": n} for n in (2, 4)}
    monkeypatch.setattr(module, "sizes", lambda between: small)
    monkeypatch.setattr(module, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(module.torch, "set_num_threads", lambda n: None)
    plot = module.plot
    monkeypatch.setattr(module, "plot", lambda costs, *more: (drawn.update(costs), plot(costs, *more)))
    picture = tmp_path / "cost.svg"
    words = ["--rounds", "1", "--batch", "2", "--clock", "cpu", "--plot", str(picture)]
    monkeypatch.setattr(sys, "argv", ["atoms.py", *words])
    module.main()
    assert [atoms for atoms, _ in drawn[2]] == [2, 4]
    for _, cost in drawn[2]:
        assert set(cost) == {"environment", "policy", "molecules"}
        assert all(ms > 0 for ms in cost.values())
    shown = capsys.readouterr().out
    assert "at most 4, batch 2" in shown
    assert "share" in shown
    assert "<svg" in picture.read_text()
