#!/usr/bin/env python
"""Django's command line for FlowHub."""

import gc
import os
import sys


def main() -> None:
    """Run a management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowhub.settings")
    # The database and the keys are made by whoever runs this, and nobody else is to read them.
    os.umask(0o077)
    # Nearly all that a start allocates stays; to look it through for garbage each 700 objects takes a sixth of a start.
    gc.set_threshold(20_000, 20, 50)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
