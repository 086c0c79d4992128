"""What is generated is what the rest of the repository says now."""

from __future__ import annotations

import subprocess
import sys

from .conftest import REPOSITORY


def what_is_generated_is_not_stale() -> None:
    script = REPOSITORY / "clients" / "python" / "scripts" / "generate.py"
    checked = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
