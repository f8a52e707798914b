"""What has to be fast, measured: `python -m tests.bench`. Figures are printed, never a test."""
