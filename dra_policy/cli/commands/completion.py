"""`dra-policy completion`: the script that a shell evaluates."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash   eval "$(dra-policy completion bash)"     in ~/.bashrc
    zsh    eval "$(dra-policy completion zsh)"      in ~/.zshrc
    fish   dra-policy completion fish > ~/.config/fish/completions/dra-policy.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "the choices above are shells that click knows"
    script = kind(ctx.find_root().command, {}, "dra-policy", "_DRA_POLICY_COMPLETE")
    # The base class's text: bash's own starts a bash to ask for its version, and the script may be for another machine.
    click.echo(ShellComplete.source(script))
