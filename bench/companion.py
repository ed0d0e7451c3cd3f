"""A process beside the one that measures: it is told things on standard input and answers by lines."""

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Companion:
    def __init__(self, module: str, *words: str) -> None:
        self.module = module
        self.process: Any = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, words: str) -> None:
        self.process.stdin.write(words)
        self.process.stdin.flush()

    def answer(self) -> str:
        """The next line."""
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.module} has ended by itself")
        return str(line)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
