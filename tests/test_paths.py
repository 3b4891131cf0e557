"""What users write as paths, and which file that is."""

import os
import sqlite3
from pathlib import Path

import pytest

from molgfn.errors import ConfigError
from molgfn.paths import InputFile, file_name_from, local, role_of, sqlite_uri, without_ending

#: names that mean something to a URL, an SQLite URI, a shell or Hydra, and nothing to a file system
ODD = ["a::b", "file:z", "run#1", "run?1", "run%41", "a b", "ü-名", "x=y,z", "it's", 'q"q', "$5", "-o", "s3:x", "~x~"]


@pytest.mark.parametrize("name", ODD)
def test_no_sign_in_a_name_means_anything(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local(name) == tmp_path / name
    assert local(f"{name}/") == tmp_path / name
    assert local(tmp_path / name) == tmp_path / name


def test_home_and_variables_are_expanded_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("PLACE", "/data/$HOME")
    assert local("~/runs") == Path("/home/me/runs")
    assert local("$HOME/runs") == local("${HOME}/runs") == Path("/home/me/runs")
    assert local("$PLACE/runs") == Path("/data/$HOME/runs")
    assert local("./~/runs") == tmp_path / "~" / "runs"
    assert local("runs/~") == tmp_path / "runs" / "~"


def test_a_variable_that_is_not_set_is_refused_unless_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(ConfigError, match="NOWHERE is not set"):
        local("$NOWHERE/runs")
    (tmp_path / "$NOWHERE.csv").touch()
    assert local("$NOWHERE.csv") == tmp_path / "$NOWHERE.csv"


@pytest.mark.parametrize("url", ["file:///x/y", "s3://bucket/runs", "https://a.b/c", "gs://x"])
def test_urls_are_refused(url):
    with pytest.raises(ConfigError, match="is a URL"):
        local(url)


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_what_no_file_can_be_called(text):
    with pytest.raises(ConfigError, match="is not the name of a file"):
        local(text)


def test_up_after_a_link_is_beside_where_the_link_leads(tmp_path):
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / "there" / "x").touch()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "deep")
    assert local("link/../x", base=tmp_path).samefile(tmp_path / "there" / "x")


@pytest.mark.parametrize("name", [n for n in ODD if n != "-o"])
def test_sqlite_opens_a_file_of_any_name(name, tmp_path):
    path = tmp_path / name
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    with sqlite3.connect(sqlite_uri(path), uri=True) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO t VALUES (1)")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("gen.T0.5.smi", "gen.T0.5"), ("gen.T0.9", "gen.T0.9"), ("a.smi.gz", "a"), ("a.SDF", "a"), (".smi", ".smi"),
        ("a.b.c.csv", "a.b.c"), ("v1.2.parquet", "v1.2"), ("plain", "plain"), ("x.gz", "x"),
    ],
)  # fmt: skip
def test_only_the_ending_is_taken_off(name, stem):
    assert without_ending(name) == stem


def test_a_label_is_a_short_plain_file_name_and_different_ones_stay_different():
    assert file_name_from("objective=tb seed=0") == "objective-tb_seed-0"
    long = [file_name_from(f"environment.scaffold={'C' * 300}{end}") for end in "NO"]
    assert len(set(long)) == 2
    assert all(len(name.encode()) <= 80 and "/" not in name for name in [*long, file_name_from("a/b='ü/名'")])


def test_the_role_of_an_annotation():
    assert role_of(InputFile | None).kind == "file"
    assert role_of(Path).kind == "file"
    assert role_of(bool | InputFile).kind == "file"
    assert role_of(str) is None
    assert role_of(int | None) is None
