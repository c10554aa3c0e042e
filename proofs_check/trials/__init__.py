"""Statements tested on simulated runs in which every assumption holds."""
