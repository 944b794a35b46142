"""``bongsu dashboards …``, also ``python -m dashboards …``: write what is committed, or say what of it is stale.

The SDK is imported in the commands: it takes time that ``bongsu``'s others need not pay.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The dashboards' JSON and their Kubernetes objects.", no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Option(help="Where json/ and manifests/ are.")]
HERE = Path(__file__).parent


@app.command()
def build(folder: Folder = HERE) -> None:
    """Write JSON and manifests from the code and the rules."""
    from dashboards import rules
    from dashboards.build import files, write

    write(folder, files(rules.FOLDER))


@app.command()
def check(folder: Folder = HERE) -> None:
    """Name each file that `build` would change; exit 1 when there is one."""
    from dashboards import rules
    from dashboards.build import files, stale

    late = stale(folder, files(rules.FOLDER))
    for name in late:
        sys.stderr.write(f"{folder / name}: not current, run `bongsu dashboards build`\n")
    if late:
        raise typer.Exit(1)
