"""Code named by a module or by a file."""

import shlex
import sys

import pytest

from molgfn.class_paths import import_class, trust_option, trusted, trusted_prefixes
from molgfn.code_references import module_of, names_file, split
from molgfn.errors import ConfigError


def test_what_is_a_file_and_what_a_module():
    assert split("my_oracle.py:fsp3") == ("my_oracle.py", "fsp3")
    assert split("/a/b c::d.py:f") == ("/a/b c::d.py", "f")
    assert split("package.module.f") == ("package.module", "f")
    assert not names_file("package.module.f")
    assert not names_file(["x.py:f"])


def test_two_files_of_one_name_are_two_modules_and_see_what_lies_beside_them(tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"from number_{value} import X\ndef f():\n    return X\n")
        (tmp_path / folder / f"number_{value}.py").write_text(f"X = {value}\n")
    path = list(sys.path)
    for folder, value in (("a", 1), ("b", 2), ("a", 1)):
        assert module_of(f"{tmp_path / folder / 'mine.py'}:f").f() == value
    assert sys.path == path


def test_a_file_that_fails_is_not_kept(tmp_path):
    file = tmp_path / "half.py"
    file.write_text("raise RuntimeError('no')\n")
    with pytest.raises(RuntimeError):
        module_of(f"{file}:f")
    file.write_text("def f(): pass\n")
    assert module_of(f"{file}:f").f() is None
    with pytest.raises(ConfigError, match="no such file"):
        module_of(f"{tmp_path / 'gone.py'}:f")


def test_a_file_that_was_edited_is_imported_anew(tmp_path):
    file = tmp_path / "edited.py"
    for value in (1, 2, 3):
        file.write_text(f"def f():\n    return {value}\n")
        first = module_of(f"{file}:f")
        assert first.f() == value
        assert module_of(f"{file}:f") is first


def test_a_bare_file_name_is_trusted_as_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("class Mine:\n    pass\n")
    assert import_class(f"{tmp_path / 'mine.py'}:Mine", trusted_prefixes(True, ("mine.py",))).__name__ == "Mine"
    assert trusted(f"{tmp_path / 'mine.py'}:f", trusted_prefixes(True, ("mine.py",)) or ())
    assert not trusted("mine.py.Evil", trusted_prefixes(True, ("mine.py",)) or ())


def test_a_class_in_a_file(tmp_path):
    file = tmp_path / "parts.py"
    file.write_text("class Mine:\n    pass\n")
    assert import_class(f"{file}:Mine").__name__ == "Mine"
    with pytest.raises(ConfigError, match=r"no class `Mien`.*did you mean `Mine`"):
        import_class(f"{file}:Mien")
    with pytest.raises(ConfigError, match=f"--trust {file}"):
        import_class(f"{file}:Mine", trusted_prefixes(True))
    assert import_class(f"{file}:Mine", trusted_prefixes(True, (str(file),))).__name__ == "Mine"


@pytest.mark.parametrize(
    ("code", "others"),
    [
        ("/x/my_oracle.py:f", ["/y/my_oracle.py", "my_oracle"]),
        ("my_lab.oracles.f", ["my_la", "my_lab_evil", "oracles"]),
        ("python score.py --fast", ["python", "python score.py", "score.py", "python score.py --slow"]),
        (["dock", "a b"], ["dock a b", "dock"]),
        ("torch.load", ["torc"]),
    ],
)
def test_what_the_message_says_is_what_trusts_and_nothing_less(code, others):
    (_, text) = shlex.split(trust_option(code))
    assert trusted(code, trusted_prefixes(True, (text,))[2:])
    assert not trusted(code, ())
    for other in others:
        assert not trusted(code, trusted_prefixes(True, (other,))[2:]), other
