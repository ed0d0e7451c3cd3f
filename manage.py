#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

from ledger_project.web import secret_key

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")
    secret_key.require_for(sys.argv)
    execute_from_command_line(sys.argv)
