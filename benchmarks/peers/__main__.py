"""`python -m benchmarks.peers`."""

from benchmarks import peers
from benchmarks.measuring import main

if __name__ == "__main__":
    main(peers)
