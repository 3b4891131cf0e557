import platform

from molgfn.training.memory import keep_freed_memory


def test_takes_effect_on_glibc_and_does_no_harm_elsewhere():
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")
