"""Turns the sources into something that can be deployed."""
