"""Launches in each loop of an entry: count_launches.py ENTRY < text of the exec stage."""
import re
import sys

counts, depth, inside = [], 0, False
for line in sys.stdin:
    if line.startswith("entry "):
        inside = line.split()[1] == sys.argv[1]
    elif inside and re.match(r"\s+\d+ +loop ", line):
        depth += 1
        counts.append(0)
    elif inside and re.match(r"\s+\d+ +end of ", line):
        depth -= 1
    elif inside and depth and re.match(r"\s+\d+ +(launch|copy) ", line):
        counts[-1] += 1
print("loops:", *counts)
