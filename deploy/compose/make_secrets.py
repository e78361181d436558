"""Makes the secrets of the compose files at the first start, and writes for each service what it alone is to read.

``FOLDER/kept/secrets.json`` holds them all; what is there stays, so a second start changes nothing, and a new version
may add some. Values of ``GIVEN`` in the environment, as those of an object store elsewhere, are taken instead of made.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

NAMES = ("postgres", "turn", "secrets_key", "grafana", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
GIVEN = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
BYTES = 24
FOLDER = Path("/secrets")


def main(folder: Path = FOLDER) -> int:
    kept = folder / "kept" / "secrets.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    made = {name: known.get(name) or secrets.token_hex(BYTES) for name in NAMES}
    # Kept before any service can have seen one.
    _write(kept, json.dumps(made), mode=0o600)
    taken = made | {name: os.environ[name] for name in GIVEN if os.environ.get(name)}
    for name, content in files(taken).items():
        _write(folder / name, content, mode=0o444)
    print(f"{len(NAMES) - len(known)} of {len(NAMES)} secrets were made")
    return 0


def files(values: Mapping[str, str]) -> dict[str, str]:
    """By service and file. Each folder is mounted into its own service only, whose user reads it."""
    key, secret = values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]
    return {
        "node/database_url": f"postgresql://socialflow:{values['postgres']}@postgres/socialflow",
        "node/turn_secret": values["turn"],
        "node/secrets_key": values["secrets_key"],
        "node/aws_credentials": f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        "postgres/password": values["postgres"],
        "objects/credentials": f"export AWS_ACCESS_KEY_ID={quote(key)} AWS_SECRET_ACCESS_KEY={quote(secret)}\n",
        "turn/secret.conf": f"static-auth-secret={values['turn']}\n",
        "grafana/password": values["grafana"],
    }


def _write(path: Path, content: str, *, mode: int) -> None:
    """Whole or not at all, also when the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(mode)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(*(Path(word) for word in sys.argv[1:2])))
