#!/bin/sh
# Runs python/minimal.py, which the README quotes, as its readers would: python_test.sh REEVED
# REEVECTL. Uses a throw-away cgroup and directory, and leaves neither. 77: cannot be tested here.
set -eu
[ $# -eq 2 ] || { echo "usage: python_test.sh REEVED REEVECTL" >&2; exit 2; }
reeved=${REEVED:-$1} reevectl=${REEVECTL:-$2} minimal=$(dirname "$0")/python/minimal.py
mount=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup2") { print $5; exit } }' \
            /proc/self/mountinfo)
[ "$(id -u)" -eq 0 ] || { echo "needs root, to make cgroups"; exit 77; }
[ -n "$mount" ] || { echo "needs a cgroup2 mount"; exit 77; }
command -v python3 >/dev/null || { echo "needs python3"; exit 77; }
root=/reeve-python-test-$$ tree=$mount/reeve-python-test-$$ dir=''

fail() {
  echo "FAILED: $1"
  for file in log output; do [ ! -s "$dir/$file" ] || { echo "$file:"; cat "$dir/$file"; }; done
  exit 1
}
soon() {  # soon COMMAND…: again and again until it succeeds, for some time
  deadline=$(($(date +%s) + ${REEVE_TEST_PATIENCE:-15}))
  until "$@"; do [ "$(date +%s)" -lt "$deadline" ] || return 1; sleep 0.01; done
}
answering() { "$reevectl" status >/dev/null 2>&1; }
no_runs() { [ -z "$("$reevectl" runs --no-legend)" ]; }
no_processes() { ! grep -qsz "^REEVE_SOCKET=$dir/" /proc/[0-9]*/environ; }
ended() { grep -qs '^State:.Z' "/proc/$1/status" || [ ! -e "/proc/$1" ]; }
emptied() { find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -e "$tree" ]; }
cleanup() {
  status=$?
  [ -n "$dir" ] || exit "$status"
  set +e
  trap '' HUP INT PIPE TERM
  children=''
  read -r children <"/proc/$$/task/$$/children"  # reeved, and what was interrupted
  for child in $children; do kill "$child" 2>/dev/null; done
  for child in $children; do
    soon ended "$child" || { echo "FAILED: does not end: $child"; kill -KILL "$child"; status=1; }
    wait "$child" 2>/dev/null
  done
  [ ! -e "$tree/cgroup.kill" ] || echo 1 >"$tree/cgroup.kill"
  soon emptied || { echo "FAILED: left behind: $tree"; status=1; }
  unset REEVE_SOCKET
  soon no_processes || { echo "FAILED: left processes behind"; status=1; }
  rm -rf "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
dir=$(mktemp -d)
export REEVE_SOCKET="$dir/socket"
unset REEVE_RUN_ID

if python3 "$minimal" >"$dir/output" 2>&1; then fail "minimal.py succeeds without a reeved"; fi

"$reeved" --root "$root" --socket "$REEVE_SOCKET" >"$dir/log" 2>&1 &
soon answering || fail "reeved does not start"
python3 "$minimal" >"$dir/output" 2>&1 || fail "minimal.py: exit status $?"
[ "$(wc -l <"$dir/output")" -eq 2 ] || fail "minimal.py: not two lines"
grep -qx "sleeper active in $root/run-[0-9a-f]\{32\}/worker-sleeper" "$dir/output" ||
  fail "minimal.py does not tell where its worker is"
grep -q "^{'cause': 'signaled', 'signal': 'SIGTERM', 'reaped': True, " "$dir/output" ||
  grep -q "^{'cause': 'unknown', 'reaped': True, " "$dir/output" ||  # before Linux 6.15
  fail "minimal.py does not tell how its worker ended"
soon no_runs || fail "its run does not end with it"
[ -z "$(find "$tree" -mindepth 1 -type d)" ] || fail "reeved keeps cgroups of a run that ended"
echo "ok: minimal.py"
