"""Disable Hypothesis' deadlines: properties must hold on a busy machine too."""

from hypothesis import settings

settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")
