"""The subcommands of ``python -m sim``, one module each, with ``add_parser`` and ``run``."""
