"""The Python of the page "write your own store", run."""

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "own-store.md"

names: dict[str, Any] = {"__name__": __name__}
for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
    exec(compile(block, str(PAGE), "exec"), names)

MappingStore: Any = names["MappingStore"]
