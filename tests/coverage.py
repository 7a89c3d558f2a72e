"""coverage.py ROOT MISSED LEAST FOLDER...: reads gcov's JSON, one object a line, from standard input,
writes the lines that no unit ran to the file MISSED, and prints how many of each folder's were run;
fails where a folder has less than LEAST per cent."""

import json
import os
import sys

root, missed, least, folders = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4:]
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
with open(missed, "w", encoding="utf-8") as out:
    for folder in folders:
        lines = sorted((key, was) for key, was in ran.items() if key[0].startswith(folder + "/"))
        if not lines:
            sys.exit(f"{folder}: no line was compiled")
        out.writelines(f"{name}:{line}\n" for (name, line), was in lines if not was)
        count = sum(was for _, was in lines)
        share = 100 * count / len(lines)
        enough = enough and share >= least
        print(f"{folder:12} {count:6} of {len(lines):6} lines  {share:5.1f} %")
sys.exit(0 if enough else f"less than {least:g} %")
