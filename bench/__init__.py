"""Speed and memory beside other tools, measured side by side in one run: `python -m bench`."""
