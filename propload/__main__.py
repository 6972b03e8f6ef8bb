"""The command line: `propload`, and `python -m propload`."""

import gc

from propload.process.allocators import return_memory_soon
from propload.process.early_signals import handle_signals, ignore_signals
from propload.process_title import hide_passwords


def main() -> None:
    """Run the command line and end the process with its exit code."""
    handle_signals()
    hide_passwords()
    return_memory_soon()
    try:
        from propload.cli import main as run  # noqa: PLC0415 - slow to import

        run()
    finally:
        ignore_signals()
        # without this, garbage collections at shutdown take a fifth of a short
        # command's time
        gc.freeze()


if __name__ == "__main__":
    main()
