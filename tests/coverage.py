"""coverage.py ROOT LEAST FOLDER...: reads gcov's JSON, one object a line, from standard input, and
prints how many lines of each folder were run; fails where a folder has less than LEAST per cent."""

import json
import os
import sys

root, least, folders = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
ran = {}  # (file, line) -> whether any unit ran it
for text in sys.stdin:
    unit = json.loads(text)
    for file in unit["files"]:
        path = os.path.normpath(os.path.join(unit["current_working_directory"], file["file"]))
        name = os.path.relpath(path, root)
        for line in file["lines"]:
            key = (name, line["line_number"])
            ran[key] = ran.get(key, False) or line["count"] > 0

enough = True
for folder in folders:
    lines = [covered for (name, _), covered in ran.items() if name.startswith(folder + "/")]
    if not lines:
        sys.exit(f"{folder}: no line was compiled")
    share = 100 * sum(lines) / len(lines)
    enough = enough and share >= least
    print(f"{folder:12} {sum(lines):6} of {len(lines):6} lines  {share:5.1f} %")
sys.exit(0 if enough else f"less than {least:g} %")
