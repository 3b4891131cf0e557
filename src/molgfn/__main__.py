"""``python -m molgfn``: the command ``molgfn`` of this very interpreter."""

from molgfn.cli.main import main

if __name__ == "__main__":
    main()
