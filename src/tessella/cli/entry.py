"""The command line's way in: one app, one place where errors become one line."""

import sys
from typing import Annotated

import typer

from tessella import __version__
from tessella.cli import (
    benchmark_command,
    data_commands,
    export_command,
    figure_commands,
    look_commands,
    model_commands,
    predict_command,
    reproduce_command,
    runs_command,
    serve_command,
    slurm_command,
    sweep_command,
)
from tessella.errors import UsageError
from tessella.rank import this_rank
from tessella.stop import StoppedError

app = typer.Typer(
    help="Give every pixel a class: check data, train, score, predict, report, export and serve.",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _command in model_commands.COMMANDS:
    app.command()(_command)
app.command()(predict_command.predict)
app.command()(figure_commands.figures)
app.command()(export_command.export)
app.command()(serve_command.serve)
app.command()(benchmark_command.benchmark)
app.command()(runs_command.runs)
app.command()(slurm_command.slurm)
app.command()(sweep_command.sweep)
app.command()(reproduce_command.reproduce)
app.command("find-lr")(look_commands.find_lr)
app.add_typer(data_commands.app, name="data")
app.add_typer(look_commands.app, name="model")


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[  # noqa: ARG001 - read in main(), which must know it before anything fails
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"tessella {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what goes wrong with what we were given ends in one clear line."""
    arguments = sys.argv[1:]
    debugging = "--debug" in arguments
    if debugging:  # anywhere in the line
        arguments = ["--debug", *(word for word in arguments if word != "--debug")]
    try:
        app(args=arguments, prog_name="tessella", standalone_mode=True)
    except StoppedError as stopped:
        if this_rank().is_first:
            typer.echo(str(stopped), err=True)
        raise SystemExit(128 + stopped.number) from None
    except KeyboardInterrupt:
        typer.echo("stopped.", err=True)
        raise SystemExit(130) from None
    except (ValueError, OSError, ImportError) as error:
        if debugging:
            raise
        typer.echo(f"error: {_message(error)}", err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None


def _message(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return _not_installed(str(error.name).partition(".")[0])
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return str(error)


# what is not listed belongs to training
_EXTRAS = {
    **dict.fromkeys(("openvino", "nncf"), "openvino"),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "prometheus_client"), "serve"),
    **{library: library for library in ("ray", "mlflow", "wandb")},
    "optuna": "sweep",
}


def _not_installed(library: str) -> str:
    extra = _EXTRAS.get(library, "train")
    if library == "tessella":
        return "this installation of tessella is damaged; install it again."
    other = " A file made by `tessella export` needs none of it." if library == "torch" else ""
    return f"{library} is not installed; this needs: pip install 'tessella[{extra}]'.{other}"
