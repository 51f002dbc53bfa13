"""The entry point: runs the command line and turns our own errors into words and exit code 1."""

from __future__ import annotations

import sys


def main() -> None:
    """`ringfence …`"""
    import click

    from ringfence.cli import main as command
    from ringfence.model.errors import RingfenceError

    try:
        command(prog_name="ringfence")
    except RingfenceError as error:
        click.echo(f"ringfence: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"ringfence: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
