"""The command line: `propload`, and `python -m propload`."""

from propload.process_title import hide_passwords
from propload.starting import listen, listen_no_more


def main() -> None:
    """Run the command line and end the process with its exit code."""
    listen()
    hide_passwords()
    try:
        from propload.cli import main as run  # noqa: PLC0415 - what takes a while

        run()
    finally:
        listen_no_more()


if __name__ == "__main__":
    main()
