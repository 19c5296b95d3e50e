"""Sessions of earlier configurations: find them, and move them into the current one."""
