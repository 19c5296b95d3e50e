"""What Gingersnap costs, beside its peers. ``python benches/run.py`` measures; ``README.md`` tells what and how."""
