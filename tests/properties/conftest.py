"""What holds of any input holds on a busy machine too: no example has a deadline."""

from hypothesis import settings

settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")
