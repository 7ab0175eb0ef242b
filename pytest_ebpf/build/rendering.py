"""Jinja: the header of every object, and the bodies that come from templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import meta

from pytest_ebpf.build import lines
from pytest_ebpf.errors import BuildError
from pytest_ebpf.suggest import suggestion

#: The ending of a template that is an object's body: ``template = "xdp_count"`` is ``xdp_count.bpf.c.j2``.
BODY: Final = ".bpf.c.j2"

_UNDEFINED: Final = re.compile(r"'(\w+)' is undefined")


@dataclass(frozen=True)
class Rendered:
    """C *text* with ``#line`` directives, and the template *files* it was made from."""

    text: str
    files: tuple[Path, ...]


class Templates:
    """The folders of templates, the user's before ours, and how they are called in messages."""

    def __init__(self, folders: Sequence[Path], shown: Callable[[Path], str]) -> None:
        self._folders = tuple(folders)
        self._shown = shown
        options: dict[str, Any] = {
            "loader": jinja2.FileSystemLoader([str(folder) for folder in folders]),
            "undefined": jinja2.StrictUndefined,
            "autoescape": False,
            "trim_blocks": True,
            "lstrip_blocks": True,
            "keep_trailing_newline": True,
        }
        self._plain = jinja2.Environment(**options)  # noqa: S701 - C, not HTML
        self._marked = jinja2.Environment(extensions=[lines.LineMarks], **options)  # noqa: S701

    def names(self) -> tuple[str, ...]:
        """The bodies there are, by the name a manifest uses."""
        found = self._plain.list_templates(filter_func=lambda name: name.endswith(BODY))
        return tuple(sorted(name.removesuffix(BODY) for name in found))

    def header(self, context: Mapping[str, Any]) -> str:
        """Render ``ebpf.h``."""
        return self._plain.get_template("ebpf.h.j2").render(context)

    def candidates(self, name: str) -> tuple[Path, ...]:
        """The files that template *name* may come from, up to the one it does come from."""
        paths = [folder / name for folder in self._folders]
        first = next((index for index, path in enumerate(paths) if path.is_file()), len(paths) - 1)
        return tuple(paths[: first + 1])

    def path(self, name: str) -> Path:
        """The file of template *name*, which exists."""
        return self.candidates(name)[-1]

    def body(
        self, name: str, parameters: Mapping[str, Any], context: Mapping[str, Any], *, where: str, source: str
    ) -> Rendered:
        """Render the body *name* with the manifest's *parameters* and what every template is given.

        *where* is the place of the template's name in the manifest, *source* that of its parameters.
        :class:`BuildError` for a template that is not there, is malformed, or does not get what it needs.
        """
        file = name + BODY
        try:
            self._marked.get_template(file)
        except jinja2.TemplateNotFound as error:
            if error.name != file:
                raise self._missing_part(error, file) from error
            raise BuildError(
                f'no such template (seen "{name}")', where=where, hint=suggestion(name, self.names())
            ) from error
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error) from error
        files, wanted = self._look_through(file)
        if wanted is not None:
            _refuse_unknown(name, parameters, wanted - set(context), where=source)
        text = self._render(file, name, {**parameters, **context}, where=source)
        return Rendered(lines.directives(text, lambda part: self._shown(self.path(part))), files)

    def _render(self, file: str, name: str, context: Mapping[str, Any], *, where: str) -> str:
        try:
            return self._marked.get_template(file).render(context)
        except jinja2.TemplateNotFound as error:
            raise self._missing_part(error, file) from error
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error) from error
        except jinja2.UndefinedError as error:
            match = _UNDEFINED.search(str(error))
            if match and match[1] not in context:
                what = f'template "{name}" needs the parameter "{match[1]}"'
                hint = f"add {match[1]} = ... to the object's parameters"
                raise BuildError(what, where=where, hint=hint) from error
            raise self._at(error, file) from error
        except Exception as error:  # whatever an expression of the template raises
            raise self._at(error, file) from error

    def _look_through(self, file: str) -> tuple[tuple[Path, ...], set[str] | None]:
        """The files a template is made of, and the names it reads: None where they are computed."""
        files: dict[Path, None] = {}
        names: set[str] | None = set()
        waiting = [file]
        seen = set(waiting)
        while waiting:
            part = waiting.pop()
            files |= dict.fromkeys(self.candidates(part))
            tree = self._parse(part, file)
            if names is not None:
                names |= meta.find_undeclared_variables(tree)
            for other in meta.find_referenced_templates(tree):
                if other is None:
                    names = None
                elif other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return tuple(files), names

    def _parse(self, part: str, file: str) -> Any:
        try:
            return self._plain.parse(self.path(part).read_text("utf-8"), filename=str(self.path(part)))
        except FileNotFoundError as error:
            raise self._missing_part(jinja2.TemplateNotFound(part), file) from error
        except jinja2.TemplateSyntaxError as error:
            raise self._syntax(error) from error

    def _missing_part(self, error: jinja2.TemplateNotFound, file: str) -> BuildError:
        return BuildError(
            f'includes a template that is not there (seen "{error.name}")',
            where=self._shown(self.path(file)),
            hint="correct the name, or add its folder to build.templates",
        )

    def _syntax(self, error: jinja2.TemplateSyntaxError) -> BuildError:
        path = Path(error.filename) if error.filename else None
        place = f"{self._shown(path)}:{error.lineno}" if path else None
        return BuildError(
            f"template does not parse ({error.message})", where=place, hint="correct the template"
        )

    def _at(self, error: Exception, file: str) -> BuildError:
        """Locate an error of rendering: the last frame of the traceback that lies in a template."""
        place = self._shown(self.path(file))
        trace = error.__traceback__
        while trace:
            name = trace.tb_frame.f_code.co_filename
            if name.endswith(".j2"):
                place = f"{self._shown(Path(name))}:{trace.tb_lineno}"
            trace = trace.tb_next
        return BuildError(f"template does not render ({error})", where=place, hint="correct the template")


def _refuse_unknown(name: str, parameters: Mapping[str, Any], wanted: set[str], *, where: str) -> None:
    for parameter in parameters:
        if parameter not in wanted:
            what = f'template "{name}" has no parameter "{parameter}"'
            raise BuildError(what, where=where, hint=suggestion(parameter, wanted) or "remove it")
