"""Meters: online folds over the steps of one stream."""
