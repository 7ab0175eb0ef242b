"""Rendered C knows which line of which template each of its lines came from."""

from __future__ import annotations

from textwrap import dedent

import jinja2
import pytest

from pytest_ebpf.build.lines import LineMarks, directives


def render(templates: dict[str, str], **parameters: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({name: dedent(text) for name, text in templates.items()}),
        extensions=[LineMarks],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return directives(environment.get_template("a").render(parameters), lambda name: f"templates/{name}.j2")


def test_text_without_jumps_needs_one_directive() -> None:
    assert render({"a": "int x;\nint y;\n"}) == '#line 1 "templates/a.j2"\nint x;\nint y;\n'


def test_a_loop_jumps_back() -> None:
    template = """\
        {% for port in ports %}
        case {{ port }}:
            break;
        {% endfor %}
        done;
        """
    assert render({"a": template}, ports=[1, 2]) == dedent(
        """\
        #line 2 "templates/a.j2"
        case 1:
            break;
        #line 2 "templates/a.j2"
        case 2:
            break;
        #line 5 "templates/a.j2"
        done;
        """
    )


def test_comments_and_branches_of_the_template_are_skipped() -> None:
    template = "{# two\n   lines #}\nint x;\n{% if no %}\nint y;\n{% endif %}\nint z = {{ z }};\n"
    assert render({"a": template}, no=False, z=3) == dedent(
        """\
        #line 3 "templates/a.j2"
        int x;
        #line 7 "templates/a.j2"
        int z = 3;
        """
    )


def test_included_lines_name_their_own_template() -> None:
    templates = {"a": 'int x;\n{% include "b" %}\nint z;\n', "b": "\nint y;\n"}
    assert render(templates) == dedent(
        """\
        #line 1 "templates/a.j2"
        int x;

        #line 2 "templates/b.j2"
        int y;
        #line 3 "templates/a.j2"
        int z;
        """
    )


def test_macros_name_the_line_of_the_macro() -> None:
    template = "{% macro two() %}\nint a;\nint b;\n{% endmacro %}\n{{ two() }}\nint c;\n"
    assert render({"a": template}) == dedent(
        """\
        #line 2 "templates/a.j2"
        int a;
        int b;

        #line 6 "templates/a.j2"
        int c;
        """
    )


def test_no_directive_inside_a_macro_of_c() -> None:
    template = (
        "#define M(x) \\\n{% for each in [1, 2] %}\n    x({{ each }}); \\\n{% endfor %}\n    end\nint x;\n"
    )
    assert render({"a": template}) == dedent(
        """\
        #line 1 "templates/a.j2"
        #define M(x) \\
            x(1); \\
            x(2); \\
            end
        #line 6 "templates/a.j2"
        int x;
        """
    )


@pytest.mark.parametrize("quoted", ['"/*"', "'/*'", "// /*"])
def test_no_directive_inside_a_comment_of_c(quoted: str) -> None:
    template = f"x = {quoted};\n/* {{% for each in [1, 2, 3] %}}\nlist\n{{% endfor %}} */\nint y;\n"
    rendered = render({"a": template})
    comment = rendered[rendered.index("\n/* ") :]
    assert "#line" not in comment[: comment.index("*/")]
    assert rendered.endswith('#line 5 "templates/a.j2"\nint y;\n')


def test_a_filter_that_indents_does_not_hide_the_line() -> None:
    template = "{% filter indent(4, true) %}\nint x;\n{% endfilter %}\n\nint y;\n"
    rendered = render({"a": template})
    assert '#line 2 "templates/a.j2"\n    int x;\n' in rendered
    assert rendered.endswith("int y;\n")


def test_a_path_is_quoted_for_c() -> None:
    marked = "\x02a\x1f1\x03int x;"
    assert directives(marked, lambda name: 'odd"\\name') == '#line 1 "odd\\"\\\\name"\nint x;'
