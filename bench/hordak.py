"""django-hordak as a competitor: a process with a database of its own in the same PostgreSQL (bench/peer.py)."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.db import connections

from bench.harness import Case

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = importlib.util.find_spec("hordak") is not None  # `make bench` installs it
DATABASE = "hordak"


class Hordak:
    """The process; `cases` are its callers' turns."""

    def __init__(self) -> None:
        owner = connections["owner"]
        with owner.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
        place = {name: owner.settings_dict[name] for name in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")}
        self.process: Any = subprocess.Popen(
            [sys.executable, "-m", "bench.peer"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask(json.dumps(place | {"NAME": DATABASE}))

    def ask(self, line: str) -> str:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("the process with django-hordak has ended by itself")
        return answer

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class HordakCase(Case):
    """Turns that the other process takes."""

    def __init__(self, hordak: Hordak, callers: int) -> None:
        super().__init__(f"django-hordak transfer_to, {callers} callers", lambda _: 0, callers=callers)
        self.hordak = hordak

    def run(self, seconds: float) -> None:
        told = json.loads(self.hordak.ask(f"{self.callers} {seconds}"))
        self.rates.append(told["rate"])
        self.cpu.append(told["cpu"])
        self.latencies += told["latencies"]
