#!/bin/sh
# A form field for JSON gives Python's values for JSON, and a validator of JSON Schema takes those: one would expect that
# what the one gives the other takes. Django 5.2.19's forms.JSONField gives a text as a subclass of str (JSONString), and
# jsonschema-rs 0.60.3 takes subclasses of dict and list, but neither of str nor of int: is_valid() and iter_errors() of a
# text that a person typed, valid JSON under a schema that admits texts, end with a ValueError, which no code that
# handles faults of a schema expects. jsonschema 4.26.0 takes all four.
# Prints what was seen; ends with status 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    Django==5.2.19 jsonschema-rs==0.60.3 jsonschema==4.26.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import jsonschema
import jsonschema_rs
from django.conf import settings

settings.configure(USE_I18N=False)
from django import forms  # noqa: E402


class Number(int):
    pass


class Object(dict):
    pass


class Array(list):
    pass


typed = forms.JSONField().clean('"a text"')
values = {"the form's text": typed, "int": Number(3), "dict": Object(a=1), "list": Array([1]), "in a dict": {"a": typed}}
seen = []
for name, value in values.items():
    try:
        fast = jsonschema_rs.Draft202012Validator({"properties": {"a": {"type": ["string", "integer"]}}}).is_valid(value)
    except ValueError as error:
        fast = f"ValueError: {error}"
    seen.append(f"{name}: jsonschema-rs {fast}, jsonschema {jsonschema.Draft202012Validator({}).is_valid(value)}")
print(*seen, sep="\n")
expected = [
    "the form's text: jsonschema-rs ValueError: Unsupported type: 'JSONString', jsonschema True",
    "int: jsonschema-rs ValueError: Unsupported type: 'Number', jsonschema True",
    "dict: jsonschema-rs True, jsonschema True",
    "list: jsonschema-rs True, jsonschema True",
    "in a dict: jsonschema-rs ValueError: Unsupported type: 'JSONString', jsonschema True",
]
sys.exit(seen != expected)
PROGRAM
