"""The subcommands of ``python -m sim``, a module each: ``add_parser`` and ``run``."""
