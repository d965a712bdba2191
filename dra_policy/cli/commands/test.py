import click


@click.command()
def test() -> None:
    "x"
