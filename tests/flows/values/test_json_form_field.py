"""The form field for JSON: what an empty field means, and what is refused."""

import pytest
from django.core.exceptions import ValidationError

from flows.values.json_form_field import JsonFormField


def test_an_empty_field_is_nothing_or_an_empty_object_where_one_is_asked_for() -> None:
    assert JsonFormField(required=False).clean(" ") is None
    field = JsonFormField(required=False, is_object=True)
    assert (field.clean(" "), field.clean("{}"), field.clean('{"a": [1]}')) == ({}, {}, {"a": [1]})
    assert (field.prepare_value({}), field.prepare_value({"a": 1})) == ("", '{\n  "a": 1\n}')
    assert field.has_changed({}, "") is False


@pytest.mark.parametrize("text", ["[]", "null", "1", '"a"'])
def test_what_is_no_object_is_refused_where_one_is_asked_for(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        JsonFormField(is_object=True).clean(text)
    assert refused.value.messages == ['Write a JSON object, {"name": ...}.']
