"""Imported first by each benchmark: makes FlowHub's packages importable and Django ready, with the usual settings."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowhub.settings")
os.environ.setdefault("FLOWHUB_LOG_LEVEL", "WARNING")

import django  # noqa: E402

django.setup()
