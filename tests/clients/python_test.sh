#!/bin/sh
# Runs python/minimal.py, which the README quotes, as its readers would.
set -eu
minimal=$(dirname "$0")/python/minimal.py
if REEVE_SOCKET=/nowhere python3 "$minimal" 2>/dev/null; then
  echo "FAILED: minimal.py succeeds without a reeved"
  exit 1
fi
output=$(python3 "$minimal")
echo "$output"
expect() {  # expect WHAT PATTERN…: one of which is a whole line
  what=$1
  shift
  for pattern in "$@"; do if echo "$output" | grep -qx "$pattern"; then return; fi; done
  echo "FAILED: minimal.py does not tell $what"
  exit 1
}
expect "where its worker is" "sleeper active in /.*/run-[0-9a-f]\{32\}/worker-sleeper"
expect "how its worker ended" "{'cause': 'signaled', 'signal': 'SIGTERM', 'reaped': True, .*}" \
  "{'cause': 'unknown', 'reaped': True, .*}"  # before Linux 6.15
