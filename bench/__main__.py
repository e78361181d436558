"""``python -m bench NAME [options]``: one file a question. Without a name: what there is."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench


def questions() -> dict[str, str]:
    """Each bench and the first sentence that it says of itself."""
    found = {}
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_"):
            loaded = importlib.import_module(f"bench.{module.name}")
            if hasattr(loaded, "main"):
                found[module.name] = (loaded.__doc__ or "").strip().partition("\n")[0]
    return found


def main(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m bench NAME [options]\n")
        for name, what in questions().items():
            print(f"  {name:12} {what}")
        return 0 if argv else 2
    try:
        chosen = importlib.import_module(f"bench.{argv[0]}")
        run = chosen.main
    except (ModuleNotFoundError, AttributeError):
        print(f"bench: there is no bench {argv[0]!r}; `python -m bench --help` lists them", file=sys.stderr)
        return 2
    return int(run(list(argv[1:])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
