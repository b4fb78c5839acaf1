#!/bin/sh
# readme_test.sh README PROGRAM: the README shows the program exactly as it stands.
set -eu
shown=$(awk '/^```python$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$1")
[ "$shown" = "$(cat "$2")" ] && exit 0
echo "the Python program in $1 is not $2"
exit 1
