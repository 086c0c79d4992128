"""Writes what the SDK takes from the rest of the repository: `make clients-python`.

- src/livespan/v1: messages, services and their types, from proto/livespan/v1.
- src/livespan/classify_rules.json: the failure classifier's table, from
  rules/src/classify_rules.toml.

The results are committed, so that the package installs without protoc;
`--check` says which of them are stale, and the tests run it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict

PACKAGE = Path(__file__).resolve().parent.parent
REPOSITORY = PACKAGE.parent.parent
TARGET = PACKAGE / "src" / "livespan"

INIT = '''"""The wire contract, generated from proto/livespan/v1 by `make clients-python`.

Committed, so that installing the package needs no protoc; a test fails when it
is stale. Its messages may be used directly, its services through
`livespan.Client`.
"""
'''


def main() -> int:
    """Generates, or compares with what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    check = parser.parse_args().check
    wanted = {**code(), "classify_rules.json": rules()}
    there = {path.relative_to(TARGET).as_posix() for path in (TARGET / "v1").glob("*.py*")}
    stale = sorted(name for name, text in wanted.items() if read(TARGET / name) != text)
    stale += sorted(name for name in there - set(wanted))
    if check:
        for name in stale:
            print(f"stale: {name}; run `make clients-python`")
        return 1 if stale else 0
    (TARGET / "v1").mkdir(exist_ok=True)
    for name in there - set(wanted):
        (TARGET / name).unlink()
    for name, text in wanted.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


def read(path: Path) -> str:
    """A file's text; empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def code() -> Dict[str, str]:
    """The generated modules by their path in the package."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "proto"), Path(folder, "out")
        out.mkdir()
        (source / "livespan" / "v1").mkdir(parents=True)
        names = []
        for proto in sorted((REPOSITORY / "proto" / "livespan" / "v1").glob("*.proto")):
            name = f"livespan/v1/{proto.name}"
            (source / name).write_text(without_http(proto.read_text(encoding="utf-8")))
            names.append(name)
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{source}", f"--python_out={out}"]
            + [f"--grpc_python_out={out}", f"--mypy_out=quiet:{out}", f"--mypy_grpc_out=quiet:{out}"]
            + names,
            check=True,
            # The plugins stand beside the interpreter of the virtual environment.
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        )
        texts = {f"v1/{path.name}": path.read_text() for path in (out / "livespan" / "v1").iterdir()}
    # A file without a service has nothing to say to gRPC.
    texts = {n: t for n, t in texts.items() if "_grpc" not in n or "span_pb2_grpc" not in n}
    return {**texts, "v1/__init__.py": INIT}


def without_http(proto: str) -> str:
    """The proto without its REST routes: they mean nothing to a client of gRPC,
    and their types would be one more dependency."""
    proto = proto.replace('import "google/api/annotations.proto";\n', "")
    return re.sub(r" *option \(google\.api\.http\) = \{.*?\n    \};\n", "", proto, flags=re.DOTALL)


def rules() -> str:
    """The classifier's table as JSON: Python reads TOML only from 3.11 on."""
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    text = (REPOSITORY / "rules" / "src" / "classify_rules.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["rule"]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    sys.exit(main())
