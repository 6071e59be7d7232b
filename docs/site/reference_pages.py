"""Write the pages that come from the code: one for each command, from its options, and one for the library."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

import vosbench
from vosbench.cli import COMMANDS, load_commands
from vosbench.cli.guide import read_examples

GLOBAL_OPTIONS = "Options of every command"


def write_command_pages(folder: Path) -> str:
    """Write `commands/<name>.md` for each command; returns what the page of all commands says of them."""
    group = typer.main.get_command(load_commands())
    (folder / "commands").mkdir()
    rows = ["| command | does |", "|---|---|"]
    for name in COMMANDS:
        command = group.commands[name]  # type: ignore[attr-defined]
        (folder / "commands" / f"{name}.md").write_text(format_command(name, command), encoding="utf-8")
        rows.append(f"| [`vosbench {name}`](commands/{name}.md) | {escape(command.get_short_help_str(200))} |")
    tree = ["```{toctree}", ":hidden:", "", *(f"commands/{name}" for name in COMMANDS), "```"]
    return "\n".join([*rows, "", *format_options(GLOBAL_OPTIONS, group.params), "", *tree])


def format_command(name: str, command: Any) -> str:
    """The page of a command: what it does, how it is called, its examples and its options."""
    words = [f"vosbench {name}", "[OPTIONS]", *(p.make_metavar(typer.Context(command)) for p in arguments_of(command))]
    lines = [f"# vosbench {name}", "", escape(inspect.cleandoc(command.help or "")), ""]
    lines += ["```text", " ".join(words), "```", ""]
    if examples := read_examples().get(name):
        lines += ["## Examples", "", "```sh"]
        lines += [line for purpose, text in examples for line in (f"# {purpose}", f"vosbench {text}")]
        lines += ["```", ""]
    groups: dict[str, list[Any]] = {}
    for parameter in command.params:
        plain = "Arguments" if parameter in arguments_of(command) else "Options"
        groups.setdefault(parameter.rich_help_panel or plain, []).append(parameter)
    for title, parameters in sorted(groups.items(), key=lambda group: group[0] != "Arguments"):
        lines += [*format_options(title, parameters), ""]
    lines += [
        f"The [options of every command](../commands.md#{GLOBAL_OPTIONS.lower().replace(' ', '-')}) work here too."
    ]
    return "\n".join(lines) + "\n"


def arguments_of(command: Any) -> list[Any]:
    """The parameters of a command that are given by their position."""
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]


def format_options(title: str, parameters: Sequence[Any]) -> list[str]:
    """A table of a group of parameters."""
    rows = [format_option(parameter) for parameter in parameters if not getattr(parameter, "hidden", False)]
    return [f"## {title}", "", "| | |", "|---|---|", *rows]


def format_option(parameter: Any) -> str:
    """The row of a parameter: its names and its value, what it means, and what it is when it is not given."""
    record = parameter.get_help_record(typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None))))
    names, text = record or (parameter.human_readable_name, parameter.help or "")
    return f"| {' '.join(f'`{part}`' for part in names.split(', '))} | {escape(text)} |".replace("\n", " ")


def escape(text: str) -> str:
    """Plain text of a help, in which only backticks have a meaning, as Markdown for a cell of a table."""
    pieces = text.split("`")
    for index in range(0, len(pieces), 2):
        for sign in r"\*_<>[]":
            pieces[index] = pieces[index].replace(sign, f"\\{sign}")
    return "`".join(pieces).replace("|", "\\|")


def format_library() -> str:
    """The directives that describe every public name of the library: functions first, then types."""
    functions, types = [], []
    for name in vosbench.__all__:
        if callable(value := getattr(vosbench, name)):
            (types if inspect.isclass(value) else functions).append(name)
    lines = list(describe_names("Functions", "autofunction", functions))
    return "\n".join([*lines, "", *describe_names("Types", "autoclass", types)])


def describe_names(title: str, directive: str, names: Sequence[str]) -> Iterator[str]:
    """A section of the library's page."""
    yield from (f"## {title}", "")
    for name in names:
        yield from (f"### {name}", "", "```{eval-rst}", f".. {directive}:: vosbench.{name}", "```", "")


def convert_docstring(
    app: object, kind: str, name: str, thing: object, options: Mapping[str, object], lines: list[str]
) -> None:
    """Turn a docstring, which is plain text with `code`, into what Sphinx reads."""
    pieces = "\n".join(lines).split("`")
    for index, piece in enumerate(pieces):
        if not index % 2:
            for sign in r"\*_|":
                piece = piece.replace(sign, f"\\{sign}")
        pieces[index] = piece
    lines[:] = "``".join(pieces).splitlines()
