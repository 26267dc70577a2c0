"""The errors of the commands."""

from __future__ import annotations


class UnsafeOperationError(Exception):
    """The command would do harm in the current situation; the message says what to do first."""


class UnfinishedError(Exception):
    """Something is left that could not be done; the message says what, and how to continue."""
