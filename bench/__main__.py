"""`make bench`: what is measured, against what, in turns; ARGS= names one of the parts."""

import argparse
import os

import django

from ledger_project.testing.run import TestRun

RUN = TestRun.of_environment()
RUN.configure()
os.environ.setdefault("API_REQUESTS_PER_MINUTE", "100000000")  # one key is all callers
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
os.environ.setdefault("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
django.setup()

from bench import background, faults, growth, http, transfers, usage  # noqa: E402  (the settings read what RUN configured)
from ledger_project.kernel.collector import spare_the_loaded  # noqa: E402

PARTS = {"transfers": transfers.main, "http": http.main, "background": background.main}
PARTS |= {"usage": usage.main, "growth": growth.main, "faults": faults.main}
USUAL = ["transfers", "http", "background"]  # growth fills gigabytes, faults take minutes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    spare_the_loaded()
    RUN.start()
    RUN.open()
    try:
        for part in options.parts or USUAL:
            PARTS[part](options.rounds, options.seconds)
    finally:
        RUN.stop()


if __name__ == "__main__":
    main()
