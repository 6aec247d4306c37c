"""The commands of the guides in docs/ work as they stand, on a pond of their own."""

import os
import re
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def runnable():
    return [path for path in sorted(DOCS.glob("*.md")) if BLOCK.search(path.read_text())]


@pytest.mark.parametrize("guide", runnable(), ids=lambda path: path.stem)
def test_a_guide(lab, tmp_path, guide):
    script = "set -euo pipefail\n" + "\n".join(BLOCK.findall(guide.read_text()))
    tools = [Path(os.environ["MILLPOND_VENV"]) / "bin", Path(os.environ["MILLPOND_BIN"]).parent]
    inherited = {k: v for k, v in lab.environment.items() if not k.startswith("MILLPOND_")}
    environment = {**inherited, "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
                   "MILLPOND_DATA": str(lab.data)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    print(done.stdout)


def test_there_are_guides():
    assert {path.stem for path in runnable()} >= {"encryption", "lake", "operations", "security", "trail"}
