"""The command line: parse, import late, call one function, print."""

from tessella.cli.entry import main as main
