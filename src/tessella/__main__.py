"""`python -m tessella` is `tessella`."""

from tessella.cli import main

main()
