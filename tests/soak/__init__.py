"""Real processes in real time: what no test may wait for. Run as `python -m tests.soak`."""
