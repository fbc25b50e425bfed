"""How commands show themselves in `--help`, and how a mistake in what was typed is told."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup, TyperOption

# typer does not give its name away, only that of its best known kind.
UsageError: Any = typer.BadParameter.__mro__[1]
_RENAMED = {"models": "programs"}
_LONGEST = 300  # characters of a line
_NARROW = 66  # columns of a terminal below which what an option does stands under its name


class Command(TyperCommand):
    """A command whose `--help` has two columns: typer's own has six, and leaves little room for what options do."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _flags_shown(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        console = Console(highlight=False, emoji=False)
        console.print(Padding(Text.assemble(("Usage: ", "yellow"), self.get_usage(ctx).removeprefix("Usage: ")), (1, 1, 0, 1)))
        console.print(Padding(Markdown(self.help or ""), 1))
        panels: dict[str, list[Any]] = {}
        for one in self.get_params(ctx):
            default = "Options" if isinstance(one, TyperOption) else "Arguments"
            if not getattr(one, "hidden", False):
                panels.setdefault(getattr(one, "rich_help_panel", None) or default, []).append(one)
        for title, ones in panels.items():
            rows = [_row(one, ctx) for one in ones]
            console.print(Panel(_columns(rows, console.width), title=title, title_align="left", border_style="dim"))


class CommandGroup(TyperGroup):
    """A group of commands. A name that one had before is answered with the new one."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _flags_shown(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in _RENAMED:
            ctx.fail(f"`{ctx.info_name} {args[0]}` is now `{ctx.info_name} {_RENAMED[args[0]]}`.")
        return super().resolve_command(ctx, args)


def _flags_shown(parameters: list[Any]) -> list[Any]:
    """typer itself writes <bool> beside flags."""
    for one in parameters:
        if isinstance(one, TyperOption) and one.is_flag:
            one.metavar = ""
    return parameters


def _row(one: Any, ctx: Any) -> tuple[Text, RenderableType]:
    """An option or argument, and what it does."""
    name, does = one.get_help_record(ctx)
    shown = Text(name.strip() if isinstance(one, TyperOption) else name.partition(" ")[0])
    shown.highlight_regex(r"(?<![\w-])-[\w-]+", "bold cyan")
    return shown, Markdown(does)


def _columns(rows: list[tuple[Text, RenderableType]], width: int) -> RenderableType:
    if width < _NARROW:
        return Group(*(part for name, does in rows for part in (name, Padding(does, (0, 0, 0, 4)))))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(max_width=24)
    table.add_column(ratio=1)
    for row in rows:
        table.add_row(*row)
    return table


def told(error: Any) -> str:
    """A UsageError as a line: what was wrong, and where to look; empty where the help was shown already."""
    near = getattr(error, "possibilities", None)
    text = " ".join(error.message.split()) if near else " ".join(error.format_message().replace("Value error, ", "").split())
    if not text:
        return ""
    text = text.removesuffix(".") + (f". Did you mean {near[0]}?" if near else "" if text.endswith("?") else ".")
    command = error.ctx.command_path if error.ctx is not None else "watchword"
    hint = f" Try `{command} --help`."
    most = _LONGEST - len("watchword: ") - len(hint)
    return (text if len(text) <= most else text[: most - 1] + "…") + hint
