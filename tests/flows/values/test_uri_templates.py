"""URI templates: what is taken is matched by the SDK, and what cannot be read back is refused."""

import pytest
from mcp.shared.uri_template import UriTemplate

from flows.values.uri_templates import TemplateError, variables_of


class TestTemplates:
    @pytest.mark.parametrize(
        ("template", "names", "uri", "values"),
        [
            ("order:{id}", ["id"], "order:a%20b", {"id": "a b"}),
            ("x://{host}/files/{+path}", ["host", "path"], "x://h/files/a/b", {"host": "h", "path": "a/b"}),
            ("x:a{/b}{.c}", ["b", "c"], "x:a/1.2", {"b": "1", "c": "2"}),
            ("x:{a,b}{?c,d}{&e}", ["a", "b", "c", "d", "e"], "x:1,2?d=3", {"a": "1", "b": "2", "d": "3"}),
        ],
    )
    def test_what_is_taken_is_matched_by_the_sdk(
        self, template: str, names: list[str], uri: str, values: dict[str, str]
    ) -> None:
        found = variables_of(template)
        parsed = UriTemplate.parse(template)
        assert [variable.name for variable in found] == names == parsed.variable_names
        assert {each.name for each in found if each.is_optional} == parsed.query_variable_names
        assert parsed.match(uri) == values

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{scheme}:x", "begin with a scheme that stands fixed"),
            ("x:{a", "has a brace without its other half"),
            ("x:a}", "has a brace without its other half"),
            ("x:{}", "'{}' is no variable that can be read back"),
            ("x:{a*}", "'{a*}' is no variable that can be read back"),
            ("x:{a:3}", "'{a:3}' is no variable that can be read back"),
            ("x:{#a}", "'{#a}' is no variable that can be read back"),
            ("x:{a b}", "has a blank"),
            ("x:{a}{b}", "has nothing between two variables at '{a}{b}'"),
            ("x:{a}/{a}", "names 'a' twice"),
            ("x:{+a}/{+b}", "has more than one {+name}"),
            ("x:{?a}/b", "write the variables of a query once, at the end"),
            ("x:{&a}", "write the variables of a query once, at the end"),
            ("x:a?b=1{?c}", "has a ? or # before {?...}"),
            ("x:" + "".join(f"/{{v{number}}}" for number in range(21)), "has 21 variables; 20 are allowed"),
            ("x:" + "a" * 3000 + "{b}", "has 3,005 characters; 2,000 are allowed"),
        ],
    )
    def test_what_cannot_be_read_back_is_refused(self, template: str, message: str) -> None:
        with pytest.raises(TemplateError) as caught:
            variables_of(template)
        assert str(caught.value).startswith(message)
