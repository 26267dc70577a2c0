"""Why a command did not do what it was asked to."""

from __future__ import annotations


class UnsafeOperationError(Exception):
    """It would do harm as things are; the message says what to do first."""


class UnfinishedError(Exception):
    """It did what it could, and something is left; the message says what, and how to go on."""
