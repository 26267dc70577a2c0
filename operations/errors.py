"""Why a command did not do its work."""

from __future__ import annotations


class UnsafeOperationError(Exception):
    """It would do harm in the current situation; the message says what to do first."""


class UnfinishedError(Exception):
    """It did what it could, but something is left; the message says what, and how to continue."""
