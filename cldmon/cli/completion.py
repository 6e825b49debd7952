"""`cldmon completion`: print a completion script."""

from __future__ import annotations

from importlib import resources

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell: commands, options, accounts, ranges, Slack ids.

    \b
    bash  cldmon completion bash \\
            > ~/.local/share/bash-completion/completions/cldmon
    zsh   cldmon completion zsh > DIR/_cldmon   (DIR is one of $fpath)
    fish  cldmon completion fish > ~/.config/fish/completions/cldmon.fish

    Packages install them below PREFIX/share, where shells find them.
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """Return a shell's completion script."""
    folder = resources.files("cldmon.cli").joinpath("completions")
    return folder.joinpath(f"cldmon.{shell}").read_text("utf-8")
